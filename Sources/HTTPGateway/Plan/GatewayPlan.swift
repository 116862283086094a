// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol
public import Runtime
public import Steering

/// Everything the HTTP door is told: plain values, made from the settings by the control plane.
///
/// `pools` and `poolPlans` have the same order; a pool's place there is its number in the door.
public struct GatewayPlan: Sendable {
    /// Where it listens and how it treats clients there.
    public var listeners: [HTTPListenerPlan] = []
    /// What the shared steering core knows of each pool.
    public var pools: [PoolDefinition] = []
    /// What only this door needs of each pool.
    public var poolPlans: [GatewayPoolPlan] = []
    /// What routes may have in front of their pools; a cache's place here is its number.
    public var caches: [CachePlan] = []
    /// What this node calls itself in `CDN-Loop` (RFC 8586); nil for a name drawn at the start.
    public var loopName: String?
    /// Which request goes to which pool.
    public var routes: [RoutePlan] = []
    /// Bounds per process and per message.
    public var limits = GatewayLimits()
    /// The form of access log lines.
    public var accessLog = AccessLogFormat.off
    /// Percent of the requests that end well which `martlet why` can tell about.
    public var keptShare = 1
    /// Percent of the traces begun here that are sampled; nil where no spans are exported.
    public var traceShare: Int?

    /// An empty plan: every request is answered 404.
    public init() {}
}

/// The form of access log lines.
public enum AccessLogFormat: UInt8, Sendable, BitwiseCopyable {
    /// No lines.
    case off
    /// NCSA combined, followed by Martlet's own fields.
    case combined
    /// One JSON object a line.
    case json
}

/// Bounds that hold for the whole process or for each message.
public struct GatewayLimits: Sendable, BitwiseCopyable, Equatable {
    /// Client connections at a time in the whole process.
    public var connections = 65_536
    /// Bytes, fields and target of a head; at most ``headBytesMaximum`` bytes.
    public var head = HeadLimits(headBytes: 24_576)
    /// Body bytes kept so that an idempotent request can be sent again.
    public var bufferedBody = 16_384
    /// Content bytes that conditions of routes may look at.
    public var bodyPrefix = 8_192
    /// Whether a request with more content is refused where a condition looks at it.
    public var refusesLongBody = false
    /// Connections of one client network without a request so far; 0 for no bound.
    public var unfinished = 1024

    /// How late a worker may be before it refuses requests of low priority; zero for any time.
    public var shedLag = Interval.zero

    /// Copies of requests at a time in the whole process.
    public var mirroredRequests = 256
    /// Bytes that their heads and bodies take together, in blocks of 64 KiB.
    public var mirrorMemory = 32 << 20

    /// The largest head limit: a head must fit a block with room for the fields that are added.
    public static let headBytesMaximum = 30_720

    /// The shipped limits.
    public init() {}
}

/// One HTTP listener.
public struct HTTPListenerPlan: Sendable, Equatable {
    /// What names it in logs and metrics.
    public var name: String
    /// Peers whose forwarding fields and request id are believed.
    public var trusted: [Prefix] = []
    /// Whether a PROXY header of those peers is awaited in front of everything else.
    public var proxyHeader = ProxyHeaderPolicy.off
    /// Where those peers name the client; nil when the client is who connected.
    public var clientAddress: ClientAddressField?
    /// Which forwarding fields are written.
    public var forwarded = ForwardingStyle.xForwarded
    /// Whether each request gets an `X-Request-Id`.
    public var requestID = true
    /// Whether traces are continued or begun (W3C Trace Context).
    public var tracing = false
    /// Whether the round trips of its clients are measured.
    public var measuresRTT = false
    /// Clients that are told the times of their requests in `Server-Timing`.
    public var timingClients: [Prefix] = []
    /// Deadlines towards the client.
    public var timeouts = ClientTimeouts()
    /// What a connection by HTTP/2 may do.
    public var http2 = HTTP2Plan()
    /// How it speaks TLS; nil for plain HTTP.
    public var tls: TLSServerContext?
    /// Names whose connections pass unread.
    public var passages: [PassagePlan] = []
    /// Full handshakes that a client's network may make; nil for any number.
    public var handshakes: RateMachine?

    /// A listener with the shipped policy.
    public init(name: String) { self.name = name }
}

/// Whether connections begin with a PROXY header.
public enum ProxyHeaderPolicy: UInt8, Sendable, BitwiseCopyable {
    /// They do not; one would be a bad request.
    case off
    /// Those of trusted peers may.
    case optional
    /// All do, and come from trusted peers.
    case required
}

/// What a listener allows a connection by HTTP/2.
public struct HTTP2Plan: Sendable, BitwiseCopyable, Equatable {
    /// False when only HTTP/1.1 is spoken.
    public var isEnabled = true
    /// Streams at a time.
    public var streams = 100
    /// Request content of a stream that may wait, at most 65,535 octets.
    public var streamWindow = 65_535
    /// The same for all streams of a connection.
    public var connectionWindow = 4 << 20
    /// Percent of the shipped budgets of each kind of abuse.
    public var tolerance = 100

    /// The shipped limits.
    public init() {}
}

/// Deadlines towards a client; each ends with its own status and reason.
public struct ClientTimeouts: Sendable, BitwiseCopyable, Equatable {
    /// From the connection, or the first byte of a later head, to the head's end: a total.
    public var header = Interval.seconds(10)
    /// From the connection to the end of its PROXY header.
    public var proxyHeader = Interval.seconds(3)
    /// A whole TLS handshake.
    public var handshake = Interval.seconds(10)
    /// Least body bytes per second, judged every five seconds; 0 for any.
    public var bodyRate: Int64 = 500
    /// A keep-alive connection without a request.
    public var idle = Interval.seconds(60)
    /// The client takes no byte of its response.
    public var send = Interval.seconds(10)
    /// The whole exchange; ``Interval/max`` for no bound.
    public var request = Interval.max

    /// The shipped deadlines.
    public init() {}
}

/// What the door needs of a pool beyond its definition.
public struct GatewayPoolPlan: Sendable, Equatable {
    /// Deadlines towards endpoints.
    public var timeouts = OriginTimeouts()
    /// Attempts after the first.
    public var retries = 2
    /// Retries at a time as percent of the active requests.
    public var retryPercent = 20
    /// Retries at a time that are always allowed.
    public var retryMinimum = 3
    /// What is tried again.
    public var retry = RetryPlan()
    /// Pauses before retries.
    public var backoff = RetryBackoff()
    /// How long an idle connection is kept.
    public var keepaliveIdle = Interval.seconds(60)
    /// Idle connections kept per endpoint and worker.
    public var keepaliveConnections = 256
    /// Requests that may wait for an endpoint below its limit, in the whole process.
    public var queueLimit = 1024
    /// How long one may wait.
    public var queueTimeout = Interval.seconds(5)
    /// When another endpoint is asked as well; nil for never.
    public var hedge: HedgePlan?
    /// How the limit of requests at a time follows their answers; nil for no such limit.
    public var concurrency: ConcurrencySettings?
    /// What hash balancing hashes.
    public var key = HashKeyPlan.sourceIP
    /// Response statuses reported as failures of the endpoint.
    public var failureStatuses: [ClosedRange<UInt16>] = []
    /// The version of HTTP that endpoints are asked by.
    public var version = OriginVersion.http1
    /// Requests at a time on one connection by HTTP/2; an endpoint may allow fewer.
    public var http2Streams = 100
    /// Connections by HTTP/2 to one endpoint and worker.
    public var http2Connections = 32
    /// True when the times of answers are counted, for the health owner to compare.
    public var measuresLatency = false
    /// How TLS is spoken with the endpoints; nil for plain TCP.
    public var security: OriginSecurity?
    /// How clients are kept at their endpoints; nil when they are not.
    public var sticky: StickyPlan?
    /// The PROXY header that connections begin with; nil for none.
    public var proxyHeader: ProxyVersion?

    /// The shipped pool.
    public init() {}
}

/// When another endpoint is asked as well.
public struct HedgePlan: Sendable, Equatable {
    /// After the time within which so many percent of the answers begin.
    public var percentile: Int
    /// Second attempts as a share of the requests.
    public var percent: Int
    /// Not before so long, however quick the answers are.
    public var least: Interval

    /// Joins the parts.
    public init(percentile: Int, percent: Int, least: Interval) {
        self.percentile = percentile
        self.percent = percent
        self.least = least
    }
}

/// The version of HTTP that endpoints are asked by.
public enum OriginVersion: UInt8, Sendable, BitwiseCopyable {
    /// HTTP/1.1.
    case http1
    /// HTTP/2: by prior knowledge on plain TCP, by ALPN in TLS, and nothing else.
    case http2
    /// What ALPN chooses in TLS; HTTP/1.1 on plain TCP.
    case auto
}

/// How TLS is spoken with the endpoints of a pool.
public struct OriginSecurity: Sendable, Equatable {
    /// Differs for each way of speaking: a kept connection is reused only under its own.
    public var number: UInt32
    /// The client side.
    public var context: TLSClientContext
    /// The client side where HTTP/1.1 must be spoken whatever the endpoint can.
    public var plainContext: TLSClientContext
    /// The name that the certificate of each endpoint must have, in the pool's order.
    public var names: [String]

    /// Joins the parts.
    public init(
        number: UInt32,
        context: TLSClientContext,
        plainContext: TLSClientContext? = nil,
        names: [String]
    ) {
        self.number = number
        self.context = context
        self.plainContext = plainContext ?? context
        self.names = names
    }
}

/// Deadlines towards an endpoint.
public struct OriginTimeouts: Sendable, BitwiseCopyable, Equatable {
    /// For the TCP connection to open.
    public var connect = Interval.seconds(5)
    /// From the request's end to the response's head.
    public var firstByte = Interval.seconds(30)
    /// Between two reads of a response body.
    public var betweenBytes = Interval.seconds(30)
    /// The endpoint takes no byte of the request.
    public var send = Interval.seconds(10)
    /// Silence in a tunnel.
    public var tunnelIdle = Interval.seconds(86_400)

    /// The shipped deadlines.
    public init() {}
}

/// The part of a request that hash balancing hashes.
public enum HashKeyPlan: Sendable, Equatable {
    /// The client's address.
    case sourceIP
    /// Path and query.
    case uri
    /// The value of a field.
    case header(String)
    /// The value of a cookie.
    case cookie(String)
    /// The value of a query parameter.
    case query(String)
}
