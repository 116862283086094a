// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// The zones of a configuration, and those that its catalogs name.
struct CatalogZones {
    /// All zones, members last.
    var zones: [ZoneSettings]
    /// The label of each member in its catalog, by the member's name: another label is another zone.
    var labels: [String: String] = [:]
    /// What is wrong with catalogs, or with members.
    var faults: [(catalog: String, text: String)] = []

    /// Reads the catalogs as they are kept; `present` are the zones of before.
    init(
        _ configured: [ZoneSettings],
        _ transferred: TransferredZones,
        present: [ZoneSettings] = []
    ) {
        zones = configured.filter { $0.memberOf == nil }
        var names = Set(zones.map(\.name))
        for catalog in zones where catalog.catalog {
            guard let apex = DomainName(catalog.name),
                let records = transferred.kept(catalog.name)
            else { continue }
            do throws(Catalog.Fault) {
                let found = try Catalog(records, apex: apex)
                let sorted = found.members.map { ("\($0.key)", "\($0.value)") }.sorted { $0 < $1 }
                for (name, label) in sorted {
                    guard names.insert(name).inserted else {
                        faults.append((catalog.name, "its member \(name) is a zone already"))
                        continue
                    }
                    labels[name] = label
                    zones.append(CatalogZones.member(name, of: catalog))
                }
            } catch {
                faults.append((catalog.name, "it cannot be followed: \(CatalogZones.text(error))"))
                for zone in present where zone.memberOf == catalog.name {
                    if names.insert(zone.name).inserted { zones.append(zone) }
                }
            }
        }
    }

    // It comes from where its catalog comes from, and goes where that goes.
    private static func member(_ name: String, of catalog: ZoneSettings) -> ZoneSettings {
        var zone = catalog
        zone.name = name
        zone.catalog = false
        zone.memberOf = catalog.name
        return zone
    }

    private static func text(_ fault: Catalog.Fault) -> String {
        switch fault {
        case .version: "it is not of version 2"
        case .ambiguous(let label): "\(label) names more than one zone"
        case .repeated(let zone): "\(zone) is named twice"
        }
    }
}

extension LoadedConfiguration {
    /// The same with the members of its catalogs.
    func expanded(
        _ transferred: TransferredZones,
        present: [ZoneSettings] = []
    ) -> LoadedConfiguration {
        guard settings.zones.contains(where: \.catalog) else { return self }
        return serving(CatalogZones(settings.zones, transferred, present: present).zones)
    }
}

extension Plane {
    /// Takes up what catalogs name now: new members are taken, and others are no more.
    mutating func followCatalogs(_ now: Instant) {
        let before = settings.zones
        let found = CatalogZones(before, secondaries.transferred, present: before)
        for fault in found.faults {
            note(
                .transfer,
                .warning,
                "catalog \(fault.catalog): \(fault.text)",
                [JSONMember("zone", .string(fault.catalog))]
            )
        }
        let names = Set(found.zones.map(\.name))
        let gone = before.filter { zone in
            guard zone.memberOf != nil else { return false }
            // RFC 9432 §5.4: under another label it begins anew.
            let label = found.labels[zone.name]
            let isOther = label != nil && catalogLabels[zone.name] != nil
            return !names.contains(zone.name) || (isOther && label != catalogLabels[zone.name])
        }
        catalogLabels = found.labels
        guard found.zones != before || !gone.isEmpty else { return }
        for zone in gone { secondaries.forget(zone.name) }
        let count = found.zones.count { $0.memberOf != nil }
        note(.transfer, .info, "catalogs name \(count) zones, \(gone.count) are gone or begin anew")
        loaded = loaded.serving(found.zones)
        configureSecondaries(now)
        zonesAreStale = true
        needsSnapshot = true
    }
}
