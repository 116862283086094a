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
    /// The same for what is taken under the old names when a reload brings others.
    static let reloadShare = 2048
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
    private var intake = SpanIntake()
    private var looksAt = Instant.never
    /// Nothing is sent before this: the collector's name has no answer yet.
    private var asksAt = Instant.start
    /// Requests that are still taken from the rings at the end of the process.
    private var left = 0
    private var turn = 0
    private var random = SystemRandomNumberGenerator()

    /// When ``follow(_:_:now:loop:)`` has something to do.
    var deadline: Instant {
        guard settings != nil else { return .never }
        let sendsAt = driver.isBusy ? .never : max(machine.deadline, asksAt)
        return min(looksAt, min(driver.deadline, sendsAt))
    }

    /// Follows the configuration; what waits goes to the new collector.
    ///
    /// What is on its way stays there unless the collector, or what it would be told, is another.
    mutating func configure(
        _ wanted: OTLPSettings?,
        _ context: TLSClientContext?,
        _ writer: SpanWriter,
        _ rings: [SpanRing],
        now: Instant
    ) {
        // What lies in the rings was written under the old names.
        if settings != nil, wanted != nil { look(rings, upTo: TraceExport.reloadShare, now) }
        adopt(writer, isWanted: wanted != nil)
        let isSame = settings == wanted && self.context === context
        guard !isSame else { return }
        let sendsTheSame = sendsTheSame(wanted, context)
        if !sendsTheSame, let answer = driver.giveUp() { _ = finish(answer, now) }
        // What workers wrote before they heard of the end belongs to nothing any more.
        if settings == nil { forget(rings) }
        settings = wanted
        self.context = context
        guard let wanted else {
            machine.discard()
            looksAt = .never
            return
        }
        if !sendsTheSame {
            document = SpanDocument(wanted)
            machine.recall(now: now)
            asksAt = .start
        }
        machine.adopt(
            ExportMachine.Bounds(queue: wanted.queue, batch: wanted.batch, every: wanted.every)
        )
        looksAt = min(looksAt, now + TraceExport.pauses.busy)
    }

    private mutating func adopt(_ writer: SpanWriter, isWanted: Bool) {
        let old = self.writer
        self.writer = writer
        if isWanted { self.writer.keep(old) }
    }

    private func sendsTheSame(_ wanted: OTLPSettings?, _ context: TLSClientContext?) -> Bool {
        guard let settings, let wanted, self.context === context else { return false }
        return settings.sendsTheSame(as: wanted)
    }

    /// Takes what workers have handed over, and carries on what is under way.
    ///
    /// Without addresses, which is not the same as none, the collector's name has no answer yet.
    mutating func follow(
        _ rings: [SpanRing],
        _ addresses: [IPAddress]?,
        now: Instant,
        loop: inout EventLoop
    ) -> ExportMachine.News? {
        guard settings != nil else { return nil }
        if now >= looksAt, closesBy == .never {
            look(rings, upTo: TraceExport.share, now)
        } else if now >= looksAt {
            lookAgain(rings, now)
        }
        var news: ExportMachine.News?
        if let answer = driver.expire(now: now) { news = finish(answer, now) }
        guard !driver.isBusy, now >= machine.deadline else { return news }
        guard let addresses else {
            asksAt = now + TraceExport.pauses.busy
            return news
        }
        asksAt = .start
        guard let items = machine.next(now: now) else { return news }
        return send(items, addresses, now, &loop) ?? news
    }

    /// An event of the connection to the collector.
    mutating func handle(_ event: Event, now: Instant) -> ExportMachine.News? {
        driver.handle(event, now: now).flatMap { finish($0, now) }
    }

    /// Sends what there is, for the last time; true once nothing is left, or the time is over.
    ///
    /// The workers have ended. Their rings are emptied in shares as ever, up to the queue's bound.
    mutating func close(_ rings: [SpanRing], now: Instant) -> Bool {
        guard let settings else { return true }
        if closesBy == .never {
            closesBy = now + min(settings.timeout, TraceExport.farewell)
            left = settings.queue
            looksAt = now
            machine.close()
        }
        return now >= closesBy || (looksAt == .never && machine.isEmpty)
    }

    private mutating func lookAgain(_ rings: [SpanRing], _ now: Instant) {
        let limit = min(TraceExport.share, left)
        let count = look(rings, upTo: limit, now)
        left -= count
        looksAt = now
        guard count < limit || left == 0 else { return }
        forget(rings)
        looksAt = .never
    }

    private mutating func forget(_ rings: [SpanRing]) {
        let count = intake.take(rings, upTo: rings.count * SpanRing.capacity) { _ in }
        machine.count(.stopped, UInt64(clamping: count))
    }

    @discardableResult
    private mutating func look(_ rings: [SpanRing], upTo limit: Int, _ now: Instant) -> Int {
        var items: [ExportItem] = []
        let writer = writer
        intake.take(rings, upTo: limit) { items.append(writer.item($0)) }
        machine.add(items, now: now)
        machine.count(.ring, intake.takeRefused(rings))
        looksAt = now + (items.isEmpty ? TraceExport.pauses.quiet : TraceExport.pauses.busy)
        return items.count
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
        let request = document.request(items)
        let answer = driver.begin(request, to: collector, by: deadline, now: now, &loop)
        return answer.flatMap { finish($0, now) }
    }

    private mutating func finish(
        _ answer: ExportMachine.Answer,
        _ now: Instant
    ) -> ExportMachine.News? {
        switch answer {
        case .taken: lastSuccess = Clock.realtime()
        case .status, .stale: break
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
