// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What decides on the use of a stored response, made once when it comes (RFC 9111 §4).
public struct StoredFacts: BitwiseCopyable, Sendable, Equatable {
    /// Properties without a number.
    public struct Traits: OptionSet, BitwiseCopyable, Sendable {
        /// One bit for each.
        public let rawValue: UInt16
        /// A set from its bits.
        @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// `no-cache`: not used without asking the origin (RFC 9111 §5.2.2.4).
        public static let mustAsk = Traits(rawValue: 1)
        /// `must-revalidate`, `proxy-revalidate` or `s-maxage`: not used while it is stale, not even
        /// when the origin fails (§5.2.2.2, §5.2.2.8, §5.2.2.10).
        public static let neverStale = Traits(rawValue: 2)
        /// `immutable`: asked for anew only once it is stale (RFC 8246).
        public static let immutable = Traits(rawValue: 4)
        /// The lifetime is a guess (RFC 9111 §4.2.2).
        public static let isHeuristic = Traits(rawValue: 8)
        /// It can be asked for by `If-None-Match`.
        public static let hasETag = Traits(rawValue: 16)
        /// It can be asked for by `If-Modified-Since`.
        public static let hasLastModified = Traits(rawValue: 32)
        /// A targeted field said it (RFC 9213).
        public static let isTargeted = Traits(rawValue: 64)
    }

    /// The status.
    public var status: UInt16
    /// Properties without a number.
    public var traits: Traits
    /// When its head had come.
    public var received: WallTime
    /// How old it was then: `corrected_initial_age` (RFC 9111 §4.2.3).
    public var initialAge: Interval
    /// For how long it is fresh, counted in age: `freshness_lifetime` (§4.2.1).
    public var lifetime: Interval
    /// For how long after that it may be used while it is asked for anew (RFC 5861 §3).
    public var staleWhileRevalidate: Interval
    /// For how long after that it may be used when the origin fails (RFC 5861 §4).
    public var staleIfError: Interval

    /// How old it is: `current_age` (RFC 9111 §4.2.3); a clock that went back makes it no younger
    /// than it came.
    public func age(_ now: WallTime) -> Interval { initialAge + max(now - received, .zero) }

    /// How much longer it is fresh; zero or less once it is stale.
    public func freshFor(_ now: WallTime) -> Interval { lifetime + Interval.zero.minus(age(now)) }

    /// True while it may be used without asking.
    public func isFresh(_ now: WallTime) -> Bool { age(now) < lifetime }
}

extension Interval {
    /// The difference; saturates.
    func minus(_ other: Interval) -> Interval {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(other.nanoseconds)
        guard overflow else { return Interval(nanoseconds: difference) }
        return nanoseconds < 0 ? Interval(nanoseconds: .min) : .max
    }
}
