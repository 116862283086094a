// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
public import Essentials
internal import HTTPProtocol
public import Runtime
internal import Steering

/// Hop 3, L7: takes HTTP/1.1 requests on one worker's listeners and has endpoints answer them.
///
/// One value, owned by one thread, driven by events and time. All state is plain bytes in slabs,
/// reached through `inout self`, so a request costs no allocation and no reference count. The
/// life of an exchange is the enum ``Phase``; each extension file of this type is one part of it:
/// Listening, Arrival, Security, Passage, Request, Prefix, Shedding, Limit, Access, Coding, Caching,
/// Fetch, Stored, Choosing, Questions, Queue, Hedge, Upstream, Forward, Response, Splice, Tunnel, Mirror,
/// Copy, Finish, Timers, Drain, Record.
public struct HTTPDoor: ~Copyable {
    let anchor = Anchor()
    let worker: Int
    let shared: GatewayShared
    // Held directly: reaching them through `shared` would count references for each request.
    let words: SharedWords
    let log: ByteRing
    let health: HealthTable
    let load: LoadTable
    let budget: RetryBudget
    let pending: WaitingBoard
    let places: PoolPlaces
    let connections: SharedWords
    /// Copies of requests at a time, and the blocks that they hold, of the whole process.
    let copies: SharedWords
    let lastRequests: SharedMemory?
    let rates: RateTables
    let credentials: CredentialDesk
    let unfinished: UnfinishedTable
    /// Where sessions are that applications name themselves.
    let sessionNames: SessionTable
    /// What `martlet why` tells of requests that are over.
    let requests: RequestRing
    /// What is measured of clients' round trips, on its way to whoever keeps it.
    let roundTrips: RTTRing
    /// When the next of them is due.
    var measuresAgainAt = Instant.start
    let signer: TLSSigner
    var snapshot: GatewaySnapshot

    // Flat copies of the snapshot's tables: reading them touches no reference count.
    var routes: RouteTable
    var routeRecords: [RouteRecord]
    var actions: ActionTable
    /// By route, where its numbers lie.
    var routePlaces: [Int32]
    /// By place in ``actions``, where the numbers of a limit lie.
    var rateCounters: [Int]
    var pools: [PoolRecord]
    var retries: RetryTable
    var retryRules: [RetryRule]
    var listenerRecords: [ListenerRecord]
    var limits: GatewayLimits
    var logFormat: AccessLogFormat
    /// Percent of the requests that end well which are kept.
    var keptShare: UInt64
    /// Percent of new traces that are sampled; -1 where no spans are exported.
    var traceShare: Int
    var labels: LabelTable
    var addresses: [SocketAddress?]
    var caches: [CacheRecord] = []
    /// What this node calls itself in `CDN-Loop`.
    var loopName = StatusName("")
    /// By cache, where its numbers lie.
    var cachePlaces: [Int32] = []
    /// By cache, its place in ``stores``.
    var cacheStores: [Int32] = []
    /// Those of the present plan, and those that are still read; the first place is for none.
    var stores: [CacheStore?] = [nil]
    /// The same, for what hits do.
    var lentStores: [Lent<CacheStore>?] = []

    var chooser: Chooser
    var clients: Slab<Client>
    var upstreams: Slab<Upstream>
    var sessions = Slab<SessionState>(limit: 1 << 20)
    /// What WebSockets have beyond their exchange.
    var sockets = Slab<WebSocketState>(limit: 1 << 20)
    var streams = Slab<StreamState>(limit: 1 << 20)
    /// Of exchanges whose client is another than the peer.
    var realClients = Slab<IPAddress>(limit: 1 << 20)
    /// Of exchanges at listeners with tracing.
    var traces = Slab<TraceContext>(limit: 1 << 20)
    /// Of exchanges with attempts that failed.
    var trails = Slab<AttemptTrail>(limit: 1 << 20)
    var origins = Slab<OriginSession>(limit: 1 << 16)
    var originStreams = Slab<OriginStream>(limit: 1 << 20)
    /// By slot: what speaks HTTP/2 with the endpoint.
    var originLists: [OriginList] = []
    /// Connections by HTTP/2 to endpoints with something left to do.
    var readyOrigins: [Handle] = []
    var passages = Slab<PassageState>(limit: 1 << 20)
    var workspace = HTTP2Workspace(
        limits: HeadLimits(headBytes: UInt32(GatewayLimits.headBytesMaximum), fields: 1024)
    )
    var buffers = BufferPool(limit: 1 << 18)
    var pipes = Slab<Pipe>(limit: HTTPDoor.pipeLimit)
    var pipePool = PipePool(limit: HTTPDoor.pipeLimit)
    var codings = Slab<CodingState>(limit: HTTPDoor.codingLimit)
    var coders = ContentCoders(limit: HTTPDoor.codingLimit)
    var tls = TLSSessions(limit: 1 << 20)
    /// What new connections to endpoints resume.
    var resumptions = TLSResumptions()
    var timers: TimerWheel
    var upstreamTimers: TimerWheel
    var random: SeededRandom
    /// For the names of requests and traces alone: whoever sees some can tell the others, and must
    /// learn nothing of what is drawn else.
    var names = SeededRandom(seed: ProcessControl.randomSeed())

    // One of each serves all connections: they mean something only inside one call.
    var scratch: Scratch
    var tail: Scratch
    /// The path of a request that spelt it in another way.
    var plainPath: Scratch
    var fields: FieldTable
    var responseFields: FieldTable
    var requestHead = RequestHead()
    var responseHead = ResponseHead()
    /// Of a stored head that is looked at beside the response's.
    var storedFields = FieldTable(limit: 1_028)
    var storedHead = ResponseHead()
    /// What the limit said to the request that is being looked at.
    var latestLimit = RateDecision(isAllowed: true, full: 0, remaining: 0, wait: .zero)
    /// Credentials that were verified a short while ago.
    var verified = VerifiedTable()
    /// The secret that their digests are made with.
    let verifiedKey: SipKey
    /// The verdict that is being carried out: it counts although nothing may be kept in mind.
    var latestVerified: Digest128?
    /// What was wrong with the token that is being looked at; nil when there was none.
    var latestTokenFault: TokenFault?
    /// Passwords sent to be compared so far.
    var questionCount: UInt64 = 0
    var hearsVerdicts = false
    /// Whose request head is in `fields`; it is read again when another came in between.
    var fieldsOwner = Handle.none

    var listeners: [ListenerState] = []
    var idle: [IdleStack] = []
    var line: WaitingLine
    /// By pool; empty where none asks twice.
    var hedges: [HedgeMachine]
    /// Attempts that were put aside for a second one.
    var rivals = Slab<Rival>(limit: 1 << 16)
    /// What exchanges hold of stores.
    var reads = Slab<StoredRead>(limit: 1 << 20)
    /// Those that wait for news of their object, as lists by its number.
    var readers = [Int32](repeating: -1, count: 1024)
    var fetches = Slab<FetchState>(limit: 1 << 16)
    /// Of reads whose answer has several parts.
    var parts = Slab<StoredParts>(limit: 1 << 16)
    var hearsNews = false
    /// Of exchanges that are mirrored, and of their copies.
    var mirrors = Slab<MirrorState>(limit: 1 << 20)
    /// Clients with something left to do although no event will come.
    var ready: [Handle] = []
    /// Clients whose messages the DNS door is to answer, see HTTPDoor+Questions.
    var questions: [Handle] = []
    /// Clients whose costly work waits for a turn: handshakes, and content to be compressed.
    var putOff: [2 of [Handle]] = [[], []]
    /// Which of the two begins the next time.
    var firstPutOff = 0
    /// Their turn is now.
    var isServingPutOff = false
    /// Costly work that this turn has done, in microseconds.
    var effort: Int32 = 0
    var now: Instant
    var dates = DateText(realtime: 0)
    /// What the wall clock says, less what the other one does.
    var wallOffset = Interval.zero
    var lag: LagMachine
    var isShuttingDown = false
    var farewell = Farewell()
    /// True once the loop tells of what comes back from ``signer``.
    var hearsSigner = false
    var acceptsAgainAt = Instant.never

    /// A door without listeners.
    public init(
        worker: Int,
        shared: GatewayShared,
        snapshot: GatewaySnapshot,
        now: Instant,
        seed: UInt64
    ) {
        self.worker = worker
        self.shared = shared
        words = shared.metrics[worker]
        log = shared.accessLog[worker]
        health = shared.health
        load = shared.load
        budget = shared.budget
        pending = shared.pending
        places = shared.places
        connections = shared.connections
        copies = shared.copies
        lastRequests = shared.lastRequests
        rates = shared.rates
        credentials = shared.credentials
        unfinished = shared.unfinished
        sessionNames = shared.sessionNames
        requests = shared.requests[worker]
        roundTrips = shared.roundTrips[worker]
        signer = shared.signer
        self.snapshot = snapshot
        routes = snapshot.table
        routeRecords = snapshot.routes
        actions = snapshot.actions
        routePlaces = shared.routePlaces(snapshot)
        rateCounters = HTTPDoor.rateCounters(snapshot.actions, shared.rates)
        pools = snapshot.pools
        retries = snapshot.retries
        retryRules = snapshot.retries.rules
        listenerRecords = snapshot.listeners
        limits = snapshot.plan.limits
        logFormat = snapshot.plan.accessLog
        keptShare = UInt64(max(snapshot.plan.keptShare, 0))
        traceShare = snapshot.plan.traceShare ?? -1
        labels = snapshot.labels
        addresses = snapshot.addresses
        chooser = Chooser(
            plan: snapshot.selection,
            health: shared.health,
            load: shared.load,
            worker: worker,
            seed: seed
        )
        let room = min(max(limits.connections, 1024), 1 << 18)
        clients = Slab(limit: 1 << 20, reserving: room)
        upstreams = Slab(limit: 1 << 20, reserving: room)
        timers = TimerWheel(now: now, reserving: room)
        upstreamTimers = TimerWheel(now: now, reserving: room)
        random = SeededRandom(seed: seed ^ 0x5bd1_e995)
        verifiedKey = SipKey(ProcessControl.randomSeed(), ProcessControl.randomSeed())
        scratch = Scratch(capacity: BufferPool.blockSize)
        tail = Scratch(capacity: BufferPool.blockSize)
        plainPath = Scratch(capacity: BufferPool.blockSize)
        fields = FieldTable(limit: Int(limits.head.fields))
        // With what is written behind a stored head.
        responseFields = FieldTable(limit: Int(limits.head.fields) + 4)
        line = WaitingLine(pools: pools.count)
        hedges = HTTPDoor.hedges(pools)
        self.now = now
        lag = LagMachine(now: now)
        tick(now: now, realtime: Clock.realtime())
        shelve()
    }

    /// Handles one event whose token has a kind of ``EventKind``.
    public mutating func handle(_ event: Event, loop: inout EventLoop, now: Instant) {
        self.now = now
        let token = EventToken(raw: event.token)
        switch token.kind {
        case EventKind.client:
            let handle = clients.handle(at: token.index)
            guard !handle.isNone, token.names(handle) else { return }
            let c = token.index
            if event.isReadable || event.isHangUp || event.isError { clients[c].canRead = true }
            if event.isHangUp || event.isError { clients[c].hangUp = true }
            // What waits may belong to a response that is over: nobody else would send it.
            if clients[c].isSecure, event.isWritable { _ = tls.flush(clients[c].tls) }
            advance(c, &loop)
        case EventKind.upstream:
            let handle = upstreams.handle(at: token.index)
            guard !handle.isNone, token.names(handle) else { return }
            let u = token.index
            if event.isReadable || event.isHangUp || event.isError { upstreams[u].canRead = true }
            if event.isHangUp || event.isError { upstreams[u].hangUp = true }
            if upstreams[u].isSecure, event.isWritable { _ = tls.flush(upstreams[u].tls) }
            advanceUpstream(u, event, &loop)
        case EventKind.signer: takeSignatures(&loop)
        case EventKind.listener:
            accept(token.index, &loop)
        case EventKind.password: takeVerdicts(&loop)
        case EventKind.news: takeNews(&loop)
        default: break
        }
    }

    /// Call after each batch of events, before waiting again.
    public mutating func finishBatch(loop: inout EventLoop, now: Instant) {
        self.now = now
        // Only what is queued now: work that queues itself again waits for the next batch.
        let count = ready.count
        for place in 0..<count {
            let handle = ready[place]
            guard clients.contains(handle) else { continue }
            clients[Int(handle.index)].isReadyQueued = false
            advance(Int(handle.index), &loop)
        }
        if count > 0 { ready.removeFirst(count) }
        if !readyOrigins.isEmpty { runReadyOrigins(&loop) }
        if line.count > 0 { serveQueues(&loop) }
        endTurn(&loop)
    }

    /// True when ``finishBatch(loop:now:)`` should be called again without waiting.
    public var hasReadyWork: Bool {
        !ready.isEmpty || !readyOrigins.isEmpty || hasPutOff || !questions.isEmpty
    }

    /// Carries a client's exchange on, after an event or from the ready queue.
    mutating func advance(_ c: Int, _ loop: inout EventLoop) {
        switch clients[c].phase {
        case .proxied: readProxyHeader(c, &loop)
        case .handshake: clients[c].isSecure ? shakeHands(c, &loop) : readHello(c, &loop)
        case .idle, .header: readRequest(c, &loop)
        case .prefix: readPrefix(c, &loop)
        case .authenticating, .queued, .pausing:
            if clients[c].hangUp { abandon(c, .clientGone, &loop) }
        case .fetching: clients[c].hangUp ? abandon(c, .clientGone, &loop) : lookAgain(c, &loop)
        case .connecting, .asking: break
        case .waiting:
            // As nginx has it: a client that closes while its answer is awaited has given up.
            if clients[c].hangUp, clients[c].exchange.requestSent {
                return abandon(c, .clientGone, &loop)
            }
            if !clients[c].output.isEmpty, !clients[c].isStream {
                guard flushInterim(c, &loop) else { return }
            }
            pumpRequest(c, &loop)
        case .relaying:
            let handle = clients.handle(at: c)
            if !clients[c].exchange.requestSent { pumpRequest(c, &loop) }
            guard clients.contains(handle), clients[c].phase == .relaying else { return }
            pumpResponse(c, &loop)
        case .tunnel: pumpTunnel(c, &loop)
        case .copying: pumpCopy(c, &loop)
        case .session: runSession(c, &loop)
        case .closing: finishClosing(c, &loop)
        }
    }

    /// Lets the client be looked at again in the next batch, so that none can starve the others.
    mutating func queueReady(_ c: Int) {
        guard !clients[c].isReadyQueued else { return }
        clients[c].isReadyQueued = true
        ready.append(clients.handle(at: c))
    }

    @inline(__always) mutating func count(_ counter: DoorCounter, _ value: UInt64 = 1) {
        words.addOwned(counter.rawValue, value)
    }
}

/// The kinds of this door's event tokens.
public enum EventKind {
    /// A listener, by its place.
    public static let listener: UInt8 = 16
    /// A client connection.
    public static let client: UInt8 = 17
    /// A connection to an endpoint.
    public static let upstream: UInt8 = 18
    /// Passwords have been compared.
    public static let password: UInt8 = 19
    /// Sessions that come back from ``TLSSigner``.
    public static let signer: UInt8 = 21
    /// News of what other workers fetch.
    public static let news: UInt8 = 22
    /// All kinds of the door.
    public static let range: ClosedRange<UInt8> = 16...31
}
