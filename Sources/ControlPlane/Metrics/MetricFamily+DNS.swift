// SPDX-License-Identifier: Apache-2.0
internal import DNSServer

/// What the DNS door counts.
extension MetricFamily {
    static let dnsRows: [MetricFamily] = [
        MetricFamily(
            "martlet_dns_queries",
            .counter,
            labels: ["transport"],
            "DNS queries answered, by transport."
        ) { source in
            DNSTransport.allCases.map {
                MetricSample(["\($0.word)"], .integer(source.dns(DNSCounter.of($0))))
            }
        },
        MetricFamily(
            "martlet_dns_responses",
            .counter,
            labels: ["rcode"],
            "DNS responses by response code."
        ) { source in
            [
                ("NOERROR", DNSCounter.noError), ("NXDOMAIN", .nameError),
                ("SERVFAIL", .serverFailure), ("FORMERR", .formatError),
                ("NOTIMP", .notImplemented), ("REFUSED", .refused), ("other", .otherCode),
            ].map { MetricSample([$0.0], .integer(source.shared.dns.total($0.1))) }
        },
        MetricFamily(
            "martlet_dns_zone_queries",
            .counter,
            labels: ["zone", "rcode"],
            "DNS queries answered, by the zone that answered last and response code; `other` for zones "
                + "beyond `dns.counted-zones`, `none` for names in no zone."
        ) { source in
            source.shared.dns.zoneCounts(source.view.countedZones).map {
                MetricSample([$0.zone, $0.code], .integer($0.count))
            }
        },
        MetricFamily(
            "martlet_dns_type_queries",
            .counter,
            labels: ["type"],
            "DNS queries answered, by type; `other` for types without a mnemonic."
        ) { source in
            source.shared.dns.typeCounts.map { MetricSample([$0.type], .integer($0.count)) }
        },
        dns("martlet_dns_truncated", .truncated),
        dns("martlet_dns_steered", .steered),
        dns("martlet_dns_malformed", .malformed),
        dns("martlet_dns_dropped", .dropped),
        dns("martlet_dns_unsent", .unsent),
        dns("martlet_dns_bundled", .bundled),
        MetricFamily(
            "martlet_dns_cookies",
            .counter,
            labels: ["state"],
            DNSCounter.cookiesGood.help
        ) { source in
            [("good", DNSCounter.cookiesGood), ("bad", .cookiesBad), ("new", .cookiesNew)].map {
                MetricSample([$0.0], .integer(source.dns($0.1)))
            }
        },
        MetricFamily(
            "martlet_dns_rate_limited",
            .counter,
            labels: ["action"],
            DNSCounter.rateDropped.help
        ) { source in
            [
                ("dropped", DNSCounter.rateDropped), ("put-off", .ratePutOff),
                ("log-only", .rateExceeded),
            ].map { MetricSample([$0.0], .integer(source.dns($0.1))) }
        },
        dns("martlet_dns_tcp_connections_accepted", .connectionsAccepted),
        dns("martlet_dns_tcp_connections_closed", .connectionsClosed),
        dns("martlet_dns_tcp_connections_timed_out", .connectionsTimedOut),
        dns("martlet_dns_tls_connections_accepted", .secureAccepted),
        dns("martlet_dns_tls_connections_closed", .secureClosed),
        dns("martlet_dns_tls_connections_timed_out", .secureTimedOut),
        dns("martlet_dns_tls_handshakes", .handshakes),
        dns("martlet_dns_tls_resumptions", .resumptions),
        dns("martlet_dns_tls_slow_signatures", .signaturesLent),
        MetricFamily(
            "martlet_dns_tls_handshake_failures",
            .counter,
            labels: ["reason"],
            "TLS handshakes of DNS clients that failed, by reason."
        ) { source in
            source.shared.dns.handshakeFailures.map {
                MetricSample([$0.word], .integer($0.count))
            }
        },
    ]

    private static func dns(_ name: String, _ counter: DNSCounter) -> MetricFamily {
        MetricFamily(name, .counter, counter.help) { [MetricSample(.integer($0.dns(counter)))] }
    }
}
