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
