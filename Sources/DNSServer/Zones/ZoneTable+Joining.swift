// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

/// Zones of a table that go into another one.
public struct ZonePart: Sendable {
    let table: ZoneTable
    let zones: [Int]

    /// All zones of a table, but for some; those that cannot be served go along as such.
    public init(_ table: ZoneTable, without gone: Set<DomainName> = []) {
        self.table = table
        zones = table.zones.indices.filter { number in
            table.zoneName(number).map { !gone.contains($0) } ?? false
        }
    }

    /// One zone of a table; nil when that does not serve it.
    public init?(_ table: ZoneTable, only apex: DomainName) {
        self.init(table, only: [apex])
    }

    /// Some zones of a table; nil when that does not serve one of them.
    public init?(_ table: ZoneTable, only apexes: [DomainName]) {
        self.table = table
        var zones: [Int] = []
        for apex in apexes {
            guard let number = table.usableZone(apex) else { return nil }
            zones.append(number)
        }
        self.zones = zones
    }
}

/// Zones that are laid out already, put side by side.
///
/// Making a table from records takes microseconds for each of them: they are checked, compressed,
/// and looked up. A zone that stands in a table has all that behind it, and nothing in it says where
/// it stands but offsets: copying those, and what they are counted from, takes a tenth of the time,
/// and no memory beside the new table. So one large zone among those that have changed does not
/// make a change of another one slow.
extension ZoneTable {
    /// Zones of several tables in one, in their order; nil when that cannot be had by copying.
    ///
    /// Zones inside one another hide and delegate each other's names, and ways of aliases lead from
    /// zone to zone: those are to be built from their records. The same holds for a zone that is
    /// there twice.
    public static func joined(_ parts: [ZonePart]) -> ZoneTable? {
        var layout = ZoneTableLayout()
        layout.reserve(parts)
        var apexes: Set<[UInt8]> = []
        for part in parts where !part.zones.isEmpty {
            var moved = MovedZone(of: part.table)
            for zone in part.zones {
                guard let apex = part.table.zoneName(zone)?.wire, apexes.insert(apex).inserted,
                    layout.take(zone, &moved)
                else { return nil }
            }
        }
        guard !layout.isOverfull, !areNested(apexes) else { return nil }
        return layout.table(AliasNetworkLimits())
    }

    /// The names of all zones, served or not.
    public var zoneNames: [DomainName] { zones.indices.compactMap(zoneName) }

    private static func areNested(_ apexes: Set<[UInt8]>) -> Bool {
        apexes.contains { apex in
            var position = 0
            while position < apex.count, apex[position] != 0 {
                position += Int(apex[position]) + 1
                if apexes.contains(Array(apex[min(position, apex.count)...])) { return true }
            }
            return false
        }
    }
}

/// Where the nodes and sets of a table are that is copied from, zone by zone.
private struct MovedZone {
    let table: ZoneTable
    private(set) var zone = 0
    /// The nodes of the zone, its apex first.
    private(set) var nodes: [Int] = []
    /// By the places in the former table.
    var places: [UInt32]
    var sets: [UInt32]
    // After a patch the nodes of zones lie among those of others: they are told apart once.
    private var byZone: [[Int]] = []

    init(of table: ZoneTable) {
        self.table = table
        places = [UInt32](repeating: absent, count: table.nodes.count)
        sets = [UInt32](repeating: absent, count: table.sets.count)
        guard table.kinship != nil else { return }
        byZone = [[Int]](repeating: [], count: table.zones.count)
        for (index, node) in table.nodes.enumerated() where Int(node.zone) < byZone.count {
            byZone[Int(node.zone)].append(index)
        }
    }

    mutating func begin(_ zone: Int) {
        self.zone = zone
        nodes = byZone.isEmpty ? Array(table.nodes(ofZone: zone)) : byZone[zone]
    }

    /// True for a node of the zone that stands for a name.
    func isTaken(_ index: Int) -> Bool {
        Int(table.nodes[index].zone) == zone && table.nodes[index].nameLength > 0
    }

    func place(ofNode node: UInt32) -> UInt32? {
        guard Int(node) < places.count, Int(table.nodes[Int(node)].zone) == zone else { return nil }
        let place = places[Int(node)]
        return place == absent ? nil : place
    }

    func place(ofSet set: UInt32) -> UInt32? {
        guard Int(set) < sets.count else { return nil }
        let place = sets[Int(set)]
        return place == absent ? nil : place
    }
}

extension ZoneTable {
    /// Where the nodes of a zone lie, unless the table was patched: one behind the other, its apex
    /// first.
    func nodes(ofZone zone: Int) -> Range<Int> {
        let first = Int(zones[zone].apex)
        var end = first
        while end < nodes.count, Int(nodes[end].zone) == zone { end += 1 }
        return first..<end
    }
}

extension ZoneTableLayout {
    fileprivate mutating func reserve(_ parts: [ZonePart]) {
        var (names, sets, octets) = (0, 0, 0)
        for part in parts {
            // Of a table of which little is taken most would be room for nothing.
            guard part.zones.count * 2 > part.table.zoneCount else { continue }
            names += part.table.nodes.count
            sets += part.table.sets.count
            octets += part.table.bytes.count
        }
        nodes.reserveCapacity(names)
        hashes.reserveCapacity(names)
        self.sets.reserveCapacity(sets)
        bytes.reserveCapacity(octets)
    }

    /// Copies a zone; false when others have to do with it.
    fileprivate mutating func take(_ zone: Int, _ moved: inout MovedZone) -> Bool {
        let table = moved.table
        let entry = table.zones[zone]
        guard entry.parent == absent, !table.aliasedZones.contains(zone) else { return false }
        moved.begin(zone)
        let first = nodes.count
        let taken = moved.nodes.filter { moved.isTaken($0) }
        for index in taken {
            guard takeNode(index, of: table, &moved) else { return false }
        }
        for index in taken {
            let place = Int(moved.places[index])
            guard relink(place, table.nodes[index], index, moved) else { return false }
        }
        return takeEntry(entry, first, moved)
    }

    private mutating func takeNode(
        _ index: Int,
        of table: ZoneTable,
        _ moved: inout MovedZone
    ) -> Bool {
        var node = table.nodes[index]
        let start = Int(node.nameOffset)
        guard !node.flags.contains(.hidden),
            let scanned = WireName.scan(table.bytes.span, at: start),
            let offset = addBytes(table.bytes[start..<start + Int(node.nameLength)])
        else { return false }
        let old = Int(node.firstSet)
        node.nameOffset = offset
        node.firstSet = UInt32(truncatingIfNeeded: sets.count)
        node.zone = UInt32(truncatingIfNeeded: zones.count)
        for place in old..<old + Int(node.setCount) {
            guard let set = takeSet(table.sets[place], of: table) else { return false }
            moved.sets[place] = UInt32(truncatingIfNeeded: sets.count)
            sets.append(set)
        }
        moved.places[index] = UInt32(truncatingIfNeeded: nodes.count)
        nodes.append(node)
        hashes.append(scanned.hash.value)
        deepest = max(deepest, scanned.labelCount)
        if let place = table.spellings.place(ofNode: index) {
            spell(table.bytes[place..<place + Int(node.nameLength)])
        }
        return true
    }

    // A set with all that belongs to it: the references before its records, and what stands behind.
    private mutating func takeSet(_ set: ZoneSet, of table: ZoneTable) -> ZoneSet? {
        var new = set
        guard !set.isSteered else {
            var given = table.steered[Int(set.offset)]
            guard given.alias == absent else { return nil }
            if set.type.isService {
                let start = Int(given.templates)
                var end = start
                for _ in 0..<set.count {
                    guard let template = ServiceTemplate(table.bytes.span, at: end) else {
                        return nil
                    }
                    end = template.end
                }
                guard let offset = addBytes(table.bytes[start..<end]) else { return nil }
                given.templates = offset
            }
            new.offset = UInt32(truncatingIfNeeded: steered.count)
            steered.append(given)
            return new
        }
        guard let compiled = takeRecords(set.compiled, of: table) else { return nil }
        new.offset = compiled.offset
        let end = Int(set.offset) + Int(set.length)
        if set.type == .CNAME, let length = WireName.length(in: table.bytes.span, at: end) {
            bytes += table.bytes[end..<end + length]
        }
        // The place of the addresses that go along is another one: see `relink`.
        if ZoneSet.namesHosts(set.type) { bytes += [0xff, 0xff, 0xff, 0xff] }
        return new
    }

    private mutating func takeRecords(_ set: CompiledSet, of table: ZoneTable) -> CompiledSet? {
        let references = Int(set.referenceCount) * 4
        let start = Int(set.offset) - references
        guard let offset = addBytes(table.bytes[start..<Int(set.offset) + Int(set.length)]) else {
            return nil
        }
        // Near the end of what numbers can tell the layout is overfull anyway.
        guard let place = UInt32(exactly: Int(offset) + references) else { return nil }
        var new = set
        new.offset = place
        return new
    }

    private mutating func relink(
        _ place: Int,
        _ old: ZoneNode,
        _ index: Int,
        _ moved: MovedZone
    ) -> Bool {
        let own = Int(nodes[place].firstSet)
        if old.cut != absent {
            guard let cut = moved.place(ofNode: old.cut) else { return false }
            nodes[place].cut = cut
            guard Int(old.cut) == index, old.link != absent else { return true }
            guard
                let servers = (own..<own + Int(old.setCount)).first(where: { set in
                    sets[set].type == .NS
                }), let referral = takeReferral(old.link, of: servers, moved)
            else { return false }
            nodes[place].link = referral
            return true
        }
        if old.link != absent {
            guard let link = moved.place(ofNode: old.link) else { return false }
            nodes[place].link = link
        }
        for number in 0..<Int(old.setCount) where sets[own + number].namesHosts {
            let hosts = moved.table.view.hosts(of: moved.table.sets[Int(old.firstSet) + number])
            guard hosts != absent else { continue }
            guard let referral = takeReferral(hosts, of: own + number, moved) else { return false }
            setHosts(referral, ofSet: own + number)
        }
        return true
    }

    private mutating func takeReferral(
        _ number: UInt32,
        of servers: Int,
        _ moved: MovedZone
    ) -> UInt32? {
        let old = moved.table.referrals[Int(number)]
        let first = UInt32(truncatingIfNeeded: glue.count)
        for place in Int(old.firstGlue)..<Int(old.firstGlue) + Int(old.glueCount) {
            var address = moved.table.glue[place]
            guard let set = moved.place(ofSet: address.set) else { return nil }
            address.set = set
            glue.append(address)
        }
        referrals.append(
            Referral(
                servers: UInt32(truncatingIfNeeded: servers),
                firstGlue: first,
                glueCount: old.glueCount
            )
        )
        return UInt32(truncatingIfNeeded: referrals.count - 1)
    }

    private mutating func takeEntry(
        _ entry: ZoneEntry,
        _ apex: Int,
        _ moved: MovedZone
    ) -> Bool {
        let table = moved.table
        guard let negative = takeRecords(entry.negative, of: table) else { return false }
        var new = entry
        new.apex = UInt32(truncatingIfNeeded: apex)
        new.negative = negative
        if entry.chain.kind != .none {
            new.chain.apex = new.apex
            new.chain.first = UInt32(truncatingIfNeeded: chains.count)
            let names = Int(entry.chain.first)..<Int(entry.chain.first) + Int(entry.chain.count)
            for name in table.chains[names] {
                guard let place = moved.place(ofNode: name) else { return false }
                chains.append(place)
            }
            guard movePlaceOfParameters(&new.chain, table, moved) else { return false }
        }
        signatureEnds[zones.count] = table.signatureEnds[moved.zone]
        zones.append(new)
        return true
    }

    // They lie inside a set of the apex, and move with it.
    private func movePlaceOfParameters(
        _ chain: inout ZoneChainPlace,
        _ table: ZoneTable,
        _ moved: MovedZone
    ) -> Bool {
        guard chain.kind == .hashes, chain.parameters != 0 else { return true }
        let apex = table.nodes[Int(table.zones[moved.zone].apex)]
        let range = Int(apex.firstSet)..<Int(apex.firstSet) + Int(apex.setCount)
        guard let old = range.first(where: { table.sets[$0].type == .NSEC3PARAM }),
            let new = moved.place(ofSet: UInt32(truncatingIfNeeded: old)),
            chain.parameters >= table.sets[old].offset
        else { return false }
        chain.parameters = chain.parameters - table.sets[old].offset + sets[Int(new)].offset
        return true
    }
}
