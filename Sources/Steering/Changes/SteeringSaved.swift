// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a process leaves to the next one of the changes under way, by names.
public struct SteeringSaved: Sendable, Equatable {
    /// What has become of one weighted policy.
    public struct Policy: Sendable, Equatable {
        /// Changed weights by the name of the branch.
        public var changes: [String: WeightState.Change] = [:]
        /// Where its rollout stands.
        public var rollout = RolloutMachine()
        /// The branch that the rollout brings up; empty for none.
        public var rolledOut = ""

        /// One that nobody has changed.
        public init() {}
    }

    /// By the names of policies.
    public var policies: [String: Policy] = [:]
    /// By the names of migrations.
    public var migrations: [String: MigrationMachine] = [:]

    /// Nothing.
    public init() {}

    // What is known here goes before what another one has left.
    func merging(_ other: SteeringSaved) -> SteeringSaved {
        var merged = other
        merged.policies.merge(policies) { _, own in own }
        merged.migrations.merge(migrations) { _, own in own }
        return merged
    }

    // Branches that are gone take their changes with them.
    func state(of node: WeightedPlan) -> WeightState {
        var state = WeightState()
        guard let known = policies[node.policy] else { return state }
        for (number, branch) in node.branches.enumerated() {
            state.changes[number] = known.changes[branch.name]
        }
        if let rollout = node.rollout, node.branches.indices.contains(rollout.branch),
            node.branches[rollout.branch].name == known.rolledOut
        {
            state.rollout = known.rollout
        }
        return state
    }
}

extension SteeringKeeper {
    /// What the next process is to know.
    public var saved: SteeringSaved {
        var saved = SteeringSaved()
        for (place, state) in weights where plan.weighted.indices.contains(place) {
            let node = plan.weighted[place]
            var policy = SteeringSaved.Policy()
            for (number, change) in state.changes where node.branches.indices.contains(number) {
                policy.changes[node.branches[number].name] = change
            }
            if let rollout = node.rollout, node.branches.indices.contains(rollout.branch) {
                policy.rollout = state.rollout
                policy.rolledOut = node.branches[rollout.branch].name
            }
            saved.policies[node.policy] = policy
        }
        saved.migrations = migrations.filter { $0.value != MigrationMachine() }
        return saved
    }
}
