// SPDX-License-Identifier: Apache-2.0

/// A point on a monotonic clock, in nanoseconds.
///
/// Machines receive it as `now` and never ask for it.
public struct Instant: Comparable, Hashable, Sendable, BitwiseCopyable {
    /// Nanoseconds since the clock's own beginning (on Linux: boot).
    public var nanoseconds: Int64

    /// A point `nanoseconds` after the clock's beginning.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The clock's beginning: earlier than every real event.
    @inlinable public static var start: Instant { Instant(nanoseconds: 0) }
    /// Later than every real event: a deadline that never comes.
    @inlinable public static var never: Instant { Instant(nanoseconds: .max) }

    /// Earlier than.
    @inlinable public static func < (a: Instant, b: Instant) -> Bool {
        a.nanoseconds < b.nanoseconds
    }
    /// The point one interval later; saturates at ``never``.
    @inlinable public static func + (a: Instant, b: Interval) -> Instant {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return overflow ? .never : Instant(nanoseconds: sum)
    }
    /// How far `a` lies behind `b`; wraps instead of trapping, since clocks come from outside.
    @inlinable public static func - (a: Instant, b: Instant) -> Interval {
        Interval(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
}

/// A length of time in nanoseconds.
///
/// `Swift.Duration` holds 128 bits of attoseconds; the data path compares deadlines per request,
/// so a single 64-bit word is used instead. The range is about 292 years.
public struct Interval: Comparable, Hashable, Sendable, BitwiseCopyable {
    /// The length in nanoseconds; negative means backwards.
    public var nanoseconds: Int64

    /// A length of `nanoseconds`.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// No time at all.
    @inlinable public static var zero: Interval { Interval(nanoseconds: 0) }
    /// The longest interval that can be held.
    @inlinable public static var max: Interval { Interval(nanoseconds: .max) }
    /// `count` milliseconds, saturating.
    @inlinable public static func milliseconds(_ count: Int64) -> Interval {
        scaled(count, 1_000_000)
    }
    /// `count` microseconds, saturating.
    @inlinable public static func microseconds(_ count: Int64) -> Interval {
        scaled(count, 1_000)
    }
    /// `count` seconds, saturating.
    @inlinable public static func seconds(_ count: Int64) -> Interval {
        scaled(count, 1_000_000_000)
    }
    @usableFromInline static func scaled(_ count: Int64, _ unit: Int64) -> Interval {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard overflow else { return Interval(nanoseconds: product) }
        return Interval(nanoseconds: count < 0 ? .min : .max)
    }

    /// Whole milliseconds, rounded towards zero.
    @inlinable public var milliseconds: Int64 { nanoseconds / 1_000_000 }
    /// Whole microseconds, rounded towards zero.
    @inlinable public var microseconds: Int64 { nanoseconds / 1_000 }
    /// Seconds with their fraction.
    @inlinable public var seconds: Double { Double(nanoseconds) / 1e9 }

    /// Shorter than.
    @inlinable public static func < (a: Interval, b: Interval) -> Bool {
        a.nanoseconds < b.nanoseconds
    }
    /// The sum, saturating.
    @inlinable public static func + (a: Interval, b: Interval) -> Interval {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        guard overflow else { return Interval(nanoseconds: sum) }
        return a.nanoseconds < 0 ? Interval(nanoseconds: .min) : .max
    }
    /// The product, saturating.
    @inlinable public static func * (a: Interval, factor: Int64) -> Interval {
        scaled(a.nanoseconds, factor)
    }
}

extension Interval: CustomStringConvertible {
    /// The shortest exact text in the units of the configuration: `250ms`, `5s`, `2m`, `24h`.
    public var description: String {
        let units: [(Int64, String)] = [
            (86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "m"),
            (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"),
        ]
        if nanoseconds == 0 { return "0s" }
        for (size, name) in units where nanoseconds % size == 0 {
            return "\(nanoseconds / size)\(name)"
        }
        return "\(nanoseconds)ns"
    }
}
