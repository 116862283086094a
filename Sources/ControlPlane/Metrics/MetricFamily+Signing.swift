// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Runtime

/// What the DNS door counts of signatures.
extension MetricFamily {
    static let signingRows: [MetricFamily] = [
        MetricFamily(
            "martlet_dns_signatures",
            .counter,
            labels: ["source"],
            DNSCounter.signaturesMade.help
        ) { source in
            [("made", DNSCounter.signaturesMade), ("cache", .signaturesKnown)].map {
                MetricSample([$0.0], .integer(source.shared.dns.total($0.1)))
            }
        },
        MetricFamily(
            "martlet_dns_signing_failures",
            .counter,
            DNSCounter.signingFailures.help
        ) { [MetricSample(.integer($0.shared.dns.total(.signingFailures)))] },
        MetricFamily(
            "martlet_dns_cached_signatures",
            .gauge,
            "Signatures of record sets that are kept, over all workers."
        ) { source in
            let count = source.shared.dns.signatures.reduce(0) { $0 + $1.count }
            return [MetricSample(.integer(UInt64(count)))]
        },
        MetricFamily(
            "martlet_dns_signature_expires_seconds",
            .gauge,
            "Seconds until the first signature ends of all zones that are signed in their files; "
                + "negative behind its end, and left out without such zones."
        ) { source in
            let zones = source.view.snapshot?.dns.signaturesLeft(at: Clock.seconds) ?? []
            return zones.map(\.left).min().map { [MetricSample(.number(Double($0)))] } ?? []
        },
    ]
}
