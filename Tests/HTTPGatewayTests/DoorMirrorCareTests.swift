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
}
