// SPDX-License-Identifier: Apache-2.0
public import Essentials

extension HealthKeeper {
    /// Takes an endpoint in, or changes the settings of one that is known; its state stays.
    public mutating func register(_ registration: HealthRegistration, now: Instant) -> [HealthEvent]
    {
        let slot = registration.slot
        guard slot >= 0, slot < table.capacity else { return [] }
        if records.count <= slot {
            records += Array(repeating: nil, count: slot + 1 - records.count)
        }
        if let known = records[slot], known.registration.identity == registration.identity {
            return update(known, registration, now)
        }
        _ = unregister(slot)
        pools[registration.identity.pool, default: []].insert(slot)
        followLatency(of: registration, now)
        inherit(registration)
        let former = restored[registration.identity]
        let record = begin(registration, now)
        if registration.condition != nil { conditioned.insert(slot) }
        if record.passive.isEjected { ejected.insert(slot) }
        table.setRole(slot, former?.role ?? .unknown)
        let events = put(slot, record, [], now)
        // Slow start and the hold of a failover go on where they were.
        if let returned = former?.returnedRealtime, table.word(slot).takesNewWork {
            let at = min(instant(returned), now)
            table.setRampStart(slot, max(at, Instant(nanoseconds: 1)))
        }
        // A restored state is as old as it was, and `last-good` goes by that age.
        if record.since < now { table.setChanged(slot, max(record.since, Instant(nanoseconds: 1))) }
        return events
    }

    // What is called otherwise than before is no stranger.
    private mutating func inherit(_ registration: HealthRegistration) {
        guard registration.former >= 0, restored[registration.identity] == nil,
            let record = take(Int(registration.former)),
            record.registration.identity.pool == registration.identity.pool
        else { return }
        var saved = saved(record, restoredOffset)
        saved.identity = registration.identity
        restored[registration.identity] = saved
    }

    private mutating func begin(_ registration: HealthRegistration, _ now: Instant) -> HealthRecord
    {
        let saved = restored.removeValue(forKey: registration.identity)
        // A dictionary keeps its room, megabytes for ten thousands of endpoints.
        if restored.isEmpty { restored = [:] }
        var record = HealthRecord(
            registration: registration,
            machine: registration.checks.map {
                HealthMachine($0, health: saved?.health ?? .unknown)
            },
            since: now
        )
        record.reason = registration.checks == nil ? .noProbe : .pending
        record.condition = condition(registration, known: nil)
        guard let saved else { return record }
        record.administrative = saved.administrative
        record.weight = saved.weightOverride
        record.since = instant(saved.sinceRealtime)
        if registration.checks != nil {
            (record.reason, record.detail) = (saved.reason, saved.detail)
            record.isConnectFailing = saved.health == .down && saved.reason.isConnectFailure
            if saved.reason == .noProbe { record.reason = .pending }
        }
        if let end = saved.ejectedUntilRealtime, registration.passive != nil {
            let until = instant(end)
            if until > now { record.passive.resume(until: until) }
        }
        return record
    }

    private mutating func update(
        _ known: HealthRecord,
        _ registration: HealthRegistration,
        _ now: Instant
    ) -> [HealthEvent] {
        var record = known
        let slot = registration.slot
        record.registration = registration
        followLatency(of: registration, now)
        var changes: [HealthEvent.Change] = []
        if known.registration.condition != registration.condition {
            record.condition = condition(registration, known: known)
            if registration.condition == nil {
                conditioned.remove(slot)
            } else {
                conditioned.insert(slot)
            }
        }
        switch (record.machine, registration.checks) {
        case (.some, .some(let checks)): record.machine?.settings = checks
        case (nil, .some(let checks)):
            // It has served unchecked until now; the first failures decide, not the reload.
            record.machine = HealthMachine(checks, health: .up)
            record.reason = .pending
        case (.some, nil):
            record.machine = nil
            record.isConnectFailing = false
            record.latest = nil
            // Nobody asks any more: who led would do so for ever.
            if table.role(slot) != .unknown {
                changes.append(.role(from: table.role(slot), to: .unknown))
                table.setRole(slot, .unknown)
            }
            record.turn(.noProbe, "", now)
        case (nil, nil): break
        }
        if known.health != record.health {
            changes.insert(.health(from: known.health, to: record.health), at: 0)
            record.since = now
        }
        if registration.passive == nil, record.passive.circuit != .closed {
            record.passive.cancel(now: now)
            ejected.remove(slot)
            trials[slot] = nil
            changes.append(.restored(.disabled))
        }
        return put(slot, record, changes, now)
    }

    /// Forgets an endpoint and clears its slot; false when it was not registered.
    @discardableResult
    public mutating func unregister(_ slot: Int) -> Bool {
        guard let record = take(slot) else { return false }
        let pool = record.registration.identity.pool
        pools[pool]?.remove(slot)
        if pools[pool]?.isEmpty == true { (pools[pool], latencies[pool]) = (nil, nil) }
        ejected.remove(slot)
        trials[slot] = nil
        conditioned.remove(slot)
        forcedSlots.remove(slot)
        records[slot] = nil
        table.clear(slot)
        return true
    }

    /// Takes what a former process knew; used as endpoints with these identities are registered.
    ///
    /// `realtime` is nanoseconds since 1970 at `now`.
    public mutating func restore(_ saved: [SavedEndpoint], now: Instant, realtime: Int64) {
        restoredOffset = realtime &- now.nanoseconds
        for endpoint in saved { restored[endpoint.identity] = endpoint }
    }

    /// Forgets restored states that nobody has claimed; call it when names had time to resolve.
    public mutating func forgetUnclaimed() { restored = [:] }

    /// The state of all endpoints for the state file, unclaimed restored ones included.
    public func export(now: Instant, realtime: Int64) -> [SavedEndpoint] {
        let offset = realtime &- now.nanoseconds
        var all: [SavedEndpoint] = []
        for case .some(let record) in records { all.append(saved(record, offset)) }
        return all + restored.values.sorted { $0.identity.description < $1.identity.description }
    }

    private func saved(_ record: HealthRecord, _ offset: Int64) -> SavedEndpoint {
        var saved = SavedEndpoint(
            identity: record.registration.identity,
            // Resolving is tried anew by the next process.
            health: record.isUnresolved ? .unknown : record.ownHealth,
            reason: record.isUnresolved ? .pending : record.reason
        )
        saved.detail = record.isUnresolved ? "" : record.detail
        saved.sinceRealtime = record.since.nanoseconds &+ offset
        saved.administrative = record.administrative
        saved.weightOverride = record.weight
        saved.role = table.role(record.registration.slot)
        saved.ejectedUntilRealtime = record.passive.ejectedUntil.map { $0.nanoseconds &+ offset }
        let returned = table.rampStart(record.registration.slot)
        if returned != .start { saved.returnedRealtime = returned.nanoseconds &+ offset }
        return saved
    }

    // An instant before boot is negative: ages still come out right.
    private func instant(_ realtime: Int64) -> Instant {
        Instant(nanoseconds: realtime &- restoredOffset)
    }

    /// Everything known of an endpoint; nil when it is not registered.
    public func status(_ slot: Int) -> EndpointStatus? {
        guard let record = take(slot) else { return nil }
        return EndpointStatus(
            registration: record.registration,
            word: table.word(slot),
            detail: record.shownDetail,
            since: record.since,
            weightOverride: record.weight,
            ejectedUntil: record.passive.ejectedUntil,
            checksNeeded: record.machine?.checksNeeded ?? 0,
            latest: record.latest,
            forced: record.forced
        )
    }

    /// Slots of all registered endpoints, ascending.
    public var slots: [Int] { records.indices.filter { records[$0] != nil } }

    // Stores the record, publishes its word and turns changes into events.
    mutating func put(
        _ slot: Int,
        _ record: HealthRecord,
        _ changes: [HealthEvent.Change],
        _ now: Instant,
        isNews: Bool = false
    ) -> [HealthEvent] {
        records[slot] = record
        let old = table.word(slot)
        let new = record.word(at: now)
        if old.takesNewWork != new.takesNewWork || old.health != new.health {
            table.setChanged(slot, max(now, Instant(nanoseconds: 1)))
        }
        if old.takesNewWork != new.takesNewWork {
            // Slow start is for those who return or join, not for the first round of probes at
            // the start, when everybody would ramp and nobody gain.
            let isFirst = old.health == .unknown && !record.registration.joinsRunningPool
            let start = isFirst ? Instant.start : max(now, Instant(nanoseconds: 1))
            if new.takesNewWork { table.setRampStart(slot, start) }
        }
        // Full work begins only where the trial ends.
        if old.isHalfOpen, !new.isHalfOpen, new.takesNewWork {
            table.setRampStart(slot, max(now, Instant(nanoseconds: 1)))
        }
        let isReweighed = table.weightOverride(slot) != record.weight
        if isReweighed { table.setWeightOverride(slot, record.weight) }
        let generation = table.publish(slot, new, isNews: isReweighed || isNews)
        let events = changes.map { change in
            var closes = false
            if case .health(_, .down) = change { closes = new.closesConnections }
            return HealthEvent(
                slot: slot,
                identity: record.registration.identity,
                name: record.registration.name,
                change: change,
                reason: new.reason,
                detail: record.shownDetail,
                generation: generation,
                at: now,
                closesConnections: closes
            )
        }
        // Whatever the word says now, others may depend on it.
        let isNewTo = old.state != new.state || old.secondsToChange != new.secondsToChange
        return isNewTo && !checks.isEmpty ? events + settle(now: now) : events
    }
}
