// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPGateway
internal import Runtime

/// The families that tell what rate limits do.
extension MetricFamily {
    static let codingRows: [MetricFamily] = [
        MetricFamily("martlet_compressions", .counter, DoorCounter.codings.help) {
            [MetricSample(.integer($0.http(.codings)))]
        },
        MetricFamily("martlet_compressions_skipped", .counter, DoorCounter.codingsSkipped.help) {
            [MetricSample(.integer($0.http(.codingsSkipped)))]
        },
        MetricFamily(
            "martlet_compression_bytes",
            .counter,
            unit: "bytes",
            labels: ["side"],
            "Content bytes of compressed answers: from endpoints, and to clients."
        ) { source in
            [("endpoint", DoorCounter.codedIn), ("client", .codedOut)].map {
                MetricSample([$0.0], .integer(source.http($0.1)))
            }
        },
    ]

    static let accessRows: [MetricFamily] = [
        MetricFamily(
            "martlet_access_requests",
            .counter,
            labels: ["credentials"],
            "Requests with credentials for routes that ask for some: known from a short while ago, "
                + "or verified anew; those refused are among the exchanges that the door ended."
        ) { source in
            [("known", DoorCounter.accessKnown), ("verified", .accessVerified)].map {
                MetricSample([$0.0], .integer(source.http($0.1)))
            }
        }
    ]

    static let rateRows: [MetricFamily] = [
        MetricFamily(
            "martlet_rate_limit_requests",
            .counter,
            labels: ["route", "decision"],
            "Requests that met a rate limit: allowed, or limited, in a dry run as well."
        ) { source in
            source.rateCounters.flatMap { name, counter in
                ["allowed", "limited"].enumerated().map { offset, word in
                    let count = source.http(GatewayMetrics.rate(counter) + offset)
                    return MetricSample([name, word], .integer(count))
                }
            }
        },
        MetricFamily(
            "martlet_rate_limit_keys",
            .gauge,
            "Keys of rate limits that have a bucket of their own and owe something."
        ) { source in
            let now = Clock.monotonic()
            return [MetricSample(.integer(UInt64(source.shared.http.rates.occupancy(now: now))))]
        },
        MetricFamily(
            "martlet_rate_limit_keys_maximum",
            .gauge,
            "Keys of rate limits that can have a bucket of their own."
        ) { [MetricSample(.integer(UInt64($0.shared.http.rates.capacity)))] },
        MetricFamily(
            "martlet_rate_limit_keys_displaced",
            .counter,
            DoorCounter.rateDisplaced.help
        ) { [MetricSample(.integer($0.http(.rateDisplaced)))] },
        MetricFamily(
            "martlet_rate_limit_estimates",
            .counter,
            DoorCounter.rateEstimated.help
        ) { [MetricSample(.integer($0.http(.rateEstimated)))] },
    ]
}

extension MetricSource {
    /// The limits in force by route, each with the place of its numbers.
    ///
    /// Limits beyond those that can be told apart share one line, `(other)`.
    fileprivate var rateCounters: [(String, Int)] {
        let limits = view.snapshot?.gateway.rateLimits ?? []
        let last = GatewayMetrics.rateLimit - 1
        let known = limits.map { ($0.route, shared.http.rates.counter(of: $0.identity)) }
        return known.filter { $0.1 != last } + [("(other)", last)]
    }
}
