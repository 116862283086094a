// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// The keys of signed zones: from what time and parents bring to what workers sign with.
extension Plane {
    /// When ``followKeys(_:_:)`` next has something to do.
    var keysDeadline: Instant {
        guard mayRollKeys else { return .never }
        if keys.hasChanged { return .start }
        let asks = parents.nextDeadline()
        guard let due = keys.nextDeadline else { return asks }
        let (end, overflow) = due.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return asks }
        let left = end &- Clock.realtime()
        // What is due is due at any now.
        guard left > 0 else { return .start }
        return min(asks, Clock.monotonic() + Interval(nanoseconds: left))
    }

    /// Only the process that serves decides: two would not know of each other.
    private var mayRollKeys: Bool {
        guard !isUpgrading, !isRetired, phase == .serving else { return false }
        return true
    }

    /// Does what time demands of keys.
    mutating func followKeys(_ now: Instant, _ loop: inout EventLoop) {
        guard mayRollKeys else { return }
        let seconds = Clock.realtime() / 1_000_000_000
        if let due = keys.nextDeadline, due <= seconds {
            for (zone, source) in keys.expire(now: seconds) {
                guard let apex = DomainName(zone) else { continue }
                parents.ask(zone, ParentMachine(zone: apex, source: source))
            }
        }
        if parents.nextDeadline() <= now { parents.expire(now: now, loop: &loop) }
        for (zone, outcome) in parents.takeOutcomes() {
            keys.takeParent(zone, outcome, now: seconds)
        }
        serveKeys(now)
    }

    /// Has workers sign as the keeper wants it.
    mutating func serveKeys(_ now: Instant) {
        noteKeys()
        guard keys.takeChange() else { return applyKeys() }
        noteKeysBack()
        assembly.zoneKeys = keys.inForce(settings)
        adoptZones(now)
        noteKeys()
    }

    // Zones that were answered SERVFAIL for want of keys are read again once those are there.
    private mutating func noteKeysBack() {
        let missing = assembly.zoneResult.faults.filter { fault in
            fault.problems.contains { $0.code == KeyKeeper.missingCode }
        }
        guard !missing.isEmpty else { return }
        let names = Set(missing.map(\.zone))
        let still = keys.faults(of: settings.zones.filter { names.contains($0.name) })
        guard still.count < names.count else { return }
        // There is no former version of them that could be kept.
        updater.rereads.formUnion(names.filter { still[$0] == nil })
        renewAllZones()
    }

    /// Tells the keeper that the present snapshot is what workers answer from.
    mutating func applyKeys() {
        guard mayRollKeys else { return }
        // Workers adopt it within their next batches; what is left of this second covers that.
        keys.applied(now: Clock.realtime() / 1_000_000_000 + 1)
        noteKeys()
    }

    /// Makes the keeper follow the configuration in force.
    mutating func configureKeys() {
        keys.configure(assembly.keyPlans, now: Clock.realtime() / 1_000_000_000)
        assembly.zoneKeys = keys.inForce(assembly.settings)
        _ = keys.takeChange()
        noteKeys()
    }

    /// Makes the keeper follow zones whose content has changed: a greater TTL is waited for.
    mutating func configureKeys(of zones: [String]) {
        let names = Set(settings.zones.filter { $0.dnssec != nil }.map(\.name)).intersection(zones)
        guard !names.isEmpty else { return }
        keys.reconfigure(assembly.keyPlans(of: names), now: Clock.realtime() / 1_000_000_000)
        if keys.takeChange() { assembly.zoneKeys = keys.inForce(settings) }
        noteKeys()
    }

    /// Carries out what an operator asks for.
    mutating func perform(_ order: KeyOrder, zone: String, _ now: Instant) -> ControlOutcome {
        let name = KeyKeeper.name(zone)
        guard settings.zones.contains(where: { $0.name == name }) else { return .unknownZone }
        let outcome = keys.order(order.event, name, now: Clock.realtime() / 1_000_000_000)
        serveKeys(now)
        guard outcome != .done else { return .done }
        let problem = Problem(outcome, zone: zone)
        return .keysRefused(problem.code, problem.detail)
    }

    /// Writes what is worth it to the log.
    private mutating func noteKeys() {
        for news in keys.takeNews() {
            var fields = [JSONMember("zone", .string(news.zone))]
            if let tag = news.tag { fields.append(JSONMember("key", .integer(Int64(tag)))) }
            var event = LogEvent(
                .keys,
                news.level,
                realtime: Clock.realtime(),
                news.text,
                fields
            )
            event.code = news.code ?? ""
            log.record(event)
        }
    }
}
