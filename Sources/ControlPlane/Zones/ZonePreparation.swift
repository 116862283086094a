// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Puts zones together for a snapshot that is to come, away from the control thread.
///
/// A change of a steered name changes policies, and with them their numbers, which stand in the tables
/// of all zones. Only the zone of the name is made anew: in the others the numbers are exchanged.
struct ZonePreparation: Sendable {
    /// As they will be, with the policies of what is kept.
    let settings: Settings
    let path: String
    /// The zones in force, and the policies that their numbers are of.
    let former: FormerZones
    let overlays: ZoneOverlays
    /// The faults of the zones in force.
    let faults: [ZoneFault]
    let transferred: TransferredZones
    let keyFaults: [String: ReloadProblem]
    /// Zones whose changes are gone: only their files know what lay under those.
    ///
    /// Of others, what nobody has asked to be read may be half written.
    let rereads: Set<String>
    /// The zones that are made anew; nil for all.
    let touched: Set<DomainName>?
    /// What has come of it; nothing when there are errors, which are told by whom that is done again.
    let result = Handed<ZoneAssembly.Result>()

    /// Does it.
    func make() {
        if let made = some() ?? all() { result.give(made) }
    }

    private func reader(_ former: FormerZones) -> ZoneAssembly {
        var reader = ZoneAssembly(settings, path: path, former: former, overlays: overlays)
        reader.transferred = transferred
        reader.keyFaults = keyFaults
        reader.rereads = rereads
        return reader
    }

    private var zones: [ZoneSettings] { settings.zones + overlays.more(than: settings.zones) }

    private func all() -> ZoneAssembly.Result? {
        guard var made = try? reader(former).table(zones) else { return nil }
        let fresh = Set(made.faults.map(\.zone))
        made.faults += faults.filter { !fresh.contains($0.zone) }
        return made
    }

    private func some() -> ZoneAssembly.Result? {
        guard let touched, !former.all.hasAliases else { return nil }
        let names = settings.steer.map(\.name)
        let places = Dictionary(names.enumerated().map { ($0.element, $0.offset) }) { first, _ in
            first
        }
        let numbers = former.policies.map { places[$0] }
        guard let all = former.all.renumbered(numbers, except: touched),
            let changed = former.changed.renumbered(numbers, except: touched)
        else { return nil }
        // Who is made anew is taken from the zones in force, by the numbers of then.
        let reader = reader(former)
        var made = ZoneAssembly.Result(table: all, changed: changed, faults: faults)
        for apex in touched {
            let name = "\(apex)"
            guard let zone = zones.first(where: { $0.name == name }),
                case .done(let table, let warnings, let rebased) = reader.renew(
                    zone,
                    changed: made.changed
                )
            else { return nil }
            made.changed = table
            made.warnings += warnings
            made.rebased[apex] = rebased
        }
        made.touched = touched
        return made
    }
}

extension Plane {
    /// Has zones put together anew by another thread, and a snapshot made of them; nil for all.
    mutating func prepareZones(_ zones: Set<DomainName>?) {
        if case .wanted(let known) = updater.preparing {
            let both = known.flatMap { known in zones.map { known.union($0) } }
            updater.preparing = .wanted(both)
        } else {
            updater.preparing = .wanted(zones)
        }
    }

    /// Has all zones put together anew before long.
    mutating func renewAllZones() {
        guard phase == .waiting else { return prepareZones(nil) }
        // Nobody is served yet: nothing is kept waiting by it.
        zonesAreStale = true
        needsSnapshot = true
    }

    /// Begins that, when it is wanted and nothing else is under way; true when it was begun.
    mutating func followPreparing(_ now: Instant) -> Bool {
        guard case .wanted(let touched) = updater.preparing, phase != .waiting else {
            return false
        }
        adoptStaged(now)
        updater.preparing = .begun
        let preparation = ZonePreparation(
            settings: settingsWithDynamic,
            path: setup.path,
            former: formerZones,
            overlays: updater.overlays,
            faults: assembly.zoneResult.faults,
            transferred: secondaries.transferred,
            keyFaults: keys.faults(settings),
            rereads: updater.rereads,
            touched: touched
        )
        var flight = ZoneUpdater.Flight(number: updater.nextNumber())
        flight.preparation = preparation
        updater.flight = flight
        updater.store.perform("zones-anew", number: flight.number) { preparation.make() }
        return true
    }

    /// Makes a snapshot of what was put together; what has changed meanwhile has it done again.
    mutating func land(_ preparation: ZonePreparation, isOvertaken: Bool, _ now: Instant) {
        updater.preparing = .none
        // Nobody is told yet of what waits.
        if staged != nil { updater.preparing = .begun }
        let isOvertaken = adoptStaged(now) || isOvertaken
        guard !isOvertaken else {
            updater.preparing = .wanted(preparation.touched)
            return
        }
        updater.prepared = preparation.result.take()
        if updater.prepared == nil { zonesAreStale = true }
        stageChange(now)
    }
}
