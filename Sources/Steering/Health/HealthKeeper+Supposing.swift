// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What may be supposed of an endpoint.
public enum SupposedState: String, Sendable, CaseIterable {
    /// Fit to serve, and taking new work.
    case up
    /// Not fit to serve.
    case down
    /// Taking no new work.
    case drain
    /// Out of service.
    case maintenance

    /// True when nothing is left of the other one where this one is supposed after it.
    public func undoes(_ other: SupposedState) -> Bool {
        switch self {
        case .up: other != .up
        case .down: other == .up
        case .drain: other == .maintenance
        case .maintenance: other == .drain
        }
    }
}

// What would be if: played through by the code that keeps the health of endpoints.
extension HealthKeeper {
    /// A keeper of a table of its own that knows what this one knows: what becomes of it reaches no
    /// door.
    public func rehearsal() -> HealthKeeper {
        var other = HealthKeeper(table: table.copy(upTo: records.count), load: load)
        other.records = records
        other.pools = pools
        other.ejected = ejected
        other.trials = trials
        other.latencies = latencies
        other.latencyAt = latencyAt
        other.checks = checks
        other.verdicts = verdicts
        other.conditioned = conditioned
        other.forcedSlots = forcedSlots
        other.restoredOffset = restoredOffset
        return other
    }

    /// The table that this keeper publishes to.
    public var picture: HealthTable { table }

    /// Supposes that endpoints are in a state from now on; for a ``rehearsal()`` alone.
    ///
    /// Their probes count as having settled on that, and checks that are made of them follow.
    public mutating func suppose(_ slots: [Int], _ state: SupposedState, now: Instant) {
        // The checks follow once: they are as many as the endpoints, at worst.
        isSettling = true
        for slot in slots { suppose(slot, state, now: now) }
        isSettling = false
        _ = settle(now: now)
    }

    private mutating func suppose(_ slot: Int, _ state: SupposedState, now: Instant) {
        guard var record = take(slot) else { return }
        let before = record.health
        switch state {
        case .up, .down:
            let health: Health = state == .up ? .up : .down
            var forced = ForcedHealth(isUp: state == .up, until: .never)
            forced.isSupposed = true
            record.forced = forced
            record.machine = record.registration.checks.map { HealthMachine($0, health: health) }
            record.isUnresolved = false
            record.isConnectFailing = false
            record.passive = PassiveMachine()
            ejected.remove(slot)
            trials[slot] = nil
            if state == .up { record.administrative = .ready }
        case .drain: record.administrative = .draining
        case .maintenance: record.administrative = .maintenance
        }
        if record.health != before { record.since = now }
        _ = put(slot, record, [], now)
    }

    /// Lets time pass up to an instant: what operators forced, and ejections, end when they would.
    ///
    /// Nobody knows what probes and requests will say by then: that stays as it is.
    public mutating func pass(until end: Instant) {
        // One goes in each round, if not two.
        for _ in 0..<(ejected.count + forcedSlots.count) {
            let next = nextEnd
            guard next <= end else { break }
            _ = endForced(next)
            _ = endEjections(next)
        }
        _ = countDown(end)
    }

    private var nextEnd: Instant {
        let ejections = ejected.compactMap { take($0)?.passive.ejectedUntil }.min() ?? .never
        return min(ejections, forcedSlots.compactMap { take($0)?.forced?.until }.min() ?? .never)
    }
}
