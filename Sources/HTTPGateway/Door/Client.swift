// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// A run of bytes in a block that wait to be used.
struct Pending: BitwiseCopyable {
    var block = Block.none
    var start: Int32 = 0
    var end: Int32 = 0

    var count: Int { Int(end &- start) }
    var isEmpty: Bool { start >= end }
    mutating func consume(_ count: Int) { start &+= Int32(truncatingIfNeeded: count) }
}

/// One client connection and, while there is one, its exchange.
///
/// Plain bytes in a slab: it owns its blocks and descriptor by value, and the door gives them back.
struct Client: BitwiseCopyable {
    let fd: FileDescriptor
    /// Who is at the other end; whom a PROXY header names, where one is believed.
    var peer: SocketAddress
    let listener: UInt16
    var phase = Phase.idle
    /// The TLS session; none on a plain listener.
    var tls = Handle.none

    // What the kernel last said; edge-triggered, so it is remembered until used up.
    var canRead = false
    var hangUp = false
    var isRegistered = false
    var isReadyQueued = false
    var isPutOff = false
    var isUnfinished = false  // counted as a connection without a request
    /// A PROXY header came before it and named nobody.
    var isUnnamed = false
    /// One came, so that its socket is the proxy's.
    var isCarried = false
    /// A fetch whose first reader came by TLS.
    var cameSecurely = false
    var kind = ClientKind.connection
    /// Among the sessions or streams, for those kinds; for a connection among the WebSockets.
    var place: Int32 = -1

    /// Received and not yet used; holds the head while an exchange is under way.
    var input = Pending()
    /// What is left of a head, or a whole response of ours, on its way to the client.
    var output = Pending()
    var parser: RequestParser
    var requestCount: UInt32 = 0
    var exchange = Exchange()

    var isSecure: Bool { !tls.isNone }

    init(fd: FileDescriptor, peer: SocketAddress, listener: UInt16, limits: HeadLimits) {
        self.fd = fd
        self.peer = peer
        self.listener = listener
        parser = RequestParser(limits: limits)
    }
}

/// One request and its response.
struct Exchange: BitwiseCopyable {
    /// The route compresses nothing.
    static let neverCoded = UInt8.max
    /// The route does, and the client wants none of its codings.
    static let unwantedCoding = UInt8.max - 1

    var head = RequestHead()
    var route: Int32 = -1
    var pool: Int32 = -1
    var poolSlot: Int32 = -1
    var endpoint: Int32 = -1
    var slot: Int32 = -1
    var attemptSlot: Int32 = -1  // as ``slot``, also once the attempt is off the books
    var trailPlace: Int32 = -1  // of its failed attempts, when there are any
    var clientPlace: Int32 = -1  // of the address behind the peer, when there is one
    var tracePlace: Int32 = -1  // of its trace, when there is one
    var upstream = Handle.none
    var coding: Int32 = -1  // among the answers that are being compressed
    var key: UInt64 = 0
    var session: UInt64 = 0  // what the client's cookie names
    var serving: UInt64 = 0  // what names the endpoint that was chosen
    var tried: UInt16 = 0  // attempts begun
    var attemptNumber: UInt16 = 0  // of the attempt under way, among those begun
    var triedSet = Tried()
    var requestID = RequestID(bits: 0)

    // What has happened, for decisions that must not be taken twice.
    var isActive = false  // counted in the pool's budget
    var holdsRetry = false
    var awaitsBudget = false  // queued because the retry budget is spent
    var priority = Priority.normal
    var place: Int32 = -1  // in the line, while it is queued
    var waitsOpen = false  // any endpoint would do for it
    var mirror: Int32 = -1  // among the mirrors, while a copy of it is made or compared with
    var rival: Int32 = -1  // among the attempts that were put aside for a second one
    var isHedge = false  // the attempt under way is the second of two
    var isAttemptHedge = false  // it began as one, and may be the only one by now
    var hedge: HedgeOutcome?  // how the second one ended
    var read: Int32 = -1  // what it holds of a store, when it does
    var cache: Int16 = -1  // of its route, when there is one
    var cached = CacheNote()
    var cacheResult: CacheResult?
    var hedgeAt = Instant.never  // when a second one is due
    var holdsPlace = false  // under the pool's limit of requests at a time
    var isReplayable = false
    var requestSent = false  // head and body are with the origin
    var responseStarted = false  // bytes have gone to the client
    var hasPlainPath = false  // its path is not sent on as it was spelt
    // What its route says, at hand without the route's whole record.
    var changesRequest = false
    var changesResponse = false
    var hasLostRoute = false  // a reload took away the route that would rewrite it
    var isGRPC = false  // its client wants errors in trailers
    var isQuestion = false  // its content is a message of DNS, its route is known already
    var isQuery = false  // its content says what it asks a store for, its route is known already
    var isEarly = false  // it came before the end of the handshake, and may be a copy
    var hasCookie = false  // of the pool's name, whatever it says
    var turn = SessionTurn.none
    var isLastResort = false  // chosen although every endpoint is down
    var lastFault = Fault.allDown  // how the last attempt failed
    var requestAborted = false  // the origin stopped taking the body
    var keepsClient = true
    var originPersists = false
    var upClosed = false  // tunnel: the client has finished
    var downClosed = false  // tunnel: the origin has finished
    var clientTakesChunks = true
    var isLingering = false
    var isRecorded = false  // counted and logged
    var interims: UInt8 = 0  // 1xx passed on
    var accepts = Exchange.neverCoded  // the raw value of a coding, or one of the two below
    var retries: Int16 = 0  // allowed by the route or pool that it began under
    var isRepeatable = false  // its method, or its key, says that twice is as good as once
    var isLastTry = false  // the attempt outlived its own time and goes on as the last one
    var retryRule: Int32 = -1
    var bodyLimit = UInt64.max

    var request = BodyTransfer()
    var requestBlock = Block.none
    var bodyTaken: Int32 = 0  // body bytes copied out of the client's input
    var response = BodyTransfer()
    var pipe: Int32 = -1  // among the pipes that are in use

    // Times of the phases; zero means not reached.
    var began = Instant.start
    var headDone = Instant.start
    var attemptBegan = Instant.start
    var connected = Instant.start
    var sent = Instant.start
    var firstByte = Instant.start
    var deadline = Instant.never  // of the whole exchange
    var bodyChecked = Instant.start
    var bodyCheckedBytes: UInt64 = 0

    var status: UInt16 = 0
    var fetchPool: Int16 = -1  // of its own fetch, when the endpoint is that one's
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    var unacknowledged: Int32 = -1  // when the client was last found slow
    var reason = Reason.completed
}

/// One connection to an endpoint.
struct Upstream: BitwiseCopyable {
    enum State: UInt8, BitwiseCopyable {
        case connecting, securing, active, idle
        /// A connection by HTTP/2, whatever its own state.
        case session
    }

    let fd: FileDescriptor
    let slot: Int32
    let address: SocketAddress
    var state = State.connecting
    var kind = UpstreamKind.connection
    /// Among the sessions or streams to endpoints, for those kinds.
    var place: Int32 = -1
    /// The TLS session; none for plain TCP.
    var tls = Handle.none
    /// The number of the ``OriginSecurity`` that it was opened under.
    var security: UInt32 = 0
    var client = Handle.none
    var canRead = false
    var hangUp = false
    /// Received and not yet used.
    var input = Pending()
    /// What is left of the request head.
    var output = Pending()
    var parser: ResponseParser
    var exchanges: UInt32 = 0
    var wasReused = false
    var wasLarge = false  // its last response went through a pipe
    var isBrief = false  // its last response was short
    /// What goes on here ends when the timer does: the endpoint has drained.
    var isDrained = false
    /// It begins with a PROXY header: no other client's request may follow.
    var isBound = false
    /// The loss of the stream's connection was counted with another of its streams.
    var isLossCounted = false
    // Neighbours in the endpoint's stack of idle connections.
    var newer: Int32 = -1
    var older: Int32 = -1

    var isSecure: Bool { !tls.isNone }
    var isStream: Bool { kind == .stream }

    /// One that stands for an object of a store.
    init(client: Handle, limits: HeadLimits) {
        fd = .none
        slot = -1
        address = SocketAddress(IPAddress(v4: 0), port: 0)
        self.client = client
        parser = ResponseParser(limits: limits)
    }

    init(fd: FileDescriptor, to endpoint: EndpointRecord, client: Handle, limits: HeadLimits) {
        self.fd = fd
        slot = Int32(endpoint.slot)
        address = endpoint.address
        self.client = client
        parser = ResponseParser(limits: limits)
    }
}
