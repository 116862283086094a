// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// What explanations say of signing.
extension DNSSnapshot {
    /// How a zone is signed, as the end of a sentence; empty for one that is not.
    func signature(ofZone number: Int, in table: ZoneTable) -> String {
        guard let zone = signing.zone(named: table.zoneName(number)) else {
            return table.view.zones[number].chain.kind == .none ? "" : "; signed in the zone's file"
        }
        let first = Int(zone.firstSigner)
        let tags = signing.signers[first..<first + Int(zone.signerCount)]
            .filter(\.signsZone).map { "\($0.tag)" }.joined(separator: " and ")
        let way = zone.denial == .compact ? "NSEC" : "NSEC3"
        return "; signed as it is answered with key \(tags), denied by \(way)"
    }

    /// True for a set that signing adds to the apex of a zone.
    func isAdded(_ type: RecordType, to node: Int, ofZone number: Int, in table: ZoneTable) -> Bool
    {
        guard let zone = signing.zone(named: table.zoneName(number)),
            node == Int(table.view.zones[number].apex)
        else { return false }
        switch type {
        case .DNSKEY: return true
        case .CDS, .CDNSKEY: return zone.cds.count > 0
        case .NSEC3PARAM: return zone.nsec3param.count > 0
        default: return false
        }
    }
}

extension SigningTable {
    /// What holds for a zone by its name: for explanations alone, one after the other.
    func zone(named name: DomainName?) -> SignedZone? {
        guard let name = name?.lowercased.wire else { return nil }
        return zones.first { zone in
            let start = Int(zone.nameOffset)
            return Int(zone.nameLength) == name.count
                && bytes[start..<start + name.count].elementsEqual(name)
        }
    }
}
