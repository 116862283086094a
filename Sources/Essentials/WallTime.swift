// SPDX-License-Identifier: Apache-2.0

/// A moment of the calendar, in nanoseconds since the beginning of 1970 in UTC.
///
/// What people have planned is held by it: it survives restarts, which ``Instant`` does not.
public struct WallTime: Comparable, Hashable, Sendable, BitwiseCopyable {
    /// Nanoseconds since 1970.
    public var nanoseconds: Int64

    /// A moment `nanoseconds` after the beginning of 1970.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Earlier than.
    @inlinable public static func < (a: WallTime, b: WallTime) -> Bool {
        a.nanoseconds < b.nanoseconds
    }
    /// The moment one interval later; saturates.
    @inlinable public static func + (a: WallTime, b: Interval) -> WallTime {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        guard overflow else { return WallTime(nanoseconds: sum) }
        return WallTime(nanoseconds: b.nanoseconds < 0 ? .min : .max)
    }
    /// How far `a` lies behind `b`; saturates, since calendars come from people.
    @inlinable public static func - (a: WallTime, b: WallTime) -> Interval {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        guard overflow else { return Interval(nanoseconds: difference) }
        return a.nanoseconds < 0 ? Interval(nanoseconds: .min) : .max
    }
}

extension WallTime {
    /// Reads a date-time (RFC 3339 §5.6), such as `2026-12-01T22:00:00Z` or with `+01:00`; nil for
    /// anything else.
    ///
    /// A leap second counts as the second after it. Years go from 1700 to 2200.
    public init?(rfc3339 text: some StringProtocol) {
        var bytes = Array(text.utf8)[...]
        guard let year = WallTime.number(&bytes, 4), WallTime.skip(&bytes, "-"),
            let month = WallTime.number(&bytes, 2), WallTime.skip(&bytes, "-"),
            let day = WallTime.number(&bytes, 2),
            WallTime.skip(&bytes, "T") || WallTime.skip(&bytes, "t") || WallTime.skip(&bytes, " "),
            let hour = WallTime.number(&bytes, 2), WallTime.skip(&bytes, ":"),
            let minute = WallTime.number(&bytes, 2), WallTime.skip(&bytes, ":"),
            let second = WallTime.number(&bytes, 2),
            1700...2200 ~= year, 1...12 ~= month,
            1...CivilTime.length(ofMonth: month, in: year) ~= day,
            hour < 24, minute < 60, second < 60 || second == 60 && minute == 59
        else { return nil }
        guard let fraction = WallTime.fraction(&bytes), let zone = WallTime.zone(&bytes),
            bytes.isEmpty
        else { return nil }
        let day0 = CivilTime.days(year, month, day)
        let seconds = ((day0 * 24 + hour) * 60 + minute - zone) * 60 + second
        self.init(nanoseconds: Int64(seconds) * 1_000_000_000 + fraction)
    }

    private static func number(_ bytes: inout ArraySlice<UInt8>, _ count: Int) -> Int? {
        var value = 0
        for _ in 0..<count {
            guard let byte = bytes.popFirst(), 0x30...0x39 ~= byte else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    private static func skip(_ bytes: inout ArraySlice<UInt8>, _ character: Unicode.Scalar) -> Bool
    {
        guard bytes.first == UInt8(ascii: character) else { return false }
        bytes.removeFirst()
        return true
    }

    private static func fraction(_ bytes: inout ArraySlice<UInt8>) -> Int64? {
        guard skip(&bytes, ".") else { return 0 }
        var (value, digits) = (Int64(0), 0)
        while let byte = bytes.first, 0x30...0x39 ~= byte {
            bytes.removeFirst()
            digits += 1
            if digits <= 9 { value = value * 10 + Int64(byte - 0x30) }
        }
        guard digits > 0 else { return nil }
        for _ in min(digits, 9)..<9 { value *= 10 }
        return value
    }

    /// Minutes east of Greenwich.
    private static func zone(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        if skip(&bytes, "Z") || skip(&bytes, "z") { return 0 }
        let isEast = bytes.first == UInt8(ascii: "+")
        guard skip(&bytes, "+") || skip(&bytes, "-"), let hours = number(&bytes, 2),
            skip(&bytes, ":"), let minutes = number(&bytes, 2), hours < 24, minutes < 60
        else { return nil }
        return (isEast ? 1 : -1) * (hours * 60 + minutes)
    }
}

extension WallTime: CustomStringConvertible {
    /// RFC 3339 in UTC, with milliseconds where there are any.
    public var description: String {
        let text = CivilTime(nanoseconds: nanoseconds).rfc3339
        return text.hasSuffix(".000Z") ? text.dropLast(5) + "Z" : text
    }
}
