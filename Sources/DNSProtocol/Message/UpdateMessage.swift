// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// A dynamic update decoded (RFC 2136 §2): what must hold, and what is to change.
///
///     +-----------+---------------------------------------------------------+
///     | header    | opcode 5; ZOCOUNT, PRCOUNT, UPCOUNT, ADCOUNT             |
///     | zone      | one question: the name, SOA, the class                  |
///     | prerequ.  | records that must be there, or must not                 |
///     | update    | records to be added or deleted                          |
///     | additional| OPT and the signature; all else is of no interest       |
///     +-----------+---------------------------------------------------------+
///
/// Not for the data path: it allocates.
public struct UpdateMessage: Sendable, Equatable {
    /// The operation in the header.
    public static var opcode: UInt8 { 5 }
    /// Classes that stand for a meaning of their own (RFC 2136 §2.4, §2.5).
    public static var noneClass: UInt16 { 254 }
    /// The other one of these.
    public static var anyClass: UInt16 { 255 }

    /// The id.
    public var id: UInt16
    /// The name of the zone, case as sent.
    public var zone: DomainName
    /// The class of the zone.
    public var zoneClass: UInt16
    /// What must hold, in order.
    public var prerequisites: [DNSMessage.Record]
    /// What is to change, in order; without data where the class is ANY.
    public var updates: [DNSMessage.Record]
    /// Where the zone section ends: so much of the message is repeated in the answer.
    public var zoneEnd: Int

    /// The zone section alone, which says who may go on; nil when that is malformed.
    public static func zone(_ bytes: [UInt8]) -> (name: DomainName, zoneClass: UInt16)? {
        let bytes = bytes.span
        var position = DNSQuery.headerLength
        guard bytes.count >= position, bytes[2] & 0xf8 == UpdateMessage.opcode << 3,
            DNSQuery.word(bytes, 4) == 1,
            let zone = DomainName(expanding: bytes, at: &position), position + 4 <= bytes.count,
            DNSQuery.word(bytes, position) == RecordType.SOA.rawValue
        else { return nil }
        return (zone, UInt16(truncatingIfNeeded: DNSQuery.word(bytes, position + 2)))
    }

    /// What a message says of EDNS (RFC 6891).
    public enum Extension: Sendable, Equatable {
        /// Nothing.
        case none
        /// One OPT of this version.
        case version(UInt8)
        /// Two, or records that cannot be read: FORMERR (§6.1.1).
        case malformed
    }

    /// Looks for the OPT of a message, signed or not.
    public static func option(_ bytes: [UInt8]) -> Extension {
        let bytes = bytes.span
        guard bytes.count >= DNSQuery.headerLength else { return .malformed }
        var position = DNSQuery.headerLength
        for _ in 0..<DNSQuery.word(bytes, 4) {
            guard let end = AdditionalRecord.skipName(bytes, at: position) else {
                return .malformed
            }
            position = end + 4
        }
        var found = Extension.none
        let others = DNSQuery.word(bytes, 6) + DNSQuery.word(bytes, 8)
        for number in 0..<others + DNSQuery.word(bytes, 10) {
            guard let record = AdditionalRecord(bytes, at: position) else { return .malformed }
            position = record.end
            guard number >= others, record.type == .OPT else { continue }
            guard found == .none else { return .malformed }
            found = .version(UInt8(truncatingIfNeeded: record.ttl >> 16))
        }
        return found
    }

    /// Decodes a message; nil for one that is malformed anywhere (FORMERR).
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= DNSQuery.headerLength, bytes[2] & 0xf8 == UpdateMessage.opcode << 3
        else { return nil }
        id = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, 0))
        var position = DNSQuery.headerLength
        // §3.1.1: one zone, and its type is SOA.
        guard DNSQuery.word(bytes, 4) == 1,
            let zone = DomainName(expanding: bytes, at: &position), position + 4 <= bytes.count,
            DNSQuery.word(bytes, position) == RecordType.SOA.rawValue
        else { return nil }
        self.zone = zone
        zoneClass = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, position + 2))
        position += 4
        zoneEnd = position
        let counts = (DNSQuery.word(bytes, 6), DNSQuery.word(bytes, 8), DNSQuery.word(bytes, 10))
        guard let prerequisites = UpdateMessage.records(bytes, counts.0, &position),
            let updates = UpdateMessage.records(bytes, counts.1, &position)
        else { return nil }
        self.prerequisites = prerequisites
        self.updates = updates
        for _ in 0..<counts.2 {
            guard let record = AdditionalRecord(bytes, at: position) else { return nil }
            position = record.end
        }
        guard position == bytes.count else { return nil }
    }

    /// Decodes a message held in an array.
    public init?(_ bytes: [UInt8]) { self.init(bytes.span) }

    private static func records(
        _ bytes: Span<UInt8>,
        _ count: Int,
        _ position: inout Int
    ) -> [DNSMessage.Record]? {
        var records: [DNSMessage.Record] = []
        for _ in 0..<count {
            guard let fixed = AdditionalRecord(bytes, at: position) else { return nil }
            guard fixed.dataStart == fixed.end else {
                guard var record = DNSMessage.Record(bytes, &position) else { return nil }
                // RFC 2181 §8: with the highest bit set it counts as 0.
                if record.recordClass == RecordClass.internet, record.ttl > 0x7fff_ffff {
                    record.ttl = 0
                }
                records.append(record)
                continue
            }
            // Data that no type would have: these speak of sets and names as a whole.
            guard let owner = DomainName(expanding: bytes, at: &position) else { return nil }
            var record = DNSMessage.Record(owner: owner, type: fixed.type, ttl: fixed.ttl, data: [])
            record.recordClass = fixed.recordClass
            records.append(record)
            position = fixed.end
        }
        return records
    }
}

extension DNSMessage.Record {
    /// The record in uncompressed wire form.
    public var wire: [UInt8] {
        owner.wire + octets(type.rawValue) + octets(recordClass) + octets(ttl)
            + octets(UInt16(truncatingIfNeeded: data.count)) + data
    }

    /// Reads records that stand one behind the other in uncompressed wire form; nil when any of
    /// them is malformed.
    public static func list(wire bytes: [UInt8]) -> [DNSMessage.Record]? {
        var records: [DNSMessage.Record] = []
        var position = 0
        while position < bytes.count {
            guard let record = DNSMessage.Record(bytes.span, &position) else { return nil }
            records.append(record)
        }
        return records
    }

    /// True when the data have the shape of their type.
    public var isWellFormed: Bool { RecordDataForm.isWellFormed(type, data.span) }
}
