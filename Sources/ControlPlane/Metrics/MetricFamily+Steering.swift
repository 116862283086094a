// SPDX-License-Identifier: Apache-2.0
internal import Steering

/// The families that tell of policies that change while they serve.
extension MetricFamily {
    static let steeringRows: [MetricFamily] = [
        MetricFamily(
            "martlet_steer_branch_weight",
            .gauge,
            labels: ["policy", "branch"],
            "What a branch of a weighted policy weighs now, without its load."
        ) { $0.branches { .integer(UInt64($1.weight)) } },
        MetricFamily(
            "martlet_steer_branch_load_factor",
            .gauge,
            labels: ["policy", "branch"],
            "What its weight is multiplied by for its load: 1 sheds nothing, 0 all."
        ) { $0.branches { $0.load == nil ? nil : .number(Double($1.factor) / 1024) } },
        MetricFamily(
            "martlet_steer_rollout_share_ratio",
            .gauge,
            unit: "ratio",
            labels: ["policy", "phase"],
            "The share that the branch of a rollout has, and where the rollout stands."
        ) { source in
            guard let keeper = source.view.steering?.keeper else { return [] }
            return keeper.plan.weighted.enumerated().compactMap { place, node in
                guard node.isTop, let rollout = node.rollout else { return nil }
                let machine = keeper.state(place).rollout
                let share = Double(machine.share(rollout) ?? 0) / 100
                return MetricSample([node.policy, machine.phase.rawValue], .number(share))
            }
        },
        MetricFamily(
            "martlet_steer_migration",
            .gauge,
            labels: ["migration", "phase"],
            "1 for the phase that a migration is in."
        ) { source in
            guard let keeper = source.view.steering?.keeper else { return [] }
            return keeper.plan.moves.flatMap { move in
                let name = move.migration.name
                return MigrationMachine.Phase.allCases.map { phase in
                    let isIn = keeper.migrations[name]?.phase == phase
                    return MetricSample([name, phase.rawValue], .truth(isIn))
                }
            }
        },
        MetricFamily(
            "martlet_steer_answer_changes",
            .counter,
            labels: ["policy"],
            "Changes of what the answers of a policy with `settle` are made of."
        ) { $0.settles { .integer($0.changes) } },
        MetricFamily(
            "martlet_steer_flaps",
            .counter,
            labels: ["policy"],
            "Members lost soon after a return: each doubles the rest of the answers."
        ) { $0.settles { .integer($0.flaps) } },
        MetricFamily(
            "martlet_steer_waiting",
            .gauge,
            labels: ["policy"],
            "Members that have returned and wait for the answers to rest."
        ) { $0.settles { .integer(UInt64($0.waiting.count)) } },
    ]
}

extension MetricSource {
    fileprivate func branches(_ value: (BranchPlan, Dial) -> MetricValue?) -> [MetricSample] {
        guard let steering = view.steering else { return [] }
        let keeper = steering.keeper
        return keeper.plan.weighted.enumerated().flatMap { place, node -> [MetricSample] in
            guard node.isTop else { return [] }
            let dials = keeper.dials(place, node, at: steering.time)
            return zip(node.branches, dials).compactMap { branch, dial in
                value(branch, dial.dial).map { MetricSample([node.policy, branch.name], $0) }
            }
        }
    }

    fileprivate func settles(_ value: (SettleMachine) -> MetricValue?) -> [MetricSample] {
        guard let keeper = view.steering?.keeper else { return [] }
        return keeper.plan.settles.compactMap { settle in
            keeper.settles[settle.policy].flatMap(value).map {
                MetricSample([settle.policy], $0)
            }
        }
    }
}
