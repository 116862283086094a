// SPDX-License-Identifier: Apache-2.0
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorRoleTests {
    private func makeStage() throws -> DoorHarness {
        let stage = try DoorHarness([[.answer(ok("zero"))], [.answer(ok("one"))]]) { plan in
            plan.pools[0].writes = .leader
            plan.pools[0].reads = .replica
        }
        stage.health.setRole(0, .replica)
        stage.health.setRole(1, .leader)
        return stage
    }

    @Test func `what may change something goes to the leader, all else to replicas`() throws {
        var stage = try makeStage()
        for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
            let guest = stage.visit("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(stage.hear(guest, until: "one").contains("one"), "\(method)")
        }
        for method in ["GET", "OPTIONS", "QUERY"] {
            let guest = stage.visit("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(stage.hear(guest, until: "zero").contains("zero"), "\(method)")
        }
        #expect(stage.leftovers() == [])
    }

    @Test func `without one leader a write is refused, and reads go on`() throws {
        var stage = try makeStage()
        stage.health.setRole(0, .leader)
        let write = stage.visit(post("x"))
        #expect(stage.hearAll(write).contains("503 Service Unavailable: no-leader"))
        stage.health.setRole(0, .unknown)
        stage.health.setRole(1, .replica)
        let second = stage.visit(post("x"))
        #expect(stage.hearAll(second).contains("no-leader"))
        #expect(stage.count(.noLeader) == 2)
        let read = stage.visit(get())
        #expect(stage.hear(read, until: "200 OK").contains("200 OK"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a write that fails at the leader goes nowhere else`() throws {
        var stage = try DoorHarness([[.answer(ok("zero"))], []]) { plan in
            plan.pools[0].writes = .leader
            plan.poolPlans[0].retry.nonIdempotent = .always
        }
        stage.health.setRole(1, .leader)
        let guest = stage.visit(post("x"))
        #expect(stage.hearAll(guest).contains("connect-refused"))
        #expect(stage.told(0) == "")
        #expect(stage.leftovers() == [])
    }

    /// Two endpoints, a replica and a leader, each of which takes one request at a time.
    private func narrowStage(_ parts: [[Part]]) throws -> DoorHarness {
        let stage = try DoorHarness(parts) { plan in
            plan.pools[0].writes = .leader
            plan.pools[0].reads = .replica
            plan.poolPlans[0].queueLimit = 9
            for index in plan.pools[0].endpoints.indices {
                plan.pools[0].endpoints[index].connectionLimit = 1
            }
        }
        stage.health.setRole(0, .replica)
        stage.health.setRole(1, .leader)
        return stage
    }

    @Test func `a write that waits for the leader holds no read up`() throws {
        var stage = try narrowStage([[.answer(ok("zero"))], [.silence]])
        _ = stage.visit(post("1"))
        stage.turn { $0.told(1).contains("POST") }
        _ = stage.visit(post("2"))
        #expect(stage.turn { $0.shared.pending.count(0) == 1 })
        let read = stage.visit(get())
        #expect(stage.hear(read, until: "zero").contains("zero"))
        #expect(stage.shared.pending.count(0) == 1)
    }

    @Test func `reads that wait for replicas hold no write up`() throws {
        var stage = try narrowStage([[.silence], [.answer(ok("one"))]])
        _ = stage.visit(get("/1"))
        stage.turn { $0.told(0).contains("/1") }
        _ = stage.visit(get("/2"))
        #expect(stage.turn { $0.shared.pending.count(0) == 1 })
        let write = stage.visit(post("x"))
        #expect(stage.hear(write, until: "one").contains("one"))
        #expect(stage.shared.pending.count(0) == 1)
    }

    @Test func `no place of the budget goes to a write that nobody else may have`() throws {
        var stage = try DoorHarness([[.answer(ok("zero"))], []]) { plan in
            plan.pools[0].writes = .leader
            // One retry at a time, which another request has.
            plan.poolPlans[0].retryPercent = 0
            plan.poolPlans[0].retryMinimum = 1
            plan.poolPlans[0].queueLimit = 9
        }
        stage.health.setRole(1, .leader)
        #expect(stage.shared.budget.tryRetry(0, percent: 0, minimum: 1))
        let guest = stage.visit(post("x"))
        #expect(stage.hearAll(guest).contains("connect-refused"))
        #expect(stage.count(.retriesDelayed) == 0)
    }
}
