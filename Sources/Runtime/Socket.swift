// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Essentials
internal import Glibc

/// How a connection attempt began.
public enum ConnectResult: Sendable {
    /// Established at once.
    case connected(FileDescriptor)
    /// Becomes writable when established or failed; then ask ``Socket/error(_:)``.
    case inProgress(FileDescriptor)
    /// Refused at once; no descriptor is left.
    case failed(SystemError)
}

/// What a listener had to give.
public enum AcceptResult: Sendable {
    /// A new connection and where it comes from.
    case connection(FileDescriptor, SocketAddress)
    /// The queue is empty.
    case wouldBlock
    /// The connection is gone already, or a limit is reached (``SystemError/tooManyFiles``).
    case failed(SystemError)
}

/// Non-blocking sockets.
public enum Socket {
    /// Opens a TCP listener.
    public static func listen(
        _ address: SocketAddress,
        backlog: Int32,
        reusePort: Bool
    ) throws(SystemError) -> FileDescriptor {
        let fd = try open(address, type: Int32(SOCK_STREAM.rawValue))
        do {
            try option(fd, SOL_SOCKET, SO_REUSEADDR, 1)
            if reusePort { try option(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
            try option(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            // Accepted sockets inherit it: a slow reader holds this much unsent in the kernel, not
            // the megabytes that the send buffer may grow to, and its progress is told sooner.
            try option(fd, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, 131_072)
            try bind(fd, address)
            _ = try checked(mt_listen(fd.raw, backlog))
        } catch {
            fd.close()
            throw error
        }
        return fd
    }

    /// Opens a UDP socket bound to the address.
    public static func bindDatagram(
        _ address: SocketAddress,
        reusePort: Bool
    ) throws(SystemError) -> FileDescriptor {
        let fd = try open(address, type: Int32(SOCK_DGRAM.rawValue))
        do {
            if reusePort { try option(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
            // A burst that arrives while the worker is busy waits here: 4 MiB is rmem_max as shipped.
            _ = mt_setsockopt_int(fd.raw, SOL_SOCKET, SO_RCVBUF, 4 << 20)
            // A wildcard socket must answer from the address that was asked (RFC 2181 §4.1).
            if address.ip.bits == 0 {
                if address.ip.isIPv4 {
                    try option(fd, Int32(IPPROTO_IP), IP_PKTINFO, 1)
                } else {
                    try option(fd, Int32(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1)
                }
            }
            try bind(fd, address)
        } catch {
            fd.close()
            throw error
        }
        return fd
    }

    /// Fails with ``SystemError/addressInUse`` when another socket has the address.
    ///
    /// `SO_REUSEPORT` lets a second program of the same user share a port silently, so whoever is
    /// about to use it asks without it first.
    public static func checkFree(_ address: SocketAddress, stream: Bool) throws(SystemError) {
        let type = Int32(stream ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue)
        let fd = try open(address, type: type)
        defer { fd.close() }
        if stream { try option(fd, SOL_SOCKET, SO_REUSEADDR, 1) }
        try bind(fd, address)
    }

    private static func open(
        _ address: SocketAddress,
        type: Int32
    ) throws(SystemError) -> FileDescriptor {
        let family = address.ip.isIPv4 ? AF_INET : AF_INET6
        return FileDescriptor(raw: Int32(try checked(mt_socket(family, type, 0))))
    }

    private static func bind(_ fd: FileDescriptor, _ address: SocketAddress) throws(SystemError) {
        let result = unsafe address.withKernelForm { unsafe mt_bind(fd.raw, $0, $1) }
        _ = try checked(result)
    }

    private static func option(
        _ fd: FileDescriptor,
        _ level: Int32,
        _ name: Int32,
        _ value: Int32
    ) throws(SystemError) {
        _ = try checked(mt_setsockopt_int(fd.raw, level, name, value))
    }

    /// Starts a TCP connection without waiting; Nagle's delay is off.
    public static func connect(to address: SocketAddress) -> ConnectResult {
        let family = address.ip.isIPv4 ? AF_INET : AF_INET6
        let raw = mt_socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard raw >= 0 else { return .failed(SystemError(code: Int32(-raw))) }
        let fd = FileDescriptor(raw: Int32(raw))
        _ = mt_setsockopt_int(fd.raw, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let result = unsafe address.withKernelForm { unsafe mt_connect(fd.raw, $0, $1) }
        if result == 0 { return .connected(fd) }
        if result == -Int(EINPROGRESS) { return .inProgress(fd) }
        fd.close()
        return .failed(SystemError(code: Int32(truncatingIfNeeded: -result)))
    }

    /// Opens a datagram socket that hears this peer alone, and is told that nobody listens there.
    public static func connectDatagram(to address: SocketAddress) -> ConnectResult {
        let family = address.ip.isIPv4 ? AF_INET : AF_INET6
        let raw = mt_socket(family, Int32(SOCK_DGRAM.rawValue), 0)
        guard raw >= 0 else { return .failed(SystemError(code: Int32(-raw))) }
        let fd = FileDescriptor(raw: Int32(raw))
        guard let error = attach(fd, to: address) else { return .connected(fd) }
        fd.close()
        return .failed(error)
    }

    /// Fixes the peer of a datagram socket; nil on success.
    public static func attach(_ fd: FileDescriptor, to address: SocketAddress) -> SystemError? {
        let result = unsafe address.withKernelForm { unsafe mt_connect(fd.raw, $0, $1) }
        return result < 0 ? SystemError(code: Int32(truncatingIfNeeded: -result)) : nil
    }

    /// Takes one connection from a listener's queue; options such as no-delay are inherited.
    public static func accept(_ listener: FileDescriptor) -> AcceptResult {
        var storage = sockaddr_storage()
        let result = unsafe mt_accept(listener.raw, &storage)
        guard result >= 0 else {
            if result == -Int(EAGAIN) { return .wouldBlock }
            return .failed(SystemError(code: Int32(truncatingIfNeeded: -result)))
        }
        let fd = FileDescriptor(raw: Int32(result))
        let unknown = SocketAddress(IPAddress(v4: 0), port: 0)
        return .connection(fd, unsafe SocketAddress(kernelForm: &storage) ?? unknown)
    }

    /// Reads into the free part of `output`.
    public static func receive(
        _ fd: FileDescriptor,
        into output: inout OutputSpan<UInt8>
    ) -> IOResult {
        unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
            guard let base = buffer.baseAddress, buffer.count > initialized else {
                return .count(0)
            }
            let result = unsafe mt_recv(fd.raw, base + initialized, buffer.count - initialized)
            if result > 0 { initialized += result }
            return IOResult(result, zeroIsEnd: true)
        }
    }

    /// Looks at the next `limit` bytes, or what is there of them, and leaves them where they are.
    public static func peek(
        _ fd: FileDescriptor,
        into output: inout OutputSpan<UInt8>,
        limit: Int
    ) -> IOResult {
        unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
            guard let base = buffer.baseAddress, buffer.count > initialized, limit > 0 else {
                return .count(0)
            }
            let room = min(buffer.count - initialized, limit)
            let result = unsafe mt_peek(fd.raw, base + initialized, room)
            if result > 0 { initialized += result }
            return IOResult(result, zeroIsEnd: true)
        }
    }

    /// Reads and forgets exactly `count` bytes that were seen by ``peek(_:into:limit:)``.
    public static func skip(_ fd: FileDescriptor, _ count: Int) -> Bool {
        count > 0 && mt_skip(fd.raw, count) == count
    }

    /// Writes what the socket takes.
    ///
    /// With `held` the last bytes wait for what the caller does next: more bytes, a shutdown or a
    /// close must follow in the same turn; together they need a segment less.
    public static func send(
        _ fd: FileDescriptor,
        _ bytes: Span<UInt8>,
        held: Bool = false
    ) -> IOResult {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            let result = unsafe mt_send(fd.raw, buffer.baseAddress, buffer.count, held ? 1 : 0)
            return IOResult(result, zeroIsEnd: false)
        }
    }

    /// Writes two pieces in one call, what the socket takes; `held` as with one piece.
    public static func send(
        _ fd: FileDescriptor,
        _ first: Span<UInt8>,
        _ second: Span<UInt8>,
        held: Bool = false
    ) -> IOResult {
        unsafe first.withUnsafeBufferPointer { a in
            unsafe second.withUnsafeBufferPointer { b in
                let result = unsafe mt_send2(
                    fd.raw,
                    a.baseAddress,
                    a.count,
                    b.baseAddress,
                    b.count,
                    held ? 1 : 0
                )
                return IOResult(result, zeroIsEnd: false)
            }
        }
    }

    /// The address the socket is bound to.
    public static func localAddress(_ fd: FileDescriptor) -> SocketAddress? {
        var storage = sockaddr_storage()
        guard unsafe mt_getsockname(fd.raw, &storage) >= 0 else { return nil }
        return unsafe SocketAddress(kernelForm: &storage)
    }

    /// The pending error of a connection attempt; nil when it succeeded.
    public static func error(_ fd: FileDescriptor) -> SystemError? {
        let code = mt_getsockopt_int(fd.raw, SOL_SOCKET, SO_ERROR)
        return code == 0 ? nil : SystemError(code: Int32(truncatingIfNeeded: abs(code)))
    }

    /// True when the peer has closed an idle connection, or sent something unasked.
    public static func isFinished(_ fd: FileDescriptor) -> Bool {
        var byte: UInt8 = 0
        return unsafe mt_peek(fd.raw, &byte, 1) != -Int(EAGAIN)
    }

    /// True when the peer has ended the connection, and nothing that it sent is left to be read.
    public static func isOver(_ fd: FileDescriptor) -> Bool {
        var byte: UInt8 = 0
        let result = unsafe mt_peek(fd.raw, &byte, 1)
        return result <= 0 && result != -Int(EAGAIN)
    }

    /// Bytes handed to the kernel that the peer has not acknowledged; nil when it cannot be asked.
    public static func unacknowledged(_ fd: FileDescriptor) -> Int? {
        let count = mt_unsent(fd.raw)
        return count < 0 ? nil : count
    }

    /// The round trip of a TCP connection as the kernel smooths it; nil when it has none.
    ///
    /// It outlives the connection until the socket is closed.
    public static func roundTrip(_ fd: FileDescriptor) -> Interval? {
        let microseconds = mt_round_trip(fd.raw)
        return microseconds > 0 ? .microseconds(Int64(microseconds)) : nil
    }

    /// Says that nothing more will be sent; the other direction stays open.
    public static func shutdownWrite(_ fd: FileDescriptor) {
        _ = mt_shutdown(fd.raw, Int32(SHUT_WR))
    }

    /// Makes the coming close send RST, so that a truncated answer cannot look complete.
    public static func resetOnClose(_ fd: FileDescriptor) { _ = mt_reset_on_close(fd.raw) }

    /// A connected pair that keeps message borders and can carry descriptors.
    public static func pair() throws(SystemError) -> (FileDescriptor, FileDescriptor) {
        var pair: [Int32] = [-1, -1]
        _ = try checked(unsafe mt_socketpair(&pair))
        return (FileDescriptor(raw: pair[0]), FileDescriptor(raw: pair[1]))
    }

    /// Sends a message with descriptors over a Unix socket; waits while its queue is full.
    public static func send(
        _ fd: FileDescriptor,
        message: [UInt8],
        descriptors: [FileDescriptor]
    ) throws(SystemError) {
        let raw = descriptors.map(\.raw)
        let result = unsafe mt_send_fds(fd.raw, message, message.count, raw, Int32(raw.count))
        _ = try checked(result)
    }

    /// Waits for one message and its descriptors; an empty message means that the peer is gone.
    public static func receiveMessage(
        _ fd: FileDescriptor,
        limit: Int = 65_536
    ) throws(SystemError) -> (message: [UInt8], descriptors: [FileDescriptor]) {
        var message = [UInt8](repeating: 0, count: limit)
        var raw = [Int32](repeating: -1, count: Int(MT_FDS_MAX))
        var count: Int32 = 0
        let length = try checked(unsafe mt_receive_fds(fd.raw, &message, limit, &raw, &count))
        let descriptors = raw.prefix(Int(max(count, 0))).map(FileDescriptor.init(raw:))
        return (Array(message.prefix(length)), descriptors)
    }
}
