// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Where a member of a catalog is named.
struct CatalogPlace: Sendable, Equatable {
    var catalog: String
    /// Another label is another zone.
    var label: String
}

/// The zones of a configuration, and those that its catalogs name.
struct CatalogZones {
    /// All zones, members last.
    var zones: [ZoneSettings]
    /// Where each member is named, by its name.
    var places: [String: CatalogPlace] = [:]
    /// What is wrong with catalogs, or with members.
    var faults: [(catalog: String, text: String)] = []
    /// Members that have gone over to another catalog by the word of their former one.
    var moved: Set<String> = []

    private struct Claim {
        var catalog: ZoneSettings
        var member: Catalog.Member
    }

    /// Reads the catalogs as they are kept.
    ///
    /// `present` are the zones of before, and `owners` says where their members were named then.
    /// No member takes the place of `others`, and a catalog whose members are mostly gone is taken
    /// at its word only when it is `trusted`.
    init(
        _ configured: [ZoneSettings],
        _ transferred: TransferredZones,
        present: [ZoneSettings] = [],
        owners: [String: CatalogPlace] = [:],
        others: [ZoneSettings] = [],
        trusted: String? = nil
    ) {
        zones = configured.filter { $0.memberOf == nil }
        let names = Set((zones + others).compactMap { DomainName($0.name) })
        var claims: [String: [Claim]] = [:]
        var kept: [ZoneSettings] = []
        let known = Dictionary(present.map { ($0.name, $0) }) { first, _ in first }
        var doubted: [ZoneSettings] = []
        for catalog in zones where catalog.catalog {
            guard let apex = DomainName(catalog.name) else { continue }
            let before = owners.filter { $0.value.catalog == catalog.name }.keys.sorted()
            func stay(_ name: String) -> ZoneSettings {
                let zone = known[name].flatMap { $0.memberOf == catalog.name ? $0 : nil }
                return zone ?? CatalogZones.member(name, of: catalog)
            }
            guard let records = transferred.kept(catalog.name) else {
                guard !before.isEmpty else { continue }
                faults.append((catalog.name, "what is kept of it cannot be read: its members stay"))
                kept += before.map(stay)
                continue
            }
            do throws(Catalog.Fault) {
                let members = try Catalog(records, apex: apex).members
                for (name, member) in members {
                    if let reason = CatalogZones.refusal(name, names) {
                        faults.append((catalog.name, "its member \(name) \(reason)"))
                        continue
                    }
                    claims["\(name)", default: []].append(Claim(catalog: catalog, member: member))
                }
                let lost = before.filter { name in
                    DomainName(name).map { members[$0.lowercased] == nil } ?? true
                }
                guard trusted != catalog.name, CatalogZones.isDoubtful(lost.count, of: before.count)
                else { continue }
                let text =
                    "it names \(lost.count) of \(before.count) members no more: these stay until "
                    + "'martlet zone reload \(catalog.name)' says that this is meant"
                faults.append((catalog.name, text))
                doubted += lost.map(stay)
            } catch {
                faults.append((catalog.name, "it cannot be followed: \(CatalogZones.text(error))"))
                kept += present.filter { $0.memberOf == catalog.name }
            }
        }
        // Whoever names one of these now has it.
        kept += doubted.filter { claims[$0.name] == nil }
        for zone in kept {
            claims[zone.name] = nil
            zones.append(zone)
            places[zone.name] = owners[zone.name]
        }
        for (name, claims) in claims.sorted(by: { $0.key < $1.key }) {
            take(name, claims, owners[name])
        }
    }

    /// Fewer members than so many may go at any time.
    private static let doubtLimit = 3

    // A primary that has lost its own list must not take all zones from here with it.
    private static func isDoubtful(_ lost: Int, of count: Int) -> Bool {
        lost >= doubtLimit && lost * 2 >= count
    }

    // RFC 9432 §5.3, and no part of a zone that somebody else answers for: whoever writes the
    // catalog would take its names.
    private static func refusal(_ name: DomainName, _ names: Set<DomainName>) -> String? {
        var wire = name.lowercased.wire[...]
        var isWhole = true
        while let length = wire.first, length > 0 {
            if let above = DomainName(wire: Array(wire)), names.contains(above) {
                return isWhole ? "is a zone already" : "lies in zone \(above), which is no member"
            }
            wire = wire.dropFirst(Int(length) + 1)
            isWhole = false
        }
        return nil
    }

    // §5.2: a name that is claimed twice stays where it was, until that one gives it away.
    private mutating func take(_ name: String, _ claims: [Claim], _ owner: CatalogPlace?) {
        guard
            var chosen = claims.first(where: { $0.catalog.name == owner?.catalog }) ?? claims.first
        else { return }
        var left = Set(claims.map(\.catalog.name))
        // §4.4.1: from one to the next, and never back.
        while left.remove(chosen.catalog.name) != nil, let next = chosen.member.newOwner,
            let other = claims.first(where: { $0.catalog.name == "\(next.lowercased)" }),
            left.contains(other.catalog.name)
        {
            chosen = other
        }
        if let owner, owner.catalog != chosen.catalog.name,
            claims.contains(where: { $0.catalog.name == owner.catalog })
        {
            moved.insert(name)
        }
        for claim in claims where left.contains(claim.catalog.name) {
            // Whoever has given it away may still say so.
            guard claim.member.newOwner.map({ "\($0.lowercased)" }) != chosen.catalog.name else {
                continue
            }
            let text = "its member \(name) is one of catalog \(chosen.catalog.name) already"
            faults.append((claim.catalog.name, text))
        }
        places[name] = CatalogPlace(catalog: chosen.catalog.name, label: chosen.member.label)
        zones.append(member(name, chosen))
    }

    // It comes from where its catalog comes from, and goes where that goes, unless its group says
    // otherwise.
    private func member(_ name: String, _ claim: Claim) -> ZoneSettings {
        var zone = CatalogZones.member(name, of: claim.catalog)
        let group = claim.catalog.groups.first { claim.member.groups.contains($0.group) }
        if let model = group.flatMap({ group in zones.first { $0.name == group.like } }) {
            zone.transferFrom = model.transferFrom
            zone.transferTo = model.transferTo
            zone.notify = model.notify
        }
        return zone
    }

    private static func member(_ name: String, of catalog: ZoneSettings) -> ZoneSettings {
        var zone = catalog
        zone.name = name
        zone.catalog = false
        zone.groups = []
        zone.memberOf = catalog.name
        return zone
    }

    /// The members of before that are no more, or begin anew (RFC 9432 §5.3, §5.4).
    func gone(_ before: [ZoneSettings], _ owners: [String: CatalogPlace]) -> [ZoneSettings] {
        before.filter { zone in
            guard zone.memberOf != nil else { return false }
            guard let place = places[zone.name] else {
                return !zones.contains { $0.name == zone.name }
            }
            guard let owner = owners[zone.name] else { return false }
            // §4.4.1: whoever goes over under the same label stays what it is.
            return place.label != owner.label
                || (place.catalog != owner.catalog && !moved.contains(zone.name))
        }
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
        present: [ZoneSettings] = [],
        owners: [String: CatalogPlace],
        others: [ZoneSettings] = []
    ) -> LoadedConfiguration {
        guard settings.zones.contains(where: \.catalog) else { return self }
        let found = CatalogZones(
            settings.zones,
            transferred,
            present: present,
            owners: owners,
            others: others
        )
        return serving(found.zones)
    }

    /// The same without members in the place of zones that were made by the API.
    func yielding(to overlays: ZoneOverlays) -> LoadedConfiguration {
        let made = Set(overlays.zones.values.filter { $0.kind == .made }.map { "\($0.name)" })
        let zones = settings.zones.filter { $0.memberOf == nil || !made.contains($0.name) }
        return zones.count < settings.zones.count ? serving(zones) : self
    }
}

extension Plane {
    /// A configuration that was read, with the members of its catalogs.
    func withMembers(_ read: LoadedConfiguration) -> LoadedConfiguration {
        read.expanded(
            secondaries.transferred,
            present: settings.zones,
            owners: catalogPlaces,
            others: madeZones
        )
    }

    /// The zones that were made by the API.
    var madeZones: [ZoneSettings] {
        updater.overlays.more(than: settings.zones.filter { $0.memberOf == nil })
    }

    /// Takes up what catalogs name now: new members are taken, and others are no more.
    ///
    /// `trusted` is the name of a catalog whose members may all be gone.
    mutating func followCatalogs(_ now: Instant, trusted: String? = nil) {
        let before = settings.zones
        let found = CatalogZones(
            before,
            secondaries.transferred,
            present: before,
            owners: catalogPlaces,
            others: madeZones,
            trusted: trusted
        )
        for fault in found.faults {
            note(
                .transfer,
                .warning,
                "catalog \(fault.catalog): \(fault.text)",
                [JSONMember("zone", .string(fault.catalog))]
            )
        }
        let gone = found.gone(before, catalogPlaces)
        let hasMoved = catalogPlaces != found.places
        catalogPlaces = found.places
        if hasMoved { saveCatalogPlaces() }
        guard found.zones != before || !gone.isEmpty else { return }
        for zone in gone { secondaries.forget(zone.name) }
        let count = found.zones.count { $0.memberOf != nil }
        note(.transfer, .info, "catalogs name \(count) zones, \(gone.count) are gone or begin anew")
        loaded = loaded.serving(found.zones)
        configureSecondaries(now)
        renewAllZones()
    }

    // Which of two catalogs a member belongs to does not stand in them.
    private func saveCatalogPlaces() {
        guard !isRetired else { return }
        let members = catalogPlaces.sorted { $0.key < $1.key }.map { name, place in
            JSONMember(name, ["catalog": .string(place.catalog), "label": .string(place.label)])
        }
        store.writeSoon(.catalogs, Array(JSONValue.object(members).text().utf8))
    }

    static func catalogPlaces(
        _ store: StateStore,
        notes: inout [String]
    ) -> [String: CatalogPlace] {
        store.read(.catalogs, notes: &notes) { json in
            json.members.map { members in
                Dictionary(
                    members.compactMap { member in
                        guard let catalog = member.value["catalog"]?.string,
                            let label = member.value["label"]?.string
                        else { return nil }
                        return (member.name, CatalogPlace(catalog: catalog, label: label))
                    }
                ) { first, _ in first }
            }
        } ?? [:]
    }
}
