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
}
