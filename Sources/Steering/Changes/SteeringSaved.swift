// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What a process leaves to the next one of the changes under way, by names.
public struct SteeringSaved: Sendable, Equatable {
    /// Changed weights by the name of the branch.
    public typealias Changes = [String: WeightState.Change]

    /// What has become of one weighted policy.
    public struct Policy: Sendable, Equatable {
        /// What holds now.
        public var changes: Changes = [:]
        /// What held before a migration; nil for none.
        public var before: Changes?
        /// Where its rollout stands.
        public var rollout = RolloutMachine()
        /// The branch that the rollout brings up; empty for none.
        public var rolledOut = ""

        /// One that nobody has changed.
        public init() {}
    }

    /// What answers of a policy may be cached.
    public struct TTL: Sendable, Equatable {
        /// The highest TTL that they are given with, in seconds.
        public var highest: UInt32
        /// Until when some with a higher one may be cached; nil for none.
        public var cachedUntil: WallTime?

        /// Joins the parts.
        public init(highest: UInt32, cachedUntil: WallTime?) {
            self.highest = highest
            self.cachedUntil = cachedUntil
        }
    }

    /// By the names of policies.
    public var policies: [String: Policy] = [:]
    /// By the names of migrations.
    public var migrations: [String: MigrationMachine] = [:]
    /// By the names of policies that a migration concerns.
    public var ttls: [String: TTL] = [:]

    /// Nothing.
    public init() {}

    // What is known here goes before what another one has left.
    func merging(_ other: SteeringSaved) -> SteeringSaved {
        var merged = other
        merged.policies.merge(policies) { _, own in own }
        merged.migrations.merge(migrations) { _, own in own }
        return merged
    }

    /// What becomes of a policy's state; `lost` when all clients went to a branch that is gone.
    func state(of node: WeightedPlan, sameSides: Bool) -> (state: WeightState, lost: String?) {
        var state = WeightState()
        guard let known = policies[node.policy] else { return (state, nil) }
        let restored = restore(known.changes, of: node)
        state.changes = restored.changes
        if let before = known.before { state.before = restore(before, of: node).changes }
        if let rollout = node.rollout, node.branches.indices.contains(rollout.branch),
            node.branches[rollout.branch].name == known.rolledOut
        {
            state.rollout = known.rollout
            state.rollout.adopt(rollout, sameSides: sameSides)
        }
        return (state, restored.lost)
    }

    // Branches that are gone take their changes with them. A switch stands or falls as a whole:
    // parts of it would leave the name without an answer, or give clients to a branch that was to
    // have none.
    private func restore(
        _ changes: Changes,
        of node: WeightedPlan
    ) -> (changes: [Int: WeightState.Change], lost: String?) {
        let target = changes.first { $1.isSwitch && ($1.schedule.steps.last?.weight ?? 0) > 0 }?.key
        let isThere = target.map { name in node.branches.contains { $0.name == name } } ?? true
        var restored: [Int: WeightState.Change] = [:]
        for (number, branch) in node.branches.enumerated() {
            if let change = changes[branch.name] {
                if isThere || !change.isSwitch { restored[number] = change }
            } else if target != nil, isThere {
                let nothing = WeightSchedule(base: 0)
                restored[number] = WeightState.Change(schedule: nothing, isSwitch: true)
            }
        }
        return (restored, isThere ? nil : target)
    }
}

extension SteeringKeeper {
    /// What the next process is to know.
    public var saved: SteeringSaved {
        var saved = SteeringSaved()
        for (place, state) in weights
        where plan.weighted.indices.contains(place) && plan.weighted[place].isTop {
            let node = plan.weighted[place]
            var policy = SteeringSaved.Policy()
            policy.changes = SteeringKeeper.named(state.changes, node)
            policy.before = state.before.map { SteeringKeeper.named($0, node) }
            if let rollout = node.rollout, node.branches.indices.contains(rollout.branch) {
                policy.rollout = state.rollout
                policy.rolledOut = node.branches[rollout.branch].name
            }
            saved.policies[node.policy] = policy
        }
        saved.migrations = migrations.filter { $0.value.phase != .waiting }
        for name in plan.moves.flatMap(\.names) {
            guard let ttl = plan.ttls[name] else { continue }
            saved.ttls[name] = SteeringSaved.TTL(highest: ttl, cachedUntil: cached[name])
        }
        return saved
    }

    private static func named(
        _ changes: [Int: WeightState.Change],
        _ node: WeightedPlan
    ) -> SteeringSaved.Changes {
        var named: SteeringSaved.Changes = [:]
        for (number, change) in changes where node.branches.indices.contains(number) {
            named[node.branches[number].name] = change
        }
        return named
    }
}
