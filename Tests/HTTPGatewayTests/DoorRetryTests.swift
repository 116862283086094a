// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorRetryTests {
    static func failing(_ status: String = "503 Busy", _ body: String = "busy") -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func stage(
        _ parts: [[Part]],
        _ configure: (inout GatewayPlan) -> Void
    ) throws -> DoorHarness {
        try DoorHarness(parts) { plan in
            plan.pools[0].balance = .firstAvailable
            plan.accessLog = .json
            configure(&plan)
        }
    }

    private static func retried(_ stage: borrowing DoorHarness, _ word: String) -> Int {
        let place = GatewayMetrics.retryConditions.first { $0.word == word }
        return Int(stage.shared.metrics[0].load(place?.index ?? -1))
    }

    @Test func `an answer with a status to try again is never seen, and its connection is kept`()
        throws
    {
        let busy = DoorRetryTests.failing()
        var stage = try DoorRetryTests.stage([[.answer(busy)], [.answer(ok())]]) { plan in
            plan.poolPlans[0].retry.statuses = [502...504]
            plan.poolPlans[0].failureStatuses = [502...504]
        }
        let guest = stage.visit(get())
        let text = stage.hear(guest, until: "hello")
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && !text.contains("busy"))
        stage.send(guest, get())
        stage.turn { $0.heard(guest).components("hello") == 2 }
        #expect(stage.count(.retries) == 2)
        #expect(DoorRetryTests.retried(stage, "status") == 2)
        #expect(stage.count(.originConnections) == 2, "an answer read whole leaves its connection")
        #expect(stage.shared.reports.drain().map(\.failure) == [.status(503), .status(503)])
        #expect(stage.shared.metrics[0].load(GatewayMetrics.endpoint(0) + 4) == 2)
        #expect(try stage.lines().allSatisfy { $0.contains("\"retried\":\"origin-status\"") })
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["Content-Length: 9000000", "Transfer-Encoding: chunked"])
    func `an answer that is not wanted is not waited for`(_ framing: String) throws {
        let busy = "HTTP/1.1 503 Busy\r\n\(framing)\r\n\r\n4\r\nbusy"
        var stage = try DoorRetryTests.stage([[.answer(busy)], [.answer(ok())]]) { plan in
            plan.poolPlans[0].retry.statuses = [503...503]
        }
        let guest = stage.visit(get())
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `the last attempt's answer is passed on whatever its status`() throws {
        let busy = DoorRetryTests.failing()
        let late = DoorRetryTests.failing("502 Last", "late")
        var stage = try DoorRetryTests.stage([[.answer(busy)], [.answer(late)]]) { plan in
            plan.poolPlans[0].retry.statuses = [502...504]
        }
        let guest = stage.visit(get())
        #expect(stage.hear(guest, until: "late").hasPrefix("HTTP/1.1 502 "))
        #expect(stage.leftovers() == [])
    }

    @Test func `without budget or another endpoint the answer is passed on at once`() throws {
        let busy = DoorRetryTests.failing()
        var alone = try DoorRetryTests.stage([[.answer(busy)]]) { plan in
            plan.poolPlans[0].retry.statuses = [503...503]
        }
        var guest = alone.visit(get())
        #expect(alone.hear(guest, until: "busy").hasPrefix("HTTP/1.1 503 "))
        #expect(alone.leftovers() == [])
        var poor = try DoorRetryTests.stage([[.answer(busy)], [.answer(ok())]]) { plan in
            plan.poolPlans[0].retry.statuses = [503...503]
            plan.poolPlans[0].retryMinimum = 0
        }
        guest = poor.visit(get())
        #expect(poor.hear(guest, until: "busy").hasPrefix("HTTP/1.1 503 "))
        #expect(poor.count(.retriesRefused) == 1)
        #expect(poor.leftovers() == [])
    }

    @Test func `another status is passed on`() throws {
        let broken = DoorRetryTests.failing("500 Broken", "broken")
        var stage = try DoorRetryTests.stage([[.answer(broken)], [.answer(ok())]]) { plan in
            plan.poolPlans[0].retry.statuses = [502...504]
        }
        let guest = stage.visit(get())
        #expect(stage.hear(guest, until: "broken").hasPrefix("HTTP/1.1 500 "))
        #expect(stage.count(.retries) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        (NonIdempotentPlan.keyed, "", false), (.keyed, "Idempotency-Key: \"a1\"\r\n", true),
        (.keyed, "Idempotency-Key:\r\n", false), (.never, "Idempotency-Key: \"a1\"\r\n", false),
        (.always, "", true),
    ])
    func `a POST is delivered twice only where that does no harm`(
        _ example: (rule: NonIdempotentPlan, field: String, isRepeated: Bool)
    ) throws {
        for part in [Part.reset(""), .answer(DoorRetryTests.failing())] {
            var stage = try DoorRetryTests.stage([[part], [.answer(ok())]]) { plan in
                plan.poolPlans[0].retry.statuses = [503...503]
                plan.poolPlans[0].retry.nonIdempotent = example.rule
            }
            let head = "POST / HTTP/1.1\r\nHost: a\r\n\(example.field)Content-Length: 4\r\n\r\n"
            let guest = stage.visit(head + "body")
            let text = stage.hear(guest, until: example.isRepeated ? "hello" : "50")
            #expect(text.hasPrefix("HTTP/1.1 200") == example.isRepeated)
            #expect(stage.told(1).components("\r\n\r\nbody") == (example.isRepeated ? 1 : 0))
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `QUERY is forwarded with its content, and tried again`() throws {
        var stage = try DoorRetryTests.stage([[.reset("")], [.answer(ok())]]) { _ in }
        let guest = stage.visit(post("body", method: "QUERY"))
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        #expect(stage.told(1).hasPrefix("QUERY / HTTP/1.1\r\n"))
        #expect(stage.told(1).hasSuffix("\r\n\r\nbody"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        (Part.reset(""), RetryConditions.reset), (.silence, .timeout), (.silence, .connect),
    ])
    func `only what is listed is tried again`(
        _ example: (part: Part, condition: RetryConditions)
    ) throws {
        for isListed in [true, false] {
            let parts = example.condition == .connect ? [] : [example.part]
            var stage = try DoorRetryTests.stage([parts, [.answer(ok())]]) { plan in
                let all: RetryConditions = [.connect, .reset, .timeout]
                plan.poolPlans[0].retry.conditions =
                    isListed ? example.condition : all.subtracting(example.condition)
            }
            let guest = stage.visit(get())
            if example.condition == .timeout {
                stage.turn { $0.told(0) != "" }
                stage.advance(.milliseconds(30_100))
            }
            let text = stage.hear(guest, until: isListed ? "hello" : "50")
            #expect(text.hasPrefix("HTTP/1.1 200") == isListed)
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `a kept connection that was being closed is no reset`() throws {
        let parts: [[Part]] = [[.answer(ok("first")), .reset("")], [.answer(ok())]]
        var stage = try DoorRetryTests.stage(parts) { $0.poolPlans[0].retry.conditions = .connect }
        let guest = stage.visit(get())
        stage.hear(guest, until: "first")
        stage.send(guest, get())
        #expect(stage.hear(guest, until: "hello").contains("hello"))
        #expect(stage.leftovers() == [])
    }

    @Test func `an attempt has its own time, the last one the pool's`() throws {
        var stage = try DoorRetryTests.stage([[.silence], [.silence]]) { plan in
            plan.poolPlans[0].retries = 1
            plan.poolPlans[0].retry.tryTimeout = .seconds(2)
        }
        let guest = stage.visit(get())
        stage.turn { $0.told(0) != "" }
        stage.advance(.milliseconds(2_100))
        stage.turn { $0.told(1) != "" }
        #expect(stage.shared.reports.drain().map(\.failure) == [.timeout])
        stage.advance(.milliseconds(29_000))
        #expect(stage.heard(guest) == "")
        stage.advance(.milliseconds(1_200))
        #expect(stage.hear(guest, until: "first-byte-timeout").hasPrefix("HTTP/1.1 504"))
        #expect(stage.leftovers() == [])
    }

    @Test func `an attempt that nobody could take over goes on`() throws {
        var stage = try DoorRetryTests.stage([[.silence]]) { plan in
            plan.poolPlans[0].retry.tryTimeout = .seconds(2)
        }
        let guest = stage.visit(get())
        stage.turn { $0.told(0) != "" }
        stage.advance(.milliseconds(2_100))
        stage.advance(.milliseconds(10_000))
        #expect(stage.heard(guest) == "")
        stage.say(0, Array(ok().utf8))
        #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
        #expect(stage.count(.retries) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `there is a pause before a retry, unless no connection came about`() throws {
        for isRefused in [false, true] {
            let first = isRefused ? [] : [Part.reset("")]
            var stage = try DoorRetryTests.stage([first, [.answer(ok())]]) { plan in
                plan.poolPlans[0].backoff.base = .seconds(10)
                plan.poolPlans[0].backoff.cap = .seconds(60)
            }
            let guest = stage.visit(get())
            if !isRefused {
                stage.turn { $0.shared.budget.activeRetries(0) == 1 }
                stage.advance(.milliseconds(4_900))
                stage.settle()
                #expect(stage.heard(guest) == "")
                stage.advance(.milliseconds(5_200))
            }
            #expect(stage.hear(guest, until: "hello").hasPrefix("HTTP/1.1 200"))
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `who goes away in a pause is off the books, and so is one out of time`() throws {
        var stage = try DoorRetryTests.stage([[.reset("")], [.answer(ok())]]) { plan in
            plan.poolPlans[0].backoff.base = .seconds(10)
            plan.poolPlans[0].backoff.cap = .seconds(60)
            plan.routes[0].requestTimeout = .seconds(3)
        }
        let gone = stage.visit(get())
        stage.turn { $0.shared.budget.activeRetries(0) == 1 }
        stage.leave(gone, reset: true)
        stage.turn { $0.shared.budget.activeRetries(0) == 0 }
        let late = stage.visit(get())
        stage.turn { $0.shared.budget.activeRetries(0) == 1 }
        stage.advance(.milliseconds(3_100))
        #expect(stage.hear(late, until: "request-timeout").hasPrefix("HTTP/1.1 504"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a route has its own rule for each of its pools`() throws {
        let busy = DoorRetryTests.failing()
        var stage = try DoorRetryTests.stage([[.answer(busy)], [.answer(ok())]]) { plan in
            var route = RoutePlan(name: "r", host: .any, path: .prefix("/again"), pool: 0)
            route.retry.reasons = RetryReasonPlan(conditions: [], statuses: [503...503])
            plan.routes.append(route)
        }
        let plain = stage.visit(get())
        #expect(stage.hear(plain, until: "busy").hasPrefix("HTTP/1.1 503"))
        let again = stage.visit(get("/again"))
        #expect(stage.hear(again, until: "hello").hasPrefix("HTTP/1.1 200"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload in mid-request goes on by the new rule`() throws {
        let busy = DoorRetryTests.failing()
        let parts: [[Part]] = [[.silence, .answer(busy)], [.answer(ok())]]
        var stage = try DoorRetryTests.stage(parts) { _ in }
        let guest = stage.visit(get())
        stage.turn { $0.told(0) != "" }
        stage.plan.poolPlans[0].retry.statuses = [503...503]
        let snapshot = GatewaySnapshot(stage.plan, health: stage.health, generation: 2)
        stage.door.adopt(snapshot, loop: &stage.loop, now: stage.now)
        // A reload forgets who was tried: the first endpoint is asked once more.
        stage.say(0, Array(busy.utf8))
        #expect(stage.hear(guest, until: "HTTP/1.1").hasPrefix("HTTP/1.1 200"))
        #expect(stage.told(0).components("GET") == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `pauses double up to the cap, from half to the whole`() {
        var backoff = RetryBackoff()
        #expect(backoff.pause(retry: 1, draw: .max) == .zero)
        backoff.base = .milliseconds(100)
        backoff.cap = .milliseconds(350)
        #expect(backoff.pause(retry: 1, draw: 0) == .milliseconds(50))
        #expect(backoff.pause(retry: 1, draw: .max) == .milliseconds(100))
        #expect(backoff.pause(retry: 2, draw: .max) == .milliseconds(200))
        #expect(backoff.pause(retry: 3, draw: .max) == .milliseconds(350))
        #expect(backoff.pause(retry: .max, draw: 0) == .milliseconds(175))
        backoff.base = Interval(nanoseconds: .max)
        #expect(backoff.pause(retry: 7, draw: .max) == .milliseconds(350))
    }
}
