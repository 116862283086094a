// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

/// What is planned and played through in one go, against the same second by second.
@Suite struct PassingTests {
    private typealias Bench = SteeringKeeperTests.Bench
    private let samples = SteeringKeeperTests()

    private func rollout(startsAt: Interval) -> RolloutPlan {
        RolloutPlan(
            branch: 1,
            steps: [10, 50, 100],
            hold: .seconds(20),
            startsAt: ChangeTests.noon + startsAt
        )
    }

    private func bench(_ rollout: RolloutPlan?, movesFrom lower: Interval?) -> Bench {
        var plan = samples.plan(rollout, active: rollout == nil ? 0 : nil)
        if let lower {
            var move = samples.move
            move.lowersAt = ChangeTests.noon + lower
            move.switchesAt = ChangeTests.noon + lower + .seconds(310)
            plan.moves = [MovePlan(policy: "www", numbers: [0, 1], migration: move)]
        }
        return Bench(plan)
    }

    @Test(arguments: [0, 5, 10, 25, 45, 70, 100, 320, 321, 400, 1000])
    func `what would be is what will be`(seconds: Int) {
        let plans: [(RolloutPlan?, Interval?)] = [
            (rollout(startsAt: .seconds(10)), nil), (nil, .seconds(10)),
            // One waits for the other.
            (rollout(startsAt: .seconds(10)), .seconds(30)),
            (rollout(startsAt: .seconds(30)), .seconds(10)),
        ]
        for (rollout, lower) in plans {
            var lived = bench(rollout, movesFrom: lower)
            var events: [SteeringEvent] = []
            if seconds > 0 { events = lived.pass(seconds) }
            let played = bench(rollout, movesFrom: lower)
            var keeper = played.keeper
            let end = ChangeTests.noon + .seconds(Int64(seconds))
            let told = keeper.pass(played.senses, from: ChangeTests.noon, until: end)
            keeper.write(to: played.board, at: end)
            lived.keeper.write(to: lived.board, at: end)
            #expect(told.map(\.event) == events, "\(seconds) s")
            #expect(played.weights() == lived.weights(), "\(seconds) s")
            #expect(played.board.highestTTL(0) == lived.board.highestTTL(0), "\(seconds) s")
        }
    }

    @Test func `a rollout halts when its new side falls behind on the way, not before`() throws {
        let played = bench(rollout(startsAt: .seconds(10)), movesFrom: nil)
        var keeper = played.keeper
        var up: Set<Int> = [0, 1, 2, 3]
        var senses = played.senses
        senses.sample = { slots in SideSample(up: slots.count { up.contains($0) }, count: 2) }
        let end = ChangeTests.noon + .seconds(500)
        let told = keeper.pass(senses, from: ChangeTests.noon, until: end) { time in
            if time >= ChangeTests.noon + .seconds(50) { up = [0, 1] }
        }
        #expect(told.map { ($0.time - ChangeTests.noon).seconds } == [10, 30, 50])
        guard case .rollout(_, let phase, let share, _) = told.last?.event else {
            Issue.record("\(told)")
            return
        }
        #expect(phase == .halted && share == 0)
    }

    @Test func `traffic of before judges nothing`() throws {
        var bench = bench(rollout(startsAt: .seconds(1)), movesFrom: nil)
        bench.requests = [0: (1000, 0), 1: (1000, 0), 2: (1000, 0), 3: (1000, 0)]
        bench.pass(2)
        // All requests to the new side fail from here on: that is not known of the future.
        bench.requests[2] = (9000, 8000)
        bench.requests[0] = (9000, 0)
        var keeper = bench.keeper
        let end = bench.time + .seconds(100)
        let told = keeper.pass(bench.senses, from: bench.time, until: end)
        #expect(told.count == 3)
        keeper.write(to: bench.board, at: end)
        #expect(bench.weights() == [0, 100])
    }
}
