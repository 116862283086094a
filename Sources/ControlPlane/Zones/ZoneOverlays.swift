// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// What the store says beside the configuration: changes of its zones, and zones of its own.
struct ZoneOverlays: Sendable {
    /// By apex.
    var zones: [DomainName: StoredZone] = [:]
    /// What the store has beside that, and cannot be served.
    var leftOut: [DomainName: LeftOutSets] = [:]

    init(_ zones: [StoredZone] = []) {
        for zone in zones { self.zones[zone.name] = zone }
    }

    /// What lies over a zone of the configuration, or all of one that has nothing there.
    func stored(_ zone: ZoneSettings, _ apex: DomainName) -> StoredZone? {
        guard let stored = zones[apex] else { return nil }
        // The configuration counts: a zone that was made elsewhere before does not hide it.
        return stored.kind.isWhole == (zone.file == nil && zone.soa == nil) ? stored : nil
    }

    /// How many sets of a zone of the configuration are kept, by its name.
    var counts: [String: Int] {
        // What was made of a zone before it stood there is no change of it.
        let changed = zones.filter { !$0.value.kind.isWhole }
        return Dictionary(changed.map { ("\($0.key)", $0.value.sets.count) }) { first, _ in first }
    }

    /// Zones that the configuration does not know, as it would have them.
    func more(than settings: [ZoneSettings]) -> [ZoneSettings] {
        // Asked at each change and for each look: without such zones it costs what lies over zones.
        guard zones.values.contains(where: { $0.kind == .made }) else { return [] }
        let known = Set(settings.map(\.name))
        return zones.values.filter { $0.kind == .made && !known.contains("\($0.name)") }
            .sorted { $0.name.wire.lexicographicallyPrecedes($1.name.wire) }
            .map { stored in
                ZoneSettings(name: "\(stored.name)", ttl: .seconds(3600))
            }
    }
}

/// A zone of the configuration whose serial has been raised there, under what lies over it.
struct RebasedZone: Sendable {
    /// The serial that it has in the configuration now.
    var base: UInt32
    /// The SOA that it is served with: newer than both.
    var soa: RecordSet
}

extension StoredZone {
    /// The SOA for a zone whose configuration has another serial than before; nil for the same.
    ///
    /// What has changed there is not known, so secondaries must take all of it: the serial is a new
    /// one, and the journal ends.
    func rebased(on masked: (ttl: UInt32, data: [UInt8])?) -> RebasedZone? {
        guard kind == .overlay, let masked, let mine = serial,
            let theirs = ZoneRecords.serial(ofSOA: masked.data), theirs != base
        else { return nil }
        var zone = ZoneRecords(apex: name)
        zone[name, .SOA] = RecordSet(ttl: masked.ttl, data: [masked.data])
        zone.setSerial(theirs.isLater(thanSerial: mine) ? theirs : mine.nextSerial)
        return zone[name, .SOA].map { RebasedZone(base: theirs, soa: $0) }
    }
}
