// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How fast a bucket of tokens fills, and how many tokens it holds: one request takes one token.
///
/// It is kept as GCRA keeps it (ITU-T I.371): one point in time for each bucket, at which it is full
/// again. A point in the past is a full bucket, so a key that rests needs no memory.
public struct RateMachine: Sendable, BitwiseCopyable, Equatable {
    /// Nanoseconds in which one token comes; rounded up, so that no rounding adds a request.
    public let interval: UInt64
    /// Tokens of a full bucket.
    public let burst: UInt64

    /// A bucket of `burst` tokens that is filled by `count` in a period.
    public init(count: Int, per period: Interval, burst: Int) {
        let count = UInt64(clamping: max(count, 1))
        let length = UInt64(clamping: max(period.nanoseconds, 1))
        interval = (length &+ count &- 1) / count
        self.burst = UInt64(clamping: min(max(burst, 1), 1_000_000))
    }

    /// Nanoseconds in which an empty bucket fills.
    public var depth: UInt64 { interval.multipliedReportingOverflow(by: burst).partialValue }

    /// What becomes of a request, for a bucket that is full again at `full`.
    func judge(_ full: UInt64, now: UInt64) -> RateDecision {
        let start = max(full, now)
        let next = start &+ interval
        let latest = now &+ depth
        guard next <= latest else {
            return RateDecision(
                isAllowed: false,
                full: full,
                remaining: 0,
                wait: Interval(nanoseconds: Int64(clamping: next &- latest))
            )
        }
        return RateDecision(
            isAllowed: true,
            full: next,
            remaining: (latest &- next) / interval,
            wait: .zero
        )
    }
}

/// What a limit says to one request.
public struct RateDecision: Sendable, BitwiseCopyable, Equatable {
    /// True when there was a token.
    public var isAllowed: Bool
    /// When the bucket is full again, in nanoseconds of the monotonic clock.
    public var full: UInt64
    /// Requests that would pass at once after this one.
    public var remaining: UInt64
    /// How long until the next request passes; zero for one that passed.
    public var wait: Interval
    /// True when the key had no place of its own: the bucket may be shared with others.
    public var isEstimated = false
    /// True when another key had to give up its place.
    public var hasDisplaced = false

    /// What a bucket says.
    public init(isAllowed: Bool, full: UInt64, remaining: UInt64, wait: Interval) {
        self.isAllowed = isAllowed
        self.full = full
        self.remaining = remaining
        self.wait = wait
    }

    /// ``wait`` in whole seconds, at least one.
    public var waitSeconds: UInt64 {
        let nanoseconds = UInt64(clamping: max(wait.nanoseconds, 1))
        return (nanoseconds &+ 999_999_999) / 1_000_000_000
    }
}
