// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Essentials
internal import Glibc

/// A batch that is filled from frames of an interface, in the form in which the kernel fills it.
extension DatagramBatch {
    /// Forgets the batch.
    mutating func clear() {
        receivedCount = 0
        replyCount = 0
        bundledCount = 0
    }

    /// Adds the data of a frame, cut to the room for a datagram.
    mutating func append(_ data: Span<UInt8>, _ frame: Frame) {
        guard receivedCount < capacity else { return }
        let index = receivedCount
        let count = min(data.count, inputSize)
        unsafe data.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            unsafe (input + index * inputSize).update(from: from, count: count)
        }
        unsafe received[index].msg_len = UInt32(truncatingIfNeeded: count)
        unsafe received[index].msg_hdr.msg_flags = data.count > count ? Int32(MSG_TRUNC) : 0
        unsafe received[index].msg_hdr.msg_namelen = frame.source.write(to: addresses + index)
        unsafe received[index].msg_hdr.msg_controllen = write(frame.destination.ip, at: index)
        receivedCount &+= 1
        dirtyCount = max(dirtyCount, receivedCount)
    }

    /// Writes the control bytes that have a socket send from an address, and returns their number.
    ///
    /// An answer that comes later goes by the ordinary socket of the place; one of IPv6 takes
    /// `IP_PKTINFO` of an IPv4 datagram as well as `IPV6_PKTINFO`.
    private func write(_ local: IPAddress, at index: Int) -> Int {
        let head = MemoryLayout<cmsghdr>.size
        let place = unsafe UnsafeMutableRawPointer(control + index * DatagramBatch.controlSize)
        var header = cmsghdr()
        if local.isIPv4 {
            // The interface, which is any; the address to send from; the address that was asked.
            let octets = UInt32(truncatingIfNeeded: local.bits).bigEndian
            unsafe place.storeBytes(of: 0, toByteOffset: head, as: UInt32.self)
            unsafe place.storeBytes(of: octets, toByteOffset: head + 4, as: UInt32.self)
            unsafe place.storeBytes(of: octets, toByteOffset: head + 8, as: UInt32.self)
            header.cmsg_level = Int32(IPPROTO_IP)
            header.cmsg_type = Int32(IP_PKTINFO)
            header.cmsg_len = head + 12
        } else {
            // The address to send from; the interface, which is any.
            let octets = local.bits.bigEndian
            unsafe place.storeBytes(of: octets, toByteOffset: head, as: UInt128.self)
            unsafe place.storeBytes(of: 0, toByteOffset: head + 16, as: UInt32.self)
            header.cmsg_level = Int32(IPPROTO_IPV6)
            header.cmsg_type = Int32(IPV6_PKTINFO)
            header.cmsg_len = head + 20
        }
        unsafe place.storeBytes(of: header, as: cmsghdr.self)
        let alignment = MemoryLayout<Int>.size
        return (Int(header.cmsg_len) &+ alignment &- 1) & ~(alignment &- 1)
    }

    /// The place of the datagram that an answer is for; out of range for an answer out of range.
    func question(of reply: Int) -> Int {
        guard reply >= 0, reply < replyCount,
            let name = unsafe replies[reply].msg_hdr.msg_name
        else { return capacity }
        return unsafe name.assumingMemoryBound(to: sockaddr_storage.self) - addresses
    }

    /// The octets of an answer; empty for an answer out of range.
    @_lifetime(borrow self)
    func answer(_ reply: Int) -> Span<UInt8> {
        guard reply >= 0, reply < replyCount else { return Span() }
        let part = unsafe parts[capacity + reply]
        let start = unsafe output + reply * outputSize
        let span = unsafe Span(_unsafeStart: start, count: min(part.iov_len, outputSize))
        return unsafe _overrideLifetime(span, borrowing: self)
    }
}
