// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol
public import Steering

/// What a record says, for those who ask.
extension RequestRecord {
    /// Who made the answer.
    public enum Author: String, Sendable {
        /// An endpoint; the answer was passed on, at least in part.
        case endpoint
        /// The route itself.
        case route
        /// The door.
        case door
    }

    /// The name of the request.
    public var id: RequestID {
        RequestID(bits: UInt128(words[Place.id]) << 64 | UInt128(words[Place.id + 1]))
    }
    /// When its first byte came, in nanoseconds since 1970.
    public var began: Int64 { Int64(bitPattern: words[Place.began]) }
    /// Who asked.
    public var client: IPAddress {
        let bits = UInt128(words[Place.client]) << 64 | UInt128(words[Place.client + 1])
        guard self[.isIPv4] == 1 else { return IPAddress(v6: bits) }
        return IPAddress(v4: UInt32(truncatingIfNeeded: bits))
    }
    /// The worker that had it.
    public var worker: Int { self[.worker] }
    /// True when it came by TLS.
    public var isSecure: Bool { self[.isSecure] == 1 }
    /// The method; empty for one that has no number.
    public var method: String {
        let number = self[.method]
        guard number > 0 else { return "" }
        return Method(rawValue: UInt8(number - 1)).map { "\($0.name)" } ?? ""
    }
    /// The host, or its beginning.
    public var host: String { text(from: 0, count: self[.host]) }
    /// The path, or its beginning.
    public var path: String { text(from: self[.host], count: self[.path]) }
    /// The status that the client was told; 0 when it was told none.
    public var status: UInt16 { UInt16(self[.status]) }
    /// The number of the configuration that it was over under.
    public var generation: UInt64 { words[Place.generation] }
    /// What finds the route in a snapshot; nil without one.
    public var route: UInt64? { words[Place.route] == 0 ? nil : words[Place.route] }
    /// The stable number of the pool; nil without one.
    public var pool: Int? { self[.pool] == 0 ? nil : self[.pool] - 1 }
    /// What became of the client's session.
    public var turn: SessionTurn { SessionTurn(rawValue: UInt8(self[.turn])) ?? .none }
    /// True when the endpoint was chosen although none took new work.
    public var isLastResort: Bool { self[.isLastResort] == 1 }
    /// Bytes from the client and to it.
    public var bytes: (request: UInt64, response: UInt64) {
        (words[Place.bytesIn], words[Place.bytesOut])
    }

    /// How it ended.
    var reason: Reason {
        let detail = UInt8(self[.detail])
        switch self[.cause] {
        case 1: return Refusal(rawValue: detail).map { .refused($0) } ?? .completed
        case 2: return Fault(rawValue: detail).map { .fault($0) } ?? .completed
        case 3: return RouteAnswer(rawValue: detail).map { .route($0) } ?? .completed
        default: return .completed
        }
    }

    /// The reason word of the access log.
    public var reasonWord: String { "\(reason.word)" }
    /// One sentence about the reason.
    public var why: String { reason.meaning(status: status) }

    /// True when something went wrong, as ``reasonWord`` says, and not by the client's doing alone.
    public var isBroken: Bool {
        guard case .fault(let fault) = reason else { return false }
        return fault.isFailure
    }

    /// True when a failure left the client without an answer, or with a part of one.
    ///
    /// An answer of the door itself, which has the status of its reason, is whole.
    public var isCut: Bool {
        guard case .fault(let fault) = reason, fault.isFailure else { return false }
        return fault.status != status
    }

    /// Microseconds from the first byte of the request to the end.
    public var duration: Int64 { Int64(clamping: words[Place.total]) }

    /// Who made the answer that the client got.
    public var author: Author {
        if self[.hasEndpoint] == 1 { return .endpoint }
        if case .route = reason { return .route }
        return .door
    }

    /// The attempts, in their order.
    public var attempts: [Attempt] {
        (0..<min(self[.attempts], RequestRecord.attemptLimit)).map { number in
            let (what, when) = (
                words[Place.attempts + number * 2], words[Place.attempts + number * 2 + 1]
            )
            var attempt = Attempt(
                slot: Int(what & UInt64(RequestRecord.slotLimit)),
                status: UInt16(truncatingIfNeeded: what >> 40),
                fault: UInt8(truncatingIfNeeded: what >> 32),
                began: RequestRecord.unpacked(when & 0xffff_ffff),
                ended: RequestRecord.unpacked(when >> 32)
            )
            attempt.isHedge = what >> 24 & 1 == 1
            attempt.isRefused = what >> 25 & 1 == 1
            attempt.number = Int(what >> 56 & 127)
            attempt.isOvertaken = what >> 63 == 1
            return attempt
        }
    }

    /// The endpoints of the pool as they were when it was over; the first ones of many.
    public var candidates: [CandidateSketch] {
        (0..<min(self[.candidates], RequestRecord.candidateLimit)).map {
            CandidateSketch(bits: words[Place.candidates + $0])
        }
    }
    /// Endpoints that the pool had.
    public var candidateCount: Int { self[.candidates] }

    /// The times of the phases in microseconds, each nil when it was not reached.
    public var phases: [(name: String, microseconds: Int64?)] {
        let marks: [(String, Int)] = [
            ("head", self[.headDone]), ("choose", self[.attempted]), ("connect", self[.connected]),
            ("send", self[.sent]), ("firstByte", self[.firstByte]),
        ]
        var before = 0
        var phases = marks.map { name, end -> (name: String, microseconds: Int64?) in
            guard end > 0 else { return (name, nil) }
            // A body may still be on its way when the answer comes.
            defer { before = max(before, end) }
            return (name, Int64(max(end - before, 0)))
        }
        let total = Int64(clamping: words[Place.total])
        phases.append(("rest", max(total - Int64(before), 0)))
        phases.append(("total", total))
        return phases
    }
}

extension RequestRecord.Attempt {
    /// True when something went wrong, and not by the client's doing alone.
    public var isBroken: Bool {
        // What makes a request unacceptable is its client's doing.
        fault > 0 && !isRefused && Fault(rawValue: fault &- 1)?.isFailure == true
    }
}

extension Fault {
    /// False for what clients do, and for how all tunnels end.
    var isFailure: Bool {
        switch self {
        case .clientGone, .clientSlow, .tunnelClosed, .tunnelIdle: false
        default: true
        }
    }
}

extension GatewaySnapshot {
    /// The paths of the route that a record was made under, as the file has them.
    public func routePath(of record: RequestRecord) -> String? {
        guard let route = record.route, let number = routeNumbers[route] else { return nil }
        switch plan.routes[Int(number)].path {
        case .exact(let path): return path
        case .prefix(let path): return path.hasSuffix("/") ? "\(path)*" : "\(path)/*"
        case .expression(let text): return "~\(text)"
        }
    }

    /// The name of the route that a record was made under; nil when there is none any more.
    public func routeName(of record: RequestRecord) -> String? {
        guard let route = record.route, let number = routeNumbers[route] else { return nil }
        return plan.routes[Int(number)].name
    }
}
