// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What has become of the weights of one weighted policy.
public struct WeightState: Sendable, Equatable {
    /// A weight that an operator, or a switch, has set in place of the file's.
    public struct Change: Sendable, Equatable {
        /// The way from the weight before to the one that was set.
        public var schedule: WeightSchedule
        /// True for a part of a switch between branches.
        public var isSwitch: Bool

        /// Joins the parts.
        public init(schedule: WeightSchedule, isSwitch: Bool) {
            self.schedule = schedule
            self.isSwitch = isSwitch
        }
    }

    /// By the number of the branch.
    public var changes: [Int: Change] = [:]
    /// What they were before a migration moved the name; nil while none has.
    public var before: [Int: Change]?
    /// Where its rollout stands.
    public var rollout = RolloutMachine()

    /// One that nobody has changed.
    public init() {}

    /// True when it says nothing that the file does not say.
    public var isPlain: Bool {
        changes.isEmpty && before == nil && rollout == RolloutMachine()
    }

    /// What a branch weighs, without its load.
    ///
    /// The first that applies: an operator's change, a rollout, the switch of the file, its
    /// schedule, its number.
    func weight(
        of number: Int,
        _ plan: WeightedPlan,
        at now: WallTime
    ) -> (weight: UInt32, source: Dial.Source, jump: WallTime?) {
        guard plan.branches.indices.contains(number) else { return (0, .file, nil) }
        if let change = changes[number] {
            let reading = change.schedule.reading(at: now)
            return (reading.weight, change.isSwitch ? .active : .change, reading.jump)
        }
        if let rollout = plan.rollout, let share = self.rollout.share(rollout) {
            let weight = rolledOut(share, number, rollout, plan, now)
            return (weight, .rollout, self.rollout.nextStep(rollout))
        }
        if let active = plan.active {
            return (active == number ? WeightState.whole : 0, .active, nil)
        }
        let reading = plan.branches[number].schedule.reading(at: now)
        return (reading.weight, reading.hasBegun ? .schedule : .file, reading.jump)
    }

    // In the units of the file, which orders are given in: the others keep the file's weights, or
    // the smallest multiple by which the shares are exact in whole numbers.
    private func rolledOut(
        _ share: Int,
        _ number: Int,
        _ rollout: RolloutPlan,
        _ plan: WeightedPlan,
        _ now: WallTime
    ) -> UInt32 {
        var (own, total, count, highest) = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        for (other, branch) in plan.branches.enumerated() where other != rollout.branch {
            let weight = UInt64(branch.schedule.reading(at: now).weight)
            if other == number { own = weight }
            total += weight
            highest = max(highest, weight)
            count += 1
        }
        // Weights of nought among the others: they share alike.
        if total == 0 { (own, total, highest) = (1, max(count, 1), 1) }
        let most = UInt64(Dial.highestWeight)
        let part = UInt64(min(max(share, 0), 100))
        if part == 100 { return number == rollout.branch ? UInt32(min(total, most)) : 0 }
        // part : rest is branch : factor x total, both brought down as far as they are whole.
        let common = WeightState.commonDivisor(part, 100 - part)
        let second = WeightState.commonDivisor((100 - part) / common, total)
        let branch = part / common * (total / second)
        let factor = (100 - part) / common / second
        if branch <= most, factor * highest <= most {
            return UInt32(number == rollout.branch ? branch : factor * own)
        }
        let share = most / 100 * part
        return UInt32(number == rollout.branch ? share : (most - share) * own / total)
    }

    private static func commonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return max(a, 1)
    }

    /// What the weight of an active branch is, when all others have none.
    static let whole: UInt32 = 1000

    /// Sends all clients to one branch, evenly over a while.
    mutating func move(to branch: Int, over: Interval, _ plan: WeightedPlan, at now: WallTime) {
        let weights = plan.branches.indices.map { weight(of: $0, plan, at: now).weight }
        let total = weights.reduce(UInt64(0)) { $0 + UInt64($1) }
        let target =
            total == 0 ? WeightState.whole : UInt32(min(total, UInt64(Dial.highestWeight)))
        for number in plan.branches.indices {
            let step = WeightSchedule.Step(
                at: now,
                weight: number == branch ? target : 0,
                over: over
            )
            changes[number] = Change(
                schedule: WeightSchedule(base: weights[number], steps: [step]),
                isSwitch: true
            )
        }
    }

    /// Leads the weight of one branch to another one, evenly over a while.
    mutating func set(
        _ branch: Int,
        to weight: UInt32,
        over: Interval,
        _ plan: WeightedPlan,
        at now: WallTime
    ) {
        let present = self.weight(of: branch, plan, at: now).weight
        let step = WeightSchedule.Step(at: now, weight: weight, over: over)
        changes[branch] = Change(
            schedule: WeightSchedule(base: present, steps: [step]),
            isSwitch: false
        )
    }
}
