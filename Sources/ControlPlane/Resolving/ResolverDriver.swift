// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// A name to be kept resolved.
struct NameWish: Hashable, Sendable {
    var key: ResolvedNames.Key
    var minTTL: Interval
    var maxTTL: Interval
    /// For an alias, or what a policy answers with: the servers asked; none for those of the system.
    var servers: [SocketAddress] = []
}

/// Keeps names resolved on the control loop: sockets and clocks for ``NameMachine``.
///
/// Every question has a socket of its own, so that each comes from a port that cannot be guessed
/// (RFC 5452 §9.2) and takes datagrams from the asked server only. A name that is due waits for a
/// seat, without its clock running, and keeps that until its resolution is over: whatever it has to
/// ask on the way is asked at once.
struct ResolverDriver: ~Copyable {
    static let eventKind: UInt8 = 82
    /// Names under way at a time, with two questions each at most; further ones wait.
    static let seatLimit = 64

    private struct Name {
        let key: ResolvedNames.Key
        var machine: NameMachine
        /// Where its questions are.
        var places: [Int] = []
        var isSeated = false
        var isWaiting = false
    }

    private struct Flight {
        let name: Int
        let question: NameMachine.Question
        let fd: FileDescriptor
        var received: [UInt8] = []
        var isSent: Bool
    }

    private struct Place {
        var generation: UInt32 = 0
        var flight: Flight?
    }

    private var system = ResolverConfiguration(text: [])
    private var names: [Name?] = []
    private var numbers: [ResolvedNames.Key: Int] = [:]
    private var freeNumbers: [Int] = []
    /// When names are due, or their waits for answers are over.
    private var wheel = TimerWheel(now: .start)
    /// Names that are due, from `nextWaiting` on; those that are gone or were seated are passed over.
    private var waiting: [Int] = []
    private var nextWaiting = 0
    private var seated = 0
    private var places: [Place] = []
    private var outcomes: [(key: ResolvedNames.Key, outcome: NameMachine.Outcome)] = []
    private var random = SystemRandomNumberGenerator()

    deinit { for place in places { place.flight?.fd.close() } }

    /// Makes the wishes the names that are kept resolved; the system's files are read again.
    ///
    /// Names that stay keep their place in time.
    mutating func configure(_ wishes: [NameWish], now: Instant) {
        system = ResolverConfiguration(text: ResolverDriver.file("/etc/resolv.conf"))
        let hosts = HostsFile(text: ResolverDriver.file("/etc/hosts"))
        let hasIPv6 = ResolverDriver.hasIPv6()
        var wanted: Set<ResolvedNames.Key> = []
        for wish in wishes {
            // For an alias, names of the system's own files are not those of DNS.
            if !wish.key.isAlias, let addresses = hosts.addresses(wish.key.host) {
                outcomes.append((wish.key, .addresses(addresses, .max)))
                continue
            }
            wanted.insert(wish.key)
            let machine = machine(wish, system, hasIPv6: hasIPv6, now)
            if let number = numbers[wish.key], let known = names[number]?.machine,
                known.bounds == machine.bounds, known.servers == machine.servers
            {
                continue
            }
            remove(wish.key)
            add(wish.key, machine)
        }
        for key in Array(numbers.keys) where !wanted.contains(key) { remove(key) }
        wheel = TimerWheel(now: now)
        for number in names.indices { schedule(number) }
    }

    /// Asks once, for what clients of a network get; further ones are asked for at their time.
    mutating func ask(_ wish: NameWish, now: Instant) {
        guard numbers[wish.key] == nil else { return }
        // Those that went before have read the system's files.
        add(wish.key, machine(wish, system, hasIPv6: true, now))
        numbers[wish.key].map { schedule($0) }
    }

    private func machine(
        _ wish: NameWish,
        _ system: ResolverConfiguration,
        hasIPv6: Bool,
        _ now: Instant
    ) -> NameMachine {
        var configuration = system
        let bounds = min(wish.minTTL, wish.maxTTL)...wish.maxTTL
        guard !wish.key.isAlias else {
            if !wish.servers.isEmpty { configuration.servers = wish.servers }
            return NameMachine(
                alias: wish.key.host,
                for: wish.key.subnet,
                configuration: configuration,
                bounds: bounds,
                now: now
            )
        }
        if let server = wish.key.server { configuration.servers = [server] }
        if !wish.servers.isEmpty { configuration.servers = wish.servers }
        return NameMachine(
            host: wish.key.host,
            configuration: configuration,
            hasIPv6: hasIPv6,
            bounds: bounds,
            now: now
        )
    }

    private mutating func add(_ key: ResolvedNames.Key, _ machine: NameMachine) {
        let number = freeNumbers.popLast() ?? names.count
        if number == names.count { names.append(nil) }
        names[number] = Name(key: key, machine: machine)
        numbers[key] = number
    }

    private mutating func remove(_ key: ResolvedNames.Key) {
        guard let number = numbers.removeValue(forKey: key) else { return }
        leave(number)
        names[number] = nil
        freeNumbers.append(number)
    }

    private mutating func schedule(_ number: Int) {
        guard let name = names[number], !name.isWaiting else { return }
        wheel.schedule(number, at: name.machine.deadline)
    }

    /// What has come of names since the last call.
    mutating func takeOutcomes() -> [(key: ResolvedNames.Key, outcome: NameMachine.Outcome)] {
        defer { outcomes = [] }
        return outcomes
    }

    /// When ``expire(now:loop:)`` next has something to do.
    func nextDeadline() -> Instant { outcomes.isEmpty ? wheel.nextDeadline() : .start }

    mutating func expire(now: Instant, loop: inout EventLoop) {
        while let number = wheel.popExpired(now: now) {
            if names[number]?.isSeated == true {
                expire(number, now, &loop)
            } else if names[number] != nil {
                names[number]?.isWaiting = true
                waiting.append(number)
            }
        }
        seat(now, &loop)
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
        } else {
            receive(token.index, now, &loop)
        }
        seat(now, &loop)
    }

    // MARK: Seats

    private mutating func seat(_ now: Instant, _ loop: inout EventLoop) {
        while seated < Self.seatLimit, nextWaiting < waiting.count {
            let number = waiting[nextWaiting]
            nextWaiting += 1
            guard names[number]?.isWaiting == true else { continue }
            names[number]?.isWaiting = false
            names[number]?.isSeated = true
            seated += 1
            expire(number, now, &loop)
        }
        guard nextWaiting * 2 >= waiting.count else { return }
        waiting.removeFirst(nextWaiting)
        nextWaiting = 0
    }

    private mutating func leave(_ number: Int) {
        closePlaces(of: number)
        guard names[number]?.isSeated == true else { return }
        names[number]?.isSeated = false
        seated -= 1
    }

    private mutating func expire(_ number: Int, _ now: Instant, _ loop: inout EventLoop) {
        guard let effect = names[number]?.machine.expire(now: now, random: &random) else { return }
        carryOut(effect, number, now, &loop)
    }

    // MARK: Questions

    private mutating func carryOut(
        _ first: NameMachine.Effect,
        _ number: Int,
        _ now: Instant,
        _ loop: inout EventLoop
    ) {
        guard let key = names[number]?.key else { return }
        // Where questions fail at once, as without a route, this goes on to the last server.
        var next: NameMachine.Effect? = first
        while let effect = next {
            if let outcome = effect.outcome { outcomes.append((key, outcome)) }
            // A new round has no use for the answers of the former one.
            if effect.questions.contains(where: { !$0.isStream }) { closePlaces(of: number) }
            next = nil
            for question in effect.questions where next == nil {
                guard let error = start(question, number, &loop) else { continue }
                next = names[number]?.machine.fail(question, "\(error)", now: now, random: &random)
            }
        }
        if names[number]?.machine.isAsking != true {
            leave(number)
            // Whoever wants it again asks again.
            if key.subnet != nil { return remove(key) }
        }
        schedule(number)
    }

    private mutating func start(
        _ question: NameMachine.Question,
        _ number: Int,
        _ loop: inout EventLoop
    ) -> SystemError? {
        do throws(SystemError) {
            let fd = question.isStream ? try stream(question) : try datagram(question)
            let index = places.firstIndex { $0.flight == nil } ?? places.count
            if index == places.count { places.append(Place()) }
            places[index].generation &+= 1
            places[index].flight = Flight(
                name: number,
                question: question,
                fd: fd,
                isSent: !question.isStream
            )
            names[number]?.places.append(index)
            loop.add(
                fd,
                token: token(index).raw,
                interest: question.isStream ? [.read, .write] : .read
            )
            return nil
        } catch {
            return error
        }
    }

    private func token(_ index: Int) -> EventToken {
        let handle = Handle(index: UInt32(index), generation: places[index].generation)
        return EventToken(kind: ResolverDriver.eventKind, handle: handle)
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
            failed(index, "\(error)", now, &loop)
            return
        }
        let bytes = flight.question.bytes
        let length = [UInt8(truncatingIfNeeded: bytes.count >> 8), UInt8(bytes.count & 0xff)]
        // A query fits the empty send buffer of a new connection.
        guard Socket.send(flight.fd, (length + bytes).span) == .count(bytes.count + 2) else {
            failed(index, "cannot send", now, &loop)
            return
        }
        places[index].flight?.isSent = true
        loop.modify(flight.fd, token: token(index).raw, interest: .read)
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
            let received = flight.received + piece
            places[index].flight?.received = received
            guard received.count >= 2 else { return }
            let length = Int(received[0]) << 8 | Int(received[1])
            guard received.count >= length + 2 else { return }
            deliver(index, Array(received[2..<length + 2]), now, &loop)
        case .endOfStream: failed(index, "it closed the connection", now, &loop)
        case .failed(let error): failed(index, "\(error)", now, &loop)
        }
    }

    private mutating func deliver(
        _ index: Int,
        _ message: [UInt8],
        _ now: Instant,
        _ loop: inout EventLoop
    ) {
        guard let flight = places[index].flight,
            let effect = names[flight.name]?.machine.receive(
                message,
                for: flight.question,
                now: now,
                random: &random
            )
        else { return }
        if names[flight.name]?.machine.isWaiting(for: flight.question) != true {
            close(index)
            carryOut(effect, flight.name, now, &loop)
        } else if flight.question.isStream {
            failed(index, "what it says is no answer", now, &loop)
        }
        // A datagram that is no answer may be forged: the true one can come still.
    }

    private mutating func failed(
        _ index: Int,
        _ reason: String,
        _ now: Instant,
        _ loop: inout EventLoop
    ) {
        guard let flight = places[index].flight else { return }
        close(index)
        guard
            let effect = names[flight.name]?.machine.fail(
                flight.question,
                reason,
                now: now,
                random: &random
            )
        else { return }
        carryOut(effect, flight.name, now, &loop)
    }

    private mutating func closePlaces(of number: Int) {
        for index in names[number]?.places ?? [] { close(index) }
    }

    private mutating func close(_ index: Int) {
        guard let flight = places[index].flight else { return }
        flight.fd.close()
        places[index].flight = nil
        names[flight.name]?.places.removeAll { $0 == index }
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
