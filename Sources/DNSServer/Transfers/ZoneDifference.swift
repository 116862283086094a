// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// What one version of a zone has that another has not, in the form of RFC 1995 §4.
///
/// The records stand one behind the other as uncompressed wire form, so that a difference is one
/// piece of memory, and can be written to a file as it is:
///
///     old SOA, what is gone, new SOA, what is new
public struct ZoneDifference: Sendable, Equatable {
    /// The serial before.
    public let from: SerialNumber
    /// The serial after.
    public let to: SerialNumber
    /// All records.
    public let wire: [UInt8]
    /// How many they are.
    public let count: Int
    // The octet where the new SOA begins.
    private let middle: Int

    /// Joins the parts; both lists are without the SOA.
    public init(
        oldSOA: DNSMessage.Record,
        deleted: [DNSMessage.Record],
        newSOA: DNSMessage.Record,
        added: [DNSMessage.Record]
    ) {
        from = oldSOA.serial ?? SerialNumber(0)
        to = newSOA.serial ?? SerialNumber(0)
        count = deleted.count + added.count + 2
        var wire: [UInt8] = []
        for record in [oldSOA] + deleted { record.append(to: &wire) }
        middle = wire.count
        for record in [newSOA] + added { record.append(to: &wire) }
        self.wire = wire
    }

    /// What has changed between two versions; nil when the serial did not rise, or there is no SOA.
    ///
    /// Names are told apart without regard to case, TTLs count.
    public init?(from old: [DNSMessage.Record], to new: [DNSMessage.Record]) {
        guard let oldSOA = old.first(where: { $0.type == .SOA }),
            let newSOA = new.first(where: { $0.type == .SOA }),
            let before = oldSOA.serial, let after = newSOA.serial, after.isNewer(than: before)
        else { return nil }
        let known = Set(old.map(\.identity))
        let wanted = Set(new.map(\.identity))
        self.init(
            oldSOA: oldSOA,
            deleted: old.filter { $0.type != .SOA && !wanted.contains($0.identity) },
            newSOA: newSOA,
            added: new.filter { $0.type != .SOA && !known.contains($0.identity) }
        )
    }

    /// The difference of two lists of records in uncompressed wire form, as ``deletedWire`` and
    /// ``addedWire`` have them; nil when they are none.
    public init?(deletedWire: [UInt8], addedWire: [UInt8]) {
        guard let deleted = DNSMessage.Record.list(wire: deletedWire),
            let added = DNSMessage.Record.list(wire: addedWire),
            let from = deleted.first?.serial, let to = added.first?.serial
        else { return nil }
        // A further SOA would end the difference where it does not end (RFC 1995 §4).
        guard (deleted.dropFirst() + added.dropFirst()).allSatisfy({ $0.type != .SOA }) else {
            return nil
        }
        (self.from, self.to) = (from, to)
        (wire, middle) = (deletedWire + addedWire, deletedWire.count)
        count = deleted.count + added.count
    }

    /// The old SOA and what is gone, in wire form.
    public var deletedWire: [UInt8] { Array(wire[..<middle]) }
    /// The new SOA and what is new, in wire form.
    public var addedWire: [UInt8] { Array(wire[middle...]) }
    /// The old SOA, then what is gone.
    public var deleted: [DNSMessage.Record] { DNSMessage.Record.list(wire: deletedWire) ?? [] }
    /// The new SOA, then what is new.
    public var added: [DNSMessage.Record] { DNSMessage.Record.list(wire: addedWire) ?? [] }
}

extension DNSMessage.Record {
    /// The serial of an SOA.
    public var serial: SerialNumber? {
        guard type == .SOA, data.count >= 22 else { return nil }
        let numbers = data.suffix(20).prefix(4)
        return SerialNumber(numbers.reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// The same octets for the same record, however its names are written.
    var identity: [UInt8] {
        var octets = owner.lowercased.wire
        octets += [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255)]
        octets += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ttl >> $0) }
        return octets + CanonicalData.bytes(type, data.span)
    }

    /// Appends the uncompressed wire form.
    func append(to wire: inout [UInt8]) {
        wire += owner.wire
        for word in [type.rawValue, recordClass] {
            wire += [UInt8(word >> 8), UInt8(word & 255)]
        }
        wire += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ttl >> $0) }
        wire += [UInt8(truncatingIfNeeded: data.count >> 8), UInt8(truncatingIfNeeded: data.count)]
        wire += data
    }

    /// Reads what ``append(to:)`` has written, and moves `position` behind it.
    init?(uncompressed bytes: Span<UInt8>, at position: inout Int) {
        guard let length = WireName.length(in: bytes, at: position) else { return nil }
        let fixed = position &+ length
        guard fixed &+ 10 <= bytes.count else { return nil }
        func word(_ place: Int) -> UInt16 { UInt16(bytes[place]) << 8 | UInt16(bytes[place &+ 1]) }
        let end = fixed &+ 10 &+ Int(word(fixed &+ 8))
        guard end <= bytes.count, word(fixed &+ 2) == RecordClass.internet else { return nil }
        var name: [UInt8] = []
        for place in position..<fixed { name.append(bytes[place]) }
        var data: [UInt8] = []
        for place in fixed &+ 10..<end { data.append(bytes[place]) }
        guard let owner = DomainName(wire: name) else { return nil }
        self.init(
            owner: owner,
            type: RecordType(word(fixed)),
            ttl: UInt32(word(fixed &+ 4)) << 16 | UInt32(word(fixed &+ 6)),
            data: data
        )
        position = end
    }
}
