// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

extension DNSSnapshot {
    /// The apex of the zone that answers for a name and type; nil when none does.
    public func zone(of name: DomainName, _ type: RecordType) -> DomainName? {
        guard let (table, match) = find(name, type), match.kind != .outside,
            table.zones.indices.contains(match.zone)
        else { return nil }
        let length = Int(table.zones[match.zone].apexLength)
        return DomainName(wire: Array(name.wire.suffix(length)))
    }
}
