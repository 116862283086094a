// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// ALIAS in a zone under construction: what each leads to, followed once and for all.
extension ZoneTableBuilder {
    /// The end of the way of an ALIAS.
    private enum End {
        /// A name that is served here, or the wildcard that stands for it.
        case name(Int)
        /// A name that is served elsewhere.
        case outside
        /// A name below a DNAME, which makes this one of it.
        case redirected(name: [UInt8], ttl: UInt32)
        /// No name: its zone is served here and does not have it.
        case nothing
        /// No end at all, which has been told.
        case lost
    }

    /// A way, as far as it has been gone.
    private struct Way {
        /// The names on it in wire form and lower case; the last one is where it stands.
        var names: [[UInt8]]
        /// The lowest TTL so far.
        var ttl: UInt32

        var last: [UInt8] { names.last ?? [0] }
        var text: String {
            names.map { DomainName(wire: $0).map { "\($0)" } ?? "?" }.joined(separator: " -> ")
        }
    }

    /// An ALIAS stands for all addresses of its name: beside others, clients would see either.
    mutating func checkAliasCompany(_ number: Int, _ addresses: [Int]) {
        let aliases = addresses.filter { records[$0].isAlias && records[$0].type == .A }
        guard let first = aliases.first else { return }
        if addresses.contains(where: { !records[$0].isAlias }) {
            let message = "\(text(number)) has an ALIAS and other addresses"
            noteRecord(first, .conflictingAlias, message)
        }
        if Set(aliases.map { bytes(of: $0).map(ASCII.lowercased) }).count > 1 {
            noteRecord(aliases[1], .conflictingAlias, "\(text(number)) has two ALIAS records")
        }
    }

    /// Gives every ALIAS its end.
    mutating func linkAliases(_ layout: inout ZoneTableLayout) {
        guard !aliasNames.isEmpty else { return }
        var apexes: [[UInt8]: UInt32] = [:]
        for (number, zone) in zones.enumerated() where !zone.isDuplicate {
            apexes[zone.apexName] = UInt32(truncatingIfNeeded: number)
        }
        var outside: [[UInt8]: UInt32] = [:]
        var done: Set<UInt32> = []
        for number in aliasNames where done.insert(number).inserted {
            let name = names[Int(number)]
            guard name.final != absent, !name.isForeign, name.cut == absent,
                let record = aliasRecord(Int(number)),
                let (end, way) = follow(record, of: Int(number), apexes)
            else { continue }
            link(Int(number), record, end, way, &outside, &layout)
            for step in way.names {
                if let zone = zone(of: step, apexes) { layout.aliasedZones.insert(Int(zone)) }
            }
        }
    }

    private func aliasRecord(_ number: Int) -> Int? {
        recordNumbers(of: number).first { records[$0].isAlias && records[$0].type == .A }
    }

    // MARK: The way

    private mutating func follow(
        _ record: Int,
        of number: Int,
        _ apexes: [[UInt8]: UInt32]
    ) -> (End, Way)? {
        var way = Way(names: [ownName(number)], ttl: records[record].ttl)
        var target = bytes(of: record).map(ASCII.lowercased)
        for _ in 0..<Authority.chainLimit {
            let isLoop = way.names.contains(target)
            way.names.append(target)
            if isLoop {
                return lose(record, .aliasLoop, "an ALIAS leads in a circle: \(way.text)", way)
            }
            guard target.count > 1 else {
                let message = "\(text(number)) is an ALIAS of the root, which has no addresses"
                return lose(record, .aliasOfNothing, message, way)
            }
            let end = find(target, apexes)
            if case .redirected(let name, let ttl) = end {
                target = name
                way.ttl = min(way.ttl, ttl)
                continue
            }
            guard case .name(let found) = end, let onward = onward(found) else { return (end, way) }
            target = bytes(of: onward).map(ASCII.lowercased)
            way.ttl = min(way.ttl, records[onward].ttl)
        }
        let limit = Authority.chainLimit
        let message = "the ALIAS of \(text(number)) leads through more than \(limit) names"
        return lose(record, .aliasTooLong, message, way)
    }

    private mutating func lose(
        _ record: Int,
        _ code: ZoneCode,
        _ message: String,
        _ way: Way
    ) -> (End, Way)? {
        noteRecord(record, toleratesLostAliases ? .lostAlias : code, message)
        return toleratesLostAliases ? (.lost, way) : nil
    }

    // What leads on from a name: its CNAME, or an ALIAS of its own.
    private func onward(_ number: Int) -> Int? {
        recordNumbers(of: number).first { place in
            records[place].type == .CNAME && !records[place].isSteered
                || records[place].isAlias && records[place].type == .A
        }
    }

    // As `ZoneView.find`, over what is there before the table is.
    private func find(_ target: [UInt8], _ apexes: [[UInt8]: UInt32]) -> End {
        guard let zone = zone(of: target, apexes) else { return .outside }
        guard let closest = answered(closest(to: target, zone: zone)) else { return .nothing }
        let name = names[Int(closest.name)]
        if name.cut != absent { return .outside }
        if closest.isItself { return .name(Int(closest.name)) }
        if isRedirected(Int(closest.name)) { return redirection(of: target, at: Int(closest.name)) }
        return name.wildcard == absent ? .nothing : .name(Int(name.wildcard))
    }

    // What a DNAME hides is not found: the name that has it is.
    private func answered(
        _ found: (name: UInt32, isItself: Bool)?
    ) -> (name: UInt32, isItself: Bool)? {
        guard var found else { return nil }
        while names[Int(found.name)].isOccluded {
            found = (names[Int(found.name)].parent, false)
        }
        return found
    }

    private func redirection(of target: [UInt8], at number: Int) -> End {
        guard let record = recordNumbers(of: number).first(where: { records[$0].type == .DNAME })
        else { return .nothing }
        let start = target.prefix(target.count - Int(names[number].length))
        let name = start + bytes(of: record).map(ASCII.lowercased)
        // What would be too long is no name (RFC 6672 §2.2).
        guard name.count <= WireName.maximumLength else { return .nothing }
        return .redirected(name: Array(name), ttl: records[record].ttl)
    }

    // The innermost one: where zones nest, the outer one's data there is hidden.
    private func zone(of name: [UInt8], _ apexes: [[UInt8]: UInt32]) -> UInt32? {
        var position = 0
        while position < name.count {
            if let zone = apexes[Array(name[position...])] { return zone }
            position += Int(name[position]) + 1
        }
        return nil
    }

    // MARK: The entry

    private mutating func link(
        _ number: Int,
        _ record: Int,
        _ end: End,
        _ way: Way,
        _ outside: inout [[UInt8]: UInt32],
        _ layout: inout ZoneTableLayout
    ) {
        guard way.names.count > 1, let offset = layout.addBytes(way.names[1]) else { return }
        var entry = AliasEntry(
            source: .nothing,
            place: absent,
            ttl: way.ttl,
            target: offset,
            nameHash: WireName.scan(way.last.span, at: 0)?.hash.value ?? 0
        )
        var policies = (ipv4: absent, ipv6: absent)
        switch end {
        case .lost: break
        case .nothing, .redirected:
            let message = "an ALIAS leads to a name that is not there: \(way.text)"
            noteRecord(record, .danglingAlias, message)
        case .name(let found):
            entry.source = .node
            entry.place = names[found].final
            let addresses = recordNumbers(of: found).filter {
                records[$0].type == .A || records[$0].type == .AAAA
            }
            policies = (policy(among: addresses, .A), policy(among: addresses, .AAAA))
            for place in addresses where records[place].isSteered {
                entry.ttl = min(entry.ttl, records[place].ttl)
            }
            if addresses.isEmpty {
                let what =
                    hasRecord(found, .CNAME)
                    ? "a name whose CNAME is chosen for each client, and does not follow it"
                    : "a name without addresses"
                let message = "an ALIAS leads to \(what): \(way.text)"
                noteRecord(record, .aliasWithoutAddresses, message)
            }
        case .outside:
            guard let place = place(of: way.last, record, &outside, &layout) else { return }
            entry.source = .board
            entry.place = place
        }
        layout.aliases.append(entry)
        let node = layout.nodes[Int(names[number].final)]
        for index in Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)
        where layout.sets[index].isSteered {
            let set = Int(layout.sets[index].offset)
            let type = layout.sets[index].type
            layout.steered[set].policy = type == .AAAA ? policies.ipv6 : policies.ipv4
            if type.isService { layout.steered[set].policyIPv6 = policies.ipv6 }
            layout.steered[set].ttl = min(layout.steered[set].ttl, entry.ttl)
            layout.steered[set].alias = UInt32(truncatingIfNeeded: layout.aliases.count - 1)
        }
    }

    private mutating func place(
        of target: [UInt8],
        _ record: Int,
        _ outside: inout [[UInt8]: UInt32],
        _ layout: inout ZoneTableLayout
    ) -> UInt32? {
        if let known = outside[target] { return known }
        guard layout.outsideTargets.count < AliasBoard.targetLimit,
            let name = DomainName(wire: target)
        else {
            if !diagnostics.contains(where: { $0.code == .tooManyAliases }) {
                let limit = AliasBoard.targetLimit
                let message = "aliases lead to more than \(limit) names outside of the zones"
                noteRecord(record, .tooManyAliases, message)
            }
            return nil
        }
        let place = UInt32(truncatingIfNeeded: layout.outsideTargets.count)
        outside[target] = place
        layout.outsideTargets.append(name)
        return place
    }
}
