// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

/// Migrations that are taken back, made again, or planned anew, beside rollouts and switches.
@Suite struct MigrationTests {
    typealias Bench = SteeringKeeperTests.Bench
    private let samples = SteeringKeeperTests()

    private func tell(
        _ order: MigrationMachine.Order,
        _ bench: inout Bench
    ) throws(SteeringRefusal) {
        _ = try bench.keeper.order(order, migration: "move", at: bench.time)
        bench.keeper.write(to: bench.board, at: bench.time)
    }

    private func phase(_ bench: Bench) -> MigrationMachine.Phase? {
        bench.keeper.migrations["move"]?.phase
    }

    @Test func `back leads to where clients were, and not to where the file says`() throws {
        // The file says `old`, an operator has sent clients elsewhere before.
        var plan = samples.plan(active: 0)
        plan.weighted[0].branches.append(
            BranchPlan(name: "third", dial: 2, schedule: WeightSchedule(base: 0), slots: [1])
        )
        plan.moves = [MovePlan(policy: "www", numbers: [0, 1], migration: samples.move)]
        var bench = Bench(plan)
        try bench.order(.switch(to: "third", over: .zero))
        try tell(.start, &bench)
        bench.pass(300)
        try tell(.switch, &bench)
        #expect(bench.weights() == [0, 1000])
        var next = SteeringKeeper()
        next.adopt(plan, saved: bench.keeper.saved)
        #expect(next.state(0) == bench.keeper.state(0))
        try tell(.back, &bench)
        #expect(bench.weights() == [0, 0] && bench.board.dial(2).weight == 1000)
    }

    @Test func `what never moved cannot be taken back`() throws {
        var bench = samples.migrating(samples.move)
        try bench.order(.switch(to: "new", over: .zero))
        try tell(.start, &bench)
        try tell(.back, &bench)
        #expect(phase(bench) == .undone && bench.board.highestTTL(0) == nil)
        #expect(throws: SteeringRefusal.notNow("the migration is undone")) {
            try tell(.back, &bench)
        }
        #expect(bench.weights() == [0, 1000])
        // It can be made all the same.
        try tell(.start, &bench)
        #expect(phase(bench) == .lowered)
    }

    @Test func `taken back it ends where it was`() throws {
        var bench = samples.migrating(samples.move)
        try tell(.start, &bench)
        bench.pass(300)
        try tell(.switch, &bench)
        try tell(.back, &bench)
        bench.pass(60)
        #expect(phase(bench) == .undone && bench.weights() == [1000, 0])
    }

    @Test func `a lower TTL in the file does not shorten the wait`() throws {
        var bench = samples.migrating(samples.move)
        try tell(.start, &bench)
        var plan = samples.move
        plan.oldTTL = 20
        var next = samples.plan(active: 0)
        next.moves = [MovePlan(policy: "www", numbers: [0, 1], migration: plan)]
        bench.keeper.adopt(next)
        bench.pass(299)
        #expect(throws: SteeringRefusal.self) { try tell(.switch, &bench) }
        bench.pass(1)
        try tell(.switch, &bench)
    }

    /// A plan for `move` in which the policy has this TTL, as the file says it.
    private func plan(ttl: UInt32, names: [String] = ["www"]) -> SteeringPlan {
        var move = samples.move
        move.oldTTL = ttl
        var plan = samples.plan(active: 0)
        plan.moves = [MovePlan(policy: "www", numbers: [0], names: names, migration: move)]
        plan.ttls = ["www": ttl, "other": 900]
        return plan
    }

    @Test(arguments: [true, false])
    func `a TTL that was lowered in the file before is waited for`(isRestarted: Bool) throws {
        var bench = Bench(plan(ttl: 300))
        bench.pass(100)
        if isRestarted {
            let saved = bench.keeper.saved
            bench.keeper = SteeringKeeper()
            bench.keeper.adopt(plan(ttl: 10), saved: saved, at: bench.time)
        } else {
            bench.keeper.adopt(plan(ttl: 10), at: bench.time)
        }
        bench.pass(20)
        // Once more the same, and a restart: what is cached stays so.
        bench.keeper.adopt(plan(ttl: 10), at: bench.time)
        let saved = bench.keeper.saved
        bench.keeper = SteeringKeeper()
        bench.keeper.adopt(plan(ttl: 10), saved: saved, at: bench.time)
        try tell(.start, &bench)
        bench.pass(279)
        #expect(throws: SteeringRefusal.self) { try tell(.switch, &bench) }
        bench.pass(1)
        try tell(.switch, &bench)
        #expect(phase(bench) == .moved)
    }

    @Test func `what was lowered long ago is not waited for, nor what others answered`() throws {
        var bench = Bench(plan(ttl: 300))
        bench.keeper.adopt(plan(ttl: 10), at: bench.time)
        var next = plan(ttl: 10)
        next.ttls["other"] = 5
        bench.pass(300)
        bench.keeper.adopt(next, at: bench.time)
        try tell(.start, &bench)
        bench.pass(10)
        try tell(.switch, &bench)
        // A migration that comes with the lower TTL waits as well.
        var before = plan(ttl: 300)
        before.moves = []
        var other = Bench(before)
        other.keeper.adopt(plan(ttl: 10), at: other.time)
        try tell(.start, &other)
        other.pass(299)
        #expect(throws: SteeringRefusal.self) { try tell(.switch, &other) }
        other.pass(1)
        try tell(.switch, &other)
    }

    @Test func `a time that is past moves nobody who was told to begin after it`() throws {
        var plan = samples.move
        plan.switchesAt = ChangeTests.after(10)
        var bench = samples.migrating(plan)
        bench.pass(20)
        try tell(.start, &bench)
        bench.pass(600)
        #expect(phase(bench) == .lowered && bench.weights() == [1000, 0])
        // A time ahead counts.
        plan.switchesAt = ChangeTests.after(700)
        var next = samples.plan(active: 0)
        next.moves = [MovePlan(policy: "www", numbers: [0, 1], migration: plan)]
        bench.keeper.adopt(next)
        bench.pass(79)
        #expect(phase(bench) == .lowered)
        bench.pass(1)
        #expect(phase(bench) == .moved && bench.weights() == [0, 1000])
    }

    @Test func `another move under the same name begins anew once the last is over`() throws {
        var plan = samples.move
        plan.lowersAt = ChangeTests.after(1)
        plan.switchesAt = ChangeTests.after(301)
        plan.mark = "one"
        var bench = samples.migrating(plan)
        bench.pass(301)
        #expect(phase(bench) == .moved)
        plan.branch = 0
        plan.lowersAt = ChangeTests.after(1_000)
        plan.switchesAt = ChangeTests.after(1_300)
        plan.mark = "two"
        var next = samples.plan(active: 0)
        next.moves = [MovePlan(policy: "www", numbers: [0, 1], migration: plan)]
        // Under way: it ends first.
        bench.keeper.adopt(next)
        #expect(phase(bench) == .moved)
        bench.pass(60)
        #expect(phase(bench) == .done)
        bench.keeper.adopt(next)
        #expect(phase(bench) == .waiting && bench.weights() == [0, 1000])
        bench.pass(940)
        #expect(phase(bench) == .moved && bench.weights() == [1000, 0])
        // The same plan once more changes nothing.
        bench.keeper.adopt(next)
        #expect(phase(bench) == .moved)
    }

    @Test func `a rollout and a migration of one policy take turns`() throws {
        var plan = samples.plan(samples.canary)
        var move = samples.move
        move.lowersAt = ChangeTests.after(5)
        move.switchesAt = ChangeTests.after(310)
        plan.moves = [MovePlan(policy: "www", numbers: [0, 1], migration: move)]
        var bench = Bench(plan)
        try bench.order(.rollout(.start))
        #expect(throws: SteeringRefusal.notNow("the rollout of `www` is running")) {
            try tell(.start, &bench)
        }
        bench.pass(100)
        try bench.order(.rollout(.pause))
        bench.pass(300)
        // Its time has come, and it waits until the weights are free.
        #expect(phase(bench) == .lowered && bench.weights() == [300, 100])
        try bench.order(.rollout(.back))
        bench.pass(1)
        #expect(phase(bench) == .moved && bench.board.dial(1).source == .active)
        #expect(throws: SteeringRefusal.notNow("the migration `move` is moved")) {
            try bench.order(.rollout(.start))
        }
        bench.pass(60)
        try bench.order(.rollout(.start))
    }

    @Test func `a rollout by the calendar waits for a migration`() throws {
        var rollout = samples.canary
        rollout.startsAt = ChangeTests.after(10)
        var plan = samples.plan(rollout)
        plan.moves = [MovePlan(policy: "www", numbers: [0, 1], migration: samples.move)]
        var bench = Bench(plan)
        try tell(.start, &bench)
        bench.pass(20)
        #expect(bench.keeper.state(0).rollout.phase == .idle)
        try tell(.back, &bench)
        bench.pass(1)
        #expect(bench.keeper.state(0).rollout.phase == .running)
    }

    // MARK: Rest

    @Test func `who has returned before the first look is in the answer, and nothing rests for it`()
    {
        var machine = SettleMachine(least: .seconds(30), most: .seconds(300))
        let now = Instant(nanoseconds: 1_000_000_000_000)
        machine.observe([0, 1], present: [1], now: now)
        #expect(machine.answered == [0, 1] && machine.heldSince == nil && machine.changes == 0)
    }

    @Test func `who waits goes on waiting when somebody else is lost`() {
        var machine = SettleMachine(least: .seconds(30), most: .seconds(300))
        var now = Instant(nanoseconds: 1_000_000_000_000)
        func look(_ up: Set<Int>, _ returned: Set<Int>, after seconds: Int64) -> Set<Int> {
            now = now + .seconds(seconds)
            machine.observe(up, present: up.subtracting(returned), now: now)
            return machine.answered
        }
        #expect(look([0, 1, 2], [], after: 0) == [0, 1, 2])
        #expect(look([1, 2], [], after: 100) == [1, 2])
        let since = machine.heldSince
        #expect(look([0, 1, 2], [0], after: 5) == [1, 2])
        #expect(look([0, 2], [0], after: 5) == [2])
        // Workers leave out who returned after this moment: 0 must still be one of them.
        #expect(machine.heldSince == since && machine.waiting == [0])
        #expect(machine.heldUntil == now + .seconds(30))
        #expect(look([0, 2], [0], after: 30) == [0, 2])
    }
}
