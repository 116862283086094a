// SPDX-License-Identifier: Apache-2.0
internal import HTTPGateway

/// The families that tell what happens on each route.
extension MetricFamily {
    static let routeRows: [MetricFamily] = [
        MetricFamily(
            "martlet_route_requests",
            .counter,
            labels: ["route", "class"],
            "Requests of a route by class of the final status, answers of the door included; at most "
                + "255 routes are told apart, the others are `(other)`."
        ) { source in
            let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"]
            return source.routeNumbers.flatMap { name, start in
                classes.indices.map { family in
                    MetricSample([name, classes[family]], .integer(source.http(start + family)))
                }
            }
        },
        MetricFamily(
            "martlet_route_duration_seconds",
            .histogram,
            unit: "seconds",
            labels: ["route"],
            "From the first byte of a request of a route to the last of its response, tunnels left out."
        ) { source in
            let bounds = GatewayMetrics.durationBounds.map { Double($0) / 1e6 }
            return source.routeNumbers.map { name, start in
                let buckets = start + GatewayMetrics.routeBuckets
                let counts = (0...bounds.count).map { source.http(buckets + $0) }
                let sum = Double(source.http(start + GatewayMetrics.routeSum)) / 1e6
                return MetricSample([name], .histogram(bounds: bounds, counts: counts, sum: sum))
            }
        },
    ]
}

extension MetricSource {
    /// The routes in force, each with the place of its words.
    fileprivate var routeNumbers: [(String, Int)] {
        guard let snapshot = view.snapshot?.gateway else { return [] }
        return shared.http.routeNumbers(snapshot).map { ($0.name, GatewayMetrics.route($0.place)) }
    }
}
