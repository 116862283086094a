// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// A version of a zone that has come from a primary and is to be served, or the end of one.
struct ZoneArrival: Sendable {
    var zone: String
    /// How it came about from what is served; empty when that is not known.
    var differences: [ZoneDifference] = []
    /// As the thread that has taken it has laid it out; without it the state folder is read.
    var table: ZoneTable?
    /// What has come of putting it among the others, and what leads to it where that was not known.
    let outcome = Handed<Outcome>()

    struct Outcome: Sendable {
        var renewal: ZoneAssembly.Renewal
        var difference: ZoneDifference?
    }

    /// What leads from the zones in force to the version, unless that is known.
    func missing(from present: ZoneAssembly.Result, to table: ZoneTable) -> ZoneDifference? {
        guard let apex = DomainName(zone), let former = present.place(of: apex),
            let number = table.usableZone(apex)
        else { return nil }
        let place = ZoneAssembly.Place(table: table, zone: number)
        guard differences.first?.from != former.serial || differences.last?.to != place.serial
        else { return nil }
        return former.difference(to: place)
    }

    /// Takes the place of what has not been served yet.
    mutating func follow(_ version: FetchResult.Update?) {
        table = version?.table
        guard let difference = version?.difference, differences.last?.to == difference.from else {
            differences = []
            return
        }
        differences.append(difference)
    }
}

/// From a version in hand to one in force.
///
///     transfer thread --> laid out --> waits --> flight: put among the others --> zones in force
///
/// Verdicts are the control thread's, and reading a large zone takes seconds: so the thread that has
/// taken a version lays it out, and another one puts it among the zones that have changed. That is one
/// flight of ``ZoneUpdater``, in turn with changes by messages, since both make a new table of
/// those zones; no change of theirs is lost between two of them.
extension Plane {
    /// Has a version served, or none once it has expired.
    mutating func arrive(_ zone: String, _ version: FetchResult.Update?, _ now: Instant) {
        if let place = updater.arrivals.firstIndex(where: { $0.zone == zone }) {
            updater.arrivals[place].follow(version)
        } else {
            var arrival = ZoneArrival(zone: zone, table: version?.table)
            if let difference = version?.difference { arrival.differences = [difference] }
            updater.arrivals.append(arrival)
        }
        followUpdates(now)
    }

    /// Begins to put among the others what has arrived; false when there is nothing, or it is the
    /// turn of changes by messages: neither waits for more than one of the other.
    mutating func followArrivals(_ now: Instant) -> Bool {
        guard !updater.arrivals.isEmpty, !(updater.wasArrival && updater.hasChanges) else {
            updater.wasArrival = false
            return false
        }
        updater.wasArrival = true
        let arrival = updater.arrivals.removeFirst()
        guard let zone = secondary(arrival.zone) else { return false }
        var reader = ZoneAssembly(settings, path: setup.path, former: formerZones)
        reader.transferred = secondaries.transferred
        reader.keyFaults = keys.faults(of: [zone])
        let number = updater.nextNumber()
        var flight = ZoneUpdater.Flight(number: number, commits: [], answers: [])
        flight.arrival = arrival
        updater.flight = flight
        let present = assembly.zoneResult
        updater.store.perform("arrival", number: number) { [reader] in
            let renewal = reader.renew(zone, changed: present.changed, from: arrival.table)
            var outcome = ZoneArrival.Outcome(renewal: renewal)
            if case .done(let table, _, _) = renewal, !zone.transferTo.isEmpty {
                outcome.difference = arrival.missing(from: present, to: table)
            }
            arrival.outcome.give(outcome)
        }
        return true
    }

    /// Serves what was put together, unless other zones have changed since: then it is done again.
    mutating func land(_ arrival: ZoneArrival, isOvertaken: Bool, _ now: Instant) {
        let outcome = arrival.outcome.take()
        // What is staged has the former version.
        let isOvertaken = adoptStaged(now) || isOvertaken
        // A still newer version waits already: it brings along how both came about.
        let next = updater.arrivals.firstIndex { $0.zone == arrival.zone }
        guard let outcome, !isOvertaken else {
            guard let next else { return updater.arrivals.insert(arrival, at: 0) }
            let later = updater.arrivals[next].differences
            let leadsOn = arrival.differences.last.map { $0.to == later.first?.from } ?? false
            updater.arrivals[next].differences = leadsOn ? arrival.differences + later : []
            return
        }
        guard let zone = secondary(arrival.zone) else { return }
        switch outcome.renewal {
        case .needsAll:
            if zone.catalog { followCatalogs(now) }
            prepareZones(nil)
            followUpdates(now)
        case .faulty(let fault):
            assembly.zoneResult.faults.removeAll { $0.zone == zone.name }
            assembly.zoneResult.faults.append(fault)
            noteZones(assembly)
            fetchLost(now)
        case .done(let table, _, _):
            let steps = outcome.difference.map { [$0] } ?? arrival.differences
            serve(table, of: zone, steps, now)
        }
    }

    // Another configuration may have the zone from elsewhere by now.
    private func secondary(_ name: String) -> ZoneSettings? {
        settings.zones.first { $0.name == name && !$0.transferFrom.isEmpty }
    }

    private mutating func serve(
        _ table: ZoneTable,
        of zone: ZoneSettings,
        _ steps: [ZoneDifference],
        _ now: Instant
    ) {
        let old = assembly.zoneResult
        assembly.zoneResult.changed = table
        assembly.zoneResult.faults.removeAll { $0.zone == zone.name }
        var known: [DomainName: [ZoneDifference]] = [:]
        if let apex = DomainName(zone.name) {
            updater.noteReread(apex)
            known[apex.lowercased] = steps
        }
        followVersions(since: old, known: known, now)
        configureKeys(of: [zone.name])
        adoptZones(now)
        if zone.catalog { followCatalogs(now) }
    }
}

extension ZoneAssembly {
    /// The same as ``renew(_:changed:)``, for a zone that is laid out already.
    func renew(_ zone: ZoneSettings, changed: ZoneTable, from table: ZoneTable?) -> Renewal {
        // Of one that is signed here what its records have of signing does not count.
        guard let table, zone.dnssec == nil, keyFaults[zone.name] == nil, !table.hasAliases,
            former?.isAliased(zone.name) == false,
            let joined = ZoneAssembly.joined(changed, with: table)
        else { return renew(zone, changed: changed) }
        return .done(joined, [], nil)
    }
}
