// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
public import Essentials
internal import HTTPProtocol
public import Steering

/// What the cache in front of a route's pools makes of a request.
public struct CacheExplanation: Sendable, Equatable {
    /// The cache.
    public var name: String
    /// What requests have in common that get the same answers, as text; empty for a request without.
    public var key = ""
    /// True when the request may be answered from the store.
    public var mayAnswer = false
    /// One sentence: why, or why not.
    public var why = ""
    /// The peer through which it is fetched where nothing is stored; empty without such peers.
    public var fetch = ""
    /// What a peer is chosen by.
    var hash: UInt64 = 0
}

extension GatewaySnapshot {
    /// What the route's cache makes of a request; nil without one.
    func cacheExplanation(
        of route: Int,
        _ request: RequestView,
        _ fields: borrowing FieldTable
    ) -> CacheExplanation? {
        guard let number = plan.routes[route].cache, caches.indices.contains(number),
            plan.caches.indices.contains(number)
        else { return nil }
        let cache = caches[number]
        var explanation = CacheExplanation(name: plan.caches[number].name)
        if let key = CacheKeyRule.key(of: request, fields, by: cache.key) {
            explanation.key = CacheKeyRule.text(ofKey: key)
            explanation.hash = Hash.bytes(key.span)
        }
        if let reason = whyUncached(request, fields, route, cache) {
            explanation.why = reason
            return explanation
        }
        guard !explanation.key.isEmpty else {
            explanation.why = "it has no key: a part is ambiguous, or too long"
            return explanation
        }
        explanation.mayAnswer = true
        explanation.why =
            switch request.head.method {
            case .head: "a HEAD is answered from what is stored, and fetches nothing that is kept"
            case .query:
                "a QUERY is answered from what is stored for its content, of at most "
                    + "\(cache.queryLimit) bytes, or fetched and kept where that is allowed"
            default:
                "a GET is answered from what is stored, or fetched and kept where that is allowed"
            }
        return explanation
    }

    /// Says through whom the route's cache would fetch the answer.
    func explainTier(
        of route: Int,
        _ chooser: borrowing Chooser,
        _ now: Instant,
        _ explanation: inout RequestExplanation
    ) {
        guard let number = plan.routes[route].cache, plan.caches.indices.contains(number),
            let cache = explanation.cache, cache.mayAnswer
        else { return }
        explanation.cache?.fetch = way(of: plan.caches[number], cache.hash, chooser, now)
    }

    /// Says through whom a cache would fetch what has this key; empty without peers.
    public func way(
        of cache: CachePlan,
        key: [UInt8],
        health: HealthTable,
        load: LoadTable,
        now: Instant
    ) -> String {
        let chooser = Chooser(plan: selection, health: health, load: load, worker: 0, seed: 1)
        return way(of: cache, Hash.bytes(key.span), chooser, now)
    }

    /// By the code that chooses.
    private func way(
        of cache: CachePlan,
        _ hash: UInt64,
        _ chooser: borrowing Chooser,
        _ now: Instant
    ) -> String {
        guard let pool = cache.through, plan.pools.indices.contains(pool) else { return "" }
        let choice = chooser.explain(pool: pool, key: hash, now: now)
        let name = plan.pools[pool].name
        let isHelp = choice.mode == .healthy || choice.mode == .panic
        let chosen = isHelp ? choice.candidates.first(where: \.isChosen) : nil
        return chosen.map { "through `\(name)`, by its key from `\($0.name)`" }
            ?? "from the route's own pool, since no endpoint of `\(name)` takes work"
    }

    /// Why a request is nothing for a store; nil when it may be.
    private func whyUncached(
        _ request: RequestView,
        _ fields: borrowing FieldTable,
        _ route: Int,
        _ cache: CacheRecord
    ) -> String? {
        let isQuery = request.head.method == .query && cache.queryLimit > 0
        switch request.head.method {
        case .get, .head: break
        case .query where isQuery: break
        default: return "only GET, HEAD and QUERY are answered from a store"
        }
        guard isQuery || request.head.framing.isEmpty else { return "the request has content" }
        guard !request.head.wantsUpgrade else { return "the request asks for another protocol" }
        guard fields.first(.ifMatch) == nil, fields.first(.ifUnmodifiedSince) == nil else {
            return "If-Match and If-Unmodified-Since are for the endpoint to judge"
        }
        let access = routes[route].access
        guard access >= 0 else { return nil }
        let rule = actions.access[Int(access)]
        let tells = !rule.userField.isEmpty || !rule.claims.isEmpty
        return tells ? "the endpoint is told who asks, so that others must not get its answer" : nil
    }
}

extension CacheKeyRule {
    /// The key of a request that has not been made.
    fileprivate static func key(
        of request: RequestView,
        _ fields: borrowing FieldTable,
        by rule: CacheKeyRule
    ) -> [UInt8]? {
        let (head, bytes) = (request.head, request.bytes)
        let target = bytes.slice(head.target)
        // An empty query is another one than none.
        let hasQuery =
            !head.query.isEmpty || !target.isEmpty && target[target.count - 1] == UInt8(ascii: "?")
        var query: Span<UInt8>?
        if hasQuery { query = bytes.slice(head.query) }
        var isWhole = false
        let key = [UInt8](capacity: bytes.count * 2 + 64) { (output: inout OutputSpan<UInt8>) in
            isWhole = rule.write(
                isSecure: request.isTLS,
                host: bytes.slice(head.authority),
                path: request.path,
                query: query,
                fields,
                bytes,
                into: &output
            )
        }
        return isWhole ? key : nil
    }
}
