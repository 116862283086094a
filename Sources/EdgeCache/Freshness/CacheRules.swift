// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol

/// What an operator decides where RFC 9111 leaves a choice.
public struct CacheRules: Sendable, Equatable {
    /// The share of the time since `Last-Modified` that a response is taken to stay as it is when it
    /// does not say: RFC 9111 §4.2.2 names a tenth.
    public var heuristicPercent: Int64 = 10
    /// The most that such a guess gives.
    public var heuristicLimit = Interval.seconds(86_400)
    /// The most that any lifetime is, whatever the origin says.
    public var lifetimeLimit = Interval.seconds(365 * 86_400)
    /// How long responses are fresh, by their status, that do not say it.
    public var lifetimes: [CacheLifetime] = []
    /// Whether ``lifetimes`` hold also where the response says another one; what it forbids by
    /// `no-store`, `private` or `no-cache` stays forbidden.
    public var lifetimesWin = false
    /// For how long a response that says nothing of it may be used while it is asked for anew.
    public var staleWhileRevalidate = Interval.zero
    /// For how long a response that says nothing of it may be used when the origin fails.
    public var staleIfError = Interval.zero
    /// Whether `stale-while-revalidate` and `stale-if-error` count beside `s-maxage`, which by RFC 9111
    /// §4.2.4 forbids stale responses; frameworks write both and mean it.
    public var allowsStaleBesideSharedMaxAge = false
    /// Whether what clients say of freshness is heeded: RFC 9111 §5.2.1 calls it advice, and who
    /// heeds it lets anybody send requests to the origin.
    public var heedsClients = false
    /// Whether responses with `Set-Cookie` are kept; the cookie would be everybody's.
    public var keepsCookies = false
    /// The last share of a lifetime in which what is asked for again and again is asked for anew, while
    /// it is fresh; 0 for never.
    public var refreshAheadPercent: Int64 = 0
    /// The most that is taken off what is left of a lifetime, as a share of it, so that what came
    /// together does not expire together; 0 for nothing.
    public var jitterPercent: Int64 = 0
    /// Fields that speak to this cache (RFC 9213).
    public var targets = TargetList.standard

    /// The defaults.
    public init() {}
}

/// What of a request decides on the use of a cache.
public struct CacheRequest: BitwiseCopyable, Sendable {
    /// The method.
    public var method: Method
    /// `Cache-Control`; of `Pragma: no-cache` the same where there is none (RFC 9111 §5.4).
    public var directives: CacheDirectives
    /// True for a request with `Authorization`.
    public var hasAuthorization: Bool

    /// Reads the fields of a request.
    public init(_ method: Method, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>) {
        self.method = method
        directives = CacheDirectives(fields, bytes)
        hasAuthorization = fields.first(.authorization) != nil
        guard !directives.words.contains(.isPresent) else { return }
        var place = fields.first(.pragma)
        while let index = place {
            var pragma = CacheDirectives()
            pragma.read(fields[index].value, bytes)
            if pragma.words.contains(.noCache) { directives.words.insert(.noCache) }
            place = fields.next(.pragma, from: index &+ 1)
        }
    }
}
