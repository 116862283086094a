// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A set of endpoints that can stand in for each other.
public struct PoolSettings: Sendable, Equatable {
    /// The key under `pools`.
    public var name: String
    /// How an endpoint is chosen.
    public var balance: BalanceMethod
    /// What hash methods hash, and their tables.
    public var hash: HashSettings
    /// The probe of every endpoint; nil means unchecked.
    public var probe: String?
    /// The endpoints in file order.
    public var endpoints: [EndpointSettings]
    /// Judging endpoints by real traffic.
    public var passive: PassiveSettings
    /// How long a returned endpoint takes to get its full share; zero means at once.
    public var slowStart: Interval
    /// Below this share of healthy endpoints health is ignored; zero means never.
    public var panic: Percentage
    /// How long work may go on at a draining endpoint.
    public var drain: Interval
    /// The last part of it, over which tunnels are closed one by one.
    public var drainSpread: Interval
    /// Requests waiting when every endpoint is at its limit.
    public var queue: QueueSettings
    /// How the limit of requests at a time follows their answers; nil for no such limit.
    public var concurrency: ConcurrencyLimitSettings?
    /// When another endpoint is asked as well; nil for never.
    public var hedge: HedgeSettings?
    /// Deadlines towards endpoints.
    public var timeouts: TimeoutSettings
    /// The version of HTTP that endpoints are asked by.
    public var `protocol`: OriginProtocol
    /// Connections by HTTP/2 to endpoints.
    public var http2: OriginHTTP2Settings
    /// Idle connections to endpoints.
    public var keepalive: KeepaliveSettings
    /// Sending a request again to another endpoint.
    public var retry: RetrySettings
    /// How endpoints given by name are resolved.
    public var resolve: ResolveSettings
    /// TLS with the endpoints; nil for plain TCP.
    public var tls: OriginTLSSettings?
    /// Keeping clients at their endpoints; nil for not.
    public var sticky: StickySettings?
    /// Who gets requests that may change something.
    public var writes: WritePolicy
    /// Who gets all others.
    public var reads: ReadPolicy
    /// The PROXY header that connections to endpoints begin with; nil for none.
    public var proxyProtocol: ProxyProtocolVersion?
}

/// When another endpoint is asked as well.
public struct HedgeSettings: Sendable, Equatable {
    /// After the time within which so many percent of the answers begin.
    public var after: Int
    /// Second attempts as a share of the requests.
    public var budget: Percentage
    /// Not before so long.
    public var minDelay: Interval
}

/// A limit of requests at a time that follows how long their answers take.
public struct ConcurrencyLimitSettings: Sendable, Equatable {
    /// The least limit.
    public var min: Int
    /// The greatest.
    public var max: Int
    /// How slow answers may be against their time at rest.
    public var tolerance: Percentage
}

/// The version of a PROXY header.
public enum ProxyProtocolVersion: String, Sendable, Equatable {
    /// A line of text.
    case v1
    /// Binary.
    case v2
}

/// The version of HTTP that endpoints are asked by.
public enum OriginProtocol: String, Sendable, Equatable {
    /// HTTP/1.1.
    case http1
    /// HTTP/2 and nothing else.
    case http2
    /// What ALPN chooses.
    case auto
}

/// Connections by HTTP/2 to endpoints.
public struct OriginHTTP2Settings: Sendable, Equatable {
    /// Requests at a time on one connection.
    public var streams: Int
    /// Connections to one endpoint and worker.
    public var connections: Int
}

/// TLS with the endpoints of a pool.
public struct OriginTLSSettings: Sendable, Equatable {
    /// Whether certificates are checked.
    public var verify: Bool
    /// The file of authorities; nil for those of the system.
    public var authorities: String?
    /// The name expected of every endpoint; nil for each one's own.
    public var name: String?
    /// The oldest version: `1.2` or `1.3`.
    public var minVersion: String
}

/// How an endpoint is chosen.
public enum BalanceMethod: String, Sendable, Equatable, CaseIterable {
    /// In turn, weights only as zero or not.
    case roundRobin = "round-robin"
    /// In turn by weight, smoothly interleaved.
    case weightedRoundRobin = "weighted-round-robin"
    /// Fewest requests in flight.
    case leastConnections = "least-connections"
    /// Fewest requests in flight per weight.
    case weightedLeastConnections = "weighted-least-connections"
    /// At random by weight.
    case random
    /// The less loaded of two drawn at random.
    case powerOfTwoChoices = "power-of-two-choices"
    /// Lowest peak latency average with what is in flight.
    case leastResponseTime = "least-response-time"
    /// By a hash of the client's address.
    case sourceIPHash = "source-ip-hash"
    /// By a consistent hash ring.
    case hashRing = "hash-ring"
    /// By a Maglev table.
    case maglev
    /// By a consistent hash ring that passes over the overloaded.
    case boundedLoad = "bounded-load"
    /// The first with room.
    case firstAvailable = "first-available"
}

/// What hash methods hash, and the size of their tables.
public struct HashSettings: Sendable, Equatable {
    /// What is hashed.
    public var key: HashKey
    /// Points on the ring per unit of weight, for `hash-ring` and `bounded-load`.
    public var virtualNodes: Int
    /// Entries of the Maglev table: a prime.
    public var tableSize: Int
    /// How far above the average load an endpoint may go under `bounded-load`.
    public var loadBound: Percentage
}

/// The part of a request that is hashed.
public enum HashKey: Sendable, Hashable {
    /// The client's address.
    case sourceIP
    /// Path and query.
    case uri
    /// The value of the field of this name, in lower case.
    case header(String)
    /// The value of the cookie of this name.
    case cookie(String)
    /// The value of the query parameter of this name.
    case query(String)
}

/// One server of a pool, as the file names it.
public struct EndpointSettings: Sendable, Equatable {
    /// The name shown; the address text unless given.
    public var name: String
    /// Where it is.
    public var address: EndpointAddress
    /// Its share; zero means eligible and never chosen.
    public var weight: Int
    /// Backup tier: a higher number serves only when all lower ones cannot.
    public var tier: Int
    /// The place it stands in, a label.
    public var zone: String
    /// Most requests at a time; nil means no bound.
    public var maxConnections: Int?
}

/// Judging endpoints by real traffic.
public struct PassiveSettings: Sendable, Equatable {
    /// Failures in a row within ``window`` that eject; zero means never.
    public var failures: Int
    /// The span that failures and error rate are counted over.
    public var window: Interval
    /// How long the first ejection lasts; repeats last longer.
    public var ejection: Interval
    /// The longest ejection.
    public var ejectionMax: Interval
    /// Response statuses that count as failures.
    public var statuses: StatusRanges
    /// The share of failures in ``window`` that ejects; zero means never.
    public var errorRate: Percentage
    /// Requests in ``window`` below which the error rate is not judged.
    public var minimumVolume: Int
    /// The largest share of a pool's endpoints ejected at a time.
    public var maxEjected: Percentage
    /// How an ejected endpoint comes back.
    public var halfOpen: HalfOpenSettings
    /// Ejecting endpoints far slower than their pool.
    public var latency: LatencySettings
}

/// How an ejected endpoint comes back.
public struct HalfOpenSettings: Sendable, Equatable {
    /// Requests at a time; zero means all at once.
    public var requests: Int
    /// Successes that end it.
    public var successes: Int
}

/// Ejecting endpoints far slower than their pool.
public struct LatencySettings: Sendable, Equatable {
    /// How many times the pool's median ejects; nil means never.
    public var factor: Int?
    /// How much above the median it must be as well.
    public var difference: Interval
    /// Answers that an endpoint is judged by at least.
    public var samples: Int
    /// Endpoints with so many answers that a median needs.
    public var endpoints: Int
}

/// Requests waiting when every endpoint is at its limit.
public struct QueueSettings: Sendable, Equatable {
    /// Requests that may wait; zero means none may.
    public var limit: Int
    /// How long one may wait.
    public var timeout: Interval
}

/// Deadlines of a pool towards its endpoints.
public struct TimeoutSettings: Sendable, Equatable {
    /// For a TCP connection to open.
    public var connect: Interval
    /// From the end of the request to the response's first byte.
    public var firstByte: Interval
    /// Between two reads of a response.
    public var betweenBytes: Interval
    /// How long the endpoint may take no byte of the request.
    public var send: Interval
    /// Silence in a tunnel (WebSocket).
    public var tunnelIdle: Interval
}

/// Idle connections kept to endpoints.
public struct KeepaliveSettings: Sendable, Equatable {
    /// How long one is kept.
    public var idle: Interval
    /// How many are kept per endpoint and worker; zero means none.
    public var connections: Int
}

/// How endpoints given by name are resolved.
public struct ResolveSettings: Sendable, Equatable {
    /// The server asked; nil means those of `/etc/resolv.conf`.
    public var nameserver: SocketAddress?
    /// Answers are kept at least this long.
    public var minTTL: Interval
    /// Answers are kept at most this long.
    public var maxTTL: Interval
}
