// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Essentials
internal import Glibc

/// The messages in which the answers of a batch leave by ``DatagramBundles``.
@safe struct BundledMessages: ~Copyable {
    private static let controlSize = DatagramBatch.controlSize + Int(mt_segment_control_size)

    var plan: DatagramBundles
    let messages: UnsafeMutablePointer<mt_mmsghdr>
    private let parts: UnsafeMutablePointer<iovec>
    private let control: UnsafeMutablePointer<UInt8>

    init(capacity: Int) {
        plan = DatagramBundles(capacity: capacity)
        unsafe messages = .allocate(capacity: capacity)
        unsafe parts = .allocate(capacity: capacity)
        unsafe control = .allocate(capacity: capacity * BundledMessages.controlSize)
        unsafe messages.initialize(repeating: mt_mmsghdr(), count: capacity)
        unsafe parts.initialize(repeating: iovec(), count: capacity)
        unsafe control.initialize(repeating: 0, count: capacity * BundledMessages.controlSize)
    }

    deinit {
        unsafe messages.deallocate()
        unsafe parts.deallocate()
        unsafe control.deallocate()
    }

    /// Decides what leaves together of answers that have been written.
    mutating func decide(_ replies: UnsafeMutablePointer<mt_mmsghdr>, count: Int, limit: Int) {
        plan.begin()
        for answer in 0..<count {
            let header = unsafe replies[answer].msg_hdr
            // Family, port, and the address of IPv4.
            let mark = unsafe header.msg_name.loadUnaligned(as: UInt64.self)
            let length = unsafe header.msg_iov.pointee.iov_len
            plan.add(length: length, limit: limit, mark: mark) { other in
                unsafe BundledMessages.isSameWay(replies[other].msg_hdr, header)
            }
        }
    }

    /// True when two answers go to one port of one address, from one address.
    private static func isSameWay(_ a: msghdr, _ b: msghdr) -> Bool {
        guard unsafe a.msg_namelen == b.msg_namelen, unsafe a.msg_controllen == b.msg_controllen,
            unsafe memcmp(a.msg_name, b.msg_name, Int(a.msg_namelen)) == 0
        else { return false }
        guard unsafe a.msg_controllen > 0 else { return true }
        return unsafe memcmp(a.msg_control, b.msg_control, a.msg_controllen) == 0
    }

    /// Makes the messages of what was decided.
    func layOut(_ replies: UnsafeMutablePointer<mt_mmsghdr>) {
        var part = 0
        for bundle in 0..<plan.count {
            var answer = plan.first(of: bundle)
            unsafe messages[bundle] = unsafe replies[answer]
            let size = plan.size(of: bundle)
            guard size > 1 else { continue }
            unsafe messages[bundle].msg_hdr.msg_iov = unsafe parts + part
            unsafe messages[bundle].msg_hdr.msg_iovlen = size
            for _ in 0..<size {
                unsafe parts[part] = unsafe replies[answer].msg_hdr.msg_iov.pointee
                part &+= 1
                answer = plan.next(after: answer)
            }
            writeControl(bundle)
        }
    }

    /// The control bytes of the answers, and behind them what the kernel is to cut at.
    private func writeControl(_ bundle: Int) {
        let place = unsafe control + bundle * BundledMessages.controlSize
        let length = unsafe min(
            messages[bundle].msg_hdr.msg_controllen,
            DatagramBatch.controlSize
        )
        if length > 0, let source = unsafe messages[bundle].msg_hdr.msg_control {
            unsafe UnsafeMutableRawPointer(place).copyMemory(from: source, byteCount: length)
        }
        let octets = UInt16(clamping: plan.length(of: bundle))
        let more = unsafe mt_put_segment_control(place + length, octets)
        unsafe messages[bundle].msg_hdr.msg_control = UnsafeMutableRawPointer(place)
        unsafe messages[bundle].msg_hdr.msg_controllen = length + Int(more)
    }
}

extension DatagramBatch {
    /// Sends the answers written since the last receive, those of one length and one way together.
    ///
    /// Equal to ``send(_:)`` for who asked. What the kernel refuses together goes one by one.
    ///
    /// - Parameters:
    ///   - fd: The socket.
    ///   - limit: What that socket sends together.
    /// - Returns: The number of answers that the kernel took.
    public mutating func send(_ fd: FileDescriptor, _ limit: inout BundleLimit) -> IOResult {
        guard replyCount > 1 else { return send(fd) }
        if limit.octets == nil {
            // A kernel that does not know the control bytes would pass over them, and send one
            // datagram.
            let result = mt_knows_segments(fd.raw)
            limit.note(isKnown: result >= 0)
        }
        guard let octets = limit.octets, octets > 0 else { return send(fd) }
        unsafe bundled.decide(replies, count: replyCount, limit: octets)
        guard bundled.plan.count < replyCount else { return send(fd) }
        unsafe bundled.layOut(replies)
        defer { replyCount = 0 }
        return .count(sendBundles(fd, &limit))
    }

    private mutating func sendBundles(_ fd: FileDescriptor, _ limit: inout BundleLimit) -> Int {
        let count = bundled.plan.count
        var place = 0
        var sent = 0
        while place < count {
            let messages = unsafe bundled.messages + place
            let result = unsafe mt_sendmmsg(fd.raw, messages, UInt32(count - place))
            guard result != -Int(EAGAIN) else { break }
            for bundle in place..<place + max(result, 0) {
                let size = bundled.plan.size(of: bundle)
                sent += size
                if size > 1 { bundledCount += size }
            }
            place += max(result, 0)
            // The one that was refused; a bad destination must not hold up the rest.
            guard result <= 0 else { continue }
            if bundled.plan.size(of: place) > 1 {
                let alone = sendOneByOne(fd, place)
                if alone > 0, DatagramBatch.isRefusal(result) {
                    limit.noteRefusal(length: bundled.plan.length(of: place))
                }
                sent += alone
            }
            place += 1
        }
        return sent
    }

    /// True for what the kernel says of a message that it cannot cut: EMSGSIZE, or EINVAL before
    /// Linux 6.13, for a narrow path, EIO for an interface or IPsec.
    private static func isRefusal(_ result: Int) -> Bool {
        [EMSGSIZE, EINVAL, EIO, ENOPROTOOPT, EOPNOTSUPP].contains { result == -Int($0) }
    }

    private func sendOneByOne(_ fd: FileDescriptor, _ bundle: Int) -> Int {
        var answer = bundled.plan.first(of: bundle)
        var sent = 0
        for _ in 0..<bundled.plan.size(of: bundle) {
            if unsafe mt_sendmmsg(fd.raw, replies + answer, 1) == 1 { sent += 1 }
            answer = bundled.plan.next(after: answer)
        }
        return sent
    }
}
