// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// As many as are worth asking one after the other.
    static let resolverLimit = 8

    func alias(_ section: Section) -> AliasSettings {
        var settings = AliasSettings(
            resolvers: section.servers("resolvers"),
            minTTL: section.interval("min-ttl"),
            maxTTL: section.interval("max-ttl"),
            stale: section.interval("stale"),
            staleTTL: section.interval("stale-ttl")
        )
        settings.networks = section.integer("networks")
        if case .rate(let rate)? = section.value("network-lookups") {
            settings.networkLookups = rate
        }
        settings.ipv4Prefix = section.integer("ipv4-prefix")
        settings.ipv6Prefix = section.integer("ipv6-prefix")
        if settings.minTTL > settings.maxTTL {
            section.fault(
                .wrongOrder,
                section.has("min-ttl") ? "min-ttl" : "max-ttl",
                "`min-ttl` \(settings.minTTL) is above `max-ttl` \(settings.maxTTL)"
            )
        }
        if settings.resolvers.count > Self.resolverLimit {
            section.fault(
                .tooMany,
                "resolvers",
                "\(settings.resolvers.count) resolvers, at most \(Self.resolverLimit) are asked"
            )
        }
        return settings
    }
}
