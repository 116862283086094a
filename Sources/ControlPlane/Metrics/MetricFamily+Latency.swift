// SPDX-License-Identifier: Apache-2.0

/// The families that tell of measured round trips; they are there while something goes by them.
extension MetricFamily {
    static let latencyRows: [MetricFamily] = [
        MetricFamily(
            "martlet_rtt_rows",
            .gauge,
            labels: ["source"],
            "Rows of round trips by source: learned, or from the file of measurements."
        ) { source in
            guard let latency = source.view.latency else { return [] }
            return [
                MetricSample(["learned"], .integer(UInt64(clamping: latency.rows))),
                MetricSample(["file"], .integer(UInt64(clamping: latency.file?.rows ?? 0))),
            ]
        },
        MetricFamily(
            "martlet_rtt_rows_limit",
            .gauge,
            "Rows that are kept of what is learnt (latency.rows)."
        ) { $0.latency { .integer(UInt64(clamping: $0.rowLimit)) } },
        MetricFamily(
            "martlet_rtt_rows_evicted",
            .counter,
            "Rows of what was learnt that gave way to others."
        ) { $0.latency { .integer($0.evictions) } },
        MetricFamily(
            "martlet_rtt_measurements",
            .counter,
            labels: ["source"],
            "Round trips that were taken, by source: http for connections of clients, or api."
        ) { source in
            guard let latency = source.view.latency else { return [] }
            return zip(["http", "api"], latency.kept).map { MetricSample([$0], .integer($1)) }
        },
        MetricFamily(
            "martlet_rtt_measurements_dropped",
            .counter,
            "Round trips of connections that found no room on their way to the control thread."
        ) { $0.latency { .integer($0.dropped) } },
        MetricFamily(
            "martlet_rtt_measurements_refused",
            .counter,
            "Round trips that were not taken, for want of room: 1,024 names of targets are told apart."
        ) { $0.latency { .integer($0.refused) } },
        MetricFamily(
            "martlet_rtt_tables",
            .counter,
            "Tables of orders that were made of round trips."
        ) { $0.latency { .integer($0.builds) } },
        MetricFamily(
            "martlet_rtt_table_seconds",
            .gauge,
            unit: "seconds",
            "How long making the latest table took."
        ) { $0.latency { .number($0.buildSeconds) } },
        MetricFamily(
            "martlet_rtt_order_changes",
            .counter,
            "Places whose order of branches changed for a gain."
        ) { $0.latency { .integer($0.orderChanges) } },
        MetricFamily(
            "martlet_rtt_file_current",
            .gauge,
            "1 while the measurements in force are the file as it is; 0 after a file that could not "
                + "be used."
        ) { $0.latency { file in file.file.map { .truth($0.problem == nil) } } },
        MetricFamily(
            "martlet_rtt_file_loads",
            .counter,
            labels: ["result"],
            "Files of measurements read by result: adopted, or failed and not used."
        ) { source in
            guard let file = source.view.latency?.file else { return [] }
            return zip(["adopted", "failed"], file.loads).map { MetricSample([$0], .integer($1)) }
        },
    ]
}

extension MetricSource {
    /// The one sample of a family without labels; none where nothing goes by round trips.
    fileprivate func latency(_ value: (LatencyView) -> MetricValue?) -> [MetricSample] {
        view.latency.flatMap(value).map { [MetricSample($0)] } ?? []
    }
}
