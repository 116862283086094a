// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Asking the origin for what is fresh still, so that nobody has to wait once it is stale.
extension ReuseRule {
    /// The hits since it was stored, or last found to hold, from which on an object is one that will be
    /// asked for again.
    public static let popularHits: UInt8 = 3

    /// True for a fresh response that is asked for anew before it is stale, while it answers.
    ///
    /// Not for one that does not change (RFC 8246 §2).
    public func isDue(_ stored: StoredFacts, hits: UInt8, now: WallTime) -> Bool {
        guard refreshAheadPercent > 0, hits >= ReuseRule.popularHits,
            !stored.traits.contains(.immutable)
        else { return false }
        let left = stored.freshFor(now)
        let share = stored.lifetime.nanoseconds / 100 * refreshAheadPercent
        return left > .zero && left.nanoseconds <= share
    }
}

/// How long an origin that did not help is not asked behind the backs of clients.
enum RefreshPause {
    /// After the first failure; each one more doubles it.
    static let first = Interval.seconds(1)
    /// The longest.
    static let longest = Interval.seconds(60)

    /// After so many failures one after the other.
    static func after(_ failures: UInt8) -> Interval {
        guard failures > 0 else { return .zero }
        let doubled = first.nanoseconds << Int64(min(failures - 1, 6))
        return min(Interval(nanoseconds: doubled), longest)
    }
}

/// Lifetimes that differ a little, so that what was stored together is not asked for together.
extension StorageRule {
    /// What is known of a response with a little less of its lifetime, as much as a digest of its key says.
    ///
    /// Taken off is a share of what is left: never more, so that nothing is stale because of it when it comes,
    /// and never less than nothing, which would be more than the origin allows.
    public func spread(_ facts: StoredFacts, by digest: UInt64) -> StoredFacts {
        let left = facts.freshFor(facts.received)
        let percent = min(max(rules.jitterPercent, 0), 99)
        guard percent > 0, left > .zero else { return facts }
        let most = UInt64(left.nanoseconds / 100 * percent)
        let taken = most.multipliedFullWidth(by: Hash.mix(digest)).high
        var facts = facts
        facts.lifetime = facts.lifetime.minus(Interval(nanoseconds: Int64(taken)))
        return facts
    }
}
