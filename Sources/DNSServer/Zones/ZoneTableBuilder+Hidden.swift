// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// What a zone has at and below the apex of a zone inside it that is served here too, or below a DNAME.
///
/// The inner zone answers for those names, so no lookup may find them. They belong to the outer zone
/// all the same: a transfer sends them as its file has them (RFC 5936 §3.2, §3.5), the delegation's
/// DS is the outer zone's (RFC 4035 §3.1.4.1), and so are the signatures and the proof that a file
/// may have there. So they get nodes beside the others of their zone, and no slot.
extension ZoneTableBuilder {
    /// Lays out a name of an outer zone; nothing in it is judged, since nothing of it is answered.
    mutating func hide(_ number: Int, in layout: inout ZoneTableLayout) {
        let found = recordNumbers(of: number)
            // What a policy or an alias gives, it gives to nobody here.
            .filter { !records[$0].isSteered && !records[$0].isAlias }
            .sorted { (records[$0].type.rawValue, $0) < (records[$1].type.rawValue, $1) }
        guard !found.isEmpty else { return }
        names[number].final = layout.addName(names[number], nameBytes, isHidden: true)
        spell(number, in: &layout)
        var start = 0
        while start < found.count {
            var end = start + 1
            while end < found.count, records[found[end]].type == records[found[start]].type {
                end += 1
            }
            let set = found[start..<end]
            let type = records[found[start]].type
            let unique = withoutCopies(set)
            _ = layout.addSet(
                of: names[number],
                owner: nameBytes,
                apexLength: zones[Int(names[number].zone)].apexName.count,
                type: type,
                ttl: set.map { records[$0].ttl }.min() ?? 0,
                ttls: type == .RRSIG ? unique.map { records[$0].ttl } : [],
                unique.map { bytes(of: $0) }
            )
            start = end
        }
    }

    /// The node that delegates a zone, or a name above it, in the zone around it.
    func delegation(of zone: Zone) -> UInt32 {
        guard zone.parent != absent, let found = closest(to: zone.apexName, zone: zone.parent)
        else {
            return absent
        }
        let cut = names[Int(found.name)].cut
        if cut != absent { return names[Int(cut)].final }
        // DS without NS: what the outer zone has there is answered all the same.
        return zone.delegation == absent ? absent : names[Int(zone.delegation)].final
    }
}
