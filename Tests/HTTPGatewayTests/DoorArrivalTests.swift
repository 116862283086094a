// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

private let everyone = Prefix("127.0.0.0/8")

@Suite struct DoorProxyHeaderTests {
    static let line = "PROXY TCP4 203.0.113.9 198.51.100.7 56116 443\r\n"

    static func stage(
        _ policy: ProxyHeaderPolicy,
        trusted: Bool = true,
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness { plan in
            plan.accessLog = .combined
            plan.listeners[0].proxyHeader = policy
            if trusted, let everyone { plan.listeners[0].trusted = [everyone] }
            configure(&plan)
        }
    }

    @Test(arguments: [ProxyHeaderPolicy.required, .optional])
    func `whom a header names is the client of all that follows`(
        policy: ProxyHeaderPolicy
    ) throws {
        var stage = try Self.stage(policy)
        let guest = stage.visit(Self.line + get("/1", fields: "X-Forwarded-For: 1.2.3.4\r\n"))
        stage.hear(guest, until: "hello")
        // The client is not trusted, although the proxy is: what it forwards is its own word.
        #expect(stage.told(0).contains("\r\nX-Forwarded-For: 203.0.113.9\r\n"))
        stage.send(guest, get("/2"))
        #expect(stage.turn { $0.heard(guest).components("hello") == 2 })
        let lines = try stage.lines()
        #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("203.0.113.9 - -") })
        #expect(stage.count(.proxyHeaders) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a header that comes byte by byte is waited for, until its deadline`() throws {
        var stage = try Self.stage(.required)
        let guest = stage.connect()
        for byte in Self.line.utf8 {
            stage.send(guest, [byte])
            stage.settle()
        }
        stage.send(guest, get())
        stage.hear(guest, until: "hello")
        let slow = stage.visit(String(Self.line.dropLast(3)))
        stage.settle(patience: 2)
        #expect(!stage.guests[slow].isFinished)
        stage.advance(.seconds(4))
        #expect(stage.hearAll(slow) == "")
        #expect(stage.count(.proxyTimeout) == 1)
        #expect(try stage.lines().contains { $0.hasSuffix(" proxy-header-timeout") })
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        (get(), Fault.proxyMissing), ("PROXY TCP4 x\r\n" + get(), .proxyMalformed),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .proxyMissing),
    ])
    func `where a header is required nothing else is heard`(text: String, fault: Fault) throws {
        var stage = try Self.stage(.required)
        let guest = stage.visit(text)
        #expect(stage.hearAll(guest) == "")
        #expect(stage.count(fault) == 1)
        #expect(try stage.lines().first?.hasSuffix(" \(fault.word)") == true)
        #expect(stage.told(0) == "")
        #expect(stage.leftovers() == [])
    }

    @Test func `half a header and then the end is malformed`() throws {
        var stage = try Self.stage(.required)
        let guest = stage.visit("PROXY TCP4 ")
        stage.settle(patience: 2)
        stage.finish(guest)
        stage.hearAll(guest)
        #expect(stage.count(.proxyMalformed) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `nobody who is not trusted can name a client`() throws {
        var closed = try Self.stage(.required, trusted: false)
        let guest = closed.visit(Self.line + get())
        #expect(closed.hearAll(guest) == "")
        #expect(closed.count(.proxyUntrusted) == 1)
        #expect(closed.leftovers() == [])
        var open = try Self.stage(.optional, trusted: false)
        let named = open.visit(Self.line + get())
        #expect(open.hearAll(named).hasPrefix("HTTP/1.1 400"))
        let plain = open.visit(get())
        open.hear(plain, until: "hello")
        #expect(open.told(0).contains("\r\nX-Forwarded-For: 127.0.0.1\r\n"))
        #expect(open.count(.proxyHeaders) == 0)
        #expect(open.leftovers() == [])
    }

    @Test(arguments: ["PROXY UNKNOWN\r\n", "\r\n\r\n\u{0}\r\nQUIT\n\u{20}\u{0}\u{0}\u{0}", ""])
    func `a proxy that speaks for itself is the client`(header: String) throws {
        var stage = try Self.stage(.optional)
        let guest = stage.visit(header + get())
        stage.hear(guest, until: "hello")
        #expect(stage.told(0).contains("\r\nX-Forwarded-For: 127.0.0.1\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a probe that connects and leaves is no event`() throws {
        var stage = try Self.stage(.required)
        let guest = stage.connect()
        stage.settle(patience: 2)
        stage.leave(guest)
        stage.settle(patience: 2)
        #expect(try stage.lines() == [])
        #expect(stage.leftovers() == [])
    }

    @Test func `allow lists go by the client that was named`() throws {
        var stage = try Self.stage(.required) { plan in
            if let client = Prefix("203.0.113.9") { plan.routes[0].allowed = [client] }
        }
        let named = stage.visit(Self.line + get())
        stage.hear(named, until: "hello")
        let other = stage.visit("PROXY TCP4 203.0.113.8 198.51.100.7 5 443\r\n" + get())
        #expect(stage.hear(other, until: "client-denied").hasPrefix("HTTP/1.1 403"))
        #expect(stage.leftovers() == [])
    }

    @Test func `streams of HTTP-2 are the named client's too`() throws {
        var stage = try Self.stage(.required)
        var guest = try HTTP2Guest(&stage)
        stage.send(guest.guest, Self.line)
        let stream = guest.ask(&stage)
        #expect(stage.turn(&guest, until: { $0.answers[stream]?.isComplete == true }))
        #expect(stage.told(0).contains("\r\nX-Forwarded-For: 203.0.113.9\r\n"))
        #expect(stage.leftovers() == [])
    }
}

@Suite struct DoorClientAddressTests {
    static func stage(
        _ field: ClientAddressField?,
        trusted: [String] = ["127.0.0.0/8", "10.0.0.0/8"],
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness { plan in
            plan.accessLog = .combined
            plan.listeners[0].trusted = trusted.compactMap { Prefix($0) }
            plan.listeners[0].clientAddress = field
            configure(&plan)
        }
    }

    @Test func `each request of a proxy has its own client`() throws {
        var stage = try Self.stage(.xForwardedFor)
        let guest = stage.visit(get("/1", fields: "X-Forwarded-For: 9.9.9.9, 203.0.113.9\r\n"))
        stage.hear(guest, until: "hello")
        // What is forwarded stays a true list: the peer is appended to it.
        #expect(stage.told(0).contains("\r\nX-Forwarded-For: 9.9.9.9, 203.0.113.9, 127.0.0.1\r\n"))
        let second = "X-Forwarded-For: 203.0.113.8, 10.0.0.1\r\n"
        stage.send(guest, get("/2", fields: second))
        #expect(stage.turn { $0.heard(guest).components("hello") == 2 })
        stage.send(guest, get("/3"))
        #expect(stage.turn { $0.heard(guest).components("hello") == 3 })
        let lines = try stage.lines()
        let clients = lines.map { String($0.prefix { $0 != " " }) }
        #expect(clients == ["203.0.113.9", "203.0.113.8", "127.0.0.1"])
        #expect(stage.leftovers() == [])
    }

    @Test func `from those who are not trusted no field is believed`() throws {
        var stage = try Self.stage(.xForwardedFor, trusted: ["10.0.0.0/8"])
        let guest = stage.visit(get(fields: "X-Forwarded-For: 203.0.113.9\r\n"))
        stage.hear(guest, until: "hello")
        #expect(try stage.lines().first?.hasPrefix("127.0.0.1 ") == true)
        var off = try Self.stage(nil)
        let other = off.visit(get(fields: "X-Forwarded-For: 203.0.113.9\r\n"))
        off.hear(other, until: "hello")
        #expect(try off.lines().first?.hasPrefix("127.0.0.1 ") == true)
        #expect(stage.leftovers() == [] && off.leftovers() == [])
    }

    @Test func `lists, limits and own answers go by it`() throws {
        var stage = try Self.stage(.forwarded) { plan in
            if let bad = Prefix("203.0.113.0/28") { plan.routes[0].denied = [bad] }
            plan.routes[0].limit = RateLimitPlan(count: 1, per: .seconds(60), burst: 1)
        }
        let guest = stage.visit(get(fields: "Forwarded: for=203.0.113.9\r\n"))
        stage.hear(guest, until: "client-denied")
        stage.send(guest, get(fields: "Forwarded: for=198.51.100.1\r\n"))
        stage.hear(guest, until: "hello")
        stage.send(guest, get(fields: "Forwarded: for=198.51.100.2\r\n"))
        #expect(stage.turn { $0.heard(guest).components("hello") == 2 })
        stage.send(guest, get(fields: "Forwarded: for=198.51.100.2\r\n"))
        stage.hear(guest, until: ": rate-limited")
        let clients = try stage.lines().map { String($0.prefix { $0 != " " }) }
        #expect(clients == ["203.0.113.9", "198.51.100.1", "198.51.100.2", "198.51.100.2"])
        #expect(stage.leftovers() == [])
    }

    @Test func `streams of one connection have clients of their own`() throws {
        var stage = try Self.stage(.xForwardedFor)
        var guest = try HTTP2Guest(&stage)
        let first = guest.ask(&stage, "GET", "/1", [("x-forwarded-for", "203.0.113.1")])
        let second = guest.ask(&stage, "GET", "/2", [("x-forwarded-for", "203.0.113.2")])
        #expect(
            stage.turn(
                &guest,
                until: {
                    $0.answers[first]?.isComplete == true && $0.answers[second]?.isComplete == true
                }
            )
        )
        let clients = Set(try stage.lines().map { String($0.prefix { $0 != " " }) })
        #expect(clients == ["203.0.113.1", "203.0.113.2"])
        #expect(stage.leftovers() == [])
    }
}

@Suite struct DoorUnfinishedTests {
    static func stage(_ limit: Int, trusted: Bool = false) throws -> DoorHarness {
        try DoorHarness { plan in
            plan.accessLog = .combined
            plan.limits.unfinished = limit
            if trusted, let everyone { plan.listeners[0].trusted = [everyone] }
        }
    }

    @Test func `a client may have so many connections without a request and no more`() throws {
        var stage = try Self.stage(3)
        let held = (0..<3).map { $0 == 0 ? stage.connect() : stage.visit("GET / HT") }
        stage.settle(patience: 2)
        let further = stage.connect()
        #expect(stage.hearAll(further) == "")
        #expect(stage.count(.tooManyUnfinished) == 1)
        #expect(try stage.lines().first?.hasSuffix(" too-many-unfinished") == true)
        // A request makes room, and keeps its connection; so does whoever leaves.
        stage.send(held[0], get())
        stage.hear(held[0], until: "hello")
        let next = stage.connect()
        stage.settle(patience: 2)
        #expect(!stage.guests[next].isFinished)
        stage.leave(held[1])
        stage.settle(patience: 2)
        let last = stage.connect()
        stage.settle(patience: 2)
        #expect(!stage.guests[last].isFinished)
        let over = stage.connect()
        #expect(stage.hearAll(over) == "")
        // One whose request comes with it is never in the way of others.
        let quick = stage.visit(get())
        #expect(stage.hear(quick, until: "hello").contains("hello"))
        #expect(stage.count(.tooManyUnfinished) == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `no bound means none, and trusted proxies have none`() throws {
        for (limit, trusted) in [(0, false), (1, true)] {
            var stage = try Self.stage(limit, trusted: trusted)
            for _ in 0..<20 { _ = stage.connect() }
            stage.settle(patience: 2)
            #expect(stage.door.openConnections == 20)
            #expect(stage.count(.tooManyUnfinished) == 0)
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `a kept connection between two requests is not counted`() throws {
        var stage = try Self.stage(1)
        for _ in 0..<5 {
            let guest = stage.visit(get())
            stage.hear(guest, until: "hello")
            stage.send(guest, "GET / HT")
            stage.settle(patience: 2)
        }
        #expect(stage.door.openConnections == 5)
        #expect(stage.leftovers() == [])
    }

    @Test func `networks are counted apart, an IPv6 host by its 64 bits`() throws {
        let table = UnfinishedTable()
        let one = try #require(IPAddress("2001:db8::1"))
        let same = try #require(IPAddress("2001:db8::ffff:1"))
        let other = try #require(IPAddress("2001:db8:0:1::1"))
        let four = try #require(IPAddress("192.0.2.1"))
        let mapped = try #require(IPAddress("::ffff:192.0.2.1"))
        #expect(table.enter(one, limit: 1))
        #expect(!table.enter(same, limit: 1))
        #expect(table.enter(other, limit: 1))
        #expect(table.enter(four, limit: 1))
        #expect(!table.enter(mapped, limit: 1))
        for address in [one, other, four] {
            table.leave(address)
            #expect(table.count(address) == 0)
        }
    }
}

@Suite struct DoorIntroductionTests {
    static func stage(_ version: ProxyVersion) throws -> DoorHarness {
        try DoorHarness { plan in
            plan.poolPlans[0].proxyHeader = version
            if let everyone { plan.listeners[0].trusted = [everyone] }
            plan.listeners[0].clientAddress = .xForwardedFor
        }
    }

    @Test func `version 1 stands in front of each connection, which serves one request`() throws {
        var stage = try Self.stage(.v1)
        let guest = stage.visit(get("/1"))
        stage.hear(guest, until: "hello")
        stage.send(guest, get("/2", fields: "X-Forwarded-For: 203.0.113.9\r\n"))
        #expect(stage.turn { $0.heard(guest).components("hello") == 2 })
        let port = stage.address.port
        let own = try #require(Socket.localAddress(stage.guests[guest].fd)).port
        let texts = stage.visitors.map { String(decoding: $0.heard, as: UTF8.self) }
        #expect(texts.count == 2)
        #expect(texts[0].hasPrefix("PROXY TCP4 127.0.0.1 127.0.0.1 \(own) \(port)\r\nGET /1 "))
        #expect(texts[1].hasPrefix("PROXY TCP4 203.0.113.9 127.0.0.1 0 \(port)\r\nGET /2 "))
        #expect(stage.count(.originReused) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `version 2 is binary and says the same`() throws {
        var stage = try Self.stage(.v2)
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        let own = try #require(Socket.localAddress(stage.guests[guest].fd))
        let heard = try #require(stage.visitors.first).heard
        guard case .complete(let header) = ProxyHeader.read(heard.span) else {
            Issue.record("no header: \(heard.prefix(32))")
            return
        }
        #expect(header.source == own)
        #expect(header.destination == stage.address)
        #expect(heard.dropFirst(header.length).starts(with: Array("GET / HTTP/1.1\r\n".utf8)))
        #expect(stage.leftovers() == [])
    }

    @Test func `streams of HTTP-2 get a connection each`() throws {
        var stage = try Self.stage(.v1)
        var guest = try HTTP2Guest(&stage)
        let stream = guest.ask(&stage)
        #expect(stage.turn(&guest, until: { $0.answers[stream]?.isComplete == true }))
        #expect(stage.told(0).hasPrefix("PROXY TCP4 127.0.0.1 127.0.0.1 "))
        #expect(stage.leftovers() == [])
    }

    @Test func `a connection that named a client is not kept when the pool stops naming`() throws {
        var stage = try DoorHarness([[.silence, .answer(ok())]]) { plan in
            plan.poolPlans[0].proxyHeader = .v1
        }
        let guest = stage.visit(get("/1"))
        #expect(stage.turn { $0.told(0).contains("GET /1") })
        stage.plan.poolPlans[0].proxyHeader = nil
        let new = GatewaySnapshot(stage.plan, health: stage.health, generation: 2)
        stage.door.adopt(new, loop: &stage.loop, now: stage.now)
        stage.say(0, Array(ok().utf8))
        stage.hear(guest, until: "hello")
        let second = stage.visit(get("/2"))
        stage.hear(second, until: "hello")
        #expect(stage.visitors.count == 2)
        #expect(stage.leftovers() == [])
    }
}
