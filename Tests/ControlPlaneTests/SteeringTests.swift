// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Steering
import Testing

@testable import ControlPlane

/// One of everything that changes about policies.
enum SteeringSample {
    static let noon = WallTime(rfc3339: "2026-12-01T12:00:00Z") ?? WallTime(nanoseconds: 0)

    static func branches(_ first: Int) -> [BranchPlan] {
        [
            BranchPlan(
                name: "old",
                dial: first,
                schedule: WeightSchedule(base: 9),
                load: LoadWatermarks(low: 0.5, high: 1),
                slots: [first]
            ),
            BranchPlan(
                name: "new",
                dial: first + 1,
                schedule: WeightSchedule(base: 0),
                slots: [first + 1]
            ),
        ]
    }

    static var plan: SteeringPlan {
        SteeringPlan(
            weighted: [
                WeightedPlan(
                    policy: "www",
                    branches: branches(0),
                    rollout: RolloutPlan(branch: 1, steps: [5, 100], hold: .seconds(60))
                ),
                WeightedPlan(policy: "shop", branches: branches(2)),
            ],
            settles: [
                SettlePlan(
                    policy: "www",
                    number: 0,
                    least: .seconds(5),
                    most: .seconds(9),
                    slots: [0, 1]
                )
            ],
            moves: [
                MovePlan(
                    policy: "shop",
                    numbers: [1],
                    migration: MigrationPlan(
                        name: "move",
                        branch: 1,
                        ttl: 5,
                        oldTTL: 60,
                        raisesAfter: .seconds(9),
                        mark: "shop new"
                    )
                )
            ]
        )
    }

    /// A keeper whose rollout has begun and whose migration has lowered the TTL.
    static var keeper: SteeringKeeper {
        var keeper = SteeringKeeper()
        keeper.adopt(plan)
        _ = try? keeper.order(.rollout(.start), policy: "www", at: noon)
        _ = try? keeper.order(.start, migration: "move", at: noon)
        return keeper
    }

    static var view: SteeringView {
        SteeringView(keeper, now: Instant(nanoseconds: 5_000_000_000), at: noon)
    }
}

@Suite struct SteeringTests {
    @Test func `the view tells weights, who says so, and what is under way`() throws {
        let json = SteeringSample.view.json()
        let policy = try #require(json["weighted"]?.elements?.first)
        let new = try #require(policy["branches"]?.elements?.last)
        #expect(new["weight"]?.integer == 9 && new["source"]?.string == "rollout")
        #expect(new["share"]?.number == 0.05 && new["configuredWeight"]?.integer == 0)
        #expect(policy["rollout"]?["phase"]?.string == "running")
        #expect(policy["rollout"]?["nextStep"]?.string == "2026-12-01T12:01:00Z")
        let move = try #require(json["migrations"]?.elements?.first)
        #expect(move["phase"]?.string == "lowered" && move["ttl"]?.integer == 5)
        #expect(move["readyAt"]?.string == "2026-12-01T12:01:00Z")
        #expect(SteeringSample.view.json(only: "other")["weighted"]?.elements?.isEmpty == true)
        let text = SteeringText.text(json, usesColour: false)
        #expect(text.contains("rollout of new: running at 5 %, steps 5 %, 100 %"))
        #expect(text.contains("migration move: shop to new, lowered, TTL 5 s"))
        #expect(SteeringText.text(.object([]), usesColour: false).hasPrefix("no policy changes"))
    }

    @Test func `the file gives back what was written, and nothing for half of it`() throws {
        var keeper = SteeringSample.keeper
        let later = SteeringSample.noon + .seconds(60)
        _ = try keeper.order(.rollout(.back), policy: "www", at: later)
        let order = SteeringOrder.shift(branch: "old", weight: 3, over: .seconds(9))
        _ = try keeper.order(order, policy: "www", at: later)
        let lowered = try #require(keeper.saved.migrations["move"])
        #expect(lowered.readyAt == later && lowered.isManual && lowered.mark == "shop new")
        _ = try keeper.order(.switch, migration: "move", at: later)
        let saved = keeper.saved
        #expect(saved.policies["www"]?.changes.count == 1 && saved.migrations.count == 1)
        #expect(saved.policies["shop"]?.before == [:])
        #expect(
            SteeringSaved(json: SteeringSample.keeper.saved.json) == SteeringSample.keeper.saved
        )
        let bytes = Array(saved.json.text(indented: true).utf8)
        #expect(SteeringSaved(json: try JSONReader.read(bytes)) == saved)
        for cut in stride(from: 1, to: bytes.count, by: 7) {
            guard let half = try? JSONReader.read(Array(bytes.prefix(cut))) else { continue }
            #expect(SteeringSaved(json: half) == nil)
        }
        #expect(SteeringSaved(json: ["format": 2]) == nil)
        var cached = SteeringSaved()
        cached.ttls["a"] = SteeringSaved.TTL(highest: 30, cachedUntil: later)
        cached.ttls["b"] = SteeringSaved.TTL(highest: 0, cachedUntil: nil)
        #expect(SteeringSaved(json: cached.json) == cached)
    }

    @Test(arguments: [
        (#"{"shift": {"branch": "a", "weight": 1, "overSeconds": 2.5}}"#, true),
        (#"{"switch": {"branch": "a"}}"#, true), (#"{"reset": true}"#, true),
        (#"{"rollout": "pause"}"#, true), (#"{"reset": false}"#, false), ("{}", false),
        (#"{"reset": true, "rollout": "start"}"#, false), (#"{"shift": {}}"#, false),
        (#"{"shift": {"branch": "a", "weight": -1}}"#, false),
        (#"{"shift": {"branch": "a", "weight": 1e300}}"#, false),
        (#"{"switch": {"branch": "", "overSeconds": 1}}"#, false),
        (#"{"switch": {"branch": "a", "overSeconds": -1}}"#, false),
        (#"{"switch": {"branch": "a", "overSeconds": 1e300}}"#, false),
        (#"{"switch": {"branch": "a", "weight": 1}}"#, false), (#"{"rollout": 7}"#, false),
        (#"{"push": true}"#, false), ("[]", false),
    ])
    func `orders are read strictly`(_ body: String, _ isGood: Bool) {
        let request = ServiceRequest(
            method: .patch,
            target: "/api/v1/steering/www",
            fields: [ServiceRequest.Field("content-type", "application/json")],
            body: Array(body.utf8)
        )
        let order = try? SteeringOrder(request)
        #expect((order != nil) == isGood, "\(body)")
    }
}
