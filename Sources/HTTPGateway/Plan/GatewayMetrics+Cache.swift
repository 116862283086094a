// SPDX-License-Identifier: Apache-2.0
public import EdgeCache

/// What became of a request on a route with a cache.
public enum CacheResult: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// Answered from the store, fresh.
    case hit
    /// Answered from the store although stale, while it was asked for anew or as the client took it.
    case stale
    /// Answered from the store after the origin had said that it still holds.
    case revalidated
    /// Answered by the origin.
    case miss
    /// Answered with what another request fetched.
    case wait
    /// Sent to the origin without a look into the store.
    case bypass
    /// Sent to the origin because it is remembered that its responses are not kept.
    case pass
    /// Refused: the client wanted nothing but what is stored (RFC 9111 §5.2.1.7).
    case unavailable
    /// Answered from the store although stale, because the origin failed.
    case errorStale

    /// The word in metrics.
    public var word: StaticString {
        switch self {
        case .hit: "hit"
        case .stale: "stale"
        case .revalidated: "revalidated"
        case .miss: "miss"
        case .wait: "wait"
        case .bypass: "bypass"
        case .pass: "pass"
        case .unavailable: "unavailable"
        case .errorStale: "error-stale"
        }
    }
}

/// Why a request went to the origin; the words of RFC 9211 §2.2 where it has one.
public enum CacheMiss: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// Nothing is stored for its key.
    case uriMiss
    /// What is stored was for other values of the fields that `Vary` names.
    case varyMiss
    /// What is stored is stale.
    case stale
    /// The client wanted it so.
    case request
    /// Its method is not answered from a store.
    case method
    /// Something else of the request keeps it from the store.
    case bypass
    /// Its key is one whose responses are not kept.
    case passing
    /// It has passed this node before (RFC 8586).
    case loop

    /// The word in metrics.
    public var word: StaticString {
        switch self {
        case .uriMiss: "uri-miss"
        case .varyMiss: "vary-miss"
        case .stale: "stale"
        case .request: "request"
        case .method: "method"
        case .bypass: "bypass"
        case .passing: "passing"
        case .loop: "loop"
        }
    }
}

/// Why a response was not stored that the rules allow to be.
public enum CacheRefusal: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// It is larger than one may be.
    case tooLarge
    /// There was no room for it.
    case noRoom
    /// Its key was not asked for often enough yet.
    case tooRare
    /// It ended early.
    case incomplete

    /// The word in metrics.
    public var word: StaticString {
        switch self {
        case .tooLarge: "too-large"
        case .noRoom: "no-room"
        case .tooRare: "too-rare"
        case .incomplete: "incomplete"
        }
    }
}

/// Where the content of an answer came from.
public enum CacheSource: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// The store.
    case store
    /// An endpoint.
    case origin

    /// The word in metrics.
    public var word: StaticString { self == .store ? "store" : "origin" }
}

/// What the origin was asked for.
public enum CacheFetch: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// A whole response.
    case fetch
    /// Whether what is stored still holds.
    case revalidate
    /// The same or a whole response, while the client has its answer already.
    case background
    /// The same for what is fresh still, and asked for often.
    case ahead
    /// A whole response that no client has asked for, by order.
    case warm

    /// The word in metrics.
    public var word: StaticString {
        switch self {
        case .fetch: "fetch"
        case .revalidate: "revalidate"
        case .background: "background"
        case .ahead: "ahead"
        case .warm: "warm"
        }
    }
}

/// Where a cache sent a request.
public enum CacheWay: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// To the route's own pool.
    case origin
    /// To one of the peers through which it fetches.
    case tier

    /// The word in metrics.
    public var word: StaticString { self == .tier ? "tier" : "origin" }
}

/// What came of a request that a cache sent on.
public enum CacheOutcome: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// Its answer is kept.
    case stored
    /// What is stored still holds.
    case renewed
    /// Its answer was passed on and not kept.
    case passed
    /// No answer came, or none of use.
    case failed

    /// The word in metrics.
    public var word: StaticString {
        switch self {
        case .stored: "stored"
        case .renewed: "renewed"
        case .passed: "passed"
        case .failed: "failed"
        }
    }
}

extension GatewayMetrics {
    /// Caches that can be told apart in metrics; the last place is for all others.
    public static let cacheLimit = 17
    /// Words per cache: requests by result from 0, misses by reason from 12, refusals from 24 by the
    /// rules and from 48 for want of something, content by source from 56, fetches by kind from 58, and
    /// what came of requests from 64.
    public static let cacheWords = 72

    /// Where the words of a cache begin, by its place among those of ``GatewayShared``.
    public static func cache(_ place: Int) -> Int { cacheStart + place * cacheWords }
    /// Where requests are counted that met this fate.
    public static func cacheResult(_ result: CacheResult, cache place: Int) -> Int {
        cache(place) + Int(result.rawValue)
    }
    /// Where requests are counted that went to the origin for this reason.
    public static func cacheMiss(_ miss: CacheMiss, cache place: Int) -> Int {
        cache(place) + 12 + Int(miss.rawValue)
    }
    /// Where responses are counted that the rules did not let in for this reason.
    public static func cacheRefused(_ reason: NotStored, cache place: Int) -> Int {
        cache(place) + 24 + Int(reason.rawValue)
    }
    /// Where responses are counted that could have been kept and were not for this reason.
    public static func cacheRefused(_ reason: CacheRefusal, cache place: Int) -> Int {
        cache(place) + 48 + Int(reason.rawValue)
    }
    /// Where the content bytes of answers are counted that came from here.
    public static func cacheBytes(_ source: CacheSource, cache place: Int) -> Int {
        cache(place) + 56 + Int(source.rawValue)
    }
    /// Where requests to the origin of this kind are counted.
    public static func cacheFetch(_ kind: CacheFetch, cache place: Int) -> Int {
        cache(place) + 58 + Int(kind.rawValue)
    }
    /// Where requests are counted that went there and ended so.
    public static func cacheOutcome(
        _ outcome: CacheOutcome,
        from way: CacheWay,
        cache place: Int
    ) -> Int {
        cache(place) + 64 + Int(way.rawValue) * 4 + Int(outcome.rawValue)
    }
}

extension GatewayShared {
    /// The caches of a snapshot that have numbers of their own, each with their place, and `(other)`.
    public func cacheNumbers(_ snapshot: GatewaySnapshot) -> [(name: String, place: Int)] {
        guard !snapshot.caches.isEmpty else { return [] }
        let numbers = zip(snapshot.plan.caches, cachePlaces(snapshot)).map {
            (name: $0.name, place: Int($1))
        }
        let named = numbers.filter { $0.place != caches.last }
        return named.count < numbers.count ? named + [("(other)", caches.last)] : named
    }

    /// The places of all caches, in their order.
    func cachePlaces(_ snapshot: GatewaySnapshot) -> [Int32] {
        snapshot.caches.map { Int32(caches.place(of: $0.identity)) }
    }
}
