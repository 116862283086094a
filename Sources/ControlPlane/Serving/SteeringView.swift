// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import Steering

/// The policies that change while they serve, as the admin service shows them.
public struct SteeringView: Sendable {
    let keeper: SteeringKeeper
    let time: WallTime
    let now: Instant

    init(_ keeper: SteeringKeeper, now: Instant, at time: WallTime) {
        self.keeper = keeper
        self.now = now
        self.time = time
    }

    /// Everything, in the order of the file; of one policy when it is named.
    public func json(only policy: String? = nil) -> JSONValue {
        let plan = keeper.plan
        let weighted = plan.weighted.enumerated().filter { policy == nil || $1.policy == policy }
        let settles = plan.settles.filter { policy == nil || $0.policy == policy }
        let moves = plan.moves.filter { policy == nil || $0.policy == policy }
        return [
            "time": .string(time.description),
            "weighted": .array(weighted.map { json($0, $1) }),
            "settling": .array(settles.map(json)),
            "migrations": .array(moves.map(json)),
        ]
    }

    private func json(_ place: Int, _ node: WeightedPlan) -> JSONValue {
        let state = keeper.state(place)
        let dials = keeper.dials(place, node, at: time).map(\.dial)
        let total = dials.reduce(0) { $0 + Double($1.weight) * Double($1.factor) }
        let branches = zip(node.branches, dials).map { branch, dial -> JSONValue in
            let worth = Double(dial.weight) * Double(dial.factor)
            let jump = branch.schedule.reading(at: time).jump
            return [
                "branch": .string(branch.name),
                "weight": .integer(Int64(dial.weight)),
                "source": .string("\(dial.source)"),
                "configuredWeight": .integer(Int64(branch.schedule.base)),
                "load": SteeringView.number(keeper.loads[branch.dial]),
                "loadFactor": .number(Double(dial.factor) / Double(Dial.fullFactor)),
                "share": .number(total == 0 ? 0 : worth / total),
                "nextChange": SteeringView.text(jump?.description),
            ]
        }
        var rollout = JSONValue.null
        if let plan = node.rollout { rollout = self.rollout(state.rollout, plan, node) }
        return [
            "policy": .string(node.policy), "isTop": .bool(node.isTop),
            "branches": .array(branches),
            "rollout": rollout,
        ]
    }

    private func rollout(
        _ machine: RolloutMachine,
        _ plan: RolloutPlan,
        _ node: WeightedPlan
    ) -> JSONValue {
        let name =
            node.branches.indices.contains(plan.branch) ? node.branches[plan.branch].name : ""
        return [
            "branch": .string(name),
            "phase": .string(machine.phase.rawValue),
            "step": .integer(Int64(machine.step)),
            "steps": .array(plan.steps.map { .integer(Int64($0)) }),
            "share": SteeringView.integer(machine.share(plan)),
            "since": SteeringView.text(machine.phase == .idle ? nil : machine.since.description),
            "nextStep": SteeringView.text(machine.nextStep(plan)?.description),
            "reason": SteeringView.text(machine.reason.isEmpty ? nil : machine.reason),
        ]
    }

    private func json(_ settle: SettlePlan) -> JSONValue {
        let machine = keeper.settles[settle.policy]
        let isHeld = machine?.heldSince != nil
        let left = isHeld ? max(((machine?.heldUntil ?? now) - now).seconds, 0) : 0
        return [
            "policy": .string(settle.policy),
            "changes": .integer(Int64(clamping: machine?.changes ?? 0)),
            "flaps": .integer(Int64(clamping: machine?.flaps ?? 0)),
            "restsForSeconds": .number(left),
            "waiting": .integer(Int64(machine?.waiting.count ?? 0)),
        ]
    }

    private func json(_ move: MovePlan) -> JSONValue {
        let plan = move.migration
        let machine = keeper.migrations[plan.name] ?? MigrationMachine()
        let top = keeper.plan.top(move.policy).map { keeper.plan.weighted[$0].branches }
        let target = top.flatMap { $0.indices.contains(plan.branch) ? $0[plan.branch].name : nil }
        let since = machine.since.nanoseconds == 0 ? nil : machine.since.description
        return [
            "migration": .string(plan.name), "policy": .string(move.policy),
            "to": .string(target ?? ""), "phase": .string(machine.phase.rawValue),
            "since": SteeringView.text(since),
            "readyAt": SteeringView.text(machine.readyAt?.description),
            "nextChange": SteeringView.text(machine.deadline(plan)?.description),
            "oldTTL": .integer(Int64(plan.oldTTL)),
            "ttl": SteeringView.integer(machine.highestTTL(plan).map(Int.init)),
        ]
    }

    // Small functions instead of expressions: the compiler takes minutes over literals of those.
    private static func text(_ value: String?) -> JSONValue {
        value.map(JSONValue.string) ?? .null
    }
    private static func integer(_ value: Int?) -> JSONValue {
        value.map { JSONValue.integer(Int64($0)) } ?? .null
    }
    private static func number(_ value: Double?) -> JSONValue {
        value.map(JSONValue.number) ?? .null
    }
}

extension AdminDesk {
    static func steering(_ view: ControlView, only policy: String?) -> ServiceResponse {
        var json = JSONWriter()
        let nothing: JSONValue = [
            "weighted": .array([]), "settling": .array([]), "migrations": .array([]),
        ]
        json.write(view.steering?.json(only: policy) ?? nothing)
        return .json(json)
    }
}

extension Problem {
    init(_ refusal: SteeringRefusal, _ command: ControlCommand) {
        switch (refusal, command) {
        case (.noPolicy, .steer(let policy, _)):
            self.init(.unknownChange, "There is no weighted policy '\(policy)'.")
        case (.noMigration, .migrate(let name, _)):
            self.init(.unknownChange, "There is no migration '\(name)'.")
        case (.noBranch(let names), _):
            let known = names.prefix(16).joined(separator: ", ")
            self.init(.unknownChange, "The policy has no such branch; it has \(known).")
        case (.notNow(let reason), _): self.init(.steeringRefused, "Not now: \(reason).")
        default: self.init(.steeringRefused, "The order is for something else.")
        }
    }
}
