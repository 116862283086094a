// SPDX-License-Identifier: Apache-2.0

/// Why a policy gave the TTL that it gave.
struct TTLReason {
    /// The TTL, in seconds.
    var ttl: UInt32
    /// True when it is the most that it may be.
    var isHighest: Bool
    /// True when a migration allows no more for now.
    var isCapped: Bool
    /// The earliest time, in seconds, in which what was looked at can change; nil when none is in
    /// sight.
    var secondsToChange: UInt16?

    /// One sentence.
    var sentence: String {
        if isCapped, !isHighest { return "the highest there is while a migration is under way" }
        guard let seconds = secondsToChange else {
            return "the highest there is: no change of what was looked at is in sight"
        }
        if isHighest {
            return "the highest there is: what was looked at cannot change within \(ttl) s"
        }
        if ttl <= UInt32(seconds) { return "what was looked at can change in \(seconds) s" }
        return "the lowest there is: what was looked at can change in \(seconds) s"
    }
}
