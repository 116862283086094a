// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorHedgeTests {
    /// A pool whose first endpoint is asked first, and whose answers are known to take 10 ms.
    private static func stage(
        _ parts: [[Part]],
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        var stage = try DoorHarness(parts) { plan in
            plan.pools[0].balance = .firstAvailable
            plan.poolPlans[0].hedge = HedgePlan(percentile: 95, percent: 100, least: .zero)
            plan.accessLog = .json
            configure(&plan)
        }
        for _ in 0..<100 { stage.door.hedges[0].record(.milliseconds(10)) }
        return stage
    }

    private static func counts(_ stage: borrowing DoorHarness) -> [Int] {
        HedgeOutcome.allCases.map {
            Int(stage.shared.metrics[0].load(GatewayMetrics.hedge($0, pool: 0)))
        }
    }

    /// Sends a request, and lets the time pass after which another endpoint is asked.
    private static func ask(_ stage: inout DoorHarness, _ text: String = get("/x")) -> Int {
        let guest = stage.visit(text)
        stage.turn { $0.told(0).contains("/x") }
        stage.settle()
        stage.advance(.milliseconds(20))
        return guest
    }

    @Test func `the second attempt's answer is passed on, and the first is cut`() throws {
        var stage = try Self.stage([[.silence], [.answer(ok("second"))]])
        let guest = Self.ask(&stage)
        #expect(stage.hear(guest, until: "second").hasPrefix("HTTP/1.1 200"))
        #expect(stage.told(1).hasPrefix("GET /x HTTP/1.1\r\n"))
        stage.turn { !$0.visitors[0].isOpen }
        #expect(!stage.visitors[0].isOpen, "the loser's connection is closed")
        #expect(Self.counts(stage) == [1, 0, 0, 0])
        #expect(stage.count(.retries) == 0)
        #expect((stage.load.inFlight(0), stage.load.inFlight(1)) == (0, 0))
        #expect(stage.shared.reports.drain().isEmpty, "nobody is to blame")
        let line = try stage.lines().first ?? ""
        #expect(line.contains("\"hedge\":\"won\"") && line.contains("\"endpoint\":\"e1\""))
        #expect(line.contains("\"attempts\":2") && !line.contains("retried"))
        #expect(stage.leftovers() == [])
    }

    @Test func `the first answer wins, also when the first attempt gives it`() throws {
        var stage = try Self.stage([[.silence], [.silence]])
        let guest = Self.ask(&stage)
        stage.turn { $0.told(1).contains("/x") }
        stage.say(0, Array(ok("first").utf8))
        #expect(stage.hear(guest, until: "first").hasPrefix("HTTP/1.1 200"))
        stage.turn { !$0.visitors[1].isOpen }
        #expect(!stage.visitors[1].isOpen && stage.visitors[0].isOpen)
        #expect(Self.counts(stage) == [0, 1, 0, 0])
        let line = try stage.lines().first ?? ""
        #expect(line.contains("\"hedge\":\"lost\"") && line.contains("\"endpoint\":\"e0\""))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [Part.reset(""), .answerAndClose("garbage\r\n\r\n"), .silence])
    func `when the second fails the first goes on`(_ part: Part) throws {
        var isRefused = false
        if case .silence = part { isRefused = true }
        var stage = try Self.stage([[.silence], isRefused ? [] : [part]])
        let guest = Self.ask(&stage)
        stage.turn { Self.counts($0) == [0, 0, 1, 0] }
        #expect(stage.heard(guest) == "")
        stage.say(0, Array(ok("first").utf8))
        #expect(stage.hear(guest, until: "first").hasPrefix("HTTP/1.1 200"))
        #expect(Self.counts(stage) == [0, 0, 1, 0])
        #expect(stage.shared.reports.drain().map(\.slot) == [1])
        #expect(stage.leftovers() == [])
    }

    @Test func `when the first breaks the second goes on`() throws {
        var stage = try Self.stage([[.silence], [.silence]])
        let guest = Self.ask(&stage)
        stage.turn { $0.told(1).contains("/x") }
        stage.close(0, reset: true)
        stage.turn { $0.load.inFlight(0) == 0 }
        #expect(stage.heard(guest) == "")
        stage.say(1, Array(ok("second").utf8))
        #expect(stage.hear(guest, until: "second").hasPrefix("HTTP/1.1 200"))
        #expect(Self.counts(stage) == [1, 0, 0, 0])
        #expect(stage.shared.reports.drain().map(\.slot) == [0])
        #expect(stage.leftovers() == [])
    }

    @Test func `both fail: another endpoint is tried as ever`() throws {
        var stage = try Self.stage([[.silence], [.silence], [.answer(ok("third"))]])
        let guest = Self.ask(&stage)
        stage.turn { $0.told(1).contains("/x") }
        stage.close(0, reset: true)
        stage.turn { $0.load.inFlight(0) == 0 }
        stage.close(1, reset: true)
        #expect(stage.hear(guest, until: "third").hasPrefix("HTTP/1.1 200"))
        #expect(Self.counts(stage) == [0, 0, 1, 0])
        #expect(stage.count(.retries) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `an answer to try again does not win`() throws {
        var stage = try Self.stage([[.silence], [.answer(DoorRetryTests.failing())]]) {
            $0.poolPlans[0].retry.statuses = [503...503]
        }
        let guest = Self.ask(&stage)
        stage.turn { Self.counts($0) == [0, 0, 1, 0] }
        stage.say(0, Array(ok("first").utf8))
        let text = stage.hear(guest, until: "first")
        #expect(text.hasPrefix("HTTP/1.1 200") && !text.contains("busy"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "garbage\r\n\r\n"])
    func `a first answer that nobody wants leaves the field to the second`(_ text: String) throws {
        var stage = try Self.stage([[.silence], [.silence]]) {
            $0.poolPlans[0].retry.statuses = [503...503]
        }
        let guest = Self.ask(&stage)
        stage.turn { $0.told(1).contains("/x") }
        stage.say(0, Array(text.utf8))
        stage.turn { $0.load.inFlight(0) == 0 }
        #expect(stage.heard(guest) == "" && stage.door.rivals.count == 0)
        stage.say(1, Array(ok("second").utf8))
        #expect(stage.hear(guest, until: "second").hasPrefix("HTTP/1.1 200"))
        #expect(Self.counts(stage) == [1, 0, 0, 0])
        let line = try stage.lines().first ?? ""
        #expect(line.contains("\"hedge\":\"won\"") && line.contains("\"attempts\":2"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a first answer that comes in parts cuts nobody before its head is whole`() throws {
        var stage = try Self.stage([[.silence], [.silence]])
        let guest = Self.ask(&stage)
        stage.turn { $0.told(1).contains("/x") }
        let text = Array(ok("first").utf8)
        stage.say(0, Array(text.prefix(20)))
        stage.settle()
        #expect(stage.door.rivals.count == 1 && stage.load.inFlight(1) == 1)
        stage.say(0, Array(text.dropFirst(20)))
        #expect(stage.hear(guest, until: "first").hasPrefix("HTTP/1.1 200"))
        #expect(Self.counts(stage) == [0, 1, 0, 0])
        #expect(stage.leftovers() == [])
    }

    @Test func `no count of attempts makes the second one's refusal the answer`() throws {
        var stage = try Self.stage([[.silence], [.answer(DoorRetryTests.failing())]]) {
            $0.poolPlans[0].retry.statuses = [503...503]
            $0.poolPlans[0].retries = 0
        }
        let guest = Self.ask(&stage)
        stage.turn { Self.counts($0) == [0, 0, 1, 0] }
        #expect(stage.heard(guest) == "")
        stage.say(0, Array(ok("first").utf8))
        #expect(stage.hear(guest, until: "first").hasPrefix("HTTP/1.1 200"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a client that leaves after the second has failed is noticed`() throws {
        var stage = try Self.stage([[.silence], [.reset("")]])
        let guest = Self.ask(&stage)
        stage.turn { Self.counts($0) == [0, 0, 1, 0] }
        stage.leave(guest)
        #expect(stage.turn { $0.load.inFlight(0) == 0 })
        #expect(stage.leftovers() == [])
    }

    @Test func `after a reload nobody is asked twice`() throws {
        var stage = try Self.stage([[.silence], [.answer(ok("second"))]])
        let guest = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        stage.adopt()
        stage.advance(.milliseconds(20))
        stage.settle()
        // Nobody knows any more who has it: it would go to the same endpoint once more.
        #expect(stage.visitors.count == 1)
        stage.say(0, Array(ok("first").utf8))
        #expect(stage.hear(guest, until: "first").hasPrefix("HTTP/1.1 200"))
        #expect(stage.told(1) == "" && Self.counts(stage) == [0, 0, 0, 0])
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["body", "post", "alone", "budget", "unknown", "queue", "off"])
    func `there is no second attempt`(_ why: String) throws {
        var stage = try Self.stage([[.silence], [.answer(ok())]]) { plan in
            switch why {
            case "alone": plan.pools[0].endpoints.removeLast()
            case "budget": plan.poolPlans[0].hedge?.percent = 1
            case "queue": plan.pools[0].endpoints[1].connectionLimit = 1
            case "off": plan.poolPlans[0].hedge = nil
            default: break
            }
            if why == "off" { plan.pools.append(PoolDefinition(name: "other", slot: 1)) }
            if why == "off" {
                var other = GatewayPoolPlan()
                other.hedge = HedgePlan(percentile: 95, percent: 100, least: .zero)
                plan.poolPlans.append(other)
            }
        }
        if why == "unknown" { stage.door.hedges[0] = HedgeMachine() }
        if why == "queue" { _ = stage.load.reserve(1, limit: 1) }
        let text =
            switch why {
            case "body": post("body", method: "QUERY").replacing(" / ", with: " /x ")
            case "post": post("", method: "POST").replacing(" / ", with: " /x ")
            default: get("/x")
            }
        let guest = Self.ask(&stage, text)
        stage.settle()
        #expect(stage.told(1) == "")
        #expect(Self.counts(stage) == [0, 0, 0, why == "budget" ? 1 : 0])
        stage.say(0, Array(ok("first").utf8))
        #expect(stage.hear(guest, until: "first").hasPrefix("HTTP/1.1 200"))
        if why == "queue" { stage.load.cancelReservation(1) }
        #expect(stage.leftovers() == [])
    }

    @Test func `the client leaves, and both attempts end`() throws {
        var stage = try Self.stage([[.silence], [.silence]])
        let guest = Self.ask(&stage)
        stage.turn { $0.told(1).contains("/x") }
        stage.advance(.milliseconds(300))
        stage.leave(guest)
        stage.turn { $0.load.inFlight(0) == 0 && $0.load.inFlight(1) == 0 }
        #expect(stage.door.rivals.count == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload and an endpoint that goes down leave the other attempt`() throws {
        var stage = try Self.stage([[.silence], [.silence]])
        let guest = Self.ask(&stage)
        stage.turn { $0.told(1).contains("/x") }
        stage.adopt()
        stage.door.closeConnections(toSlot: 0, .all, loop: &stage.loop, now: stage.now)
        #expect(stage.load.inFlight(0) == 0 && stage.heard(guest) == "")
        stage.say(1, Array(ok("second").utf8))
        #expect(stage.hear(guest, until: "second").hasPrefix("HTTP/1.1 200"))
        #expect(stage.leftovers() == [])
    }

    @Test func `places of a pool with a limit come back from both`() throws {
        var stage = try Self.stage([[.silence], [.answer(ok("second"))]]) {
            $0.poolPlans[0].concurrency = ConcurrencySettings(
                minimum: 4,
                maximum: 4,
                tolerance: 150
            )
        }
        let guest = Self.ask(&stage)
        stage.hear(guest, until: "second")
        stage.settle()
        #expect(stage.shared.places.state(0).taken == 0)
        #expect(stage.leftovers() == [])
    }
}
