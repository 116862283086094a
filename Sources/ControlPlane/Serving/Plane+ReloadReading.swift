// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Runtime

/// A configuration that was read and is valid by itself, until its zones are put together.
struct Reloading {
    /// Told from others that were read before it.
    var number: UInt64
    var read: LoadedConfiguration
    var text: [UInt8]
    var certificates: CertificateFiles
    var access: AccessFiles
    var keys: SessionKeys
    var geography: Geography
    var measurements: MeasurementsFile
    /// Where it is made.
    var room: Workroom?
    /// True until another thread has begun with the zones.
    var isWanted = true
    /// Who waits for it, and until when.
    var orders: [UInt64] = []
    var until = Instant.never
}

/// The zones of a configuration that is to come, as another thread puts them together.
struct ReloadedZones: Sendable {
    var number: UInt64
    var settings: Settings
    let result = Handed<Result<ZoneAssembly.Result, AssemblyRefusal>>()
}

/// From the file to a configuration whose zones are at hand.
///
///     read, by the control thread --> zones, by another one --> assembled and staged
///
/// Zones may be large and many, and verdicts are the control thread's: it reads no zone file.
extension Plane {
    /// Reads the file again.
    ///
    /// Done means that it is in force. Where zones are to be read, or endpoints that alone would serve
    /// a pool have no verdict yet, it is awaited.
    mutating func reload(_ now: Instant) -> ControlOutcome {
        adoptStaged(now)
        // What is needed for the reading alone must leave no holes among what stays.
        ProcessControl.mapAllocations(from: ServingProcess.readingBound)
        defer { ProcessControl.mapAllocations(from: ServingProcess.servingBound) }
        do throws(AssemblyRefusal) {
            var fresh = try readReload(now)
            let settings = whole(fresh.read).settings
            let hasZones = !settings.zones.isEmpty || !updater.overlays.zones.isEmpty
            guard hasZones, !isAsInForce(settings, isReload: true) else {
                try stageReload(fresh, nil, now)
                // Who has waited for one that never was in force waits for this one.
                let others = reloading?.orders ?? []
                reloading = nil
                staged?.orders += others
                let outcome = awaitAdoption(now)
                if staged == nil { end(others, outcome) }
                return outcome
            }
            let number = updater.nextNumber()
            fresh.orders = (reloading?.orders ?? []) + [number]
            fresh.until = now + Plane.reloadPatience
            reloading = fresh
            followUpdates(now)
            return .awaited(number)
        } catch {
            return refuse(error)
        }
    }

    private mutating func refuse(_ refusal: AssemblyRefusal) -> ControlOutcome {
        reloads.refused += 1
        reloadProblems = refusal.problems
        for problem in refusal.problems {
            var event = LogEvent(
                .reloadRefused,
                .error,
                realtime: Clock.realtime(),
                problem.text
            )
            event.code = problem.code
            log.record(event)
        }
        let count = refusal.problems.count
        note(
            .reloadRefused,
            .error,
            "the new configuration has \(count == 1 ? "an error" : "\(count) errors"): "
                + "generation \(generation) serves on"
        )
        return .refused(refusal.problems)
    }

    // MARK: Reading

    private mutating func readReload(_ now: Instant) throws(AssemblyRefusal) -> Reloading {
        let room = try? Workroom(name: "configuration")
        let text = try asking { link throws(ReloadProblem) in try link.freshConfiguration() }
        // Certificates are read first, by the supervisor: what it finds belongs to the errors.
        var certificates = assembly.certificates
        var access = assembly.access
        var keys = assembly.sessionKeys
        var geography = assembly.geography
        var measurements = assembly.measurements
        // A file that says nothing of places any more must be read for that.
        if Plane.mayNameFiles(text) || geography.view != nil || measurements.path != nil,
            let wanted = ConfigurationSource.readForService(text, path: setup.path).configuration
        {
            certificates = Plane.load(wanted.settings, known: certificates, &link)
            access = Plane.loadAccess(wanted.settings, known: access, &link)
            keys.load(wanted.settings) { path throws(CertificateFiles.Unreadable) in
                try link.file(path)
            }
            geography = Plane.loadGeography(wanted.settings.geo, known: geography, &link)
            measurements = Plane.loadMeasurements(
                wanted.settings.latency,
                known: measurements,
                moment(now),
                &link
            )
        }
        let reading = ConfigurationSource.Reading(
            path: setup.path,
            certificates: certificates,
            access: access,
            geography: geography,
            measurements: measurements,
            isServed: !settings.listeners.isEmpty
        )
        let result = Plane.perform(in: room) { ConfigurationSource.read(text, reading) }
        guard let read = result.configuration else {
            throw AssemblyRefusal(problems: ConfigurationSource.problems(result))
        }
        for warning in result.warnings { note(.notice, .warning, warning.description) }
        return Reloading(
            number: updater.nextNumber(),
            read: read,
            text: text,
            certificates: certificates,
            access: access,
            keys: keys,
            geography: geography,
            measurements: measurements,
            room: room
        )
    }

    /// False when no file that the supervisor opens can be named: then the text need not be read
    /// twice.
    private static func mayNameFiles(_ text: [UInt8]) -> Bool {
        let keys = [
            "https", "basic-auth", "jwt", "maintenance", "sticky", "geo", "latency", "cookies",
            "tsig-keys",
        ].map { Array($0.utf8) }
        return text.indices.contains { start in
            keys.contains { text[start] == $0[0] && text[start...].starts(with: $0) }
        }
    }

    // MARK: Zones

    /// Begins to put zones of a configuration together, when that is wanted and nothing else is under
    /// way; true when it was begun.
    mutating func followReloading(_ now: Instant) -> Bool {
        guard let waiting = reloading, waiting.isWanted else { return false }
        adoptStaged(now)
        ProcessControl.mapAllocations(from: ServingProcess.readingBound)
        reloading?.isWanted = false
        let zones = ReloadedZones(
            number: waiting.number,
            settings: whole(waiting.read).settings
        )
        var reader = ZoneAssembly(
            zones.settings,
            path: setup.path,
            former: formerZones,
            overlays: updater.overlays
        )
        reader.transferred = secondaries.transferred
        reader.keyFaults = keys.faults(zones.settings)
        let wanted = zones.settings.zones + updater.overlays.more(than: zones.settings.zones)
        var flight = ZoneUpdater.Flight(number: updater.nextNumber())
        flight.reloaded = zones
        updater.flight = flight
        updater.store.perform("zones-read", number: flight.number) {
            [reader, room = waiting.room] in
            let made = Plane.perform(in: room) {
                Result { () throws(AssemblyRefusal) in try reader.table(wanted) }
            }
            zones.result.give(made)
        }
        return true
    }

    /// Goes on with a configuration whose zones are there; what has changed meanwhile has them put
    /// together again.
    mutating func land(_ zones: ReloadedZones, isOvertaken: Bool, _ now: Instant) {
        defer { ProcessControl.mapAllocations(from: ServingProcess.servingBound) }
        let isOvertaken = adoptStaged(now) || isOvertaken
        // Another one was read since, or an upgrade has begun.
        guard let waiting = reloading, waiting.number == zones.number else { return }
        let settings = whole(waiting.read).settings
        guard !isOvertaken, let result = zones.result.take(),
            settings.zones == zones.settings.zones,
            settings.steer.map(\.name) == zones.settings.steer.map(\.name)
        else {
            reloading?.isWanted = true
            return
        }
        reloading = nil
        do throws(AssemblyRefusal) {
            try stageReload(waiting, try result.get(), now)
        } catch {
            end(waiting.orders, refuse(error))
        }
    }

    // MARK: Staging

    private mutating func stageReload(
        _ fresh: Reloading,
        _ zones: ZoneAssembly.Result?,
        _ now: Instant
    ) throws(AssemblyRefusal) {
        let loaded = whole(fresh.read)
        let assembled = try assemble(
            loaded.settings,
            fresh.certificates,
            fresh.access,
            fresh.keys,
            fresh.geography,
            fresh.measurements,
            zones: zones,
            isReload: true,
            in: fresh.room
        )
        noteZones(assembled)
        Plane.note(fresh.geography, since: assembly.geography, log)
        Plane.note(fresh.measurements, since: assembly.measurements, log)
        for fault in fresh.keys.survivedFaults { note(.notice, .warning, fault) }
        let known = Set(sockets.map(\.key))
        let wanted = SocketKey.all(of: loaded.settings).filter { !known.contains($0) }
        if !wanted.isEmpty { awaitClosing() }
        let opened = try asking { link throws(ReloadProblem) in try link.open(wanted) }
        noteRestartNeeded(loaded)
        reloadProblems = []
        var staged = Staged(
            assembly: assembled,
            reload: (loaded, fresh.text),
            newSockets: opened,
            adoptsBy: now + Plane.firstRound(of: assembled),
            room: fresh.room
        )
        (staged.orders, staged.ordersUntil) = (fresh.orders, fresh.until)
        stage(staged, now)
    }
}
