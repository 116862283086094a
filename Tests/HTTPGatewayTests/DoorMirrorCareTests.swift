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
}
