// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

extension OutputSpan where Element == UInt8 {
    /// Appends `Date: Sun, 06 Nov 1994 08:49:37 GMT` and CRLF (RFC 9110 §5.6.7).
    @discardableResult @_lifetime(self: copy self)
    mutating func writeDate(_ time: WallTime) -> Bool {
        guard freeCapacity >= 37 else { return false }
        let date = CivilTime(nanoseconds: time.nanoseconds)
        write("Date: ")
        write(dayName(date.weekday))
        write(", ")
        write(twoDigits: date.day)
        write(" ")
        write(monthName(date.month))
        write(" ")
        write(twoDigits: date.year / 100)
        write(twoDigits: date.year % 100)
        write(" ")
        write(twoDigits: date.hour)
        write(":")
        write(twoDigits: date.minute)
        write(":")
        write(twoDigits: date.second)
        return write(" GMT\r\n")
    }

    @_lifetime(self: copy self)
    private mutating func write(twoDigits number: Int) {
        write(UInt8(truncatingIfNeeded: number / 10 % 10) &+ 0x30)
        write(UInt8(truncatingIfNeeded: number % 10) &+ 0x30)
    }

    private func dayName(_ weekday: Int) -> StaticString {
        switch weekday {
        case 0: "Sun"
        case 1: "Mon"
        case 2: "Tue"
        case 3: "Wed"
        case 4: "Thu"
        case 5: "Fri"
        default: "Sat"
        }
    }

    private func monthName(_ month: Int) -> StaticString {
        switch month {
        case 1: "Jan"
        case 2: "Feb"
        case 3: "Mar"
        case 4: "Apr"
        case 5: "May"
        case 6: "Jun"
        case 7: "Jul"
        case 8: "Aug"
        case 9: "Sep"
        case 10: "Oct"
        case 11: "Nov"
        default: "Dec"
        }
    }
}
