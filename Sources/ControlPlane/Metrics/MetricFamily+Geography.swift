// SPDX-License-Identifier: Apache-2.0

/// The families that tell of geographic databases; they are there while `geo` names one.
extension MetricFamily {
    static let geographyRows: [MetricFamily] = [
        MetricFamily(
            "martlet_geo_database_build_timestamp_seconds",
            .gauge,
            unit: "seconds",
            labels: ["content"],
            "When the database in force was built: places for where networks are, systems for "
                + "whose they are."
        ) { $0.databases { $0.kind == nil ? nil : .integer(UInt64(clamping: $0.builtAt)) } },
        MetricFamily(
            "martlet_geo_database_networks",
            .gauge,
            labels: ["content"],
            "Networks that the database in force has a record for."
        ) { $0.databases { .integer(UInt64(clamping: $0.networks)) } },
        MetricFamily(
            "martlet_geo_database_load_seconds",
            .gauge,
            unit: "seconds",
            labels: ["content"],
            "How long reading the database in force took."
        ) { $0.databases { .number($0.loadSeconds) } },
        MetricFamily(
            "martlet_geo_database_current",
            .gauge,
            labels: ["content"],
            "1 while the database in force is the file as it is; 0 after a file that could not be "
                + "used."
        ) { $0.databases { .truth($0.problem == nil) } },
        MetricFamily(
            "martlet_geo_database_loads",
            .counter,
            labels: ["result"],
            "Databases read by result: adopted, or failed and not used."
        ) { source in
            guard let geography = source.view.geography, !geography.databases.isEmpty else {
                return []
            }
            return [
                MetricSample(["adopted"], .integer(geography.loads.adopted)),
                MetricSample(["failed"], .integer(geography.loads.failed)),
            ]
        },
    ]
}

extension MetricSource {
    /// One sample for each database that the configuration names.
    fileprivate func databases(
        _ value: (GeographyView.Database) -> MetricValue?
    ) -> [MetricSample] {
        (view.geography?.databases ?? []).compactMap { database in
            value(database).map { MetricSample([database.content], $0) }
        }
    }
}
