// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Walks an answer that nobody vouches for: every step checks its bounds (RFC 1035 §4.1).
///
/// For those who ask, once in a while; the doors, which answer, read spans.
public struct AnswerReader {
    /// One record of a section.
    public struct Record: Sendable, Equatable {
        /// Its owner in lower case, uncompressed.
        public var owner: [UInt8]
        /// Its type.
        public var type: RecordType
        /// Its class.
        public var group: UInt16
        /// Its TTL in seconds, as RFC 2181 §8 reads it.
        public var ttl: UInt32
        /// Where its data stand in the message.
        public var data: Range<Int>
    }

    /// The message.
    public let bytes: [UInt8]
    /// The next byte that is read.
    public private(set) var position = 0

    /// A reader at the beginning of a message.
    public init(bytes: [UInt8]) { self.bytes = bytes }

    /// Passes bytes over; false when there are not so many.
    public mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, count <= bytes.count - position else { return false }
        position += count
        return true
    }

    /// Two bytes; nil at the end.
    public mutating func integer16() -> UInt16? {
        guard bytes.count - position >= 2 else { return nil }
        defer { position += 2 }
        return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }

    /// Four bytes; nil at the end.
    public mutating func integer32() -> UInt32? {
        guard let high = integer16(), let low = integer16() else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    /// A name in lower case without compression; nil when it is malformed.
    public mutating func name() -> [UInt8]? {
        var name: [UInt8] = []
        var place = position
        var end: Int?
        while place < bytes.count {
            let length = Int(bytes[place])
            switch length {
            case 0:
                position = end ?? place + 1
                return name + [0]
            case 1...63:
                guard place + length < bytes.count, name.count + length < 255 else { return nil }
                name.append(UInt8(length))
                name += bytes[place + 1...place + length].map(ASCII.lowercased)
                place += length + 1
            case 0xc0...:
                // Only backwards, so that the walk ends (RFC 1035 §4.1.4).
                guard place + 1 < bytes.count else { return nil }
                let target = (length & 0x3f) << 8 | Int(bytes[place + 1])
                guard target < place else { return nil }
                end = end ?? place + 2
                place = target
            default: return nil
            }
        }
        return nil
    }

    /// The next record, its data passed over; nil for a malformed one.
    public mutating func record() -> Record? {
        guard let owner = name(), let type = integer16(), let group = integer16(),
            let ttl = integer32(), let length = integer16()
        else { return nil }
        let start = position
        guard skip(Int(length)) else { return nil }
        return Record(
            owner: owner,
            type: RecordType(type),
            group: group,
            ttl: ttl > 0x7fff_ffff ? 0 : ttl,
            data: start..<position
        )
    }

    /// The name in a record's data; nil when it is malformed, or longer than they are.
    public func name(in record: Record) -> [UInt8]? {
        var reader = self
        reader.position = record.data.lowerBound
        guard let name = reader.name(), reader.position <= record.data.upperBound else {
            return nil
        }
        return name
    }

    /// The address in a record's data; nil for records of other types and of a wrong length.
    public func address(in record: Record) -> IPAddress? {
        let data = bytes[record.data]
        let bits = data.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        if record.type == .A, data.count == 4 {
            return IPAddress(v4: UInt32(truncatingIfNeeded: bits))
        }
        if record.type == .AAAA, data.count == 16 { return IPAddress(v6: bits).unmapped }
        return nil
    }
}
