// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The weights and times of policies that change while they serve: written by the control thread,
/// read by every worker at each answer.
///
/// A table of policies has a board of its own, so what a reload replaces stays as it was for the
/// workers that still answer by it.
public final class DialBoard: Sendable {
    /// Number of branches with a dial.
    public let branches: Int
    /// Number of policies.
    public let policies: Int
    @usableFromInline let dials: SharedWords
    // Three words each: the cap of the TTL, since when and until when returns are held back.
    @usableFromInline let rules: SharedWords
    private let changes = SharedWords(count: 1)

    /// A board on which nothing is set.
    public init(branches: Int, policies: Int) {
        self.branches = branches
        self.policies = policies
        dials = SharedWords(count: max(branches, 1))
        rules = SharedWords(count: max(policies, 1) * 3)
    }

    /// The dial of a branch; unset when out of range.
    @inlinable public func dial(_ branch: Int) -> Dial { Dial(bits: dials.load(branch)) }
    /// Sets it.
    public func setDial(_ branch: Int, _ dial: Dial) {
        let old = self.dial(branch)
        dials.store(branch, dial.bits)
        guard old.saysWeight != dial.saysWeight else { return }
        changes.addOwned(0, 1)
    }
    /// How often a weight has become another one.
    public var dialChanges: UInt64 { changes.load(0) }

    /// The highest TTL that answers of a policy may have, in seconds; nil for any.
    @inlinable public func highestTTL(_ policy: Int) -> UInt32? {
        let word = rules.load(policy &* 3)
        return word == 0 ? nil : UInt32(truncatingIfNeeded: word &- 1)
    }
    /// Sets it.
    public func setHighestTTL(_ policy: Int, _ seconds: UInt32?) {
        rules.store(policy &* 3, seconds.map { UInt64($0) + 1 } ?? 0)
    }

    /// Since when members that return to a policy are held back; ``Instant/start`` for never.
    @inlinable public func heldSince(_ policy: Int) -> Instant {
        Instant(nanoseconds: Int64(bitPattern: rules.load(policy &* 3 &+ 1)))
    }
    /// Until when they are.
    @inlinable public func heldUntil(_ policy: Int) -> Instant {
        Instant(nanoseconds: Int64(bitPattern: rules.load(policy &* 3 &+ 2)))
    }
    /// Holds them back, or ends that with two times ``Instant/start``.
    public func hold(_ policy: Int, since: Instant, until: Instant) {
        rules.store(policy &* 3 &+ 2, UInt64(bitPattern: until.nanoseconds))
        rules.store(policy &* 3 &+ 1, UInt64(bitPattern: since.nanoseconds))
    }
}

/// What a branch weighs now, in one word.
///
///     63    60 59     56 55              40 39      24 23      0
///     +-------+---------+------------------+----------+---------+
///     | set   | source  | seconds to the   | load     | weight  |
///     |       |         | next change      | factor   |         |
///     +-------+---------+------------------+----------+---------+
public struct Dial: BitwiseCopyable, Sendable, Equatable {
    /// Where a weight comes from; the first that applies.
    public enum Source: UInt8, Sendable, BitwiseCopyable, CaseIterable {
        /// The configuration file.
        case file
        /// A schedule of the file.
        case schedule
        /// A switch between branches.
        case active
        /// An operator's change.
        case change
        /// The step of a rollout.
        case rollout

        /// The word in API and explanations.
        public var word: String {
            switch self {
            case .file: "the file"
            case .schedule: "the schedule"
            case .active: "`active`"
            case .change: "an operator"
            case .rollout: "the rollout"
            }
        }
    }

    /// A load factor of one: nothing is shed.
    public static var fullFactor: UInt32 { 1024 }
    /// The highest weight.
    public static var highestWeight: UInt32 { 1_000_000 }

    /// The packed form.
    public var bits: UInt64

    /// A dial from its packed form.
    @inlinable public init(bits: UInt64) { self.bits = bits }

    /// Joins the parts, each brought into its range.
    public init(
        weight: UInt32,
        factor: UInt32 = Dial.fullFactor,
        secondsToChange: UInt16 = HealthWord.noChangeInSight,
        source: Source = .file
    ) {
        bits =
            UInt64(min(weight, Dial.highestWeight))
            | UInt64(min(factor, Dial.fullFactor)) << 24
            | UInt64(secondsToChange) << 40
            | UInt64(source.rawValue) << 56
            | 1 << 60
    }

    // The weight, whatever its next change is.
    fileprivate var saysWeight: UInt64 { bits & ~(0xffff << 40) }

    /// False until the first word of the control thread.
    @inlinable public var isSet: Bool { bits >> 60 != 0 }
    /// The weight without the load.
    @inlinable public var weight: UInt32 { UInt32(truncatingIfNeeded: bits & 0xff_ffff) }
    /// What the weight is multiplied by for the load, in 1024ths.
    @inlinable public var factor: UInt32 { UInt32(truncatingIfNeeded: bits >> 24 & 0xffff) }
    /// In how many seconds the weight will be another one.
    @inlinable public var secondsToChange: UInt16 { UInt16(truncatingIfNeeded: bits >> 40) }
    /// True when the weight is another one than the file's.
    @inlinable public var isOrdered: Bool { isSet && bits >> 56 & 0xf != 0 }
    /// Where the weight comes from.
    public var source: Source {
        Source(rawValue: UInt8(truncatingIfNeeded: bits >> 56 & 0xf)) ?? .file
    }
}
