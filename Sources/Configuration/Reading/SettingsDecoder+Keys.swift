// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// No zone has more servers that are worth asking.
    static let parentLimit = 16

    /// What `dnssec.keys` of a zone says.
    func keys(_ section: Section) -> KeySettings {
        var settings = KeySettings()
        settings.scheme = section.word("scheme", .csk)
        settings.cskLifetime = section.optionalInterval("csk-lifetime")
        settings.kskLifetime = section.optionalInterval("ksk-lifetime")
        settings.zskLifetime = section.optionalInterval("zsk-lifetime")
        settings.propagationDelay = section.interval("propagation-delay")
        settings.dsTTL = section.interval("ds-ttl")
        settings.parentPropagationDelay = section.interval("parent-propagation-delay")
        settings.publishSafety = section.interval("publish-safety")
        settings.retireSafety = section.interval("retire-safety")
        settings.parent = section.servers("parent")
        settings.parentCheck = section.bool("parent-check")
        settings.parentInterval = section.interval("parent-interval")
        settings.follow = section.bool("follow")
        settings.withdraw = section.bool("withdraw")
        if settings.parent.count > Self.parentLimit {
            section.fault(
                .tooMany,
                "parent",
                "\(settings.parent.count) servers, at most \(Self.parentLimit) are asked"
            )
        }
        if section.has("parent"), !settings.parentCheck {
            section.fault(
                .excludingKeys,
                "parent",
                "`parent-check: false` asks nobody",
                "remove one of the two"
            )
        }
        return settings
    }
}
