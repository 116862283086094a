// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Essentials
internal import Glibc

/// The kernel's form of socket addresses.
extension SocketAddress {
    /// Calls `body` with the address as the kernel wants it.
    func withKernelForm<R>(_ body: (UnsafePointer<sockaddr_storage>, socklen_t) -> R) -> R {
        var storage = sockaddr_storage()
        let length = unsafe write(to: &storage)
        return unsafe body(&storage, length)
    }

    func write(to storage: UnsafeMutablePointer<sockaddr_storage>) -> socklen_t {
        let raw = UnsafeMutableRawPointer(storage)
        if ip.isIPv4 {
            let form = unsafe raw.assumingMemoryBound(to: sockaddr_in.self)
            unsafe form.pointee = sockaddr_in()
            unsafe form.pointee.sin_family = sa_family_t(AF_INET)
            unsafe form.pointee.sin_port = port.bigEndian
            unsafe form.pointee.sin_addr.s_addr = UInt32(truncatingIfNeeded: ip.bits).bigEndian
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        }
        let form = unsafe raw.assumingMemoryBound(to: sockaddr_in6.self)
        unsafe form.pointee = sockaddr_in6()
        unsafe form.pointee.sin6_family = sa_family_t(AF_INET6)
        unsafe form.pointee.sin6_port = port.bigEndian
        unsafe withUnsafeMutableBytes(of: &form.pointee.sin6_addr) { bytes in
            unsafe bytes.storeBytes(of: ip.bits.bigEndian, as: UInt128.self)
        }
        return socklen_t(MemoryLayout<sockaddr_in6>.size)
    }

    /// Reads what the kernel wrote; nil for families other than IPv4 and IPv6.
    init?(kernelForm storage: UnsafePointer<sockaddr_storage>) {
        let raw = unsafe UnsafeRawPointer(storage)
        switch unsafe Int32(storage.pointee.ss_family) {
        case AF_INET:
            let form = unsafe raw.assumingMemoryBound(to: sockaddr_in.self)
            let bits = unsafe UInt32(bigEndian: form.pointee.sin_addr.s_addr)
            let port = unsafe UInt16(bigEndian: form.pointee.sin_port)
            self.init(IPAddress(v4: bits), port: port)
        case AF_INET6:
            let form = unsafe raw.assumingMemoryBound(to: sockaddr_in6.self)
            let bits = unsafe raw.loadUnaligned(
                fromByteOffset: MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8,
                as: UInt128.self
            )
            let port = unsafe UInt16(bigEndian: form.pointee.sin6_port)
            self.init(IPAddress(v6: UInt128(bigEndian: bits)).unmapped, port: port)
        default:
            return nil
        }
    }
}
