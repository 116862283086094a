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
        for record in [oldSOA] + deleted + [newSOA] + added { record.append(to: &wire) }
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

    /// The records in their order; nil when the octets are none.
    public var records: (deleted: [DNSMessage.Record], added: [DNSMessage.Record])? {
        var found: [DNSMessage.Record] = []
        var position = 0
        while position < wire.count {
            guard let record = DNSMessage.Record(uncompressed: wire.span, at: &position) else {
                return nil
            }
            found.append(record)
        }
        guard found.first?.type == .SOA,
            let second = found.dropFirst().firstIndex(where: { $0.type == .SOA })
        else { return nil }
        return (Array(found[1..<second]), Array(found[(second + 1)...]))
    }
}

/// The latest differences of one zone, each beginning where the one before ends.
public struct ZoneHistory: Sendable, Equatable {
    /// From the oldest to the newest.
    public private(set) var differences: [ZoneDifference] = []
    /// Differences that are kept.
    public static let countLimit = 100
    /// Octets of all of them.
    public static let byteLimit = 4 << 20

    /// No past.
    public init() {}

    /// Takes the next difference; one that does not begin where the last ends begins a new history.
    public mutating func append(_ difference: ZoneDifference) {
        if differences.last?.to != difference.from { differences = [] }
        differences.append(difference)
        var bytes = differences.reduce(0) { $0 + $1.wire.count }
        while differences.count > ZoneHistory.countLimit || bytes > ZoneHistory.byteLimit,
            let first = differences.first
        {
            bytes -= first.wire.count
            differences.removeFirst()
        }
    }

    /// What leads from a serial to the present one; nil when that is not known any more.
    public func since(_ serial: SerialNumber, to present: SerialNumber) -> [ZoneDifference]? {
        guard differences.last?.to == present,
            let first = differences.firstIndex(where: { $0.from == serial })
        else { return nil }
        return Array(differences[first...])
    }
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

    /// The uncompressed wire form.
    public var uncompressed: [UInt8] {
        var wire: [UInt8] = []
        append(to: &wire)
        return wire
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
