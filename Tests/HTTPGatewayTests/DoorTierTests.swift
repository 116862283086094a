// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// A cache that fetches through a pool of peers.
@Suite struct DoorTierTests {
    /// The first origin is that of the route, the others are peers.
    static func stage(
        _ origin: [Part],
        _ peers: [[Part]],
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorCacheTests.stage(origin, more: peers) { plan in
            let all = plan.pools[0].endpoints
            plan.pools[0].endpoints = [all[0]]
            plan.pools.append(
                PoolDefinition(
                    name: "regional",
                    slot: 1,
                    balance: .boundedLoad(percent: 125),
                    endpoints: Array(all.dropFirst())
                )
            )
            plan.pools[1].leastLoad = 64
            plan.poolPlans.append(GatewayPoolPlan())
            plan.caches[0].through = 1
            plan.loopName = "edge-1"
            configure(&plan)
        }
    }

    /// What was counted of requests that were sent on, by where and how they ended.
    static func sent(_ stage: borrowing DoorHarness) -> [String: Int] {
        var found: [String: Int] = [:]
        let place = Int(stage.door.cachePlaces[0])
        for way in CacheWay.allCases {
            for outcome in CacheOutcome.allCases {
                let word = GatewayMetrics.cacheOutcome(outcome, from: way, cache: place)
                let count = stage.shared.metrics[0].load(word)
                if count > 0 { found["\(way.word) \(outcome.word)"] = Int(count) }
            }
        }
        return found
    }

    static func fresh(_ body: String = "hello", _ fields: String = "") -> Part {
        DoorCacheTests.fresh(body, fields)
    }

    static func text(_ stage: inout DoorHarness, _ request: String, _ last: String = "hello")
        -> String
    {
        DoorCacheTests.text(&stage, request, last)
    }

    private func ask(_ path: String, fields: String = "", method: String) -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: a.example\r\n\(fields)\r\n"
    }

    // MARK: Through peers

    @Test func `what is missing comes from a peer, and is kept`() throws {
        var stage = try Self.stage([Self.fresh("other", "")], [[Self.fresh("hello", "Age: 7\r\n")]])
        let first = Self.text(&stage, get("/x"))
        #expect(
            first.contains("; fwd=uri-miss; stored; ttl=53\r\n") && first.contains("Age: 7\r\n")
        )
        #expect(Self.text(&stage, get("/x")).contains("; hit; ttl=53\r\n"))
        #expect(stage.origins.map(\.requests) == [0, 1])
        #expect(Self.sent(stage) == ["tier stored": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `each key has a peer of its own, the same for all caches`() throws {
        func told(_ seed: Int) throws -> Set<String> {
            var stage = try Self.stage([.answer(ok("other"))], [[Self.fresh()], [Self.fresh()]])
            for key in 0..<40 { _ = Self.text(&stage, get("/\(key)")) }
            let counts = stage.origins.map(\.requests)
            #expect(counts[0] == 0 && counts[1] + counts[2] == 40, "\(counts)")
            #expect(counts[1] > 8 && counts[2] > 8, "\(counts)")
            return Set(
                stage.told(1).split(separator: "\r\n").filter { $0.hasPrefix("GET ") }.map(
                    String.init
                )
            )
        }
        #expect(try told(1) == told(2))
    }

    @Test func `the route changes nothing of what a peer is asked`() throws {
        var stage = try Self.stage(
            [.answer(ok("from pool", fields: "Cache-Control: no-store\r\n"))],
            [[Self.fresh()]]
        ) { plan in
            plan.routes[0].rewrittenHost = TextTemplate(parts: [.text("inner.example")])
            plan.routes[0].requestFields = [
                FieldEdit(.set, "X-Secret", TextTemplate(parts: [.text("1")]))
            ]
        }
        _ = Self.text(&stage, get("/x"))
        let peer = stage.told(1)
        #expect(peer.contains("Host: a.example\r\n") && !peer.contains("inner.example"))
        #expect(!peer.contains("X-Secret"))
        _ = Self.text(&stage, ask("/x", method: "POST"), "from pool")
        #expect(stage.told(0).contains("Host: inner.example\r\n"))
        #expect(stage.told(0).contains("X-Secret: 1\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `what is not for a cache goes to the route's pool`() throws {
        var stage = try Self.stage([.answer(ok())], [[Self.fresh("other")]])
        for request in [
            ask("/x", method: "POST"), get("/x", fields: "If-Match: \"a\"\r\n"),
            ask("/x", fields: "X-Forwarded-Host: b\r\n", method: "DELETE"),
        ] {
            #expect(Self.text(&stage, request).contains("hello"))
        }
        #expect(stage.origins.map(\.requests) == [3, 0])
        #expect(Self.sent(stage) == ["origin passed": 3])
        #expect(stage.leftovers() == [])
    }

    @Test func `what a peer says is not to be kept is passed on, and then not asked of it`() throws
    {
        var stage = try Self.stage(
            [.answer(ok("origin"))],
            [[.answer(ok(fields: "Cache-Control: no-store\r\n"))]]
        )
        #expect(Self.text(&stage, get("/x")).contains("200 OK"))
        #expect(Self.text(&stage, get("/x"), "origin").contains("detail=passing"))
        #expect(stage.origins.map(\.requests) == [1, 1])
        #expect(Self.sent(stage) == ["tier passed": 1, "origin passed": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `HEAD, and what is asked for too seldom, go through a peer as well`() throws {
        var stage = try Self.stage([.answer(ok("other"))], [[Self.fresh()]]) {
            $0.caches[0].minUses = 2
        }
        #expect(Self.text(&stage, get("/x")).contains("detail=too-rare"))
        let guest = stage.visit(ask("/y", method: "HEAD"))
        #expect(stage.hear(guest, until: "\r\n\r\n").contains("200 OK"))
        #expect(stage.origins.map(\.requests) == [0, 2])
        #expect(stage.leftovers() == [])
    }

    @Test func `the log names who has answered a fetch`() throws {
        var stage = try Self.stage([Self.fresh()], [[Self.fresh()]]) { $0.accessLog = .json }
        _ = Self.text(&stage, get("/x"))
        _ = Self.text(&stage, get("/x"))
        let lines = try stage.lines()
        #expect(lines.count == 2)
        #expect(
            lines[0].contains("\"pool\":\"regional\"") && lines[0].contains("\"endpoint\":\"e1\"")
        )
        #expect(!lines[1].contains("regional") && !lines[1].contains("\"e1\""))
    }

    @Test func `a peer says its part in Cache-Status first, and its word gives way`() throws {
        let told = "Cache-Status: regional; hit\r\nX-Cache-Status: HIT\r\nX_Cache_Status: HIT\r\n"
        var stage = try Self.stage(
            [.answer(ok())],
            [
                [
                    Self.fresh("hello", told),
                    .answer(ok(fields: told + "Cache-Control: no-store\r\n")),
                ]
            ]
        )
        for (path, word) in [("/x", "MISS"), ("/x", "HIT"), ("/y", "MISS")] {
            let text = Self.text(&stage, get(path))
            let places = ["Cache-Status: regional; hit\r\n", "Cache-Status: Martlet; "]
                .compactMap { text.range(of: $0)?.lowerBound }
            #expect(places.count == 2 && places == places.sorted(), "\(text)")
            #expect(text.contains("X-Cache-Status: \(word)\r\n"))
            #expect(text.components("X-Cache-Status") == 1 && !text.contains("X_Cache"))
        }
    }

    // MARK: Past peers

    @Test func `a peer that is not there costs nobody an answer`() throws {
        var stage = try Self.stage([Self.fresh()], [[]])
        let text = Self.text(&stage, get("/x"))
        #expect(text.contains("stored") && text.contains("detail=tier-failed"))
        #expect(stage.origins[0].requests == 1)
        #expect(Self.sent(stage) == ["tier failed": 1, "origin stored": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `the next peer is asked before the origin is`() throws {
        var stage = try Self.stage([Self.fresh("other")], [[Self.fresh()], []]) {
            // As spent as a budget can be: the origin would be asked in place of the next peer.
            ($0.poolPlans[1].retryPercent, $0.poolPlans[1].retryMinimum) = (1, 0)
            $0.poolPlans[1].backoff.base = .seconds(10)
        }
        for key in 0..<20 { #expect(Self.text(&stage, get("/\(key)")).contains("stored")) }
        #expect(stage.origins.map(\.requests) == [0, 20, 0])
        #expect(stage.leftovers() == [])
    }

    @Test func `peers that are down are not tried`() throws {
        var stage = try Self.stage([Self.fresh()], [[Self.fresh("other")]])
        stage.health.publish(1, HealthWord(health: .down, reason: .noProbe))
        #expect(Self.text(&stage, get("/x")).contains("stored"))
        #expect(stage.origins.map(\.requests) == [1, 0])
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [502, 503, 504, 508])
    func `a peer that cannot is passed by`(status: Int) throws {
        let cannot = "HTTP/1.1 \(status) No\r\nContent-Length: 2\r\n\r\nno"
        var stage = try Self.stage([Self.fresh()], [[.answer(cannot)]])
        for path in ["/x", "/y"] {
            let text = Self.text(&stage, get(path))
            #expect(text.contains("200 OK") && text.contains("detail=tier-failed"))
        }
        let guest = stage.visit(ask("/z", method: "HEAD"))
        #expect(stage.hear(guest, until: "\r\n\r\n").contains("200 OK"))
        #expect(stage.origins.map(\.requests) == [3, 3])
        // Its connection was of use again.
        #expect(stage.visitors.count { $0.origin == 1 } == 1)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [404, 500, 501])
    func `another status is an answer`(status: Int) throws {
        let answer = "HTTP/1.1 \(status) No\r\nContent-Length: 2\r\n\r\nno"
        var stage = try Self.stage([Self.fresh()], [[.answer(answer)]])
        #expect(Self.text(&stage, get("/x"), "no").contains("\(status)"))
        #expect(stage.origins.map(\.requests) == [0, 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `something stale comes before an origin in trouble`() throws {
        let bad = "HTTP/1.1 502 No\r\nContent-Length: 2\r\n\r\nno"
        var stage = try Self.stage([Self.fresh("other")], [[Self.fresh(), .answer(bad)]]) {
            $0.caches[0].rules.staleIfError = .seconds(600)
        }
        _ = Self.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        let text = Self.text(&stage, get("/x"))
        #expect(text.contains("hello") && text.contains("detail=origin-failed"))
        #expect(stage.origins.map(\.requests) == [0, 2])
        #expect(stage.leftovers() == [])
    }

    @Test func `a slow peer is passed by after its pool's time`() throws {
        var stage = try Self.stage([Self.fresh()], [[.silence]]) {
            $0.poolPlans[1].timeouts.firstByte = .seconds(3)
            $0.poolPlans[1].retries = 0
        }
        let guests = (0..<3).map { _ in stage.visit(get("/x")) }
        stage.turn { $0.told(1).contains("/x") }
        stage.settle()
        stage.advance(.milliseconds(3_100))
        for guest in guests { #expect(stage.hear(guest, until: "hello").contains("200 OK")) }
        #expect(stage.origins.map(\.requests) == [1, 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `when nobody answers, the failure is the route's own`() throws {
        var stage = try Self.stage([], [[]])
        let text = Self.text(&stage, get("/x"), "connect-refused")
        #expect(text.contains("502"))
        #expect(Self.sent(stage) == ["tier failed": 1, "origin failed": 1])
        #expect(stage.leftovers() == [])
    }

    // MARK: Loops

    @Test func `whatever leaves a route with a cache names this node behind the others`() throws {
        var stage = try Self.stage([.answer(ok())], [[Self.fresh()]])
        let lines = "CDN-Loop: a;x=\"1,2\"\r\nCDN-Loop: b, c\r\n"
        _ = Self.text(&stage, get("/x", fields: lines))
        _ = Self.text(&stage, ask("/x", method: "POST"))
        let peer = stage.told(1)
        let places = ["CDN-Loop: a;x=\"1,2\"\r\n", "CDN-Loop: b, c\r\n", "CDN-Loop: edge-1\r\n"]
            .compactMap { peer.range(of: $0)?.lowerBound }
        #expect(places.count == 3 && places == places.sorted(), "\(peer)")
        #expect(stage.told(0).contains("CDN-Loop: edge-1\r\n"))
        // Nobody has it taken away on the way.
        let nominated = get("/y", fields: "Connection: CDN-Loop\r\nCDN-Loop: a\r\n")
        #expect(Self.text(&stage, nominated, "\r\n\r\n").contains("400 Bad Request"))
    }

    @Test func `without a cache nothing is said of loops`() throws {
        var stage = try Self.stage([.answer(ok())], [[Self.fresh()]]) { $0.routes[0].cache = nil }
        _ = Self.text(&stage, get("/x", fields: "CDN-Loop: edge-1, edge-1\r\n"))
        #expect(stage.told(0).components("CDN-Loop") == 1)
    }

    @Test func `what has been here goes to the route's pool, and waits for nobody`() throws {
        var stage = try Self.stage([.answer(ok())], [[.silence]])
        let first = stage.visit(get("/x"))
        stage.turn { $0.told(1).contains("/x") }
        let again = Self.text(&stage, get("/x", fields: "CDN-Loop: edge-1, b\r\n"))
        #expect(again.contains("Cache-Status: Martlet; fwd=bypass; detail=loop\r\n"))
        #expect(stage.origins.map(\.requests) == [1, 1])
        #expect(stage.told(0).contains("CDN-Loop: edge-1, b\r\n"))
        #expect(stage.told(0).contains("CDN-Loop: edge-1\r\n"))
        stage.say(0, Array(ok(fields: "Cache-Control: max-age=60\r\n").utf8))
        #expect(stage.hear(first, until: "hello").contains("200 OK"))
        #expect(DoorCacheTests.results(stage) == ["bypass": 1, "miss": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `what has been here twice is refused`() throws {
        var stage = try Self.stage([.answer(ok())], [[Self.fresh()]])
        for lines in [
            "CDN-Loop: edge-1, b, EDGE-1\r\n", "CDN-Loop: edge-1;a=1\r\nCDN-Loop: edge-1\r\n",
        ] {
            let text = Self.text(&stage, get("/x", fields: lines), "loop-detected")
            #expect(text.contains("508 Loop Detected"))
        }
        #expect(stage.count(Fault.loopDetected) == 2)
        #expect(stage.origins.map(\.requests) == [0, 0])
        #expect(stage.leftovers() == [])
    }

    @Test func `whoever only looks like this node is another one`() throws {
        var stage = try Self.stage([.answer(ok("other"))], [[Self.fresh()]])
        let lines = ["edge-10", "x;a=edge-1", "x;a=\"edge-1, edge-1\"", "edge-1:80"]
        for (place, line) in lines.enumerated() {
            let text = Self.text(&stage, get("/\(place)", fields: "CDN-Loop: \(line)\r\n"))
            #expect(text.contains("fwd=uri-miss; stored"))
        }
        #expect(stage.origins.map(\.requests) == [0, 4])
    }

    @Test func `where a loop would not be seen, nothing is sent on`() throws {
        var stage = try Self.stage([.answer(ok())], [[Self.fresh()]])
        let text = Self.text(&stage, get("/x", fields: "CDN-Loop: a;x=\"\r\n"), "loop-malformed")
        #expect(text.contains("400 Bad Request"))
        #expect(stage.origins.map(\.requests) == [0, 0])
    }

    @Test func `nodes that nobody has named have names of their own`() throws {
        var names: Set<String> = []
        for _ in 0..<2 {
            var stage = try Self.stage([.answer(ok())], [[Self.fresh()]]) { $0.loopName = nil }
            _ = Self.text(&stage, get("/x"))
            let line = stage.told(1).split(separator: "\r\n").first { $0.hasPrefix("CDN-Loop: ") }
            names.insert(String(line ?? ""))
        }
        #expect(names.count == 2)
        #expect(names.allSatisfy { $0.utf8.count == 34 && $0.hasPrefix("CDN-Loop: martlet-") })
    }
}
