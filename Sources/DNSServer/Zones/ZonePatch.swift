// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// A table in which names of a zone get other sets, at the cost of those names.
///
/// Building a zone costs microseconds for each of its records, and a change of one by a message is
/// one of thousands that come in a second. So the arrays of the table are copied as they are, which
/// is a matter of the memory's speed, and what is new goes to their ends:
///
///     slots    a new name gets one; a name that goes keeps it, and its node has no length any more
///     nodes    a changed one shows its new sets; empty non-terminals come and go with names below
///     sets     as many as before: in their places; more: behind all others
///     bytes    names and records that are new, behind all others
///
/// What points elsewhere than to itself is not changed so: delegations, wildcards, DNAME, hosts and
/// whom they are named by, chains of NSEC, what is steered, aliases, and zones inside one another. ``change(_:_:)``
/// says so, and the zone is built from its records, which is also where everything is judged that
/// cannot be served. ``joined(_:)`` leaves out what nobody looks at any more, once it is too much.
public struct ZonePatch: ~Copyable {
    /// Types that nothing but their own name has to do with.
    private static let plainTypes: Set<RecordType> = [
        .A, .AAAA, .TXT, .PTR, .CNAME, .CAA, .SOA, RecordType(44), RecordType(49), RecordType(52),
    ]
    /// So many of the slots are in use at most, in parts of four.
    private static let usedQuarters = 3
    /// So much is not worth a copy that leaves it out.
    private static let smallWaste = 64 << 10

    private let former: ZoneTable
    private var layout = ZoneTableLayout()
    private var slots: [UInt64]
    private var kinship: ZoneKinship

    /// The table as it is; nil for one that cannot be changed so.
    public init?(_ table: ZoneTable) {
        guard table.aliases.isEmpty, table.aliasedZones.isEmpty,
            table.zones.allSatisfy({ $0.parent == absent })
        else { return nil }
        former = table
        slots = table.slots
        kinship = table.kinship ?? ZoneKinship(table)
        kinship.parents = ZonePatch.copy(kinship.parents)
        kinship.children = ZonePatch.copy(kinship.children)
        layout.nodes = ZonePatch.copy(table.nodes)
        layout.sets = ZonePatch.copy(table.sets)
        layout.zones = table.zones
        layout.steered = table.steered
        layout.referrals = table.referrals
        layout.glue = table.glue
        layout.bytes = ZonePatch.copy(table.bytes)
        layout.spellings = table.spellings
        layout.chains = table.chains
        layout.signatureEnds = table.signatureEnds
        layout.deepest = table.deepest
    }

    // With room for what comes: growing would be one more copy.
    private static func copy<Element>(_ array: [Element]) -> [Element] {
        var copy = array
        copy.reserveCapacity(array.count + array.count / 32 + 1000)
        return copy
    }

    /// The table with all changes; nil when it would be too large for its numbers.
    public consuming func table() -> ZoneTable? {
        layout.kinship = kinship
        guard !layout.isOverfull else { return nil }
        let table = layout.table(slots, board: former.board)
        let limit = max(table.bytes.count / 2, ZonePatch.smallWaste)
        guard kinship.waste > limit else { return table }
        return ZoneTable.joined([ZonePart(table)])
    }

    /// Has some sets of a zone as they are among its records now; false when it has to be built, and
    /// then the patch is of no use.
    public mutating func change(_ records: ZoneRecords, _ sets: some Sequence<RecordSetKey>) -> Bool
    {
        guard let zone = former.usableZone(records.apex),
            layout.zones[zone].chain.kind == .none
        else { return false }
        var changes: [DomainName: [RecordType]] = [:]
        for key in sets { changes[key.owner.lowercased, default: []].append(key.type) }
        for (owner, types) in changes {
            let spelled = records.spelling(of: owner).wire
            guard types.allSatisfy(ZonePatch.plainTypes.contains),
                change(owner, spelled, Set(types), records.sets(of: owner), zone)
            else { return false }
        }
        return true
    }

    private mutating func change(
        _ owner: DomainName,
        _ spelled: [UInt8],
        _ types: Set<RecordType>,
        _ sets: [RecordType: RecordSet],
        _ zone: Int
    ) -> Bool {
        let name = owner.wire
        // A name beside an alias, two of them, an SOA below the apex, the addresses of another name:
        // the builder says what it is.
        guard !types.contains(.ALIAS), sets[.ALIAS] == nil else { return false }
        if let alias = sets[.CNAME], sets.count > 1 || alias.data.count > 1 { return false }
        let count = layout.nodes.count
        guard !ZonePatch.hasWildcard(name),
            let place = node(name, zone, isWanted: !sets.isEmpty, isHost: types != [.SOA])
        else { return false }
        // Nothing is there, and nothing is to be there.
        guard let index = place.index else { return true }
        if layout.nodes.count > count {
            layout.spell(spelled)
        } else if !sets.isEmpty, !layout.writes(index, as: spelled) {
            return false
        }
        let isApex = layout.nodes[index].flags.contains(.apex)
        guard types.contains(.SOA) == false || isApex && sets[.SOA]?.data.count == 1,
            !isApex || sets[.SOA] != nil,
            let made = compile(index, name, types, sets, zone)
        else { return false }
        put(made, at: index)
        if isApex, types.contains(.SOA), !setNegative(name, sets, zone) { return false }
        return sets.isEmpty ? prune(index) : true
    }

    // A wildcard is known to the name above it, be it a name of records or one on the way to others
    // (RFC 4592 §2.2.2).
    private static func hasWildcard(_ name: [UInt8]) -> Bool {
        var start = 0
        while start < name.count, name[start] != 0 {
            if name[start] == 1, start + 1 < name.count, name[start + 1] == UInt8(ascii: "*") {
                return true
            }
            start += Int(name[start]) + 1
        }
        return false
    }

    private struct Place {
        /// Nil for a name that is not there, and need not be.
        var index: Int?
    }

    // MARK: Names

    // The node of a name, which is made where it is wanted; nil when more than the name changes.
    private mutating func node(
        _ name: [UInt8],
        _ zone: Int,
        isWanted: Bool,
        isHost: Bool
    ) -> Place? {
        let apexLength = Int(layout.zones[zone].apexLength)
        // From the name upwards to one that exists.
        var missing: [(start: Int, hash: UInt64)] = []
        var start = 0
        while name.count - start >= apexLength {
            let rest = name.span.extracting(start..<name.count)
            guard let found = ZoneKinship.node(rest, slots, layout.nodes, layout.bytes) else {
                return nil
            }
            let isChanged = found.node == nil || start == 0
            if isHost, isChanged, kinship.hosts.contains(found.hash) { return nil }
            if let known = found.node {
                return above(known, missing, name, zone, isWanted: isWanted)
            }
            missing.append((start, found.hash))
            start += Int(name[start]) + 1
        }
        return nil
    }

    private mutating func above(
        _ known: UInt32,
        _ missing: [(start: Int, hash: UInt64)],
        _ name: [UInt8],
        _ zone: Int,
        isWanted: Bool
    ) -> Place? {
        let node = layout.nodes[Int(known)]
        guard Int(node.zone) == zone, node.cut == absent, !node.flags.contains(.hidden) else {
            return nil
        }
        // Below a DNAME there is nothing.
        guard node.link != known else { return nil }
        guard isWanted || missing.isEmpty else { return Place(index: nil) }
        var parent = known
        for (start, hash) in missing.reversed() {
            guard let made = make(name[start...], hash, zone, below: parent) else { return nil }
            parent = made
        }
        return Place(index: Int(parent))
    }

    private mutating func make(
        _ name: ArraySlice<UInt8>,
        _ hash: UInt64,
        _ zone: Int,
        below parent: UInt32
    ) -> UInt32? {
        guard let offset = layout.addBytes(name), name.count <= 255,
            let scanned = WireName.scan(Array(name).span, at: 0)
        else { return nil }
        if (layout.nodes.count + 1) * 4 > slots.count * ZonePatch.usedQuarters { growSlots() }
        let number = UInt32(truncatingIfNeeded: layout.nodes.count)
        layout.nodes.append(
            ZoneNode(
                nameOffset: offset,
                firstSet: 0,
                zone: UInt32(truncatingIfNeeded: zone),
                cut: absent,
                link: absent,
                nameLength: UInt8(truncatingIfNeeded: name.count),
                setCount: 0,
                flags: []
            )
        )
        layout.deepest = max(layout.deepest, scanned.labelCount)
        layout.zones[zone].names &+= 1
        kinship.parents.append(parent)
        kinship.children.append(0)
        kinship.children[Int(parent)] += 1
        insert(number, hash)
        return number
    }

    private mutating func insert(_ number: UInt32, _ hash: UInt64) {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = (hash & ~0xffff_ffff) | UInt64(number + 1)
    }

    private mutating func growSlots() {
        slots = [UInt64](repeating: 0, count: slots.count * 2)
        for (number, node) in layout.nodes.enumerated()
        where node.nameLength > 0 && !node.flags.contains(.hidden) {
            let scanned = WireName.scan(layout.bytes.span, at: Int(node.nameOffset))
            guard let scanned else { continue }
            insert(UInt32(truncatingIfNeeded: number), scanned.hash.value)
        }
    }

    // Takes a name without sets out, and those above it that were there for it alone; false when
    // one of them was nearer to a host than its wildcard.
    private mutating func prune(_ index: Int) -> Bool {
        var place = index
        while layout.nodes[place].setCount == 0, kinship.children[place] == 0,
            !layout.nodes[place].flags.contains(.apex)
        {
            let start = Int(layout.nodes[place].nameOffset)
            guard let scanned = WireName.scan(layout.bytes.span, at: start),
                !kinship.hosts.contains(scanned.hash.value)
            else { return false }
            let parent = kinship.parents[place]
            kinship.parents[place] = absent
            kinship.waste += Int(layout.nodes[place].nameLength) + MemoryLayout<ZoneNode>.stride
            layout.nodes[place].nameLength = 0
            layout.zones[Int(layout.nodes[place].zone)].names &-= 1
            guard parent != absent else { return true }
            kinship.children[Int(parent)] -= 1
            place = Int(parent)
        }
        return true
    }

    // MARK: Sets

    // All sets of a name: those that stay as they are, and new ones.
    private mutating func compile(
        _ index: Int,
        _ name: [UInt8],
        _ types: Set<RecordType>,
        _ sets: [RecordType: RecordSet],
        _ zone: Int
    ) -> [ZoneSet]? {
        let node = layout.nodes[index]
        let old = layout.sets[Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)]
        guard !old.contains(where: \.isSteered) else { return nil }
        var made = old.filter { !types.contains($0.type) }
        for set in old where types.contains(set.type) { kinship.waste += Int(set.length) }
        for type in types {
            guard let set = sets[type], !set.data.isEmpty else { continue }
            guard let compiled = compile(name, type, set, zone) else { return nil }
            made.append(ZoneSet(compiled, type: type))
        }
        guard made.count <= 200 else { return nil }
        return made.sorted { $0.type.rawValue < $1.type.rawValue }
    }

    private mutating func compile(
        _ name: [UInt8],
        _ type: RecordType,
        _ set: RecordSet,
        _ zone: Int
    ) -> CompiledSet? {
        var seen: Set<[UInt8]> = []
        let data = set.data.filter { one in
            set.data.count == 1 || seen.insert(CanonicalData.bytes(type, one.span)).inserted
        }
        let compiled = layout.compile(
            owner: name,
            apexLength: Int(layout.zones[zone].apexLength),
            type: type,
            ttl: set.ttl,
            data.map { $0[...] }
        )
        // Behind the record: its target in full and in lower case, to be looked up.
        if type == .CNAME, let target = data.first, compiled != nil {
            layout.bytes += target.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        }
        return compiled
    }

    private mutating func put(_ made: [ZoneSet], at index: Int) {
        let node = layout.nodes[index]
        if made.count > Int(node.setCount) {
            kinship.waste += Int(node.setCount) * MemoryLayout<ZoneSet>.stride
            layout.nodes[index].firstSet = UInt32(truncatingIfNeeded: layout.sets.count)
            layout.sets += made
        } else {
            layout.sets.replaceSubrange(
                Int(node.firstSet)..<Int(node.firstSet) + made.count,
                with: made
            )
        }
        layout.nodes[index].setCount = UInt8(truncatingIfNeeded: made.count)
        if made.contains(where: { $0.type == .CNAME }) {
            layout.nodes[index].flags.insert(.cname)
        } else {
            layout.nodes[index].flags.remove(.cname)
        }
    }

    // RFC 2308 §3: a negative answer lives as long as the lower of minimum and the SOA's TTL.
    private mutating func setNegative(
        _ apex: [UInt8],
        _ sets: [RecordType: RecordSet],
        _ zone: Int
    ) -> Bool {
        guard let start = sets[.SOA], let data = start.data.first, data.count >= 22 else {
            return false
        }
        let minimum = data.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let negative = RecordSet(ttl: min(minimum, start.ttl), data: [data])
        guard let compiled = compile(apex, .SOA, negative, zone) else { return false }
        kinship.waste += Int(layout.zones[zone].negative.length)
        layout.zones[zone].negative = compiled
        return true
    }
}
