// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Reads who has passed a request on, by one line of `CDN-Loop` (RFC 8586 §2).
///
/// Elements are cut as the grammar has them and not at each comma: a quoted string may hold one, and
/// whoever is named inside has passed nothing on.
public struct LoopReader: BitwiseCopyable, Sendable {
    private var position: Int
    private let end: Int
    /// True once the line has turned out to be no list of the RFC.
    public private(set) var isMalformed = false

    /// A walk over the value in `range`.
    public init(_ range: ByteRange) {
        position = Int(range.start)
        end = range.end
    }

    /// The next `cdn-id` without its parameters; nil at the end, and where ``isMalformed``.
    public mutating func next(_ bytes: Span<UInt8>) -> ByteRange? {
        // RFC 9110 §5.6.1.2: empty elements are passed over.
        while position < end, byte(bytes) == 0x2c || isBlank(bytes) { position &+= 1 }
        guard position < end else { return nil }
        let start = position
        while position < end, !isBlank(bytes), byte(bytes) != 0x2c, byte(bytes) != 0x3b {
            position &+= 1
        }
        let name = ByteRange(from: start, to: position)
        isMalformed = !LoopReader.isName(bytes.slice(name)) || !passParameters(bytes)
        return isMalformed ? nil : name
    }

    /// How often a request has passed whoever has this name; nil for lines that are no such list.
    public static func passes(
        of name: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Int? {
        var count = 0
        var line = fields.first(.cdnLoop)
        while let index = line {
            var reader = LoopReader(fields[index].value)
            while let found = reader.next(bytes) {
                // A host has no case (RFC 9110 §4.2.3).
                if FieldSyntax.equalsIgnoringCase(bytes.slice(found), name) { count &+= 1 }
            }
            guard !reader.isMalformed else { return nil }
            line = fields.next(.cdnLoop, from: index &+ 1)
        }
        return count
    }

    // MARK: Grammar

    private func byte(_ bytes: Span<UInt8>) -> UInt8 {
        position < min(end, bytes.count) ? bytes[position] : 0
    }

    private func isBlank(_ bytes: Span<UInt8>) -> Bool {
        byte(bytes) == 0x20 || byte(bytes) == 0x09
    }

    private mutating func passBlanks(_ bytes: Span<UInt8>) {
        while position < end, isBlank(bytes) { position &+= 1 }
    }

    /// `*( OWS ";" OWS parameter )` up to a comma or the end; false for anything else.
    private mutating func passParameters(_ bytes: Span<UInt8>) -> Bool {
        while true {
            passBlanks(bytes)
            guard position < end, byte(bytes) != 0x2c else { return true }
            guard byte(bytes) == 0x3b else { return false }
            position &+= 1
            passBlanks(bytes)
            guard passToken(bytes), byte(bytes) == 0x3d else { return false }
            position &+= 1
            guard byte(bytes) == 0x22 ? passQuoted(bytes) : passToken(bytes) else { return false }
        }
    }

    private mutating func passToken(_ bytes: Span<UInt8>) -> Bool {
        let start = position
        while position < end, FieldSyntax.isTokenByte(byte(bytes)) { position &+= 1 }
        return position > start
    }

    /// `quoted-string` of RFC 9110 §5.6.4; false without its end.
    private mutating func passQuoted(_ bytes: Span<UInt8>) -> Bool {
        position &+= 1
        while position < end {
            let octet = byte(bytes)
            position &+= 1
            if octet == 0x22 { return true }
            guard octet == 0x5c else {
                guard FieldSyntax.isValueByte(octet) else { return false }
                continue
            }
            guard position < end, FieldSyntax.isValueByte(byte(bytes)) else { return false }
            position &+= 1
        }
        return false
    }

    /// True for a `cdn-id`: a token, or a host with or without a port.
    public static func isName(_ text: Span<UInt8>) -> Bool {
        FieldSyntax.isToken(text) || isHost(text)
    }

    /// `uri-host [ ":" port ]`; of what RFC 3986 §3.2.2 allows, comma and semicolon end a name here.
    private static func isHost(_ text: Span<UInt8>) -> Bool {
        var index = 0
        if !text.isEmpty, text[0] == 0x5b {
            while index < text.count, text[index] != 0x5d {
                guard index == 0 || isHostByte(text[index]) || text[index] == 0x3a else {
                    return false
                }
                index &+= 1
            }
            guard index > 1, index < text.count else { return false }
            index &+= 1
        } else {
            while index < text.count, text[index] != 0x3a {
                if text[index] == 0x25 {
                    guard index &+ 2 < text.count, ASCII.hexDigit(text[index &+ 1]) != nil,
                        ASCII.hexDigit(text[index &+ 2]) != nil
                    else { return false }
                } else if !isHostByte(text[index]) {
                    return false
                }
                index &+= 1
            }
            guard index > 0 else { return false }
        }
        guard index < text.count else { return true }
        guard text[index] == 0x3a else { return false }
        for place in (index &+ 1)..<text.count where !ASCII.isDigit(text[place]) { return false }
        return true
    }

    /// `unreserved` and `sub-delims` of RFC 3986 §2.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        if ASCII.isLetter(byte) || ASCII.isDigit(byte) { return true }
        switch byte {
        case 0x2d, 0x2e, 0x5f, 0x7e, 0x21, 0x24, 0x26...0x2b, 0x3d: return true
        default: return false
        }
    }
}
