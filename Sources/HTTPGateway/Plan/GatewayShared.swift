// SPDX-License-Identifier: Apache-2.0
public import EdgeCache
public import Essentials
public import Runtime
public import Steering

/// A failure of an endpoint seen by real traffic, on its way to the health owner.
public struct PassiveReport: Sendable, BitwiseCopyable {
    /// The endpoint.
    public let slot: Int
    /// What happened.
    public let failure: PassiveFailure
    /// When.
    public let at: Instant
}

/// What the doors of all workers share; made once per process and kept across reloads.
public final class GatewayShared: Sendable {
    /// Number of workers.
    public let workers: Int
    /// The picture of health.
    public let health: HealthTable
    /// Requests in flight.
    public let load: LoadTable
    /// Bounds retries per pool.
    public let budget: RetryBudget
    /// Bounds waiting requests per pool, and says who goes first.
    public let pending: WaitingBoard
    /// Bounds requests at a time per pool, by a limit that follows their answers.
    public let places: PoolPlaces
    /// Where failures are reported to.
    public let reports: Mailbox<PassiveReport>
    /// Counters, one table per worker, laid out as ``GatewayMetrics`` says.
    public let metrics: [SharedWords]
    /// Access log lines, one ring per worker.
    public let accessLog: [ByteRing]
    /// What there is to tell of requests that are over, by worker.
    public let requests: [RequestRing]
    /// What is on its way from each worker to whoever exports spans.
    public let spans: [SpanRing]
    /// What each worker measured of its clients' round trips.
    public let roundTrips: [RTTRing]
    /// Where sessions are that applications name themselves.
    public let sessionNames: SessionTable
    /// The buckets of rate limits.
    public let rates = RateTables()
    /// Where passwords are compared.
    let credentials: CredentialDesk
    /// Which numbers belong to which route.
    let routes = CounterPlaces(count: GatewayMetrics.routeLimit)
    /// Which numbers belong to which cache.
    let caches = CounterPlaces(count: GatewayMetrics.cacheLimit)
    /// Connections without a request so far, by client network.
    let unfinished = UnfinishedTable()
    /// The budgets of full TLS handshakes by client network.
    let handshakes = RateTable(sets: 4096, cells: 16_384)
    /// Where slow signatures are made.
    let signer: TLSSigner
    /// The beginnings of the latest requests, seen by the supervisor after a crash.
    public let lastRequests: SharedMemory?
    /// What caches hold.
    public let shelf: CacheShelf
    /// What this node calls itself in `CDN-Loop` where nobody has named it: no two draw the same.
    public let loopName: String
    /// News of what is fetched, by the worker that hears them.
    let news: [Mailbox<CacheNews>]
    /// What became of URLs that caches were to fetch.
    public let warmed: Mailbox<WarmResult>
    /// Client connections open in the whole process.
    let connections = SharedWords(count: 1, stride: 8)

    /// Copies of requests at a time, and the blocks that they hold, in the whole process.
    let copies = SharedWords(count: 2, stride: 8)

    /// Bytes of ``lastRequests`` per worker.
    public static let lastRequestBytes = 512

    /// Makes the shared part for a number of workers, each of which keeps the stories of so many
    /// requests, and with room for so many learnt sessions.
    public init(
        workers: Int,
        health: HealthTable,
        load: LoadTable,
        lastRequests: SharedMemory? = nil,
        keptRequests: Int = 256,
        learnedSessions: Int = 1024
    ) throws(SystemError) {
        self.workers = max(workers, 1)
        let drawn = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        loopName = "martlet-" + String(repeating: "0", count: 16 - drawn.count) + drawn
        self.health = health
        self.load = load
        self.lastRequests = lastRequests
        budget = RetryBudget(pools: GatewayMetrics.poolLimit, workers: self.workers)
        pending = WaitingBoard(pools: GatewayMetrics.poolLimit)
        places = PoolPlaces(pools: GatewayMetrics.poolLimit)
        reports = try Mailbox()
        var news: [Mailbox<CacheNews>] = []
        for _ in 0..<self.workers { news.append(try Mailbox()) }
        self.news = news
        warmed = try Mailbox()
        shelf = CacheShelf { [news] store, entry, workers in
            CacheNews.object(store: ObjectIdentifier(store), number: entry.number).post(
                to: workers,
                news
            )
        }
        credentials = try CredentialDesk(workers: self.workers, rates: rates.attempts)
        signer = try TLSSigner(workers: self.workers)
        metrics = (0..<self.workers).map { _ in
            SharedWords(count: GatewayMetrics.wordCount(slots: health.capacity))
        }
        accessLog = (0..<self.workers).map { _ in ByteRing(capacity: 1 << 20) }
        sessionNames = SessionTable(capacity: learnedSessions)
        requests = (0..<self.workers).map { _ in RequestRing(kept: keptRequests) }
        roundTrips = (0..<self.workers).map { _ in RTTRing() }
        // Their pages are the kernel's until a span is written.
        spans = (0..<self.workers).map { _ in SpanRing() }
    }

    /// Client connections open in the whole process.
    public var openConnections: Int { Int(connections.load(0)) }

    /// The routes of a snapshot that have numbers of their own, each with their place, and `(other)`.
    ///
    /// Routes of one name share them: what tells those apart is no label.
    public func routeNumbers(_ snapshot: GatewaySnapshot) -> [(name: String, place: Int)] {
        var seen: Set<Int> = [routes.last]
        var numbers: [(name: String, place: Int)] = []
        for route in snapshot.plan.routes.prefix(routes.last) {
            let place = routes.place(of: Hash.text(route.name))
            if seen.insert(place).inserted { numbers.append((route.name, place)) }
        }
        return numbers + [("(other)", routes.last)]
    }

    /// The places of all routes, in their order.
    ///
    /// Only so many are looked for as there are places, so that ten thousand routes cost no more.
    func routePlaces(_ snapshot: GatewaySnapshot) -> [Int32] {
        let last = Int32(routes.last)
        return snapshot.plan.routes.enumerated().map { number, route in
            number < routes.last ? Int32(routes.place(of: Hash.text(route.name))) : last
        }
    }
}

extension GatewayShared {
    /// What has come of attempts at an endpoint: answers of any status and losses, and those of
    /// them with a status of the server's fault, or none.
    public func requests(of slot: Int) -> (all: UInt64, failed: UInt64) {
        var (all, failed) = (UInt64(0), UInt64(0))
        let place = GatewayMetrics.endpoint(slot)
        for words in metrics {
            for word in 0..<6 { all &+= words.load(place &+ word) }
            failed &+= words.load(place &+ 4) &+ words.load(place &+ 5)
        }
        return (all, failed)
    }
}
