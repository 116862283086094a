// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Steering

/// From what is configured of changing policies to the plan of the keeper that carries it out.
struct SteeringAssembly {
    /// A weighted policy whose endpoints are looked up once all policies are known.
    private struct Pending {
        var plan: WeightedPlan
        var policies: [SteerPolicy]
    }

    private var pending: [Pending] = []
    private var dials = 0

    /// The board that the plan is written to.
    func board(policies: Int) -> DialBoard { DialBoard(branches: dials, policies: policies) }

    /// Gives the branches of a weighted policy places on the board, if they are to change.
    ///
    /// A policy by its own name can be changed by commands at any time; one inside another only
    /// has what the file says.
    mutating func add(
        _ branches: [SteerBranch],
        _ list: [BranchSettings],
        _ settings: PolicySettings,
        of policy: String,
        isTop: Bool
    ) -> [SteerBranch] {
        let isChanging =
            isTop || settings.active != nil || settings.rollout != nil
            || list.contains { !$0.schedule.isEmpty || $0.load != nil }
        guard isChanging else { return branches }
        var branches = branches
        var plans: [BranchPlan] = []
        let labels = list.map(\.label)
        let names = SteeringAssembly.unique(labels)
        for (place, branch) in list.enumerated() where branches.indices.contains(place) {
            // An address under several probes is called by them, and here as commands call it.
            var isAddress = false
            if case .address = branch.policy.kind { isAddress = true }
            if isAddress || names[place] != labels[place] { branches[place].name = names[place] }
            branches[place].dial = dials
            branches[place].shedsLoad = branch.load != nil
            plans.append(
                BranchPlan(
                    name: names[place],
                    dial: dials,
                    schedule: WeightSchedule(
                        base: UInt32(clamping: branch.weight),
                        steps: branch.schedule.map(WeightSchedule.Step.init)
                    ),
                    load: branch.load.map(LoadWatermarks.init)
                )
            )
            dials += 1
        }
        let plan = WeightedPlan(
            policy: policy,
            isTop: isTop,
            branches: plans,
            active: settings.active.flatMap(labels.firstIndex),
            rollout: settings.rollout.flatMap { rollout in
                labels.firstIndex(of: rollout.branch).map { RolloutPlan(rollout, branch: $0) }
            }
        )
        pending.append(Pending(plan: plan, policies: branches.map(\.policy)))
        return branches
    }

    /// Twins get numbers, so that each can be told something: `round-robin`, `round-robin-2`.
    static func unique(_ labels: [String]) -> [String] {
        var taken = Set(labels)
        var seen: Set<String> = []
        return labels.map { label in
            guard !seen.insert(label).inserted else { return label }
            var number = 2
            while !taken.insert("\(label)-\(number)").inserted { number += 1 }
            return "\(label)-\(number)"
        }
    }

    /// The plan, and the policies marked that rules on the board apply to.
    func plan(_ settings: Settings, _ definitions: inout [SteerDefinition]) -> SteeringPlan {
        var index = PolicyIndex(definitions)
        var plan = SteeringPlan()
        for pending in pending {
            var node = pending.plan
            for place in node.branches.indices {
                node.branches[place].slots = index.slots(below: pending.policies[place])
            }
            plan.weighted.append(node)
        }
        for (number, steer) in settings.steer.enumerated() where steer.settle > .zero {
            guard definitions.indices.contains(number) else { continue }
            plan.settles.append(
                SettlePlan(
                    policy: steer.name,
                    number: number,
                    least: steer.settle,
                    most: steer.settleMost,
                    slots: index.slots(below: definitions[number].policy)
                )
            )
            definitions[number].hasRules = true
        }
        for migration in settings.migrations {
            guard let move = move(migration, settings, plan, &index) else { continue }
            for number in move.numbers { definitions[number].hasRules = true }
            plan.moves.append(move)
        }
        plan.ttls = settings.highestTTLs.mapValues(ZoneAssembly.seconds)
        return plan
    }

    // All names whose answers may come from the policy that moves: their old answers are cached too.
    private func move(
        _ migration: MigrationSettings,
        _ settings: Settings,
        _ plan: SteeringPlan,
        _ index: inout PolicyIndex
    ) -> MovePlan? {
        guard let top = plan.top(migration.steer),
            let branch = plan.weighted[top].branches.firstIndex(where: {
                $0.name == migration.branch
            })
        else { return nil }
        let numbers = settings.steer.indices.filter { index.reaches(migration.steer, from: $0) }
        let names = numbers.map { settings.steer[$0].name }
        let oldTTL = settings.highestTTL(of: Set(names))
        return MovePlan(
            policy: migration.steer,
            numbers: numbers,
            names: names,
            migration: MigrationPlan(
                name: migration.name,
                branch: branch,
                ttl: ZoneAssembly.seconds(migration.ttl),
                oldTTL: ZoneAssembly.seconds(oldTTL),
                lowersAt: migration.lowerAt,
                switchesAt: migration.switchAt,
                raisesAfter: migration.raiseAfter,
                mark: [
                    migration.steer, migration.branch, migration.lowerAt?.description ?? "",
                    migration.switchAt?.description ?? "",
                ].joined(separator: " ")
            )
        )
    }
}

/// What stands below policies, those that they name included.
struct PolicyIndex {
    private let definitions: [SteerDefinition]
    private let numbers: [String: Int]
    private var known: [Int: (slots: [Int], names: Set<String>)] = [:]

    init(_ definitions: [SteerDefinition]) {
        self.definitions = definitions
        numbers = Dictionary(
            definitions.enumerated().map { ($1.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// The slots of all endpoints below a policy, each once.
    mutating func slots(below policy: SteerPolicy) -> [Int] {
        var names: Set<String> = []
        var slots: Set<Int> = []
        collect(policy, &slots, &names)
        return slots.sorted()
    }

    /// True when answers of a policy may come from the one named.
    mutating func reaches(_ name: String, from number: Int) -> Bool {
        guard definitions.indices.contains(number) else { return false }
        if definitions[number].name == name { return true }
        return all(number).names.contains(name)
    }

    private mutating func all(_ number: Int) -> (slots: [Int], names: Set<String>) {
        if let known = known[number] { return known }
        // Circles are refused before; a second visit of one finds nothing.
        known[number] = ([], [])
        var names: Set<String> = []
        var slots: Set<Int> = []
        collect(definitions[number].policy, &slots, &names)
        known[number] = (Array(slots), names)
        return (Array(slots), names)
    }

    private mutating func collect(
        _ policy: SteerPolicy,
        _ slots: inout Set<Int>,
        _ names: inout Set<String>
    ) {
        if case .fallback(let name)? = policy.allDown { enter(name, &slots, &names) }
        switch policy.kind {
        case .address(let member): slots.insert(member.slot)
        case .named(let name): enter(name, &slots, &names)
        default:
            for branch in policy.kind.branches { collect(branch.policy, &slots, &names) }
        }
    }

    private mutating func enter(
        _ name: String,
        _ slots: inout Set<Int>,
        _ names: inout Set<String>
    ) {
        names.insert(name)
        guard let number = numbers[name] else { return }
        let below = all(number)
        slots.formUnion(below.slots)
        names.formUnion(below.names)
    }
}

extension WeightSchedule.Step {
    init(_ settings: WeightStepSettings) {
        self.init(at: settings.at, weight: UInt32(clamping: settings.weight), over: settings.over)
    }
}

extension LoadWatermarks {
    init(_ marks: LoadMarks) {
        self.init(low: Double(marks.low.percent) / 100, high: Double(marks.high.percent) / 100)
    }
}

extension RolloutPlan {
    init(_ settings: RolloutSettings, branch: Int) {
        self.init(
            branch: branch,
            steps: settings.steps,
            hold: settings.hold,
            startsAt: settings.start,
            errors: settings.errors,
            latency: Double(settings.latency),
            samples: settings.samples,
            goesBack: settings.halt == .back
        )
    }
}

extension Settings {
    /// The pools whose answers are timed because a rollout compares them.
    var comparedPools: Set<String> {
        let policies = Dictionary(steer.map { ($0.name, $0.policy) }) { one, _ in one }
        var pools: Set<String> = []
        var seen: Set<String> = []
        for steer in steer { steer.policy.collectCompared(policies, false, &pools, &seen) }
        return pools
    }
}

extension PolicySettings {
    fileprivate func collectCompared(
        _ policies: [String: PolicySettings],
        _ isCompared: Bool,
        _ pools: inout Set<String>,
        _ seen: inout Set<String>
    ) {
        let isCompared = isCompared || rollout != nil
        switch kind {
        case .address, .name: break
        case .pool(let name): if isCompared { pools.insert(name) }
        case .steer(let name):
            guard isCompared, seen.insert(name).inserted else { return }
            policies[name]?.collectCompared(policies, true, &pools, &seen)
        default:
            for branch in kind.branches {
                branch.policy.collectCompared(policies, isCompared, &pools, &seen)
            }
        }
    }
}
