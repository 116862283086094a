// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// One zone by itself: its file is read again, and all others stay as they are.
extension Plane {
    /// The zones in force.
    var formerZones: FormerZones {
        FormerZones(
            all: assembly.zones,
            changed: assembly.zoneResult.changed,
            policies: settings.steer.map(\.name)
        )
    }

    /// Has a zone's file read again; workers answer from it with their next batch of queries.
    mutating func reloadZone(_ name: String, _ now: Instant) -> ControlOutcome {
        let wanted = (name.hasSuffix(".") ? name : name + ".").lowercased()
        guard let zone = settings.zones.first(where: { $0.name == wanted }) else {
            return .unknownZone
        }
        guard zone.transferFrom.isEmpty else {
            // Looked at now, whenever it would have been.
            secondaries.notice(zone.name, nil, now: now)
            if zone.catalog { followCatalogs(now, trusted: zone.name) }
            return .done
        }
        guard zone.file != nil else { return .zoneWithoutFile }
        return enqueue(.reread(zone.name), now)
    }

    /// Puts a zone together again: from the configuration and its file, or as it is in force, and
    /// what the store has of it.
    mutating func renewZone(
        _ apex: DomainName,
        readsFile: Bool,
        _ now: Instant
    ) -> ControlOutcome {
        let zones = settings.zones + updater.overlays.more(than: settings.zones)
        guard let zone = zones.first(where: { $0.name == "\(apex)" }) else { return .unknownZone }
        return renew(zone, readsFile: readsFile, now)
    }

    /// Puts all zones together again as they are in force, but for some that are read again.
    mutating func rebuildZones(reading files: Set<String>, _ now: Instant) -> ControlOutcome {
        adoptStaged(now)
        zonesAreStale = true
        updater.rereads.formUnion(files)
        let problems = stageChange(now)
        adoptStaged(now)
        guard problems.isEmpty else { return .refused(problems) }
        let faults = assembly.zoneResult.faults.filter { files.contains($0.zone) }
        note(faults)
        return faults.isEmpty ? .done : .refused(faults.flatMap(\.problems))
    }

    private mutating func renew(
        _ zone: ZoneSettings,
        readsFile: Bool,
        _ now: Instant
    ) -> ControlOutcome {
        let renewal = zoneReader(zone, readsFile: readsFile)
            .renew(zone, changed: assembly.zoneResult.changed)
        return take(renewal, of: zone, readsFile: readsFile, now)
            ?? rebuildZones(reading: readsFile ? [zone.name] : [], now)
    }

    /// What puts one zone together: from its file, or as it is in force.
    func zoneReader(_ zone: ZoneSettings, readsFile: Bool) -> ZoneAssembly {
        var reader = ZoneAssembly(
            settings,
            path: setup.path,
            former: formerZones,
            overlays: updater.overlays
        )
        reader.rereads = readsFile ? [zone.name] : []
        reader.keyFaults = keys.faults(of: [zone])
        return reader
    }

    /// Serves a zone that was put together; nil when all must be.
    mutating func take(
        _ renewal: ZoneAssembly.Renewal,
        of zone: ZoneSettings,
        readsFile: Bool,
        _ now: Instant
    ) -> ControlOutcome? {
        switch renewal {
        case .needsAll: return nil
        case .faulty(let fault):
            assembly.zoneResult.faults.removeAll { $0.zone == zone.name }
            assembly.zoneResult.faults.append(fault)
            note([fault])
            return .refused(fault.problems)
        case .done(let table, let warnings, let rebased):
            let old = assembly.zoneResult
            assembly.zoneResult.changed = table
            if let rebased, let apex = DomainName(zone.name) { rebase([apex: rebased]) }
            updater.noteReread()
            if readsFile {
                assembly.zoneResult.faults.removeAll { $0.zone == zone.name }
                raiseSilentSerials(of: DomainName(zone.name).map { [$0.lowercased] } ?? [])
            }
            followVersions(since: old, now)
            noteSilentChanges(since: old, of: [zone])
            configureKeys(of: [zone.name])
            adoptZones(now)
            guard readsFile else { return .done }
            noteZoneWarnings(warnings)
            note(
                .notice,
                .info,
                "zone \(zone.name) was read again",
                [JSONMember("zone", .string(zone.name))]
            )
            return .done
        }
    }

    /// Has workers answer from the zones, and sign with the keys, that are in force now.
    mutating func adoptZones(_ now: Instant) {
        countZones()
        formerSnapshots.append(snapshot)
        retiresAt = now
        snapshot = Plane.snapshot(
            assembly,
            number: snapshot.number + 1,
            health: health,
            slotsGiven
        )
        workers.post(.adopt(snapshot))
        applyKeys()
    }

    /// Tells what is wrong with zones, and noteworthy.
    func noteZones(_ assembly: Assembly) {
        note(assembly.zoneResult.faults)
        noteZoneWarnings(assembly.zoneResult.warnings)
    }

    /// Takes note of sets of the store that the zones could not be served with.
    mutating func leaveOut() {
        let found = assembly.zoneResult.leftOut
        assembly.zoneResult.leftOut = [:]
        for (apex, left) in found { updater.overlays.leave(left, of: apex) }
        note(found.map { $0.value.fault("\($0.key)") }.sorted { $0.zone < $1.zone })
    }

    func note(_ faults: [ZoneFault]) {
        for fault in faults {
            for problem in fault.problems {
                var event = LogEvent(
                    .zoneFaulty,
                    problem.isNotice ? .warning : .error,
                    realtime: Clock.realtime(),
                    problem.isNotice ? problem.text : "\(fault.consequence): \(problem.text)",
                    [JSONMember("zone", .string(fault.zone))]
                )
                event.code = problem.code
                log.record(event)
            }
        }
    }

    private func noteZoneWarnings(_ warnings: [ZoneDiagnostic]) {
        for warning in warnings {
            var event = LogEvent(
                .notice,
                .warning,
                realtime: Clock.realtime(),
                ConfigurationTrial.text(of: warning)
            )
            event.code = "\(warning.code)"
            log.record(event)
        }
    }
}
