// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Walks over a dictionary of structured fields (RFC 9651 §4.2.2) by its rules, which leave no room for
/// repairs: whoever finds it broken has to pass over all of it.
struct StructuredDictionary {
    /// What stands behind a key.
    enum Value: Equatable {
        case boolean(Bool)
        case integer(Int64)
        /// The inside of a string, with its escapes.
        case string(ByteRange)
        /// A decimal, a token, octets, a date, a list, or a text of other letters.
        case other
    }

    struct Member {
        var key: ByteRange
        var value: Value
    }

    var place: Int
    private let end: Int
    /// True once something does not follow the grammar.
    private(set) var isBroken = false

    init(_ range: ByteRange) {
        place = Int(range.start)
        end = range.end
    }

    /// The next member; nil at the end, and where it is broken.
    mutating func next(_ bytes: Span<UInt8>) -> Member? {
        let bytes = bytes.extracting(0..<min(end, bytes.count))
        guard !isBroken, place < bytes.count else { return nil }
        guard let member = readMember(bytes), readSeparator(bytes) else {
            isBroken = true
            return nil
        }
        return member
    }

    /// The next member of a list (§4.2.1); nil at the end, and where it is broken.
    mutating func nextItem(_ bytes: Span<UInt8>) -> Value? {
        let bytes = bytes.extracting(0..<min(end, bytes.count))
        guard !isBroken, place < bytes.count else { return nil }
        let isList = bytes[place] == UInt8(ascii: "(")
        guard let value = isList ? readList(bytes) : readBareItem(bytes), skipParameters(bytes),
            readSeparator(bytes)
        else {
            isBroken = true
            return nil
        }
        return value
    }

    private mutating func readMember(_ bytes: Span<UInt8>) -> Member? {
        guard let key = readKey(bytes) else { return nil }
        var value = Value.boolean(true)
        if take(UInt8(ascii: "="), bytes) {
            let isList = place < bytes.count && bytes[place] == UInt8(ascii: "(")
            guard let read = isList ? readList(bytes) : readBareItem(bytes) else { return nil }
            value = read
        }
        return skipParameters(bytes) ? Member(key: key, value: value) : nil
    }

    mutating func readSeparator(_ bytes: Span<UInt8>) -> Bool {
        skipBlanks(bytes, tabs: true)
        guard place < bytes.count else { return true }
        guard take(UInt8(ascii: ","), bytes) else { return false }
        skipBlanks(bytes, tabs: true)
        return place < bytes.count
    }

    private mutating func readKey(_ bytes: Span<UInt8>) -> ByteRange? {
        let start = place
        guard place < bytes.count, isKeyStart(bytes[place]) else { return nil }
        while place < bytes.count, isKeyStart(bytes[place]) || isKeyRest(bytes[place]) {
            place &+= 1
        }
        return ByteRange(from: start, to: place)
    }

    private func isKeyStart(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "*")
    }

    private func isKeyRest(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: ASCII.isDigit(byte)
        }
    }

    mutating func skipParameters(_ bytes: Span<UInt8>) -> Bool {
        while take(UInt8(ascii: ";"), bytes) {
            skipBlanks(bytes, tabs: false)
            guard readKey(bytes) != nil else { return false }
            if take(UInt8(ascii: "="), bytes), readBareItem(bytes) == nil { return false }
        }
        return true
    }

    mutating func readList(_ bytes: Span<UInt8>) -> Value? {
        place &+= 1
        while place < bytes.count {
            skipBlanks(bytes, tabs: false)
            if take(UInt8(ascii: ")"), bytes) { return .other }
            guard readBareItem(bytes) != nil, skipParameters(bytes), place < bytes.count,
                bytes[place] == 0x20 || bytes[place] == UInt8(ascii: ")")
            else { return nil }
        }
        return nil
    }

    mutating func readBareItem(_ bytes: Span<UInt8>) -> Value? {
        guard place < bytes.count else { return nil }
        switch bytes[place] {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return readNumber(bytes)
        case UInt8(ascii: "\""): return readString(bytes)
        case UInt8(ascii: "?"): return readBoolean(bytes)
        case UInt8(ascii: ":"): return readOctets(bytes)
        case UInt8(ascii: "@"):
            place &+= 1
            guard case .integer = readNumber(bytes) else { return nil }
            return .other
        case UInt8(ascii: "%"):
            place &+= 1
            return readString(bytes) == nil ? nil : .other
        case UInt8(ascii: "*"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            return readToken(bytes)
        default: return nil
        }
    }

    /// An integer of up to 15 digits, or a decimal of 12 and 3.
    private mutating func readNumber(_ bytes: Span<UInt8>) -> Value? {
        let isNegative = take(UInt8(ascii: "-"), bytes)
        let start = place
        var value: Int64 = 0
        while place < bytes.count, ASCII.isDigit(bytes[place]), place &- start < 16 {
            value = value &* 10 &+ Int64(bytes[place] &- 0x30)
            place &+= 1
        }
        let digits = place &- start
        guard digits >= 1, digits <= 15 else { return nil }
        guard take(UInt8(ascii: "."), bytes) else { return .integer(isNegative ? -value : value) }
        let point = place
        while place < bytes.count, ASCII.isDigit(bytes[place]) { place &+= 1 }
        return digits <= 12 && (1...3).contains(place &- point) ? .other : nil
    }

    private mutating func readString(_ bytes: Span<UInt8>) -> Value? {
        guard take(UInt8(ascii: "\""), bytes) else { return nil }
        let start = place
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                place &+= 1
                return .string(ByteRange(from: start, to: place &- 1))
            case UInt8(ascii: "\\"):
                place &+= 1
                guard place < bytes.count,
                    bytes[place] == UInt8(ascii: "\"") || bytes[place] == UInt8(ascii: "\\")
                else { return nil }
            case 0x20...0x7e: break
            default: return nil
            }
            place &+= 1
        }
        return nil
    }

    private mutating func readBoolean(_ bytes: Span<UInt8>) -> Value? {
        place &+= 1
        if take(UInt8(ascii: "1"), bytes) { return .boolean(true) }
        return take(UInt8(ascii: "0"), bytes) ? .boolean(false) : nil
    }

    private mutating func readOctets(_ bytes: Span<UInt8>) -> Value? {
        place &+= 1
        while place < bytes.count {
            let byte = bytes[place]
            place &+= 1
            if byte == UInt8(ascii: ":") { return .other }
            guard
                ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "+")
                    || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "=")
            else { return nil }
        }
        return nil
    }

    private mutating func readToken(_ bytes: Span<UInt8>) -> Value? {
        while place < bytes.count {
            let byte = bytes[place]
            guard
                FieldSyntax.isTokenByte(byte) || byte == UInt8(ascii: ":")
                    || byte == UInt8(ascii: "/")
            else { break }
            place &+= 1
        }
        return .other
    }

    private mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard place < bytes.count, bytes[place] == byte else { return false }
        place &+= 1
        return true
    }

    private mutating func skipBlanks(_ bytes: Span<UInt8>, tabs: Bool) {
        while place < bytes.count, bytes[place] == 0x20 || tabs && bytes[place] == 0x09 {
            place &+= 1
        }
    }
}
