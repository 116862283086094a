// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What networks have had of responses that are alike, in memory that never grows.
///
/// An account is one word: whose it is in brief, and until when it is paid for. Each response moves
/// that point on by the time from one response to the next; a second ahead of the clock is what may
/// be had at once, and what is beyond is too much. Responses that are withheld count as well, so
/// that a flood stays limited, but no account goes further ahead than the window: as in BIND.
///
/// All workers use the same words, so that a rate holds for the process. No locks: what is lost when
/// two workers meet at a word is one response that is not counted.
public struct ResponseAccounts: Sendable {
    // One line of the cache.
    static let ways = 8
    // The point in microseconds takes 44 bits, 203 days, and wraps; the owner takes 20.
    private static let pointBits: UInt64 = 44
    private static let pointMask: UInt64 = 1 << 44 &- 1
    private static let burst: UInt64 = 1_000_000

    private let words: SharedWords
    private let mask: UInt64
    // Unknown to clients, so that nobody can aim at another's account.
    private let secret: UInt64

    /// Room for so many accounts, rounded up to a power of two.
    public init(count: Int, secret: UInt64) {
        let bounded = min(max(count, ResponseAccounts.ways), 1 << 24)
        let places = 1 << (Int.bitWidth - (bounded - 1).leadingZeroBitCount)
        words = SharedWords(count: places)
        mask = UInt64(places / ResponseAccounts.ways - 1)
        self.secret = secret
    }

    /// Charges an account with one response; false when that is too much.
    ///
    /// `spacing` is the time from one response to the next in microseconds.
    public func charge(_ key: UInt64, spacing: UInt64, window: Interval, now: Instant) -> Bool {
        let hash = Hash.mix(key ^ secret)
        let first = Int(truncatingIfNeeded: hash & mask) &* ResponseAccounts.ways
        // Never 0: an empty word is nobody's.
        let owner = max(hash >> ResponseAccounts.pointBits, 1)
        let time = UInt64(clamping: now.nanoseconds) / 1000
        let burst = max(ResponseAccounts.burst, spacing)
        let most = burst &+ UInt64(clamping: window.nanoseconds) / 1000
        let found = find(owner, in: first, time, most)
        let debt = (found.isOwn ? found.debt : 0) &+ spacing
        let point = (time &+ min(debt, most)) & ResponseAccounts.pointMask
        _ = words.exchange(
            found.place,
            from: found.word,
            to: owner << ResponseAccounts.pointBits | point
        )
        return debt <= burst
    }

    private struct Found {
        var place: Int
        var word: UInt64 = 0
        var debt = UInt64.max
        var isOwn = false
    }

    // The account of the owner, or that of who owes least: mostly nothing.
    private func find(_ owner: UInt64, in first: Int, _ time: UInt64, _ most: UInt64) -> Found {
        var found = Found(place: first)
        for place in first..<first &+ ResponseAccounts.ways {
            let word = words.load(place)
            var debt = (word &- time) & ResponseAccounts.pointMask
            // Behind the clock, or so old that the points have wrapped.
            if debt > most { debt = 0 }
            if word >> ResponseAccounts.pointBits == owner {
                return Found(place: place, word: word, debt: debt, isOwn: true)
            }
            if debt < found.debt { found = Found(place: place, word: word, debt: debt) }
        }
        return found
    }
}
