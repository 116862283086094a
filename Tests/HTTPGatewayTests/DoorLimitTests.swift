// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorLimitTests {
    static func stage(
        _ change: @Sendable (inout RateLimitPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        var limit = RateLimitPlan(count: 1, per: .seconds(2), burst: 2)
        change(&limit)
        return try DoorHarness { plan in
            plan.accessLog = .combined
            plan.routes[0].limit = limit
        }
    }

    @Test func `beyond the burst a client is told when to come again, and may then`() throws {
        var stage = try Self.stage()
        let guest = stage.visit(get("/1"))
        stage.hear(guest, until: "hello")
        stage.send(guest, get("/2") + get("/3"))
        let text = stage.hear(guest, until: ": rate-limited\n")
        #expect(text.components("hello") == 2)
        #expect(text.contains("HTTP/1.1 429 Too Many Requests\r\n"))
        #expect(text.contains("\r\nRetry-After: 2\r\n"))
        #expect(text.contains("\r\nRateLimit-Policy: \"limit\";q=1;w=2\r\n"))
        #expect(text.contains("\r\nRateLimit: \"limit\";r=0;t=2\r\n"))
        #expect(!text.contains("Connection: close"))
        #expect(stage.told(0).components("GET /3") == 0)
        stage.advance(.seconds(2))
        stage.send(guest, get("/4"))
        stage.hear(guest, until: "hello")
        #expect(stage.turn { $0.heard(guest).components("hello") == 3 })
        #expect(stage.count(.rateLimited) == 1)
        #expect(try stage.lines().contains { $0.hasSuffix(" rate-limited") })
        #expect(stage.leftovers() == [])
    }

    @Test func `fields of the route and of the limit stand in one answer`() throws {
        var stage = try DoorHarness { plan in
            plan.routes[0].limit = RateLimitPlan(count: 1, per: .seconds(60), burst: 1)
            plan.routes[0].responseFields = [
                FieldEdit(.set, "X-Own", TextTemplate(parts: [.text("1")]))
            ]
        }
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.send(guest, get())
        let text = stage.hear(guest, until: ": rate-limited\n")
        #expect(text.components("\r\nX-Own: 1\r\n") == 2)
        #expect(text.components("\r\nRetry-After: 60\r\n") == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `by HTTP 2 the limit holds as well`() throws {
        var stage = try Self.stage()
        var client = try HTTP2Guest(&stage)
        var statuses: [String] = []
        for _ in 0..<3 {
            let stream = client.ask(&stage, "GET", "/", [])
            let answer = stage.answer(&client, stream)
            statuses.append(answer.status)
            if answer.status == "429" { #expect(answer.fields.contains("retry-after: 2")) }
        }
        #expect(statuses == ["200", "200", "429"])
        #expect(stage.leftovers() == [])
    }

    @Test func `keys have buckets of their own, and no key means the client's`() throws {
        var stage = try Self.stage { $0.key = .header("x-key") }
        var refused: [String: Int] = [:]
        for _ in 0..<3 {
            for key in ["X-Key: a\r\n", "x-key: b\r\n", ""] {
                let guest = stage.visit(get(fields: key + "Connection: close\r\n"))
                let text = stage.hearAll(guest)
                refused[key, default: 0] += text.contains(" 429 ") ? 1 : 0
            }
        }
        #expect(refused == ["X-Key: a\r\n": 1, "x-key: b\r\n": 1, "": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `a dry run refuses nothing and counts`() throws {
        var stage = try Self.stage { $0.isDryRun = true }
        let guest = stage.visit(get() + get() + get())
        #expect(stage.turn { $0.heard(guest).components("hello") == 3 })
        #expect(stage.count(.rateLimited) == 0)
        let word = GatewayMetrics.rate(stage.door.rateCounters[0])
        #expect(stage.shared.metrics[0].load(word) == 2)
        #expect(stage.shared.metrics[0].load(word + 1) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [true, false])
    func `a reload keeps the buckets of a limit that stays`(stays: Bool) throws {
        var stage = try Self.stage()
        let guest = stage.visit(get() + get())
        #expect(stage.turn { $0.heard(guest).components("hello") == 2 })
        let fresh = RoutePlan(name: "x", host: .exact("x"), path: .prefix("/"), pool: 0)
        stage.plan.routes.insert(fresh, at: 0)
        stage.plan.routes[0].limit = RateLimitPlan(count: 9, per: .seconds(1), burst: 9)
        if !stays { stage.plan.routes[1].limit?.burst = 3 }
        stage.adopt()
        stage.send(guest, get())
        let answer = stays ? ": rate-limited\n" : "hello"
        #expect(stage.turn { $0.heard(guest).components(answer) == (stays ? 1 : 3) })
        #expect(stage.leftovers() == [])
    }

    @Test func `networks of the lengths given count as one client`() throws {
        var plan = RateLimitPlan(count: 1, per: .seconds(1), burst: 1)
        func key(_ text: String, _ plan: RateLimitPlan) throws -> UInt64 {
            let rule = RateRule(plan, route: 1)
            let client = try #require(IPAddress(text))
            let fields = FieldTable(limit: 1)
            return rule.key(
                head: RequestHead(),
                fields: fields,
                bytes: Span(),
                client: client,
                seed: 1
            )
        }
        #expect(try key("192.0.2.1", plan) != key("192.0.2.2", plan))
        #expect(try key("2001:db8::1", plan) == key("2001:db8::ffff:0:0:1", plan))
        #expect(try key("2001:db8::1", plan) != key("2001:db8:0:1::1", plan))
        plan.ipv4Prefix = 24
        plan.ipv6Prefix = 48
        #expect(try key("192.0.2.1", plan) == key("192.0.2.2", plan))
        #expect(try key("192.0.2.1", plan) != key("192.0.3.1", plan))
        #expect(try key("2001:db8::1", plan) == key("2001:db8:0:1::1", plan))
        plan.key = nil
        #expect(try key("192.0.2.1", plan) == key("2001:db8:0:1::1", plan))
    }

    @Test func `explaining names the limit and takes nothing of it`() throws {
        let stage = try Self.stage()
        let snapshot = GatewaySnapshot(stage.plan, health: stage.health, generation: 1)
        let client = IPAddress(v4: 0x7f00_0001)
        func explain(_ now: Instant) -> RequestExplanation {
            snapshot.explain(
                Array(get().utf8),
                client: client,
                isTLS: false,
                health: stage.health,
                load: stage.load,
                rates: stage.shared.rates,
                waiting: stage.shared.pending,
                places: stage.shared.places,
                now: now
            )
        }
        let now = Clock.monotonic()
        for _ in 0..<3 {
            #expect(explain(now).limit.hasSuffix("burst 2, by source-ip: 2 left"))
        }
        let rule = stage.door.actions.limits[0]
        let key = rule.key(
            head: RequestHead(),
            fields: FieldTable(limit: 1),
            bytes: Span(),
            client: client,
            seed: stage.shared.rates.keySeed
        )
        for _ in 0..<2 { _ = stage.shared.rates.take(key, rule.machine, now: now) }
        let spent = explain(now)
        #expect(spent.limit.hasSuffix("none left, the next in 2 s"))
        #expect(spent.status == 429 && spent.reason == "rate-limited")
        #expect(explain(now + .seconds(2)).status == nil)
    }
}
