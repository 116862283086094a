// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// One set of records that share owner and type.
public struct RecordSet: Sendable, Equatable {
    /// The TTL, which is the same for all (RFC 2181 §5.2).
    public var ttl: UInt32
    /// The data of each record in uncompressed wire form.
    public var data: [[UInt8]]

    /// Joins TTL and data.
    public init(ttl: UInt32, data: [[UInt8]]) {
        self.ttl = ttl
        self.data = data
    }
}

/// Names a set of records.
public struct RecordSetKey: Sendable, Hashable {
    /// The owner; case does not matter.
    public var owner: DomainName
    /// The type.
    public var type: RecordType

    /// Joins owner and type.
    public init(_ owner: DomainName, _ type: RecordType) {
        self.owner = owner
        self.type = type
    }
}

/// A zone as sets of records that can be changed: what a ``ZoneTable`` is made of.
///
/// It takes some 300 octets for each record, so it is kept for zones that change by messages alone.
/// Changes are made in place, and noted: a zone of a million names is not copied for one of them.
public struct ZoneRecords: Sendable {
    /// The name of the zone, in lower case.
    public let apex: DomainName
    /// All sets by owner and type.
    public private(set) var names: [DomainName: [RecordType: RecordSet]] = [:]
    /// What is steered: it is never changed here.
    public private(set) var fixed: [ZoneContent] = []
    private var fixedNames: Set<DomainName> = []
    // The owners of ALIAS, which is a set like others, and stands for two more.
    private var aliasNames: Set<DomainName> = []
    // What was taken from them since ``begin()``.
    private var released: [ZoneContent] = []
    // Of all records as they were at ``begin()``.
    private var settled = ZoneDigest()
    /// The sets that have changed since ``begin()``, as they were.
    public private(set) var former: [RecordSetKey: RecordSet?] = [:]

    // Where records stand in sets that are too large to be searched through, by what equal ones have
    // in common; only of sets that are being changed.
    private var places: [RecordSetKey: [[UInt8]: Int]] = [:]
    private static let searchLimit = 16

    /// A zone without records.
    public init(apex: DomainName) { self.apex = apex.lowercased }

    /// A zone with what a table has of it.
    public init(apex: DomainName, _ contents: [ZoneContent]) {
        self.init(apex: apex)
        defer { begin() }
        for content in contents {
            if let record = content.record { add(record) }
            guard case .steer(let owner, _, _, _) = content else { continue }
            fixed.append(content)
            fixedNames.insert(owner)
        }
    }

    /// Everything, as a builder takes it.
    public var contents: [ZoneContent] { fixed + records.map { .record($0) } }

    /// All records in no certain order.
    public var records: [DNSMessage.Record] {
        names.flatMap { owner, sets in sets.flatMap { Self.records(owner, $0.key, $0.value) } }
    }

    /// True when the addresses of a name are chosen, or another name's.
    public func isFixed(_ owner: DomainName) -> Bool {
        fixedNames.contains(owner) || aliasNames.contains(owner)
    }

    /// True when a policy chooses addresses of a name, or its CNAME.
    public func isPolicySteered(_ owner: DomainName) -> Bool { fixedNames.contains(owner) }

    /// True when the set of a name and a type is chosen, or another name's; a chosen CNAME is in the
    /// place of all.
    public func isFixed(_ owner: DomainName, _ type: RecordType) -> Bool {
        if aliasNames.contains(owner), type == .A || type == .AAAA { return true }
        guard fixedNames.contains(owner) else { return false }
        return fixed.contains { content in
            guard case .steer(owner, _, _, let types) = content else { return false }
            return types.contains(type) || types.contains(.CNAME)
        }
    }

    /// The types that records of type LUA of a name stand for; each begins with the one it is for.
    public func chosenTypes(_ owner: DomainName) -> Set<RecordType> {
        Set(
            (self[owner, .LUA]?.data ?? []).compactMap { data in
                data.count < 2 ? nil : RecordType(UInt16(data[0]) << 8 | UInt16(data[1]))
            }
        )
    }

    /// The same, or they are to be chosen by a record that is not in force.
    public func isSteered(_ owner: DomainName) -> Bool {
        isFixed(owner) || self[owner, .LUA] != nil
    }

    /// True when a delegation of a name would hide what is steered; the zone's own is none.
    public func isSteered(atOrBelow owner: DomainName) -> Bool {
        guard owner != apex else { return false }
        return isSteered(owner) || fixedNames.contains { $0.isWithin(owner) }
            || aliasNames.contains { $0.isWithin(owner) }
    }

    /// Takes what is steered from a name; nil for all types.
    public mutating func release(_ owner: DomainName, _ types: Set<RecordType>? = nil) {
        guard fixedNames.contains(owner) else { return }
        func isOwn(_ content: ZoneContent) -> Bool {
            guard case .steer(owner, _, _, let chosen) = content else { return false }
            return types?.isDisjoint(with: chosen) != true
        }
        released += fixed.filter(isOwn)
        fixed.removeAll(where: isOwn)
        let isLeft = fixed.contains { content in
            if case .steer(owner, _, _, _) = content { true } else { false }
        }
        if !isLeft { fixedNames.remove(owner) }
    }

    // What was taken from names since ``begin()`` is theirs again.
    private mutating func giveBack() {
        for case .steer(let owner, _, _, _) in released { fixedNames.insert(owner) }
        fixed += released
    }

    /// A set; nil when there is none.
    public subscript(_ owner: DomainName, _ type: RecordType) -> RecordSet? {
        get { names[owner]?[type] }
        set {
            let key = RecordSetKey(owner, type)
            keep(key)
            places[key] = nil
            noteAlias(key, isThere: newValue?.data.isEmpty == false)
            guard let newValue, !newValue.data.isEmpty else {
                names[owner]?[type] = nil
                if names[owner]?.isEmpty == true { names[owner] = nil }
                return
            }
            names[owner, default: [:]][type] = newValue
        }
    }

    /// A name as its records write it.
    public func spelling(of owner: DomainName) -> DomainName {
        names.index(forKey: owner).map { names[$0].key } ?? owner
    }

    /// The sets of a name.
    public func sets(of owner: DomainName) -> [RecordType: RecordSet] { names[owner] ?? [:] }

    /// True when something stands at a name (RFC 2136 §2.4.4: empty non-terminals do not count).
    public func isInUse(_ owner: DomainName) -> Bool {
        names[owner] != nil || fixedNames.contains(owner)
    }

    /// Adds a record to its set, whose TTL becomes the record's; the same record is not added twice.
    public mutating func add(_ record: DNSMessage.Record) {
        let key = RecordSetKey(record.owner, record.type)
        keep(key)
        noteAlias(key, isThere: true)
        let same = Self.canonical(record.type, record.data)
        let found = place(of: same, in: key)
        // In place: a set of thousands is not copied for each of its records.
        names[key.owner, default: [:]][key.type, default: RecordSet(ttl: 0, data: [])].ttl =
            record.ttl
        if let found {
            names[key.owner]?[key.type]?.data[found] = record.data
        } else {
            names[key.owner]?[key.type]?.data.append(record.data)
            places[key]?[same] = (names[key.owner]?[key.type]?.data.count ?? 1) - 1
        }
    }

    /// Removes a record from its set, if it is there; a set without records is gone.
    public mutating func remove(_ record: DNSMessage.Record) {
        let key = RecordSetKey(record.owner, record.type)
        let same = Self.canonical(record.type, record.data)
        guard let found = place(of: same, in: key) else { return }
        keep(key)
        // The last one takes its place: an order has no meaning in a set.
        guard let last = names[key.owner]?[key.type]?.data.popLast() else { return }
        places[key]?[same] = nil
        let count = names[key.owner]?[key.type]?.data.count ?? 0
        if found < count {
            names[key.owner]?[key.type]?.data[found] = last
            places[key]?[Self.canonical(key.type, last)] = found
        }
        if count == 0 { self[key.owner, key.type] = nil }
    }

    private mutating func noteAlias(_ key: RecordSetKey, isThere: Bool) {
        guard key.type == .ALIAS else { return }
        if isThere { aliasNames.insert(key.owner) } else { aliasNames.remove(key.owner) }
    }

    // What it was before the first change.
    private mutating func keep(_ key: RecordSetKey) {
        if former[key] == nil { former[key] = .some(names[key.owner]?[key.type]) }
    }

    private mutating func place(of same: [UInt8], in key: RecordSetKey) -> Int? {
        guard let data = names[key.owner]?[key.type]?.data else { return nil }
        guard data.count >= Self.searchLimit else {
            return data.firstIndex { Self.canonical(key.type, $0) == same }
        }
        if places[key] == nil {
            var found: [[UInt8]: Int] = [:]
            for (place, one) in data.enumerated() { found[Self.canonical(key.type, one)] = place }
            places[key] = found
        }
        return places[key]?[same]
    }

    /// The serial of the SOA; nil without one.
    public var serial: UInt32? {
        guard let data = self[apex, .SOA]?.data.first else { return nil }
        return Self.serial(ofSOA: data)
    }

    /// Sets the serial of the SOA.
    public mutating func setSerial(_ serial: UInt32) {
        guard var set = self[apex, .SOA], var data = set.data.first, data.count >= 22 else {
            return
        }
        for place in 0..<4 {
            data[data.count - 20 + place] = UInt8(
                truncatingIfNeeded: serial >> UInt32(24 - 8 * place)
            )
        }
        set.data = [data]
        self[apex, .SOA] = set
    }

    /// The serial in the data of an SOA.
    public static func serial(ofSOA data: [UInt8]) -> UInt32? {
        guard data.count >= 22 else { return nil }
        return data.dropFirst(data.count - 20).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// What two equal records have in common (RFC 4034 §6.2).
    public static func canonical(_ type: RecordType, _ data: [UInt8]) -> [UInt8] {
        CanonicalData.bytes(type, data.span)
    }

    static func records(
        _ owner: DomainName,
        _ type: RecordType,
        _ set: RecordSet
    ) -> [DNSMessage.Record] {
        set.data.map { DNSMessage.Record(owner: owner, type: type, ttl: set.ttl, data: $0) }
    }

    /// The digest of all records; it costs what the sets hold that have changed since ``begin()``.
    public var digest: ZoneDigest {
        var digest = settled
        for (key, old) in former {
            let new = self[key.owner, key.type]
            guard old != new else { continue }
            for record in old.map({ Self.records(key.owner, key.type, $0) }) ?? [] {
                digest.remove(record)
            }
            for record in new.map({ Self.records(key.owner, key.type, $0) }) ?? [] {
                digest.add(record)
            }
        }
        return digest
    }

    /// How many sets are others than they were at ``begin()``, the SOA aside.
    public var changedSets: Int {
        former.count { key, old in key.type != .SOA && old != self[key.owner, key.type] }
    }

    /// Notes changes from now on.
    public mutating func begin() {
        settled = digest
        former = [:]
        places = [:]
        released = []
    }

    /// Undoes what has changed since ``begin()``.
    public mutating func rollBack() {
        let undone = former
        for (key, set) in undone { self[key.owner, key.type] = set }
        giveBack()
        begin()
    }

    /// What has changed since ``begin()``; nil when nothing has.
    public func difference() -> ZoneDifference? {
        var deleted: [DNSMessage.Record] = []
        var added: [DNSMessage.Record] = []
        for key in former.keys.sorted(by: Self.isOrdered) where key.type != .SOA {
            let (old, new) = (former[key] ?? nil, self[key.owner, key.type])
            guard old != new else { continue }
            let owner = spelling(of: key.owner)
            let before = old.map { Self.records(owner, key.type, $0) } ?? []
            let after = new.map { Self.records(owner, key.type, $0) } ?? []
            // With another TTL none is the same.
            let isSame = old?.ttl == new?.ttl
            let (gone, come) = (Set(old?.data ?? []), Set(new?.data ?? []))
            deleted += before.filter { !isSame || !come.contains($0.data) }
            added += after.filter { !isSame || !gone.contains($0.data) }
        }
        guard let newSOA = soa(self[apex, .SOA]),
            let oldSOA = former[RecordSetKey(apex, .SOA)].map(soa) ?? newSOA,
            !deleted.isEmpty || !added.isEmpty || oldSOA != newSOA
        else { return nil }
        return ZoneDifference(oldSOA: oldSOA, deleted: deleted, newSOA: newSOA, added: added)
    }

    private func soa(_ set: RecordSet?) -> DNSMessage.Record? {
        set.flatMap { Self.records(apex, .SOA, $0).first }
    }

    // In an order that is always the same.
    private static func isOrdered(_ a: RecordSetKey, _ b: RecordSetKey) -> Bool {
        guard a.owner == b.owner else {
            return a.owner.lowercased.wire.lexicographicallyPrecedes(b.owner.lowercased.wire)
        }
        return a.type.rawValue < b.type.rawValue
    }
}
