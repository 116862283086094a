// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Essentials
internal import Glibc

/// Receives many datagrams in one call, and sends the answers in one call.
///
/// All memory is laid out once. The control bytes of a datagram, which say at which local address
/// it arrived, go back with its answer, so that a wildcard socket answers from the right address.
@safe public struct DatagramBatch: ~Copyable {
    static let controlSize = 64

    /// The most datagrams received at once.
    public let capacity: Int
    let inputSize: Int
    let outputSize: Int
    let input: UnsafeMutablePointer<UInt8>
    let output: UnsafeMutablePointer<UInt8>
    let control: UnsafeMutablePointer<UInt8>
    let addresses: UnsafeMutablePointer<sockaddr_storage>
    let parts: UnsafeMutablePointer<iovec>
    let received: UnsafeMutablePointer<mt_mmsghdr>
    let replies: UnsafeMutablePointer<mt_mmsghdr>
    var receivedCount = 0
    var dirtyCount: Int
    var replyCount = 0
    var bundled: BundledMessages
    /// Answers that left with others in one message, of those sent last.
    public internal(set) var bundledCount = 0

    /// Room for `capacity` datagrams of up to `inputSize` bytes and answers of up to `outputSize`.
    public init(capacity: Int, inputSize: Int, outputSize: Int) {
        self.capacity = max(capacity, 1)
        self.inputSize = max(inputSize, 1)
        self.outputSize = max(outputSize, 1)
        let count = self.capacity
        dirtyCount = count
        bundled = BundledMessages(capacity: count)
        unsafe input = .allocate(capacity: count * self.inputSize)
        unsafe output = .allocate(capacity: count * self.outputSize)
        unsafe control = .allocate(capacity: count * DatagramBatch.controlSize)
        unsafe addresses = .allocate(capacity: count)
        unsafe parts = .allocate(capacity: count * 2)
        unsafe received = .allocate(capacity: count)
        unsafe replies = .allocate(capacity: count)
        unsafe addresses.initialize(repeating: sockaddr_storage(), count: count)
        unsafe control.initialize(repeating: 0, count: count * DatagramBatch.controlSize)
        unsafe received.initialize(repeating: mt_mmsghdr(), count: count)
        unsafe replies.initialize(repeating: mt_mmsghdr(), count: count)
        for index in 0..<count {
            let from = unsafe iovec(
                iov_base: input + index * self.inputSize,
                iov_len: self.inputSize
            )
            unsafe (parts + index).initialize(to: from)
            unsafe (parts + count + index).initialize(to: iovec())
            unsafe received[index].msg_hdr.msg_name = UnsafeMutableRawPointer(addresses + index)
            unsafe received[index].msg_hdr.msg_iov = parts + index
            unsafe received[index].msg_hdr.msg_iovlen = 1
            unsafe received[index].msg_hdr.msg_control = UnsafeMutableRawPointer(
                control + index * DatagramBatch.controlSize
            )
        }
    }

    deinit {
        unsafe input.deallocate()
        unsafe output.deallocate()
        unsafe control.deallocate()
        unsafe addresses.deallocate()
        unsafe parts.deallocate()
        unsafe received.deallocate()
        unsafe replies.deallocate()
    }

    /// Takes what is waiting, up to ``capacity``; forgets the previous batch.
    public mutating func receive(_ fd: FileDescriptor) -> IOResult {
        // Only headers that the last batch overwrote need their lengths back.
        for index in 0..<dirtyCount { prepare(index) }
        replyCount = 0
        bundledCount = 0
        let result = unsafe mt_recvmmsg(fd.raw, received, UInt32(capacity))
        receivedCount = max(result, 0)
        dirtyCount = receivedCount
        return IOResult(result, zeroIsEnd: false)
    }

    private func prepare(_ index: Int) {
        unsafe received[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_storage>.size)
        unsafe received[index].msg_hdr.msg_controllen = DatagramBatch.controlSize
    }

    /// Datagrams received last.
    public var count: Int { receivedCount }

    /// The bytes of a received datagram; empty for an index out of range.
    @_lifetime(borrow self)
    public func bytes(_ index: Int) -> Span<UInt8> {
        guard index >= 0, index < receivedCount else { return Span() }
        let length = unsafe min(Int(received[index].msg_len), inputSize)
        let span = unsafe Span(_unsafeStart: input + index * inputSize, count: length)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// True when the datagram was longer than the room for it.
    public func isCut(_ index: Int) -> Bool {
        guard index >= 0, index < receivedCount else { return false }
        return unsafe received[index].msg_hdr.msg_flags & Int32(MSG_TRUNC) != 0
    }

    /// Where a datagram came from; nil for an index out of range.
    public func source(_ index: Int) -> SocketAddress? {
        guard index >= 0, index < receivedCount else { return nil }
        return unsafe SocketAddress(kernelForm: addresses + index)
    }

    /// Writes the answer to a datagram; when `body` writes nothing, none is sent.
    @inline(__always)
    public mutating func reply(
        _ index: Int,
        _ body: (Span<UInt8>, inout OutputSpan<UInt8>) -> Void
    ) {
        guard index >= 0, index < receivedCount, replyCount < capacity else { return }
        let start = unsafe output + replyCount * outputSize
        let buffer = unsafe UnsafeMutableBufferPointer(start: start, count: outputSize)
        var writer = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        body(bytes(index), &writer)
        let length = unsafe writer.finalize(for: buffer)
        guard length > 0 else { return }
        unsafe parts[capacity + replyCount].iov_base = UnsafeMutableRawPointer(start)
        unsafe parts[capacity + replyCount].iov_len = length
        let source = unsafe received[index].msg_hdr
        var header = unsafe msghdr()
        unsafe header.msg_name = unsafe source.msg_name
        unsafe header.msg_namelen = unsafe source.msg_namelen
        unsafe header.msg_iov = unsafe parts + capacity + replyCount
        unsafe header.msg_iovlen = 1
        if unsafe source.msg_controllen > 0 {
            unsafe header.msg_control = unsafe source.msg_control
            unsafe header.msg_controllen = unsafe source.msg_controllen
        }
        unsafe replies[replyCount].msg_hdr = unsafe header
        replyCount += 1
    }

    /// Sends the answers written since the last receive; the number that the kernel took.
    ///
    /// What it does not take is dropped: the asker will ask again, and waiting would harm others.
    public mutating func send(_ fd: FileDescriptor) -> IOResult {
        guard replyCount > 0 else { return .count(0) }
        var place = 0
        var sent = 0
        while place < replyCount {
            let result = unsafe mt_sendmmsg(fd.raw, replies + place, UInt32(replyCount - place))
            if result > 0 {
                place += result
                sent += result
            } else if place + 1 < replyCount, result != -Int(EAGAIN) {
                place += 1  // one bad destination must not hold up the rest
            } else {
                break
            }
        }
        replyCount = 0
        return .count(sent)
    }
}
