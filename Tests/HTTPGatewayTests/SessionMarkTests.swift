// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Steering
import Testing

@testable import HTTPGateway

/// A pool of two that gives the cookie `S`: endpoint n has the session n + 1.
private func makeSticky(_ plan: inout GatewayPlan, _ change: (inout StickyPlan) -> Void = { _ in })
{
    plan.pools[0].balance = .firstAvailable
    for place in plan.pools[0].endpoints.indices {
        plan.pools[0].endpoints[place].session = UInt64(place + 1)
    }
    var sticky = StickyPlan(cookie: "S")
    change(&sticky)
    plan.poolPlans[0].sticky = sticky
}

private func cookie(_ number: Int) -> String { "S=000000000000000\(number)" }

@Suite struct SessionMarkTests {
    private func mark(_ fields: String) -> SessionMark? {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
        var parser = RequestParser(limits: HeadLimits(headBytes: 4096))
        var table = FieldTable(limit: 32)
        var head = RequestHead()
        guard case .complete = parser.parse(bytes.span, fields: &table, head: &head) else {
            return nil
        }
        let name = Array("S".utf8)
        return SessionMark(of: name.span, in: table.entries, bytes.span)
    }

    @Test(
        arguments: [
            ("", false, 0),
            ("Cookie: a=1; SS=0000000000000001\r\n", false, 0),
            ("Cookie: s=0000000000000001\r\n", false, 0),
            ("Cookie: S=00000000000000ff\r\n", true, 0xff),
            ("Cookie: a=1; S=0123456789abcdef; b\r\n", true, 0x0123_4567_89ab_cdef),
            ("Cookie: a=1\r\nCookie: S=0000000000000002\r\n", true, 2),
            ("Cookie: S=x; S=0000000000000003\r\n", true, 3),
            ("Cookie: S=00000000000000FF\r\n", true, 0),
            ("Cookie: S=00000000000000f\r\n", true, 0),
            ("Cookie: S=000000000000000ff\r\n", true, 0),
            ("Cookie: S=-000000000000001\r\n", true, 0),
            ("Cookie: S=\r\n", true, 0),
            ("Cookie: S\r\n", true, 0),
            ("X-Cookie: S=0000000000000001\r\n", false, 0),
        ] as [(String, Bool, UInt64)]
    )
    func `a session is read out of the cookies`(fields: String, isThere: Bool, session: UInt64) {
        let found = mark(fields)
        #expect(found?.isThere == isThere)
        #expect(found?.session == session)
    }

    @Test func `what is written is read again`() {
        for session: UInt64 in [1, 0xff, 0x0123_4567_89ab_cdef, .max] {
            let text = [UInt8](capacity: 16) { output in
                _ = SessionMark.write(session, into: &output)
            }
            #expect(SessionMark.read(text.span) == session)
        }
    }
}

@Suite struct DoorSessionTests {
    @Test func `a client without the cookie gets it, and one with it does not`() throws {
        var stage = try DoorHarness([[.answer(ok())], [.answer(ok())]]) { makeSticky(&$0) }
        let first = stage.visit(get())
        stage.hear(first, until: "hello")
        let heard = stage.heard(first)
        #expect(heard.contains("Set-Cookie: \(cookie(1)); Path=/; HttpOnly; SameSite=Lax\r\n"))
        #expect(heard.contains("Cache-Control: private\r\n"))
        let second = stage.visit(get(fields: "Cookie: \(cookie(2))\r\n"))
        stage.hear(second, until: "hello")
        #expect(!stage.heard(second).contains("Set-Cookie"))
        #expect(!stage.heard(second).contains("Cache-Control"))
        #expect(stage.shared.metrics[0].load(GatewayMetrics.endpoint(1) + 1) == 1)
        #expect(stage.shared.metrics[0].load(GatewayMetrics.session(.begun, pool: 0)) == 1)
        #expect(stage.shared.metrics[0].load(GatewayMetrics.session(.kept, pool: 0)) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a session whose endpoint refuses moves once and says so`() throws {
        var stage = try DoorHarness([[.answer(ok())], []]) { makeSticky(&$0) }
        let fields = "Cookie: a=1; \(cookie(2)); b=2\r\n"
        let guest = stage.visit(get(fields: fields))
        stage.hear(guest, until: "hello")
        #expect(stage.heard(guest).contains("Set-Cookie: \(cookie(1));"))
        #expect(stage.shared.metrics[0].load(GatewayMetrics.session(.failed, pool: 0)) == 1)
        #expect(stage.told(0).contains("Cookie: a=1; b=2\r\n"))
        #expect(!stage.told(0).contains("S="))
        #expect(stage.leftovers() == [])
    }

    @Test func `an answer of the door gives no session`() throws {
        var stage = try DoorHarness([[]]) { makeSticky(&$0) }
        let guest = stage.visit(get())
        stage.hear(guest, until: "connect-refused")
        #expect(!stage.heard(guest).contains("Set-Cookie"))
        #expect(stage.leftovers() == [])
    }

    @Test func `renewing gives the cookie each time, and endpoints may see it`() throws {
        var stage = try DoorHarness([[.answer(ok())]]) {
            makeSticky(&$0) { sticky in
                sticky.renews = true
                sticky.strips = false
                sticky.lifetime = .seconds(90)
                sticky.security = .always
                sticky.domain = "example.com"
                sticky.sameSite = "None"
                sticky.path = "/app"
            }
        }
        let guest = stage.visit(get(fields: "Cookie: \(cookie(1))\r\n"))
        stage.hear(guest, until: "hello")
        let wanted = """
            Set-Cookie: \(cookie(1)); Path=/app; Domain=example.com; Max-Age=90; HttpOnly; \
            SameSite=None; Secure\r\n
            """
        #expect(stage.heard(guest).contains(wanted))
        #expect(stage.told(0).contains("Cookie: \(cookie(1))\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `what only looks like a session is no way past those who wait`() throws {
        var stage = try DoorHarness([[.silence, .answer(ok())]]) {
            makeSticky(&$0)
            $0.pools[0].endpoints[0].connectionLimit = 1
            $0.poolPlans[0].queueLimit = 9
        }
        _ = stage.visit(get("/0"))
        stage.turn { $0.told(0).contains("/0") }
        _ = stage.visit(get("/1"))
        #expect(stage.turn { $0.shared.pending.count(0) == 1 })
        let late = stage.connect()
        stage.settle()
        // The place comes free without the door being told, as when another worker has freed it.
        stage.door.chooser.abandon(slot: 0)
        stage.send(late, get("/2", fields: "Cookie: S=00000000000000ff\r\n"))
        stage.hear(late, until: "hello")
        let told = stage.told(0)
        let first = try #require(told.range(of: "GET /1 "))
        let second = try #require(told.range(of: "GET /2 "))
        #expect(first.lowerBound < second.lowerBound)
    }

    @Test(arguments: [StickyPlan.Mode.insert, .rewrite, .prefix])
    func `an answer that gives a session is for one client alone`(mode: StickyPlan.Mode) throws {
        let fields =
            "Set-Cookie: S=abc\r\nCDN-Cache-Control: max-age=60\r\nSurrogate-Control: max-age=60\r\n"
        var stage = try DoorHarness([[.answer(ok(fields: fields))]]) {
            makeSticky(&$0) { $0.mode = mode }
        }
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        let heard = stage.heard(guest)
        #expect(heard.contains("Cache-Control: private\r\n"))
        #expect(!heard.contains("max-age"))
        #expect(stage.leftovers() == [])
    }

    // MARK: The application's own cookie

    private static let given = "Set-Cookie: S=abc; Path=/\r\nSet-Cookie: T=1\r\n"

    private func applied(
        _ mode: StickyPlan.Mode,
        _ change: (inout StickyPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness([[.answer(ok(fields: Self.given))], [.answer(ok(fields: Self.given))]]) {
            makeSticky(&$0) { sticky in
                sticky.mode = mode
                change(&sticky)
            }
        }
    }

    @Test func `rewriting puts our value in the place of the application's`() throws {
        var stage = try applied(.rewrite)
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        #expect(stage.heard(guest).contains("Set-Cookie: \(cookie(1)); Path=/\r\n"))
        #expect(stage.heard(guest).contains("Set-Cookie: T=1\r\n"))
        #expect(!stage.heard(guest).contains("S=abc"))
        let other = stage.visit(get(fields: "Cookie: a=1; \(cookie(2))\r\n"))
        stage.hear(other, until: "hello")
        #expect(stage.heard(other).contains("Set-Cookie: \(cookie(2)); Path=/\r\n"))
        #expect(stage.told(1).contains("Cookie: a=1\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a prefix stands in front of the value and is taken out again`() throws {
        var stage = try applied(.prefix)
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        #expect(stage.heard(guest).contains("Set-Cookie: \(cookie(1))~abc; Path=/\r\n"))
        let other = stage.visit(get(fields: "Cookie: a=1; \(cookie(2))~xyz; b=2\r\n"))
        stage.hear(other, until: "hello")
        #expect(stage.told(1).contains("Cookie: a=1; S=xyz; b=2\r\n"))
        // Without a mark it is not ours to touch.
        let third = stage.visit(get(fields: "Cookie: S=plain~x\r\n"))
        stage.hear(third, until: "hello")
        #expect(stage.told(0).contains("Cookie: S=plain~x\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a value with a blank in it is one value`() throws {
        let given = "Set-Cookie: S=\"a b\" ; Path=/\r\n"
        for (mode, wanted) in [(StickyPlan.Mode.rewrite, ""), (.prefix, "~\"a b\"")] {
            var stage = try DoorHarness([[.answer(ok(fields: given))]]) {
                makeSticky(&$0) { $0.mode = mode }
            }
            let guest = stage.visit(get())
            stage.hear(guest, until: "hello")
            #expect(stage.heard(guest).contains("Set-Cookie: \(cookie(1))\(wanted) ; Path=/\r\n"))
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `a session is learnt from an answer, and forgotten when it is idle`() throws {
        var stage = try applied(.learn) { $0.idle = .seconds(60) }
        stage.health.publish(0, HealthWord(health: .down, reason: .connectRefused))
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        #expect(stage.heard(guest).contains("Set-Cookie: S=abc; Path=/\r\n"))
        #expect(stage.count(.sessionsLearned) == 1)
        stage.health.publish(0, HealthWord(health: .up, reason: .noProbe))
        let second = stage.visit(get("/2", fields: "Cookie: S=abc\r\n"))
        stage.hear(second, until: "hello")
        #expect(stage.told(1).contains("GET /2 ") && stage.told(1).contains("Cookie: S=abc\r\n"))
        #expect(stage.shared.metrics[0].load(GatewayMetrics.session(.kept, pool: 0)) == 1)
        let third = stage.visit(get("/3", fields: "Cookie: S=other\r\n"))
        stage.hear(third, until: "hello")
        #expect(stage.told(0).contains("GET /3 "))
        #expect(stage.shared.metrics[0].load(GatewayMetrics.session(.unknown, pool: 0)) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a field can name the session in place of a cookie`() throws {
        let fields = "X-Session: s1\r\n"
        var stage = try DoorHarness(
            [[.answer(ok())], [.answer(ok(fields: fields))]]
        ) {
            makeSticky(&$0) { sticky in
                sticky.mode = .learn
                sticky.cookie = ""
                sticky.field = "x-session"
            }
        }
        stage.health.publish(0, HealthWord(health: .down, reason: .connectRefused))
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.health.publish(0, HealthWord(health: .up, reason: .noProbe))
        let second = stage.visit(get("/2", fields: fields))
        stage.hear(second, until: "hello")
        #expect(stage.told(1).contains("GET /2 "))
        let third = stage.visit(get("/3"))
        stage.hear(third, until: "hello")
        #expect(stage.told(0).contains("GET /3 "))
        #expect(stage.leftovers() == [])
    }
}
