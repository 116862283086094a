// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// Members of a calculated probe at most; each is looked at whenever a state changes.
    private static let memberLimit = 256

    func calculated(_ section: Section) -> CalculatedProbeSettings {
        let sections = section.list("of")
        if sections.isEmpty {
            section.fault(.emptyCheck, "of", "\(section.title) has no members")
        }
        if sections.count > Self.memberLimit {
            section.fault(
                .tooMany,
                "of",
                "\(sections.count) members, at most \(Self.memberLimit) are looked at"
            )
        }
        let settings = CalculatedProbeSettings(
            atLeast: section.optionalInteger("at-least"),
            of: sections.prefix(Self.memberLimit).map(member)
        )
        if let least = settings.atLeast, least > sections.count, !sections.isEmpty {
            section.fault(
                .outOfRange,
                "at-least",
                "\(least) of \(sections.count) members can never be well"
            )
        }
        let idle = [
            "port", "interval", "timeout", "rise", "fall", "jitter", "fast-interval", "kind",
        ]
        if let key = idle.first(where: section.has) {
            section.fault(
                .excludingKeys,
                key,
                "`\(key)` means nothing beside `of`: nobody is asked"
            )
        }
        return settings
    }

    private func member(_ section: Section) -> CheckMemberSettings {
        let settings = CheckMemberSettings(
            pool: section.text("pool"),
            endpoint: section.text("endpoint"),
            endpoints: section.integer("endpoints"),
            probe: section.text("probe"),
            not: section.bool("not")
        )
        if settings.pool == nil, settings.probe == nil {
            section.report(
                .missingKey,
                section.nameRange,
                "\(section.title) needs `pool` or `probe`"
            )
        }
        if settings.pool != nil, settings.probe != nil {
            section.fault(.excludingKeys, "probe", "a member is a `pool` or a `probe`")
        }
        return settings
    }
}
