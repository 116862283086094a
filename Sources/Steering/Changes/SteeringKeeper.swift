// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What an operator asks of a policy that serves.
public enum SteeringOrder: Sendable, Equatable {
    /// Leads a branch to another weight.
    case shift(branch: String, weight: UInt32, over: Interval)
    /// Sends all clients to one branch.
    case `switch`(to: String, over: Interval)
    /// The weights of the file hold again.
    case reset
    /// Tells the rollout something.
    case rollout(RolloutMachine.Order)
}

/// Why an order cannot be carried out.
public enum SteeringRefusal: Error, Sendable, Equatable {
    /// There is no such policy, or it is not weighted.
    case noPolicy
    /// The policy has no such branch; what it has.
    case noBranch([String])
    /// There is no such migration.
    case noMigration
    /// It cannot be done now, and why.
    case notNow(String)
}

/// Something about policies that people want to read of.
public enum SteeringEvent: Sendable, Equatable {
    /// A step of a schedule has begun.
    case scheduled(policy: String, branch: String, weight: UInt32, over: Interval)
    /// An order was carried out.
    case ordered(policy: String, text: String)
    /// A rollout stands elsewhere; its share in percent.
    case rollout(policy: String, RolloutMachine.Phase, share: Int?, reason: String)
    /// A migration stands elsewhere.
    case migration(String, policy: String, MigrationMachine.Phase)
    /// Answers flap: returns are held back for so long.
    case settling(policy: String, rest: Interval, flaps: UInt64)
}

/// Owner of all that changes about policies while they serve, and of what they make of the board.
///
/// Pure: who calls brings the time, the health and the load, and writes what comes out.
public struct SteeringKeeper: Sendable {
    /// What is configured.
    public private(set) var plan = SteeringPlan()
    /// By the place of the weighted policy in the plan.
    public private(set) var weights: [Int: WeightState] = [:]
    /// By the name of the migration.
    public private(set) var migrations: [String: MigrationMachine] = [:]
    /// By the name of the policy.
    public private(set) var settles: [String: SettleMachine] = [:]
    /// The load of branches with watermarks, by dial.
    public private(set) var loads: [Int: Double] = [:]
    // Steps of schedules that were told of, by dial.
    private var told: [Int: Int] = [:]

    /// One that keeps nothing.
    public init() {}

    /// How often weights on their way are written.
    public static let period = Interval.seconds(1)

    /// Takes another plan; what stands in both under the same names goes on.
    ///
    /// `saved` is what a process before this one has left, for names that are new.
    public mutating func adopt(_ next: SteeringPlan, saved: SteeringSaved = SteeringSaved()) {
        let before = self.saved.merging(saved)
        plan = next
        weights = [:]
        loads = [:]
        told = [:]
        for (place, node) in next.weighted.enumerated() where node.isTop {
            let state = before.state(of: node)
            if !state.isPlain { weights[place] = state }
        }
        migrations = Dictionary(
            next.moves.map { move in
                (move.migration.name, before.migrations[move.migration.name] ?? MigrationMachine())
            },
            uniquingKeysWith: { first, _ in first }
        )
        let known = settles
        settles = [:]
        for settle in next.settles {
            var machine = SettleMachine(least: settle.least, most: settle.most)
            if let old = known[settle.policy], old.least == settle.least,
                old.most == settle.most
            {
                machine = old
            }
            settles[settle.policy] = machine
        }
    }

    /// The state of a weighted policy.
    public func state(_ place: Int) -> WeightState { weights[place] ?? WeightState() }

    // MARK: Orders

    /// Carries an order out.
    public mutating func order(
        _ order: SteeringOrder,
        policy: String,
        at now: WallTime
    ) throws(SteeringRefusal) -> [SteeringEvent] {
        guard let place = plan.top(policy) else { throw .noPolicy }
        let node = plan.weighted[place]
        var state = self.state(place)
        defer { weights[place] = state.isPlain ? nil : state }
        func number(_ name: String) throws(SteeringRefusal) -> Int {
            guard let number = node.branches.firstIndex(where: { $0.name == name }) else {
                throw .noBranch(node.branches.map(\.name))
            }
            return number
        }
        switch order {
        case .shift(let name, let weight, let over):
            let branch = try number(name)
            try checkFree(state, node)
            state.set(branch, to: weight, over: over, node, at: now)
            let way = over > .zero ? " over \(over)" : ""
            return [.ordered(policy: policy, text: "\(name) goes to weight \(weight)\(way)")]
        case .switch(let name, let over):
            let branch = try number(name)
            try checkFree(state, node)
            state.move(to: branch, over: over, node, at: now)
            let way = over > .zero ? " over \(over)" : ""
            return [.ordered(policy: policy, text: "all clients go to \(name)\(way)")]
        case .reset:
            try checkFree(state, node)
            state.changes = [:]
            return [.ordered(policy: policy, text: "the weights of the file hold again")]
        case .rollout(let order):
            guard let rollout = node.rollout else { throw .notNow("it has no rollout") }
            if let reason = state.rollout.order(order, rollout, at: now) { throw .notNow(reason) }
            // What an operator has set would hide the rollout.
            if order == .start { state.changes = [:] }
            return [event(of: state, rollout, policy)]
        }
    }

    // Two that steer the same weights would fight over them.
    private func checkFree(
        _ state: WeightState,
        _ node: WeightedPlan
    ) throws(SteeringRefusal) {
        if state.rollout.phase == .running || state.rollout.phase == .paused {
            throw .notNow("its rollout is \(state.rollout.phase.rawValue); take it `back` first")
        }
        for move in plan.moves where move.policy == node.policy {
            let name = move.migration.name
            guard let machine = migrations[name] else { continue }
            if machine.phase == .lowered || machine.phase == .moved {
                throw .notNow("the migration `\(name)` is \(machine.phase.rawValue)")
            }
        }
    }

    private func event(
        of state: WeightState,
        _ rollout: RolloutPlan,
        _ policy: String
    ) -> SteeringEvent {
        .rollout(
            policy: policy,
            state.rollout.phase,
            share: state.rollout.share(rollout),
            reason: state.rollout.reason
        )
    }

    /// Tells a migration something.
    public mutating func order(
        _ order: MigrationMachine.Order,
        migration name: String,
        at now: WallTime
    ) throws(SteeringRefusal) -> [SteeringEvent] {
        guard let move = plan.moves.first(where: { $0.migration.name == name }),
            var machine = migrations[name]
        else { throw .noMigration }
        switch machine.order(order, move.migration, at: now) {
        case .refused(let reason): throw .notNow(reason)
        case .done(let effect):
            migrations[name] = machine
            carryOut(effect, move, at: now)
            return [.migration(name, policy: move.policy, machine.phase)]
        }
    }

    private mutating func carryOut(
        _ effect: MigrationMachine.Effect,
        _ move: MovePlan,
        at now: WallTime
    ) {
        guard effect != .timing, let place = plan.top(move.policy) else { return }
        var state = self.state(place)
        if effect == .move {
            state.move(to: move.migration.branch, over: .zero, plan.weighted[place], at: now)
        } else {
            state.changes = [:]
        }
        weights[place] = state.isPlain ? nil : state
    }
}

// MARK: - Time

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
        for move in plan.moves {
            let name = move.migration.name
            guard var machine = migrations[name],
                let effect = machine.tick(move.migration, at: time)
            else { continue }
            migrations[name] = machine
            carryOut(effect, move, at: time)
            events.append(.migration(name, policy: move.policy, machine.phase))
        }
        for (place, node) in plan.weighted.enumerated() {
            follow(place, node, senses, time, &events)
        }
        for settle in plan.settles { follow(settle, senses, now, &events) }
        return events
    }

    private mutating func follow(
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
            if state.rollout.observe(rollout, new: new, old: old, at: time) {
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

    /// Writes what holds now.
    public func write(to board: DialBoard, at time: WallTime) {
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
            let since = machine?.heldSince ?? .start
            board.hold(settle.number, since: since, until: machine?.heldUntil ?? .start)
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
