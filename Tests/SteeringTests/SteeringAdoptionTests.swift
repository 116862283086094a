// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

/// What becomes of changes under way when the configuration changes, and beside each other.
@Suite struct SteeringAdoptionTests {
    typealias Bench = SteeringKeeperTests.Bench
    private let samples = SteeringKeeperTests()

    private func weighted(
        _ names: [String],
        active: Int? = nil,
        rollout: RolloutPlan? = nil,
        slots: [[Int]] = [[0, 1], [2, 3], [4], [5]]
    ) -> SteeringPlan {
        let branches = names.enumerated().map { number, name in
            BranchPlan(
                name: name,
                dial: number,
                schedule: WeightSchedule(base: 10),
                slots: slots[number]
            )
        }
        let node = WeightedPlan(
            policy: "www",
            branches: branches,
            active: active,
            rollout: rollout
        )
        return SteeringPlan(weighted: [node])
    }

    private func weights(_ bench: Bench, _ count: Int) -> [UInt32] {
        bench.keeper.write(to: bench.board, at: bench.time)
        return (0..<count).map { bench.board.dial($0).weight }
    }

    // MARK: Switches

    @Test func `a switch to a branch that is gone falls as a whole`() throws {
        var bench = Bench(weighted(["blue", "green"], active: 0))
        try bench.order(.switch(to: "green", over: .zero))
        let events = bench.keeper.adopt(weighted(["blue", "emerald"], active: 0))
        #expect(weights(bench, 2) == [1000, 0])
        #expect(
            events == [
                .ordered(
                    policy: "www",
                    text: "all clients went to green, which is gone: the file's weights hold again"
                )
            ]
        )
    }

    @Test func `a switch holds for branches that come later`() throws {
        var bench = Bench(weighted(["blue", "green"], active: 0))
        try bench.order(.switch(to: "green", over: .zero))
        #expect(bench.keeper.adopt(weighted(["red", "green"], active: 0)).isEmpty)
        #expect(weights(bench, 2) == [0, 1000])
        bench.keeper.adopt(weighted(["red", "green", "third"]))
        #expect(weights(bench, 3) == [0, 1000, 0])
        // A shift is of one branch: others are not concerned.
        try bench.order(.reset)
        try bench.order(.shift(branch: "red", weight: 7, over: .zero))
        bench.keeper.adopt(weighted(["red", "green", "third", "fourth"]))
        #expect(weights(bench, 4) == [7, 10, 10, 10])
    }

    // MARK: Rollouts

    @Test func `a rollout keeps its share when its steps change`() throws {
        var rollout = samples.canary
        var bench = Bench(samples.plan(rollout))
        try bench.order(.rollout(.start))
        bench.pass(120)
        #expect(bench.weights() == [100, 100])
        rollout.steps = [10, 60, 90]
        bench.keeper.adopt(samples.plan(rollout))
        bench.pass(1)
        #expect(bench.weights() == [100, 100])
        bench.pass(59)
        #expect(bench.weights() == [100, 150])
        // All steps lie ahead: none is skipped.
        rollout.steps = [70, 100]
        bench.keeper.adopt(samples.plan(rollout))
        bench.pass(60)
        #expect(bench.weights() == [300, 700])
        bench.pass(120)
        #expect(bench.keeper.state(0).rollout.phase == .finished)
        rollout.steps = [70]
        bench.keeper.adopt(samples.plan(rollout))
        #expect(bench.keeper.state(0).rollout.phase == .finished)
        bench.pass(1)
        #expect(bench.weights() == [0, 100])
    }

    @Test func `a finished rollout that gets more steps waits for somebody`() throws {
        var rollout = samples.canary
        rollout.steps = [5, 50]
        var bench = Bench(samples.plan(rollout))
        try bench.order(.rollout(.start))
        try bench.order(.rollout(.finish))
        rollout.steps = [5, 50, 100]
        bench.keeper.adopt(samples.plan(rollout))
        bench.pass(200)
        #expect(bench.keeper.state(0).rollout.phase == .paused)
        #expect(bench.weights() == [100, 100])
        try bench.order(.rollout(.resume))
        bench.pass(60)
        #expect(bench.weights() == [0, 100])
    }

    @Test func `what other endpoints have counted is not compared with`() throws {
        var bench = Bench(samples.plan(samples.canary))
        bench.requests = [0: (1_000, 0), 1: (1_000, 0), 2: (1_000, 40), 3: (1_000, 0)]
        try bench.order(.rollout(.start))
        bench.pass(1)
        // The new side loses the endpoint with failures: its sums fall.
        var plan = samples.plan(samples.canary)
        plan.weighted[0].branches[1].slots = [3]
        bench.keeper.adopt(plan)
        bench.requests = [0: (2_000, 0), 1: (2_000, 0), 3: (1_100, 0)]
        bench.pass(20)
        #expect(bench.keeper.state(0).rollout.phase == .running)
        #expect(bench.keeper.state(0).rollout.reason == "")
    }

    @Test func `a side without a verdict is not behind`() throws {
        var machine = RolloutMachine()
        let plan = samples.canary
        #expect(machine.order(.start, plan, at: ChangeTests.noon) == nil)
        for (new, old) in [((0, 0), (2, 2)), ((1, 2), (0, 0))] {
            let changed = machine.observe(
                plan,
                new: SideSample(up: new.0, count: new.1),
                old: SideSample(up: old.0, count: old.1),
                at: ChangeTests.after(1)
            )
            #expect(!changed && machine.phase == .running)
        }
        #expect(
            RolloutMachine(
                phase: .running,
                step: .max,
                reached: .max,
                since: ChangeTests.noon,
                reason: "",
                wasTold: true
            ).reached == 100
        )
    }

    @Test func `reset gives the weights back to the file after a rollout`() throws {
        for end in [RolloutMachine.Order.finish, .back] {
            var bench = Bench(samples.plan(samples.canary))
            try bench.order(.rollout(.start))
            try bench.order(.rollout(end))
            #expect(bench.board.dial(0).source == .rollout)
            try bench.order(.reset)
            #expect(bench.weights() == [100, 0], "after \(end)")
            #expect(bench.board.dial(0).source == .file)
            // It can begin again, and what it then holds is its own.
            try bench.order(.rollout(.start))
            #expect(bench.weights() == [1900, 100])
        }
        var rollout = samples.canary
        rollout.startsAt = ChangeTests.after(10)
        var bench = Bench(samples.plan(rollout))
        try bench.order(.reset)
        bench.pass(11)
        #expect(bench.keeper.state(0).rollout.phase == .running)
    }

    @Test func `back takes what an operator has set away too`() throws {
        var bench = Bench(samples.plan(samples.canary))
        try bench.order(.rollout(.start))
        try bench.order(.rollout(.finish))
        try bench.order(.shift(branch: "new", weight: 7, over: .zero))
        try bench.order(.rollout(.back))
        #expect(bench.weights() == [100, 0])
    }

    @Test(arguments: [true, false])
    func `what is shifted after a rollout is in the units of the file`(isHalted: Bool) throws {
        var bench = Bench(samples.plan(samples.canary))
        try bench.order(.rollout(.start))
        if isHalted {
            bench.up.remove(3)
            bench.pass(1)
        } else {
            try bench.order(.rollout(.finish))
            #expect(bench.weights() == [0, 100])
            try bench.order(.rollout(.back))
        }
        #expect(bench.weights() == [100, 0])
        try bench.order(.shift(branch: "new", weight: 20, over: .zero))
        #expect(bench.weights() == [100, 20])
    }

    @Test func `the shares of a rollout are exact, by the smallest multiple of the file's weights`()
        throws
    {
        var plan = weighted(["new", "one", "two"])
        let bases: [UInt32] = [7, 30, 60]
        for (number, base) in bases.enumerated() {
            plan.weighted[0].branches[number].schedule = WeightSchedule(base: base)
        }
        var rollout = samples.canary
        rollout.branch = 0
        let table: [(percent: Int, weights: [UInt32])] = [
            (1, [10, 330, 660]), (10, [10, 30, 60]), (25, [30, 30, 60]), (50, [90, 30, 60]),
            (99, [8910, 30, 60]), (100, [90, 0, 0]), (0, [0, 30, 60]),
        ]
        for (percent, expected) in table {
            rollout.steps = [percent]
            plan.weighted[0].rollout = rollout
            var bench = Bench(plan)
            try bench.order(.rollout(.start))
            #expect(weights(bench, 3) == expected, "\(percent) %")
        }
        // What would be too large is of a million, as near as that is.
        plan.weighted[0].branches[1].schedule = WeightSchedule(base: 999_983)
        rollout.steps = [1]
        plan.weighted[0].rollout = rollout
        var bench = Bench(plan)
        try bench.order(.rollout(.start))
        #expect(weights(bench, 3) == [10_000, 989_940, 59])
        // Weights of nought share alike.
        for number in 1...2 {
            plan.weighted[0].branches[number].schedule = WeightSchedule(base: 0)
        }
        bench = Bench(plan)
        try bench.order(.rollout(.start))
        #expect(weights(bench, 3) == [2, 99, 99])
    }

    @Test func `only a policy by name leaves a mark`() {
        var plan = samples.plan(samples.canary)
        var inner = plan.weighted[0]
        inner.isTop = false
        inner.rollout?.startsAt = ChangeTests.noon
        plan.weighted.append(inner)
        var bench = Bench(plan)
        bench.pass(1)
        #expect(bench.keeper.state(1).rollout.phase == .running)
        #expect(bench.keeper.saved == SteeringSaved())
    }
}
