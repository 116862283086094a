// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol

/// Why the origin is asked although something is stored.
public enum AskReason: UInt8, Sendable, CaseIterable {
    /// It is stale.
    case stale
    /// The response said `no-cache`.
    case mustAsk
    /// The client said `no-cache`, a `max-age` that it exceeds or a `min-fresh` that it does not reach.
    case request

    /// As `Cache-Status` tells it (RFC 9211 §2.2).
    public var word: StaticString {
        switch self {
        case .stale, .mustAsk: "stale"
        case .request: "request"
        }
    }
}

/// What is done with a request for which something is stored.
public enum ReuseVerdict: Sendable, Equatable {
    /// It is answered from the store.
    case fresh
    /// It is answered from the store though it is stale, because the client takes it so.
    case stale
    /// The same, and the origin is asked for it anew meanwhile (RFC 5861 §3).
    case staleWhileAsking
    /// The origin is asked first; where there is a validator, whether it still holds.
    case ask(AskReason)
    /// It would have to be asked for, and the client does not want that: 504 (RFC 9111 §5.2.1.7).
    case unavailable
}

/// Whether a stored response may answer a request (RFC 9111 §4).
public struct ReuseRule: BitwiseCopyable, Sendable {
    private let heedsClients: Bool
    let refreshAheadPercent: Int64

    /// By what an operator decided.
    public init(_ rules: CacheRules) {
        heedsClients = rules.heedsClients
        refreshAheadPercent = min(max(rules.refreshAheadPercent, 0), 100)
    }

    /// Judges a stored response whose key, and the fields that `Vary` names, fit the request.
    public func judge(
        _ request: CacheRequest,
        _ stored: StoredFacts,
        now: WallTime
    ) -> ReuseVerdict {
        let verdict = freely(request, stored, now)
        guard case .ask = verdict, forbidsAsking(request) else { return verdict }
        return .unavailable
    }

    /// True when the client wants nothing that has to be asked for, and that is heeded (RFC 9111
    /// §5.2.1.7).
    public func forbidsAsking(_ request: CacheRequest) -> Bool {
        heedsClients && request.directives.words.contains(.onlyIfCached)
    }

    private func freely(
        _ request: CacheRequest,
        _ stored: StoredFacts,
        _ now: WallTime
    ) -> ReuseVerdict {
        // What the origin forbids no client can allow.
        guard !stored.traits.contains(.mustAsk) else { return .ask(.mustAsk) }
        let left = stored.freshFor(now)
        let isFresh = left > .zero
        let asked = request.directives
        if heedsClients, !isTakenByClient(asked, stored, left, now) {
            return .ask(isFresh ? .request : .stale)
        }
        if isFresh { return .fresh }
        guard !stored.traits.contains(.neverStale) else { return .ask(.stale) }
        let staleness = Interval.zero.minus(left)
        if staleness < stored.staleWhileRevalidate { return .staleWhileAsking }
        if heedsClients, isTakenStale(asked, staleness) { return .stale }
        return .ask(.stale)
    }

    /// §5.2.1.1, §5.2.1.3, §5.2.1.4.
    private func isTakenByClient(
        _ asked: CacheDirectives,
        _ stored: StoredFacts,
        _ left: Interval,
        _ now: WallTime
    ) -> Bool {
        // RFC 8246 §2: a reload is no reason to ask for what does not change.
        let isReload = asked.words.contains(.noCache) || asked.maxAge == .seconds(0)
        if isReload { return stored.traits.contains(.immutable) && left > .zero }
        if asked.maxAge.isPresent {
            guard let limit = asked.maxAge.value else { return false }
            let allowed = Interval.seconds(limit)
            // §5.2.1.2: with max-stale the client takes more than its max-age says of freshness.
            guard stored.age(now) <= allowed || isTakenStale(asked, stored.age(now).minus(allowed))
            else { return false }
        }
        guard asked.minFresh.isPresent else { return true }
        guard let least = asked.minFresh.value else { return false }
        return left >= .seconds(least)
    }

    private func isTakenStale(_ asked: CacheDirectives, _ staleness: Interval) -> Bool {
        asked.words.contains(.anyStale)
            || asked.maxStale.value.map { staleness <= .seconds($0) } == true
    }

    /// True when a stale response may be used because the origin cannot be asked, or answers with 500,
    /// 502, 503 or 504 (RFC 9111 §4.2.4, RFC 5861 §4).
    public func mayServeOnError(_ stored: StoredFacts, now: WallTime) -> Bool {
        guard stored.traits.isDisjoint(with: [.mustAsk, .neverStale]) else { return false }
        let left = stored.freshFor(now)
        return left > .zero || Interval.zero.minus(left) < stored.staleIfError
    }
}
