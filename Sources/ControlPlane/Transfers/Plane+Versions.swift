// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// What follows from a zone having another serial: its difference is kept, and others are told.
extension Plane {
    /// Record sets of all zones up to which differences are made: that reads both versions.
    static let differenceLimit = 500_000

    /// Compares the zones that are about to be served with those of before; nil at the start.
    ///
    /// Done before the snapshot is made, which carries the histories. `known` is what has changed
    /// where somebody knows that already: such zones are not compared, and those of which it says
    /// nothing have no history from here on.
    mutating func followVersions(
        since old: ZoneAssembly.Result?,
        known: [DomainName: [ZoneDifference]] = [:],
        _ now: Instant
    ) {
        if let old { assembly.zoneResult.histories = old.histories }
        for zone in assembly.settings.zones
        where !zone.transferTo.isEmpty || !zone.notify.isEmpty {
            guard let apex = DomainName(zone.name),
                let present = assembly.zoneResult.place(of: apex),
                let serial = present.serial
            else { continue }
            if let old, let former = old.place(of: apex) {
                let before = former.serial
                guard before != serial else { continue }
                if let steps = known[apex], steps.first?.from == before, steps.last?.to == serial,
                    !zone.transferTo.isEmpty, !hasInner(apex, since: old)
                {
                    for step in steps {
                        assembly.zoneResult.histories[apex, default: ZoneHistory()].append(step)
                    }
                } else {
                    let mayCompare = known[apex]?.isEmpty != true
                    keepDifference(apex, zone, former, present, mayCompare: mayCompare)
                }
            }
            tell(zone, apex, serial, now)
        }
    }

    /// Tells those of a zone's `notify` of its version, changed or not.
    mutating func tellAll(of apex: DomainName, _ now: Instant) {
        guard let zone = settings.zones.first(where: { $0.name == "\(apex)" }),
            let serial = assembly.zoneResult.place(of: apex)?.serial
        else { return }
        tell(zone, apex, serial, now)
    }

    // What stands inside another zone that is served here is not told by this one.
    private func hasInner(_ apex: DomainName, since old: ZoneAssembly.Result) -> Bool {
        [assembly.zoneResult.table, assembly.zoneResult.changed, old.changed].contains { table in
            table.usableZone(apex).map { table.hasInner(zone: $0) } ?? false
        }
    }

    private mutating func keepDifference(
        _ apex: DomainName,
        _ zone: ZoneSettings,
        _ former: ZoneAssembly.Place,
        _ present: ZoneAssembly.Place,
        mayCompare: Bool
    ) {
        guard let before = former.serial, present.serial?.isNewer(than: before) == true else {
            assembly.zoneResult.histories[apex] = nil
            let text =
                "the serial of zone \(zone.name) has gone back: secondaries keep what they have"
            return note(.notice, .warning, text, [JSONMember("zone", .string(zone.name))])
        }
        guard mayCompare, !zone.transferTo.isEmpty,
            let difference = former.difference(to: present)
        else {
            assembly.zoneResult.histories[apex] = nil
            return
        }
        assembly.zoneResult.histories[apex, default: ZoneHistory()].append(difference)
    }

    private mutating func tell(
        _ zone: ZoneSettings,
        _ apex: DomainName,
        _ serial: SerialNumber,
        _ now: Instant
    ) {
        for target in zone.notify {
            let isTaken = notifier.tell(
                target.address,
                apex,
                serial,
                key: target.key.flatMap { DomainName($0) },
                pace: NoticePace(attempts: target.attempts, firstWait: target.wait),
                now: now
            )
            guard !isTaken else { continue }
            note(.limit, .warning, "too many servers are being told of changes: \(target.address)")
        }
    }
}

extension ZoneAssembly {
    /// Where a zone stands.
    struct Place {
        let table: ZoneTable
        let zone: Int

        var serial: SerialNumber? { table.serial(ofZone: zone).map { SerialNumber($0) } }

        /// What leads to another version; nil when that cannot be said, or is too much.
        func difference(to present: ZoneAssembly.Place) -> ZoneDifference? {
            let sets = max(table.setCount, present.table.setCount)
            // What is steered, or an alias, goes out as it is answered: no version says how it was.
            guard sets <= Plane.differenceLimit, isPlain, present.isPlain else { return nil }
            return ZoneDifference(from: records, to: present.records)
        }

        /// True when it has nothing but records.
        var isPlain: Bool { table.hasOnlyRecords(zone: zone) }

        /// Its records, but for names that are steered.
        var records: [DNSMessage.Record] { table.contents(ofZone: zone).compactMap(\.record) }
    }
}

extension ZoneAssembly.Result {
    /// Where a zone stands that is served; nil for one that is not.
    func place(of apex: DomainName) -> ZoneAssembly.Place? {
        for table in [changed, table] {
            if let zone = table.usableZone(apex) {
                return ZoneAssembly.Place(table: table, zone: zone)
            }
        }
        return nil
    }
}
