// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Owns the health machines of all endpoints and publishes their words: one, on the owner thread.
///
/// Every method takes `now` and returns the events that it caused; the words are already
/// published when it returns. Three things make up an endpoint's state: the verdict of the active
/// probe, the passive ejection, and what the operator wants. None overwrites another, so each can
/// come and go without the others being lost.
public struct HealthKeeper: ~Copyable {
    let table: HealthTable
    let load: LoadTable
    // By slot.
    var records: [HealthRecord?] = []
    // Slots of each pool: the groups for the greatest share ejected.
    var pools: [String: Set<Int>] = [:]
    var ejected: Set<Int> = []
    // Half-open ones, each with when it is looked at next.
    var trials: [Int: Instant] = [:]
    // Pools whose latencies are compared, and when that is next.
    var latencies: [String: LatencyMachine] = [:]
    var latencyAt = Instant.never
    var restored: [EndpointIdentity: SavedEndpoint] = [:]
    // Checks made of the states of others, what they have come to, and whose health depends on one.
    var checks: [CalculatedCheck] = []
    var verdicts: [String: CheckVerdict] = [:]
    var conditioned: Set<Int> = []
    var isSettling = false
    // Whose health an operator forces.
    var forcedSlots: Set<Int> = []
    // How far the wall clock is ahead of the monotonic one, as of `restore`.
    var restoredOffset: Int64 = 0

    /// A keeper without endpoints.
    public init(table: HealthTable, load: LoadTable) {
        self.table = table
        self.load = load
    }

    /// Takes a probe's outcome.
    public mutating func record(
        _ slot: Int,
        _ outcome: ProbeOutcome,
        now: Instant
    ) -> [HealthEvent] {
        guard var record = take(slot), var machine = record.machine, !record.isUnresolved else {
            return []
        }
        record.latest = outcome
        let before = record.health
        var changes: [HealthEvent.Change] = []
        switch outcome {
        case .success:
            record.isConnectFailing = false
            if machine.record(success: true) == .markUp { record.turn(.probePassed, "", now) }
            record.machine = machine
            changes += record.change(from: before)
            if let settings = record.registration.passive,
                record.passive.probePassed(trialFacts(slot, record, now), now: now, settings)
            {
                return restore(slot, record, .probePassed, changes, now)
            }
        case .failure(let reason, let detail):
            record.isConnectFailing = reason.isConnectFailure
            let was = (record.reason, record.detail)
            if machine.record(success: false) == .markDown {
                record.turn(reason, detail, now)
            } else if machine.health == .down {
                (record.reason, record.detail) = (reason, detail)
            }
            record.machine = machine
            changes += record.change(from: before)
            // What is published may rest on something else, or have changed with the health.
            if changes.isEmpty, record.health == .down, record.shownReason == record.reason,
                was.0 != record.reason
                    || was.0.gist(of: was.1) != record.reason.gist(of: record.detail)
            {
                changes.append(.reason(from: was.0, to: record.reason))
            }
        }
        return put(slot, record, changes, now)
    }

    /// Marks an endpoint whose name does not resolve as down, or takes the mark off.
    public mutating func setUnresolved(
        _ slot: Int,
        _ isUnresolved: Bool,
        detail: String,
        now: Instant
    ) -> [HealthEvent] {
        guard var record = take(slot), record.isUnresolved != isUnresolved else { return [] }
        let before = record.health
        record.isUnresolved = isUnresolved
        if isUnresolved {
            record.turn(.unresolved, detail, now)
        } else {
            let hasProbe = record.registration.checks != nil
            record.machine = record.registration.checks.map { HealthMachine($0) }
            record.turn(hasProbe ? .pending : .noProbe, "", now)
        }
        let change = HealthEvent.Change.health(from: before, to: record.health)
        return put(slot, record, before == record.health ? [] : [change], now)
    }

    /// Sets what the operator wants.
    public mutating func setAdministrative(
        _ slot: Int,
        _ state: AdministrativeState,
        now: Instant
    ) -> [HealthEvent] {
        guard var record = take(slot), record.administrative != state else { return [] }
        let change = HealthEvent.Change.administrative(from: record.administrative, to: state)
        record.administrative = state
        return put(slot, record, [change], now)
    }

    /// Takes note of what an endpoint says of its part in the pool.
    public mutating func setRole(
        _ slot: Int,
        _ role: EndpointRole,
        now: Instant
    ) -> [HealthEvent] {
        guard let record = take(slot), table.role(slot) != role else { return [] }
        let change = HealthEvent.Change.role(from: table.role(slot), to: role)
        table.setRole(slot, role)
        return put(slot, record, [change], now, isNews: true)
    }

    /// Overrides the configured weight; nil takes the override off.
    public mutating func setWeight(_ slot: Int, _ weight: UInt32?, now: Instant) -> [HealthEvent] {
        guard var record = take(slot), record.weight != weight else { return [] }
        let change = HealthEvent.Change.weight(from: record.weight, to: weight)
        record.weight = weight
        return put(slot, record, [change], now)
    }

    /// True while a change is under way, so that the prober uses the fast interval.
    public func isChanging(_ slot: Int) -> Bool { take(slot)?.machine?.isChanging ?? false }

    /// True when no endpoint with a probe is without a verdict: the first round is over.
    public var hasVerdictForAll: Bool { !records.contains { $0?.health == .unknown } }

    func take(_ slot: Int) -> HealthRecord? {
        records.indices.contains(slot) ? records[slot] : nil
    }
}
