// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Reading dates of fields such as `Date`, `Expires` and `Last-Modified` (RFC 9110 §5.6.7).
public enum HTTPDate {
    /// Seconds since 1970; nil for what is none of the three forms that a recipient must take, for
    /// another zone than GMT (RFC 9111 §4.2), and for a day or a time that there is not.
    ///
    /// Letters of both cases do, as RFC 9111 §4.2 wants of caches. A year of two digits is the one of
    /// those that end in them that lies at most 50 years after `now`, in seconds since 1970. Whether
    /// the name of the day fits the date is not looked at.
    public static func seconds(_ text: Span<UInt8>, now: Int64) -> Int64? {
        guard text.count >= 24 else { return nil }
        return switch text[3] {
        case UInt8(ascii: ","): fixedForm(text)
        case UInt8(ascii: " "): asctimeForm(text)
        default: olderForm(text, now)
        }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func fixedForm(_ text: Span<UInt8>) -> Int64? {
        guard text.count == 29, isDayName(text), isBlank(text, 4), isBlank(text, 7),
            isBlank(text, 11), isBlank(text, 16), isGMT(text, 25),
            let day = number(text, 5, 2), let month = month(text, 8), let year = number(text, 12, 4)
        else { return nil }
        return seconds(year, month, day, clockAt: 17, text)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850).
    private static func olderForm(_ text: Span<UInt8>, _ now: Int64) -> Int64? {
        var comma = 0
        while comma < 10, comma < text.count, text[comma] != UInt8(ascii: ",") { comma &+= 1 }
        let start = comma &+ 2
        guard text.count == start &+ 22, isDayName(text), isLongDayName(text.extracting(0..<comma)),
            isBlank(text, comma &+ 1), text[start &+ 2] == UInt8(ascii: "-"),
            text[start &+ 6] == UInt8(ascii: "-"), isBlank(text, start &+ 9),
            isGMT(text, start &+ 18), let day = number(text, start, 2),
            let month = month(text, start &+ 3), let short = number(text, start &+ 7, 2)
        else { return nil }
        let present = CivilTime(nanoseconds: clampedNanoseconds(now)).year
        var year = present - present % 100 + short
        if year > present + 50 { year -= 100 }
        if year <= present - 50 { year += 100 }
        return seconds(year, month, day, clockAt: start &+ 10, text)
    }

    /// `Sun Nov  6 08:49:37 1994` (C's `asctime`).
    private static func asctimeForm(_ text: Span<UInt8>) -> Int64? {
        guard text.count == 24, isDayName(text), isBlank(text, 7), isBlank(text, 10),
            isBlank(text, 19), let month = month(text, 4), let year = number(text, 20, 4),
            let day = isBlank(text, 8) ? number(text, 9, 1) : number(text, 8, 2)
        else { return nil }
        return seconds(year, month, day, clockAt: 11, text)
    }

    private static func seconds(
        _ year: Int,
        _ month: Int,
        _ day: Int,
        clockAt start: Int,
        _ text: Span<UInt8>
    ) -> Int64? {
        guard let hour = number(text, start, 2), let minute = number(text, start &+ 3, 2),
            let second = number(text, start &+ 6, 2), text[start &+ 2] == UInt8(ascii: ":"),
            text[start &+ 5] == UInt8(ascii: ":"), hour < 24, minute < 60, second <= 60, day >= 1,
            day <= CivilTime.length(ofMonth: month, in: year)
        else { return nil }
        let days = CivilTime.days(year, month, day)
        return Int64(days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    private static func clampedNanoseconds(_ seconds: Int64) -> Int64 {
        min(max(seconds, -9_000_000_000), 9_000_000_000) * 1_000_000_000
    }

    private static func isBlank(_ text: Span<UInt8>, _ index: Int) -> Bool {
        text[index] == UInt8(ascii: " ")
    }

    private static func number(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> Int? {
        var value = 0
        for index in start..<start &+ count {
            guard ASCII.isDigit(text[index]) else { return nil }
            value = value &* 10 &+ Int(text[index] &- 0x30)
        }
        return value
    }

    private static func isGMT(_ text: Span<UInt8>, _ start: Int) -> Bool {
        isBlank(text, start) && letters(text, start &+ 1) == word("g", "m", "t")
    }

    /// Three letters in lower case as one number, the first highest.
    private static func letters(_ text: Span<UInt8>, _ start: Int) -> UInt32 {
        var word: UInt32 = 0
        for index in start..<start &+ 3 {
            guard ASCII.isLetter(text[index]) else { return 0 }
            word = word << 8 | UInt32(text[index] | 0x20)
        }
        return word
    }

    private static func word(
        _ first: Unicode.Scalar,
        _ second: Unicode.Scalar,
        _ third: Unicode.Scalar
    ) -> UInt32 { first.value << 16 | second.value << 8 | third.value }

    private static func month(_ text: Span<UInt8>, _ start: Int) -> Int? {
        switch letters(text, start) {
        case word("j", "a", "n"): 1
        case word("f", "e", "b"): 2
        case word("m", "a", "r"): 3
        case word("a", "p", "r"): 4
        case word("m", "a", "y"): 5
        case word("j", "u", "n"): 6
        case word("j", "u", "l"): 7
        case word("a", "u", "g"): 8
        case word("s", "e", "p"): 9
        case word("o", "c", "t"): 10
        case word("n", "o", "v"): 11
        case word("d", "e", "c"): 12
        default: nil
        }
    }

    private static func isDayName(_ text: Span<UInt8>) -> Bool {
        switch letters(text, 0) {
        case word("s", "u", "n"), word("m", "o", "n"), word("t", "u", "e"), word("w", "e", "d"),
            word("t", "h", "u"), word("f", "r", "i"), word("s", "a", "t"):
            true
        default: false
        }
    }

    private static func isLongDayName(_ text: Span<UInt8>) -> Bool {
        let (second, end) = (text.count > 5 ? letters(text, 3) : 0, text.count &- 3)
        guard text.count >= 6, letters(text, end) == word("d", "a", "y") else { return false }
        return switch letters(text, 0) {
        case word("s", "u", "n"), word("m", "o", "n"), word("f", "r", "i"): end == 3
        case word("t", "u", "e"): end == 4 && second == word("s", "d", "a")
        case word("w", "e", "d"): end == 6 && second == word("n", "e", "s")
        case word("t", "h", "u"): end == 5 && second == word("r", "s", "d")
        case word("s", "a", "t"): end == 5 && second == word("u", "r", "d")
        default: false
        }
    }
}
