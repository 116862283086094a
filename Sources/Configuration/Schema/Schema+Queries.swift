// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// What the DNS door tells, and what is remembered of its queries.
    static let queryOptions: [Option] = [
        Option(
            "dns.sample-queries",
            .either("off", .integer(1...1_000_000)),
            "1000",
            "A record is kept of one query in so many, at uneven distances, for `martlet queries`; 1 "
                + "keeps each, `off` none."
        ),
        Option(
            "dns.kept-queries",
            .integer(0...65_536),
            "1024",
            "Records of queries that each worker keeps, at 1 KiB; newer ones take the place of the "
                + "oldest.",
            restart: true
        ),
        Option(
            "dns.counted-zones",
            .integer(0...10_000),
            "100",
            "Zones whose queries metrics count by themselves, in the order of the configuration; all "
                + "others are counted together as `other`. When all places are taken, that of a zone "
                + "that is gone goes to one that has none, and counts begin at 0 for it.",
            restart: true
        ),
        Option(
            "dns.identity",
            .either("hostname", .text(64)),
            .absent("nothing is told"),
            "What NSID (RFC 5001), `id.server` and `hostname.bind` (RFC 4892) tell: `hostname`, or "
                + "these words."
        ),
        Option(
            "dns.version",
            .either("program", .text(64)),
            .absent("nothing is told"),
            "What `version.server` and `version.bind` (RFC 4892) tell: `program` for name and "
                + "version of this one, or these words."
        ),
        Option(
            "dns.extended-errors",
            .boolean,
            "true",
            "Whether answers say more of errors than their code (RFC 8914)."
        ),
        Option(
            "dns.resolver-floor-30s",
            .percentage(0...100),
            "8%",
            "Share of the clients whose resolvers keep every answer 30 s at least, as "
                + "`failover-time` counts; a guess until you have measured yours."
        ),
        Option(
            "dns.resolver-floor-60s",
            .percentage(0...100),
            "2%",
            "Share of the clients whose resolvers keep every answer 60 s at least."
        ),
    ]

    static let queryLogOptions: [Option] = [
        Option(
            "log.queries.output",
            .logOutput,
            "off",
            "Where a line per sampled DNS query goes: `off`, `stdout`, `stderr` or a path."
        ),
        Option(
            "log.queries.sample",
            .integer(1...1_000_000),
            "100",
            "One DNS query in so many gets a line, at uneven distances; 1 for each."
        ),
    ]

    static let queryGroups: [OptionGroup] = [
        OptionGroup("dns", "The DNS door as a whole.")
    ]
}
