// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// The way back to who sent a datagram, for an answer that comes later than its batch.
///
/// The control bytes go back with it, as in ``DatagramBatch``.
public struct DatagramReturn: Sendable {
    fileprivate var address: [UInt8]
    fileprivate var control: [UInt8]

    /// Sends a datagram back; false when the kernel does not take it.
    @discardableResult
    public func send(_ fd: FileDescriptor, _ bytes: [UInt8]) -> Bool {
        var (address, control, bytes) = (address, control, bytes)
        let (addressSize, controlSize, count) = (address.count, control.count, bytes.count)
        return unsafe address.withUnsafeMutableBytes { address in
            unsafe control.withUnsafeMutableBytes { control in
                unsafe bytes.withUnsafeMutableBytes { bytes in
                    var part = unsafe iovec(iov_base: bytes.baseAddress, iov_len: count)
                    return unsafe withUnsafeMutablePointer(to: &part) { part in
                        var message = unsafe mt_mmsghdr()
                        unsafe message.msg_hdr.msg_name = address.baseAddress
                        unsafe message.msg_hdr.msg_namelen = socklen_t(addressSize)
                        unsafe message.msg_hdr.msg_iov = unsafe part
                        unsafe message.msg_hdr.msg_iovlen = 1
                        if controlSize > 0 {
                            unsafe message.msg_hdr.msg_control = control.baseAddress
                            unsafe message.msg_hdr.msg_controllen = controlSize
                        }
                        return unsafe mt_sendmmsg(fd.raw, &message, 1) == 1
                    }
                }
            }
        }
    }
}

extension DatagramBatch {
    /// The way back to who sent a datagram; nil for an index out of range.
    public func wayBack(_ index: Int) -> DatagramReturn? {
        guard index >= 0, index < receivedCount else { return nil }
        let header = unsafe received[index].msg_hdr
        let addressSize = unsafe min(Int(header.msg_namelen), MemoryLayout<sockaddr_storage>.size)
        let controlSize = unsafe min(Int(header.msg_controllen), DatagramBatch.controlSize)
        let address = unsafe UnsafeRawBufferPointer(start: addresses + index, count: addressSize)
        let control = unsafe UnsafeRawBufferPointer(
            start: control + index * DatagramBatch.controlSize,
            count: controlSize
        )
        return unsafe DatagramReturn(address: Array(address), control: Array(control))
    }
}
