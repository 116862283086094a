// SPDX-License-Identifier: Apache-2.0
internal import Runtime

/// A URL that a cache is to fetch although no client asks.
public struct WarmRequest: Sendable {
    /// Given back with what became of it.
    public var ticket: UInt64
    /// The cache that is to keep the answer.
    public var cache: String
    /// True for `https`.
    public var isSecure: Bool
    /// The head of a GET, as a client would send it.
    public var head: [UInt8]

    /// A request from its parts.
    public init(ticket: UInt64, cache: String, isSecure: Bool, head: [UInt8]) {
        self.ticket = ticket
        self.cache = cache
        self.isSecure = isSecure
        self.head = head
    }
}

/// What became of a URL that a cache was to fetch.
public enum WarmEnd: Sendable, Equatable {
    /// It was fetched and is stored, or what was stored still holds.
    case kept
    /// It was stored already, and may be used.
    case stored
    /// Somebody else fetches it.
    case underWay
    /// Its answer is not kept, for this reason.
    case notKept(String)
    /// It was not fetched, for this reason.
    case failed(String)
}

/// The same with what tells which one, and what an endpoint said.
public struct WarmResult: Sendable {
    /// That of the request.
    public var ticket: UInt64
    /// What became of it.
    public var end: WarmEnd
    /// The status of the answer; 0 without one.
    public var status: UInt16 = 0
    /// Octets of content that were stored.
    public var octets: UInt64 = 0

    /// A result without an answer.
    public init(ticket: UInt64, end: WarmEnd) {
        self.ticket = ticket
        self.end = end
    }
}

/// How a fetch has ended, as long as it stands among the fetches.
enum FetchEnd: BitwiseCopyable {
    /// It has not, or nobody knows why.
    case open
    case kept
    /// By the rule of this raw value.
    case notStored(UInt8)
    case refused(CacheRefusal)
    case failed(Fault)
}

extension GatewayShared {
    /// Has a worker fetch a URL; what becomes of it is posted to ``warmed``.
    public func warm(_ request: WarmRequest, worker: Int) {
        guard news.indices.contains(worker) else { return }
        news[worker].post(.warm(request))
    }
}
