// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The spans of one request, written down.
struct ExportItem: Sendable, Equatable {
    /// How many they are.
    var spans: Int
    /// They, as JSON with commas between them.
    var json: [UInt8]
}

/// Decides which spans are sent when, which are sent again, and which are given up.
///
/// Pure: items, times and answers in, batches out. One batch is on its way at a time. What is
/// refused for now goes back to the front of the queue, where it is the oldest, and so the first
/// that has to make room.
///
///     idle --batch or time full--> sending --taken, refused--> idle
///      ^                              |
///      +------- pausing <--later, lost+
struct ExportMachine: Sendable {
    /// The bounds of the queue.
    struct Bounds: Sendable, Equatable {
        /// Spans that may wait, those on their way aside.
        var queue = 2048
        /// Spans of one batch.
        var batch = 512
        /// How long a span may wait for others.
        var every = Interval.seconds(5)
    }

    /// What has come of a batch.
    enum Answer: Sendable, Equatable {
        /// The collector has it, but for so many spans.
        case taken(rejected: Int)
        /// It answered with this status, and perhaps when to ask again.
        case status(UInt16, retryAfter: Interval?)
        /// There was no answer, and why.
        case lost(String)
        /// The connection had been kept for too long: nobody is to blame, and another will do.
        case stale
    }

    /// What people want to know.
    enum News: Sendable, Equatable {
        /// The collector takes no spans any more, and why.
        case failing(String)
        /// It takes them again.
        case back
    }

    /// Why a span was given up.
    enum Loss: String, Sendable, CaseIterable {
        /// A worker had more of them than could be collected.
        case ring = "ring-full"
        /// The queue was full.
        case queue = "queue-full"
        /// The collector refused it.
        case rejected
        /// The export was over.
        case stopped
    }

    private enum Phase: Equatable {
        case idle
        case sending
        case pausing(until: Instant)
    }

    /// The first pause after a failure; each further one is twice as long.
    static let firstPause = Interval.seconds(1)
    /// The longest pause of our own.
    static let longestPause = Interval.seconds(30)
    /// The longest pause that a collector can ask for.
    static let longestWish = Interval.seconds(300)

    private(set) var bounds: Bounds
    /// Spans that the collector has taken.
    private(set) var exported: UInt64 = 0
    /// Requests to the collector that did not end with success.
    private(set) var failures: UInt64 = 0
    /// Spans that wait, those on their way included.
    private(set) var waiting = 0
    /// Why the collector takes none; nil while it does.
    private(set) var problem: String?
    private var losses: [Loss: UInt64] = [:]
    private var items: [ExportItem] = []
    private var batch: [ExportItem] = []
    private var phase = Phase.idle
    private var oldest = Instant.never
    private var failuresInTurn = 0
    private var isClosing = false

    init(_ bounds: Bounds) { self.bounds = bounds }

    /// Spans given up for a reason.
    func lost(_ loss: Loss) -> UInt64 { losses[loss] ?? 0 }

    /// True when there is nothing left to do.
    var isEmpty: Bool { waiting == 0 }

    /// When ``next(now:)`` has something to say; never while a batch is on its way.
    var deadline: Instant {
        switch phase {
        case .sending: .never
        case .pausing(let until): items.isEmpty ? .never : until
        case .idle: items.isEmpty ? .never : isDue ? .start : oldest + bounds.every
        }
    }

    private var isDue: Bool { isClosing || waiting >= bounds.batch }

    // MARK: Events

    /// Takes what there is to send; the oldest make room when it is too much.
    mutating func add(_ new: [ExportItem], now: Instant) {
        guard !new.isEmpty else { return }
        if items.isEmpty { oldest = now }
        items += new
        waiting += new.reduce(0) { $0 + $1.spans }
        makeRoom()
    }

    /// Counts spans that were given up before they came here.
    mutating func count(_ loss: Loss, _ spans: UInt64) {
        if spans > 0 { losses[loss, default: 0] &+= spans }
    }

    /// Other bounds; what is beyond them is given up.
    mutating func adopt(_ bounds: Bounds) {
        self.bounds = bounds
        makeRoom()
    }

    /// The batch to be sent now; nil for none.
    mutating func next(now: Instant) -> [ExportItem]? {
        guard now >= deadline, !items.isEmpty else { return nil }
        var count = 0
        var spans = 0
        for item in items {
            guard count == 0 || spans + item.spans <= bounds.batch else { break }
            spans += item.spans
            count += 1
        }
        batch = Array(items[..<count])
        items.removeFirst(count)
        oldest = now
        phase = .sending
        return batch
    }

    /// The batch is over; `draw` makes pauses differ.
    mutating func finish(_ answer: Answer, now: Instant, draw: UInt64) -> News? {
        guard phase == .sending else { return nil }
        let spans = batch.reduce(0) { $0 + $1.spans }
        switch answer {
        case .taken(let rejected):
            let refused = min(max(rejected, 0), spans)
            exported &+= UInt64(spans - refused)
            drop(.rejected, refused, of: spans)
            return succeed()
        case .status(let status, let retryAfter) where ExportMachine.isTransient(status):
            putBack(now, pause: retryAfter.map { wish($0, draw) } ?? pause(draw))
            return fail("it answers with status \(status)")
        case .status(let status, _):
            drop(.rejected, spans, of: spans)
            return fail("it answers with status \(status)")
        case .lost(let reason):
            putBack(now, pause: pause(draw))
            return fail(reason)
        case .stale:
            putBack(now, pause: .zero)
            return nil
        }
    }

    /// The batch was broken off from here: it is sent again, elsewhere, at once.
    mutating func recall(now: Instant) {
        if phase == .sending { putBack(now, pause: .zero) }
        phase = .idle
        failuresInTurn = 0
        problem = nil
        oldest = .start
    }

    /// Nothing more will come: what waits is sent at once, and not again.
    mutating func close() {
        isClosing = true
        if phase != .sending { phase = .idle }
    }

    /// Gives up all that waits.
    mutating func discard() {
        count(.stopped, UInt64(clamping: waiting))
        (items, batch, waiting, phase) = ([], [], 0, .idle)
    }

    // MARK: Outcomes

    /// What another attempt may change (OTLP 1.x, "Failures": retryable response codes).
    static func isTransient(_ status: UInt16) -> Bool { [429, 502, 503, 504].contains(status) }

    private mutating func succeed() -> News? {
        failuresInTurn = 0
        guard problem != nil else { return nil }
        problem = nil
        return .back
    }

    private mutating func fail(_ reason: String) -> News? {
        failures &+= 1
        failuresInTurn += 1
        if isClosing { discard() }
        defer { problem = reason }
        return problem == nil ? .failing(reason) : nil
    }

    private mutating func drop(_ loss: Loss, _ lost: Int, of spans: Int) {
        count(loss, UInt64(clamping: lost))
        waiting -= spans
        batch = []
        phase = .idle
    }

    private mutating func putBack(_ now: Instant, pause: Interval) {
        items = batch + items
        batch = []
        phase = .pausing(until: now + pause)
        makeRoom()
    }

    /// What is on its way cannot make room, and takes none.
    private mutating func makeRoom() {
        var count = 0
        var spans = batch.reduce(0) { $0 + $1.spans }
        let underWay = spans
        while waiting - spans > bounds.queue, count < items.count {
            spans += items[count].spans
            count += 1
        }
        guard count > 0 else { return }
        items.removeFirst(count)
        waiting -= spans - underWay
        self.count(.queue, UInt64(clamping: spans - underWay))
    }

    /// Half of it is left to chance, so that those who failed together do not come back together.
    private func pause(_ draw: UInt64) -> Interval {
        let doubled = ExportMachine.firstPause * (1 << Int64(min(failuresInTurn, 5)))
        let whole = min(doubled, ExportMachine.longestPause).nanoseconds
        return Interval(nanoseconds: whole / 2 + Int64(draw % UInt64(whole / 2 + 1)))
    }

    /// Never before the time that the collector has named; a time of zero is no reason to hurry.
    private func wish(_ wish: Interval, _ draw: UInt64) -> Interval {
        let least = Interval(nanoseconds: ExportMachine.firstPause.nanoseconds / 2)
        let held = min(max(wish, least), ExportMachine.longestWish).nanoseconds
        return Interval(nanoseconds: held + Int64(draw % UInt64(held / 8 + 1)))
    }
}
