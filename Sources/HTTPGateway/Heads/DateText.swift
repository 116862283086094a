// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The date of the present second in the forms of a field and of a log line, made once a second.
struct DateText: BitwiseCopyable {
    /// Seconds since 1970.
    let second: Int64
    private var field: InlineArray<29, UInt8>

    /// The texts for a time in nanoseconds since 1970.
    init(realtime: Int64) {
        second = realtime / 1_000_000_000
        field = InlineArray(repeating: 0x20)
        let date = CivilTime(nanoseconds: realtime)
        put(DateText.name(date.weekday, "SunMonTueWedThuFriSat"), at: 0)
        field[3] = UInt8(ascii: ",")
        put(date.day, at: 5)
        put(DateText.name(date.month - 1, "JanFebMarAprMayJunJulAugSepOctNovDec"), at: 8)
        put(date.year / 100, at: 12)
        put(date.year % 100, at: 14)
        put(date.hour, at: 17)
        field[19] = UInt8(ascii: ":")
        put(date.minute, at: 20)
        field[22] = UInt8(ascii: ":")
        put(date.second, at: 23)
        field[26] = UInt8(ascii: "G")
        field[27] = UInt8(ascii: "M")
        field[28] = UInt8(ascii: "T")
    }

    /// IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
    @discardableResult
    func write(into output: inout OutputSpan<UInt8>) -> Bool { output.write(field.span) }

    /// The common log format's date: `06/Nov/1994:08:49:37 +0000`.
    func writeLogForm(into output: inout OutputSpan<UInt8>) {
        let bytes = field.span
        output.write(bytes.extracting(5..<7))
        output.write("/")
        output.write(bytes.extracting(8..<11))
        output.write("/")
        output.write(bytes.extracting(12..<16))
        output.write(":")
        output.write(bytes.extracting(17..<25))
        output.write(" +0000")
    }

    private mutating func put(_ number: Int, at place: Int) {
        field[place] = UInt8(truncatingIfNeeded: number / 10 % 10) &+ 0x30
        field[place + 1] = UInt8(truncatingIfNeeded: number % 10) &+ 0x30
    }

    private mutating func put(_ name: (UInt8, UInt8, UInt8), at place: Int) {
        field[place] = name.0
        field[place + 1] = name.1
        field[place + 2] = name.2
    }

    private static func name(_ number: Int, _ names: String) -> (UInt8, UInt8, UInt8) {
        let letters = Array(names.utf8)
        let start = number * 3
        guard start >= 0, start + 2 < letters.count else { return (0x3f, 0x3f, 0x3f) }
        return (letters[start], letters[start + 1], letters[start + 2])
    }
}
