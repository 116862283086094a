// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
public import Steering

/// A number that the door counts, whatever the pool.
public enum DoorCounter: Int, CaseIterable, Sendable {
    /// Client connections accepted.
    case connectionsAccepted
    /// Client connections closed.
    case connectionsClosed
    /// Times accepting stopped at the connection limit.
    case pausedAtConnections
    /// Times accepting stopped for want of file descriptors.
    case pausedAtFiles
    /// Request heads read, refused ones included.
    case requests
    /// Requests whose body was looked into before their route was known.
    case prefixes
    /// Final responses with a 2xx status, ours included.
    case status2xx
    /// Final responses with a 3xx status.
    case status3xx
    /// Final responses with a 4xx status.
    case status4xx
    /// Final responses with a 5xx status.
    case status5xx
    /// Protocol switches (101).
    case tunnels
    /// Attempts after the first.
    case retries
    /// Retries that waited for the budget.
    case retriesDelayed
    /// Retries that the budget refused.
    case retriesRefused
    /// Requests that waited in a queue.
    case queued
    /// Connections opened to endpoints.
    case originConnections
    /// Requests sent on a connection that was open already.
    case originReused
    /// Bytes of requests from clients, heads included.
    case bytesIn
    /// Bytes of responses to clients, heads included.
    case bytesOut
    /// Times no buffer was left.
    case buffersExhausted
    /// Access log lines dropped.
    case logDropped
    /// TLS handshakes that succeeded.
    case handshakes
    /// TLS handshakes that resumed a session.
    case resumptions
    /// Requests that came in early data.
    case earlyRequests
    /// Connections by HTTP/2.
    case http2Connections
    /// Streams that HTTP/2 clients opened.
    case http2Streams
    /// WebSockets that HTTP/2 clients opened.
    case http2Sockets
    /// Connections by HTTP/2 that were ended for costing too much.
    case http2Cut
    /// Requests by HTTP/2 above the limit of streams.
    case http2Refused
    /// Requests by HTTP/2 that had to wait for their windows.
    case http2Held
    /// Requests whose rate limit was judged by the sketch.
    case rateEstimated
    /// Keys of rate limits that gave up their place.
    case rateDisplaced
    /// Bytes of responses that went from socket to socket inside the kernel.
    case bytesSpliced
    /// Requests whose credentials were known from a short while ago.
    case accessKnown
    /// Requests whose credentials had to be verified.
    case accessVerified
    /// Answers that were compressed.
    case codings
    /// Answers that were not, as too many were being compressed.
    case codingsSkipped
    /// Content bytes that were compressed.
    case codedIn
    /// Content bytes that came of them.
    case codedOut
    /// PROXY headers believed.
    case proxyHeaders
    /// TLS handshakes with endpoints that succeeded.
    case originHandshakes
    /// TLS handshakes with endpoints that resumed a session.
    case originResumptions
    /// Sessions of applications that were entered into the table.
    case sessionsLearned
    /// Sessions that had to give way in it, or found no room.
    case sessionsDisplaced
    /// Connections by HTTP/2 to endpoints.
    case originSessions
    /// Requests sent to endpoints by HTTP/2.
    case originStreams
    /// Requests that an endpoint gave back untouched.
    case originRefusals
    /// Connections by HTTP/2 to endpoints that were ended for costing too much.
    case originCut
    /// Requests that found all connections by HTTP/2 to an endpoint full.
    case originFull
    /// Connections of TLS that were passed on.
    case passages
    /// TLS handshakes whose signature another thread made.
    case signaturesLent
    /// Clients whose handshake or compressed answer waited for the worker's next turn.
    case putOff

    /// What it counts, for `/metrics`.
    public var help: String {
        switch self {
        case .connectionsAccepted: "Client connections accepted."
        case .connectionsClosed: "Client connections closed."
        case .pausedAtConnections: "Times accepting stopped at limits.connections."
        case .pausedAtFiles: "Times accepting stopped for want of file descriptors."
        case .requests: "Request heads read, refused ones included."
        case .prefixes: "Requests whose body was looked into before their route was known."
        case .status2xx: "Final responses with a 2xx status."
        case .status3xx: "Final responses with a 3xx status."
        case .status4xx: "Final responses with a 4xx status."
        case .status5xx: "Final responses with a 5xx status."
        case .tunnels: "Connections and streams switched to another protocol."
        case .retries: "Attempts after the first."
        case .retriesDelayed: "Retries that waited for the retry budget."
        case .retriesRefused: "Retries refused by the retry budget."
        case .queued: "Requests that waited for an endpoint below its limit."
        case .originConnections: "Connections opened to endpoints."
        case .originReused: "Requests sent on a connection that was open already."
        case .bytesIn: "Bytes received from clients, heads included."
        case .bytesOut: "Bytes sent to clients, heads included."
        case .buffersExhausted: "Times no buffer was left."
        case .logDropped: "Access log lines dropped because the disk was too slow."
        case .handshakes: "TLS handshakes that succeeded, resumed ones included."
        case .resumptions: "TLS handshakes that resumed a session by a ticket."
        case .earlyRequests:
            "Requests that came in TLS early data, those refused with 425 included."
        case .http2Connections: "Client connections by HTTP/2."
        case .http2Streams: "Streams opened by HTTP/2 clients."
        case .http2Sockets: "Streams of HTTP/2 clients that became WebSockets (RFC 8441)."
        case .rateEstimated: "Requests whose rate limit was judged by the shared sketch."
        case .rateDisplaced: "Keys of rate limits that moved into the sketch for want of room."
        case .bytesSpliced: "Bytes of large responses passed on inside the kernel, without a copy."
        case .accessKnown: "Requests whose credentials were verified a short while ago."
        case .accessVerified: "Requests whose credentials had to be verified."
        case .codings: "Answers that were compressed."
        case .codingsSkipped: "Answers left as they are because too many were being compressed."
        case .codedIn: "Content bytes of answers before they were compressed."
        case .codedOut: "Content bytes of answers after they were compressed."
        case .proxyHeaders: "Client connections whose PROXY header was believed."
        case .sessionsLearned: "Sessions of applications that were learnt from their answers."
        case .sessionsDisplaced:
            "Learnt sessions that gave way to newer ones at limits.learned-sessions."
        case .passages: "Connections of TLS that were passed on unread, by their name."
        case .putOff:
            "Times that a TLS handshake or a compressed answer waited for the worker's next turn."
        case .signaturesLent: "TLS handshakes whose slow signature the thread for it made."
        case .http2Cut: "HTTP/2 connections ended for costing more than they are worth."
        case .http2Refused: "Requests by HTTP/2 refused at listeners[].http2.streams."
        case .http2Held: "Requests by HTTP/2 that waited until their client let anybody answer."
        case .originHandshakes:
            "TLS handshakes with endpoints that succeeded, resumed ones included."
        case .originResumptions: "TLS handshakes with endpoints that resumed a session."
        case .originSessions: "Connections by HTTP/2 to endpoints."
        case .originStreams: "Requests sent to endpoints by HTTP/2."
        case .originRefusals: "Requests by HTTP/2 that an endpoint gave back untouched."
        case .originCut: "HTTP/2 connections to endpoints ended for costing too much."
        case .originFull:
            "Choices of an endpoint that found no room at pools.*.http2.connections or streams."
        }
    }
}

/// Where each number lies in a worker's table of words.
///
/// One writer per table, so counting is a load and a store. Readers add the workers' tables up.
public enum GatewayMetrics {
    /// Pools that can be told apart in metrics.
    public static let poolLimit = 4096
    /// Words per endpoint: 1xx to 5xx by class at 0...4, failures 5, bytes in 6, bytes out 7,
    /// tunnels that are open 8, what was cut because the endpoint had drained 9.
    public static let slotWords = 10
    /// Where among an endpoint's words its open tunnels are counted.
    public static let openTunnels = 8
    /// Where among an endpoint's words is counted what a drain has cut.
    public static let drainCuts = 9
    /// Upper bounds of the request duration histogram in microseconds; one more bucket has none.
    public static let durationBounds: [Int64] = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 5_000_000, 10_000_000,
    ]
    /// Words per pool: the buckets, the sum in microseconds, sessions by what became of them, by
    /// priority those that the queue had no place for, second attempts by how they ended.
    public static let poolWords = 40
    /// Where among a pool's words the sum of durations is.
    public static let durationSum = 15

    /// Routes that can be told apart in metrics; the last place is for all others.
    public static let routeLimit = 256
    /// Words per route: responses by class at 0...4, the buckets, the sum in microseconds.
    public static let routeWords = 24
    /// Where among a route's words its buckets begin.
    public static let routeBuckets = 5
    /// Where among a route's words the sum of durations is.
    public static let routeSum = 20

    /// Words per route for its copies: sent 0, skipped by reason from 1, failed by reason from 10,
    /// comparisons by verdict from 20, the buckets from 26, the sum in microseconds.
    public static let mirrorWords = 42
    /// Where among a route's words for copies the buckets begin.
    public static let mirrorBuckets = 26
    /// Where among a route's words for copies the sum of durations is.
    public static let mirrorSum = 41

    // Wide apart, so that one kind can grow without the next one moving; a test looks that none
    // reaches into another.
    static let faultStart = 128
    static let handshakeStart = 256
    static let abuseStart = 320
    static let originAbuseStart = 384
    static let retryStart = 448
    static let shedStart = 480
    static let rateStart = 512
    /// Limits that can be told apart in metrics; the last place is for all others.
    public static let rateLimit = 256
    static let routeStart = rateStart + rateLimit * 2
    static let mirrorStart = routeStart + routeLimit * routeWords
    static let cacheStart = mirrorStart + routeLimit * mirrorWords
    static let poolStart = cacheStart + cacheLimit * cacheWords
    static var slotStart: Int { poolStart + poolLimit * poolWords }

    /// Words of a table for so many endpoint slots.
    public static func wordCount(slots: Int) -> Int { slotStart + slots * slotWords }
    /// Where a counter lies.
    public static func index(_ counter: DoorCounter) -> Int { counter.rawValue }
    /// Where the words of a rate limit begin: requests that passed, and those beyond the limit.
    public static func rate(_ counter: Int) -> Int { rateStart + counter * 2 }
    /// Where the words of a route begin, by its place among ``GatewayShared/routes``.
    public static func route(_ place: Int) -> Int { routeStart + place * routeWords }
    /// Where the words of a route's copies begin, by its place among ``GatewayShared/routes``.
    public static func mirror(_ place: Int) -> Int { mirrorStart + place * mirrorWords }
    /// Where copies of a route are counted that were not sent for this reason.
    public static func skipped(_ reason: MirrorSkip, route place: Int) -> Int {
        mirror(place) + 1 + Int(reason.rawValue)
    }
    /// Where copies of a route are counted that got no whole answer for this reason.
    public static func failed(_ reason: MirrorFailure, route place: Int) -> Int {
        mirror(place) + 10 + Int(reason.rawValue)
    }
    /// Where comparisons of a route are counted that ended so.
    public static func compared(_ verdict: MirrorVerdict, route place: Int) -> Int {
        mirror(place) + 20 + Int(verdict.rawValue)
    }
    /// Where the words of a pool begin, by its registry slot.
    public static func pool(_ slot: Int) -> Int { poolStart + slot * poolWords }
    /// Where the sessions of a pool are counted that met this fate.
    public static func session(_ turn: SessionTurn, pool slot: Int) -> Int {
        pool(slot) + durationSum + Int(turn.rawValue)
    }
    /// Where those of a pool are counted that found no place in the queue, or lost it.
    public static func turnedAway(_ priority: Priority, pool slot: Int) -> Int {
        pool(slot) + 24 + Int(priority.rawValue)
    }
    /// Where the second attempts of a pool are counted that ended in this way.
    public static func hedge(_ outcome: HedgeOutcome, pool slot: Int) -> Int {
        pool(slot) + 27 + Int(outcome.rawValue)
    }
    /// Where the words of an endpoint begin, by its slot.
    public static func endpoint(_ slot: Int) -> Int { slotStart + slot * slotWords }
    /// The reason words of exchanges that the door ended, each with the place of its count.
    public static var reasons: [(word: String, index: Int)] {
        Fault.allCases.map { ("\($0.word)", faultStart + Int($0.rawValue)) }
    }

    /// The words of failed TLS handshakes, each with the place of its count.
    public static var handshakeFailures: [(word: String, index: Int)] {
        TLSFailure.allCases.map { ("\($0.word)", handshakeStart + Int($0.rawValue)) }
    }

    /// Where connections are counted that found their client's share of unfinished ones taken.
    public static var tooManyUnfinished: Int { fault(.tooManyUnfinished) }

    static func handshake(_ failure: TLSFailure) -> Int { handshakeStart + Int(failure.rawValue) }
    /// The reason words of HTTP/2 connections that were cut, each with the place of its count.
    public static var abuses: [(word: String, index: Int)] {
        HTTP2Abuse.allCases.map { ("\($0.word)", abuse($0)) }
    }

    /// The same of connections by HTTP/2 to endpoints.
    public static var originAbuses: [(word: String, index: Int)] {
        HTTP2Abuse.allCases.map { ("\($0.word)", originAbuse($0)) }
    }

    static func abuse(_ abuse: HTTP2Abuse) -> Int { abuseStart + Int(abuse.rawValue) }
    static func originAbuse(_ abuse: HTTP2Abuse) -> Int {
        originAbuseStart + Int(abuse.rawValue)
    }
    /// The conditions of retries, each with the place of its count.
    public static var retryConditions: [(word: String, index: Int)] {
        RetryConditions.words.map { ($0.word, retry($0.condition)) }
    }

    /// Where requests of a priority are counted that a worker refused because it was behind.
    public static func shed(_ priority: Priority) -> Int { shedStart + Int(priority.rawValue) }
    static func retry(_ condition: RetryConditions) -> Int { retryStart + condition.place }
    static func fault(_ fault: Fault) -> Int { faultStart + Int(fault.rawValue) }

    // A chain of comparisons the compiler can order; the array above is for readers only.
    static func bucket(microseconds: Int64) -> Int {
        switch microseconds {
        case ...500: 0
        case ...1_000: 1
        case ...2_500: 2
        case ...5_000: 3
        case ...10_000: 4
        case ...25_000: 5
        case ...50_000: 6
        case ...100_000: 7
        case ...250_000: 8
        case ...500_000: 9
        case ...1_000_000: 10
        case ...2_500_000: 11
        case ...5_000_000: 12
        case ...10_000_000: 13
        default: 14
        }
    }
}
