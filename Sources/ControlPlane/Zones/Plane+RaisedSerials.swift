// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Zones whose configuration has changed under what lies over them, and whose serial has not: the
/// serial is ours as long as changes lie there, so it is raised, and no two versions share one.
extension Plane {
    /// Raises the serials of such zones, of all of them or of some; done before anybody is told of
    /// versions, and before a snapshot is made.
    ///
    /// True when there were any.
    @discardableResult
    mutating func raiseSilentSerials(of names: Set<DomainName>? = nil) -> Bool {
        var raised: [DomainName: RebasedZone] = [:]
        var zones: [(DomainName, ZoneRecords?)] = []
        let former = formerZones
        for (apex, stored) in updater.overlays.zones {
            guard stored.kind == .overlay, names?.contains(apex) != false,
                let known = ZoneDigest(stored.facts),
                let place = assembly.zoneResult.place(of: apex),
                place.table.setCount <= Plane.differenceLimit,
                // Another one is newer, and has been noted.
                let serial = stored.serial, place.serial == SerialNumber(serial),
                known != ZoneDigest(place.records)
            else { continue }
            var records = ZoneRecords(apex: apex, place.table.contents(ofZone: place.zone))
            records.setSerial(serial.nextSerial)
            raised[apex] = records[apex, .SOA].map { RebasedZone(base: stored.base, soa: $0) }
            if former.isAliased("\(apex)") {
                // All are put together for that, and no difference leads there.
                assembly.zoneResult.histories[apex] = nil
                renewAllZones()
            } else {
                zones.append((apex, records))
            }
        }
        guard !raised.isEmpty else { return false }
        let changed = assembly.zoneResult.changed
        if let table = ZoneAssembly.trial(zones, changed: changed).table {
            assembly.zoneResult.changed = table
        }
        for apex in raised.keys.sorted(by: { "\($0)" < "\($1)" }) {
            updater.noteChange(of: apex)
            note(
                .notice,
                .info,
                "zone \(apex) has changed in the configuration, under what lies over it, and its "
                    + "serial had not: it is raised",
                [JSONMember("zone", .string("\(apex)"))]
            )
        }
        rebase(raised)
        return true
    }

    /// The digest of a zone as it is served with an SOA; none while it is served with another one.
    func facts(of apex: DomainName, _ soa: RecordSet) -> [UInt8] {
        guard let place = assembly.zoneResult.place(of: apex),
            let serial = soa.data.first.flatMap({ ZoneRecords.serial(ofSOA: $0) }),
            place.serial == SerialNumber(serial)
        else { return [] }
        return ZoneDigest(place.records).bytes
    }

    /// What secondaries miss of a zone whose changes have been discarded; nil for nothing.
    ///
    /// The serial is that of the configuration again, which may have been seen with other records.
    func whySecondariesMiss(_ apex: DomainName, since before: UInt32?) -> String? {
        let serial = assembly.zoneResult.place(of: apex)?.serial?.rawValue
        guard let before, let serial, !serial.isLater(thanSerial: before) else { return nil }
        return "zone \(apex) has serial \(serial) again and was served with \(before): secondaries "
            + "keep what they have until it is higher; set the serial of its SOA to "
            + "\(before.nextSerial) or more, then 'martlet reload'"
    }
}
