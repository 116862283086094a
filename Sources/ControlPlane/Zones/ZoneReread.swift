// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// A zone whose file is read again by another thread, because an operator has asked for it.
struct ZoneReread: Sendable {
    /// The order of the operator.
    var order: UInt64
    var zone: ZoneSettings
    let renewal = Handed<ZoneAssembly.Renewal>()
}

extension Plane {
    /// Begins to read a zone's file again; nil when it has begun.
    mutating func reread(_ name: String, _ number: UInt64) -> ControlOutcome? {
        // It may have left the configuration since it was asked for.
        guard let zone = settings.zones.first(where: { $0.name == name }) else {
            return .unknownZone
        }
        guard zone.file != nil else { return .zoneWithoutFile }
        adoptStaged(Clock.monotonic())
        let reread = ZoneReread(order: number, zone: zone)
        let reader = zoneReader(zone, readsFile: true)
        let changed = assembly.zoneResult.changed
        var flight = ZoneUpdater.Flight(number: updater.nextNumber())
        flight.reread = reread
        updater.flight = flight
        updater.store.perform("zone-read", number: flight.number) {
            reread.renewal.give(reader.renew(reread.zone, changed: changed))
        }
        return nil
    }

    /// Serves the zone; when others have changed since, it is read once more.
    mutating func land(_ reread: ZoneReread, isOvertaken: Bool, _ now: Instant) {
        let isOvertaken = adoptStaged(now) || isOvertaken
        let name = reread.zone.name
        guard !isOvertaken, let renewal = reread.renewal.take(),
            settings.zones.first(where: { $0.name == name }) == reread.zone
        else {
            return updater.orders.insert(
                ZoneOrder(number: reread.order, wish: .reread(name)),
                at: 0
            )
        }
        if let outcome = take(renewal, of: reread.zone, readsFile: true, now) {
            return end(reread.order, outcome)
        }
        updater.rereads.insert(name)
        awaitSteering(nil, [ZoneTicket(order: (reread.order, .reread(name)))], [])
    }
}
