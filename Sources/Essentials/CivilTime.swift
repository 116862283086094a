// SPDX-License-Identifier: Apache-2.0

/// A moment of UTC taken apart into calendar fields.
///
/// The proleptic Gregorian calendar by integers alone: no table, no time zone, no C library.
public struct CivilTime: Equatable, Sendable {
    /// The year.
    public let year: Int
    /// The month, 1 to 12.
    public let month: Int
    /// The day of the month, from 1.
    public let day: Int
    /// The day of the week, 0 for Sunday.
    public let weekday: Int
    /// The hour, 0 to 23.
    public let hour: Int
    /// The minute, 0 to 59.
    public let minute: Int
    /// The second, 0 to 59.
    public let second: Int
    /// Nanoseconds within the second.
    public let nanosecond: Int

    /// The moment `nanoseconds` after the beginning of 1970.
    public init(nanoseconds: Int64) {
        let (seconds, rest) = CivilTime.divide(Int(nanoseconds), by: 1_000_000_000)
        let (days, time) = CivilTime.divide(seconds, by: 86_400)
        nanosecond = rest
        hour = time / 3600
        minute = time / 60 % 60
        second = time % 60
        weekday = CivilTime.divide(days + 4, by: 7).rest
        // Years begin in March here, so that the leap day is the last day of a year; an era is
        // the 400 years (146,097 days) after which the calendar repeats.
        let (era, dayOfEra) = CivilTime.divide(days + 719_468, by: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Division that rounds down, so that moments before 1970 are right too.
    private static func divide(_ value: Int, by divisor: Int) -> (quotient: Int, rest: Int) {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
    }

    /// Days from the beginning of 1970 to a day of the calendar, negative before.
    ///
    /// Any integers of some four digits give an answer: whether there is such a day is for
    /// ``length(ofMonth:in:)`` to say.
    public static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let era = divide(shifted, by: 400).quotient
        let yearOfEra = shifted - era * 400
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// How many days a month has.
    public static func length(ofMonth month: Int, in year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// RFC 3339 with milliseconds: `2026-11-20T17:05:09.250Z`.
    public var rfc3339: String {
        let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
        let time = "\(pad(hour, 2)):\(pad(minute, 2)):\(pad(second, 2))"
        return "\(date)T\(time).\(pad(nanosecond / 1_000_000, 3))Z"
    }

    /// The date of RFC 9110 §5.6.7: `Fri, 20 Nov 2026 17:05:09 GMT`.
    public var httpDate: String {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let date = "\(days[weekday]), \(pad(day, 2)) \(months[month - 1]) \(pad(year, 4))"
        return "\(date) \(pad(hour, 2)):\(pad(minute, 2)):\(pad(second, 2)) GMT"
    }

    private func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }
}
