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
    public internal(set) var weights: [Int: WeightState] = [:]
    /// By the name of the migration.
    public internal(set) var migrations: [String: MigrationMachine] = [:]
    /// By the name of the policy.
    public internal(set) var settles: [String: SettleMachine] = [:]
    /// The load of branches with watermarks, by dial.
    public internal(set) var loads: [Int: Double] = [:]
    // Steps of schedules that were told of, by dial.
    var told: [Int: Int] = [:]
    // Until when answers with a higher TTL than the one of now may be cached, by policy.
    private(set) var cached: [String: WallTime] = [:]

    /// One that keeps nothing.
    public init() {}

    /// How often weights on their way are written.
    public static let period = Interval.seconds(1)

    /// Takes another plan; what stands in both under the same names goes on.
    ///
    /// `saved` is what a process before this one has left, for names that are new. What is taken at
    /// `time` had the former TTLs until then.
    @discardableResult
    public mutating func adopt(
        _ next: SteeringPlan,
        saved: SteeringSaved = SteeringSaved(),
        at time: WallTime = WallTime(nanoseconds: 0)
    ) -> [SteeringEvent] {
        var events: [SteeringEvent] = []
        let before = self.saved.merging(saved)
        let sides = Dictionary(
            plan.weighted.filter(\.isTop).map { ($0.policy, $0.branches.map(\.slots)) },
            uniquingKeysWith: { first, _ in first }
        )
        remember(next, saved, time)
        plan = next
        for place in plan.moves.indices {
            let until = plan.moves[place].names.compactMap { cached[$0] }.max()
            plan.moves[place].migration.cachedUntil = until
        }
        weights = [:]
        loads = [:]
        told = [:]
        for (place, node) in next.weighted.enumerated() where node.isTop {
            let sameSides = sides[node.policy] == node.branches.map(\.slots)
            let (state, lost) = before.state(of: node, sameSides: sameSides)
            if !state.isPlain { weights[place] = state }
            if let lost {
                let text =
                    "all clients went to \(lost), which is gone: the file's weights hold again"
                events.append(.ordered(policy: node.policy, text: text))
            }
        }
        migrations = [:]
        for move in plan.moves {
            var machine = before.migrations[move.migration.name] ?? MigrationMachine()
            machine.adopt(move.migration)
            migrations[move.migration.name] = machine
        }
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
        return events
    }

    // TTLs that are lower now were answered until a moment ago.
    private mutating func remember(
        _ next: SteeringPlan,
        _ saved: SteeringSaved,
        _ time: WallTime
    ) {
        cached.merge(saved.ttls.compactMapValues(\.cachedUntil)) { max($0, $1) }
        let former = plan.ttls.merging(saved.ttls.mapValues(\.highest)) { own, _ in own }
        for (policy, ttl) in former where next.ttls[policy] ?? 0 < ttl {
            let until = time + .seconds(Int64(ttl))
            cached[policy] = max(cached[policy] ?? until, until)
        }
        cached = cached.filter { $0.value > time }
    }

    /// The state of a weighted policy.
    public func state(_ place: Int) -> WeightState { weights[place] ?? WeightState() }
}
