// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer

/// The zones whose queries are counted by themselves, by their places.
struct CountedPlaces: Sendable {
    fileprivate(set) var zones: [DomainName] = []
    /// The same as labels of metrics.
    fileprivate(set) var labels: [String] = []
    /// The snapshot that was in force when places last changed hands.
    fileprivate var passedOn: UInt64 = 0
}

/// Who has the places of `dns.counted-zones`.
///
/// A zone gets a place before it serves, as long as one is free. One that is gone keeps its place until
/// another one has none and no worker goes by a snapshot that names it: workers count without locks, and
/// what one of them counted late would be the other zone's. Until then that one counts as `other`.
extension Plane {
    /// Gives free places to zones that have come.
    mutating func countZones() {
        let places = shared.dns.countedZones
        guard updater.hasOtherZones, places.count < places.limit else { return }
        let known = assembly.settings.zones
        for zone in known + updater.overlays.more(than: known) {
            guard places.count < places.limit else { return }
            guard let apex = DomainName(zone.name)?.lowercased, places.add(apex) else { continue }
            counted.zones.append(apex)
            counted.labels.append("\(apex)")
        }
    }

    /// Gives places of zones that are gone to those without; for when no former snapshot is in use.
    mutating func passOnZonePlaces() {
        let places = shared.dns.countedZones
        guard updater.hasOtherZones, snapshot.number > counted.passedOn else { return }
        updater.hasOtherZones = false
        guard places.limit > 0, places.count == places.limit else { return }
        let gone = counted.zones.indices.filter { place in
            let apex = counted.zones[place]
            return !snapshot.dns.hasZone(apex) && updater.overlays.zones[apex] == nil
        }
        guard !gone.isEmpty else { return }
        let hadPlaces = Set(counted.zones)
        let known = assembly.settings.zones
        var changed: [Int] = []
        for zone in known + updater.overlays.more(than: known) {
            guard changed.count < gone.count else { break }
            guard let apex = DomainName(zone.name)?.lowercased, !hadPlaces.contains(apex) else {
                continue
            }
            let place = gone[changed.count]
            counted.zones[place] = apex
            counted.labels[place] = "\(apex)"
            changed.append(place)
        }
        guard !changed.isEmpty else { return }
        counted.passedOn = snapshot.number
        shared.dns.reassignZones(counted.zones, changed: changed)
    }
}
