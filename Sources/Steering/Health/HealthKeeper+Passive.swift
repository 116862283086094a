// SPDX-License-Identifier: Apache-2.0
public import Essentials

// Judging endpoints by real requests: ejection, trial and return.
extension HealthKeeper {
    /// Takes a failure of a real request.
    public mutating func recordPassive(
        _ slot: Int,
        _ failure: PassiveFailure,
        now: Instant
    ) -> [HealthEvent] {
        guard var record = take(slot), let settings = record.registration.passive else {
            return []
        }
        let verdict = record.passive.record(
            failure,
            successes: load.successCount(slot),
            now: now,
            settings
        )
        guard case .eject(let reason, let detail) = verdict, mayEject(slot, record, settings)
        else {
            records[slot] = record
            return []
        }
        record.cause.isConnectFailing = failure.isConnectFailure
        return eject(slot, record, reason, detail, now)
    }

    private mutating func eject(
        _ slot: Int,
        _ old: HealthRecord,
        _ reason: HealthReason,
        _ detail: String,
        _ now: Instant
    ) -> [HealthEvent] {
        var record = old
        guard let settings = record.registration.passive else { return [] }
        let isSlow = reason == .passiveLatency
        let until = record.passive.eject(forLatency: isSlow, now: now, settings)
        if isSlow { record.cause.isConnectFailing = false }
        record.since = now
        record.cause.reason = reason
        record.cause.detail = detail
        ejected.insert(slot)
        trials[slot] = nil
        return put(slot, record, [.ejected(until: until, times: record.passive.times)], now)
    }

    // At most a share of the pool, one always allowed unless the share is 0, and never the last one that takes work:
    // a bad endpoint is better than none.
    private func mayEject(
        _ slot: Int,
        _ record: HealthRecord,
        _ settings: PassiveSettings
    ) -> Bool {
        let members = pools[record.registration.identity.pool] ?? []
        let out = members.count { ejected.contains($0) }
        guard settings.maximumPercent > 0 else { return false }
        let allowed = max(members.count * settings.maximumPercent / 100, 1)
        guard out < allowed else { return false }
        // One that takes no work anyway can go, so that it does not return the moment it is up.
        guard table.word(slot).takesNewWork else { return members.count > 1 }
        return members.contains {
            let word = table.word($0)
            return $0 != slot && word.takesNewWork && !word.isHalfOpen
        }
    }

    /// Ends what has had its time, looks at trials, and compares latencies once a second.
    public mutating func tick(now: Instant) -> [HealthEvent] {
        var events = endForced(now) + endEjections(now) + countDown(now)
        for slot in trials.keys.sorted() where trials[slot] ?? .never <= now {
            events += judgeTrial(slot, now)
        }
        if now >= latencyAt { events += judgeLatency(now) }
        return events
    }

    /// Ends ejections whose time is over.
    mutating func endEjections(_ now: Instant) -> [HealthEvent] {
        var events: [HealthEvent] = []
        for slot in ejected.sorted() {
            guard var record = take(slot), let settings = record.registration.passive,
                record.passive.expire(trialFacts(slot, record, now), now: now, settings)
            else { continue }
            events += restore(slot, record, .expired, [], now)
        }
        return events
    }

    /// An ejection is over: the endpoint is on trial, or back at once.
    mutating func restore(
        _ slot: Int,
        _ old: HealthRecord,
        _ cause: HealthEvent.RestoreCause,
        _ changes: [HealthEvent.Change],
        _ now: Instant
    ) -> [HealthEvent] {
        var record = old
        record.since = now
        ejected.remove(slot)
        let isOnTrial = record.passive.circuit == .halfOpen
        trials[slot] = isOnTrial ? record.passive.nextLook(now: now) : nil
        return put(slot, record, changes + [isOnTrial ? .halfOpen(cause) : .restored(cause)], now)
    }

    func trialFacts(_ slot: Int, _ record: HealthRecord, _ now: Instant)
        -> PassiveMachine.TrialFacts
    {
        var facts = PassiveMachine.TrialFacts(
            successes: load.successCount(slot),
            latency: load.latency(slot)
        )
        guard let settings = record.registration.passive else { return facts }
        facts.isFull = load.trials(slot) >= settings.trialLimit
        if let latency = settings.latency {
            let machine = latencies[record.registration.identity.pool]
            facts.limit = machine?.limit(now: now, memory: settings.window, latency)
        }
        return facts
    }

    private mutating func judgeTrial(_ slot: Int, _ now: Instant) -> [HealthEvent] {
        guard var record = take(slot), let settings = record.registration.passive else {
            trials[slot] = nil
            return []
        }
        switch record.passive.judgeTrial(trialFacts(slot, record, now), now: now, settings) {
        case .keep: break
        case .close:
            record.since = now
            trials[slot] = nil
            return put(slot, record, [.restored(.proven)], now)
        case .eject(let detail):
            if mayEject(slot, record, settings) {
                return eject(slot, record, .passiveLatency, detail, now)
            }
        }
        trials[slot] = record.passive.nextLook(now: now)
        return []
    }

    // MARK: Latency

    /// How often latencies are compared.
    static var latencyPeriod: Interval { .seconds(1) }

    private mutating func judgeLatency(_ now: Instant) -> [HealthEvent] {
        latencyAt = latencies.isEmpty ? .never : now + HealthKeeper.latencyPeriod
        var events: [HealthEvent] = []
        for pool in latencies.keys.sorted() {
            let slots = (pools[pool] ?? []).sorted()
            guard var machine = latencies[pool],
                let settings = slots.compactMap({ take($0)?.registration.passive }).first,
                let latency = settings.latency
            else { continue }
            let members = slots.map { slot in
                let word = table.word(slot)
                return LatencyMachine.Member(
                    slot: slot,
                    sum: load.latency(slot),
                    isServing: word.takesNewWork && !word.isHalfOpen
                )
            }
            let verdicts = machine.judge(members, now: now, memory: settings.window, latency)
            latencies[pool] = machine
            for verdict in verdicts {
                guard let record = take(verdict.slot), mayEject(verdict.slot, record, settings)
                else { continue }
                let detail =
                    "\(verdict.mean.rounded) to the first byte, the pool's median is "
                    + "\(verdict.typical.rounded)"
                events += eject(verdict.slot, record, .passiveLatency, detail, now)
            }
        }
        return events
    }

    /// Begins or ends comparing the latencies of a pool.
    mutating func followLatency(of registration: HealthRegistration, _ now: Instant) {
        let pool = registration.identity.pool
        guard registration.passive?.latency != nil else {
            latencies[pool] = nil
            return
        }
        if latencies[pool] == nil { latencies[pool] = LatencyMachine() }
        latencyAt = min(latencyAt, now + HealthKeeper.latencyPeriod)
    }

    /// When ``tick(now:)`` next has something to do.
    public var nextDeadline: Instant {
        min(countDeadline, trials.values.min() ?? .never, latencyAt)
    }
}
