// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

private let upgrade = """
    GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n
    """

@Suite struct DoorTunnelTests {
    @Test func `after 101 bytes pass both ways unread`() throws {
        var stage = try DoorHarness([[.echo]])
        let guest = stage.visit(upgrade + "early")
        let text = stage.hear(guest, until: "early")
        #expect(text.hasPrefix("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"))
        #expect(stage.count(.tunnels) == 1)
        let long = String(repeating: "GET / HTTP/1.1\r\n\r\n", count: 9_000)
        stage.send(guest, long)
        stage.turn { $0.guests[guest].heard.count >= text.utf8.count + long.utf8.count }
        #expect(stage.heard(guest).hasSuffix("early" + long))
        #expect(stage.load.inFlight(0) == 1)
        stage.finish(guest)
        stage.hearAll(guest)
        #expect(stage.leftovers() == [])
    }

    @Test func `a tunnel ends after its idle time, not with the request's deadline`() throws {
        var stage = try DoorHarness([[.echo]]) { plan in
            plan.routes[0].requestTimeout = .seconds(2)
            plan.poolPlans[0].timeouts.tunnelIdle = .seconds(60)
        }
        let guest = stage.visit(upgrade)
        stage.hear(guest, until: "\r\n\r\n")
        for _ in 0..<3 {
            stage.advance(.seconds(50))
            stage.send(guest, "x")
            stage.settle()
        }
        #expect(stage.heard(guest).hasSuffix("xxx"))
        stage.advance(.seconds(61))
        stage.hearAll(guest)
        #expect(stage.count(.tunnelIdle) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a tunnel whose client has gone does not wait for the origin for a day`() throws {
        var stage = try DoorHarness([
            [
                .interrupt("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
            ]
        ])
        let guest = stage.visit(upgrade)
        stage.hear(guest, until: "101")
        stage.leave(guest)
        stage.settle()
        stage.advance(.seconds(59))
        #expect(stage.door.openConnections == 1)
        stage.advance(.seconds(2))
        #expect(stage.door.openConnections == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `an upgrade that the origin does not want is an ordinary request`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit(upgrade)
        stage.hear(guest, until: "hello")
        stage.send(guest, get())
        stage.turn { $0.heard(guest).components("hello") == 2 }
        #expect(stage.count(.tunnels) == 0)
        #expect(stage.count(.originReused) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `the body of a request for an upgrade is not sent again through the tunnel`() throws
    {
        var stage = try DoorHarness([[.echo]])
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        let guest = stage.visit(head + "Content-Length: 4\r\n\r\nbodytail")
        let text = stage.hear(guest, until: "tail")
        #expect(text.hasSuffix("\r\n\r\ntail"))
        #expect(stage.told(0).components("body") == 1)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [("foo", false), ("foo, WebSocket", true), ("websocket2", false)])
    func `RFC 9110 section 7.8 no protocol is switched to but those that were named`(
        asked: String,
        isTunnel: Bool
    ) throws {
        let head = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
        var stage = try DoorHarness([[.answer(head)]])
        let guest = stage.visit(get(fields: "Connection: Upgrade\r\nUpgrade: \(asked)\r\n"))
        let text = stage.hear(guest, until: isTunnel ? "101" : "origin-malformed")
        #expect(text.hasPrefix(isTunnel ? "HTTP/1.1 101 " : "HTTP/1.1 502 "))
        #expect(stage.leftovers() == [])
    }

    @Test func `h2c is not asked for, because nothing behind it could be routed`() throws {
        var stage = try DoorHarness()
        let fields =
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
        let guest = stage.visit(get(fields: fields))
        stage.hear(guest, until: "hello")
        let told = stage.told(0).lowercased()
        #expect(!told.contains("upgrade"))
        #expect(!told.contains("http2-settings"))
        #expect(stage.leftovers() == [])
    }
}

@Suite struct DoorLifeTests {
    @Test func `liveness closes kept connections and cuts those in use`() throws {
        var stage = try DoorHarness([[.answer(ok()), .silence], [.answer(ok())]]) { plan in
            plan.pools[0].balance = .firstAvailable
        }
        let first = stage.visit(get())
        stage.hear(first, until: "hello")
        stage.door.closeConnections(toSlot: 0, .kept, loop: &stage.loop, now: stage.now)
        #expect(stage.door.upstreams.count == 0)
        stage.send(first, get("/again"))
        stage.turn { $0.told(0).contains("/again") }
        stage.health.publish(0, HealthWord(health: .down, reason: .noProbe))
        stage.door.closeConnections(toSlot: 0, .all, loop: &stage.loop, now: stage.now)
        stage.turn { $0.heard(first).components("hello") == 2 }
        #expect(stage.told(1).contains("/again"))
        #expect(stage.leftovers() == [])
    }

    @Test func `shutdown finishes what is under way and nothing else`() throws {
        var stage = try DoorHarness([[.answer(ok()), .silence]])
        let idle = stage.visit(get())
        stage.hear(idle, until: "hello")
        let busy = stage.visit(get("/busy"))
        stage.turn { $0.told(0).contains("/busy") }
        let begun = stage.visit("GET /begun HTT")
        stage.turn { $0.door.openConnections == 3 }
        stage.settle()
        stage.door.beginShutdown(Farewell(quiet: .zero), loop: &stage.loop, now: stage.now)
        stage.hearAll(idle)
        let isIdleYet = stage.door.isIdle
        #expect(!isIdleYet)
        stage.send(begun, "P/1.1\r\nHost: a\r\n\r\n")
        stage.turn { $0.told(0).contains("/begun") }
        for visitor in stage.visitors.indices { stage.say(visitor, Array(ok("late").utf8)) }
        for guest in [busy, begun] {
            let text = stage.hearAll(guest)
            #expect(text.hasSuffix("late"))
            #expect(text.contains("Connection: close\r\n"))
        }
        stage.turn { $0.door.isIdle }
        let isIdle = stage.door.isIdle
        #expect(isIdle)
        #expect(stage.leftovers() == [])
    }

    @Test func `a request that lies in the kernel when shutdown begins is answered`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.settle()
        stage.send(guest, get())
        stage.door.beginShutdown(Farewell(quiet: .zero), loop: &stage.loop, now: stage.now)
        #expect(stage.hearAll(guest).components("hello") == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload while requests are in every phase loses none`() throws {
        var stage = try DoorHarness([[.silence], [.echo], [.answer(ok())]]) { plan in
            let all = plan.pools[0].endpoints
            plan.pools = all.map { PoolDefinition(name: "p\($0.slot)", endpoints: [$0]) }
            for index in plan.pools.indices {
                plan.pools[index].slot = index
                plan.pools[index].endpoints[0].connectionLimit = index == 0 ? 1 : 0
            }
            plan.poolPlans = all.map { _ in GatewayPoolPlan() }
            plan.routes = all.indices.map {
                RoutePlan(name: "r\($0)", host: .any, path: .prefix("/\($0)"), pool: $0)
            }
            plan.routes[0].bodyLimit = 10
        }
        let waiting = stage.visit(get("/0"))
        stage.turn { !$0.told(0).isEmpty }
        let queued = stage.visit(get("/0/queued"))
        let tunnel = stage.visit(upgrade.replacing("/chat", with: "/1"))
        stage.hear(tunnel, until: "\r\n\r\n")
        let begun = stage.visit("GET /2 HTT")
        stage.turn { $0.door.openConnections == 4 && $0.shared.pending.count(0) == 1 }
        // The order of pools and routes is turned round, and one listener goes.
        stage.plan.pools.reverse()
        stage.plan.routes.reverse()
        for index in stage.plan.routes.indices { stage.plan.routes[index].action = .pool(index) }
        stage.plan.listeners = []
        stage.plan.limits.head.headBytes = 64
        stage.adopt()
        stage.send(tunnel, "through")
        #expect(stage.hear(tunnel, until: "through").hasSuffix("through"))
        stage.send(begun, "P/1.1\r\nHost: a\r\n\r\n")
        #expect(stage.hear(begun, until: "hello").contains("200 OK"))
        stage.say(0, Array(ok("first").utf8))
        #expect(stage.hear(waiting, until: "first").contains("first"))
        stage.turn { $0.told(0).contains("/0/queued") }
        stage.say(0, Array(ok("second").utf8))
        #expect(stage.hear(queued, until: "second").contains("second"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload that takes a pool away lets its requests end`() throws {
        var stage = try DoorHarness([[.silence]]) { $0.pools[0].endpoints[0].connectionLimit = 1 }
        let waiting = stage.visit(get("/1"))
        stage.turn { !$0.told(0).isEmpty }
        let queued = stage.visit(get("/2"))
        stage.turn { $0.shared.pending.count(0) == 1 }
        stage.plan.pools = []
        stage.plan.poolPlans = []
        stage.plan.routes = []
        stage.adopt()
        #expect(stage.hear(queued, until: "pool-empty").hasPrefix("HTTP/1.1 503"))
        stage.say(0, Array(ok().utf8))
        #expect(stage.hear(waiting, until: "hello").contains("hello"))
        stage.send(waiting, get("/3"))
        #expect(stage.hear(waiting, until: "no-route").contains("404"))
        #expect(stage.door.upstreams.count == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a slot that becomes another endpoint's keeps no connection of the old one`() throws
    {
        var stage = try DoorHarness([[.answer(ok("old"))], [.answer(ok("new"))]]) { plan in
            plan.pools[0].endpoints.removeLast()
        }
        let guest = stage.visit(get())
        stage.hear(guest, until: "old")
        let address = try #require(Socket.localAddress(stage.origins[1].listener))
        stage.plan.pools[0].endpoints[0].address = address
        stage.adopt()
        stage.send(guest, get())
        #expect(stage.hear(guest, until: "new").contains("new"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a socket for a listener that the plan lacks is closed`() throws {
        var stage = try DoorHarness()
        let any = SocketAddress(DoorHarness.loopback, port: 0)
        for number in [1, -1, 70_000] {
            let listener = try Socket.listen(any, backlog: 1, reusePort: false)
            stage.door.open(listener: listener, number: number, loop: &stage.loop)
        }
        #expect(stage.door.listeners.count == 1)
    }

    @Test func `at the connection limit accepting stops, and goes on later`() throws {
        var stage = try DoorHarness { $0.limits.connections = 2 }
        let guests = (0..<3).map { _ in stage.visit(get()) }
        stage.settle()
        #expect(guests.count { stage.heard($0).contains("hello") } == 2)
        #expect(stage.count(.pausedAtConnections) == 1)
        stage.leave(guests[0])
        stage.settle()
        stage.advance(.milliseconds(60))
        #expect(stage.hear(guests[2], until: "hello").contains("hello"))
        #expect(stage.leftovers() == [])
    }

    @Test func `an idle connection costs less than a kilobyte`() {
        #expect(MemoryLayout<Client>.stride <= 744)
    }
}
