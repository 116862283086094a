// SPDX-License-Identifier: Apache-2.0
public import Essentials

extension SteeringKeeper {
    /// What the doors see of the endpoints below a branch.
    public struct Senses {
        /// Health and traffic of some slots together.
        public var sample: ([Int]) -> SideSample
        /// What some slots have in hand by their limits; nil when they have none.
        public var load: ([Int]) -> Double?
        /// True when a slot takes new work.
        public var isUp: (Int) -> Bool
        /// True when a slot has been down since it came up first.
        public var hasReturned: (Int) -> Bool

        /// Joins the parts.
        public init(
            sample: @escaping ([Int]) -> SideSample,
            load: @escaping ([Int]) -> Double?,
            isUp: @escaping (Int) -> Bool,
            hasReturned: @escaping (Int) -> Bool
        ) {
            self.sample = sample
            self.load = load
            self.isUp = isUp
            self.hasReturned = hasReturned
        }
    }

    /// Does what time, health and load demand.
    public mutating func tick(
        _ senses: Senses,
        now: Instant,
        at time: WallTime
    ) -> [SteeringEvent] {
        var events: [SteeringEvent] = []
        for move in plan.moves { follow(move, time, &events) }
        for (place, node) in plan.weighted.enumerated() {
            follow(place, node, senses, time, &events)
        }
        for settle in plan.settles { follow(settle, senses, now, &events) }
        return events
    }

    mutating func follow(_ move: MovePlan, _ time: WallTime, _ events: inout [SteeringEvent]) {
        let name = move.migration.name
        // Who moves while a rollout steers the same weights waits until it is over.
        guard var machine = migrations[name],
            machine.phase != .lowered || rollout(of: move.policy) == nil,
            let effect = machine.tick(move.migration, at: time)
        else { return }
        migrations[name] = machine
        carryOut(effect, move, at: time)
        events.append(.migration(name, policy: move.policy, machine.phase))
    }

    mutating func follow(
        _ place: Int,
        _ node: WeightedPlan,
        _ senses: Senses,
        _ time: WallTime,
        _ events: inout [SteeringEvent]
    ) {
        if let rollout = node.rollout, node.branches.indices.contains(rollout.branch) {
            var state = self.state(place)
            let new = senses.sample(node.branches[rollout.branch].slots)
            let others = node.branches.indices.filter { $0 != rollout.branch }
            let old = senses.sample(others.flatMap { node.branches[$0].slots })
            let mayBegin = move(of: node.policy) == nil
            if state.rollout.observe(rollout, new: new, old: old, mayBegin: mayBegin, at: time) {
                if state.rollout.phase == .running, state.rollout.step == 0 { state.changes = [:] }
                events.append(event(of: state, rollout, node.policy))
            }
            weights[place] = state.isPlain ? nil : state
        }
        for branch in node.branches {
            if branch.load != nil { loads[branch.dial] = senses.load(branch.slots) }
            let begun = branch.schedule.steps.count { $0.at <= time }
            if let known = told[branch.dial], begun > known {
                let step = branch.schedule.steps[begun - 1]
                events.append(
                    .scheduled(
                        policy: node.policy,
                        branch: branch.name,
                        weight: step.weight,
                        over: step.over
                    )
                )
            }
            told[branch.dial] = begun
        }
    }

    private mutating func follow(
        _ settle: SettlePlan,
        _ senses: Senses,
        _ now: Instant,
        _ events: inout [SteeringEvent]
    ) {
        guard var machine = settles[settle.policy] else { return }
        let flaps = machine.flaps
        let up = settle.slots.filter(senses.isUp)
        let present = up.filter { !senses.hasReturned($0) }
        machine.observe(Set(up), present: Set(present), now: now)
        settles[settle.policy] = machine
        guard machine.flaps > flaps else { return }
        let rest = machine.heldUntil - now
        events.append(.settling(policy: settle.policy, rest: rest, flaps: machine.flaps))
    }

    /// When ``tick(_:now:at:)`` has something to do, however long nothing happens.
    public func deadline(now: Instant, at time: WallTime) -> Instant {
        guard !plan.isEmpty else { return .never }
        // Once a second is what weights on their way, loads and rollouts need; the rest is precise.
        var next = plan.weighted.isEmpty ? Instant.never : now + SteeringKeeper.period
        for settle in settles.values { next = min(next, settle.deadline) }
        func note(_ at: WallTime?) {
            guard let at else { return }
            next = min(next, now + max(at - time, .milliseconds(1)))
        }
        for move in plan.moves { note(migrations[move.migration.name]?.deadline(move.migration)) }
        for node in plan.weighted {
            for branch in node.branches { note(branch.schedule.reading(at: time).jump) }
        }
        return next
    }

    // MARK: The board

    /// Writes what holds at a time; rests of answers that are over at `now` are left out.
    public func write(to board: DialBoard, at time: WallTime, now: Instant = .start) {
        for (place, node) in plan.weighted.enumerated() {
            for dial in dials(place, node, at: time) { board.setDial(dial.place, dial.dial) }
        }
        var caps: [Int: UInt32] = [:]
        for move in plan.moves {
            let ttl = migrations[move.migration.name]?.highestTTL(move.migration)
            for number in move.numbers {
                guard let ttl else { continue }
                caps[number] = min(caps[number] ?? .max, ttl)
            }
        }
        for number in Set(plan.moves.flatMap(\.numbers)) {
            board.setHighestTTL(number, caps[number])
        }
        for settle in plan.settles {
            let machine = settles[settle.policy]
            let until = machine?.heldUntil ?? .start
            let since = until > now ? machine?.heldSince ?? .start : .start
            board.hold(settle.number, since: since, until: until)
        }
    }

    /// The dials of the branches of a weighted policy.
    public func dials(
        _ place: Int,
        _ node: WeightedPlan,
        at time: WallTime
    ) -> [(place: Int, dial: Dial)] {
        let state = self.state(place)
        return node.branches.indices.map { number in
            let branch = node.branches[number]
            let now = state.weight(of: number, node, at: time)
            let factor = branch.load?.factor(load: loads[branch.dial]) ?? Dial.fullFactor
            var left = HealthWord.noChangeInSight
            if let jump = now.jump {
                let seconds = max((jump - time).nanoseconds / 1_000_000_000, 1)
                left = UInt16(clamping: min(seconds, Int64(left)))
            }
            let dial = Dial(
                weight: now.weight,
                factor: factor,
                secondsToChange: left,
                source: now.source
            )
            return (branch.dial, dial)
        }
    }
}
