// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// Who is answered over UDP, and how often.
    static let answerOptions: [Option] = [
        Option(
            "dns.cookies.enabled",
            .boolean,
            "true",
            "Whether cookies of clients are answered with cookies of the server (RFC 7873)."
        ),
        Option(
            "dns.cookies.secrets",
            .filePath,
            .absent(
                "another each day, of one that is made at the first start and kept in the state folder"
            ),
            "File of secrets that servers behind one address share: one of 32 hexadecimal digits a "
                + "line, at most 4; the first makes cookies, all are believed (RFC 9018 §5)."
        ),
        Option(
            "dns.cookies.require",
            .boolean,
            "false",
            "Whether a client that knows cookies is answered over UDP only with a good one, and "
                + "else with BADCOOKIE and a new one."
        ),
        limit("responses", "off", "Answers of one name and type"),
        limit("nodata", nil, "NODATA of the names of one zone"),
        limit("nxdomain", nil, "NXDOMAIN of the names of one zone"),
        limit("referrals", nil, "Referrals to one delegation"),
        limit("errors", nil, "Errors, such as REFUSED,"),
        Option(
            "dns.rate-limit.slip",
            .integer(0...10),
            "2",
            "One of so many responses that are too many is put off by TC, or by BADCOOKIE for those "
                + "who know cookies; `1` drops none, `0` all."
        ),
        Option(
            "dns.rate-limit.window",
            .duration(seconds(1)...hours(1)),
            "15s",
            "How long a network that asked for too much stays limited after that, at most."
        ),
        Option(
            "dns.rate-limit.ipv4-prefix",
            .integer(8...32),
            "24",
            "Bits of an IPv4 address that make a network."
        ),
        Option(
            "dns.rate-limit.ipv6-prefix",
            .integer(16...64),
            "56",
            "Bits of an IPv6 address that make a network."
        ),
        Option(
            "dns.rate-limit.exempt",
            .list(.prefix),
            .absent("none"),
            "Networks that get all their responses."
        ),
        Option(
            "dns.rate-limit.log-only",
            .boolean,
            "false",
            "Whether responses that are too many are only counted, and sent."
        ),
        Option(
            "dns.rate-limit.accounts",
            .integer(1024...16_777_216),
            "65536",
            "Networks and responses that are counted at a time, at 8 bytes; those that owe least make "
                + "room for new ones.",
            restart: true
        ),
    ]

    private static func limit(_ key: String, _ fallback: String?, _ what: String) -> Option {
        Option(
            "dns.rate-limit.\(key)",
            .either("off", .rate(1...1_000_000)),
            fallback.map(Option.Fallback.text) ?? .absent("as `responses`"),
            "\(what) that a network of clients gets over UDP in a time; `off` for any number."
        )
    }

    static let answerGroups: [OptionGroup] = [
        OptionGroup("dns.cookies", "Cookies, by which clients show that their address is theirs."),
        OptionGroup(
            "dns.rate-limit",
            "How often networks get responses that are alike, so that a flood with the address of a "
                + "victim does not become one at the victim."
        ),
    ]
}
