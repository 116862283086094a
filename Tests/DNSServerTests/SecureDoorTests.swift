// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Steering
import TestSupport
import Testing

/// DNS over TLS (RFC 7858).
@Suite struct SecureDoorTests {
    func queries(_ count: Int, _ name: String = "some.example.com") -> [UInt8] {
        (0..<count).flatMap { number in
            var query = ZoneFixture.query(name)
            query[0] = UInt8(number >> 8 & 255)
            query[1] = UInt8(number & 255)
            return framed(query)
        }
    }

    @Test func `pipelined queries get the answers of TCP, in their order`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context(), keptQueries: 16)
        var client = try SecureClient(fixture, parts.client())
        #expect(client.shakeHands(&fixture) == .established)
        let bytes = queries(100)
        // Cut anywhere: a query may come in several records, and several in one.
        for start in stride(from: 0, to: bytes.count, by: 701) {
            client.send(Array(bytes[start..<min(start + 701, bytes.count)]), &fixture)
        }
        client.read()
        #expect(client.ids == (0..<100).map { UInt16($0) })
        let plain = try ZoneFixture(["example.com": TruncationTests.zone])
        var door = try DoorFixture.make(plain.snapshot)
        let socket = try door.connect()
        defer { socket.close() }
        _ = Socket.send(socket, bytes.span)
        door.turn()
        #expect(received(socket) == client.stream)
        let counts = [
            fixture.count(.queriesTLS), fixture.count(.queriesTCP), fixture.count(.handshakes),
            fixture.count(.secureAccepted), fixture.count(.connectionsAccepted),
        ]
        #expect(counts == [100, 0, 1, 1, 0])
        let records = fixture.shared.books[0].queries.records
        #expect(!records.isEmpty && records.allSatisfy { $0.transport == .dot })
    }

    @Test func `what a session holds is served although no event tells of it`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context())
        var client = try SecureClient(fixture, parts.client())
        #expect(client.shakeHands(&fixture) == .established)
        // More than a block of them, all there before the door looks.
        let bytes = queries(4000, "none.example.com")
        #expect(bytes.count > 2 * 65_536)
        var rest = bytes[...]
        while !rest.isEmpty {
            guard case .count(let count) = client.sessions.send(client.handle, Array(rest).span)
            else { break }
            rest = rest.dropFirst(count)
        }
        client.send(Array(rest), &fixture)
        for _ in 0..<200 where client.ids.count < 4000 {
            fixture.turn()
            client.read()
        }
        #expect(client.ids == (0..<4000).map { UInt16($0) })
    }

    @Test func `a slow reader gets everything in the end`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context())
        var client = try SecureClient(fixture, parts.client())
        #expect(client.shakeHands(&fixture) == .established)
        let total = 3000
        var rest = queries(total, "many.example.com")[...]
        var read = 0
        for _ in 0..<20_000 where read < total {
            if !rest.isEmpty {
                let sent = client.sessions.send(client.handle, Array(rest.prefix(16_000)).span)
                if case .count(let count) = sent { rest = rest.dropFirst(count) }
            }
            fixture.turn()
            client.read(limit: 50_000)
            read = client.stream.count / 1640
        }
        #expect(client.ids == (0..<total).map { UInt16($0) })
    }

    @Test func `a reader that takes nothing is given up, and holds little`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context())
        var slow = try SecureClient(fixture, parts.client())
        var other = try SecureClient(fixture, parts.client())
        #expect(slow.shakeHands(&fixture) == .established)
        #expect(other.shakeHands(&fixture) == .established)
        let burst = queries(300, "many.example.com")
        var sent = 0
        for _ in 0..<400 {
            let result = slow.sessions.send(slow.handle, burst.span)
            if case .count(let count) = result { sent += count }
            fixture.turn()
        }
        let answered = Int(fixture.count(.queriesTLS))
        #expect(answered * 34 < sent, "reading has stopped")
        other.send(queries(1), &fixture)
        #expect(other.ids == [0], "others are served")
        fixture.pass(.seconds(11))
        #expect(fixture.count(.secureTimedOut) >= 1)
    }

    @Test func `a handshake that does not end is closed, trickled octets do not extend it`() throws
    {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context())
        let silent = try fixture.connect()
        let trickling = try fixture.connect()
        defer { for socket in [silent, trickling] { socket.close() } }
        var idle = try SecureClient(fixture, parts.client())
        #expect(idle.shakeHands(&fixture) == .established)
        // The beginning of a record with a client hello.
        let hello: [UInt8] = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]
        for second in 0..<9 {
            _ = Socket.send(trickling, [hello[second]].span)
            fixture.pass(.seconds(1))
        }
        #expect(received(silent) == [])
        fixture.pass(.seconds(2))
        #expect(received(silent) == nil && received(trickling) == nil)
        idle.read()
        #expect(idle.hasEnded == true, "who shook hands and asks nothing is closed as well")
        let counts = [fixture.failures(.timedOut), fixture.count(.secureTimedOut)]
        #expect(counts == [2, 3])
        #expect(fixture.shared.connections.load(0) == 0)
    }

    @Test(
        arguments: [
            (framed(ZoneFixture.query("some.example.com")), TLSFailure.notTLS),
            (Array("GET / HTTP/1.1\r\n\r\n".utf8), .plainText),
            ([22, 3, 1, 255, 255, 1, 2, 3], .notTLS),
            (Array(repeating: 0, count: 3000), .notTLS),
        ] as [([UInt8], TLSFailure)]
    )
    func `what is no TLS is closed and counted`(bytes: [UInt8], failure: TLSFailure) throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context())
        let socket = try fixture.connect()
        defer { socket.close() }
        _ = Socket.send(socket, bytes.span)
        fixture.turn()
        let answer = received(socket) ?? []
        #expect(answer.count < 16, "an alert at most")
        #expect(fixture.failures(failure) == 1, "\(fixture.shared.handshakeFailures)")
        #expect(fixture.count(.secureClosed) == 1 && fixture.count(.queriesTCP) == 0)
    }

    @Test func `ALPN of another protocol is refused, none at all is taken`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context())
        var other = try SecureClient(fixture, parts.client([.http2]))
        #expect(other.shakeHands(&fixture) != .established)
        #expect(fixture.failures(.applicationProtocol) == 1)
        var none = try SecureClient(fixture, parts.client([]))
        #expect(none.shakeHands(&fixture) == .established)
        none.send(queries(1), &fixture)
        #expect(none.ids == [0])
    }

    @Test func `in a session that is no DNS the connection is closed with its word`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context())
        var client = try SecureClient(fixture, parts.client())
        #expect(client.shakeHands(&fixture) == .established)
        client.send(queries(1) + [0, 5, 1, 2, 3, 4, 5], &fixture)
        client.read()
        #expect(client.ids == [0], "what came before is answered")
        #expect(client.hasEnded == true)
        #expect(fixture.count(.secureClosed) == 1)
    }

    @Test func `a client has so many full handshakes, and resumed ones besides`() throws {
        let parts = try SecureParts()
        let budget = RateMachine(count: 2, per: .seconds(60), burst: 2)
        let context = try parts.context(tickets: TLSTickets())
        var fixture = try parts.fixture(context, handshakes: budget)
        let settings = try parts.client()
        var progress: [TLSProgress] = []
        for _ in 0..<3 {
            var client = try SecureClient(fixture, settings)
            progress.append(client.shakeHands(&fixture))
        }
        fixture.turn()
        #expect(progress.prefix(2) == [.established, .established])
        #expect(progress.last != .established)
        #expect(fixture.failures(.limited) == 1)
        fixture.pass(.seconds(30))
        var later = try SecureClient(fixture, settings)
        #expect(later.shakeHands(&fixture) == .established)
    }

    @Test func `slow signatures are made by another thread while others are served`() throws {
        let parts = try SecureParts()
        let signer = try TLSSigner(workers: 1)
        var fixture = try parts.fixture(parts.context("long", .longRSA), signer: signer)
        var client = try SecureClient(fixture, parts.client())
        #expect(client.shakeHands(&fixture) == .established)
        client.send(queries(3), &fixture)
        #expect(client.ids == [0, 1, 2])
        #expect(fixture.count(.signaturesLent) == 1)
    }

    @Test func `a client that leaves, and a door that closes, wait for a lent session`() throws {
        let parts = try SecureParts()
        let signer = try TLSSigner(workers: 1)
        var fixture = try parts.fixture(parts.context("long", .longRSA), signer: signer)
        let settings = try parts.client()
        for _ in 0..<4 {
            var client = try SecureClient(fixture, settings)
            _ = client.sessions.handshake(client.handle, nil)
            fixture.handleEvents()
            fixture.handleEvents()
            let now = fixture.now + .seconds(60)
            fixture.door.expire(now: now, loop: &fixture.loop)
        }
        #expect(fixture.count(.signaturesLent) == 4)
        let now = fixture.now
        fixture.door.beginShutdown(loop: &fixture.loop, now: now)
        fixture.now = now + .seconds(2)
        for _ in 0..<2_000_000 where !fixture.door.isIdle { fixture.turn() }
        let isIdle = fixture.door.isIdle
        #expect(isIdle)
        #expect(fixture.count(.secureClosed) == 4)
    }

    @Test func `a door that closes answers who has begun a handshake, and then closes`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context())
        let settings = try parts.client()
        var done = try SecureClient(fixture, settings)
        #expect(done.shakeHands(&fixture) == .established)
        done.send(queries(1), &fixture)
        var begun = try SecureClient(fixture, settings)
        var silent = try SecureClient(fixture, settings)
        #expect(silent.shakeHands(&fixture) == .established)
        fixture.turn()
        let now = fixture.now
        fixture.door.beginShutdown(loop: &fixture.loop, now: now)
        done.read()
        #expect(done.hasEnded == true, "who had its answers is seen off at once")
        #expect(begun.shakeHands(&fixture) == .established)
        begun.send(queries(2), &fixture)
        begun.read()
        #expect(begun.ids == [0, 1])
        #expect(begun.hasEnded == true)
        var isIdle = fixture.door.isIdle
        #expect(!isIdle)
        fixture.pass(.milliseconds(1_100))
        silent.read()
        isIdle = fixture.door.isIdle
        #expect(silent.hasEnded == true && isIdle)
    }

    @Test func `new certificates are for new connections, others go on`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context("first"))
        let settings = try parts.client()
        var old = try SecureClient(fixture, settings)
        #expect(old.shakeHands(&fixture) == .established)
        // One that has begun and is served by the certificates of its end.
        var between = try SecureClient(fixture, settings)
        fixture.turn()
        let zone = try ZoneFixture(["example.com": TruncationTests.zone])
        var snapshot = DNSSnapshot(
            zones: zone.snapshot.zones,
            steer: zone.snapshot.steer,
            listeners: [DNSDoorSettings()],
            generation: 2
        )
        snapshot.security = [DNSListenerSecurity(try parts.context("second"))]
        fixture.door.adopt(snapshot)
        #expect(between.shakeHands(&fixture) == .established)
        old.send(queries(2), &fixture)
        between.send(queries(1), &fixture)
        #expect(old.ids == [0, 1] && between.ids == [0])
    }

    @Test func `connections beyond the limit are refused before any handshake`() throws {
        let parts = try SecureParts()
        var fixture = try parts.fixture(parts.context(), DNSDoorSettings(connectionLimit: 2))
        var sockets: [FileDescriptor] = []
        for _ in 0..<3 { sockets.append(try fixture.connect()) }
        fixture.turn()
        #expect(sockets.filter { received($0) == nil }.count == 1)
        #expect(fixture.count(.secureRefused) == 1)
        for socket in sockets { socket.close() }
        fixture.turn()
        #expect(fixture.failures(.peerClosed) == 2)
        #expect(fixture.shared.connections.load(0) == 0)
    }
}
