// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Zones that are lists of zones (RFC 9432).
extension SettingsDecoder {
    /// Reads what a zone says of its members; `all` are the zones of the configuration.
    func catalog(_ section: Section, into zone: inout ZoneSettings, _ all: [Section]) {
        if section.has("members") {
            checkProducer(section)
            zone.members = members(section, zone.name, all)
        }
        if section.has("groups") { zone.groups = groups(section, all) }
    }

    // What is made of its members is nothing else.
    private func checkProducer(_ section: Section) {
        let others = [
            "file", "soa", "records", "transfer-from", "catalog", "updates", "dnssec", "groups",
        ]
        for other in others where section.has(other) {
            section.fault(
                .catalogWithData,
                other,
                "\(section.title) is made of its `members`, and has `\(other)`",
                "remove one of the two"
            )
        }
    }

    private func members(
        _ section: Section,
        _ apex: String,
        _ all: [Section]
    ) -> [CatalogMemberSettings] {
        let known = Set(all.compactMap { ZoneName($0.name)?.apex })
        var seen: Set<String> = []
        return section.list("members").compactMap { entry in
            let groups = entry.texts("group")
            let newOwner = entry.text("coo").flatMap { ZoneName($0)?.apex }
            guard let written = entry.text("zone"), let zone = ZoneName(written)?.apex else {
                return nil
            }
            guard known.contains(zone) else {
                unknown(entry, "zone", written, known)
                return nil
            }
            guard zone != apex, seen.insert(zone).inserted else {
                let what = zone == apex ? "itself" : "the zone `\(written)` twice"
                entry.fault(.repeatedMember, "zone", "the catalog `\(apex)` names \(what)")
                return nil
            }
            return CatalogMemberSettings(zone: zone, groups: groups, newOwner: newOwner)
        }
    }

    private func groups(_ section: Section, _ all: [Section]) -> [CatalogGroupSettings] {
        let taken = all.filter { $0.has("transfer-from") }
        let known = Set(taken.compactMap { ZoneName($0.name)?.apex })
        var seen: Set<String> = []
        return section.list("groups").compactMap { entry in
            guard let group = entry.text("group"), let written = entry.text("like"),
                let like = ZoneName(written)?.apex
            else { return nil }
            guard known.contains(like) else {
                unknown(entry, "like", written, known)
                return nil
            }
            guard seen.insert(group).inserted else {
                entry.fault(.repeatedMember, "group", "the group `\(group)` is given twice")
                return nil
            }
            return CatalogGroupSettings(group: group, like: like)
        }
    }

    private func unknown(_ entry: Section, _ key: String, _ written: String, _ known: Set<String>) {
        let what = key == "like" ? "no zone with `transfer-from`" : "no zone of this configuration"
        entry.fault(
            .unlistedZone,
            key,
            "`\(written)` is \(what)",
            Spelling.nearest(to: written, among: known.sorted()).map { "did you mean `\($0)`?" }
        )
    }
}
