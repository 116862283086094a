// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    func zoneAPI(_ section: Section) -> ZoneAPISettings {
        var settings = ZoneAPISettings()
        guard case .secret(let key)? = section.value("key") else { return settings }
        settings.key = key
        settings.listen = section.listen("listen")
        settings.probe = section.text("probe")
        if let probe = settings.probe {
            // Such an address has no port of its own.
            reading.addressProbes.append(
                Reading.AddressProbe(
                    name: probe,
                    range: section.entries["probe"]?.value.range ?? section.nameRange,
                    option: "zone-api.probe"
                )
            )
        }
        return settings
    }

    func updates(_ sections: [Section], _ zone: ZoneName) -> [UpdateSettings] {
        sections.map { section in
            let settings = UpdateSettings(
                key: transactionKey(section, "key"),
                networks: section.prefixes("networks"),
                names: section.texts("names").compactMap { names($0, section, zone) },
                types: section.texts("types")
            )
            check(settings, section)
            return settings
        }
    }

    private func check(_ settings: UpdateSettings, _ section: Section) {
        if !section.has("key"), settings.networks.isEmpty {
            section.report(
                .openUpdates,
                section.nameRange,
                "\(section.title) lets everybody change the zone",
                "say who may: `key`, or `networks`"
            )
        }
        if section.texts("names").contains("*") {
            section.fault(
                .wildcardUpdateName,
                "names",
                "`*` is the wildcard name of the zone alone, no pattern for all names",
                "`zone` stands for every name; `*.` and a name for those below it"
            )
        }
        let names = settings.names
        if !section.has("key"), names.contains(.own) || names.contains(.ownSubtree) {
            section.fault(
                .badUpdateName,
                "names",
                "`self` is the name of a key, and the rule asks for none",
                "add `key`, or write names"
            )
        }
    }

    private func names(
        _ text: String,
        _ section: Section,
        _ zone: ZoneName
    ) -> UpdateSettings.Names? {
        func owner(_ name: Substring) -> String? {
            do throws(ValueFault) {
                return try zone.owner(String(name))
            } catch {
                section.fault(.badUpdateName, "names", error.message, error.suggestion)
                return nil
            }
        }
        switch text {
        case "zone": return .zone
        case "self": return .own
        case "self-subtree": return .ownSubtree
        default: break
        }
        if text.hasPrefix("subtree:") {
            return owner(text.dropFirst("subtree:".count)).map { .subtree($0) }
        }
        if text.hasPrefix("*.") { return owner(text.dropFirst(2)).map { .below($0) } }
        return owner(text[...]).map { .exactly($0) }
    }
}
