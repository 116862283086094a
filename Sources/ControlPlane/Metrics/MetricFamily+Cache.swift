// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import HTTPGateway

/// The families that tell what caches do.
extension MetricFamily {
    static let cacheRows: [MetricFamily] = [
        MetricFamily(
            "martlet_cache_requests",
            .counter,
            labels: ["cache", "result"],
            "Requests on routes with a cache, by what became of them; at most 16 caches are told apart, "
                + "the others are `(other)`."
        ) { source in
            source.perCache(CacheResult.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.cacheResult($1, cache: $0)
            }
        },
        MetricFamily(
            "martlet_cache_misses",
            .counter,
            labels: ["cache", "reason"],
            "Requests that a cache sent to an endpoint, by reason."
        ) { source in
            source.perCache(CacheMiss.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.cacheMiss($1, cache: $0)
            }
        },
        MetricFamily(
            "martlet_cache_refused",
            .counter,
            labels: ["cache", "reason"],
            "Answers of endpoints that a cache did not keep, by reason."
        ) { source in
            source.perCache(NotStored.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.cacheRefused($1, cache: $0)
            }
                + source.perCache(CacheRefusal.allCases.map { ("\($0.word)", $0) }) {
                    GatewayMetrics.cacheRefused($1, cache: $0)
                }
        },
        MetricFamily(
            "martlet_cache_bytes",
            .counter,
            unit: "bytes",
            labels: ["cache", "source"],
            "Content bytes of answers on routes with a cache: from the store, or from the origin."
        ) { source in
            source.perCache(CacheSource.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.cacheBytes($1, cache: $0)
            }
        },
        MetricFamily(
            "martlet_cache_fetches",
            .counter,
            labels: ["cache", "kind"],
            "Requests of caches to endpoints: for an answer, for whether one still holds, or for either "
                + "while the client has its answer already."
        ) { source in
            source.perCache(CacheFetch.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.cacheFetch($1, cache: $0)
            }
        },
    ]
}

extension MetricSource {
    /// One sample for each cache and word of a closed list.
    fileprivate func perCache<Kind>(
        _ kinds: [(word: String, kind: Kind)],
        _ index: (Int, Kind) -> Int
    ) -> [MetricSample] {
        guard let snapshot = view.snapshot?.gateway else { return [] }
        return shared.http.cacheNumbers(snapshot).flatMap { name, place in
            kinds.map { MetricSample([name, $0.word], .integer(http(index(place, $0.kind)))) }
        }
    }
}
