// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// A name to be kept resolved.
struct NameWish: Hashable, Sendable {
    var key: ResolvedNames.Key
    var minTTL: Interval
    var maxTTL: Interval
    /// For an alias: the servers asked; none for those of the system.
    var servers: [SocketAddress] = []
}

/// Keeps names resolved on the control loop: sockets and clocks for ``NameMachine``.
///
/// Every question has a socket of its own, so that each comes from a port that cannot be guessed
/// (RFC 5452 §9.2) and takes datagrams from the asked server only.
struct ResolverDriver: ~Copyable {
    static let eventKind: UInt8 = 82
    /// Questions under way at a time; further names wait.
    static let concurrentQuestions = 128

    private struct Flight {
        let key: ResolvedNames.Key
        let question: NameMachine.Question
        let fd: FileDescriptor
        var received: [UInt8] = []
        var isSent: Bool
    }

    private struct Place {
        var generation: UInt32 = 0
        var flight: Flight?
    }

    private var machines: [ResolvedNames.Key: NameMachine] = [:]
    private var fixed: Set<ResolvedNames.Key> = []
    private var places: [Place] = []
    private var outcomes: [(key: ResolvedNames.Key, outcome: NameMachine.Outcome)] = []
    /// Names with questions that wait or are under way.
    private var busy: Set<ResolvedNames.Key> = []
    private var random = SystemRandomNumberGenerator()
    private var queue: [(key: ResolvedNames.Key, question: NameMachine.Question)] = []

    deinit { for place in places { place.flight?.fd.close() } }

    /// Makes the wishes the names that are kept resolved; the system's files are read again.
    ///
    /// Names that stay keep their place in time.
    mutating func configure(_ wishes: [NameWish], now: Instant) {
        let system = ResolverConfiguration(text: ResolverDriver.file("/etc/resolv.conf"))
        let hosts = HostsFile(text: ResolverDriver.file("/etc/hosts"))
        let hasIPv6 = ResolverDriver.hasIPv6()
        var kept: [ResolvedNames.Key: NameMachine] = [:]
        fixed = []
        for wish in wishes {
            if wish.key.isAlias {
                kept[wish.key] = alias(wish, system, now)
                continue
            }
            if let addresses = hosts.addresses(wish.key.host) {
                fixed.insert(wish.key)
                outcomes.append((wish.key, .addresses(addresses, .max)))
                continue
            }
            let lower = min(wish.minTTL, wish.maxTTL)
            if let known = machines[wish.key], known.bounds == lower...wish.maxTTL {
                kept[wish.key] = known
                continue
            }
            var configuration = system
            if let server = wish.key.server { configuration.servers = [server] }
            kept[wish.key] = NameMachine(
                host: wish.key.host,
                configuration: configuration,
                hasIPv6: hasIPv6,
                bounds: lower...wish.maxTTL,
                now: now
            )
        }
        machines = kept
        busy = busy.filter { kept[$0] != nil }
        queue.removeAll { machines[$0.key] == nil }
        for index in places.indices {
            if let flight = places[index].flight, machines[flight.key] == nil { close(index) }
        }
    }

    /// For an alias: names of the system's own files are not those of DNS, and no suffix is tried.
    private func alias(
        _ wish: NameWish,
        _ system: ResolverConfiguration,
        _ now: Instant
    ) -> NameMachine {
        var configuration = system
        if !wish.servers.isEmpty { configuration.servers = wish.servers }
        let bounds = min(wish.minTTL, wish.maxTTL)...wish.maxTTL
        if let known = machines[wish.key], known.bounds == bounds,
            known.servers == configuration.servers
        {
            return known
        }
        return NameMachine(
            alias: wish.key.host,
            configuration: configuration,
            bounds: bounds,
            now: now
        )
    }

    /// What has come of names since the last call.
    mutating func takeOutcomes() -> [(key: ResolvedNames.Key, outcome: NameMachine.Outcome)] {
        defer { outcomes = [] }
        return outcomes
    }

    /// When ``expire(now:loop:)`` next has something to do.
    func nextDeadline() -> Instant {
        outcomes.isEmpty ? machines.values.map(\.deadline).min() ?? .never : .start
    }

    mutating func expire(now: Instant, loop: inout EventLoop) {
        for (key, machine) in machines where machine.deadline <= now {
            closeAll(of: key)
            guard let effect = machines[key]?.expire(now: now, random: &random) else { continue }
            carryOut(effect, key, now, &loop)
        }
        startQueued(now, &loop)
    }

    mutating func handle(_ event: Event, now: Instant, loop: inout EventLoop) {
        let token = EventToken(raw: event.token)
        guard places.indices.contains(token.index), let flight = places[token.index].flight,
            token.names(
                Handle(index: UInt32(token.index), generation: places[token.index].generation)
            )
        else { return }
        if flight.question.isStream, !flight.isSent {
            sendStream(token.index, now, &loop)
            return
        }
        receive(token.index, now, &loop)
    }

    // MARK: Questions

    private mutating func carryOut(
        _ effect: NameMachine.Effect,
        _ key: ResolvedNames.Key,
        _ now: Instant,
        _ loop: inout EventLoop
    ) {
        if let outcome = effect.outcome {
            closeAll(of: key)
            outcomes.append((key, outcome))
        }
        // A new round has no use for the answers of the former one.
        if effect.questions.contains(where: { !$0.isStream }) { closeAll(of: key) }
        for question in effect.questions { queue.append((key, question)) }
        if !effect.questions.isEmpty { busy.insert(key) }
        startQueued(now, &loop)
    }

    private mutating func startQueued(_ now: Instant, _ loop: inout EventLoop) {
        while !queue.isEmpty, places.count(where: { $0.flight != nil }) < Self.concurrentQuestions {
            let (key, question) = queue.removeFirst()
            start(key, question, now, &loop)
        }
    }

    private mutating func start(
        _ key: ResolvedNames.Key,
        _ question: NameMachine.Question,
        _ now: Instant,
        _ loop: inout EventLoop
    ) {
        do throws(SystemError) {
            let fd = question.isStream ? try stream(question) : try datagram(question)
            let flight = Flight(key: key, question: question, fd: fd, isSent: !question.isStream)
            let index = places.firstIndex { $0.flight == nil } ?? places.count
            if index == places.count { places.append(Place()) }
            places[index].generation &+= 1
            places[index].flight = flight
            let handle = Handle(index: UInt32(index), generation: places[index].generation)
            loop.add(
                fd,
                token: EventToken(kind: ResolverDriver.eventKind, handle: handle).raw,
                interest: question.isStream ? [.read, .write] : .read
            )
        } catch {
            failed(key, question, "\(error)", now, &loop)
        }
    }

    private func datagram(
        _ question: NameMachine.Question
    ) throws(SystemError) -> FileDescriptor {
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

    private func stream(_ question: NameMachine.Question) throws(SystemError) -> FileDescriptor {
        switch Socket.connect(to: question.server) {
        case .connected(let fd), .inProgress(let fd): return fd
        case .failed(let error): throw error
        }
    }

    private mutating func sendStream(_ index: Int, _ now: Instant, _ loop: inout EventLoop) {
        guard let flight = places[index].flight else { return }
        if let error = Socket.error(flight.fd) {
            close(index)
            failed(flight.key, flight.question, "\(error)", now, &loop)
            return
        }
        let bytes = flight.question.bytes
        let length = [UInt8(truncatingIfNeeded: bytes.count >> 8), UInt8(bytes.count & 0xff)]
        // A query fits the empty send buffer of a new connection.
        guard Socket.send(flight.fd, (length + bytes).span) == .count(bytes.count + 2) else {
            close(index)
            failed(flight.key, flight.question, "cannot send", now, &loop)
            return
        }
        places[index].flight?.isSent = true
        let handle = Handle(index: UInt32(index), generation: places[index].generation)
        let token = EventToken(kind: ResolverDriver.eventKind, handle: handle)
        loop.modify(flight.fd, token: token.raw, interest: .read)
    }

    private mutating func receive(_ index: Int, _ now: Instant, _ loop: inout EventLoop) {
        guard let flight = places[index].flight else { return }
        var result = IOResult.wouldBlock
        let piece = [UInt8](capacity: 65_535) { output in
            result = Socket.receive(flight.fd, into: &output)
        }
        switch result {
        case .wouldBlock: return
        case .count where !flight.question.isStream: deliver(index, piece, now, &loop)
        case .count:
            places[index].flight?.received += piece
            let received = flight.received + piece
            guard received.count >= 2 else { return }
            let length = Int(received[0]) << 8 | Int(received[1])
            guard received.count >= length + 2 else { return }
            deliver(index, Array(received[2..<length + 2]), now, &loop)
        case .endOfStream:
            close(index)
            failed(flight.key, flight.question, "it closed the connection", now, &loop)
        case .failed(let error):
            close(index)
            failed(flight.key, flight.question, "\(error)", now, &loop)
        }
    }

    private mutating func deliver(
        _ index: Int,
        _ message: [UInt8],
        _ now: Instant,
        _ loop: inout EventLoop
    ) {
        guard let flight = places[index].flight,
            let effect = machines[flight.key]?.receive(
                message,
                for: flight.question,
                now: now,
                random: &random
            )
        else { return }
        carryOut(effect, flight.key, now, &loop)
    }

    private mutating func failed(
        _ key: ResolvedNames.Key,
        _ question: NameMachine.Question,
        _ reason: String,
        _ now: Instant,
        _ loop: inout EventLoop
    ) {
        guard
            let effect = machines[key]?.fail(question, reason, now: now, random: &random)
        else { return }
        carryOut(effect, key, now, &loop)
    }

    private mutating func closeAll(of key: ResolvedNames.Key) {
        // With ten thousand names a look for nothing would be a long one.
        guard busy.contains(key) else { return }
        busy.remove(key)
        queue.removeAll { $0.key == key }
        for index in places.indices where places[index].flight?.key == key { close(index) }
    }

    private mutating func close(_ index: Int) {
        places[index].flight?.fd.close()
        places[index].flight = nil
    }

    // MARK: The system

    private static func file(_ path: String) -> [UInt8] {
        (try? File.read(path, limit: 1 << 20)) ?? []
    }

    /// True when there is a way to addresses of IPv6; nothing is sent to find out.
    private static func hasIPv6() -> Bool {
        let any = SocketAddress(IPAddress(v6: 0), port: 0)
        guard let fd = try? Socket.bindDatagram(any, reusePort: false) else { return false }
        defer { fd.close() }
        // 2001:db8::1 is for documentation (RFC 3849): it has a route exactly if anything has.
        let outside = IPAddress(v6: 0x2001_0db8_0000_0000_0000_0000_0000_0001)
        return Socket.attach(fd, to: SocketAddress(outside, port: 53)) == nil
    }
}
