// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
public import Essentials
public import Runtime
internal import Steering

/// The kinds of this door's event tokens.
public enum DNSEventKind {
    /// A UDP socket, by its listener's number.
    public static let datagrams: UInt8 = 32
    /// A TCP listener, by its number.
    public static let listener: UInt8 = 33
    /// A TCP connection, by its handle.
    public static let connection: UInt8 = 34
    /// Sessions that come back from ``TLSSigner``.
    public static let signer: UInt8 = 35
    /// A queue of an interface, by its place among those of the door.
    public static let packets: UInt8 = 36
    /// All kinds of the door.
    public static let range: ClosedRange<UInt8> = 32...47
}

/// Hop 1: answers DNS queries on one worker's sockets.
///
/// UDP goes in batches: up to 64 datagrams in one call, the answers back in another. TCP
/// (see DNSDoor+Streams, and DNSDoor+Security for TLS) is kept from harming UDP: one read per connection and
/// turn, bounded answers in hand, an idle timeout that trickling octets do not extend.
public struct DNSDoor: ~Copyable {
    let anchor = Anchor()
    /// Datagrams taken in one call, and batches taken before others get their turn.
    static let batchSize = 64
    static let batchesPerTurn = 8
    /// Octets of a UDP query that are looked at; a longer one is malformed or not for us.
    static let inputSize = 1232
    /// So many datagrams in one turn are a load under which the next turn finds more of them.
    static let busyCount = 32
    /// How long accepting rests when descriptors have run out.
    static let acceptPause = Interval.milliseconds(100)

    struct Listener {
        var datagrams = FileDescriptor.none
        // Looked at each turn, and not reported by the loop; see `receive`.
        var isPolled = false
        // What the socket sends together.
        var bundleLimit = BundleLimit()
        var stream = FileDescriptor.none
        var acceptsAgainAt = Instant.never
    }

    let shared: DNSShared
    let worker: Int
    let words: SharedWords
    let book: AnswerBook
    // Of `shared`, taken once: whoever asks for it counts references.
    let accounts: ResponseAccounts
    // What records have in common; taken of the snapshot once, since that costs references.
    var origin: AnswerBook.Origin
    var sampler: QuerySampler
    var snapshot: DNSSnapshot
    var listeners: [Listener] = []
    /// Queues of interfaces; see DNSDoor+Packets.
    var packetDoors: [PacketDoor?] = []
    var polledPackets = 0
    var batch: DatagramBatch
    var outputSize: Int
    var queries: [DNSQuery]
    var residue: UInt32 = 0
    var random: SeededRandom
    var now: Instant

    var connections: Slab<DNSConnection>
    var buffers: BufferPool
    var timers: TimerWheel
    var scratch: Scratch
    var tls = TLSSessions(limit: 1 << 16)
    /// Zones on their way, by the place of the connection.
    var transfers: [Int: [OutgoingTransfer]] = [:]
    /// Answers that have come late to a connection whose peer takes nothing just now.
    var late: [Int: [[UInt8]]] = [:]
    // Connections whose sessions hold bytes that no event will tell of.
    var ready: [Handle] = []
    // True once the loop tells of sessions that come back.
    var hearsSigner = false
    var isShuttingDown = false

    /// A door without sockets.
    public init(
        worker: Int,
        shared: DNSShared,
        snapshot: DNSSnapshot,
        now: Instant,
        seed: UInt64
    ) {
        self.shared = shared
        self.worker = max(worker, 0)
        words = shared.metrics[max(worker, 0) % shared.metrics.count]
        accounts = shared.accounts
        book = shared.books[max(worker, 0) % shared.books.count]
        origin = AnswerBook.Origin(worker: worker, snapshot)
        sampler = QuerySampler(seed: ~seed)
        self.snapshot = snapshot
        self.snapshot.signing = snapshot.signing.using(shared.signatures(of: self.worker))
        outputSize = DNSDoor.outputSize(snapshot)
        batch = DatagramBatch(
            capacity: DNSDoor.batchSize,
            inputSize: DNSDoor.inputSize,
            outputSize: outputSize
        )
        queries = Array(repeating: DNSQuery.read(Span()), count: DNSDoor.batchSize)
        random = SeededRandom(seed: seed)
        self.now = now
        connections = Slab(limit: 1 << 16)
        buffers = BufferPool(limit: 4096)
        timers = TimerWheel(now: now)
        scratch = Scratch(capacity: DNSConnection.answerLimit)
        sampler.setInterval(book.queries.capacity > 0 ? snapshot.sampleInterval : 0)
        sampler.setLogInterval(snapshot.logInterval)
    }

    private static func outputSize(_ snapshot: DNSSnapshot) -> Int {
        snapshot.listeners.reduce(Int(AnswerContext.defaultEDNSSize)) {
            max($0, Int($1.ednsSize))
        }
    }

    /// Serves from another snapshot from the next query on.
    public mutating func adopt(_ snapshot: DNSSnapshot) {
        book.tidy(snapshot.slotsGiven, after: self.snapshot.generation)
        self.snapshot = snapshot
        self.snapshot.signing = snapshot.signing.using(shared.signatures(of: worker))
        origin = AnswerBook.Origin(worker: origin.worker, snapshot)
        sampler.setInterval(book.queries.capacity > 0 ? snapshot.sampleInterval : 0)
        sampler.setLogInterval(snapshot.logInterval)
        let size = DNSDoor.outputSize(snapshot)
        guard size > outputSize else { return }
        outputSize = size
        batch = DatagramBatch(
            capacity: DNSDoor.batchSize,
            inputSize: DNSDoor.inputSize,
            outputSize: size
        )
    }

    /// The number of the snapshot in use.
    public var generation: UInt64 { snapshot.generation }

    /// True when nothing is open: a worker that is to stop may stop.
    public var isIdle: Bool {
        connections.count == 0
            && listeners.allSatisfy { $0.datagrams.isNone && $0.stream.isNone }
            && !packetDoors.contains { $0 != nil }
    }

    func settings(_ listener: Int) -> DNSDoorSettings {
        guard snapshot.listeners.indices.contains(listener) else { return DNSDoorSettings() }
        return snapshot.listeners[listener]
    }

    // MARK: Sockets

    /// Takes queries at a UDP socket, which is the door's from now on.
    public mutating func open(
        datagrams socket: FileDescriptor,
        number: Int,
        loop: inout EventLoop
    ) {
        guard makeRoom(number) else { return socket.close() }
        listeners[number].datagrams.close()
        listeners[number].datagrams = socket
        listeners[number].isPolled = false
        listeners[number].bundleLimit = BundleLimit()
        let token = EventToken(kind: DNSEventKind.datagrams, index: number)
        loop.add(socket, token: token.raw, interest: .read)
    }

    /// Takes connections at a TCP listener, which is the door's from now on.
    public mutating func open(
        listener socket: FileDescriptor,
        number: Int,
        loop: inout EventLoop
    ) {
        guard makeRoom(number) else { return socket.close() }
        listeners[number].stream.close()
        listeners[number].stream = socket
        let token = EventToken(kind: DNSEventKind.listener, index: number)
        loop.add(socket, token: token.raw, interest: .read)
    }

    private mutating func makeRoom(_ number: Int) -> Bool {
        guard number >= 0, number < DNSShared.listenerLimit, !isShuttingDown else { return false }
        while listeners.count <= number { listeners.append(Listener()) }
        return true
    }

    /// Answers what waits at the sockets of a listener and closes them; connections stay.
    public mutating func closeListener(number: Int, loop: inout EventLoop) {
        guard listeners.indices.contains(number) else { return }
        closePackets(number: number, loop: &loop)
        if !listeners[number].datagrams.isNone { receive(number, &loop) }
        if !listeners[number].stream.isNone { accept(number, &loop) }
        // The supervisor holds copies: closing alone would not end the reports.
        for socket in [listeners[number].datagrams, listeners[number].stream]
        where !socket.isNone {
            loop.remove(socket)
            socket.close()
        }
        listeners[number] = Listener()
    }

    /// Closes all sockets; connections end when they have their answers.
    public mutating func beginShutdown(loop: inout EventLoop, now: Instant) {
        self.now = now
        for number in listeners.indices { closeListener(number: number, loop: &loop) }
        isShuttingDown = true
        for place in 0..<connections.highWater where !connections.handle(at: place).isNone {
            if connections[place].mayEnd { close(place) } else { hurry(place) }
        }
    }

    // MARK: Events

    /// Handles one event whose token has a kind of ``DNSEventKind``.
    public mutating func handle(_ event: Event, loop: inout EventLoop, now: Instant) {
        self.now = now
        let token = EventToken(raw: event.token)
        switch token.kind {
        case DNSEventKind.datagrams:
            guard listeners.indices.contains(token.index) else { return }
            receive(token.index, &loop)
        case DNSEventKind.listener:
            guard listeners.indices.contains(token.index) else { return }
            accept(token.index, &loop)
        case DNSEventKind.connection:
            let handle = connections.handle(at: token.index)
            guard !handle.isNone, token.names(handle) else { return }
            serve(token.index, event, &loop)
        case DNSEventKind.signer: takeSignatures(&loop)
        case DNSEventKind.packets: handlePackets(token.index, event, &loop)
        default: break
        }
    }

    /// Closes connections that have taken too long, and accepts again after a pause.
    public mutating func expire(now: Instant, loop: inout EventLoop) {
        self.now = now
        while let place = timers.popExpired(now: now) {
            guard !connections.handle(at: place).isNone else { continue }
            expireConnection(place)
        }
        for number in listeners.indices where listeners[number].acceptsAgainAt <= now {
            listeners[number].acceptsAgainAt = .never
            let token = EventToken(kind: DNSEventKind.listener, index: number)
            loop.modify(listeners[number].stream, token: token.raw, interest: .read)
        }
    }

    /// When ``expire(now:loop:)`` has something to do.
    public func nextDeadline() -> Instant {
        var deadline = timers.nextDeadline()
        for listener in listeners { deadline = min(deadline, listener.acceptsAgainAt) }
        return deadline
    }

    // MARK: UDP

    /// True while the door wants to be asked again without waiting.
    public var isPolling: Bool {
        for listener in listeners where listener.isPolled { return true }
        return !ready.isEmpty || polledPackets > 0
    }

    /// Takes what has come to sockets under load, and what sessions hold; called once a turn.
    public mutating func poll(loop: inout EventLoop, now: Instant) {
        self.now = now
        for number in listeners.indices where listeners[number].isPolled { receive(number, &loop) }
        if polledPackets > 0 { pollPackets(&loop) }
        serveReady(&loop)
    }

    // A socket that epoll watches tells it of every datagram that has left it, a lock each: 3 % of
    // what a query costs. So while there is always something to read, it is not watched.
    private mutating func watch(_ number: Int, _ received: Int, _ loop: inout EventLoop) {
        let socket = listeners[number].datagrams
        if listeners[number].isPolled, received == 0 {
            let token = EventToken(kind: DNSEventKind.datagrams, index: number)
            listeners[number].isPolled = !loop.add(socket, token: token.raw, interest: .read)
        } else if !listeners[number].isPolled, received >= DNSDoor.busyCount {
            loop.remove(socket)
            listeners[number].isPolled = true
        }
    }

    private mutating func receive(_ number: Int, _ loop: inout EventLoop) {
        let socket = listeners[number].datagrams
        guard !socket.isNone else { return }
        let received = answerDatagrams(of: .socket(socket), number)
        watch(number, received, &loop)
    }

    /// Answers what has come for a listener by a socket or a queue; how much that was.
    mutating func answerDatagrams(
        of source: DatagramSource,
        _ number: Int,
        limit: UInt16 = .max
    ) -> Int {
        let settings = settings(number)
        var context = AnswerContext(
            now: now,
            random: random,
            ednsSize: min(settings.ednsSize, limit),
            conduct: snapshot.conduct
        )
        context.timestamp = DNSDoor.timestamp()
        context.listener = Int16(truncatingIfNeeded: number)
        var tally = DNSTally()
        var warmer = LookupWarmer()
        var received = 0
        for _ in 0..<DNSDoor.batchesPerTurn {
            guard let taken = take(from: source) else { break }
            received &+= taken
            let count = batch.count
            DNSDoor.read(&queries, count, batch)
            warmer.warm(queries, count: count, snapshot.zones.view)
            var updates = BatchPlaces()
            let replies = DNSDoor.answer(
                queries,
                count,
                &batch,
                snapshot,
                settings.subnets,
                accounts,
                book,
                origin,
                &sampler,
                &context,
                &tally,
                &updates
            )
            if !updates.isEmpty {
                random = context.random
                handIn(updates, number)
                context.random = random
            }
            if let sent = send(to: source, number), sent < replies {
                tally.add(.unsent, UInt32(truncatingIfNeeded: replies &- sent))
            }
            if batch.bundledCount > 0 {
                tally.add(.bundled, UInt32(truncatingIfNeeded: batch.bundledCount))
            }
            // A batch that is not full has emptied the socket: asking again would cost a call.
            guard taken == DNSDoor.batchSize else { break }
        }
        residue = warmer.residue
        random = context.random
        note(tally)
        return received
    }

    /// Seconds since 1970, modulo 2^32.
    static func timestamp() -> UInt32 {
        UInt32(truncatingIfNeeded: Clock.realtime() / 1_000_000_000)
    }

    private static func read(
        _ queries: inout [DNSQuery],
        _ count: Int,
        _ batch: borrowing DatagramBatch
    ) {
        var places = queries.mutableSpan
        for index in 0..<min(count, places.count) { places[index].take(batch.bytes(index)) }
    }

    // Static, with its parts as arguments: a closure over `self` would claim all of it at once.
    private static func answer(
        _ queries: borrowing [DNSQuery],
        _ count: Int,
        _ batch: inout DatagramBatch,
        _ snapshot: borrowing DNSSnapshot,
        _ subnets: SubnetTrust,
        _ accounts: borrowing ResponseAccounts,
        _ book: borrowing AnswerBook,
        _ origin: AnswerBook.Origin,
        _ sampler: inout QuerySampler,
        _ context: inout AnswerContext,
        _ tally: inout DNSTally,
        _ updates: inout BatchPlaces
    ) -> Int {
        let views = snapshot.views
        let steer = snapshot.steer
        let isLimited = snapshot.rates.isOn
        var replies = 0
        for index in 0..<count {
            let query = queries[index]
            if let source = batch.source(index) { context.setClient(source) }
            context.hearsSubnet =
                query.edns.subnet != nil && snapshot.trusts(context.client, subnets)
            sampler.mark(&context)
            batch.reply(index) { request, output in
                var outcome = Authority.answer(
                    query,
                    request,
                    snapshot,
                    views,
                    steer,
                    &context,
                    into: &output
                )
                if isUpdate(outcome, query), snapshot.takesUpdates {
                    updates.insert(index)
                    return output.removeAll()
                }
                if isLimited, !outcome.isDropped {
                    let verdict = judge(outcome, of: query, snapshot, accounts, &context)
                    if verdict != .send, !snapshot.rates.isTrial {
                        let isGone = withhold(
                            verdict,
                            &outcome,
                            of: query,
                            request,
                            context,
                            &tally,
                            into: &output
                        )
                        if isGone { return }
                    } else if verdict != .send {
                        tally.add(.rateExceeded)
                    }
                }
                tally.add(outcome, .queriesUDP)
                if outcome.isNotice { book.tell(request, context, outcome) }
                context.count(outcome, of: query.type, in: book, steer)
                guard !outcome.isDropped else { return }
                replies &+= 1
                if context.isSampled {
                    book.keep(query, outcome, context, output, from: 0, origin)
                }
                sampler.advance()
            }
        }
        return replies
    }

    func note(_ tally: DNSTally) {
        for counter in 0..<words.count where tally[counter] > 0 {
            words.addOwned(counter, UInt64(tally[counter]))
        }
    }
}
