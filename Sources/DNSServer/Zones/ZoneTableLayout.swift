// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// The arrays of a ``ZoneTable`` while they grow.
struct ZoneTableLayout {
    var nodes: [ZoneNode] = []
    var sets: [ZoneSet] = []
    var zones: [ZoneEntry] = []
    var steered: [SteeredSet] = []
    var referrals: [Referral] = []
    var glue: [Glue] = []
    var aliases: [AliasEntry] = []
    var outsideTargets: [DomainName] = []
    var aliasedZones: Set<Int> = []
    var bytes: [UInt8] = []
    var spellings = NameSpellings()
    var chains: [UInt32] = []
    var signatureEnds: [Int: UInt32] = [:]
    var hashes: [UInt64] = []
    var deepest = 0
    var kinship: ZoneKinship?
    private var compiler = RecordSetCompiler()
    /// True when an offset no longer fits 32 bits.
    private(set) var isOverfull = false

    /// Makes room once: growing by doubling would hold twice the table for a moment.
    mutating func reserve(names: Int, records: Int, bytes count: Int) {
        nodes.reserveCapacity(names)
        hashes.reserveCapacity(names)
        sets.reserveCapacity(records)
        bytes.reserveCapacity(count + records * 12)
    }

    /// Where the bytes lie from now on; nil when that no longer fits 32 bits.
    mutating func addBytes(_ added: some Collection<UInt8>) -> UInt32? {
        guard let offset = UInt32(exactly: bytes.count) else {
            isOverfull = true
            return nil
        }
        bytes += added
        return offset
    }

    mutating func addName(
        _ name: ZoneTableBuilder.Name,
        _ nameBytes: [UInt8],
        isHidden: Bool = false
    ) -> UInt32 {
        let start = Int(name.offset)
        guard let offset = addBytes(nameBytes[start..<start + Int(name.length)]) else {
            return absent
        }
        nodes.append(
            ZoneNode(
                nameOffset: offset,
                firstSet: UInt32(truncatingIfNeeded: sets.count),
                zone: name.zone,
                cut: absent,
                link: absent,
                nameLength: name.length,
                setCount: 0,
                flags: isHidden ? .hidden : []
            )
        )
        hashes.append(name.hash)
        if !isHidden { deepest = max(deepest, Int(name.labelCount)) }
        return UInt32(truncatingIfNeeded: nodes.count - 1)
    }

    /// Compiles records into the bytes; nil when they fit no message.
    mutating func compile(
        owner: [UInt8],
        apexLength: Int,
        type: RecordType,
        ttl: UInt32,
        ttls: [UInt32] = [],
        _ data: [ArraySlice<UInt8>]
    ) -> CompiledSet? {
        compiler.begin(owner: owner, apexLength: apexLength, type: type, ttl: ttl)
        for (number, slice) in data.enumerated() {
            let own = ttls.indices.contains(number) ? ttls[number] : ttl
            guard compiler.append(slice.span, ttl: own) else { return nil }
        }
        guard let length = UInt16(exactly: compiler.wire.count),
            let count = UInt16(exactly: compiler.count),
            let references = UInt8(exactly: compiler.references.count / 4)
        else { return nil }
        bytes += compiler.references
        guard let offset = UInt32(exactly: bytes.count) else {
            isOverfull = true
            return nil
        }
        bytes += compiler.wire
        return CompiledSet(
            offset: offset,
            length: length,
            count: count,
            referenceCount: references
        )
    }

    /// Adds a set to the last node; false when it fits no message.
    ///
    /// `ttls` are those of the records where they differ.
    mutating func addSet(
        of name: ZoneTableBuilder.Name,
        owner nameBytes: [UInt8],
        apexLength: Int,
        type: RecordType,
        ttl: UInt32,
        ttls: [UInt32] = [],
        _ data: [ArraySlice<UInt8>]
    ) -> Bool {
        let start = Int(name.offset)
        let owner = Array(nameBytes[start..<start + Int(name.length)])
        guard
            let compiled = compile(
                owner: owner,
                apexLength: apexLength,
                type: type,
                ttl: ttl,
                ttls: ttls,
                data
            )
        else { return isOverfull }
        if type == .CNAME, let target = data.first {
            // Behind the record: its target in full and in lower case, to be looked up.
            bytes += target.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        }
        // Behind the records: the place of the addresses that go along, see `setHosts`.
        if ZoneSet.namesHosts(type) { bytes += [0xff, 0xff, 0xff, 0xff] }
        append(ZoneSet(compiled, type: type))
        return true
    }

    /// Notes the place in `referrals` of the addresses that go along with a set.
    mutating func setHosts(_ referral: UInt32, ofSet index: Int) {
        let start = Int(sets[index].offset) + Int(sets[index].length)
        guard sets[index].namesHosts, start + 4 <= bytes.count else { return }
        for place in 0..<4 {
            bytes[start + place] = UInt8(truncatingIfNeeded: referral >> UInt32(24 - place * 8))
        }
    }

    /// Adds a steered set to the last node; services have a template for each record.
    mutating func addSteered(
        _ type: RecordType,
        policy: UInt32,
        policyIPv6: UInt32 = absent,
        ttl: UInt32,
        templates: [[UInt8]] = []
    ) {
        guard let place = UInt32(exactly: bytes.count), let count = UInt16(exactly: templates.count)
        else {
            isOverfull = true
            return
        }
        for template in templates { bytes += template }
        var set = SteeredSet(policy: policy, ttl: ttl, templates: place)
        set.policyIPv6 = policyIPv6
        steered.append(set)
        append(
            ZoneSet(
                offset: UInt32(truncatingIfNeeded: steered.count - 1),
                length: 0,
                count: count,
                type: type,
                referenceCount: 0,
                isSteered: true
            )
        )
    }

    private mutating func append(_ set: ZoneSet) {
        guard let last = nodes.indices.last, nodes[last].setCount < .max else { return }
        sets.append(set)
        nodes[last].setCount += 1
        if set.type == .CNAME { nodes[last].flags.insert(.cname) }
    }

    /// The finished table.
    func table(_ limits: AliasNetworkLimits) -> ZoneTable {
        var capacity = 16
        while capacity * 3 < nodes.count * 4 { capacity *= 2 }
        var slots = [UInt64](repeating: 0, count: capacity)
        for (number, hash) in hashes.enumerated() where !nodes[number].flags.contains(.hidden) {
            var slot = Int(truncatingIfNeeded: hash) & (capacity - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (capacity - 1) }
            slots[slot] = (hash & ~0xffff_ffff) | UInt64(number + 1)
        }
        var counted = self
        counted.countNames()
        return counted.table(
            slots,
            board: AliasBoard(count: outsideTargets.count, networks: limits)
        )
    }

    private mutating func countNames() {
        var counts = [UInt32](repeating: 0, count: zones.count)
        for node in nodes
        where node.nameLength > 0 && node.flags.isDisjoint(with: [.hash, .hidden])
            && Int(node.zone) < counts.count
        {
            counts[Int(node.zone)] += 1
        }
        for zone in zones.indices { zones[zone].names = counts[zone] }
    }

    /// The same with the slots that lead to the nodes.
    func table(_ slots: [UInt64], board: AliasBoard) -> ZoneTable {
        ZoneTable(
            slots: slots,
            nodes: nodes,
            sets: sets,
            zones: zones,
            steered: steered,
            referrals: referrals,
            glue: glue,
            aliases: aliases,
            bytes: bytes,
            spellings: spellings,
            chains: chains,
            deepest: deepest,
            signatureEnds: signatureEnds,
            outsideTargets: outsideTargets,
            aliasedZones: aliasedZones,
            kinship: kinship,
            boards: [board]
        )
    }
}

extension CompiledSet {
    /// No records at all.
    static var nothing: CompiledSet {
        CompiledSet(offset: 0, length: 0, count: 0, referenceCount: 0)
    }
}
