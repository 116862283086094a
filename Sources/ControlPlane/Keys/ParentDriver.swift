// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Asks parents for DS sets on the control loop: sockets and clocks for ``ParentMachine``.
///
/// Every question has a socket, and so a port, of its own (RFC 5452 §9.2).
struct ParentDriver: ~Copyable {
    static let eventKind: UInt8 = 88
    /// Zones that are asked about at a time; others wait for their turn.
    static let zoneLimit = 16

    private struct Flight {
        let zone: String
        let question: ParentMachine.Question
        let fd: FileDescriptor
        var received: [UInt8] = []
        var isSent: Bool
    }

    private struct Place {
        var generation: UInt32 = 0
        var flight: Flight?
    }

    private var machines: [String: ParentMachine] = [:]
    private var waiting: [(zone: String, machine: ParentMachine)] = []
    private var places: [Place] = []
    private var outcomes: [(zone: String, outcome: ParentMachine.Outcome)] = []
    private var random = SystemRandomNumberGenerator()

    deinit { for place in places { place.flight?.fd.close() } }

    /// Asks about a zone, unless that is under way.
    mutating func ask(_ zone: String, _ machine: ParentMachine) {
        guard machines[zone] == nil, !waiting.contains(where: { $0.zone == zone }) else { return }
        waiting.append((zone, machine))
    }

    /// What has come of questions since the last call.
    mutating func takeOutcomes() -> [(zone: String, outcome: ParentMachine.Outcome)] {
        defer { outcomes = [] }
        return outcomes
    }

    /// When ``expire(now:loop:)`` next has something to do.
    func nextDeadline() -> Instant {
        if !outcomes.isEmpty || !waiting.isEmpty && machines.count < Self.zoneLimit {
            return .start
        }
        return machines.values.map(\.deadline).min() ?? .never
    }

    mutating func expire(now: Instant, loop: inout EventLoop) {
        for zone in Array(machines.keys) {
            guard let effect = machines[zone]?.expire(now: now, random: &random) else { continue }
            carryOut(effect, zone, &loop)
        }
        while machines.count < Self.zoneLimit, !waiting.isEmpty {
            let (zone, machine) = waiting.removeFirst()
            machines[zone] = machine
            guard let effect = machines[zone]?.begin(now: now, random: &random) else { continue }
            carryOut(effect, zone, &loop)
        }
    }

    mutating func handle(_ event: Event, now: Instant, loop: inout EventLoop) {
        let token = EventToken(raw: event.token)
        guard places.indices.contains(token.index), let flight = places[token.index].flight,
            token.names(
                Handle(index: UInt32(token.index), generation: places[token.index].generation)
            )
        else { return }
        if flight.question.isStream, !flight.isSent {
            sendStream(token.index, &loop)
        } else {
            receive(token.index, &loop)
        }
    }

    private mutating func carryOut(
        _ effect: ParentMachine.Effect,
        _ zone: String,
        _ loop: inout EventLoop
    ) {
        var next: ParentMachine.Effect? = effect
        while let effect = next {
            next = nil
            closeAnswered(zone)
            if let outcome = effect.outcome {
                outcomes.append((zone, outcome))
                machines[zone] = nil
                closeAnswered(zone)
                return
            }
            for question in effect.questions {
                guard let error = start(question, zone, &loop) else { continue }
                let failed = machines[zone]?.fail(question, "\(error)")
                if failed?.outcome != nil { next = failed }
            }
        }
    }

    private mutating func start(
        _ question: ParentMachine.Question,
        _ zone: String,
        _ loop: inout EventLoop
    ) -> SystemError? {
        do throws(SystemError) {
            let fd = question.isStream ? try stream(question) : try datagram(question)
            let index = places.firstIndex { $0.flight == nil } ?? places.count
            if index == places.count { places.append(Place()) }
            places[index].generation &+= 1
            places[index].flight = Flight(
                zone: zone,
                question: question,
                fd: fd,
                isSent: !question.isStream
            )
            let handle = Handle(index: UInt32(index), generation: places[index].generation)
            let token = EventToken(kind: ParentDriver.eventKind, handle: handle)
            loop.add(fd, token: token.raw, interest: question.isStream ? [.read, .write] : .read)
            return nil
        } catch {
            return error
        }
    }

    private func datagram(_ question: ParentMachine.Question) throws(SystemError) -> FileDescriptor
    {
        let any = question.server.ip.isIPv4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
        let fd = try Socket.bindDatagram(SocketAddress(any, port: 0), reusePort: false)
        if let error = Socket.attach(fd, to: question.server) {
            fd.close()
            throw error
        }
        if case .failed(let error) = Socket.send(fd, question.bytes.span) {
            fd.close()
            throw error
        }
        return fd
    }

    private func stream(_ question: ParentMachine.Question) throws(SystemError) -> FileDescriptor {
        switch Socket.connect(to: question.server) {
        case .connected(let fd), .inProgress(let fd): return fd
        case .failed(let error): throw error
        }
    }

    private mutating func sendStream(_ index: Int, _ loop: inout EventLoop) {
        guard let flight = places[index].flight else { return }
        if let error = Socket.error(flight.fd) { return failed(index, "\(error)", &loop) }
        let bytes = flight.question.bytes
        let length = [UInt8(bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)]
        guard Socket.send(flight.fd, (length + bytes).span) == .count(bytes.count + 2) else {
            return failed(index, "cannot send", &loop)
        }
        places[index].flight?.isSent = true
        let handle = Handle(index: UInt32(index), generation: places[index].generation)
        let token = EventToken(kind: ParentDriver.eventKind, handle: handle)
        loop.modify(flight.fd, token: token.raw, interest: .read)
    }

    private mutating func receive(_ index: Int, _ loop: inout EventLoop) {
        guard let flight = places[index].flight else { return }
        var result = IOResult.wouldBlock
        let piece = [UInt8](capacity: 65_535) { output in
            result = Socket.receive(flight.fd, into: &output)
        }
        switch result {
        case .wouldBlock: return
        case .count where !flight.question.isStream: deliver(flight, piece, &loop)
        case .count:
            let received = flight.received + piece
            places[index].flight?.received = received
            guard received.count >= 2 else { return }
            let length = Int(received[0]) << 8 | Int(received[1])
            guard received.count >= length + 2 else { return }
            deliver(flight, Array(received[2..<length + 2]), &loop)
            // A stream that said something else will not say it better.
            guard places[index].flight?.question == flight.question else { return }
            failed(index, "what it says is no answer", &loop)
        case .endOfStream: failed(index, "it closed the connection", &loop)
        case .failed(let error): failed(index, "\(error)", &loop)
        }
    }

    private mutating func deliver(_ flight: Flight, _ message: [UInt8], _ loop: inout EventLoop) {
        guard let effect = machines[flight.zone]?.receive(message, for: flight.question) else {
            return
        }
        carryOut(effect, flight.zone, &loop)
    }

    private mutating func failed(_ index: Int, _ reason: String, _ loop: inout EventLoop) {
        guard let flight = places[index].flight else { return }
        close(index)
        guard let effect = machines[flight.zone]?.fail(flight.question, reason) else { return }
        carryOut(effect, flight.zone, &loop)
    }

    // Closes what nobody waits for any more.
    private mutating func closeAnswered(_ zone: String) {
        for index in places.indices {
            guard let flight = places[index].flight, flight.zone == zone,
                machines[zone]?.isWaiting(for: flight.question) != true
            else { continue }
            close(index)
        }
    }

    private mutating func close(_ index: Int) {
        places[index].flight?.fd.close()
        places[index].flight = nil
    }
}
