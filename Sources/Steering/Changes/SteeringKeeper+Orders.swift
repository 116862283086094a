// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What operators tell policies, and what cannot be done beside something else.
extension SteeringKeeper {
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
            state.before = nil
            state.rollout.release()
            return [.ordered(policy: policy, text: "the weights of the file hold again")]
        case .rollout(let order):
            guard let rollout = node.rollout else { throw .notNow("it has no rollout") }
            // One under way is never in the way of being ended.
            if !state.rollout.isUnderWay { try checkMoves(node) }
            if let reason = state.rollout.order(order, rollout, at: now) { throw .notNow(reason) }
            // What an operator has set would hide the rollout.
            if order == .start || order == .back { state.changes = [:] }
            return [event(of: state, rollout, policy)]
        }
    }

    // Two that steer the same weights would fight over them.
    private func checkFree(
        _ state: WeightState,
        _ node: WeightedPlan
    ) throws(SteeringRefusal) {
        if state.rollout.isUnderWay {
            throw .notNow("its rollout is \(state.rollout.phase.rawValue); take it `back` first")
        }
        try checkMoves(node)
    }

    private func checkMoves(_ node: WeightedPlan) throws(SteeringRefusal) {
        guard let move = move(of: node.policy) else { return }
        throw .notNow("the migration `\(move.name)` is \(move.phase.rawValue)")
    }

    /// The migration of a policy that is under way.
    func move(of policy: String) -> (name: String, phase: MigrationMachine.Phase)? {
        for move in plan.moves where move.policy == policy {
            let name = move.migration.name
            guard let phase = migrations[name]?.phase else { continue }
            if phase == .lowered || phase == .moved { return (name, phase) }
        }
        return nil
    }

    /// The rollout of a policy while it is under way.
    func rollout(of policy: String) -> RolloutMachine? {
        guard let rollout = plan.top(policy).map({ state($0).rollout }) else { return nil }
        return rollout.isUnderWay ? rollout : nil
    }

    func event(
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
        if order != .back, let rollout = rollout(of: move.policy) {
            throw .notNow("the rollout of `\(move.policy)` is \(rollout.phase.rawValue)")
        }
        if order == .start, let other = self.move(of: move.policy), other.name != name {
            throw .notNow("the migration `\(other.name)` is \(other.phase.rawValue)")
        }
        switch machine.order(order, move.migration, at: now) {
        case .refused(let reason): throw .notNow(reason)
        case .done(let effect):
            migrations[name] = machine
            carryOut(effect, move, at: now)
            return [.migration(name, policy: move.policy, machine.phase)]
        }
    }

    mutating func carryOut(
        _ effect: MigrationMachine.Effect,
        _ move: MovePlan,
        at now: WallTime
    ) {
        guard effect != .timing, let place = plan.top(move.policy) else { return }
        var state = self.state(place)
        if effect == .move {
            state.before = state.changes
            state.move(to: move.migration.branch, over: .zero, plan.weighted[place], at: now)
        } else {
            state.changes = state.before ?? [:]
            state.before = nil
        }
        weights[place] = state.isPlain ? nil : state
    }
}
