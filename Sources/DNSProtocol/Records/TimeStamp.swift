// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The times of signatures (RFC 4034 §3.2): `20300131235959`, or seconds since 1970.
///
/// 32 bits wrap in 2106; text shows the first turn. Others show what lies far ahead as years before
/// 1970, because signatures count round (RFC 4034 §3.1.5): that is read too.
enum TimeStamp {
    /// Reads both forms; nil for others, and for days that no calendar has.
    static func seconds(_ text: Span<UInt8>) -> UInt32? {
        guard text.count == 14 else {
            return ZoneNumbers.decimal(text, limit: UInt64(UInt32.max)).map {
                UInt32(truncatingIfNeeded: $0)
            }
        }
        guard let value = ZoneNumbers.decimal(text, limit: 99_991_231_235_960),
            let days = days(of: Int(value / 1_000_000))
        else { return nil }
        let time = Int(value % 1_000_000)
        let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100)
        // A leap second is the first second after it.
        guard hour < 24, minute < 60, second <= 60 else { return nil }
        return UInt32(truncatingIfNeeded: days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    /// The days from 1970 to a date written as eight digits.
    private static func days(of date: Int) -> Int? {
        let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100)
        guard year > 1900, 1...12 ~= month else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard 1...lengths[month - 1] ~= day else { return nil }
        let past = year - 1
        let leaps = past / 4 - past / 100 + past / 400 - 477
        return (year - 1970) * 365 + leaps + lengths[..<(month - 1)].reduce(day - 1, +)
    }

    /// The text of 32 bits.
    static func text(_ seconds: UInt32) -> String {
        let time = CivilTime(nanoseconds: Int64(seconds) * 1_000_000_000)
        let parts = [time.month, time.day, time.hour, time.minute, time.second]
        return parts.reduce("\(time.year)") { $0 + ($1 < 10 ? "0\($1)" : "\($1)") }
    }
}
