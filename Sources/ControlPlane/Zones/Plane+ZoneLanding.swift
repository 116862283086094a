// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Changes that have been kept while the zones under them became others.
extension Plane {
    /// Serves a zone as it is in force with what has just been kept over it.
    mutating func serve(_ commit: ZoneCommit, _ trial: ZoneTable?, _ now: Instant) {
        let apex = commit.zone.name
        let outcome = renewZone(apex, readsFile: commit.restsOnFile, now)
        // A zone that has left the configuration meanwhile is served no more.
        guard outcome != .done, outcome != .unknownZone else { return }
        // It has been acknowledged: then it is served as it was laid out.
        guard let trial, let number = trial.usableZone(apex) else { return }
        let records = ZoneRecords(apex: apex, trial.contents(ofZone: number))
        let changed = assembly.zoneResult.changed
        guard let table = ZoneAssembly.trial([(apex, records)], changed: changed).table else {
            return
        }
        let old = assembly.zoneResult
        assembly.zoneResult.changed = table
        updater.noteReread(apex)
        followVersions(since: old, now)
        adoptZones(now)
    }

    /// Serves a zone without what the store had of it.
    mutating func takeBack(_ apex: DomainName, _ now: Instant) {
        updater.noteChange(of: apex)
        let name = "\(apex)"
        let isConfigured = settings.zones.contains { $0.name == name }
        // Only the file knows what lay under the changes.
        _ =
            isConfigured
            ? renewZone(apex, readsFile: true, now) : rebuildZones(reading: [], now)
    }

    /// The SOA for a change whose zone has got another serial since; nil while all is as it was.
    ///
    /// Secondaries must see a new one: it never goes back.
    func caughtUp(_ commit: ZoneCommit) -> RebasedZone? {
        let apex = commit.zone.name
        guard !commit.isRemoval, commit.zone.kind == .overlay,
            let mine = (commit.sets[RecordSetKey(apex, .SOA)] ?? nil)?.data.first
                .flatMap({ ZoneRecords.serial(ofSOA: $0) }),
            let contents = formerZones.contents("\(apex)")
        else { return nil }
        let present = ZoneRecords(apex: apex, contents)
        guard let served = present.serial else { return nil }
        let base = updater.overlays.zones[apex]?.base ?? served
        guard base != commit.zone.base || !mine.isLater(thanSerial: served) else { return nil }
        var zone = ZoneRecords(apex: apex)
        zone[apex, .SOA] = present[apex, .SOA]
        zone.setSerial(mine.isLater(thanSerial: served) ? mine : served.nextSerial)
        return zone[apex, .SOA].map { RebasedZone(base: base, soa: $0) }
    }
}

extension ZoneTableBuilder {
    /// Has not taken what the store has in another way, and what cannot stand beside that.
    mutating func mask(_ stored: StoredZone) {
        mask(stored.sets.keys)
        let chosen = stored.sets.filter { $0.key.type == DynamicRecord.type }
        outdo(
            stored.sets.compactMap { $0.value == nil ? nil : $0.key },
            steered: chosen.flatMap { key, set in
                (set?.data ?? []).compactMap(DynamicRecord.answers).map {
                    RecordSetKey(key.owner, $0)
                }
            }
        )
    }
}
