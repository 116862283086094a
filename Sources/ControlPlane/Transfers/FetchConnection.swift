// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// Why a zone could not be taken from a primary, in words.
struct FetchFault: Error, Sendable {
    var text: String

    init(_ text: String) { self.text = text }
}

/// How TLS is spoken with a primary (RFC 9103), or another server (RFC 7858).
struct FetchSecurity: Sendable, Equatable {
    /// The name in its certificate, without a final dot.
    var name: String
    /// The file of authorities; nil for those of the system.
    var authorities: String?
    /// Zones come by TLS 1.3 and `dot` alone (RFC 9103 §8.4, §7.1); answers to queries by TLS 1.2 and
    /// without ALPN too (RFC 7858 §3.2).
    var isForTransfers = true
}

/// A connection to a primary, plain or with TLS, that waits: for a thread of its own, never for the
/// control thread or a worker.
struct FetchConnection: ~Copyable {
    private let socket: FileDescriptor
    private var loop: EventLoop
    private var tls = TLSSessions(limit: 1)
    private var session = Handle.none
    private var buffer: [UInt8] = []
    private var position = 0
    private let deadline: Instant
    /// A peer that says nothing for so long has gone.
    static let silence = Interval.seconds(20)

    private init(_ socket: FileDescriptor, _ loop: consuming EventLoop, _ deadline: Instant) {
        self.socket = socket
        self.loop = loop
        self.deadline = deadline
    }

    deinit { socket.close() }

    /// Connects; all of it has to be done by the deadline.
    static func open(
        _ address: SocketAddress,
        _ security: FetchSecurity?,
        deadline: Instant
    ) throws(FetchFault) -> FetchConnection {
        guard let loop = try? EventLoop() else {
            throw FetchFault("no memory or descriptors are left")
        }
        let socket: FileDescriptor
        switch Socket.connect(to: address) {
        case .connected(let found), .inProgress(let found): socket = found
        case .failed(let error): throw FetchFault("it cannot be reached: \(error)")
        }
        var connection = FetchConnection(socket, loop, deadline)
        try connection.establish(security)
        return connection
    }

    private mutating func establish(_ security: FetchSecurity?) throws(FetchFault) {
        loop.add(socket, token: 0, interest: .write)
        try wait()
        if let error = Socket.error(socket) { throw FetchFault("it cannot be reached: \(error)") }
        if let security { try secure(security) }
        loop.modify(socket, token: 0, interest: .read)
    }

    private mutating func wait() throws(FetchFault) {
        let now = Clock.monotonic()
        let until = min(deadline, now + FetchConnection.silence)
        let rest = (until - now).milliseconds
        guard rest > 0 else { throw FetchFault("it takes longer than its share of 'time-limit'") }
        guard loop.wait(timeoutMilliseconds: Int(rest)) > 0 else {
            throw FetchFault("it does not answer")
        }
    }

    // RFC 9103 §8.4: strict.
    private mutating func secure(_ security: FetchSecurity) throws(FetchFault) {
        var settings = TLSClientSettings()
        settings.authorities = security.authorities
        settings.least = security.isForTransfers ? .tls13 : .tls12
        settings.protocols = [.dot]
        let context: TLSClientContext
        do throws(TLSContextProblem) {
            context = try TLSClientContext(settings)
        } catch {
            throw FetchFault("the authorities of its certificate cannot be used")
        }
        guard let session = tls.connect(socket, context, name: security.name) else {
            throw FetchFault("no memory is left for TLS")
        }
        self.session = session
        while true {
            switch tls.handshake(session, nil) {
            case .established:
                guard !security.isForTransfers || tls.facts(session).chosen == .dot else {
                    throw FetchFault("it does not speak DNS over TLS: ALPN 'dot' is not chosen")
                }
                return
            case .wantsRead: loop.modify(socket, token: 0, interest: .read)
            case .wantsWrite: loop.modify(socket, token: 0, interest: .write)
            case .wantsSignature: tls.allowSignature(session)
            case .failed(let failure): throw FetchFault("TLS fails: \(failure.word)")
            }
            try wait()
        }
    }

    /// Sends a message with its length in front.
    mutating func send(_ message: [UInt8]) throws(FetchFault) {
        let length = UInt16(clamping: message.count)
        let bytes = [UInt8(length >> 8), UInt8(length & 255)] + message
        var sent = 0
        while sent < bytes.count {
            let piece = bytes.span.extracting(sent..<bytes.count)
            let result = session.isNone ? Socket.send(socket, piece) : tls.send(session, piece)
            switch result {
            case .count(let count): sent += count
            case .wouldBlock:
                loop.modify(socket, token: 0, interest: .write)
                try wait()
            case .endOfStream, .failed: throw FetchFault("it has closed the connection")
            }
        }
        loop.modify(socket, token: 0, interest: .read)
    }

    /// The next message.
    mutating func receive() throws(FetchFault) -> [UInt8] {
        while true {
            let left = buffer.count - position
            if left >= 2 {
                let length = Int(buffer[position]) << 8 | Int(buffer[position + 1])
                if left >= length + 2 {
                    let start = position + 2
                    position = start + length
                    return Array(buffer[start..<position])
                }
            }
            buffer.removeFirst(position)
            position = 0
            var result = IOResult.wouldBlock
            let (socket, session) = (socket, session)
            let piece = [UInt8](capacity: 65_536) { (output: inout OutputSpan<UInt8>) in
                if session.isNone {
                    result = Socket.receive(socket, into: &output)
                } else {
                    result = tls.receive(session, into: &output)
                }
            }
            buffer += piece
            switch result {
            case .count: continue
            case .wouldBlock: try wait()
            case .endOfStream, .failed: throw FetchFault("it has closed the connection")
            }
        }
    }
}
