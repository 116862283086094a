// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What points from node to node: delegations, wildcards, glue. Done when all have their places.
extension ZoneTableBuilder {
    mutating func link(_ layout: inout ZoneTableLayout) {
        for number in names.indices {
            let name = names[number]
            guard name.final != absent else { continue }
            let place = Int(name.final)
            if name.cut != absent {
                layout.nodes[place].cut = names[Int(name.cut)].final
                if Int(name.cut) == number {
                    layout.nodes[place].link = addReferral(number, to: &layout)
                } else {
                    checkOccluded(number)
                }
            } else if name.wildcard != absent {
                layout.nodes[place].link = names[Int(name.wildcard)].final
            }
        }
    }

    // Below a delegation only addresses have a use: as glue.
    private mutating func checkOccluded(_ number: Int) {
        for record in recordNumbers(of: number) {
            let type = records[record].type
            guard type != .A, type != .AAAA else { continue }
            let cut = text(Int(names[number].cut))
            let message = "\(type) of \(text(number)) is never answered: \(cut) is delegated"
            noteRecord(record, .occludedData, message)
            return
        }
    }

    private mutating func addReferral(
        _ number: Int,
        to layout: inout ZoneTableLayout
    ) -> UInt32 {
        let place = Int(names[number].final)
        let node = layout.nodes[place]
        let range = Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)
        guard let servers = range.first(where: { layout.sets[$0].type == .NS }) else {
            return absent
        }
        let firstGlue = layout.glue.count
        var offset = 12
        let set = layout.sets[servers]
        for record in uniqueServers(number) {
            let target = Array(bytes(of: record)).map(ASCII.lowercased)
            let required = isBelow(target, number)
            let found = addGlue(target, number, at: offset, required: required, to: &layout)
            if required, !found {
                let server = DomainName(wire: target).map { "\($0)" } ?? "?"
                let message = "\(text(number)) is delegated to \(server), which has no address here"
                noteRecord(record, .missingGlue, message)
            }
            // The next record's data: behind this one's, whose length stands in front of it.
            let lengthPlace = Int(set.offset) + offset - 2
            guard lengthPlace + 1 < layout.bytes.count else { break }
            offset +=
                12 + Int(layout.bytes[lengthPlace]) << 8 + Int(layout.bytes[lengthPlace + 1])
        }
        layout.referrals.append(
            Referral(
                servers: UInt32(truncatingIfNeeded: servers),
                firstGlue: UInt32(truncatingIfNeeded: firstGlue),
                glueCount: UInt32(truncatingIfNeeded: layout.glue.count - firstGlue)
            )
        )
        return UInt32(truncatingIfNeeded: layout.referrals.count - 1)
    }

    // In the order in which they were compiled.
    private func uniqueServers(_ number: Int) -> [Int] {
        var seen: Set<ArraySlice<UInt8>> = []
        return recordNumbers(of: number).filter { records[$0].type == .NS }.sorted().filter {
            seen.insert(bytes(of: $0)).inserted
        }
    }

    private func isBelow(_ target: [UInt8], _ number: Int) -> Bool {
        let name = names[number]
        var position = 0
        while target.count - position > Int(name.length) {
            position += Int(target[position]) + 1
        }
        return target.count - position == Int(name.length)
            && WireName.matches(
                target.span,
                at: position,
                nameBytes.span,
                at: Int(name.offset),
                length: Int(name.length)
            )
    }

    private mutating func addGlue(
        _ target: [UInt8],
        _ number: Int,
        at offset: Int,
        required: Bool,
        to layout: inout ZoneTableLayout
    ) -> Bool {
        guard let scanned = WireName.scan(target.span, at: 0),
            let found = lookup(target.span, at: 0, scanned.hash, zone: names[number].zone),
            names[Int(found)].final != absent, let offset = UInt16(exactly: offset)
        else { return false }
        let node = layout.nodes[Int(names[Int(found)].final)]
        var hasAny = false
        for index in Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount) {
            let set = layout.sets[index]
            guard set.type == .A || set.type == .AAAA, !set.isSteered else { continue }
            hasAny = true
            layout.glue.append(
                Glue(
                    set: UInt32(truncatingIfNeeded: index),
                    nameOffset: offset,
                    isRequired: required
                )
            )
        }
        return hasAny
    }
}
