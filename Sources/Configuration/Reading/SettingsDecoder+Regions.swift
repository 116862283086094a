// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Where clients are, and where branches are.
extension SettingsDecoder {
    private static let regionKeys = [
        "continent", "country", "subdivision", "city", "asn", "network",
    ]

    /// Keys that mean something only to the policy around a branch.
    func checkMisplaced(_ section: Section, _ place: PolicyPlace) {
        let owners = [
            (["weight", "schedule", "load-low", "load-high"], "weighted"),
            (["domain"], "round-robin"),
            (Self.regionKeys + ["resident"], "geo"), (["bias"], "proximity"),
            (["at"], place.parent == "latency" ? "latency" : "proximity"),
            (["target"], "latency"),
        ]
        for (keys, owner) in owners where owner != place.parent {
            for key in keys where section.has(key) {
                section.fault(
                    .keyWithoutOther,
                    key,
                    "`\(key)` belongs to members of a `\(owner)` list"
                )
            }
        }
    }

    /// The regions that a branch of `geo` is for.
    func regions(_ section: Section) -> [RegionSettings] {
        section.checkFilled(Self.regionKeys)
        var regions: [RegionSettings] = []
        regions += texts(section, "continent").map(RegionSettings.continent)
        for code in texts(section, "country") {
            checkCountry(section, "country", code, takesUnion: true)
            regions.append(.country(code))
        }
        for code in texts(section, "subdivision") {
            checkCountry(section, "subdivision", String(code.prefix(2)), takesUnion: false)
            regions.append(.subdivision(code))
        }
        regions += texts(section, "city").map(RegionSettings.city)
        for case .integer(let number) in section.values("asn") { regions.append(.asn(number)) }
        for case .prefix(let prefix) in section.values("network") {
            if let range = Self.translated(prefix) {
                section.fault(
                    .notPrefix,
                    "network",
                    "clients in `\(range)` are where their IPv4 address is, so none is in "
                        + "`\(prefix)`",
                    "give the IPv4 network"
                )
            }
            regions.append(.network(prefix))
        }
        return regions
    }

    private func texts(_ section: Section, _ key: String) -> [String] {
        section.values(key).compactMap { if case .text(let text) = $0 { text } else { nil } }
    }

    private func checkCountry(
        _ section: Section,
        _ key: String,
        _ code: String,
        takesUnion: Bool
    ) {
        guard Country.find(code) == nil, !(takesUnion && code == "EU") else { return }
        section.fault(
            .badPlace,
            key,
            "there is no country `\(code)`",
            takesUnion ? "ISO 3166-1 alpha-2, or `EU` for the European Union" : "ISO 3166-2"
        )
    }

    /// True when the branch was meant for somewhere, even if what was written cannot be read.
    func hasRegion(_ section: Section) -> Bool { Self.regionKeys.contains(where: section.has) }

    /// What the branches of one `geo` make of each other.
    func checkRegions(_ section: Section, _ branches: [BranchSettings]) {
        var owners: [RegionSettings: Int] = [:]
        for (index, branch) in branches.enumerated() {
            for region in branch.regions {
                guard let first = owners.updateValue(index, forKey: region.key) else { continue }
                guard first != index else {
                    section.fault(
                        .duplicateRegion,
                        "geo",
                        "branch \(index + 1) is for \(region) twice",
                        "once is enough"
                    )
                    continue
                }
                section.fault(
                    .duplicateRegion,
                    "geo",
                    "branches \(first + 1) and \(index + 1) are both for \(region)",
                    "clients there can go to one of them first: use `failover` inside one branch"
                )
            }
        }
        let open = branches.indices.filter { branches[$0].isForEverybody }
        for index in open.dropFirst() {
            section.fault(
                .unreachableBranch,
                "geo",
                "branches \(open[0] + 1) and \(index + 1) are both for everybody else",
                "the second only serves when the first is down: use `failover` inside one branch"
            )
        }
    }

    /// Where a branch of `proximity` is; needed there.
    func position(_ section: Section) -> BranchSettings.Position? {
        guard let text = section.text("at") else {
            section.report(
                .missingKey,
                section.range,
                key: "at",
                "a branch under `proximity` needs `at`",
                "degrees north and east, such as `50.11, 8.68`, or a country such as `DE`"
            )
            return nil
        }
        if Country.find(text) != nil { return .country(text) }
        let parts = text.split(separator: ",").map { part in
            Double(String(part.filter { $0 != " " }))
        }
        if parts.count == 2, let north = parts[0], let east = parts[1],
            (-90.0...90).contains(north), (-180.0...180).contains(east)
        {
            return .point(latitude: north, longitude: east)
        }
        section.fault(
            .badText,
            "at",
            "`\(text)` is no place",
            "degrees north (-90 to 90) and east (-180 to 180), such as `50.11, 8.68`, or a country"
        )
        return nil
    }
}

extension RegionSettings {
    /// True when everybody in `other` is in this region too, as far as names tell.
    func holds(_ other: RegionSettings) -> Bool {
        switch (self, other) {
        case (.network(let outer), .network(let inner)):
            outer.length < inner.length && outer.contains(inner.address)
        case (.country("EU"), .country(let code)): Country.europeanUnion.contains(code)
        case (.country("EU"), .subdivision(let code)):
            Country.europeanUnion.contains(String(code.prefix(2)))
        case (.country(let country), .subdivision(let code)): code.hasPrefix(country + "-")
        case (.continent(let continent), .country("EU")):
            Country.europeanUnion.contains { Country.find($0)?.continent == continent }
        case (.continent(let continent), .country(let code)):
            Country.find(code)?.continent == continent
        case (.continent(let continent), .subdivision(let code)):
            Country.find(String(code.prefix(2)))?.continent == continent
        default: false
        }
    }

    /// True when nobody can be in both of two parts of the world, as far as names tell.
    func excludes(_ other: RegionSettings) -> Bool {
        switch (self, other) {
        case (.continent, .country), (.continent, .subdivision), (.country, .subdivision),
            (.country("EU"), .country):
            self != other && !holds(other)
        case (.country, .continent), (.subdivision, .continent), (.subdivision, .country),
            (.country, .country("EU")):
            other.excludes(self)
        case (.continent, .continent), (.country, .country), (.subdivision, .subdivision):
            self != other
        default: false
        }
    }
}

extension RegionSettings {
    /// What makes two of them the same: names of cities are compared without regard to case.
    var key: RegionSettings {
        if case .city(let name) = self { .city(name.lowercased()) } else { self }
    }
}

extension RegionSettings: CustomStringConvertible {
    /// Such as `country DE`.
    public var description: String {
        switch self {
        case .continent(let code): "continent \(code)"
        case .country(let code): "country \(code)"
        case .subdivision(let code): "subdivision \(code)"
        case .city(let name): "city \(name)"
        case .asn(let number): "AS\(number)"
        case .network(let prefix): "network \(prefix)"
        }
    }
}
