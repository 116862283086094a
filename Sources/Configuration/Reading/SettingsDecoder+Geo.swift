// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    func geo(_ section: Section) -> GeoSettings {
        let settings = GeoSettings(
            database: section.text("database"),
            asn: section.text("asn"),
            sizeLimit: section.size("size-limit"),
            networks: networks(section.members("networks"))
        )
        for content in GeoSettings.Content.allCases {
            guard let path = settings.path(of: content),
                let reason = checks.database(path, content, settings.sizeLimit)
            else { continue }
            let key = content == .places ? "database" : "asn"
            section.fault(.badDatabase, key, "`\(path)` \(reason)")
        }
        return settings
    }

    private func networks(_ sections: [Section]) -> [GeoNetworkSettings] {
        var seen: [Prefix: Int] = [:]
        return sections.compactMap { section in
            guard let network = network(section) else { return nil }
            let line = section.nameRange.start.line
            if let first = seen.updateValue(line, forKey: network.prefix) {
                section.report(
                    .duplicateKey,
                    section.nameRange,
                    "`\(network.prefix)` is given twice",
                    "it stands in line \(first) already"
                )
                return nil
            }
            return network
        }
    }

    private func network(_ section: Section) -> GeoNetworkSettings? {
        guard let prefix = Prefix(section.name) else { return nil }
        let network = GeoNetworkSettings(
            prefix: prefix,
            continent: section.text("continent"),
            country: section.text("country"),
            subdivision: section.text("subdivision"),
            city: section.text("city"),
            latitude: section.decimal("latitude"),
            longitude: section.decimal("longitude"),
            asn: section.optionalInteger("asn").flatMap(UInt32.init(exactly:))
        )
        if let range = Self.translated(prefix) {
            section.report(
                .notPrefix,
                section.nameRange,
                "clients in `\(range)` are where their IPv4 address is",
                "give the IPv4 network"
            )
        }
        if let country = network.country, Country.find(country) == nil {
            section.fault(
                .badPlace,
                "country",
                "`\(country)` is no country of ISO 3166-1",
                country == "UK" ? "did you mean `GB`?" : nil
            )
        }
        if let country = network.country, let part = network.subdivision,
            !part.hasPrefix("\(country)-")
        {
            section.fault(.badPlace, "subdivision", "`\(part)` is not in `\(country)`")
        }
        // What is said and is wrong has been told of.
        if section.entries.isEmpty, section.isGiven {
            section.report(
                .missingKey,
                section.nameRange,
                "nothing is said of \(section.title)",
                "such as `{ country: DE }`"
            )
        }
        return network
    }

    /// The range of addresses with an IPv4 address inside that a network lies in; nil for none.
    static func translated(_ prefix: Prefix) -> Prefix? {
        translated.first { $0.contains(prefix.address) && prefix.length >= $0.length }
    }

    // IPv4-mapped, NAT64, 6to4 and Teredo: RFC 4291 §2.5.5.2, RFC 6052, RFC 3056, RFC 4380.
    private static let translated = ["::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32"]
        .compactMap { Prefix($0) }
}
