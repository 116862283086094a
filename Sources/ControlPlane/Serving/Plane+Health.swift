// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Runtime
internal import Steering

/// From outcomes to published words, log lines and the state file.
extension Plane {
    mutating func takeProbeResults(_ now: Instant) {
        for event in probes.takeCommandEvents() { note(event) }
        for result in probes.takeResults() {
            counts.count(result)
            // The part first: who comes up gets no write before it is known to lead.
            if let role = result.role {
                absorb(keeper.setRole(result.slot, role, now: now), now)
            }
            absorb(keeper.record(result.slot, result.outcome, now: now), now)
            keepNote(result)
            probes.setChanging(keeper.isChanging(result.slot), slot: result.slot, now: now)
        }
    }

    /// A passing probe may still name a dependency that fails: people want to know.
    private mutating func keepNote(_ result: ProbeResult) {
        // What a command says may differ each time: it is shown, and no event.
        probeWords[result.slot] = result.said.isEmpty ? nil : result.said
        let before = probeNotes[result.slot] ?? ""
        guard result.note != before else { return }
        probeNotes[result.slot] = result.note.isEmpty ? nil : result.note
        guard let identity = assembly.registries.endpoints.identity(of: result.slot),
            let status = keeper.status(result.slot)
        else { return }
        let who = "\(identity.pool)/\(status.registration.name)"
        let said = result.said.isEmpty ? "" : " (\(result.said))"
        let what =
            result.note.isEmpty
            ? "reports nothing amiss any more" : "reports \(result.note)\(said)"
        note(
            .healthReason,
            result.note.isEmpty ? .info : .warning,
            "\(who) is \(status.word.health.word) and \(what)",
            [
                JSONMember("pool", .string(identity.pool)),
                JSONMember("endpoint", .string(status.registration.name)),
                JSONMember("detail", .string(result.note)),
            ]
        )
    }

    /// What workers report about real requests.
    mutating func takePassive(_ reports: [PassiveReport], _ now: Instant) {
        for report in reports {
            absorb(keeper.recordPassive(report.slot, report.failure, now: now), now)
            // A failing connection is worth a look before the next turn of the probe.
            if report.failure.isConnectFailure { probes.probeNow(slot: report.slot, now: now) }
        }
    }

    /// Takes note of changes that the keeper has published already.
    mutating func absorb(_ events: [HealthEvent], _ now: Instant) {
        guard !events.isEmpty else { return }
        let moment = moment(now)
        for event in events {
            log.record(LogEvent(event, at: moment))
            counts.count(event)
            if event.closesConnections {
                workers.post(.closeConnections(slot: event.slot, .all))
            }
            if case .forced(_, nil) = event.change { forgetForced() }
            if case .administrative(_, let state) = event.change {
                state == .ready ? endDrain(event.slot) : beginDrain(event.slot, now)
            }
        }
        healthSaving.isDirty = true
    }

    /// Gives the slots of endpoints that are gone to others, once nothing counts on them, and what
    /// no worker goes by any more to nobody.
    mutating func releaseRetired(_ now: Instant) {
        guard now >= retiresAt else { return }
        retiresAt = .never
        // A worker with an older snapshot may still choose, and count, by the old slots.
        let areAllNew = workers.words.generation >= snapshot.number
        if !areAllNew {
            retiresAt = now + .milliseconds(200)
        } else if !formerSnapshots.isEmpty {
            passOnZonePlaces()
            let former = Handed(formerSnapshots)
            formerSnapshots = []
            formerRooms = []
            // Large tables take a while to free: a thread of their own does it.
            _ = Errand("free") { _ = former.take() }
            trimsAt = now + Plane.trimDelay
        }
        var registries = assembly.registries
        for slot in registries.endpoints.retiring {
            guard areAllNew, load.inFlight(slot) == 0 else {
                retiresAt = now + .milliseconds(200)
                continue
            }
            keeper.unregister(slot)
            probeNotes[slot] = nil
            probeWords[slot] = nil
            counts.clear(slot)
            registries.endpoints.release(slot)
            endDrain(slot)
        }
        assembly.registries = registries
    }

    /// How long after a change memory is given back: by then the state is written, and what only
    /// the change needed is free.
    static let trimDelay = Interval.seconds(2)

    mutating func returnMemory(_ now: Instant) {
        guard now >= trimsAt else { return }
        trimsAt = .never
        // It goes through the whole heap: milliseconds for each ten megabytes.
        _ = Errand("free") { ProcessControl.returnFreeMemory() }
    }
}

/// When the health table is written to the state folder.
struct HealthSaving {
    /// Between two writes at least, whatever happens.
    static let gap = Interval.milliseconds(200)
    /// Between two writes at most, so that the age of the file says when it was last true.
    static let period = Interval.seconds(60)

    var isDirty = false
    private var writtenAt = Instant.start

    var deadline: Instant { writtenAt + (isDirty ? HealthSaving.gap : HealthSaving.period) }

    /// True when it is time to write; it then counts as written.
    mutating func isDue(_ now: Instant) -> Bool {
        guard now >= deadline else { return false }
        isDirty = false
        writtenAt = now
        return true
    }
}

extension Plane {
    mutating func saveHealth(_ now: Instant) {
        guard phase != .waiting, !isRetired, healthSaving.isDue(now) else { return }
        watchSignatures()
        store.writeSoon(.health, savedHealth(now))
    }

    /// Saves before this returns: the process ends, or another takes over.
    func saveHealthNow(_ now: Instant) {
        do throws(SystemError) {
            try store.writeNow(.health, savedHealth(now))
        } catch {
            note(.stateFailed, .error, "health cannot be saved: \(error)")
        }
    }

    func savedHealth(_ now: Instant) -> [UInt8] {
        let realtime = Clock.realtime()
        let saved = SavedHealth(
            generation: generation,
            writtenAt: realtime,
            endpoints: keeper.export(now: now, realtime: realtime),
            names: names.saved,
            aliases: aliases.saved(now: now, realtime: realtime)
        )
        return saved.text()
    }
}

extension Plane {
    var checkViews: [CheckView] {
        let verdicts = keeper.checkVerdicts
        return settings.probes.filter { $0.calculated != nil }.map { probe in
            let verdict = verdicts[probe.name] ?? CheckVerdict(health: .unknown)
            return CheckView(name: probe.name, health: verdict.health, detail: verdict.detail)
        }
    }
}
