// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Runtime

/// What exporting spans takes beside the machine that decides: rings, names, the connection.
struct TraceExport: ~Copyable {
    /// How often the rings of the workers are looked into while there is something in them, and
    /// while there is not.
    static let pauses = (busy: Interval.milliseconds(100), quiet: Interval.milliseconds(250))
    /// Requests that are taken from the rings at a time, so that a flood does not keep the control
    /// thread from its other work; the rings hold, and count, what is more.
    static let share = 512
    /// How long the last spans may take at the end of the process.
    static let farewell = Interval.seconds(3)

    /// What is exported where; nil for nothing.
    private(set) var settings: OTLPSettings?
    private(set) var machine = ExportMachine(ExportMachine.Bounds())
    /// When the collector last took spans, in nanoseconds since 1970; 0 for never.
    private(set) var lastSuccess: Int64 = 0
    private(set) var closesBy = Instant.never
    private var context: TLSClientContext?
    private var document: SpanDocument?
    private var writer = SpanWriter()
    private var driver = ExportDriver()
    private var looksAt = Instant.never
    private var turn = 0
    private var refused: UInt64 = 0
    private var random = SystemRandomNumberGenerator()

    /// When ``follow(_:_:now:loop:)`` has something to do.
    var deadline: Instant {
        guard settings != nil else { return .never }
        return min(looksAt, min(driver.deadline, driver.isBusy ? .never : machine.deadline))
    }

    /// Follows the configuration; what waits goes to the new collector.
    mutating func configure(
        _ wanted: OTLPSettings?,
        _ context: TLSClientContext?,
        _ writer: SpanWriter,
        _ rings: [SpanRing],
        now: Instant
    ) {
        self.writer = writer
        let isSame = settings == wanted && self.context === context
        guard !isSame else { return }
        driver.cancel()
        // What workers wrote before they heard of the end belongs to nothing any more.
        if settings == nil { forget(rings) }
        settings = wanted
        self.context = context
        guard let wanted else {
            machine.discard()
            looksAt = .never
            return
        }
        document = SpanDocument(wanted)
        machine.recall(now: now)
        machine.adopt(
            ExportMachine.Bounds(queue: wanted.queue, batch: wanted.batch, every: wanted.every)
        )
        looksAt = min(looksAt, now + TraceExport.pauses.busy)
    }

    /// Takes what workers have handed over, and carries on what is under way.
    mutating func follow(
        _ rings: [SpanRing],
        _ addresses: [IPAddress],
        now: Instant,
        loop: inout EventLoop
    ) -> ExportMachine.News? {
        guard settings != nil else { return nil }
        if now >= looksAt { look(rings, upTo: TraceExport.share, now) }
        var news: ExportMachine.News?
        if let answer = driver.expire(now: now) { news = finish(answer, now) }
        guard !driver.isBusy, let items = machine.next(now: now) else { return news }
        return send(items, addresses, now, &loop) ?? news
    }

    /// An event of the connection to the collector.
    mutating func handle(_ event: Event, now: Instant) -> ExportMachine.News? {
        driver.handle(event).flatMap { finish($0, now) }
    }

    /// Sends what there is, for the last time; true once nothing is left, or the time is over.
    mutating func close(_ rings: [SpanRing], now: Instant) -> Bool {
        guard let settings else { return true }
        if closesBy == .never {
            look(rings, upTo: .max, now)
            looksAt = .never
            machine.close()
            closesBy = now + min(settings.timeout, TraceExport.farewell)
        }
        return machine.isEmpty || now >= closesBy
    }

    private mutating func forget(_ rings: [SpanRing]) {
        for ring in rings {
            var count: UInt64 = 0
            while ring.take() != nil { count += 1 }
            machine.count(.stopped, count)
        }
    }

    private mutating func look(_ rings: [SpanRing], upTo limit: Int, _ now: Instant) {
        var items: [ExportItem] = []
        let share = limit / max(rings.count, 1)
        for (number, ring) in rings.enumerated() {
            while items.count < share * (number + 1), let record = ring.take() {
                items.append(writer.item(record))
            }
        }
        machine.add(items, now: now)
        let sum = rings.reduce(0) { $0 &+ $1.refused }
        machine.count(.ring, sum &- refused)
        refused = sum
        looksAt = now + (items.isEmpty ? TraceExport.pauses.quiet : TraceExport.pauses.busy)
    }

    private mutating func send(
        _ items: [ExportItem],
        _ addresses: [IPAddress],
        _ now: Instant,
        _ loop: inout EventLoop
    ) -> ExportMachine.News? {
        guard let settings, let document else { return nil }
        guard !addresses.isEmpty else { return finish(.lost("its name does not resolve"), now) }
        // The next address after a failure: one of several may be dead.
        let ip = addresses[turn % addresses.count]
        let collector = ExportDriver.Collector(
            address: SocketAddress(ip, port: settings.endpoint.port),
            security: context.map { ($0, settings.endpoint.host) }
        )
        let deadline = now + settings.timeout
        let answer = driver.begin(document.request(items), to: collector, by: deadline, &loop)
        return answer.flatMap { finish($0, now) }
    }

    private mutating func finish(
        _ answer: ExportMachine.Answer,
        _ now: Instant
    ) -> ExportMachine.News? {
        switch answer {
        case .taken: lastSuccess = Clock.realtime()
        case .status: break
        case .lost: turn &+= 1
        }
        return machine.finish(answer, now: now, draw: random.next())
    }
}

extension CollectorURL {
    /// The port to connect to.
    var port: UInt16 {
        switch address {
        case .address(let address): address.port
        case .name(_, let port): port
        }
    }
}
