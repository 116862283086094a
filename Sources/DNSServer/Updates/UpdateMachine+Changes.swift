// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// The changes themselves (RFC 2136 §3.4.2): what makes no sense is passed over in silence.
extension UpdateMachine {
    func change(
        _ record: DNSMessage.Record,
        _ zone: inout ZoneRecords
    ) {
        switch record.recordClass {
        case RecordClass.internet: add(record, &zone)
        case UpdateMessage.anyClass: deleteSets(record.owner, record.type, &zone)
        default: delete(record, &zone)
        }
    }

    private func add(
        _ record: DNSMessage.Record,
        _ zone: inout ZoneRecords
    ) {
        let (owner, type) = (record.owner, record.type)
        guard mayStand(type, at: owner, zone) else { return }
        if type == .SOA {
            guard owner == zone.apex, let former = zone.serial,
                let serial = ZoneRecords.serial(ofSOA: record.data),
                serial.isLater(thanSerial: former)
            else { return }
        }
        // One of a kind: the new one takes the place of the former (RFC 6672 §5.2 for DNAME).
        if type == .CNAME || type == .SOA || type == .DNAME { zone[owner, type] = nil }
        if type == .WKS { replaceServices(record, &zone) }
        zone.add(record)
    }

    // §3.4.2.2: of WKS there is one for each address and protocol, which are its first five octets.
    private func replaceServices(_ record: DNSMessage.Record, _ zone: inout ZoneRecords) {
        var former = record
        for data in zone[record.owner, record.type]?.data ?? []
        where data.prefix(5) == record.data.prefix(5) {
            former.data = data
            zone.remove(former)
        }
    }

    // §3.4.2.2; what DNSSEC puts beside an alias may stay there (RFC 4035 §2.5).
    private func mayStand(_ type: RecordType, at owner: DomainName, _ zone: ZoneRecords) -> Bool {
        let sets = zone.sets(of: owner)
        guard type == .CNAME else { return sets[.CNAME] == nil || standsBesideAlias(type) }
        return !zone.isFixed(owner) && sets.keys.allSatisfy { standsBesideAlias($0) }
    }

    private func standsBesideAlias(_ type: RecordType) -> Bool {
        type == .CNAME || [25, 46, 47].contains(type.rawValue)
    }

    private func deleteSets(
        _ owner: DomainName,
        _ type: RecordType,
        _ zone: inout ZoneRecords
    ) {
        let types = type == .ANY ? Array(zone.sets(of: owner).keys) : [type]
        for type in types {
            // §3.4.2.3: the zone keeps its SOA and its servers.
            if owner == zone.apex, type == .SOA || type == .NS { continue }
            zone[owner, type] = nil
        }
    }

    private func delete(
        _ record: DNSMessage.Record,
        _ zone: inout ZoneRecords
    ) {
        let (owner, type) = (record.owner, record.type)
        // §3.4.2.4: nor does it lose its last server.
        guard type != .SOA else { return }
        if owner == zone.apex, type == .NS, zone[owner, type]?.data.count == 1 { return }
        zone.remove(record)
    }
}
