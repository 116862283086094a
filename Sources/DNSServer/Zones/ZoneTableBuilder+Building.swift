// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// What came of building zones.
public struct ZoneBuild: Sendable {
    /// The table; nil when ``diagnostics`` holds an error.
    public let table: ZoneTable?
    /// Errors and warnings, those of the texts first.
    public let diagnostics: [ZoneDiagnostic]
    /// The numbers of the zones that the errors are in, in the order in which they were begun.
    public let faultyZones: Set<Int>
    let diagnosedZones: [Int]

    /// What was found in a zone.
    public func diagnostics(ofZone number: Int) -> [ZoneDiagnostic] {
        zip(diagnostics, diagnosedZones).filter { $0.1 == number }.map(\.0)
    }
}

/// From collected records to a ``ZoneTable``.
extension ZoneTableBuilder {
    /// Checks the content and lays the table out.
    ///
    /// Takes the builder, whose memory is as large as the table's, along with it.
    public consuming func build() -> ZoneBuild {
        let table = layOut()
        return ZoneBuild(
            table: table,
            diagnostics: diagnostics,
            faultyZones: faultyZones,
            diagnosedZones: diagnosedZones
        )
    }

    private mutating func layOut() -> ZoneTable? {
        nestZones()
        markNames()
        guard !hasErrors else {
            checkContent()
            return nil
        }
        var layout = ZoneTableLayout()
        let bytes = nameBytes.count + data.count
        layout.reserve(names: names.count, records: records.count, bytes: bytes)
        for number in names.indices {
            guard !names[number].isForeign else {
                hide(number, in: &layout)
                continue
            }
            names[number].final = layout.addName(names[number], nameBytes)
            spell(number, in: &layout)
            addSets(of: number, to: &layout)
        }
        for number in zones.indices { addZone(number, to: &layout) }
        link(&layout)
        addChains(&layout)
        guard !hasErrors else { return nil }
        guard !layout.isOverfull else {
            note(.tooManyRecords, file: 0, .none, "the zones together need more than 4 GiB")
            return nil
        }
        return layout.table(aliasNetworks)
    }

    func spell(_ number: Int, in layout: inout ZoneTableLayout) {
        guard !spellings.isEmpty, let name = spellings[UInt32(truncatingIfNeeded: number)] else {
            return
        }
        layout.spell(name)
    }

    // Even when the texts have errors, what was read is checked: all errors at once.
    private mutating func checkContent() {
        var layout = ZoneTableLayout()
        for number in names.indices where !names[number].isForeign {
            addSets(of: number, to: &layout)
        }
        for number in zones.indices { addZone(number, to: &layout) }
    }

    // A zone inside another one answers for itself: the outer one's data there is hidden.
    private mutating func nestZones() {
        var apexes: [[UInt8]: Int] = [:]
        for (number, zone) in zones.enumerated() where !zone.isDuplicate {
            apexes[zone.apexName] = number
        }
        var hasNested = false
        for number in zones.indices where zones[number].apexName.count > 1 {
            var rest = zones[number].apexName
            repeat {
                rest.removeFirst(Int(rest[0]) + 1)
                guard let outer = apexes[rest] else { continue }
                zones[number].parent = UInt32(truncatingIfNeeded: outer)
                hasNested = true
                break
            } while rest.count > 1
        }
        guard hasNested else { return }
        for number in names.indices {
            let name = names[number]
            // Parents come first, so what lies below a foreign name is found to be foreign too.
            let isBelow = name.parent != absent && names[Int(name.parent)].isForeign
            let start = Int(name.offset)
            let text = Array(nameBytes[start..<start + Int(name.length)])
            let owner = apexes[text]
            guard isBelow || (owner != nil && owner != Int(name.zone)) else { continue }
            names[number].isForeign = true
            if let owner, zones[owner].parent == name.zone {
                // DS is the outer zone's word about the inner one, in which it has no place.
                dropDelegationSigners(of: Int(zones[owner].apex))
                guard hasRecord(number, .NS) || hasRecord(number, .DS) else { continue }
                zones[owner].delegation = UInt32(truncatingIfNeeded: number)
            }
        }
    }

    private mutating func dropDelegationSigners(of number: Int) {
        let kept = recordNumbers(of: number).filter { records[$0].type != .DS }
        names[number].firstRecord = kept.first.map { UInt32(truncatingIfNeeded: $0) } ?? absent
        for (place, next) in zip(kept, kept.dropFirst()) {
            records[place].next = UInt32(truncatingIfNeeded: next)
        }
        if let last = kept.last { records[last].next = absent }
    }

    func recordNumbers(of number: Int) -> [Int] {
        var found: [Int] = []
        var next = names[number].firstRecord
        while next != absent {
            found.append(Int(next))
            next = records[Int(next)].next
        }
        return found
    }

    func hasRecord(_ number: Int, _ type: RecordType) -> Bool {
        var next = names[number].firstRecord
        while next != absent {
            if records[Int(next)].type == type { return true }
            next = records[Int(next)].next
        }
        return false
    }

    // Delegations and wildcards, from the top down: parents have lower numbers.
    private mutating func markNames() {
        markRedirections()
        for number in names.indices where names[number].parent != absent {
            let parent = Int(names[number].parent)
            let place = UInt32(truncatingIfNeeded: number)
            if occlude(number, below: parent) { continue }
            if names[parent].cut != absent {
                names[number].cut = names[parent].cut
            } else if hasRecord(number, .NS) {
                names[number].cut = place
            }
            let start = Int(names[number].offset)
            if nameBytes[start] == 1, nameBytes[start + 1] == UInt8(ascii: "*") {
                names[parent].wildcard = place
                if names[number].cut == place { noteWildcardDelegation(number) }
                noteWildcardRedirection(number)
            }
        }
    }

    private mutating func noteWildcardDelegation(_ number: Int) {
        let record = recordNumbers(of: number).first { records[$0].type == .NS }
        noteRecord(
            record,
            .wildcardDelegation,
            "NS at a wildcard delegates nothing (RFC 4592 §4.2)"
        )
    }

    mutating func noteRecord(_ number: Int?, _ code: ZoneCode, _ message: String) {
        guard let number else { return }
        let line = records[number].line
        let position = line == 0 ? .none : ZonePosition(line: line, column: 1)
        note(code, file: records[number].file, position, message, isOfZone: true)
    }

    func text(_ number: Int) -> String {
        let start = Int(names[number].offset)
        let wire = Array(nameBytes[start..<start + Int(names[number].length)])
        return DomainName(wire: wire).map { "\($0)" } ?? "?"
    }

    // MARK: Sets

    private mutating func addSets(of number: Int, to layout: inout ZoneTableLayout) {
        guard names[number].firstRecord != absent else { return }
        checkOccluded(number)
        checkAsterisk(number)
        // The common case, a name with one record, needs no sorting.
        var found = recordNumbers(of: number)
        if found.count > 1 {
            found.sort { (records[$0].type.rawValue, $0) < (records[$1].type.rawValue, $1) }
            checkCompany(number, found)
        }
        var start = 0
        while start < found.count {
            var end = start + 1
            while end < found.count, records[found[end]].type == records[found[start]].type {
                end += 1
            }
            addSet(number, found[start..<end], to: &layout)
            start = end
        }
    }

    // RFC 1034 §3.6.2, RFC 2181 §10.1: an alias stands alone.
    private mutating func checkCompany(_ number: Int, _ found: [Int]) {
        let aliases = found.filter { records[$0].type == .CNAME }
        let isSteered = aliases.contains { records[$0].isSteered }
        // DNSSEC's own types may stand beside an alias (RFC 4035 §2.5), and what steers it.
        let others = found.filter { place in
            ![5, 46, 47, 25].contains(records[place].type.rawValue)
                && !(isSteered && records[place].type == .LUA)
        }
        if let first = aliases.first, !others.isEmpty {
            let message = "\(text(number)) has a CNAME and other data"
            noteRecord(first, .conflictingCNAME, message)
        }
        if aliases.count > 1, isSteered || Set(aliases.map { canonical($0) }).count > 1 {
            noteRecord(aliases[1], .conflictingCNAME, "\(text(number)) has two CNAMEs")
        }
        checkRedirections(number, found)
        for type in [RecordType.A, .AAAA] {
            // Of one family the policy chooses all; the other one may be plain, or have its own.
            let own = found.filter { records[$0].type == type }
            guard own.count > 1, let first = own.first(where: { records[$0].isSteered }) else {
                continue
            }
            let message = "\(text(number)) is steered and has other addresses"
            noteRecord(first, .conflictingSteer, message)
            break
        }
        let addresses = found.filter {
            !records[$0].isSteered && [RecordType.A, .AAAA].contains(records[$0].type)
        }
        checkAliasCompany(number, addresses)
    }

    func bytes(of record: Int) -> ArraySlice<UInt8> {
        let start = Int(records[record].offset)
        return data[start..<start + Int(records[record].length)]
    }

    private mutating func addSet(
        _ number: Int,
        _ found: ArraySlice<Int>,
        to layout: inout ZoneTableLayout
    ) {
        guard let first = found.first else { return }
        let type = records[first].type
        if records[first].isAlias {
            return layout.addSteered(type, policy: absent, ttl: records[first].ttl)
        }
        if records[first].isSteered {
            return layout.addSteered(type, policy: records[first].offset, ttl: records[first].ttl)
        }
        if type == .NS || type == .MX || type == .SRV {
            for record in found {
                checkHost(record, of: number)
                if type == .NS { checkGlue(record, of: number) }
            }
        }
        if type.isService { checkServices(number, found) }
        let ttl = found.map { records[$0].ttl }.min() ?? 0
        let zone = Int(names[number].zone)
        zones[zone].greatestTTL = max(zones[zone].greatestTTL, ttl)
        if let odd = found.first(where: { records[$0].ttl != ttl }), type != .SOA,
            type != .RRSIG
        {
            let message = "the \(type) records of \(text(number)) differ in TTL; \(ttl) is used"
            noteRecord(odd, .differingTTL, message)
        }
        let unique = withoutCopies(found)
        checkSet(number, found, unique)
        if type.isService, addSteeredServices(of: number, unique, ttl, to: &layout) { return }
        let fits = layout.addSet(
            of: names[number],
            owner: nameBytes,
            apexLength: zones[Int(names[number].zone)].apexName.count,
            type: type,
            ttl: ttl,
            // RFC 4034 §3: a signature has the TTL of what it signs.
            ttls: type == .RRSIG ? unique.map { records[$0].ttl } : [],
            unique.map { bytes(of: $0) }
        )
        guard !fits else { return }
        let message = "the \(type) records of \(text(number)) fit no message"
        noteRecord(first, .setTooLarge, message)
    }

    // RFC 2181 §5: a set holds no record twice.
    func withoutCopies(_ found: ArraySlice<Int>) -> [Int] {
        guard found.count > 1 else { return Array(found) }
        var seen: Set<[UInt8]> = []
        return found.filter { seen.insert(canonical($0)).inserted }
    }

    /// What two records of one set have in common when they are the same (RFC 4034 §6.3).
    func canonical(_ record: Int) -> [UInt8] {
        let start = Int(records[record].offset)
        let end = start + Int(records[record].length)
        return CanonicalData.bytes(records[record].type, data.span.extracting(start..<end))
    }

    // MARK: Zones

    private func addUnusable(_ zone: Zone, to layout: inout ZoneTableLayout) {
        let name = names[Int(zone.apex)]
        layout.zones.append(
            ZoneEntry(
                apex: name.final,
                parent: zone.parent,
                delegation: delegation(of: zone),
                negative: .nothing,
                apexLength: name.length,
                absence: zone.absence,
                identity: CountedZones.identity(zone.apexName)
            )
        )
        if name.final != absent, name.final < layout.nodes.count {
            layout.nodes[Int(name.final)].flags.insert(.apex)
        }
    }

    private mutating func addZone(_ number: Int, to layout: inout ZoneTableLayout) {
        let zone = zones[number]
        guard !zone.isDuplicate, zone.apex != absent else { return }
        let apex = Int(zone.apex)
        guard zone.absence == nil else { return addUnusable(zone, to: &layout) }
        let found = recordNumbers(of: apex)
        let starts = found.filter { records[$0].type == .SOA }
        guard let soa = starts.first, starts.count == 1 else {
            let amount = starts.isEmpty ? "no SOA" : "\(starts.count) SOA records"
            let message = "zone \(text(apex)) has \(amount)"
            guard starts.count > 1 else { return note(.badSOA, file: zone.file, .none, message) }
            return noteRecord(starts[1], .badSOA, message)
        }
        if !found.contains(where: { records[$0].type == .NS }) {
            let message = "zone \(text(apex)) has no NS records at its apex"
            noteRecord(soa, .missingNS, message)
        }
        checkTimes(soa)
        checkSignatures(number)
        // RFC 2308 §3: a negative answer lives as long as the lower of minimum and the SOA's TTL.
        let minimum = bytes(of: soa).suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let negative = layout.compile(
            owner: zone.apexName,
            apexLength: zone.apexName.count,
            type: .SOA,
            ttl: min(minimum, records[soa].ttl),
            [bytes(of: soa)]
        )
        layout.zones.append(
            ZoneEntry(
                apex: names[apex].final,
                parent: zone.parent,
                delegation: delegation(of: zone),
                negative: negative ?? .nothing,
                apexLength: names[apex].length,
                identity: CountedZones.identity(zone.apexName)
            )
        )
        if names[apex].final != absent, names[apex].final < layout.nodes.count {
            layout.nodes[Int(names[apex].final)].flags.insert(.apex)
        }
    }
}
