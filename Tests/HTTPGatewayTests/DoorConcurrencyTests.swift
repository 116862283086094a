// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorConcurrencyTests {
    private static let two = ConcurrencySettings(minimum: 2, maximum: 2, tolerance: 150)

    private static let upgrade =
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    private static func stage(_ parts: [[Part]]) throws -> DoorHarness {
        let stage = try DoorHarness(parts) { plan in
            plan.poolPlans[0].concurrency = Self.two
            plan.poolPlans[0].queueLimit = 9
        }
        stage.shared.places.publish(0, ConcurrencyMachine(Self.two, now: stage.now))
        return stage
    }

    @Test func `requests beyond the pool's limit wait, over all endpoints`() throws {
        var stage = try Self.stage([[.silence, .answer(ok())], [.silence, .answer(ok())]])
        let guests = (0..<4).map { stage.visit(get("/\($0)")) }
        stage.turn { $0.shared.pending.count(0) == 2 }
        #expect(stage.shared.places.state(0).taken == 2)
        stage.say(0, Array(ok().utf8))
        stage.say(1, Array(ok().utf8))
        for guest in guests { #expect(stage.hear(guest, until: "hello").contains("200 OK")) }
        stage.settle()
        #expect(stage.shared.places.state(0).taken == 0)
        #expect(stage.load.latency(0).count + stage.load.latency(1).count == 4)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["answer", "reset", "retry", "status", "timeout", "gone", "refused"])
    func `a place comes back however the attempt ends`(_ end: String) throws {
        let parts: [[Part]] =
            switch end {
            case "answer": [[.answer(ok())]]
            case "reset": [[.reset("")]]
            case "retry": [[.reset("")], [.answer(ok())]]
            case "status": [[.answer(DoorRetryTests.failing())], [.answer(ok())]]
            case "refused": [[]]
            default: [[.silence]]
            }
        var stage = try Self.stage(parts)
        stage.plan.poolPlans[0].retry.statuses = [503...503]
        stage.adopt()
        let guest = stage.visit(get())
        switch end {
        case "timeout":
            stage.turn { $0.told(0) != "" }
            #expect(stage.shared.places.state(0).taken == 1)
            stage.advance(.seconds(31))
            #expect(stage.hear(guest, until: "first-byte-timeout").contains("504"))
        case "gone":
            stage.turn { $0.told(0) != "" }
            stage.leave(guest)
            stage.turn { $0.load.inFlight(0) == 0 }
        case "answer", "retry", "status": stage.hear(guest, until: "hello")
        default: stage.hear(guest, until: "502")
        }
        stage.settle(patience: 2)
        #expect(stage.shared.places.state(0).taken == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a tunnel is no request any more`() throws {
        var stage = try Self.stage([[.echo]])
        let guest = stage.visit(Self.upgrade)
        stage.hear(guest, until: "101")
        stage.settle()
        #expect(stage.shared.places.state(0).taken == 0)
        #expect(stage.load.inFlight(0) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload that takes the limit away lets those who wait in`() throws {
        var stage = try Self.stage([[.silence]])
        _ = (0..<3).map { stage.visit(get("/\($0)")) }
        stage.turn { $0.shared.pending.count(0) == 1 }
        stage.plan.poolPlans[0].concurrency = nil
        stage.adopt()
        stage.turn { $0.shared.pending.count(0) == 0 }
        #expect(stage.load.inFlight(0) == 3)
        #expect(stage.leftovers() == [])
    }
}
