// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What changes about policies while they serve.
extension SettingsDecoder {
    /// The keys that only stand beside `weighted`, or on its branches.
    func changes(
        _ section: Section,
        _ branches: [BranchSettings],
        isTop: Bool,
        into policy: inout PolicySettings
    ) {
        policy.active = section.text("active")
        policy.rollout = rollout(section)
        if policy.rollout != nil, !isTop {
            section.fault(
                .keyWithoutOther,
                "rollout",
                "a `rollout` is told what to do by the name of its policy, and this one has none",
                "give the policy a name of its own under `steer`, and name it here"
            )
        }
        if policy.active != nil, policy.rollout != nil {
            section.fault(
                .excludingKeys,
                "rollout",
                "`active` gives one branch all clients, `rollout` a share: have one of them"
            )
        }
        for (key, name) in [("active", policy.active), ("rollout", policy.rollout?.branch)] {
            guard let name else { continue }
            checkBranch(name, of: branches, section, key)
        }
        guard policy.active != nil || policy.rollout != nil else { return }
        if let branch = branches.first(where: { !$0.schedule.isEmpty }) {
            section.fault(
                .excludingKeys,
                policy.active == nil ? "rollout" : "active",
                "`\(branch.label)` has a `schedule`, which would not hold beside it"
            )
        }
        let labels = branches.map(\.label)
        guard let twin = labels.enumerated().first(where: { labels[..<$0].contains($1) })?.element
        else { return }
        section.fault(
            .duplicateBranch,
            "weighted",
            "two branches are called `\(twin)`",
            "give one of them a `name`"
        )
    }

    private func checkBranch(
        _ name: String,
        of branches: [BranchSettings],
        _ section: Section,
        _ key: String
    ) {
        let labels = branches.map(\.label)
        guard !branches.isEmpty, !labels.contains(name) else { return }
        section.fault(
            .unknownBranch,
            key,
            "there is no branch `\(name)`",
            Spelling.nearest(to: name, among: labels).map { "did you mean `\($0)`?" }
                ?? "there are " + labels.prefix(8).joined(separator: ", ")
        )
    }

    private func rollout(_ section: Section) -> RolloutSettings? {
        guard let branch = section.text("rollout") else { return nil }
        var steps: [Int] = []
        for case .percentage(let share) in section.values("rollout-steps") {
            steps.append(share.percent)
        }
        section.checkFilled(["rollout-steps"])
        if steps.isEmpty { steps = RolloutSettings.usualSteps }
        if zip(steps, steps.dropFirst()).contains(where: { $0 >= $1 }) {
            section.fault(
                .wrongOrder,
                "rollout-steps",
                "each share must be above the one before it"
            )
        }
        return RolloutSettings(
            branch: branch,
            steps: steps,
            hold: section.interval("rollout-hold"),
            start: section.moment("rollout-start"),
            errors: section.decimal("rollout-errors") ?? 0,
            latency: section.percentage("rollout-latency").percent,
            samples: section.integer("rollout-samples"),
            halt: section.word("rollout-halt", .back)
        )
    }

    /// The changes of a branch's weight, in the order of their times.
    func schedule(_ section: Section, weight: Int) -> [WeightStepSettings] {
        var steps: [WeightStepSettings] = []
        for case .weightStep(let step) in section.values("schedule") { steps.append(step) }
        guard !steps.isEmpty else { return [] }
        steps.sort { $0.at < $1.at }
        var before = weight
        for (place, step) in steps.enumerated() {
            if let from = step.from, from != before {
                section.fault(
                    .scheduleBreak,
                    "schedule",
                    "`\(step)` expects a weight of \(from), and \(before) is what comes before it"
                )
            }
            if place > 0, steps[place - 1].at + steps[place - 1].over > step.at {
                section.fault(
                    .scheduleBreak,
                    "schedule",
                    "`\(steps[place - 1])` has not ended when `\(step)` begins"
                )
            }
            before = step.weight
        }
        return steps
    }

    /// Between which loads a branch gives up its share.
    func loadMarks(_ section: Section) -> LoadMarks? {
        guard section.has("load-low"), section.has("load-high") else { return nil }
        let marks = LoadMarks(
            low: section.percentage("load-low"),
            high: section.percentage("load-high")
        )
        if marks.low.percent >= marks.high.percent {
            section.fault(
                .wrongOrder,
                "load-low",
                "`load-low` \(marks.low) is not below `load-high` \(marks.high)"
            )
        }
        return marks
    }

    /// Moving a name.
    func migration(_ section: Section) -> MigrationSettings? {
        let (steer, branch) = (section.text("steer"), section.text("to"))
        let settings = MigrationSettings(
            name: section.name,
            steer: steer ?? "",
            branch: branch ?? "",
            ttl: section.optionalInterval("ttl") ?? MigrationSettings.usualTTL,
            lowerAt: section.moment("lower-at"),
            switchAt: section.moment("switch-at"),
            raiseAfter: section.interval("raise-after")
        )
        return steer == nil || branch == nil ? nil : settings
    }

    /// The migrations, and what can only be judged beside the policies.
    func settle(
        _ list: [(settings: MigrationSettings, section: Section)],
        _ settings: Settings
    ) -> [MigrationSettings] {
        let usual = list.map { migration, section in
            var migration = migration
            if !section.has("ttl"), let steer = settings.policy(migration.steer),
                migration.ttl >= steer.ttl
            {
                migration.ttl = max(.seconds(1), .seconds(steer.ttl.nanoseconds / 2_000_000_000))
            }
            return (settings: migration, section: section)
        }
        checkMigrations(usual, settings)
        return usual.map(\.settings)
    }

    private func checkMigrations(
        _ list: [(settings: MigrationSettings, section: Section)],
        _ settings: Settings
    ) {
        for (migration, section) in list {
            // An unknown policy has a finding of its own.
            guard let steer = settings.policy(migration.steer) else { continue }
            guard case .weighted(let branches) = steer.policy.kind else {
                section.fault(
                    .unknownBranch,
                    "steer",
                    "the policy `\(steer.name)` is not `weighted`: it has no branches to move "
                        + "between"
                )
                continue
            }
            checkBranch(migration.branch, of: branches, section, "to")
            if branches.count == 1, branches[0].label == migration.branch {
                section.fault(
                    .idleMigration,
                    "to",
                    "`\(migration.branch)` is the only branch of `\(steer.name)`: all clients are "
                        + "there already",
                    "add the branch that they are to leave"
                )
            }
            if migration.ttl >= steer.ttl {
                section.fault(
                    .wrongOrder,
                    "ttl",
                    "`ttl` \(migration.ttl) is not below the \(steer.ttl) of `\(steer.name)`",
                    "lower it, or raise the `ttl` of the policy"
                )
            }
            let oldTTL = settings.highestTTL(of: settings.policiesReaching(steer.name))
            guard let lower = migration.lowerAt, let move = migration.switchAt,
                move - lower < oldTTL
            else { continue }
            section.fault(
                .migrationTooEarly,
                "switch-at",
                "answers from before the TTL is lowered live up to \(oldTTL), and it moves "
                    + "\(max(move - lower, .zero)) after that",
                "move it at least \(oldTTL) after `lower-at`"
            )
        }
    }
}

extension RolloutSettings {
    /// A canary, then a quarter, half and all.
    public static let usualSteps = [5, 25, 50, 100]
}
