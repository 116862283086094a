// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Chains of NSEC and NSEC3 in zones that are signed in their files.
extension ZoneTableBuilder {
    /// Above so many iterations validators treat a zone as if it were not signed (RFC 9276 §3.2).
    private static let iterationLimit = 100
    /// Above so many a zone is refused: each denial would cost as many hashes, and validators take
    /// none of them (RFC 9276 §3.2, RFC 5155 §10.3).
    private static let iterationCeiling = 150

    /// Notes the chain of each zone that has one; done when all names have their places.
    mutating func addChains(_ layout: inout ZoneTableLayout) {
        var members: [UInt32: [UInt32]] = [:]
        var strangers: [UInt32: [UInt32]] = [:]
        let signed = zones.indices.filter { isPresigned($0) }
        guard !signed.isEmpty else { return }
        var kinds: [UInt32: RecordType] = [:]
        var places: [UInt32: UInt32] = [:]
        var chosen: [UInt32: [UInt8]] = [:]
        var ends = SignatureEnds()
        for zone in signed {
            let isHashed = usableParameters(of: Int(zones[zone].apex)) != nil
            let number = UInt32(truncatingIfNeeded: zone)
            kinds[number] = isHashed ? .NSEC3 : .NSEC
            guard isHashed else { continue }
            let place = parameters(zone, layout)
            (places[number], chosen[number]) = (place, Self.parameters(at: place, layout))
        }
        for number in names.indices {
            guard let type = kinds[names[number].zone], names[number].final != absent else {
                continue
            }
            if !names[number].isForeign { refuseSteering(number) }
            for record in recordNumbers(of: number) where records[record].type == .RRSIG {
                ends.note(record, bytes(of: record), zone: Int(names[number].zone))
            }
            guard hasRecord(number, type) else { continue }
            let zone = names[number].zone
            if let chosen = chosen[zone], !isLink(number, chosen) {
                strangers[zone, default: []].append(names[number].final)
            } else {
                members[zone, default: []].append(names[number].final)
            }
        }
        layout.signatureEnds = ends.first.mapValues(\.seconds)
        for (_, first) in ends.first.sorted(by: { $0.key < $1.key }) { noteEnd(first) }
        var entries: [UInt32: Int] = [:]
        for (index, entry) in layout.zones.enumerated() { entries[entry.apex] = index }
        for (zone, type) in kinds {
            guard let entry = entries[names[Int(zones[Int(zone)].apex)].final] else { continue }
            let sorted = sorted(members[zone] ?? [], layout)
            layout.zones[entry].chain = ZoneChainPlace(
                kind: type == .NSEC ? .names : .hashes,
                first: UInt32(truncatingIfNeeded: layout.chains.count),
                count: UInt32(truncatingIfNeeded: sorted.count),
                apex: layout.zones[entry].apex,
                parameters: places[zone] ?? 0
            )
            layout.chains += sorted
            guard type == .NSEC3 else { continue }
            for node in sorted + (strangers[zone] ?? []) where isHash(Int(node), layout) {
                layout.nodes[Int(node)].flags.insert(.hash)
            }
        }
    }

    // A zone that is signed by Martlet has its own.
    private func isPresigned(_ zone: Int) -> Bool {
        guard !zones[zone].isSignedHere, zones[zone].absence == nil, !zones[zone].isDuplicate,
            zones[zone].apex != absent
        else { return false }
        let apex = Int(zones[zone].apex)
        return hasRecord(apex, .RRSIG) && hasRecord(apex, .DNSKEY)
            && (hasRecord(apex, .NSEC) || usableParameters(of: apex) != nil)
    }

    // RFC 5155 §4.1.2: one with flags is not minded, and one of another algorithm is of no use.
    private func usableParameters(of apex: Int) -> Int? {
        recordNumbers(of: apex).first { record in
            records[record].type == .NSEC3PARAM && Self.isUsable(bytes(of: record))
        }
    }

    private static func isUsable(_ parameters: some Collection<UInt8>) -> Bool {
        parameters.count >= 5 && Array(parameters.prefix(2)) == [1, 0]
    }

    // RFC 5155 §7.3: of several chains one is used, and what has other parameters is no part of it.
    private func isLink(_ number: Int, _ parameters: [UInt8]) -> Bool {
        recordNumbers(of: number).contains { record in
            guard records[record].type == .NSEC3 else { return false }
            let data = Array(bytes(of: record).prefix(parameters.count))
            // The flags, behind the algorithm, are of each record.
            return data.count >= 5 && data.prefix(1) == parameters.prefix(1)
                && data.dropFirst(2) == parameters.dropFirst(2)
        }
    }

    // Algorithm, flags, iterations and salt.
    private static func parameters(at place: UInt32, _ layout: ZoneTableLayout) -> [UInt8] {
        let start = Int(place)
        guard start > 0, start + 5 <= layout.bytes.count else { return [] }
        let end = min(start + 5 + Int(layout.bytes[start + 4]), layout.bytes.count)
        return Array(layout.bytes[start..<end])
    }

    private mutating func refuseSteering(_ number: Int) {
        let made = recordNumbers(of: number).first { records[$0].isSteered || records[$0].isAlias }
        noteRecord(
            made,
            .steeredPresigned,
            "\(text(number)) has its addresses from elsewhere, and the zone is signed in its file"
        )
    }

    // A name that is there only to hold the hash of another one.
    private func isHash(_ place: Int, _ layout: ZoneTableLayout) -> Bool {
        let node = layout.nodes[place]
        let range = Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)
        return range.allSatisfy { [RecordType.NSEC3, .RRSIG].contains(layout.sets[$0].type) }
    }

    private mutating func parameters(_ zone: Int, _ layout: ZoneTableLayout) -> UInt32 {
        let apex = Int(zones[zone].apex)
        let node = layout.nodes[Int(names[apex].final)]
        let range = Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)
        guard let set = range.first(where: { layout.sets[$0].type == .NSEC3PARAM }) else {
            return 0
        }
        var start = layout.sets[set].offset
        for _ in 0..<layout.sets[set].count {
            // Behind the head of its record.
            start += 12
            guard Int(start) + 5 <= layout.bytes.count else { return 0 }
            let length = layout.bytes[Int(start) - 2..<Int(start)].reduce(UInt32(0)) {
                $0 << 8 | UInt32($1)
            }
            let end = min(Int(start + length), layout.bytes.count)
            if Self.isUsable(layout.bytes[Int(start)..<end]) { break }
            start += length
        }
        guard Int(start) + 5 <= layout.bytes.count else { return 0 }
        let iterations = Int(layout.bytes[Int(start) + 2]) << 8 | Int(layout.bytes[Int(start) + 3])
        if iterations > Self.iterationLimit {
            let isRefused = iterations > Self.iterationCeiling
            noteRecord(
                usableParameters(of: apex),
                isRefused ? .tooManyIterations : .manyIterations,
                "\(iterations) iterations of NSEC3: validators treat the zone as not signed beyond "
                    + "\(Self.iterationLimit) (RFC 9276 §3.2)"
            )
        }
        return start
    }

    // Signers write zones in order: a million names are sorted only where they have to be.
    private func sorted(_ members: [UInt32], _ layout: ZoneTableLayout) -> [UInt32] {
        func order(_ a: UInt32, _ b: UInt32) -> Int {
            let bytes = layout.bytes.span
            let (x, y) = (layout.nodes[Int(a)], layout.nodes[Int(b)])
            let (i, j) = (Int(x.nameOffset), Int(y.nameOffset))
            return CanonicalOrder.compare(
                bytes.extracting(i..<i + Int(x.nameLength)),
                bytes.extracting(j..<j + Int(y.nameLength))
            )
        }
        let isSorted = zip(members, members.dropFirst()).allSatisfy { order($0, $1) < 0 }
        return isSorted ? members : members.sorted { order($0, $1) < 0 }
    }
}
