// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Runtime

/// The families that tell of zones that change while they serve.
extension MetricFamily {
    static let updateRows: [MetricFamily] = [
        MetricFamily(
            "martlet_dns_updates",
            .counter,
            labels: ["rcode"],
            "Dynamic updates by the code of their answer; NOERROR when they are kept."
        ) { source in
            UpdateDesk.codes.map { code in
                let count = source.shared.dns.updates?.count(code) ?? 0
                return MetricSample(["\(code)"], .integer(count))
            }
        },
        MetricFamily(
            "martlet_dns_updates_waiting",
            .gauge,
            "Dynamic updates that have not been answered yet."
        ) { source in
            [MetricSample(.integer(source.shared.dns.updates?.waitingCount ?? 0))]
        },
        MetricFamily(
            "martlet_dns_updates_rate_limited",
            .counter,
            labels: ["action"],
            "Dynamic updates by UDP whose errors are beyond the rate of their network, by what "
                + "became of them."
        ) { source in
            UpdateDesk.Limited.allCases.map { kind in
                let count = source.shared.dns.updates?.count(kind) ?? 0
                return MetricSample([kind.word], .integer(count))
            }
        },
        MetricFamily(
            "martlet_dns_updates_forwarded",
            .counter,
            labels: ["outcome"],
            "Dynamic updates that were sent on to primaries: answered by one, or failed."
        ) { source in
            [("answered", false), ("failed", true)].map { word, isLost in
                let count = source.shared.dns.updates?.forwardedCount(isLost: isLost) ?? 0
                return MetricSample([word], .integer(count))
            }
        },
        MetricFamily(
            "martlet_zone_api_requests",
            .counter,
            labels: ["method", "class"],
            "Requests of the zone API by method and by class of the status that they were "
                + "answered with."
        ) { source in
            source.view.zoneAPICounts.samples.map { method, status, count in
                MetricSample([method, status], .integer(count))
            }
        },
    ]
}
