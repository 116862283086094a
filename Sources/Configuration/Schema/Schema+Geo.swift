// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// The codes of the continents as geographic databases have them.
    static let continents = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]

    /// Where networks are.
    static let geoOptions: [Option] = [
        Option(
            "geo.database",
            .filePath,
            .absent("only `networks` are known"),
            "City or Country database in MaxMind's format (`.mmdb`); a changed file is taken up "
                + "without a reload."
        ),
        Option(
            "geo.asn",
            .filePath,
            .absent("only those of `networks` are known"),
            "Database of autonomous systems in the same format."
        ),
        Option(
            "geo.size-limit",
            .size(4096...(4 << 30)),
            "512MiB",
            "Largest database that is read; while it is, it is in memory twice."
        ),
        Option(
            "geo.networks.*.continent",
            .words(continents),
            .absent("that of the country"),
            "Code of the continent."
        ),
        Option(
            "geo.networks.*.country",
            .country,
            .absent("unknown"),
            "Code of the country (ISO 3166-1 alpha-2)."
        ),
        Option(
            "geo.networks.*.subdivision",
            .subdivision,
            .absent("unknown"),
            "Code of the subdivision (ISO 3166-2), such as `US-CA`.",
            beside: ["country"]
        ),
        Option(
            "geo.networks.*.city",
            .text(128),
            .absent("unknown"),
            "Name of the city in English."
        ),
        Option(
            "geo.networks.*.latitude",
            .decimal(-90...90),
            .absent("the middle of the country"),
            "Degrees north of the equator.",
            beside: ["longitude"]
        ),
        Option(
            "geo.networks.*.longitude",
            .decimal(-180...180),
            .absent("the middle of the country"),
            "Degrees east of Greenwich.",
            beside: ["latitude"]
        ),
        // RFC 7607 and RFC 7300: the first and the last number stand for no system.
        Option(
            "geo.networks.*.asn",
            .integer(1...4_294_967_294),
            .absent("what the database says"),
            "Number of the autonomous system."
        ),
    ]

    static let geoGroups: [OptionGroup] = [
        OptionGroup(
            "geo",
            "Where the networks of clients are, for policies that ask for it."
        ),
        OptionGroup(
            "geo.networks.*",
            "Networks of your own, such as `10.0.0.0/8`: they come before the databases, and the "
                + "most specific one counts. Any fact of the place replaces the database's place as "
                + "a whole; `asn` alone leaves that as it is.",
            noun: "network",
            names: .prefix
        ),
    ]
}
