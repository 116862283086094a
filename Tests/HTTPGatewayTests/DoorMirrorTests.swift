// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorMirrorTests {
    /// A pool of one endpoint, and one that is mirrored to, of another.
    static func stage(
        _ own: [Part] = [.answer(ok())],
        _ shadow: [Part] = [.answer(ok())],
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness([own, shadow]) { plan in
            let endpoint = plan.pools[0].endpoints.removeLast()
            plan.pools.append(PoolDefinition(name: "shadow", slot: 1, endpoints: [endpoint]))
            plan.poolPlans.append(GatewayPoolPlan())
            plan.routes[0].mirror = MirrorPlan(pool: 1)
            configure(&plan)
        }
    }

    static func comparing(_ plan: inout GatewayPlan) { plan.routes[0].mirror?.compare = .body }

    /// What was counted, by word, zeros left out.
    static func counts(_ stage: borrowing DoorHarness) -> [String: Int] {
        let place = Int(stage.door.routePlaces[0])
        var counts: [String: Int] = [:]
        func note(_ word: String, _ index: Int) {
            let count = Int(stage.shared.metrics[0].load(index))
            if count > 0 { counts[word] = count }
        }
        let start = GatewayMetrics.mirror(place)
        note("sent", start)
        for reason in MirrorSkip.allCases {
            note("skipped \(reason.word)", GatewayMetrics.skipped(reason, route: place))
        }
        for reason in MirrorFailure.allCases {
            note("failed \(reason.word)", GatewayMetrics.failed(reason, route: place))
        }
        for verdict in MirrorVerdict.allCases {
            note("\(verdict.word)", GatewayMetrics.compared(verdict, route: place))
        }
        for bucket in 0...GatewayMetrics.durationBounds.count {
            let count = stage.shared.metrics[0].load(start + GatewayMetrics.mirrorBuckets + bucket)
            if count > 0 { counts["answered", default: 0] += Int(count) }
        }
        return counts
    }

    private static func fields(_ head: String, without names: [String] = []) -> [String] {
        head.split(separator: "\r\n").map(String.init).filter { line in
            !names.contains { line.lowercased().hasPrefix($0) }
        }
    }

    @Test func `a copy is the request, with a mark`() throws {
        var stage = try Self.stage()
        let guest = stage.visit(get("/x?y=1", fields: "Cookie: a=b\r\nExpect: 100-continue\r\n"))
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.turn { Self.counts($0)["answered"] == 1 }
        let (own, copy) = (stage.told(0), stage.told(1))
        #expect(copy.hasPrefix("GET /x?y=1 HTTP/1.1\r\nHost: a.example\r\n"))
        #expect(copy.contains("Martlet-Mirror: 1\r\n") && !own.contains("Martlet-Mirror"))
        #expect(
            Self.fields(own, without: ["expect"]) == Self.fields(copy, without: ["martlet-mirror"])
        )
        #expect(Self.counts(stage) == ["sent": 1, "answered": 1])
        #expect(stage.count(.requests) == 1 && stage.count(.status2xx) == 1)
        #expect(stage.shared.metrics[0].load(GatewayMetrics.endpoint(1) + 1) == 1)
        let isKept = stage.visitors.contains { $0.origin == 1 && $0.isOpen }
        #expect(isKept)
        // Once more, on the kept connection.
        stage.send(guest, get("/again"))
        stage.turn { Self.counts($0)["answered"] == 2 }
        #expect(stage.visitors.filter { $0.origin == 1 }.count == 1)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [5, 40_000, 65_536])
    func `a body is copied, whatever its framing`(_ size: Int) throws {
        let body = String(String(repeating: "abcdefghijk", count: size / 11 + 1).prefix(size))
        var stage = try Self.stage()
        let first = stage.visit(post(body))
        stage.hear(first, until: "hello")
        stage.turn { Self.counts($0)["answered"] == 1 }
        #expect(stage.told(1).hasSuffix("\r\n\r\n" + body))
        let head = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let middle = body.index(body.startIndex, offsetBy: size / 2)
        var text = ""
        for part in [body[..<middle], body[middle...]] where !part.isEmpty {
            text += String(part.utf8.count, radix: 16) + "\r\n\(part)\r\n"
        }
        let second = stage.visit(head + text + "0\r\n\r\n")
        stage.hear(second, until: "hello")
        stage.turn { Self.counts($0)["answered"] == 2 }
        let told = stage.told(1)
        #expect(told.contains("POST /c HTTP/1.1") && told.hasSuffix("\r\n\r\n" + body))
        #expect(told.contains("Content-Length: \(size)\r\n") && !told.contains("chunked"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a body beyond the bound is not copied, known beforehand or not`() throws {
        var stage = try Self.stage { $0.routes[0].mirror?.bodyLimit = 100 }
        let body = String(repeating: "x", count: 101)
        let first = stage.visit(post(body))
        stage.hear(first, until: "hello")
        let head = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let second = stage.visit(head + "32\r\n\(body.prefix(50))\r\n")
        stage.turn { $0.told(0).contains("/c") }
        stage.send(second, "33\r\n\(body.prefix(51))\r\n0\r\n\r\n")
        #expect(stage.hear(second, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.settle()
        #expect(Self.counts(stage) == ["skipped body-too-large": 2])
        #expect(stage.told(1) == "")
        let third = stage.visit(post(String(body.dropLast())))
        stage.hear(third, until: "hello")
        stage.turn { Self.counts($0)["answered"] == 1 }
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["silence", "reset", "dead", "500", "garbage", "short", "interim"])
    func `what the mirror does is nothing to the client`(_ what: String) throws {
        let parts: [String: [Part]] = [
            "silence": [.silence], "reset": [.reset("")], "dead": [],
            "500": [.answer("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")],
            "garbage": [.answerAndClose("garbage\r\n\r\n")],
            "short": [.answerAndClose("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel")],
            "interim": [.answer("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok())],
        ]
        var stage = try Self.stage([.answer(ok())], parts[what] ?? [], Self.comparing)
        let guest = stage.visit(get("/x"))
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.settle(patience: 5)
        stage.advance(.seconds(6))
        stage.turn { $0.door.mirrors.count == 0 }
        let wanted: [String: [String: Int]] = [
            "silence": ["sent": 1, "failed timeout": 1, "unanswered": 1],
            "reset": ["sent": 1, "failed reset": 1, "unanswered": 1],
            "dead": ["sent": 1, "failed connect": 1, "unanswered": 1],
            "500": ["sent": 1, "answered": 1, "status": 1],
            "garbage": ["sent": 1, "failed malformed": 1, "unanswered": 1],
            "short": ["sent": 1, "failed reset": 1, "unanswered": 1],
            "interim": ["sent": 1, "answered": 1, "same": 1],
        ]
        #expect(Self.counts(stage) == wanted[what])
        #expect(stage.count(.retries) == 0 && stage.shared.budget.activeRequests(1) == 0)
        let blamed = stage.shared.reports.drain().map(\.slot)
        #expect(blamed == [] && stage.load.failureCount(1) == 0 && stage.load.successCount(1) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [("hello", "same"), ("hallo", "body"), ("hell", "body"), ("", "body")])
    func `contents are compared`(_ example: (text: String, verdict: String)) throws {
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
        for own in [ok("hello"), chunked] {
            var stage = try Self.stage([.answer(own)], [.answer(ok(example.text))], Self.comparing)
            let guest = stage.visit(get("/x"))
            stage.hear(guest, until: "llo")
            stage.turn { Self.counts($0)[example.verdict] == 1 }
            #expect(Self.counts(stage) == ["sent": 1, "answered": 1, example.verdict: 1])
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `large contents are compared, not spliced; longer ones are not`() throws {
        let body = String(repeating: "0123456789abcdef", count: 20_000)
        var other = body
        other.removeLast()
        let long = String(repeating: body, count: 4)
        for (own, shadow, verdict) in [
            (body, body, "same"), (body, other + "x", "body"), (long, long, "too-large"),
            (long, body, "body"), (body, long, "body"),
        ] {
            var stage = try Self.stage([.answer(ok())], [.answer(ok())], Self.comparing)
            let guest = stage.visit(get("/x"))
            stage.turn { $0.told(0).contains("/x") && $0.told(1).contains("/x") }
            stage.hear(guest, until: "hello")
            stage.turn { Self.counts($0)["same"] == 1 }
            stage.origins[0].parts = [.silence]
            stage.origins[1].parts = [.silence]
            stage.send(guest, get("/y"))
            stage.turn { $0.told(0).contains("/y") && $0.told(1).contains("/y") }
            Self.pour(ok(own), 0, &stage)
            Self.pour(ok(shadow), 1, &stage)
            let wanted = verdict == "same" ? 2 : 1
            stage.turn { Self.counts($0)[verdict] == wanted }
            #expect(Self.counts(stage)[verdict] == wanted, "\(verdict)")
            #expect(stage.heard(guest).hasSuffix(own))
            #expect(stage.count(.bytesSpliced) == 0)
            #expect(stage.leftovers() == [])
        }
    }

    /// Says a long text on the first connection of an origin, as the door takes it.
    private static func pour(_ text: String, _ origin: Int, _ stage: inout DoorHarness) {
        guard let visitor = stage.visitors.firstIndex(where: { $0.origin == origin }) else {
            return
        }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty, stage.visitors[visitor].isOpen {
            switch Socket.send(stage.visitors[visitor].fd, Array(rest.prefix(65_536)).span) {
            case .count(let count): rest = rest.dropFirst(count)
            case .wouldBlock: break
            case .endOfStream, .failed: return
            }
            stage.turnOnce(wait: 0)
        }
    }

    @Test func `whoever is over last has them compared`() throws {
        for ownFirst in [true, false] {
            var stage = try Self.stage([.silence], [.silence], Self.comparing)
            let guest = stage.visit(get("/x"))
            stage.turn { $0.told(0).contains("/x") && $0.told(1).contains("/x") }
            let visitors = [0, 1].compactMap { origin in
                stage.visitors.firstIndex { $0.origin == origin }
            }
            stage.say(visitors[ownFirst ? 0 : 1], Array(ok().utf8))
            if ownFirst { stage.hear(guest, until: "hello") }
            stage.settle(patience: 5)
            #expect(Self.counts(stage)["same"] == nil)
            stage.say(visitors[ownFirst ? 1 : 0], Array(ok().utf8))
            stage.turn { Self.counts($0)["same"] == 1 }
            #expect(Self.counts(stage) == ["sent": 1, "answered": 1, "same": 1])
            #expect(stage.leftovers() == [])
        }
    }

    @Test(arguments: ["none", "safe", "upgrade"])
    func `some requests have no copy, and are not counted`(_ what: String) throws {
        var stage = try Self.stage { plan in
            if what == "none" { plan.routes[0].mirror?.percent = 0 }
            if what == "safe" { plan.routes[0].mirror?.methods = .safe }
        }
        let text =
            switch what {
            case "safe": post("body")
            case "upgrade": get("/x", fields: "Connection: upgrade\r\nUpgrade: websocket\r\n")
            default: get("/x")
            }
        let guest = stage.visit(text)
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.settle()
        #expect(Self.counts(stage) == [:] && stage.told(1) == "")
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        ("busy", "busy"), ("memory", "memory"), ("down", "no-endpoint"), ("full", "at-limit"),
        ("queue", "at-limit"), ("http2", "no-endpoint"),
    ])
    func `beyond a bound there is no copy`(_ example: (what: String, reason: String)) throws {
        let what = example.what
        var stage = try Self.stage { plan in
            if what == "busy" { plan.limits.mirroredRequests = 0 }
            if what == "memory" { plan.limits.mirrorMemory = 80_000 }
            if what == "full" { plan.pools[1].endpoints[0].connectionLimit = 1 }
            if what == "http2" { plan.poolPlans[1].version = .http2 }
            Self.comparing(&plan)
        }
        if what == "down" { stage.health.publish(1, HealthWord(health: .down, reason: .noProbe)) }
        if what == "full" { _ = stage.load.reserve(1, limit: 1) }
        if what == "queue" { _ = stage.shared.pending.tryEnter(1, .normal, limit: 5) }
        let guest = stage.visit(post("body"))
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.settle()
        #expect(Self.counts(stage) == ["skipped \(example.reason)": 1])
        if what == "full" { stage.load.cancelReservation(1) }
        if what == "queue" { stage.shared.pending.leave(1, .normal) }
        #expect(stage.leftovers() == [])
    }

    @Test func `a request that no endpoint has whole has no copy`() throws {
        var stage = try Self.stage([.interrupt(ok("early"))])
        let head = "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"
        let guest = stage.visit(head)
        stage.hear(guest, until: "early")
        stage.leave(guest)
        stage.settle(patience: 5)
        #expect(Self.counts(stage) == ["skipped unsent": 1])
        var dead = try Self.stage([])
        let other = dead.visit(get("/x"))
        #expect(dead.hear(other, until: "\r\n\r\n").hasPrefix("HTTP/1.1 502"))
        #expect(Self.counts(dead) == ["skipped unsent": 1])
        #expect(stage.leftovers() == [])
        #expect(dead.leftovers() == [])
    }

    /// A pool of two endpoints, the first of which is asked first, and one that is mirrored to.
    private static func pair(_ first: Part) throws -> DoorHarness {
        try DoorHarness([[first], [.answer(ok())], [.answer(ok())]]) { plan in
            let endpoint = plan.pools[0].endpoints.removeLast()
            plan.pools[0].balance = .firstAvailable
            plan.pools.append(PoolDefinition(name: "shadow", slot: 1, endpoints: [endpoint]))
            plan.poolPlans.append(GatewayPoolPlan())
            plan.routes[0].mirror = MirrorPlan(pool: 1)
            comparing(&plan)
        }
    }

    @Test func `a kept connection that has gone leaves no body behind`() throws {
        var stage = try Self.pair(.answer(ok()))
        let guest = stage.visit(get("/x"))
        stage.hear(guest, until: "hello")
        stage.turn { Self.counts($0)["same"] == 1 }
        let kept = stage.visitors.firstIndex { $0.origin == 0 } ?? 0
        // The door hears of the request first, and sends it where nobody is any more.
        stage.send(guest, post("the body", method: "PUT"))
        stage.close(kept, reset: true)
        stage.turn { Self.counts($0)["same"] == 2 }
        #expect(stage.count(.retries) == 1)
        let told = stage.told(2)
        #expect(told.hasSuffix("\r\n\r\nthe body") && told.contains("Content-Length: 8\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `an attempt that failed after all was sent makes no second copy`() throws {
        var stage = try Self.pair(.reset(""))
        let guest = stage.visit(post("the body", method: "PUT"))
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.turn { Self.counts($0)["same"] == 1 }
        #expect(stage.count(.retries) == 1)
        #expect(Self.counts(stage) == ["sent": 1, "answered": 1, "same": 1])
        #expect(stage.told(2).hasSuffix("\r\n\r\nthe body"))
        #expect(stage.leftovers() == [])
    }

    @Test func `the client leaves: the copy goes on`() throws {
        var stage = try Self.stage([.silence], [.silence], Self.comparing)
        let guest = stage.visit(get("/x"))
        stage.turn { $0.told(1).contains("/x") }
        stage.advance(.milliseconds(300))
        stage.leave(guest)
        stage.turn { $0.load.inFlight(0) == 0 }
        let visitor = stage.visitors.firstIndex { $0.origin == 1 } ?? 0
        stage.say(visitor, Array(ok().utf8))
        stage.turn { Self.counts($0)["unanswered"] == 1 }
        #expect(Self.counts(stage) == ["sent": 1, "answered": 1, "unanswered": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload takes the mirror and its pool away; the process ends`() throws {
        var stage = try Self.stage([.silence], [.silence], Self.comparing)
        let guest = stage.visit(get("/x"))
        stage.turn { $0.told(1).contains("/x") }
        stage.plan.routes[0].mirror = nil
        stage.plan.pools.removeLast()
        stage.plan.poolPlans.removeLast()
        stage.adopt()
        stage.say(1, Array(ok().utf8))
        stage.say(0, Array(ok().utf8))
        stage.hear(guest, until: "hello")
        stage.turn { $0.door.mirrors.count == 0 }
        #expect(Self.counts(stage) == ["sent": 1, "answered": 1, "same": 1])
        stage.send(guest, get("/y"))
        stage.turn { $0.told(0).contains("/y") }
        stage.settle()
        #expect(!stage.told(1).contains("/y"))
        #expect(stage.leftovers() == [])
        var last = try Self.stage([.answer(ok())], [.silence])
        let other = last.visit(get("/x"))
        last.hear(other, until: "hello")
        last.turn { $0.told(1).contains("/x") }
        last.leave(other)
        last.settle(patience: 5)
        let open = last.door.openConnections
        #expect(open == 1)
        last.door.beginShutdown(Farewell(), loop: &last.loop, now: last.now)
        let isIdle = last.door.isIdle
        #expect(isIdle)
        #expect(Self.counts(last) == ["sent": 1, "failed cut": 1])
        #expect(last.leftovers() == [])
    }

    @Test func `an endpoint that goes down ends its copies`() throws {
        var stage = try Self.stage([.answer(ok())], [.silence], Self.comparing)
        let guest = stage.visit(get("/x"))
        stage.hear(guest, until: "hello")
        stage.turn { $0.told(1).contains("/x") }
        stage.door.closeConnections(toSlot: 1, .all, loop: &stage.loop, now: stage.now)
        #expect(Self.counts(stage) == ["sent": 1, "failed cut": 1, "unanswered": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `a request by HTTP/2 has its copy by HTTP/1.1`() throws {
        var stage = try Self.stage([.answer(ok())], [.answer(ok())], Self.comparing)
        var client = try HTTP2Guest(&stage)
        let first = client.ask(&stage, "GET", "/x")
        #expect(stage.answer(&client, first).content == "hello")
        let second = client.ask(&stage, "POST", "/y", content: "the body")
        #expect(stage.answer(&client, second).content == "hello")
        stage.turn { Self.counts($0)["same"] == 2 }
        #expect(Self.counts(stage) == ["sent": 2, "answered": 2, "same": 2])
        let told = stage.told(1)
        #expect(told.contains("GET /x HTTP/1.1\r\nHost: a.example\r\n"))
        #expect(told.contains("Content-Length: 8\r\n") && told.hasSuffix("\r\n\r\nthe body"))
        let call = client.ask(
            &stage,
            "POST",
            "/s/m",
            [("content-type", "application/grpc"), ("te", "trailers")],
            content: "call"
        )
        _ = stage.answer(&client, call)
        stage.settle()
        #expect(Self.counts(stage)["sent"] == 2, "calls of gRPC have none")
        #expect(stage.leftovers() == [])
    }
}
