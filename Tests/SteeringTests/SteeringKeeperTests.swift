// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

/// Rollouts, switches, migrations and rest, in virtual time.
@Suite struct SteeringKeeperTests {
    /// A keeper with a board, and what it senses.
    struct Bench {
        var keeper = SteeringKeeper()
        let board = DialBoard(branches: 4, policies: 2)
        var time = ChangeTests.noon
        var now = Instant(nanoseconds: 1_000_000_000_000)
        var up: Set<Int> = [0, 1, 2, 3]
        var returned: Set<Int> = []
        var requests: [Int: (all: UInt64, failed: UInt64)] = [:]
        var latency: [Int: UInt64] = [:]
        var load: Double?

        init(_ plan: SteeringPlan) { keeper.adopt(plan) }

        /// Lets time pass, in steps of a second.
        @discardableResult
        mutating func pass(_ seconds: Int) -> [SteeringEvent] {
            var events: [SteeringEvent] = []
            for _ in 0..<max(seconds, 1) {
                if seconds > 0 {
                    time = time + .seconds(1)
                    now = now + .seconds(1)
                }
                events += keeper.tick(senses, now: now, at: time)
            }
            keeper.write(to: board, at: time)
            return events
        }

        var senses: SteeringKeeper.Senses {
            let (up, returned, requests, latency, load) = (up, returned, requests, latency, load)
            return SteeringKeeper.Senses(
                sample: { slots in
                    SideSample(
                        up: slots.count { up.contains($0) },
                        count: slots.count,
                        requests: slots.reduce(0) { $0 + (requests[$1]?.all ?? 0) },
                        failures: slots.reduce(0) { $0 + (requests[$1]?.failed ?? 0) },
                        latency: LatencySum(bits: slots.reduce(0) { $0 &+ (latency[$1] ?? 0) })
                    )
                },
                load: { _ in load },
                isUp: { up.contains($0) },
                hasReturned: { returned.contains($0) }
            )
        }

        func weights() -> [UInt32] { [board.dial(0).weight, board.dial(1).weight] }

        mutating func order(_ order: SteeringOrder) throws(SteeringRefusal) {
            _ = try keeper.order(order, policy: "www", at: time)
            keeper.write(to: board, at: time)
        }
    }

    /// `old` of weight 100 with slots 0 and 1, `new` of weight 0 with 2 and 3.
    func plan(
        _ rollout: RolloutPlan? = nil,
        active: Int? = nil,
        load: LoadWatermarks? = nil,
        schedule: [WeightSchedule.Step] = []
    ) -> SteeringPlan {
        SteeringPlan(weighted: [
            WeightedPlan(
                policy: "www",
                branches: [
                    BranchPlan(
                        name: "old",
                        dial: 0,
                        schedule: WeightSchedule(base: 100, steps: schedule),
                        load: load,
                        slots: [0, 1]
                    ),
                    BranchPlan(
                        name: "new",
                        dial: 1,
                        schedule: WeightSchedule(base: 0),
                        slots: [2, 3]
                    ),
                ],
                active: active,
                rollout: rollout
            )
        ])
    }

    let canary = RolloutPlan(branch: 1, steps: [5, 25, 50, 100], hold: .seconds(60))

    @Test func `a schedule is carried out and told of once`() {
        var bench = Bench(
            plan(schedule: [.init(at: ChangeTests.after(10), weight: 0, over: .seconds(10))])
        )
        #expect(bench.pass(5).isEmpty && bench.weights() == [100, 0])
        let events = bench.pass(10)
        #expect(
            events == [
                .scheduled(policy: "www", branch: "old", weight: 0, over: .seconds(10))
            ]
        )
        #expect(bench.weights() == [50, 0] && bench.board.dial(0).source == .schedule)
        #expect(bench.pass(60).isEmpty && bench.weights() == [0, 0])
    }

    @Test func `load is written with the weight`() {
        var bench = Bench(plan(load: LoadWatermarks(low: 0.5, high: 1)))
        bench.load = 0.75
        bench.pass(1)
        #expect(bench.board.dial(0).factor == 512 && bench.board.dial(1).factor == 1024)
        bench.load = nil
        bench.pass(1)
        #expect(bench.board.dial(0).factor == 1024)
    }

    @Test func `orders shift, switch and take back`() throws {
        var bench = Bench(plan())
        try bench.order(.shift(branch: "new", weight: 50, over: .seconds(10)))
        bench.pass(5)
        #expect(bench.weights() == [100, 25] && bench.board.dial(1).source == .change)
        try bench.order(.switch(to: "new", over: .seconds(10)))
        bench.pass(5)
        // From 100 and 25 to nothing and all of it: half of the way.
        #expect(bench.weights() == [50, 75])
        bench.pass(5)
        #expect(bench.weights() == [0, 125] && bench.board.dial(1).source == .active)
        try bench.order(.reset)
        #expect(bench.weights() == [100, 0])
        #expect(throws: SteeringRefusal.noBranch(["old", "new"])) {
            try bench.order(.switch(to: "blue", over: .zero))
        }
        #expect(throws: SteeringRefusal.noPolicy) {
            _ = try bench.keeper.order(.reset, policy: "web", at: bench.time)
        }
        #expect(throws: SteeringRefusal.notNow("it has no rollout")) {
            try bench.order(.rollout(.start))
        }
    }

    @Test func `blue and green switch there and back`() throws {
        var bench = Bench(plan(active: 0))
        bench.pass(1)
        #expect(bench.weights() == [1000, 0])
        try bench.order(.switch(to: "new", over: .zero))
        #expect(bench.weights() == [0, 1000])
        try bench.order(.switch(to: "old", over: .zero))
        #expect(bench.weights() == [1000, 0])
    }

    // MARK: Rollouts

    @Test func `a canary goes up its steps and stays at the last one`() throws {
        var bench = Bench(plan(canary))
        bench.pass(100)
        #expect(bench.weights() == [100, 0])
        try bench.order(.rollout(.start))
        #expect(bench.weights() == [1900, 100])
        bench.pass(59)
        #expect(bench.weights() == [1900, 100])
        bench.pass(1)
        #expect(bench.weights() == [300, 100])
        try bench.order(.rollout(.pause))
        bench.pass(600)
        #expect(bench.weights() == [300, 100])
        try bench.order(.rollout(.resume))
        bench.pass(60)
        #expect(bench.weights() == [100, 100])
        bench.pass(120)
        #expect(bench.weights() == [0, 100])
        #expect(bench.keeper.state(0).rollout.phase == .finished)
        try bench.order(.rollout(.back))
        #expect(bench.weights() == [100, 0])
        bench.pass(600)
        #expect(bench.weights() == [100, 0])
    }

    @Test func `it begins by itself at its time, once`() {
        var timed = canary
        timed.startsAt = ChangeTests.after(5)
        var bench = Bench(plan(timed))
        bench.pass(4)
        #expect(bench.weights() == [100, 0])
        #expect(bench.pass(1).contains(.rollout(policy: "www", .running, share: 5, reason: "")))
        #expect(bench.weights() == [1900, 100])
        try? bench.order(.rollout(.back))
        bench.pass(600)
        #expect(bench.weights()[1] == 0)
    }

    @Test func `it halts when the new side has fewer endpoints up than the others`() throws {
        var bench = Bench(plan(canary))
        try bench.order(.rollout(.start))
        bench.pass(10)
        bench.up.remove(3)
        let events = bench.pass(1)
        let reason = "1 of 2 endpoints up, of the others 2 of 2"
        #expect(events == [.rollout(policy: "www", .halted, share: 0, reason: reason)])
        #expect(bench.weights() == [100, 0])
        // Both sides down alike say nothing about the new one.
        bench.up = [0, 2]
        try bench.order(.rollout(.start))
        bench.pass(10)
        #expect(bench.keeper.state(0).rollout.phase == .running)
    }

    @Test(arguments: [true, false])
    func `it halts by errors and by latency, once there are enough requests`(
        _ isByErrors: Bool
    ) throws {
        var plan = canary
        plan.goesBack = isByErrors
        var bench = Bench(self.plan(plan))
        try bench.order(.rollout(.start))
        bench.pass(1)
        let fast = LatencySum.word(of: .milliseconds(10))
        let slow = LatencySum.word(of: .milliseconds(20))
        func serve(_ count: UInt64, failing: UInt64, newTime: UInt64) {
            for slot in [0, 2] {
                let before = bench.requests[slot] ?? (0, 0)
                let failed = slot == 2 ? failing : 0
                bench.requests[slot] = (before.all + count, before.failed + failed)
                let word = slot == 2 ? newTime : fast
                bench.latency[slot, default: 0] &+= word &* (count - failed)
            }
        }
        serve(49, failing: isByErrors ? 49 : 0, newTime: isByErrors ? fast : slow)
        bench.pass(1)
        #expect(bench.keeper.state(0).rollout.phase == .running)
        serve(200, failing: 0, newTime: isByErrors ? fast : slow)
        let events = bench.pass(1)
        let state = bench.keeper.state(0).rollout
        #expect(state.phase == .halted && events.count == 1)
        if isByErrors {
            #expect(state.reason.hasSuffix("% of its requests failed, of the others' 0.0 %"))
            #expect(bench.weights()[1] == 0)
        } else {
            #expect(state.reason.hasPrefix("its answers take "))
            #expect(bench.weights() == [1900, 100])
        }
        #expect(throws: SteeringRefusal.notNow("the rollout is halted")) {
            try bench.order(.rollout(.resume))
        }
    }

    @Test func `errors within the bound, and on both sides, halt nothing`() throws {
        var bench = Bench(plan(canary))
        try bench.order(.rollout(.start))
        for second in 1..<60 {
            let count = UInt64(second) * 100
            bench.requests = [0: (count, count / 20), 2: (count, count / 18)]
            bench.pass(1)
        }
        #expect(bench.keeper.state(0).rollout.phase == .running)
    }

    @Test func `weights that a rollout holds are nobody else's`() throws {
        var bench = Bench(plan(canary))
        try bench.order(.shift(branch: "new", weight: 7, over: .zero))
        try bench.order(.rollout(.start))
        #expect(bench.weights() == [1900, 100])
        #expect(throws: SteeringRefusal.self) {
            try bench.order(.shift(branch: "new", weight: 7, over: .zero))
        }
        #expect(throws: SteeringRefusal.self) { try bench.order(.reset) }
        try bench.order(.rollout(.back))
        try bench.order(.shift(branch: "new", weight: 7, over: .zero))
    }

    // MARK: Migrations

    var move: MigrationPlan {
        MigrationPlan(
            name: "move",
            branch: 1,
            ttl: 10,
            oldTTL: 300,
            raisesAfter: .seconds(60)
        )
    }

    func migrating(_ migration: MigrationPlan) -> Bench {
        var plan = plan(active: 0)
        plan.moves = [MovePlan(policy: "www", numbers: [0, 1], migration: migration)]
        return Bench(plan)
    }

    @Test func `a migration moves only when nothing old can be cached`() throws {
        var bench = migrating(move)
        func tell(_ order: MigrationMachine.Order) throws(SteeringRefusal) {
            _ = try bench.keeper.order(order, migration: "move", at: bench.time)
            bench.keeper.write(to: bench.board, at: bench.time)
        }
        bench.pass(1)
        #expect(bench.board.highestTTL(0) == nil)
        #expect(throws: SteeringRefusal.self) { try tell(.switch) }
        try tell(.start)
        #expect(bench.board.highestTTL(0) == 10 && bench.board.highestTTL(1) == 10)
        bench.pass(299)
        let early = "answers from before the TTL was lowered may be cached for another 1 s"
        #expect(throws: SteeringRefusal.notNow(early)) { try tell(.switch) }
        #expect(throws: SteeringRefusal.self) { try bench.order(.switch(to: "new", over: .zero)) }
        #expect(bench.weights() == [1000, 0])
        bench.pass(1)
        try tell(.switch)
        #expect(bench.weights() == [0, 1000] && bench.board.highestTTL(0) == 10)
        try tell(.back)
        #expect(bench.weights() == [1000, 0] && bench.board.highestTTL(0) == 10)
        bench.pass(60)
        #expect(bench.board.highestTTL(0) == nil)
        #expect(throws: SteeringRefusal.noMigration) {
            _ = try bench.keeper.order(.start, migration: "other", at: bench.time)
        }
    }

    @Test func `a migration by the calendar waits for the old TTL, late or not`() {
        var plan = move
        plan.lowersAt = ChangeTests.after(5)
        plan.switchesAt = ChangeTests.after(305)
        var bench = migrating(plan)
        // The process was not there when the TTL was to be lowered.
        bench.time = ChangeTests.after(100)
        bench.pass(1)
        #expect(bench.keeper.migrations["move"]?.phase == .lowered)
        bench.pass(299)
        #expect(bench.weights() == [1000, 0])
        let events = bench.pass(1)
        #expect(events == [.migration("move", policy: "www", .moved)])
        #expect(bench.weights() == [0, 1000])
        bench.pass(60)
        #expect(bench.keeper.migrations["move"]?.phase == .done)
        #expect(bench.board.highestTTL(0) == nil && bench.weights() == [0, 1000])
    }

    // MARK: Restarts

    @Test func `what is under way goes on in the next process, by names`() throws {
        var bench = Bench(plan(canary))
        try bench.order(.rollout(.start))
        bench.pass(60)
        var next = SteeringKeeper()
        next.adopt(plan(canary), saved: bench.keeper.saved)
        #expect(next.state(0) == bench.keeper.state(0))
        #expect(next.saved == bench.keeper.saved)
        // Another branch is brought up now: it begins at the beginning.
        var other = canary
        other.branch = 0
        next.adopt(plan(other))
        #expect(next.state(0).rollout.phase == .idle)
        next.adopt(SteeringPlan())
        #expect(next.saved == SteeringSaved())
    }

    // MARK: Rest

    @Test func `losses show at once, returns wait, and flapping makes them wait longer`() {
        var machine = SettleMachine(least: .seconds(30), most: .seconds(100))
        var now = Instant(nanoseconds: 1_000_000_000_000)
        var returned: Set<Int> = []
        func look(_ up: Set<Int>, after seconds: Int64) -> Set<Int> {
            now = now + .seconds(seconds)
            machine.observe(up, present: up.subtracting(returned), now: now)
            return machine.answered
        }
        // The first round of probes is no change.
        #expect(look([0], after: 0) == [0] && look([0, 1], after: 1) == [0, 1])
        #expect(machine.changes == 0 && machine.heldSince == nil)
        #expect(look([0], after: 5) == [0])
        returned = [1]
        #expect(look([0, 1], after: 1) == [0] && machine.waiting == [1])
        #expect(look([0, 1], after: 28) == [0])
        #expect(look([0, 1], after: 1) == [0, 1] && machine.flaps == 0)
        // Down again soon: twice as long, then up to the most.
        for rest: Int64 in [60, 100, 100] {
            #expect(look([0], after: 5) == [0])
            #expect(look([0, 1], after: rest - 1) == [0])
            #expect(look([0, 1], after: 1) == [0, 1])
        }
        #expect(machine.flaps == 3 && machine.changes == 8)
        // Calm for long: it counts as an outage again.
        #expect(look([0], after: 1000) == [0] && machine.flaps == 3)
        #expect(look([0, 1], after: 30) == [0, 1])
        // Nobody else: what has returned is better than nothing.
        #expect(look([0], after: 1000) == [0])
        #expect(look([1], after: 1) == [1])
    }

    @Test func `rest is written for the policy and told of when it flaps`() {
        var plan = SteeringPlan()
        plan.settles = [
            SettlePlan(
                policy: "www",
                number: 1,
                least: .seconds(10),
                most: .seconds(60),
                slots: [0, 1]
            )
        ]
        var bench = Bench(plan)
        bench.pass(1)
        #expect(bench.board.heldSince(1) == .start)
        bench.up = [0]
        bench.pass(1)
        #expect(bench.board.heldSince(1) == bench.now)
        #expect(bench.board.heldUntil(1) == bench.now + .seconds(10))
        // As of another time, for what would be if.
        for (seconds, isHeld) in [(9, true), (10, false)] as [(Int64, Bool)] {
            let then = bench.now + .seconds(seconds)
            bench.keeper.write(to: bench.board, at: bench.time, now: then)
            #expect((bench.board.heldSince(1) == bench.now) == isHeld, "\(seconds) s later")
        }
        #expect(bench.keeper.deadline(now: bench.now, at: bench.time) == bench.now + .seconds(10))
        (bench.up, bench.returned) = ([0, 1], [1])
        bench.pass(10)
        #expect(bench.keeper.settles["www"]?.answered == [0, 1])
        bench.up = [0]
        let events = bench.pass(1)
        #expect(events == [.settling(policy: "www", rest: .seconds(20), flaps: 1)])
    }
}
