// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

@Suite struct DNSDoorTests {
    func fixture(_ settings: DNSDoorSettings = DNSDoorSettings()) throws -> DoorFixture {
        let zone = try ZoneFixture(["example.com": TruncationTests.zone])
        return try DoorFixture.make(zone.snapshot, settings)
    }

    @Test func `datagrams are answered in batches`() throws {
        var fixture = try fixture()
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        for number in 0..<200 {
            var query = ZoneFixture.query("some.example.com", edns: 1232)
            query[0] = UInt8(number)
            _ = Socket.send(socket, query.span)
        }
        _ = Socket.send(socket, ([0xab, 0xcd, 0x80] as [UInt8]).span)
        fixture.turn()
        var ids: Set<UInt8> = []
        while let bytes = received(socket, limit: 1), let first = bytes.first { ids.insert(first) }
        #expect(ids.count == 200)
        let counts = [
            fixture.count(.queriesUDP), fixture.count(.noError), fixture.count(.malformed),
            fixture.count(.dropped), fixture.count(.unsent),
        ]
        #expect(counts == [200, 200, 1, 1, 0])
    }

    @Test func `under load a socket is looked at and not watched, until it is empty`() throws {
        var fixture = try fixture()
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        // Events, whether the door polls after them, and the queries answered so far.
        func handle(_ queries: Int, _ fixture: inout DoorFixture) -> [Int] {
            for _ in 0..<queries {
                _ = Socket.send(socket, ZoneFixture.query("some.example.com").span)
            }
            let events = fixture.handleEvents()
            return [events, fixture.door.isPolling ? 1 : 0, Int(fixture.count(.queriesUDP))]
        }
        #expect(handle(31, &fixture) == [1, 0, 31])
        #expect(handle(32, &fixture) == [1, 1, 63])
        // What comes now is no event, and is answered all the same.
        #expect(handle(1, &fixture) == [0, 1, 63])
        fixture.door.poll(loop: &fixture.loop, now: fixture.now)
        #expect(handle(0, &fixture) == [0, 1, 64])
        fixture.door.poll(loop: &fixture.loop, now: fixture.now)
        #expect(handle(1, &fixture) == [1, 0, 65])
    }

    @Test func `a socket that is closed under load is not looked at again`() throws {
        var fixture = try fixture()
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        for _ in 0..<40 { _ = Socket.send(socket, ZoneFixture.query("some.example.com").span) }
        fixture.handleEvents()
        let wasPolling = fixture.door.isPolling
        _ = Socket.send(socket, ZoneFixture.query("some.example.com").span)
        fixture.door.closeListener(number: 0, loop: &fixture.loop)
        let (isPolling, isIdle) = (fixture.door.isPolling, fixture.door.isIdle)
        #expect(wasPolling && !isPolling && isIdle)
        let count = fixture.count(.queriesUDP)
        #expect(count == 41, "what waited is answered")
    }

    @Test func `a socket in place of one under load is watched`() throws {
        var fixture = try fixture()
        let (old, new) = (try fixture.datagramSocket(), try fixture.datagramSocket())
        defer { for socket in [old, new] { socket.close() } }
        for _ in 0..<40 { _ = Socket.send(old, ZoneFixture.query("some.example.com").span) }
        fixture.handleEvents()
        let loopback = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)
        let socket = try Socket.bindDatagram(loopback, reusePort: false)
        let address = try #require(Socket.localAddress(socket))
        fixture.door.open(datagrams: socket, number: 0, loop: &fixture.loop)
        #expect(Socket.attach(new, to: address) == nil)
        _ = Socket.send(new, ZoneFixture.query("some.example.com").span)
        let isPolling = fixture.door.isPolling
        let events = fixture.handleEvents()
        #expect(!isPolling && events == 1 && received(new)?.isEmpty == false)
    }

    @Test func `pipelined queries are answered in their order`() throws {
        var fixture = try fixture()
        let socket = try fixture.connect()
        defer { socket.close() }
        fixture.turn()
        var bytes: [UInt8] = []
        for number in 0..<100 {
            var query = ZoneFixture.query("some.example.com")
            query[0] = UInt8(number)
            bytes += framed(query)
        }
        // Cut anywhere: a query may come in pieces.
        for start in stride(from: 0, to: bytes.count, by: 701) {
            _ = Socket.send(socket, Array(bytes[start..<min(start + 701, bytes.count)]).span)
            fixture.turn()
        }
        let answers = messages(received(socket) ?? [])
        #expect(answers.compactMap { $0?.id } == (0..<100).map { UInt16($0) << 8 | 0xcd })
        #expect(answers.allSatisfy { $0?.answers.count == 20 })
        let counts = [
            fixture.count(.queriesTCP), fixture.count(.connectionsAccepted),
            fixture.count(.connectionsClosed),
        ]
        #expect(counts == [100, 1, 0])
    }

    // RFC 7766 §5.
    @Test func `an answer goes the way that its query came`() throws {
        var fixture = try fixture()
        let sockets = [
            try fixture.connect(), try fixture.connect(), try fixture.datagramSocket(),
        ]
        defer { for socket in sockets { socket.close() } }
        fixture.turn()
        for (number, socket) in sockets.enumerated().reversed() {
            var query = ZoneFixture.query("some.example.com")
            query[0] = UInt8(number)
            _ = Socket.send(socket, (number == 2 ? query : framed(query)).span)
        }
        fixture.turn()
        let streams = [messages(received(sockets[0]) ?? []), messages(received(sockets[1]) ?? [])]
        #expect(streams.map { $0.map { $0?.id } } == [[0x00cd], [0x01cd]])
        #expect(DNSMessage(received(sockets[2]) ?? [])?.id == 0x02cd)
    }

    // RFC 7766 §6.2.4.
    @Test func `who has gone gets nothing more`() throws {
        var fixture = try fixture()
        let socket = try fixture.connect()
        let query = framed(ZoneFixture.query("many.example.com"))
        let burst = Array((0..<300).map { _ in query }.joined())
        for _ in 0..<400 {
            _ = Socket.send(socket, burst.span)
            fixture.turn()
        }
        let answered = fixture.count(.queriesTCP)
        #expect(answered > 0 && fixture.shared.connections.load(0) == 1)
        socket.close()
        fixture.turn()
        #expect(fixture.count(.queriesTCP) == answered)
        #expect(fixture.count(.connectionsClosed) == 1 && fixture.shared.connections.load(0) == 0)
    }

    @Test func `what UDP truncates comes whole over TCP`() throws {
        var fixture = try fixture()
        let socket = try fixture.connect()
        defer { socket.close() }
        _ = Socket.send(socket, framed(ZoneFixture.query("many.example.com", edns: 512)).span)
        fixture.turn()
        let answers = messages(received(socket) ?? [])
        #expect(answers.count == 1)
        #expect(answers.first??.answers.count == 100)
        #expect(answers.first??.isTruncated == false)
    }

    @Test func `a silent connection is closed, trickled octets do not extend it`() throws {
        var fixture = try fixture()
        let silent = try fixture.connect()
        let trickling = try fixture.connect()
        let busy = try fixture.connect()
        defer { for socket in [silent, trickling, busy] { socket.close() } }
        fixture.turn()
        let query = framed(ZoneFixture.query("some.example.com"))
        for second in 0..<9 {
            _ = Socket.send(trickling, [query[second]].span)
            _ = Socket.send(busy, query.span)
            fixture.pass(.seconds(1))
        }
        #expect(received(silent) == [])
        fixture.pass(.seconds(2))
        #expect(received(silent) == nil)
        #expect(received(trickling) == nil)
        #expect(messages(received(busy) ?? []).count == 9)
        #expect(fixture.count(.connectionsTimedOut) == 2)
        fixture.pass(.seconds(9))
        #expect(received(busy) == nil)
        #expect(fixture.shared.connections.load(0) == 0)
    }

    @Test func `connections beyond the limit are refused, and places are given back`() throws {
        var fixture = try fixture(DNSDoorSettings(connectionLimit: 3))
        var sockets: [FileDescriptor] = []
        for _ in 0..<5 { sockets.append(try fixture.connect()) }
        fixture.turn()
        #expect(sockets.filter { received($0) == nil }.count == 2)
        #expect(fixture.count(.connectionsRefused) == 2)
        for socket in sockets { socket.close() }
        fixture.turn()
        let next = try fixture.connect()
        fixture.turn()
        #expect(received(next) == [])
        next.close()
    }

    @Test func `a reader that takes nothing is given up, and holds little`() throws {
        var fixture = try fixture()
        let slow = try fixture.connect()
        let other = try fixture.connect()
        defer { for socket in [slow, other] { socket.close() } }
        let query = framed(ZoneFixture.query("many.example.com"))
        let burst = Array((0..<300).map { _ in query }.joined())
        var sent = 0
        // As much as the kernel takes; then the door must stop reading.
        for _ in 0..<400 {
            guard case .count(let count) = Socket.send(slow, burst.span) else { continue }
            sent += count
            fixture.turn()
        }
        let answered = fixture.count(.queriesTCP)
        #expect(answered * UInt64(query.count) < UInt64(sent), "reading has stopped")
        _ = Socket.send(other, query.span)
        fixture.turn()
        #expect(messages(received(other) ?? []).count == 1, "others are served")
        fixture.pass(.seconds(11))
        #expect(fixture.count(.connectionsTimedOut) >= 1)
    }

    @Test func `a slow reader gets everything in the end`() throws {
        var fixture = try fixture()
        let socket = try fixture.connect()
        defer { socket.close() }
        let query = framed(ZoneFixture.query("many.example.com"))
        let total = 4000
        var stream: [UInt8] = []
        var rest = Array((0..<total).map { _ in query }.joined())[...]
        for _ in 0..<20_000 where stream.count < total * 1636 {
            if !rest.isEmpty, case .count(let count) = Socket.send(socket, Array(rest).span) {
                rest = rest.dropFirst(count)
            }
            fixture.turn()
            stream += received(socket, limit: 50_000) ?? []
        }
        let answers = messages(stream)
        #expect(answers.count == total)
        #expect(answers.allSatisfy { $0?.answers.count == 100 })
    }

    @Test(
        arguments: [
            [0, 5, 1, 2, 3, 4, 5], [0xff, 0xff, 1, 2, 3],
            [0, 12, 1, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]]
    )
    func `a stream that is no DNS is closed`(bytes: [UInt8]) throws {
        var fixture = try fixture()
        let socket = try fixture.connect()
        defer { socket.close() }
        _ = Socket.send(socket, (framed(ZoneFixture.query("some.example.com")) + bytes).span)
        fixture.turn()
        let stream = received(socket)
        #expect(messages(stream ?? []).count == 1, "what came before is answered")
        #expect(received(socket) == nil)
    }

    @Test func `a half-closed connection gets its answers`() throws {
        var fixture = try fixture()
        let socket = try fixture.connect()
        defer { socket.close() }
        _ = Socket.send(socket, framed(ZoneFixture.query("some.example.com")).span)
        Socket.shutdownWrite(socket)
        fixture.turn()
        #expect(messages(received(socket) ?? []).count == 1)
        #expect(received(socket) == nil)
        #expect(fixture.count(.connectionsClosed) == 1)
    }

    @Test func `a snapshot is adopted between queries`() throws {
        var fixture = try fixture()
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        let query = ZoneFixture.query("new.example.com")
        _ = Socket.send(socket, query.span)
        fixture.turn()
        #expect(DNSMessage(received(socket, limit: 512) ?? [])?.code == .nameError)
        let zone = try ZoneFixture(["example.com": TruncationTests.zone + "new A 192.0.2.9\n"])
        fixture.door.adopt(zone.snapshot)
        _ = Socket.send(socket, query.span)
        fixture.turn()
        #expect(DNSMessage(received(socket, limit: 512) ?? [])?.answers.count == 1)
    }

    @Test func `shutting down answers what waits and closes the rest`() throws {
        var fixture = try fixture()
        let datagrams = try fixture.datagramSocket()
        let idle = try fixture.connect()
        let halfway = try fixture.connect()
        defer { for socket in [datagrams, idle, halfway] { socket.close() } }
        let query = framed(ZoneFixture.query("some.example.com"))
        fixture.turn()
        _ = Socket.send(halfway, Array(query.prefix(10)).span)
        fixture.turn()
        _ = Socket.send(datagrams, ZoneFixture.query("some.example.com").span)
        let now = fixture.now
        fixture.door.beginShutdown(loop: &fixture.loop, now: now)
        #expect(received(datagrams, limit: 512)?.isEmpty == false)
        #expect(received(idle) == nil)
        #expect(received(halfway) == [])
        var isIdle = fixture.door.isIdle
        #expect(!isIdle)
        _ = Socket.send(halfway, Array(query.dropFirst(10)).span)
        fixture.turn()
        #expect(messages(received(halfway) ?? []).count == 1)
        #expect(received(halfway) == nil)
        isIdle = fixture.door.isIdle
        #expect(isIdle)
    }
}
