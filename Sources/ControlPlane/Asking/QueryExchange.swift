// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// One query to one server, until its answer is there: for commands, as it waits.
struct QueryExchange: Sendable {
    /// How a query goes.
    enum Way: Sendable, Equatable {
        /// A datagram, and TCP when the answer does not fit one.
        case datagram
        case stream
        case secure(FetchSecurity)
    }

    /// What came back.
    struct Reply: Sendable {
        var message: DNSMessage
        /// Octets of it.
        var length: Int
        var transport: QueryTransport
        /// From the first octet sent to the last received, connecting included.
        var elapsed: Interval
        /// True when a datagram before it was truncated.
        var wasTruncated = false
    }

    var way = Way.datagram
    /// How long all of it may take.
    var timeout = Interval.seconds(5)
    /// How often a datagram is sent, as one may be lost.
    var tries = 3

    /// Asks.
    func ask(_ query: ClientQuery, _ server: SocketAddress) throws(FetchFault) -> Reply {
        let begun = Clock.monotonic()
        let deadline = begun + timeout
        switch way {
        case .stream: return try stream(query, server, nil, begun, deadline)
        case .secure(let security): return try stream(query, server, security, begun, deadline)
        case .datagram:
            let reply = try datagram(query, server, begun, deadline)
            guard reply.message.isTruncated else { return reply }
            // RFC 7766 §5.
            var whole = try stream(query, server, nil, begun, deadline)
            whole.wasTruncated = true
            return whole
        }
    }

    private func stream(
        _ query: ClientQuery,
        _ server: SocketAddress,
        _ security: FetchSecurity?,
        _ begun: Instant,
        _ deadline: Instant
    ) throws(FetchFault) -> Reply {
        let bytes: [UInt8]
        do throws(FetchFault) {
            var connection = try FetchConnection.open(server, security, deadline: deadline)
            try connection.send(query.bytes)
            bytes = try connection.receive()
        } catch {
            throw Clock.monotonic() >= deadline ? FetchFault(silence) : error
        }
        guard let message = query.answer(bytes) else {
            throw FetchFault("what it says is no answer to the query, or malformed")
        }
        return Reply(
            message: message,
            length: bytes.count,
            transport: security == nil ? .tcp : .tls,
            elapsed: Clock.monotonic() - begun
        )
    }

    private var silence: String { "it does not answer within \(timeout.milliseconds) ms" }

    private func datagram(
        _ query: ClientQuery,
        _ server: SocketAddress,
        _ begun: Instant,
        _ deadline: Instant
    ) throws(FetchFault) -> Reply {
        let socket: FileDescriptor
        switch Socket.connectDatagram(to: server) {
        case .connected(let found), .inProgress(let found): socket = found
        case .failed(let error): throw FetchFault("it cannot be reached: \(error)")
        }
        defer { socket.close() }
        guard var loop = try? EventLoop() else {
            throw FetchFault("no memory or descriptors are left")
        }
        loop.add(socket, token: 0, interest: .read)
        let part = Interval(nanoseconds: timeout.nanoseconds / Int64(max(tries, 1)))
        var isOdd = false
        for number in 1...Int64(max(tries, 1)) {
            if case .failed(let error) = Socket.send(socket, query.bytes.span) {
                throw FetchFault("it cannot be reached: \(error)")
            }
            let until = min(deadline, begun + part * number)
            while true {
                let rest = (until - Clock.monotonic()).milliseconds
                guard rest >= 0, loop.wait(timeoutMilliseconds: Int(rest) + 1) > 0 else { break }
                guard let bytes = try QueryExchange.receive(socket) else { continue }
                // What is no answer may be forged: the true one can come still (RFC 5452 §9.1).
                guard let message = query.answer(bytes) else {
                    isOdd = true
                    continue
                }
                return Reply(
                    message: message,
                    length: bytes.count,
                    transport: .udp,
                    elapsed: Clock.monotonic() - begun
                )
            }
        }
        let rest = isOdd ? "; what came was no answer to the query, or malformed" : ""
        throw FetchFault(silence + rest)
    }

    private static func receive(_ socket: FileDescriptor) throws(FetchFault) -> [UInt8]? {
        var result = IOResult.wouldBlock
        let bytes = [UInt8](capacity: 65_535) { (output: inout OutputSpan<UInt8>) in
            result = Socket.receive(socket, into: &output)
        }
        if case .failed(let error) = result {
            throw FetchFault("it cannot be reached: \(error)")
        }
        return bytes.isEmpty ? nil : bytes
    }
}

/// How an answer came.
enum QueryTransport: String, Sendable, Equatable {
    case udp = "UDP"
    case tcp = "TCP"
    case tls = "TLS"
}
