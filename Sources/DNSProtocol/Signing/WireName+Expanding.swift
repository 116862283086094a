// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension WireName {
    /// Appends the name at `start` of a message, uncompressed and in lower case.
    ///
    /// Where the name ends in the message, and the octets that were written; nil for one that is
    /// malformed, or finds no room. Pointers must lead strictly backwards (RFC 1035 §4.1.4).
    @_lifetime(output: copy output)
    public static func expand(
        _ message: Span<UInt8>,
        at start: Int,
        into output: inout OutputSpan<UInt8>
    ) -> (end: Int, length: Int)? {
        var place = start
        var floor = start
        var end: Int?
        var length = 0
        while place >= 0, place < message.count {
            let label = Int(message[place])
            if label >= 0xc0 {
                guard place &+ 1 < message.count else { return nil }
                if end == nil { end = place &+ 2 }
                place = (label & 0x3f) << 8 | Int(message[place &+ 1])
                guard place < floor else { return nil }
                floor = place
                continue
            }
            guard label <= maximumLabel, place &+ label < message.count,
                length &+ label &+ 1 <= maximumLength, output.freeCapacity > label
            else { return nil }
            for index in place...place &+ label {
                output.write(ASCII.lowercased(message[index]))
            }
            length &+= label &+ 1
            place &+= label &+ 1
            if label == 0 { return (end ?? place, length) }
        }
        return nil
    }
}

extension WireName {
    /// The hash of the name at `start` of a message; of what is read of it when it is malformed.
    public static func hash(expanding message: Span<UInt8>, at start: Int) -> NameHash {
        var hash = NameHash()
        var place = start
        var floor = start
        var length = 0
        while place >= 0, place < message.count, message[place] != 0, length < maximumLength {
            let label = Int(message[place])
            guard label < 0xc0 else {
                guard place &+ 1 < message.count else { break }
                place = (label & 0x3f) << 8 | Int(message[place &+ 1])
                guard place < floor else { break }
                floor = place
                continue
            }
            guard label <= maximumLabel, place &+ label < message.count else { break }
            for index in place...place &+ label { hash.append(message[index]) }
            length &+= label &+ 1
            place &+= label &+ 1
        }
        return hash
    }

    /// The octets of a name as it stands at `start` of a message: up to its root, or with the
    /// pointer that it ends in; nil when it runs over the end.
    public static func span(in message: Span<UInt8>, at start: Int) -> Int? {
        AdditionalRecord.skipName(message, at: start).map { $0 &- start }
    }
}

extension WireName {
    /// The name at `start` of a message, uncompressed and in lower case, and its octets; 0 for one
    /// that is malformed.
    public static func expanded(
        _ message: Span<UInt8>,
        at start: Int
    ) -> (bytes: [256 of UInt8], count: Int) {
        var bytes = InlineArray<256, UInt8>(repeating: 0)
        var place = start
        var floor = start
        var length = 0
        while place >= 0, place < message.count {
            let label = Int(message[place])
            if label >= 0xc0 {
                guard place &+ 1 < message.count else { break }
                place = (label & 0x3f) << 8 | Int(message[place &+ 1])
                guard place < floor else { break }
                floor = place
                continue
            }
            guard label <= maximumLabel, place &+ label < message.count,
                length &+ label &+ 1 <= maximumLength
            else { break }
            for index in 0...label {
                bytes[length &+ index] = ASCII.lowercased(message[place &+ index])
            }
            length &+= label &+ 1
            place &+= label &+ 1
            if label == 0 { return (bytes, length) }
        }
        return (bytes, 0)
    }
}
