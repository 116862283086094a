// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A branch of a weighted policy whose weight may change while it serves.
public struct BranchPlan: Sendable, Equatable {
    /// What it is called in explanations and commands.
    public var name: String
    /// Its place on the board.
    public var dial: Int
    /// Its weight by the file.
    public var schedule: WeightSchedule
    /// When it sheds load; nil for never.
    public var load: LoadWatermarks?
    /// The slots of all endpoints below it.
    public var slots: [Int]

    /// Joins the parts.
    public init(
        name: String,
        dial: Int,
        schedule: WeightSchedule,
        load: LoadWatermarks? = nil,
        slots: [Int] = []
    ) {
        self.name = name
        self.dial = dial
        self.schedule = schedule
        self.load = load
        self.slots = slots
    }
}

/// A weighted policy whose weights may change while it serves.
public struct WeightedPlan: Sendable, Equatable {
    /// The policy by name that it stands in.
    public var policy: String
    /// True when it is that policy itself: only then can commands name it.
    public var isTop: Bool
    /// Its branches, in order.
    public var branches: [BranchPlan]
    /// The branch that gets all, by its number; nil when weights decide.
    public var active: Int?
    /// How a new branch comes up.
    public var rollout: RolloutPlan?

    /// Joins the parts.
    public init(
        policy: String,
        isTop: Bool = true,
        branches: [BranchPlan],
        active: Int? = nil,
        rollout: RolloutPlan? = nil
    ) {
        self.policy = policy
        self.isTop = isTop
        self.branches = branches
        self.active = active
        self.rollout = rollout
    }
}

/// How the answers of one policy rest between changes.
public struct SettlePlan: Sendable, Equatable {
    /// The policy's name.
    public var policy: String
    /// Its number in the table.
    public var number: Int
    /// How long answers rest.
    public var least: Interval
    /// The longest that back-off leads to.
    public var most: Interval
    /// The slots of all endpoints below it.
    public var slots: [Int]

    /// Joins the parts.
    public init(policy: String, number: Int, least: Interval, most: Interval, slots: [Int]) {
        self.policy = policy
        self.number = number
        self.least = least
        self.most = most
        self.slots = slots
    }
}

/// A migration, and the policies whose answers it concerns.
public struct MovePlan: Sendable, Equatable {
    /// The policy that moves.
    public var policy: String
    /// The numbers of all policies whose answers may come from it, itself among them.
    public var numbers: [Int]
    /// Their names.
    public var names: [String]
    /// How it moves.
    public var migration: MigrationPlan

    /// Joins the parts.
    public init(
        policy: String,
        numbers: [Int],
        names: [String] = [],
        migration: MigrationPlan
    ) {
        self.policy = policy
        self.numbers = numbers
        self.names = names
        self.migration = migration
    }
}

/// Everything about policies that changes while they serve, as configured.
public struct SteeringPlan: Sendable, Equatable {
    /// Weighted policies.
    public var weighted: [WeightedPlan]
    /// Policies whose answers rest between changes.
    public var settles: [SettlePlan]
    /// Migrations.
    public var moves: [MovePlan]
    /// The highest TTL that answers of each policy are given with, in seconds.
    public var ttls: [String: UInt32]

    /// Joins the parts.
    public init(
        weighted: [WeightedPlan] = [],
        settles: [SettlePlan] = [],
        moves: [MovePlan] = [],
        ttls: [String: UInt32] = [:]
    ) {
        self.weighted = weighted
        self.settles = settles
        self.moves = moves
        self.ttls = ttls
    }

    /// True when nothing ever changes.
    public var isEmpty: Bool { weighted.isEmpty && settles.isEmpty && moves.isEmpty }

    /// The weighted policy of a name.
    public func top(_ policy: String) -> Int? {
        weighted.firstIndex { $0.isTop && $0.policy == policy }
    }
}
