// SPDX-License-Identifier: Apache-2.0

/// Finds one member in the beginning of a JSON text (RFC 8259) that may be cut anywhere.
///
/// Not a validator: it goes over what it does not look for, and gives up where it cannot tell what
/// comes next. Names and values are compared as they were sent, escapes included. Of two members with
/// one name the first counts. Nothing is copied, and nothing recurses.
public struct JSONFieldReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var place = 0

    @_lifetime(copy bytes)
    private init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    /// Where the value of the member at a path lies: a text without its quotes, a number or a word.
    ///
    /// `path` has names with dots between. Nil when it is not there as far as the text goes, or is
    /// an object, a list, or cut.
    public static func value(at path: Span<UInt8>, in bytes: Span<UInt8>) -> ByteRange? {
        var reader = JSONFieldReader(bytes)
        var start = 0
        while true {
            var end = start
            while end < path.count, path[end] != UInt8(ascii: ".") { end &+= 1 }
            guard reader.enter(member: path.extracting(start..<end)) else { return nil }
            if end == path.count { return reader.scalar() }
            start = end &+ 1
        }
    }

    /// Goes into an object, to the value of a member; false when that cannot be found.
    @_lifetime(self: copy self)
    private mutating func enter(member name: Span<UInt8>) -> Bool {
        guard next() == UInt8(ascii: "{") else { return false }
        place &+= 1
        while next() == UInt8(ascii: "\"") {
            guard let key = text(), next() == UInt8(ascii: ":") else { return false }
            place &+= 1
            if isEqual(key, name) { return true }
            guard skipValue(), next() == UInt8(ascii: ",") else { return false }
            place &+= 1
        }
        return false
    }

    /// The value that comes next, unless it is an object or a list.
    @_lifetime(self: copy self)
    private mutating func scalar() -> ByteRange? {
        switch next() {
        case nil, UInt8(ascii: "{")?, UInt8(ascii: "[")?: return nil
        case UInt8(ascii: "\"")?: return text()
        default: return word()
        }
    }

    /// The next octet that is no blank; nil at the end.
    @_lifetime(self: copy self)
    private mutating func next() -> UInt8? {
        while place < bytes.count {
            switch bytes[place] {
            case 0x20, 0x09, 0x0a, 0x0d: place &+= 1
            default: return bytes[place]
            }
        }
        return nil
    }

    /// The text that begins here, without its quotes; nil when its end is missing.
    @_lifetime(self: copy self)
    private mutating func text() -> ByteRange? {
        let start = place &+ 1
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                place = index &+ 1
                return ByteRange(from: start, to: index)
            case UInt8(ascii: "\\"): index &+= 2
            default: index &+= 1
            }
        }
        return nil
    }

    /// The number or word that begins here; nil when it may go on behind the cut.
    @_lifetime(self: copy self)
    private mutating func word() -> ByteRange? {
        let start = place
        while place < bytes.count {
            switch bytes[place] {
            case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"):
                return place > start ? ByteRange(from: start, to: place) : nil
            default: place &+= 1
            }
        }
        return nil
    }

    /// Goes over the value that begins here; false when it is cut.
    @_lifetime(self: copy self)
    private mutating func skipValue() -> Bool {
        var depth = 0
        while let octet = next() {
            switch octet {
            case UInt8(ascii: "\""):
                guard text() != nil else { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth &+= 1
                place &+= 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { return false }
                depth &-= 1
                place &+= 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { return false }
                place &+= 1
                continue
            default:
                guard word() != nil else { return false }
            }
            if depth == 0 { return true }
        }
        return false
    }

    private func isEqual(_ range: ByteRange, _ name: Span<UInt8>) -> Bool {
        guard Int(range.count) == name.count else { return false }
        let start = Int(range.start)
        for index in name.indices where bytes[start &+ index] != name[index] { return false }
        return true
    }
}
