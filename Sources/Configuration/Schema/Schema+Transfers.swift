// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// How zones go from server to server.
    static let transferOptions: [Option] = [
        Option(
            "dns.transfers.concurrent",
            .integer(1...10_000),
            "16",
            "Zones that peers take at a time, over all workers; more are answered SERVFAIL, and the "
                + "peer tries again."
        ),
        Option(
            "dns.transfers.incoming",
            .integer(1...1000),
            "4",
            "Zones that are taken from primaries at a time; more wait."
        ),
        Option(
            "dns.transfers.size-limit",
            .size(65_536...(1 << 32)),
            "512MiB",
            "Bytes of a zone that is taken from a primary; a larger one is given up."
        ),
        Option(
            "dns.transfers.time-limit",
            .duration(seconds(1)...hours(24)),
            "30m",
            "How long one may take."
        ),
        Option(
            "zones.*.transfer-to[].network",
            .prefix,
            .absent("any network, so `key` must be given"),
            "Network of servers that may take the zone (AXFR, IXFR)."
        ),
        Option(
            "zones.*.transfer-to[].key",
            .domainName,
            .absent("requests need not be signed"),
            "Key of `tsig-keys` that must sign the requests."
        ),
        Option(
            "zones.*.notify[].address",
            .server(53),
            .required,
            "Server that is told when the zone has changed (NOTIFY, RFC 1996)."
        ),
        Option(
            "zones.*.notify[].key",
            .domainName,
            .absent("notices are not signed"),
            "Key of `tsig-keys` that signs the notices."
        ),
        Option(
            "zones.*.notify[].attempts",
            .integer(1...12),
            "6",
            "How often a notice is sent that is not answered, the first time included."
        ),
        Option(
            "zones.*.notify[].wait",
            .duration(seconds(1)...minutes(10)),
            "2s",
            "How long an answer is waited for before the notice is sent again; each further wait is "
                + "twice as long (RFC 1996 §3.6)."
        ),
        Option(
            "zones.*.transfer-from[].address",
            .server(53),
            .required,
            "Server that the zone is taken from; with `tls` its port is 853 unless given."
        ),
        Option(
            "zones.*.transfer-from[].key",
            .domainName,
            .absent("requests are not signed"),
            "Key of `tsig-keys` that signs requests and must sign the answers."
        ),
        Option(
            "zones.*.forward-updates",
            .boolean,
            "false",
            "Whether dynamic updates of the zone are sent on to its primaries (RFC 2136 §6), as they "
                + "came: without a signature these judge them by the address of this server.",
            beside: ["transfer-from"]
        ),
        Option(
            "zones.*.catalog",
            .boolean,
            "false",
            "Whether the zone is a list of zones (RFC 9432), which come from the same servers.",
            beside: ["transfer-from"]
        ),
        Option(
            "zones.*.transfer-from[].tls.name",
            .hostName,
            .required,
            "Name that the certificate of the server must have (RFC 9103)."
        ),
        Option(
            "zones.*.transfer-from[].tls.authorities",
            .filePath,
            .absent("those of the system"),
            "File of authorities in PEM that the certificate must come from."
        ),
    ]

    static let transferGroups: [OptionGroup] = [
        OptionGroup("dns.transfers", "Bounds of all transfers of zones together."),
        OptionGroup(
            "zones.*.transfer-to[]",
            "Servers that may take the zone, by network, key or both; without any it is refused.",
            noun: "taker",
            identity: ["network", "key"]
        ),
        OptionGroup(
            "zones.*.notify[]",
            "Servers that are told of changes at once.",
            noun: "notice",
            identity: ["address"]
        ),
        OptionGroup(
            "zones.*.transfer-from[]",
            "Servers that have the zone, in place of `file` or `soa`: it is taken from the first "
                + "that has a newer version.",
            noun: "primary",
            identity: ["address"]
        ),
        OptionGroup("zones.*.transfer-from[].tls", "TLS to this server, verified."),
    ]
}
