// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Imports: read, compared with what is served, and laid out.
extension ZoneWork {
    /// What an import would do, and the tables that it makes; nil when it changes nothing or is to be
    /// looked at alone.
    mutating func replace(
        _ apex: DomainName,
        _ order: ZoneImportOrder
    ) throws(AssemblyRefusal) -> (report: ZoneImport, table: ZoneTable?) {
        let fresh = try ZoneWork.read(Array(order.text.utf8), apex)
        let served = take(apex)
        var zone = served ?? ZoneRecords(apex: apex)
        zone.begin()
        let before = zone.serial
        try ZoneWork.replace(&zone, by: fresh)
        if let before, let serial = zone.serial, !serial.isLater(thanSerial: before) {
            zone.setSerial(before.nextSerial)
        }
        do throws(ZoneAPIFault) {
            try settings.checkDynamic(zone)
        } catch {
            throw AssemblyRefusal(problems: [.start("M3091", error.message, "mend the records")])
        }
        let difference = zone.difference()
        var report = ZoneImport(zone: "\(apex)", serial: zone.serial ?? 0, removed: 0, added: 0)
        report.removed = difference?.deleted.count ?? 0
        // Of a zone that was not there all of it is new, and no difference leads to it.
        report.added = served == nil ? zone.records.count : difference?.added.count ?? 0
        if difference == nil || ZoneWork.isSerialAlone(difference), served != nil {
            // Nothing but the serial would change.
            (report.removed, report.added, report.serial) = (0, 0, before ?? 0)
            live[apex] = served
            return (report, nil)
        }
        let trial = ZoneAssembly.trial([(apex, zone)], changed: former.changed)
        guard let table = trial.table else {
            throw AssemblyRefusal(
                problems: trial.faults.filter { $0.severity == .error }.map(ZoneAssembly.problem)
            )
        }
        guard !order.isTrial else {
            live[apex] = served
            report.difference = ZoneComparison(
                from: ZoneWork.lines(served == nil ? [] : difference?.deleted ?? []),
                to: ZoneWork.lines(served == nil ? zone.records : difference?.added ?? [])
            )
            return (report, nil)
        }
        var change = ZoneChange(kind: configured(apex) == nil ? .made : .overlay)
        if let base = configuredRecords(apex) {
            change.restsOnFile = true
            change.sets = ZoneWork.differences(of: zone, from: base)
        } else {
            for key in zone.former.keys { change.sets[key] = .some(zone[key.owner, key.type]) }
        }
        if let difference, served != nil { change.differences = [difference] }
        changes[apex] = change
        changedSets = zone.changedSets
        live[apex] = zone
        return (report, table)
    }

    private static func lines(_ records: [DNSMessage.Record]) -> [String] {
        records.map(ZoneAPIDocument.line)
    }

    // The zone without what lies over it; nil for one that stands in no configuration, or cannot be
    // read now.
    private func configuredRecords(_ apex: DomainName) -> ZoneRecords? {
        guard let zone = configured(apex), zone.transferFrom.isEmpty,
            let table = try? ZoneAssembly.configured(zone, settings, path: "configuration"),
            let number = table.usableZone(apex)
        else { return nil }
        return ZoneRecords(apex: apex, table.contents(ofZone: number))
    }

    /// The sets that a zone has otherwise than its file, in whatever order their records stand: what
    /// is equal must not lie over the next version of the file.
    ///
    /// The SOA is kept in any case: by its serial a newer file is told from this one.
    static func differences(
        of zone: ZoneRecords,
        from base: ZoneRecords
    ) -> [RecordSetKey: RecordSet?] {
        var found: [RecordSetKey: RecordSet?] = [:]
        for (owner, sets) in zone.names {
            for (type, set) in sets {
                let isSOA = type == .SOA && owner == zone.apex
                let known = base[owner, type]
                if !isSOA, known?.ttl == set.ttl, known.map({ Set($0.data) }) == Set(set.data) {
                    continue
                }
                found[RecordSetKey(owner, type)] = .some(set)
            }
        }
        for (owner, sets) in base.names {
            for type in sets.keys where zone[owner, type] == nil {
                found[RecordSetKey(owner, type)] = .some(nil)
            }
        }
        return found
    }

    // Read as any zone file, and nothing beside it.
    private static func read(
        _ text: [UInt8],
        _ apex: DomainName
    ) throws(AssemblyRefusal) -> ZoneRecords {
        var builder = ZoneTableBuilder()
        builder.beginZone(apex, source: "import")
        builder.read(ZoneFileReader(text, file: "import", origin: apex, defaultTTL: 3600))
        let build = builder.build()
        guard let table = build.table, let number = table.usableZone(apex) else {
            throw AssemblyRefusal(
                problems: build.diagnostics.filter { $0.severity == .error }
                    .map(ZoneAssembly.problem)
            )
        }
        return ZoneRecords(apex: apex, table.contents(ofZone: number))
    }

    // What is steered by the configuration stays, and the import has no addresses there.
    private static func replace(
        _ zone: inout ZoneRecords,
        by fresh: ZoneRecords
    ) throws(AssemblyRefusal) {
        for (owner, sets) in zone.names {
            if sets[DynamicRecord.type] != nil {
                let left = fresh.chosenTypes(owner)
                zone.release(owner, zone.chosenTypes(owner).subtracting(left))
            }
            for type in sets.keys where fresh[owner, type] == nil {
                zone[owner, type] = nil
            }
        }
        var problems: [ReloadProblem] = []
        for (owner, sets) in fresh.names {
            for (type, set) in sets where zone[owner, type] != set {
                let isAddress = type == .A || type == .AAAA
                if isAddress && zone.isFixed(owner, type) || type == .CNAME && zone.isFixed(owner) {
                    let text = "\(owner) \(type): the addresses of this name are steered"
                    problems.append(.start("M3091", text, "leave them out of the import"))
                    continue
                }
                zone[owner, type] = set
            }
        }
        guard problems.isEmpty else { throw AssemblyRefusal(problems: problems) }
    }

    private static func isSerialAlone(_ difference: ZoneDifference?) -> Bool {
        guard let difference, difference.deleted.count == 1, difference.added.count == 1,
            let old = difference.deleted.first, let new = difference.added.first,
            old.type == .SOA, new.type == .SOA, old.ttl == new.ttl, old.data.count == new.data.count
        else { return false }
        // The serial lies before the last four numbers.
        let place = old.data.count - 20
        guard place > 0 else { return false }
        return old.data[..<place] == new.data[..<place]
            && old.data[(place + 4)...] == new.data[(place + 4)...]
    }
}
