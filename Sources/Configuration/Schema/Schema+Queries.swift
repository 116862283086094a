// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// What is remembered of DNS queries.
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
    ]

    static let queryGroups: [OptionGroup] = [
        OptionGroup("dns", "The DNS door as a whole.")
    ]
}
