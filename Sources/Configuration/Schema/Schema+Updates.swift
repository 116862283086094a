// SPDX-License-Identifier: Apache-2.0

/// Zones that change by messages (RFC 2136).
extension Schema {
    static let updateOptions: [Option] = [
        Option(
            "zones.*.serial-rule",
            .words(["increment", "unixtime"]),
            "increment",
            "How the serial rises with each change made by an update or the API: by one, or to the "
                + "seconds since 1970."
        ),
        Option(
            "zones.*.updates[].key",
            .domainName,
            .absent("updates need no signature"),
            "Key that must have signed the update (TSIG)."
        ),
        Option(
            "zones.*.updates[].networks",
            .list(.prefix),
            .absent("from anywhere"),
            "Networks that the update must come from; a rule needs `key`, `networks` or both."
        ),
        Option(
            "zones.*.updates[].names",
            .list(.text(255)),
            "zone",
            "Names that may be changed: `zone`, a name, `subtree:NAME` with all below it, `*.NAME` "
                + "for those below alone, `self` for the key's own name, `self-subtree`."
        ),
        Option(
            "zones.*.updates[].types",
            .list(.words(updateTypes)),
            .absent("all but SOA, NS and what DNSSEC makes"),
            "Types that may be changed; ANY for all."
        ),
    ]

    static let updateGroups: [OptionGroup] = [
        OptionGroup(
            "zones.*.updates[]",
            "Who may change the zone by dynamic updates (RFC 2136), and what of it: one rule must "
                + "allow each record.",
            noun: "rule"
        )
    ]

    // As in zone files.
    private static let updateTypes = [
        "ANY", "A", "AAAA", "AFSDB", "APL", "CAA", "CDNSKEY", "CDS", "CERT", "CNAME", "CSYNC",
        "DHCID", "DNAME", "DNSKEY", "DS", "EUI48", "EUI64", "HINFO", "HIP", "HTTPS", "IPSECKEY",
        "KX", "LOC", "MX", "NAPTR", "NS", "OPENPGPKEY", "PTR", "RP", "SMIMEA", "SOA", "SPF",
        "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI", "ZONEMD",
    ]
}
