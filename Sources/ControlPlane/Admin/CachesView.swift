// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPGateway

/// The caches of the configuration in force, with what they hold and have done.
struct CachesView {
    private let view: ControlView
    private let source: MetricSource
    /// Where the numbers of caches are that have some of their own.
    private let places: [String: Int]

    init(_ view: ControlView) {
        self.view = view
        source = MetricSource(view: view, usage: nil)
        let numbers = view.snapshot.map { view.shared.http.cacheNumbers($0.gateway) } ?? []
        places = Dictionary(numbers.map { ($0.name, $0.place) }) { first, _ in first }
    }

    /// One object for each; none without caches.
    var json: JSONValue {
        let caches = view.snapshot?.gateway.plan.caches ?? []
        return .array(caches.enumerated().map { json($1, number: $0) })
    }

    /// What there is to tell of a cache of the configuration.
    func members(of plan: CachePlan) -> [JSONMember] {
        let caches = view.snapshot?.gateway.plan.caches ?? []
        guard let number = caches.firstIndex(where: { $0.name == plan.name }) else { return [] }
        return json(plan, number: number).members ?? []
    }

    private func json(_ plan: CachePlan, number: Int) -> JSONValue {
        let routes = view.snapshot?.gateway.plan.routes.filter { $0.cache == number } ?? []
        var members = [
            JSONMember("name", .string(plan.name)),
            JSONMember("memoryBytes", .integer(Int64(plan.memory))),
            JSONMember("diskBytes", plan.disk.map { .integer(Int64($0.size)) } ?? .null),
            JSONMember("objectLimitBytes", .integer(Int64(min(plan.objectLimit, plan.memory / 8)))),
            JSONMember("pinnedLimitBytes", .integer(Int64(plan.pinnedLimit))),
            JSONMember("key", plan.key.json),
            JSONMember("minUses", .integer(Int64(plan.minUses))),
            JSONMember("purge", .array(plan.purgers.map { .string("\($0)") })),
            JSONMember("routes", .array(routes.map { .string($0.name) })),
        ]
        let store = view.shared.http.shelf.store(of: plan.name)
        members.append(JSONMember("store", store?.statistics().json ?? .null))
        return .object(members + numbers(plan.name))
    }

    /// What has become of requests; null for caches that are not told apart.
    private func numbers(_ name: String) -> [JSONMember] {
        guard let place = places[name] else {
            return ["requests", "misses", "sent", "bytes", "hitRatio", "byteHitRatio"].map {
                JSONMember($0, .null)
            }
        }
        let requests = CacheResult.allCases.map {
            (word: "\($0.word)", count: source.http(GatewayMetrics.cacheResult($0, cache: place)))
        }
        let hits = [CacheResult.hit, .stale, .errorStale].reduce(UInt64(0)) {
            $0 &+ source.http(GatewayMetrics.cacheResult($1, cache: place))
        }
        let bytes = CacheSource.allCases.map {
            (word: "\($0.word)", count: source.http(GatewayMetrics.cacheBytes($0, cache: place)))
        }
        let stored = source.http(GatewayMetrics.cacheBytes(.store, cache: place))
        return [
            JSONMember("requests", CachesView.object(requests)),
            JSONMember("misses", misses(of: name)),
            JSONMember("sent", sent(of: name)),
            JSONMember("bytes", CachesView.object(bytes)),
            JSONMember("hitRatio", CachesView.ratio(hits, of: requests)),
            JSONMember("byteHitRatio", CachesView.ratio(stored, of: bytes)),
        ]
    }

    /// Requests that went to an endpoint, by reason; null for a cache that is not told apart.
    func misses(of name: String) -> JSONValue {
        guard let place = places[name] else { return .null }
        return CachesView.object(
            CacheMiss.allCases.map {
                (word: "\($0.word)", count: source.http(GatewayMetrics.cacheMiss($0, cache: place)))
            }
        )
    }

    /// The same in words, the most frequent first, each with its share of misses and of requests.
    func reasons(of name: String, _ varies: [VaryTotal]) -> JSONValue {
        guard let place = places[name] else { return .null }
        let counts = CacheMiss.allCases.map {
            (word: "\($0.word)", count: source.http(GatewayMetrics.cacheMiss($0, cache: place)))
        }
        let misses = counts.reduce(UInt64(0)) { $0 &+ $1.count }
        let requests = CacheResult.allCases.reduce(UInt64(0)) {
            $0 &+ source.http(GatewayMetrics.cacheResult($1, cache: place))
        }
        let vary = String(decoding: varies.first?.names ?? [], as: UTF8.self)
        func share(_ count: UInt64, of whole: UInt64) -> JSONValue {
            whole == 0 ? .null : .number(min(Double(count) / Double(whole), 1))
        }
        let found = counts.filter { $0.count > 0 }.sorted { $0.count > $1.count }
        return .array(
            found.map {
                [
                    "reason": .string($0.word), "count": .integer(Int64(clamping: $0.count)),
                    "ofMisses": share($0.count, of: misses),
                    "ofRequests": share($0.count, of: max(requests, misses)),
                    "text": .string(MissWords.text($0.word, vary: vary)),
                ]
            }
        )
    }

    /// Answers that were not kept, by why; null for a cache that is not told apart.
    func refusals(of name: String) -> JSONValue {
        guard let place = places[name] else { return .null }
        let rules = NotStored.allCases.map {
            (word: "\($0.word)", count: source.http(GatewayMetrics.cacheRefused($0, cache: place)))
        }
        let wants = CacheRefusal.allCases.map {
            (word: "\($0.word)", count: source.http(GatewayMetrics.cacheRefused($0, cache: place)))
        }
        return CachesView.object((rules + wants).filter { $0.count > 0 })
    }

    /// Requests to endpoints, by kind; null for a cache that is not told apart.
    func fetches(of name: String) -> JSONValue {
        guard let place = places[name] else { return .null }
        return CachesView.object(
            CacheFetch.allCases.map {
                (
                    word: "\($0.word)",
                    count: source.http(GatewayMetrics.cacheFetch($0, cache: place))
                )
            }
        )
    }

    /// What came of requests that were sent on, by where they went; null as for ``misses(of:)``.
    func sent(of name: String) -> JSONValue {
        guard let place = places[name] else { return .null }
        return .object(
            CacheWay.allCases.map { way in
                let counts = CacheOutcome.allCases.map {
                    let word = GatewayMetrics.cacheOutcome($0, from: way, cache: place)
                    return (word: "\($0.word)", count: source.http(word))
                }
                return JSONMember("\(way.word)", CachesView.object(counts))
            }
        )
    }

    private static func object(_ counts: [(word: String, count: UInt64)]) -> JSONValue {
        .object(counts.map { JSONMember($0.word, .integer(Int64(clamping: $0.count))) })
    }

    private static func ratio(
        _ part: UInt64,
        of counts: [(word: String, count: UInt64)]
    ) -> JSONValue {
        let whole = counts.reduce(UInt64(0)) { $0 &+ $1.count }
        return whole == 0 ? .null : .number(min(Double(part) / Double(whole), 1))
    }
}

extension CacheStatistics {
    fileprivate var json: JSONValue {
        [
            "objects": .integer(Int64(objects)), "bytes": .integer(Int64(octets)),
            "budgetBytes": .integer(Int64(budget)), "fills": .integer(Int64(fills)),
            "evictions": .integer(Int64(evictions)), "purged": .integer(Int64(purges)),
            "overloads": .integer(Int64(overloads)), "pushed": .integer(Int64(pushed)),
            "pinned": .integer(Int64(pinned)), "pinnedBytes": .integer(Int64(pinnedOctets)),
            "disk": disk?.json(objects: diskObjects) ?? .null,
        ]
    }
}

extension DiskStatus {
    fileprivate func json(objects: Int) -> JSONValue {
        [
            "state": .string(state.rawValue), "objects": .integer(Int64(objects)),
            "bytes": .integer(Int64(octets)), "found": .integer(Int64(found)),
            "writes": .integer(Int64(writes)), "skipped": .integer(Int64(skips)),
            "loads": .integer(Int64(loads)), "damaged": .integer(Int64(damages)),
            "errors": .integer(Int64(errors)),
            "error": error.map { .string("\(failedAt): \($0)") } ?? .null,
        ]
    }
}

extension CacheKeyRule {
    fileprivate var json: JSONValue {
        func list(_ names: [[UInt8]]) -> JSONValue {
            .array(names.map { .string(String(decoding: $0, as: UTF8.self)) })
        }
        let (word, names): (String, [[UInt8]]) =
            switch query {
            case .all: ("all", [])
            case .none: ("none", [])
            case .sorted: ("sorted", [])
            case .only(let names): ("only", names)
            case .without(let names): ("without", names)
            }
        return [
            "host": .bool(hasHost), "query": .string(word), "parameters": list(names),
            "headers": list(fields), "cookies": list(cookies),
        ]
    }
}
