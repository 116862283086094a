// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How a name moves from one branch to another without being cached at the old place.
public struct MigrationPlan: Sendable, Equatable {
    /// Its name in the configuration.
    public var name: String
    /// The branch that the name moves to, by its number.
    public var branch: Int
    /// The TTL while it moves, in seconds.
    public var ttl: UInt32
    /// The highest TTL that resolvers may hold from before, in seconds.
    public var oldTTL: UInt32
    /// Until when resolvers may hold answers with a TTL that has been lowered in the file; nil when
    /// it has not.
    public var cachedUntil: WallTime?
    /// When the TTL is lowered; nil for when it is told to.
    public var lowersAt: WallTime?
    /// When the name moves; nil for when it is told to.
    public var switchesAt: WallTime?
    /// How long the TTL stays low after that.
    public var raisesAfter: Interval
    /// What makes it another move than one that has been made: from where to where, and when.
    public var mark: String

    /// Joins the parts.
    public init(
        name: String,
        branch: Int,
        ttl: UInt32,
        oldTTL: UInt32,
        lowersAt: WallTime? = nil,
        switchesAt: WallTime? = nil,
        raisesAfter: Interval,
        mark: String = ""
    ) {
        self.name = name
        self.branch = branch
        self.ttl = ttl
        self.oldTTL = oldTTL
        self.lowersAt = lowersAt
        self.switchesAt = switchesAt
        self.raisesAfter = raisesAfter
        self.mark = mark
    }
}

/// Lowers the TTL, waits until all that was cached has run out, moves, and raises the TTL again.
///
///     waiting -> lowered -- old TTL --> ready -> moved -- raise-after --> done
///                   \ back                         \ back            back /
///                  undone <------ raise-after ---- returned <-----------
public struct MigrationMachine: Sendable, Equatable {
    /// Where it stands.
    public enum Phase: String, Sendable, CaseIterable {
        /// Nothing has begun.
        case waiting
        /// The TTL is low; the name is where it was.
        case lowered
        /// The name has moved; the TTL is still low.
        case moved
        /// The name is back where it was; the TTL is still low.
        case returned
        /// The name has moved and the TTL is what it was.
        case done
        /// The name is where it was and so is the TTL: somebody gave it up or took it back.
        case undone
    }

    /// What somebody can tell it.
    public enum Order: String, Sendable, CaseIterable {
        /// Lowers the TTL.
        case start
        /// Moves the name, once nothing old can be cached.
        case `switch`
        /// Moves the name back, or gives up.
        case back
    }

    /// What follows for the policy.
    public enum Effect: Sendable, Equatable {
        /// Only the TTL.
        case timing
        /// All clients go to the branch of the plan.
        case move
        /// The clients go where they went before.
        case moveBack
    }

    /// Where it stands.
    public private(set) var phase = Phase.waiting
    /// Since when.
    public private(set) var since = WallTime(nanoseconds: 0)
    /// From when on the name may move; nil while the TTL is not lowered.
    ///
    /// Nothing from before it was lowered is cached then any more.
    public private(set) var readyAt: WallTime?
    /// True when it was told to begin: a time to move that lay in the past by then does not count.
    public private(set) var isManual = false
    /// The mark of the plan that it began with.
    public private(set) var mark = ""

    /// One that has not begun.
    public init() {}

    /// One that a restart has interrupted.
    public init(phase: Phase, since: WallTime, readyAt: WallTime?, isManual: Bool, mark: String) {
        self.phase = phase
        self.since = since
        self.readyAt = readyAt
        self.isManual = isManual
        self.mark = mark
    }

    /// Takes another plan: a move that is over and a plan for another one begin anew.
    ///
    /// One under way goes on, by the times of now.
    mutating func adopt(_ plan: MigrationPlan) {
        switch phase {
        case .waiting: mark = plan.mark
        case .lowered: readyAt = readyAt ?? since + .seconds(Int64(plan.oldTTL))
        case .moved: break
        case .returned, .done, .undone:
            guard mark != plan.mark else { return }
            self = MigrationMachine()
            mark = plan.mark
        }
    }

    /// The highest TTL now, in seconds; nil for what the configuration says.
    public func highestTTL(_ plan: MigrationPlan) -> UInt32? {
        switch phase {
        case .waiting, .done, .undone: nil
        case .lowered, .moved, .returned: plan.ttl
        }
    }

    /// When something is due by itself.
    public func deadline(_ plan: MigrationPlan) -> WallTime? {
        switch phase {
        case .waiting: plan.lowersAt
        case .lowered: movesAt(plan)
        case .moved, .returned: since + plan.raisesAfter
        case .done, .undone: nil
        }
    }

    // A process that was not there when it was to move does so late; who was told to lower the TTL
    // after that time waits to be told to move.
    private func movesAt(_ plan: MigrationPlan) -> WallTime? {
        guard let at = plan.switchesAt, let readyAt, !isManual || at > since else { return nil }
        return max(at, readyAt)
    }

    /// Does what time demands.
    public mutating func tick(_ plan: MigrationPlan, at now: WallTime) -> Effect? {
        guard let deadline = deadline(plan), deadline <= now else { return nil }
        switch phase {
        case .waiting:
            lower(plan, now)
            return .timing
        case .lowered:
            enter(.moved, now)
            return .move
        case .moved:
            enter(.done, now)
            return .timing
        case .returned:
            // What was planned for a time is past: it begins again when told to.
            enter(.undone, now)
            return .timing
        case .done, .undone: return nil
        }
    }

    /// Does as told, or says why not.
    public mutating func order(
        _ order: Order,
        _ plan: MigrationPlan,
        at now: WallTime
    ) -> Result {
        switch (order, phase) {
        case (.start, .waiting), (.start, .done), (.start, .undone):
            lower(plan, now)
            isManual = true
            return .done(.timing)
        case (.switch, .lowered):
            guard let readyAt, readyAt <= now else {
                let left = (readyAt ?? now) - now
                return .refused(
                    "answers from before the TTL was lowered may be cached for another "
                        + "\((left.nanoseconds + 999_999_999) / 1_000_000_000) s"
                )
            }
            enter(.moved, now)
            return .done(.move)
        case (.switch, .waiting):
            return .refused("the TTL is not lowered yet: `start` it first")
        case (.back, .moved), (.back, .done):
            // From done the TTL is high again: resolvers hold the new place for its length.
            enter(.returned, now)
            return .done(.moveBack)
        case (.back, .lowered):
            enter(.undone, now)
            return .done(.timing)
        default: return .refused("the migration is \(phase.rawValue)")
        }
    }

    /// What became of an order.
    public enum Result: Sendable, Equatable {
        /// It was carried out.
        case done(Effect)
        /// It cannot be, and why.
        case refused(String)
    }

    private mutating func lower(_ plan: MigrationPlan, _ now: WallTime) {
        enter(.lowered, now)
        let until = now + .seconds(Int64(plan.oldTTL))
        readyAt = max(until, plan.cachedUntil ?? until)
        isManual = false
        mark = plan.mark
    }

    private mutating func enter(_ phase: Phase, _ now: WallTime) {
        (self.phase, since, readyAt) = (phase, now, nil)
    }
}
