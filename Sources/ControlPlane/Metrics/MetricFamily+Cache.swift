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
            "Requests of caches to endpoints: for an answer, for whether one still holds, for either "
                + "while the client has its answer already, stale or, `ahead`, fresh still, or by order "
                + "of an operator."
        ) { source in
            source.perCache(CacheFetch.allCases.map { ("\($0.word)", $0) }) {
                GatewayMetrics.cacheFetch($1, cache: $0)
            }
        },
        MetricFamily(
            "martlet_cache_sent",
            .counter,
            labels: ["cache", "source", "outcome"],
            "Requests that routes with a cache sent on: to a peer of `through` or to the route's own pool, "
                + "and what came of them; one that peers were of no help with counts for both."
        ) { source in
            CacheWay.allCases.flatMap { way in
                source.perCache(
                    CacheOutcome.allCases.map { ("\($0.word)", $0) },
                    more: ["\(way.word)"]
                ) {
                    GatewayMetrics.cacheOutcome($1, from: way, cache: $0)
                }
            }
        },
        store("objects", .gauge, "Whole responses that are stored.") { $0.objects },
        store(
            "stored_bytes",
            .gauge,
            unit: "bytes",
            "Bytes in use for what is stored, and what is kept about it."
        ) { $0.octets },
        store(
            "memory_bytes",
            .gauge,
            unit: "bytes",
            "Bytes that may be in use, as `memory` of the cache says."
        ) { $0.budget },
        store("fills", .gauge, "Responses that are on their way into the store.") { $0.fills },
        store(
            "evictions",
            .counter,
            "Stored responses that went for want of room, since the cache began to serve."
        ) { $0.evictions },
        store(
            "purged",
            .counter,
            "Stored responses that were taken out, or made stale, by order or by what changed them."
        ) { $0.purges },
        store("pushed_objects", .gauge, "Stored responses that operators put there.") { $0.pushed },
        store(
            "pinned_objects",
            .gauge,
            "Of these, responses that do not go for want of room."
        ) { $0.pinned },
        store(
            "pinned_bytes",
            .gauge,
            unit: "bytes",
            "Bytes that those take, of `pinned-limit` of the cache."
        ) { $0.pinnedOctets },
        store(
            "overloads",
            .counter,
            "Requests for which there was no room to store the response, so that nothing was begun."
        ) { $0.overloads },
    ]

    /// The part of caches that is on disks.
    static let cacheDiskRows: [MetricFamily] = [
        disk("objects", .gauge, "Responses on the disk.") { $0.diskObjects },
        disk("bytes", .gauge, unit: "bytes", "Bytes of all files on the disk.") {
            $0.disk?.octets ?? 0
        },
        disk("serving", .gauge, "1 while the disk is read and written.") {
            $0.disk?.state == .serving ? 1 : 0
        },
        disk("writes", .counter, "Responses that were written.") { $0.disk?.writes ?? 0 },
        disk("loads", .counter, "Responses that were read into memory.") { $0.disk?.loads ?? 0 },
        disk(
            "skipped",
            .counter,
            "Responses that were not written, since there were too many at a time, or the disk failed."
        ) { $0.disk?.skips ?? 0 },
        disk("damaged", .counter, "Responses that could not be read as they were written.") {
            $0.disk?.damages ?? 0
        },
        disk("errors", .counter, "Attempts to read or write that failed.") { $0.disk?.errors ?? 0 },
    ]

    private static func disk(
        _ name: String,
        _ type: MetricType,
        unit: String = "",
        _ help: String,
        _ value: @escaping @Sendable (CacheStatistics) -> Int
    ) -> MetricFamily {
        store("disk_\(name)", type, unit: unit, help, value)
    }

    private static func store(
        _ name: String,
        _ type: MetricType,
        unit: String = "",
        _ help: String,
        _ value: @escaping @Sendable (CacheStatistics) -> Int
    ) -> MetricFamily {
        MetricFamily("martlet_cache_\(name)", type, unit: unit, labels: ["cache"], help) { source in
            source.perStore(value)
        }
    }
}

extension MetricSource {
    /// One sample for each cache and word of a closed list.
    fileprivate func perCache<Kind>(
        _ kinds: [(word: String, kind: Kind)],
        more: [String] = [],
        _ index: (Int, Kind) -> Int
    ) -> [MetricSample] {
        guard let snapshot = view.snapshot?.gateway else { return [] }
        return shared.http.cacheNumbers(snapshot).flatMap { name, place in
            kinds.map {
                MetricSample([name] + more + [$0.word], .integer(http(index(place, $0.kind))))
            }
        }
    }
    /// One sample for each cache whose store has begun; those that are not told apart together.
    fileprivate func perStore(_ value: (CacheStatistics) -> Int) -> [MetricSample] {
        guard let snapshot = view.snapshot?.gateway else { return [] }
        let names = shared.http.cacheNumbers(snapshot).map(\.name)
        var sums: [String: UInt64] = [:]
        for plan in snapshot.plan.caches {
            guard let store = shared.http.shelf.store(of: plan.name) else { continue }
            let name = names.contains(plan.name) ? plan.name : "(other)"
            sums[name, default: 0] &+= positive(value(store.statistics()))
        }
        return names.compactMap { name in sums[name].map { MetricSample([name], .integer($0)) } }
    }
}
