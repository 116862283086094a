// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Finds values in the claims of a verified token, without a copy.
///
/// The text has been read as JSON before: here it is only looked through. A name or value with an
/// escape in it, or with anything that is not visible ASCII or a blank, is not found.
enum ClaimReader {
    /// The text, number or truth value under a name of the outermost object; empty when there is
    /// none, or it is of another kind.
    static func find(_ name: Span<UInt8>, in text: Span<UInt8>) -> ByteRange {
        var depth = 0
        var index = 0
        var key = ByteRange.empty
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth &+= 1
                index &+= 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth &-= 1
                index &+= 1
            case UInt8(ascii: "\""):
                let string = string(text, at: index)
                index = string.end &+ 1
                guard depth == 1 else { continue }
                let colon = skipBlanks(text, from: index)
                guard colon < text.count, text[colon] == UInt8(ascii: ":") else { continue }
                key = string
                index = skipBlanks(text, from: colon &+ 1)
                guard isEqual(text.slice(key), name) else { continue }
                return value(text, at: index)
            default: index &+= 1
            }
        }
        return .empty
    }

    private static func value(_ text: Span<UInt8>, at start: Int) -> ByteRange {
        guard start < text.count else { return .empty }
        if text[start] == UInt8(ascii: "\"") {
            let range = string(text, at: start)
            for place in Int(range.start)..<range.end
            where text[place] == UInt8(ascii: "\\") || text[place] < 0x20 || text[place] > 0x7e {
                return .empty
            }
            let value = text.slice(range)
            guard !value.isEmpty, value[0] != 0x20, value[value.count &- 1] != 0x20 else {
                return .empty
            }
            return range
        }
        var end = start
        while end < text.count, isScalar(text[end]) { end &+= 1 }
        let range = ByteRange(from: start, to: end)
        let isNull = end > start && text[start] == UInt8(ascii: "n")
        return isNull ? .empty : range
    }

    // Letters, digits, sign, point: numbers and words.
    private static func isScalar(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2b, 0x2d, 0x2e: true
        default: false
        }
    }

    /// What stands between the quotes.
    private static func string(_ text: Span<UInt8>, at quote: Int) -> ByteRange {
        var end = quote &+ 1
        while end < text.count, text[end] != UInt8(ascii: "\"") {
            end &+= text[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        return ByteRange(from: quote &+ 1, to: min(end, text.count))
    }

    private static func skipBlanks(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count, text[index] <= 0x20 { index &+= 1 }
        return index
    }

    private static func isEqual(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where a[index] != b[index] { return false }
        return true
    }
}
