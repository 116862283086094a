// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Runtime
import Testing

@testable import ControlPlane

/// A driver and the server that it asks, on one event loop: no thread, no sleep.
private struct ResolverStage: ~Copyable {
    private static let datagramKind: UInt8 = 200
    private static let listenerKind: UInt8 = 201
    private static let streamKind: UInt8 = 202

    var loop: EventLoop
    var driver = ResolverDriver()
    let datagrams: FileDescriptor
    let listener: FileDescriptor
    let server: SocketAddress
    var batch = DatagramBatch(capacity: 64, inputSize: 512, outputSize: 512)
    var streams: [FileDescriptor] = []
    /// What is said to a question; the datagrams are sent in this order.
    var answer: (_ query: [UInt8], _ isStream: Bool) -> [[UInt8]] = { _, _ in [] }
    var wishes: [NameWish] = []
    /// Questions that have come as datagrams.
    var questions = 0

    init() throws {
        let (datagrams, listener) = try Self.sockets()
        let server = try #require(Socket.localAddress(listener))
        let loop = try EventLoop()
        (self.datagrams, self.listener, self.server) = (datagrams, listener, server)
        self.loop = loop
        self.loop.add(
            datagrams,
            token: EventToken(kind: Self.datagramKind, index: 0).raw,
            interest: .read
        )
        self.loop.add(
            listener,
            token: EventToken(kind: Self.listenerKind, index: 0).raw,
            interest: .read
        )
    }

    /// One port for both; what one of them has been given may be another's for the other.
    private static func sockets() throws -> (FileDescriptor, FileDescriptor) {
        let any = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)
        var failure = SystemError(code: 0)
        for _ in 0..<20 {
            let datagrams = try Socket.bindDatagram(any, reusePort: false)
            let address = Socket.localAddress(datagrams) ?? any
            do throws(SystemError) {
                return (datagrams, try Socket.listen(address, backlog: 128, reusePort: false))
            } catch {
                datagrams.close()
                failure = error
            }
        }
        throw failure
    }

    deinit {
        datagrams.close()
        listener.close()
        for fd in streams { fd.close() }
    }

    /// Has names resolved as those of aliases are.
    mutating func configure(
        _ names: Range<Int>,
        servers: [SocketAddress]? = nil,
        keeping: Bool = false,
        now: Instant = Clock.monotonic()
    ) {
        if !keeping { wishes = [] }
        wishes += names.map { number in
            NameWish(
                key: ResolvedNames.Key(host: "n\(number).test", server: nil, isAlias: true),
                minTTL: .seconds(60),
                maxTTL: .seconds(60),
                servers: servers ?? [server]
            )
        }
        driver.configure(wishes, now: now)
    }

    /// Lets events and real time pass until so many lookups are over, or for 5 s.
    mutating func lookups(_ count: Int) -> [String: FamilyAnswers] {
        let limit = Clock.monotonic() + .seconds(5)
        var done: [String: FamilyAnswers] = [:]
        while done.count < count, Clock.monotonic() < limit {
            driver.expire(now: Clock.monotonic(), loop: &loop)
            done.merge(ended()) { $1 }
            take(waiting: 20)
        }
        return done
    }

    mutating func ended() -> [String: FamilyAnswers] {
        var done: [String: FamilyAnswers] = [:]
        for (key, outcome) in driver.takeOutcomes() {
            if case .families(let answers) = outcome { done[key.host] = answers }
        }
        return done
    }

    /// Takes the events that are there.
    mutating func take(waiting milliseconds: Int, now: Instant? = nil) {
        let count = loop.wait(timeoutMilliseconds: milliseconds)
        for index in 0..<count {
            let event = loop.event(index)
            let token = EventToken(raw: event.token)
            switch token.kind {
            case ResolverDriver.eventKind:
                driver.handle(event, now: now ?? Clock.monotonic(), loop: &loop)
            case Self.datagramKind: hear()
            case Self.listenerKind: accept()
            default: hear(streams[token.index])
            }
        }
    }

    private mutating func hear() {
        while case .count(let count) = batch.receive(datagrams) {
            questions += count
            for index in 0..<count {
                for answer in answer(query(index), false) {
                    batch.reply(index) { _, output in for octet in answer { output.append(octet) } }
                }
            }
            _ = batch.send(datagrams)
        }
    }

    private func query(_ index: Int) -> [UInt8] {
        let bytes = batch.bytes(index)
        return bytes.indices.map { bytes[$0] }
    }

    private mutating func accept() {
        while case .connection(let fd, _) = Socket.accept(listener) {
            let token = EventToken(kind: Self.streamKind, index: streams.count)
            loop.add(fd, token: token.raw, interest: [.read, .edge])
            streams.append(fd)
            hear(fd)
        }
    }

    private func hear(_ fd: FileDescriptor) {
        var result = IOResult.wouldBlock
        let query = [UInt8](capacity: 600) { result = Socket.receive(fd, into: &$0) }
        guard case .count = result else { return }
        for answer in answer(Array(query.dropFirst(2)), true) {
            let length = [UInt8(answer.count >> 8), UInt8(truncatingIfNeeded: answer.count)]
            _ = Socket.send(fd, (length + answer).span)
        }
    }
}

@Suite struct ResolverDriverTests {
    /// An address for A, none for AAAA.
    private static func answer(_ query: [UInt8]) -> [UInt8] {
        var answer = ResolverAnswer(to: query)
        // The type is in front of the class and the OPT record of 11 octets.
        if query[query.count - 14] == 1 {
            answer.add(ResolverAnswer.question, .A, ttl: 60, [192, 0, 2, 1])
        }
        return answer.bytes
    }

    private static func truncated(_ query: [UInt8]) -> [UInt8] {
        ResolverAnswer(to: query, truncated: true).bytes
    }

    private static let address = [IPAddress(v4: 0xc000_0201)]

    @Test func `ten thousand names that wait, and whose questions fail at once, are over at once`()
        throws
    {
        var stage = try ResolverStage()
        let now = Clock.monotonic()
        // All seats are taken when the others come.
        stage.configure(0..<ResolverDriver.seatLimit, now: now)
        stage.driver.expire(now: now, loop: &stage.loop)
        // No socket may be connected to it.
        let nowhere = SocketAddress(IPAddress(v4: 0xffff_ffff), port: 53)
        stage.configure(
            ResolverDriver.seatLimit..<10_000,
            servers: [nowhere],
            keeping: true,
            now: now
        )
        stage.driver.expire(now: now, loop: &stage.loop)
        #expect(stage.ended().isEmpty)
        stage.answer = { query, _ in [Self.answer(query)] }
        let done = stage.lookups(10_000)
        #expect(done.count == 10_000)
        #expect(done["n0.test"]?.failure == "")
        #expect(done["n9999.test"]?.failure.isEmpty == false)
    }

    @Test func `hundreds of names are resolved over TCP, when no answer fits a datagram`() throws {
        var stage = try ResolverStage()
        stage.answer = { query, isStream in
            [isStream ? Self.answer(query) : Self.truncated(query)]
        }
        stage.configure(0..<300)
        let done = stage.lookups(300)
        #expect(done.count == 300)
        let areAll = done.values.allSatisfy {
            $0.ipv4?.addresses == Self.address && $0.ipv6?.addresses == []
        }
        #expect(areAll)
        #expect(stage.streams.count == 600)
    }

    @Test func `the clock of a name runs from when it is asked for`() throws {
        var stage = try ResolverStage()
        var now = Clock.monotonic()
        stage.configure(0..<150, now: now)
        stage.driver.expire(now: now, loop: &stage.loop)
        stage.take(waiting: 0, now: now)
        #expect(stage.questions == ResolverDriver.seatLimit * 2)
        // The first ones get no answer; the others have not been asked for until they are over.
        var failed: [String: FamilyAnswers] = [:]
        var turns = 0
        while failed.isEmpty, turns < 100 {
            turns += 1
            stage.take(waiting: 0, now: now)
            now = stage.driver.nextDeadline()
            stage.driver.expire(now: now, loop: &stage.loop)
            failed = stage.ended()
        }
        #expect(failed.count == ResolverDriver.seatLimit)
        stage.answer = { query, _ in [Self.answer(query)] }
        var done: [String: FamilyAnswers] = [:]
        let limit = Clock.monotonic() + .seconds(5)
        while done.count < 150 - failed.count, Clock.monotonic() < limit {
            stage.take(waiting: 20, now: now)
            done.merge(stage.ended()) { $1 }
        }
        #expect(done.count == 150 - failed.count)
        let areAll = done.values.allSatisfy { $0.failure.isEmpty }
        #expect(areAll)
    }

    @Test func `names that are gone ask nothing, and make room`() throws {
        var stage = try ResolverStage()
        let now = Clock.monotonic()
        stage.configure(0..<200, now: now)
        stage.driver.expire(now: now, loop: &stage.loop)
        stage.answer = { query, _ in [Self.answer(query)] }
        stage.configure(190..<210, now: now)
        stage.driver.expire(now: now, loop: &stage.loop)
        let done = stage.lookups(20)
        #expect(Set(done.keys) == Set((190..<210).map { "n\($0).test" }))
    }

    @Test func `a forged datagram is passed over, and the answer behind it is taken`() throws {
        var stage = try ResolverStage()
        stage.answer = { query, _ in
            var forged = Self.answer(query)
            forged[0] ^= 0xff
            return [forged, Self.answer(query)]
        }
        stage.configure(0..<1)
        #expect(stage.lookups(1)["n0.test"]?.ipv4?.addresses == Self.address)
    }

    @Test func `a stream is read to the end of its first message, whatever that is`() throws {
        var stage = try ResolverStage()
        stage.answer = { query, isStream in
            guard isStream else { return [Self.truncated(query)] }
            var foreign = Self.answer(query)
            foreign[0] ^= 0xff
            return [foreign, Self.answer(query)]
        }
        stage.configure(0..<1)
        let done = try #require(stage.lookups(1)["n0.test"])
        #expect(done.ipv4 == nil)
        #expect(done.failure == "\(stage.server): what it says is no answer")
    }
}
