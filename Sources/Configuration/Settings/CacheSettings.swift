// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A cache that routes may have in front of their pools.
public struct CacheSettings: Sendable, Equatable {
    /// What the file calls it.
    public var name: String
    /// Memory for what is kept.
    public var memory: ByteCount
    /// The largest answer that is kept.
    public var objectLimit: ByteCount
    /// Octets of files in which it is kept besides; nil for memory alone.
    public var disk: ByteCount?
    /// The folder of these files.
    public var diskFolder: String?
    /// Memory that pinned objects may take.
    public var pinnedLimit: ByteCount
    /// The request from which on its answer is kept.
    public var minUses: Int
    /// The longest content of a QUERY that an answer is kept for.
    public var queryLimit: ByteCount
    /// How long a request waits for another one's fetch.
    public var wait: Interval
    /// How long it is remembered that an answer is not kept.
    public var passLifetime: Interval
    /// Whether `X-Cache-Status` is written.
    public var statusHeader: Bool
    /// Whether clients get tags.
    public var tagsToClients: Bool
    /// What it calls itself in `Cache-Status`.
    public var statusName: String
    /// The pool through which it fetches; nil for the route's own.
    public var through: String?
    /// Networks whose clients may take out what is kept.
    public var purge: [Prefix]
    /// How long answers of some statuses are fresh.
    public var lifetimes: [CacheLifetimeSettings]
    /// Whether that holds also where they say another time.
    public var override: Bool
    /// Share of the time since `Last-Modified`.
    public var heuristicPercent: Percentage
    /// The most that such a share gives.
    public var heuristicLimit: Interval
    /// The longest lifetime.
    public var lifetimeLimit: Interval
    /// The last share of a lifetime in which what is popular is fetched anew.
    public var refreshAhead: Percentage
    /// How much shorter lifetimes are at most.
    public var jitter: Percentage
    /// How long a stale answer is used while it is fetched anew.
    public var staleWhileRevalidate: Interval
    /// How long one is used when the endpoints fail.
    public var staleIfError: Interval
    /// Whether that counts beside `s-maxage`.
    public var allowStaleWithSMaxage: Bool
    /// Whether clients are heeded.
    public var heedClients: Bool
    /// Whether answers with cookies are kept.
    public var keepCookies: Bool
    /// Fields that speak to this cache; nil for the usual ones.
    public var targets: [String]?
    /// What tells requests apart.
    public var key: CacheKeySettings
}

/// How long answers of some statuses are fresh.
public struct CacheLifetimeSettings: Sendable, Equatable {
    /// The statuses.
    public var statuses: ClosedRange<UInt16>
    /// How long.
    public var lifetime: Interval
}

/// What tells requests apart.
public struct CacheKeySettings: Sendable, Equatable {
    /// Whether the host does.
    public var host: Bool
    /// What of the query does, unless `only` or `without` says it.
    public var query: CacheQuery
    /// The only parameters that do; empty for what `query` says.
    public var only: [String]
    /// Parameters that do not; empty for what `query` says.
    public var without: [String]
    /// Fields that do.
    public var headers: [String]
    /// Cookies that do.
    public var cookies: [String]
}

/// What of the query tells requests apart.
public enum CacheQuery: String, Sendable, Equatable, CaseIterable {
    /// As it was sent.
    case all
    /// All parameters, in whatever order.
    case sorted
    /// Nothing.
    case none
}
