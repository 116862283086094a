// SPDX-License-Identifier: Apache-2.0
internal import DNSServer

/// What is counted of signed messages.
extension MetricFamily {
    static let transferRows: [MetricFamily] = [
        counters(
            "martlet_dns_tsig_queries",
            [
                .transactionsGood, .transactionsBadKey, .transactionsBadSignature,
                .transactionsBadTime, .transactionsBadTruncation,
            ]
        ),
        counters(
            "martlet_dns_transfers",
            [.transfersWhole, .transfersIncremental, .transfersRefused, .transfersBroken]
        ),
        MetricFamily(
            "martlet_dns_transfers_running",
            .gauge,
            "Zones that peers are taking now."
        ) { source in
            [MetricSample(.integer(source.shared.dns.runningTransfers))]
        },
        MetricFamily(
            "martlet_dns_secondary_events",
            .counter,
            labels: ["outcome"],
            "Zones from primaries: versions that came, looks at all primaries that failed, and "
                + "zones that have expired."
        ) { source in
            let counts = source.view.transferCounts
            return [
                MetricSample(["updated"], .integer(UInt64(clamping: counts.updated))),
                MetricSample(["failed"], .integer(UInt64(clamping: counts.failed))),
                MetricSample(["expired"], .integer(UInt64(clamping: counts.expired))),
            ]
        },
        MetricFamily(
            "martlet_dns_notices",
            .counter,
            labels: ["outcome"],
            "Notices of changed zones that were sent, by what became of them."
        ) { source in
            let counts = source.view.transferCounts
            return [
                MetricSample(["heard"], .integer(UInt64(clamping: counts.heard))),
                MetricSample(["refused"], .integer(UInt64(clamping: counts.refused))),
                MetricSample(["silent"], .integer(UInt64(clamping: counts.silent))),
            ]
        },
    ]

    /// Counters of one family, told apart by their labels.
    private static func counters(_ name: String, _ all: [DNSCounter]) -> MetricFamily {
        MetricFamily(
            name,
            .counter,
            labels: [all.first?.label?.name ?? ""],
            all.first?.help ?? ""
        ) { source in
            all.map { MetricSample([$0.label?.value ?? ""], .integer(source.dns($0))) }
        }
    }
}
