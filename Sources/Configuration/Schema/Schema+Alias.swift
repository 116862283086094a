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
                + "zone served here, and for what a dynamic CNAME leads to (`zone-api.probe`); at most "
                + "\(SettingsDecoder.resolverLimit)."
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
        Option(
            "alias.networks",
            .integer(0...100_000),
            "10000",
            "Networks of clients whose answers are kept at a time, where resolvers have other "
                + "addresses for other networks (RFC 7871); `0` asks without the client's network."
        ),
        Option(
            "alias.network-lookups",
            .rate(1...10_000),
            "100/s",
            "How often resolvers are asked for the answer to a network, at most."
        ),
        Option(
            "alias.ipv4-prefix",
            .integer(8...32),
            "24",
            "Bits of a client's IPv4 address that resolvers are told, at most (RFC 7871 §11.1)."
        ),
        Option(
            "alias.ipv6-prefix",
            .integer(16...64),
            "56",
            "Bits of a client's IPv6 address that resolvers are told, at most (RFC 7871 §11.1)."
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
