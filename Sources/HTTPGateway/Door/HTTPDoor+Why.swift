// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Keeping what `martlet why` tells: all that did not end well, and a share of the rest.
///
/// Whether a request is kept is known at its end only. Until then it costs nothing but the notes on
/// attempts that failed.
extension HTTPDoor {
    /// Notes how an attempt ended that another one, or an answer of the door, follows.
    mutating func noteAttempt(_ c: Int, _ fault: Fault, status: UInt16 = 0) {
        var step = presentStep(c)
        step.fault = fault
        step.status = status
        note(c, step)
        clients[c].exchange.attemptSlot = -1
    }

    /// Notes that another attempt's answer came before that of the one that was put aside, or how
    /// that has failed.
    mutating func noteRival(_ c: Int, _ rival: Rival, _ fault: Fault?) {
        note(c, step(rival, fault))
    }

    private func presentStep(_ c: Int) -> AttemptTrail.Step {
        var step = AttemptTrail.Step(
            slot: clients[c].exchange.attemptSlot,
            number: clients[c].exchange.attemptNumber,
            began: clients[c].exchange.attemptBegan,
            ended: now
        )
        step.isHedge = clients[c].exchange.isAttemptHedge
        return step
    }

    private func step(_ rival: Rival, _ fault: Fault? = nil) -> AttemptTrail.Step {
        var step = AttemptTrail.Step(
            slot: rival.slot,
            number: rival.number,
            began: rival.began,
            ended: now
        )
        step.isOvertaken = fault == nil
        step.fault = fault ?? step.fault
        step.isHedge = rival.isHedge
        return step
    }

    private mutating func note(_ c: Int, _ step: AttemptTrail.Step) {
        guard requests.capacity > 0 || traceShare >= 0, step.slot >= 0 else { return }
        var place = Int(clients[c].exchange.trailPlace)
        if place < 0 {
            guard let handle = trails.insert(AttemptTrail()) else { return }
            place = Int(handle.index)
            clients[c].exchange.trailPlace = Int32(truncatingIfNeeded: place)
        }
        trails[place].add(step)
    }

    /// Forgets the attempts; harmless when called twice.
    @inline(__always) mutating func forgetTrail(_ c: Int) {
        let place = Int(clients[c].exchange.trailPlace)
        guard place >= 0 else { return }
        clients[c].exchange.trailPlace = -1
        trails.remove(trails.handle(at: place))
    }

    /// Keeps what there is to tell of an exchange that is over, if it is one of those.
    @inline(__always) mutating func keepRecord(_ c: Int, hasEndpoint: Bool) {
        guard clients[c].kind != .passage else { return }
        let isKept = requests.capacity > 0 && isWorthKeeping(c)
        let isExported = isExported(c)
        guard isKept || isExported else { return }
        let record = story(c, hasEndpoint: hasEndpoint)
        if isKept { requests.write(record, isFailure: isFailure(c, hasEndpoint: hasEndpoint)) }
        if isExported { exportSpans(c, record) }
    }

    /// A server error, or an answer that broke; not what the client alone has done.
    private func isFailure(_ c: Int, hasEndpoint: Bool) -> Bool {
        guard hasEndpoint, case .fault(let fault) = clients[c].exchange.reason else {
            return clients[c].exchange.status >= 500
        }
        return fault.isFailure
    }

    @inline(__always) private mutating func isWorthKeeping(_ c: Int) -> Bool {
        nameRequest(c)
        let status = clients[c].exchange.status
        let isGood: Bool
        switch clients[c].exchange.reason {
        case .completed, .route: isGood = status / 100 == 2
        case .refused: isGood = false
        case .fault:
            // Without a head or an answer nobody has asked for anything.
            guard clients[c].exchange.head.length > 0 || status != 0 else { return false }
            isGood = false
        case .handshake: return false
        }
        let draw = UInt64(truncatingIfNeeded: clients[c].exchange.requestID.bits) % 100
        return !isGood || draw < keptShare
    }

    @inline(never) private mutating func story(_ c: Int, hasEndpoint: Bool) -> RequestRecord {
        typealias Place = RequestRecord.Place
        nameRequest(c)
        let exchange = clients[c].exchange
        var record = RequestRecord()
        record.words[Place.id] = UInt64(truncatingIfNeeded: exchange.requestID.bits >> 64)
        record.words[Place.id + 1] = UInt64(truncatingIfNeeded: exchange.requestID.bits)
        let taken = now - exchange.began
        let realtime = Clock.realtime() &- taken.nanoseconds
        record.words[Place.began] = UInt64(bitPattern: realtime)
        record.words[Place.generation] = snapshot.generation
        record.words[Place.total] = UInt64(clamping: taken.microseconds)
        record.words[Place.bytesIn] = exchange.bytesIn
        record.words[Place.bytesOut] = exchange.bytesOut
        let client = client(of: c)
        record.words[Place.client] = UInt64(truncatingIfNeeded: client.bits >> 64)
        record.words[Place.client + 1] = UInt64(truncatingIfNeeded: client.bits)
        record[.isIPv4] = client.isIPv4 ? 1 : 0
        record[.isSecure] = clients[c].isSecure ? 1 : 0
        record[.worker] = worker
        if exchange.route >= 0 { record.words[Place.route] = routeRecord(c).identity }
        record[.status] = Int(exchange.status)
        record[.turn] = Int(exchange.turn.rawValue)
        record[.hasEndpoint] = hasEndpoint ? 1 : 0
        record[.isLastResort] = exchange.isLastResort ? 1 : 0
        record.set(exchange.reason)
        addTimes(exchange, to: &record)
        addAttempts(c, hasEndpoint: hasEndpoint, to: &record)
        addCandidates(exchange, to: &record)
        addHead(c, to: &record)
        return record
    }

    private func addTimes(_ exchange: Exchange, to record: inout RequestRecord) {
        func mark(_ part: RequestRecord.Part, _ at: Instant) {
            guard at != .start else { return }
            record[part] = Int(max((at - exchange.began).microseconds, 1))
        }
        mark(.headDone, exchange.headDone)
        mark(.attempted, exchange.attemptBegan)
        mark(.connected, exchange.connected)
        mark(.sent, exchange.sent)
        mark(.firstByte, exchange.firstByte)
    }

    private func addAttempts(_ c: Int, hasEndpoint: Bool, to record: inout RequestRecord) {
        let exchange = clients[c].exchange
        let place = Int(exchange.trailPlace)
        if place >= 0 {
            for number in 0..<trails[place].count {
                record.add(RequestRecord.Attempt(trails[place][number], from: exchange.began))
            }
        }
        // Those under way ended with the exchange, well or not. Where two of them were, nobody had
        // answered.
        let rival = Int(exchange.rival)
        if rival >= 0 {
            var other = RequestRecord.Attempt(step(rivals[rival]), from: exchange.began)
            other.end(with: exchange.reason)
            other.isOvertaken = other.fault == 0
            record.add(other)
        }
        guard exchange.attemptSlot >= 0 else { return }
        var step = presentStep(c)
        step.status = hasEndpoint ? exchange.status : 0
        var last = RequestRecord.Attempt(step, from: exchange.began)
        last.end(with: exchange.reason)
        record.add(last)
    }

    private func addCandidates(_ exchange: Exchange, to record: inout RequestRecord) {
        guard exchange.pool >= 0 else { return }
        record[.pool] = Int(exchange.poolSlot) &+ 1
        let pool = Int(exchange.pool)
        var place = 0
        while let sketch = chooser.sketch(pool: pool, place: place, tried: exchange.triedSet) {
            record.add(sketch)
            place &+= 1
            // The others are only counted.
            guard place < RequestRecord.candidateLimit else { break }
        }
        record[.candidates] = chooser.endpointCount(pool: pool)
    }

    /// What was asked for, and the name that a trusted proxy gave it.
    private mutating func addHead(_ c: Int, to record: inout RequestRecord) {
        let head = clients[c].exchange.head
        let isTunnel = clients[c].phase == .tunnel || clients[c].exchange.status == 101
        guard head.length > 0, !isTunnel else { return }
        if case .refused = clients[c].exchange.reason { return }
        record[.method] = Int(head.method.rawValue) &+ 1
        let hasNames = recallHead(c)
        let bytes = requestBytes(c)
        record.setText(host: bytes.slice(head.host), path: bytes.slice(head.path))
        guard hasNames, isTrusted(c), let index = fields.first(.xRequestID) else { return }
        let name = bytes.slice(fields[index].value)
        guard RequestID.isAcceptable(name) else { return }
        record.words[RequestRecord.Place.alias] = RequestName.alias(name)
    }
}

extension RequestRecord.Attempt {
    /// What an exchange that ends says of an attempt that is under way.
    fileprivate mutating func end(with reason: Reason) {
        switch reason {
        case .fault(let found): fault = found.rawValue &+ 1
        case .refused(let refusal):
            fault = refusal.rawValue &+ 1
            isRefused = true
        case .completed, .handshake, .route: fault = 0
        }
    }
}

extension RequestRecord {
    mutating func set(_ reason: Reason) {
        switch reason {
        case .completed, .handshake: self[.cause] = 0
        case .refused(let refusal):
            self[.cause] = 1
            self[.detail] = Int(refusal.rawValue)
        case .fault(let fault):
            self[.cause] = 2
            self[.detail] = Int(fault.rawValue)
        case .route(let answer):
            self[.cause] = 3
            self[.detail] = Int(answer.rawValue)
        }
    }
}
