// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPGateway

/// What caches are asked for most, and why endpoints are asked.
extension AdminDesk {
    /// The keys that come first.
    func top(
        _ name: String,
        _ sketch: RankingSketch,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        let (_, store) = try AdminDesk.cache(name, view)
        let now = WallTime(nanoseconds: moment.realtime)
        let totals = store.ranking(by: sketch.order, limit: sketch.limit)
        return AdminDesk.answer([
            "cache": .string(name), "by": .string(sketch.order.rawValue),
            "objects": .array(totals.map { $0.json(now) }),
        ])
    }

    /// What a cache has done, with the reasons of misses in words; all caches where none is named.
    func cacheStatistics(_ name: String?, _ view: ControlView) throws(Problem) -> ServiceResponse {
        let all = view.snapshot?.gateway.plan.caches.map(\.name) ?? []
        let counts = CachesView(view)
        var found: [JSONValue] = []
        for cache in name.map({ [$0] }) ?? all {
            let (plan, store) = try AdminDesk.cache(cache, view)
            let varies = store.varyTotals()
            let members = counts.members(of: plan)
            found.append(
                .object(
                    members + [
                        JSONMember("reasons", counts.reasons(of: cache, varies)),
                        JSONMember("refused", counts.refusals(of: cache)),
                        JSONMember("fetches", counts.fetches(of: cache)),
                        JSONMember("varies", .array(varies.prefix(10).map(\.json))),
                    ]
                )
            )
        }
        return AdminDesk.answer(["caches": .array(found)])
    }
}

/// What is asked of an order of keys.
public struct RankingSketch: Sendable, Equatable {
    let order: RankingOrder
    let limit: Int

    /// Reads `by` and `limit`.
    init(_ parameters: Parameters) throws(Problem) {
        try parameters.check(known: ["by", "limit"])
        let word = parameters.value("by") ?? RankingOrder.hits.rawValue
        guard let order = RankingOrder(rawValue: word) else {
            let known = RankingOrder.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(.invalidValue, "The parameter 'by' must be one of \(known).")
        }
        self.order = order
        limit = try CachePage.limit(parameters, standard: 20)
    }
}

extension StoredTotal {
    fileprivate func json(_ now: WallTime) -> JSONValue {
        let left = facts.map { StoredDescription.seconds($0.freshFor(now)) }
        return [
            "key": .string(CacheKeyRule.text(ofKey: key)), "hits": .integer(Int64(hits)),
            "misses": misses.json, "servedBytes": .integer(Int64(clamping: served)),
            "variants": .integer(Int64(variants)), "bytes": .integer(Int64(clamping: octets)),
            "memoryBytes": .integer(Int64(memory)),
            "lifetimeSeconds": facts.map { StoredDescription.seconds($0.lifetime) } ?? .null,
            "leftSeconds": left ?? .null,
            "vary": vary.isEmpty ? .null : .string(String(decoding: vary, as: UTF8.self)),
            "pushed": .bool(isPushed), "pinned": .bool(isPinned),
        ]
    }
}

extension VaryTotal {
    fileprivate var json: JSONValue {
        [
            "fields": .string(String(decoding: names, as: UTF8.self)),
            "objects": .integer(Int64(variants)), "misses": .integer(Int64(misses)),
        ]
    }
}

extension MissCounts {
    /// The counts by their words.
    var json: JSONValue {
        .object(
            MissCounts.Kind.allCases.map {
                JSONMember("\($0.word)", .integer(Int64(self[$0])))
            }
        )
    }

    /// Why endpoints are asked for a key, the most frequent reason first; nil where they never were.
    ///
    /// `vary` is that of what is stored.
    func words(vary: String) -> String? {
        guard sum > 0 else { return nil }
        let parts = Kind.allCases.filter { self[$0] > 0 }.sorted { self[$0] > self[$1] }.map {
            "\(MissWords.text("\($0.word)", vary: vary)), \(MissWords.percent(self[$0], of: sum)) of misses"
        }
        return parts.joined(separator: "; ")
    }
}
