// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Bytes of a peer as text of a log line, which must stay one line whatever they are.
///
/// Both writers cut a text after `limit` bytes of input and, like all writers, answer false and
/// write nothing when there is no room. Most texts need no escape; they are found out eight
/// octets at a time and copied in one piece.
extension OutputSpan where Element == UInt8 {
    /// Appends bytes for a quoted part of a line in the combined format.
    ///
    /// Quote, backslash, control octets and all above ASCII become `\xHH`.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeLogText(_ bytes: Span<UInt8>, limit: Int = 4_096) -> Bool {
        let before = count
        let text = bytes.extracting(first: Swift.max(0, Swift.min(limit, bytes.count)))
        var start = 0
        while true {
            let stop = LogScan.firstUnplain(text, from: start)
            var isWhole = write(text.extracting(start..<stop))
            if isWhole, stop < text.count {
                isWhole = freeCapacity >= 4
                if isWhole {
                    write("\\x" as StaticString)
                    write(hexadecimal: UInt64(text[stop]), width: 2)
                }
            }
            guard isWhole else { return undo(to: before) }
            guard stop < text.count else { return true }
            start = stop &+ 1
        }
    }

    /// Appends bytes for the inside of a JSON string (RFC 8259 §7).
    ///
    /// Well-formed UTF-8 stays as it is; each octet that is none becomes U+FFFD, since a JSON
    /// text cannot hold it.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeJSONText(_ bytes: Span<UInt8>, limit: Int = 4_096) -> Bool {
        let before = count
        let text = bytes.extracting(first: Swift.max(0, Swift.min(limit, bytes.count)))
        var start = 0
        while true {
            var stop = LogScan.firstUnplain(text, from: start)
            while stop < text.count {
                let length = LogScan.sequenceLength(text, stop)
                guard length > 0 else { break }
                stop = LogScan.firstUnplain(text, from: stop &+ length)
            }
            guard write(text.extracting(start..<stop)) else { return undo(to: before) }
            guard stop < text.count else { return true }
            guard writeJSONEscape(text[stop]) else { return undo(to: before) }
            start = stop &+ 1
        }
    }

    @_lifetime(self: copy self)
    private mutating func writeJSONEscape(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x22: return write("\\\"" as StaticString)
        case 0x5c: return write("\\\\" as StaticString)
        case 0x0a: return write("\\n" as StaticString)
        case 0x0d: return write("\\r" as StaticString)
        case 0x09: return write("\\t" as StaticString)
        case 0x80...: return write("\\ufffd" as StaticString)
        default:
            guard freeCapacity >= 6 else { return false }
            write("\\u" as StaticString)
            return write(hexadecimal: UInt64(octet), width: 4)
        }
    }

    @_lifetime(self: copy self)
    private mutating func undo(to before: Int) -> Bool {
        removeLast(count &- before)
        return false
    }
}

/// Finding the octets of a text that need an escape.
enum LogScan {
    /// Index of the first control octet, DEL, quote, backslash or octet above ASCII, else the
    /// count.
    static func firstUnplain(_ bytes: Span<UInt8>, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = start
        while let word = HeadScan.word(bytes, index) {
            let quote = word ^ 0x2222_2222_2222_2222
            let backslash = word ^ 0x5c5c_5c5c_5c5c_5c5c
            let delete = word ^ 0x7f7f_7f7f_7f7f_7f7f
            var hits = word | (word &- HeadScan.fold) & ~word
            hits |= (quote &- ones) & ~quote
            hits |= (backslash &- ones) & ~backslash
            hits |= (delete &- ones) & ~delete
            hits &= 0x8080_8080_8080_8080
            guard hits == 0 else { return index &+ hits.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index >= 0, index < bytes.count, isPlain(bytes[index]) { index &+= 1 }
        return Swift.min(index, bytes.count)
    }

    private static func isPlain(_ octet: UInt8) -> Bool {
        octet >= 0x20 && octet < 0x7f && octet != 0x22 && octet != 0x5c
    }

    /// Length of the well-formed UTF-8 sequence of more than one octet at `start`, else 0.
    ///
    /// RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF.
    static func sequenceLength(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        guard start >= 0, start < bytes.count else { return 0 }
        let first = bytes[start]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch first {
        case 0xc2...0xdf: length = 2
        case 0xe0: (length, second) = (3, 0xa0...0xbf)
        case 0xed: (length, second) = (3, 0x80...0x9f)
        case 0xe1...0xef: length = 3
        case 0xf0: (length, second) = (4, 0x90...0xbf)
        case 0xf4: (length, second) = (4, 0x80...0x8f)
        case 0xf1...0xf3: length = 4
        default: return 0
        }
        guard bytes.count &- start >= length, second.contains(bytes[start &+ 1]) else { return 0 }
        for offset in 2..<Swift.max(2, length)
        where bytes[start &+ offset] & 0xc0 != 0x80 { return 0 }
        return length
    }
}
