// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What points from node to node: delegations, wildcards, addresses that go along. Done when all
/// have their places.
extension ZoneTableBuilder {
    mutating func link(_ layout: inout ZoneTableLayout) {
        for number in names.indices {
            let name = names[number]
            guard name.final != absent else { continue }
            let place = Int(name.final)
            guard !name.isForeign else {
                // Of a delegation nothing but its own node is looked at: see `hide`.
                if Int(name.cut) == number { layout.nodes[place].cut = name.final }
                continue
            }
            if name.cut != absent {
                layout.nodes[place].cut = names[Int(name.cut)].final
                if Int(name.cut) == number {
                    layout.nodes[place].link = addReferral(number, to: &layout)
                }
                continue
            }
            if name.wildcard != absent {
                layout.nodes[place].link = names[Int(name.wildcard)].final
            }
            let node = layout.nodes[place]
            for index in Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)
            where layout.sets[index].namesHosts {
                layout.setHosts(addHosts(number, index, to: &layout), ofSet: index)
            }
        }
        linkAliases(&layout)
    }

    private mutating func addReferral(
        _ number: Int,
        to layout: inout ZoneTableLayout
    ) -> UInt32 {
        let node = layout.nodes[Int(names[number].final)]
        let range = Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)
        guard let servers = range.first(where: { layout.sets[$0].type == .NS }) else {
            return absent
        }
        return addHosts(number, servers, to: &layout)
    }

    // The addresses of the hosts that a set of NS, MX, SRV or services names, in the order of its
    // records; absent when there are none, except at a delegation, which needs the servers alone.
    private mutating func addHosts(
        _ number: Int,
        _ place: Int,
        to layout: inout ZoneTableLayout
    ) -> UInt32 {
        let set = layout.sets[place]
        let isCut = Int(names[number].cut) == number
        let skipped = ZoneSet.octets(aheadOfHost: set.type)
        let firstGlue = layout.glue.count
        var offset = 12
        var seen: Set<[UInt8]> = []
        for record in uniqueRecords(of: number, set.type) {
            let target = target(of: record, of: number, behind: skipped)
            if seen.insert(target).inserted {
                let isOwner = set.type.isService && target == ownName(number)
                let at = isOwner ? 0 : offset + skipped
                // What an alias leads to is looked up next; a service is the end of the way.
                let more = set.type.isService && isAliasMode(record) ? set.type : nil
                let required = isCut && isBelow(target, number)
                addGlue(target, number, at: at, required, and: more, to: &layout)
            }
            // The next record's data: behind this one's, whose length stands in front of it.
            let lengthPlace = Int(set.offset) + offset - 2
            guard lengthPlace + 1 < layout.bytes.count else { break }
            offset +=
                12 + Int(layout.bytes[lengthPlace]) << 8 + Int(layout.bytes[lengthPlace + 1])
        }
        guard isCut || layout.glue.count > firstGlue else { return absent }
        layout.referrals.append(
            Referral(
                servers: UInt32(truncatingIfNeeded: place),
                firstGlue: UInt32(truncatingIfNeeded: firstGlue),
                glueCount: UInt32(truncatingIfNeeded: layout.glue.count - firstGlue)
            )
        )
        return UInt32(truncatingIfNeeded: layout.referrals.count - 1)
    }

    // In the order in which they were compiled.
    private func uniqueRecords(of number: Int, _ type: RecordType) -> [Int] {
        let found = recordNumbers(of: number).filter { records[$0].type == type }
        return withoutCopies(found.sorted()[...])
    }

    private mutating func addGlue(
        _ target: [UInt8],
        _ number: Int,
        at offset: Int,
        _ required: Bool,
        and more: RecordType?,
        to layout: inout ZoneTableLayout
    ) {
        guard let found = host(target, zone: names[number].zone), !names[Int(found)].isForeign,
            names[Int(found)].final != absent, let offset = UInt16(exactly: offset)
        else { return }
        let node = layout.nodes[Int(names[Int(found)].final)]
        for index in Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount) {
            let set = layout.sets[index]
            let isWanted =
                set.type == .A || set.type == .AAAA
                || set.type == more && names[Int(found)].cut == absent
            guard isWanted, !set.isSteered else { continue }
            layout.glue.append(
                Glue(
                    set: UInt32(truncatingIfNeeded: index),
                    nameOffset: offset,
                    isRequired: required
                )
            )
        }
    }

    /// The name that has a host's addresses: its own, or the wildcard that stands for it.
    func host(_ target: [UInt8], zone: UInt32) -> UInt32? {
        guard let closest = closest(to: target, zone: zone) else { return nil }
        if closest.isItself { return closest.name }
        let name = names[Int(closest.name)]
        guard !isRedirected(Int(closest.name)) else { return nil }
        return name.cut == absent && name.wildcard != absent ? name.wildcard : nil
    }

    /// A name of a zone, or its closest encloser there (RFC 4592 §3.3.1); nil outside of the zone.
    func closest(to target: [UInt8], zone: UInt32) -> (name: UInt32, isItself: Bool)? {
        guard let scanned = WireName.scan(target.span, at: 0) else { return nil }
        var hash = scanned.hash
        if let known = lookup(target.span, at: 0, hash, zone: zone) { return (known, true) }
        var position = 0
        while position < target.count, target[position] != 0 {
            for _ in 0...Int(target[position]) {
                hash.dropFirst(target[position])
                position += 1
            }
            if let encloser = lookup(target.span, at: position, hash, zone: zone) {
                return (encloser, false)
            }
        }
        return nil
    }
}
