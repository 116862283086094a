// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// How names outside that aliases lead to are resolved.
    static let aliasOptions: [Option] = [
        Option(
            "alias.resolvers",
            .list(.server(53)),
            .absent("those of `/etc/resolv.conf`"),
            "Resolvers asked, in this order from the one that answered last, for names that are in no "
                + "zone served here; at most \(SettingsDecoder.resolverLimit)."
        ),
        Option(
            "alias.min-ttl",
            .ttl(seconds(1)...days(1)),
            "5s",
            "What a resolver says holds at least this long."
        ),
        Option(
            "alias.max-ttl",
            .ttl(seconds(1)...days(7)),
            "1h",
            "What a resolver says holds at most this long."
        ),
        Option(
            "alias.stale",
            .duration(.zero...days(7)),
            "1d",
            "How long addresses are answered after that while no resolver answers (RFC 8767); `0s` "
                + "for not at all."
        ),
        Option(
            "alias.stale-ttl",
            .ttl(seconds(1)...seconds(3600)),
            "30s",
            "TTL of such answers."
        ),
    ]

    static let aliasGroups: [OptionGroup] = [
        OptionGroup(
            "alias",
            "How names outside that aliases lead to are resolved: `alias` of a record, ALIAS in a "
                + "zone file."
        )
    ]
}
