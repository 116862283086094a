// SPDX-License-Identifier: Apache-2.0
internal import HTTPGateway

/// The families that tell of copies of requests, for the routes that make some.
extension MetricFamily {
    static let mirrorRows: [MetricFamily] = [
        MetricFamily(
            "martlet_http_mirror_sent",
            .counter,
            labels: ["route"],
            "Copies by `routes[].mirror` that an endpoint was chosen for, also when no connection to it "
                + "came about."
        ) { source in
            source.mirroredRoutes.map { name, place in
                MetricSample([name], .integer(source.http(GatewayMetrics.mirror(place))))
            }
        },
        MetricFamily(
            "martlet_http_mirror_failed",
            .counter,
            labels: ["route", "reason"],
            "Copies that got no whole answer, by what kept them from it."
        ) { source in
            source.perMirror(MirrorFailure.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.failed($1, route: $0)
            }
        },
        MetricFamily(
            "martlet_http_mirror_skipped",
            .counter,
            labels: ["route", "reason"],
            "Requests that fell into `mirror.share` and had no copy, by reason."
        ) { source in
            source.perMirror(MirrorSkip.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.skipped($1, route: $0)
            }
        },
        MetricFamily(
            "martlet_http_mirror_comparisons",
            .counter,
            labels: ["route", "result"],
            "Answers to copies compared with those of the clients by `mirror.compare`: the same, or "
                + "what differs."
        ) { source in
            source.perMirror(MirrorVerdict.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.compared($1, route: $0)
            }
        },
        MetricFamily(
            "martlet_http_mirror_duration_seconds",
            .histogram,
            unit: "seconds",
            labels: ["route"],
            "From the choice of an endpoint for a copy to the last byte of its answer."
        ) { source in
            let bounds = GatewayMetrics.durationBounds.map { Double($0) / 1e6 }
            return source.mirroredRoutes.map { name, place in
                let start = GatewayMetrics.mirror(place)
                let counts = (0...bounds.count).map {
                    source.http(start + GatewayMetrics.mirrorBuckets + $0)
                }
                let sum = Double(source.http(start + GatewayMetrics.mirrorSum)) / 1e6
                return MetricSample([name], .histogram(bounds: bounds, counts: counts, sum: sum))
            }
        },
    ]
}

extension MetricSource {
    /// The routes in force that are mirrored, and those of one name with them, with their places.
    fileprivate var mirroredRoutes: [(name: String, place: Int)] {
        guard let snapshot = view.snapshot?.gateway else { return [] }
        let names = Set(snapshot.plan.routes.filter { $0.mirror != nil }.map(\.name))
        guard !names.isEmpty else { return [] }
        let numbers = shared.http.routeNumbers(snapshot)
        // The last one stands for all routes that are not told apart.
        let hasOthers = snapshot.plan.routes.count > numbers.count
        return numbers.enumerated().filter { number, route in
            names.contains(route.name) || hasOthers && number == numbers.count - 1
        }.map(\.element)
    }

    /// One sample for each mirrored route and word of a closed list.
    fileprivate func perMirror<Kind>(
        _ kinds: [(word: String, kind: Kind)],
        _ index: (Int, Kind) -> Int
    ) -> [MetricSample] {
        mirroredRoutes.flatMap { name, place in
            kinds.map { MetricSample([name, $0.word], .integer(http(index(place, $0.kind)))) }
        }
    }
}
