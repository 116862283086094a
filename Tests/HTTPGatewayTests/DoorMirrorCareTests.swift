// SPDX-License-Identifier: Apache-2.0
import Essentials
import Glibc
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// Copies keep out of the way: of clients, of those who judge endpoints, and of each other.
@Suite struct DoorMirrorCareTests {
    private static func stage(
        _ own: [Part] = [.answer(ok())],
        _ shadow: [Part] = [.answer(ok())],
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorMirrorTests.stage(own, shadow, configure)
    }

    private static func counts(_ stage: borrowing DoorHarness) -> [String: Int] {
        DoorMirrorTests.counts(stage)
    }

    private static let half: HealthWord = {
        var word = HealthWord(health: .up, reason: .noProbe)
        word.isHalfOpen = true
        return word
    }()

    // MARK: Overload

    /// Lets the door have turns of one length for half a second.
    private static func work(_ stage: inout DoorHarness, turn: Interval) {
        let end = stage.now + .milliseconds(500)
        while stage.now < end {
            stage.skew = stage.skew + turn
            let now = stage.now
            stage.door.noteTurn(waited: now, now: now)
        }
    }

    @Test func `a worker that is late makes no copies, long before it refuses anybody`() throws {
        var stage = try Self.stage { $0.limits.shedLag = .milliseconds(40) }
        Self.work(&stage, turn: .milliseconds(20))
        let guest = stage.visit(get("/x"))
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.settle()
        #expect(Self.counts(stage) == ["skipped overloaded": 1] && stage.told(1) == "")
        Self.work(&stage, turn: .milliseconds(1))
        // It falls behind between the request's head and its end.
        let head = "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab"
        let second = stage.visit(head)
        stage.turn { $0.told(0).contains("\r\n\r\nab") }
        Self.work(&stage, turn: .milliseconds(20))
        stage.send(second, "cd")
        #expect(stage.hear(second, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.settle()
        #expect(Self.counts(stage) == ["skipped overloaded": 2] && stage.told(1) == "")
        Self.work(&stage, turn: .milliseconds(1))
        stage.send(guest, get("/y"))
        stage.turn { Self.counts($0)["answered"] == 1 }
        #expect(Self.counts(stage) == ["skipped overloaded": 2, "sent": 1, "answered": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `work that was put off comes before copies, also where nobody is refused`() throws {
        var stage = try Self.stage()
        stage.door.putOff[0].append(.none)
        let guest = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        stage.settle()
        #expect(Self.counts(stage) == ["skipped overloaded": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `a request whose content is slow in coming takes no other's place`() throws {
        var stage = try Self.stage { $0.limits.mirroredRequests = 1 }
        let slow = stage.visit("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        stage.turn { $0.told(0).contains("/slow") }
        let quick = stage.visit(get("/quick"))
        stage.hear(quick, until: "hello")
        stage.turn { Self.counts($0)["answered"] == 1 }
        #expect(Self.counts(stage) == ["sent": 1, "answered": 1])
        stage.send(slow, "cd")
        stage.turn { Self.counts($0)["answered"] == 2 }
        #expect(Self.counts(stage) == ["sent": 2, "answered": 2])
        #expect(stage.leftovers() == [])
    }

    // MARK: Judging endpoints

    @Test(arguments: ["200", "500", "reset"])
    func `a copy says nothing about an endpoint that also serves clients`(
        _ what: String
    ) throws {
        let copy: Part =
            what == "reset"
            ? .reset("") : .answer("HTTP/1.1 \(what) X\r\nContent-Length: 0\r\n\r\n")
        var stage = try DoorHarness([[.answer(ok()), copy]]) { plan in
            plan.poolPlans[0].failureStatuses = [500...599]
            plan.poolPlans[0].measuresLatency = true
            plan.routes[0].mirror = MirrorPlan(pool: 0)
        }
        let guest = stage.visit(get("/x"))
        stage.hear(guest, until: "hello")
        stage.turn { $0.door.mirrors.count == 0 }
        #expect(Self.counts(stage)[what == "reset" ? "failed reset" : "answered"] == 1)
        #expect(stage.load.successCount(0) == 1 && stage.load.failureCount(0) == 0)
        #expect(stage.load.latency(0).count == 1, "the client's")
        let blamed = stage.shared.reports.drain().map(\.slot)
        #expect(blamed == [])
        // Numbers for operators are of all that an endpoint gets.
        let word = ["200": 1, "500": 4, "reset": 5][what] ?? 0
        let wanted: UInt64 = what == "200" ? 2 : 1
        #expect(stage.shared.metrics[0].load(GatewayMetrics.endpoint(0) + word) == wanted)
        #expect(stage.leftovers() == [])
    }

    @Test func `a half-open endpoint is tried with requests of clients, not with copies`() throws {
        var stage = try Self.stage { $0.pools[1].trialLimit = 1 }
        stage.health.publish(1, Self.half)
        let guest = stage.visit(get("/x"))
        stage.hear(guest, until: "hello")
        stage.settle()
        #expect(Self.counts(stage) == ["skipped no-endpoint": 1] && stage.load.trials(1) == 0)
        #expect(stage.leftovers() == [])
        var pair = try DoorHarness([[.answer(ok())], [.answer(ok())], [.answer(ok())]]) { plan in
            let endpoints = plan.pools[0].endpoints.suffix(2)
            plan.pools[0].endpoints.removeLast(2)
            plan.pools.append(
                PoolDefinition(name: "shadow", slot: 1, endpoints: Array(endpoints))
            )
            plan.pools[1].trialLimit = 1
            plan.poolPlans.append(GatewayPoolPlan())
            plan.routes[0].mirror = MirrorPlan(pool: 1)
        }
        pair.health.publish(2, Self.half)
        let other = pair.visit(get("/0"))
        for number in 1...6 {
            pair.turn { Self.counts($0)["answered"] == number }
            pair.send(other, get("/\(number)"))
        }
        pair.turn { Self.counts($0)["answered"] == 7 }
        #expect(Self.counts(pair) == ["sent": 7, "answered": 7] && pair.told(2) == "")
        #expect(pair.leftovers() == [])
    }

    // MARK: The mark

    private static let marked = get("/x", fields: "martlet-MIRROR: 1\r\nMartlet_Mirror: 1\r\n")

    @Test func `the mark of somebody who is not trusted is neither believed nor passed on`() throws
    {
        for trusted in [nil, Prefix("10.0.0.0/8")] {
            var stage = try Self.stage { $0.listeners[0].trusted = trusted.map { [$0] } ?? [] }
            let guest = stage.visit(Self.marked)
            stage.hear(guest, until: "hello")
            stage.turn { Self.counts($0)["answered"] == 1 }
            #expect(!stage.told(0).lowercased().contains("mirror"))
            #expect(stage.told(1).lowercased().components("mirror") == 1)
            #expect(stage.told(1).contains("Martlet-Mirror: 1\r\n"))
            var client = try HTTP2Guest(&stage)
            let stream = client.ask(&stage, "GET", "/y", [("martlet-mirror", "1")])
            #expect(stage.answer(&client, stream).content == "hello")
            stage.turn { Self.counts($0)["answered"] == 2 }
            #expect(!stage.told(0).lowercased().contains("mirror"))
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `the mark of a trusted proxy is both`() throws {
        var stage = try Self.stage { plan in
            plan.listeners[0].trusted = Prefix("127.0.0.0/8").map { [$0] } ?? []
        }
        let guest = stage.visit(Self.marked)
        stage.hear(guest, until: "hello")
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "GET", "/y", [("martlet-mirror", "1")])
        #expect(stage.answer(&client, stream).content == "hello")
        stage.settle()
        #expect(Self.counts(stage) == [:] && stage.told(1) == "")
        #expect(stage.told(0).lowercased().components("martlet-mirror: 1\r\n") == 2)
        #expect(stage.leftovers() == [])
    }

    // MARK: Reload while connecting

    /// The pool of a connection that is being opened goes away, and with it what says how its
    /// endpoints are spoken with.
    private static func takeAway(_ pool: Int, _ stage: inout DoorHarness) {
        stage.plan.pools.remove(at: pool)
        stage.plan.poolPlans.remove(at: pool)
        stage.plan.routes[0].action = .pool(0)
        stage.plan.routes[0].mirror = nil
        stage.adopt()
        stage.settle(patience: 5)
    }

    @Test func `an original does not go where nobody knows any more how`() throws {
        var stage = try Self.stage { plan in
            plan.poolPlans[0].proxyHeader = .v1
            plan.routes[0].mirror = nil
        }
        let guest = stage.visit(get("/secret"))
        stage.turn { $0.door.upstreams.count == 1 }
        #expect(stage.visitors.isEmpty)
        Self.takeAway(0, &stage)
        #expect(stage.hear(guest, until: "\r\n\r\n").hasPrefix("HTTP/1.1 502"))
        #expect(stage.told(0) == "" && stage.told(1) == "")
        let blamed = stage.shared.reports.drain().map(\.slot)
        #expect(blamed == [] && stage.load.failureCount(0) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `nor does a copy`() throws {
        var stage = try Self.stage { $0.poolPlans[1].proxyHeader = .v1 }
        let guest = stage.visit(get("/secret"))
        stage.turn { stage in
            let upstreams = (0..<stage.door.upstreams.highWater).filter {
                !stage.door.upstreams.handle(at: $0).isNone && stage.door.upstreams[$0].slot == 1
            }
            return !upstreams.isEmpty
        }
        Self.takeAway(1, &stage)
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        #expect(Self.counts(stage) == ["sent": 1, "failed connect": 1] && stage.told(1) == "")
        #expect(stage.leftovers() == [])
    }

    // MARK: On the wire

    @Test func `a PROXY header stands before each copy`() throws {
        var stage = try Self.stage { $0.poolPlans[1].proxyHeader = .v1 }
        let guest = stage.visit(get("/1"))
        stage.turn { Self.counts($0)["answered"] == 1 }
        stage.send(guest, get("/2"))
        stage.turn { Self.counts($0)["answered"] == 2 }
        let texts = stage.visitors.filter { $0.origin == 1 }.map {
            String(decoding: $0.heard, as: UTF8.self)
        }
        #expect(texts.count == 2)
        for (number, text) in texts.enumerated() {
            #expect(text.hasPrefix("PROXY TCP4 127.0.0.1 127.0.0.1 "))
            #expect(text.contains("\r\nGET /\(number + 1) HTTP/1.1\r\n"))
        }
        #expect(stage.leftovers() == [])
    }

    @Test func `an early answer is one, though the endpoint takes no more of the request`() throws {
        var stage = try Self.stage([.answer(ok())], [.answer(ok()), .interrupt("")]) { plan in
            plan.routes[0].mirror?.bodyLimit = 1 << 20
            plan.routes[0].mirror?.compare = .status
        }
        let guest = stage.visit(get("/x"))
        stage.turn { Self.counts($0)["answered"] == 1 }
        // So little goes into the socket that some of the copy must wait.
        for u in 0..<stage.door.upstreams.highWater where stage.door.upstreams[u].slot == 1 {
            var size: Int32 = 4_608
            let length = socklen_t(MemoryLayout<Int32>.size)
            unsafe setsockopt(stage.door.upstreams[u].fd.raw, SOL_SOCKET, SO_SNDBUF, &size, length)
        }
        stage.send(guest, post(String(repeating: "x", count: 200_000)))
        stage.turn { $0.told(1).contains("POST") }
        let visitor = stage.visitors.firstIndex { $0.origin == 1 } ?? 0
        stage.say(visitor, Array("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n".utf8))
        stage.close(visitor, reset: true)
        stage.turn { $0.door.mirrors.count == 0 }
        #expect(Self.counts(stage) == ["sent": 2, "answered": 2, "same": 1, "status": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `of an answer that nobody compares little is read`() throws {
        for compare in [MirrorComparison.off, .status] {
            var stage = try Self.stage([.answer(ok())], [.silence]) { plan in
                plan.routes[0].mirror?.compare = compare
            }
            let guest = stage.visit(get("/x"))
            stage.hear(guest, until: "hello")
            stage.turn { $0.told(1).contains("/x") }
            let visitor = stage.visitors.firstIndex { $0.origin == 1 } ?? 0
            let text = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"
            stage.say(visitor, Array((text + String(repeating: "x", count: 100_000)).utf8))
            stage.turn { Self.counts($0)["answered"] == 1 }
            let same = compare == .off ? [:] : ["same": 1]
            #expect(Self.counts(stage) == ["sent": 1, "answered": 1].merging(same) { $1 })
            // The rest is for nobody.
            stage.turn { !$0.visitors[visitor].isOpen }
            #expect(!stage.visitors[visitor].isOpen)
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `a copy that waits for more of its answer holds no memory for it`() throws {
        let begun = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
        for text in ["HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", begun, begun + "hello"] {
            var stage = try Self.stage([.answer(ok())], [.answer(text)])
            let guest = stage.visit(get("/x"))
            stage.hear(guest, until: "hello")
            stage.turn { $0.told(1).contains("/x") }
            stage.settle(patience: 5)
            let inUse = stage.door.buffers.inUse
            #expect(inUse == 1, "its head")
            let visitor = stage.visitors.firstIndex { $0.origin == 1 } ?? 0
            let rest =
                text.hasPrefix("HTTP/1.1 103") ? ok() : text == begun ? "helloworld" : "world"
            stage.say(visitor, Array(rest.utf8))
            stage.turn { Self.counts($0)["answered"] == 1 }
            #expect(Self.counts(stage) == ["sent": 1, "answered": 1])
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `where the client names nobody, the copy names its own endpoint`() throws {
        var stage = try Self.stage()
        let guest = stage.visit("GET /old HTTP/1.0\r\nX-Note: kept\r\n\r\n")
        stage.hear(guest, until: "hello")
        stage.turn { Self.counts($0)["answered"] == 1 }
        for origin in 0...1 {
            let address = stage.plan.pools[origin].endpoints[0].address
            let head = "GET /old HTTP/1.1\r\nHost: \(address)\r\n"
            #expect(stage.told(origin).hasPrefix(head))
            #expect(stage.told(origin).contains("X-Note: kept\r\n"))
        }
        #expect(stage.leftovers() == [])
    }

    // MARK: What is compared

    @Test func `an answer by HTTP-2 is compared with one by HTTP-1`() throws {
        for content in ["hello", "hallo"] {
            var stage = try Self.stage([.silence], [.answer(ok())]) { plan in
                plan.poolPlans[0].version = .http2
                DoorMirrorTests.comparing(&plan)
            }
            let guest = stage.visit(get("/x"))
            var host = try HTTP2Host(&stage)
            _ = stage.question(&host, 1)
            host.answer(&stage, 1, "200", [], content: content)
            _ = stage.hear(guest, &host, until: content)
            stage.turn { $0.door.mirrors.count == 0 }
            let verdict = content == "hello" ? "same" : "body"
            #expect(Self.counts(stage) == ["sent": 1, "answered": 1, verdict: 1])
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `content is compared as it was before it was compressed`() throws {
        let page = DoorCodingTests.page()
        for (other, verdict) in [(page, "same"), (DoorCodingTests.page("", "x"), "body")] {
            var stage = try Self.stage([.answer(page)], [.answer(other)]) { plan in
                plan.routes[0].compress = CompressPlan()
                DoorMirrorTests.comparing(&plan)
            }
            let answer = DoorCodingTests.ask(&stage)
            #expect(DoorCodingTests.head(answer).contains("Content-Encoding: gzip"))
            stage.turn { $0.door.mirrors.count == 0 }
            #expect(Self.counts(stage) == ["sent": 1, "answered": 1, verdict: 1])
            #expect(stage.leftovers() == [])
        }
    }
}
