// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Essentials
internal import HTTPGateway
internal import Runtime
internal import Steering

/// One thread of the data path: an event loop and both doors, owned by value.
///
/// It waits, hands each event to its door, ends what has taken too long, and only then looks at
/// its mailbox: a snapshot is never exchanged in the middle of a batch. It never waits for
/// anything but events.
struct Worker: ~Copyable {
    private let index: Int
    private let mailbox: Mailbox<WorkerCommand>
    private let words: WorkerWords
    private let health: HealthTable
    private var loop: EventLoop
    private var http: HTTPDoor
    private var dns: DNSDoor
    private var snapshot: ServingSnapshot
    private var isStopping = false
    private var nextTick = Instant.start
    private var needsTick = true
    private var turnBegan: Instant
    /// Places of the events that were fetched and not handled yet.
    private var fetched = 0..<0

    static let mailboxKind: UInt8 = 1
    /// A turn that has lasted so long leaves the rest of its events to the next: timers, mail and
    /// those whose work was put off do not wait for hundreds of others.
    static let turnLimit = Interval.microseconds(500)

    init(
        index: Int,
        group: WorkerGroup,
        shared: DoorsShared,
        health: HealthTable,
        snapshot: ServingSnapshot
    ) throws(SystemError) {
        self.index = index
        self.health = health
        self.snapshot = snapshot
        mailbox = group.mailboxes[index]
        words = group.words
        loop = try EventLoop()
        let now = Clock.monotonic()
        turnBegan = now
        http = HTTPDoor(
            worker: index,
            shared: shared.http,
            snapshot: snapshot.gateway,
            now: now,
            seed: ProcessControl.randomSeed()
        )
        dns = DNSDoor(
            worker: index,
            shared: shared.dns,
            snapshot: snapshot.dns,
            now: now,
            seed: ProcessControl.randomSeed()
        )
        let token = EventToken(kind: Worker.mailboxKind, index: 0)
        loop.add(mailbox.descriptor, token: token.raw, interest: .read)
        words.store(.generation, worker: index, snapshot.number)
    }

    /// Serves until it is told to stop and has nothing left to do.
    mutating func run() {
        while !isFinished {
            let waited = Clock.monotonic()
            words.countTurn(waited - turnBegan, worker: index)
            turnBegan = waited
            if fetched.isEmpty { fetch(waited) }
            let now = turnBegan
            if now >= nextTick { tick(now, isBusy: !fetched.isEmpty) }
            let hasMail = handleEvents(now)
            if dns.isPolling { dns.poll(loop: &loop, now: now) }
            http.expire(now: now, loop: &loop)
            dns.expire(now: now, loop: &loop)
            answerQuestions(now)
            http.finishBatch(loop: &loop, now: now)
            if hasMail { for command in mailbox.drain() { carryOut(command, now) } }
            note()
        }
        words.store(.finished, worker: index, 1)
    }

    /// Waits for events; the turn begins when they are there.
    private mutating func fetch(_ waited: Instant) {
        let count = loop.wait(timeoutMilliseconds: timeout())
        turnBegan = Clock.monotonic()
        http.noteTurn(waited: waited, now: turnBegan)
        fetched = 0..<count
    }

    /// Hands events to their doors until the turn has lasted long enough; true when there is mail.
    private mutating func handleEvents(_ now: Instant) -> Bool {
        var hasMail = false
        var place = fetched.lowerBound
        while place < fetched.upperBound {
            http.prefetch(from: place, upTo: fetched.upperBound, loop: &loop, now: now)
            let event = loop.event(place)
            switch EventToken(raw: event.token).kind {
            case 16...31: http.handle(event, loop: &loop, now: now)
            case 32...47: dns.handle(event, loop: &loop, now: now)
            case Worker.mailboxKind: hasMail = true
            default: break
            }
            place &+= 1
            if place % HTTPDoor.prefetchBatch == 0, Clock.monotonic() - now > Worker.turnLimit {
                break
            }
        }
        fetched = place..<fetched.upperBound
        return hasMail
    }

    /// Has the DNS door answer what has come to the HTTP door (RFC 8484).
    private mutating func answerQuestions(_ now: Instant) {
        while let request = http.nextQuestion(loop: &loop) {
            let answer = dns.answer(http.question, from: request.client, now: now)
            let reply = DNSReply(lifetime: answer.lifetime, isPersonal: answer.isPersonal)
            http.answer(request, with: dns.answerBytes, reply, loop: &loop)
        }
    }

    private var isFinished: Bool { isStopping && http.isIdle && dns.isIdle }

    private func timeout() -> Int {
        guard !http.hasReadyWork, !dns.isPolling else { return 0 }
        let deadline = min(http.nextDeadline(), dns.nextDeadline(), needsTick ? nextTick : .never)
        guard deadline != .never else { return -1 }
        let wait = (deadline - Clock.monotonic()).nanoseconds
        // Rounded up: waking a moment early would only mean to wait again.
        return wait <= 0 ? 0 : Int(clamping: (wait &+ 999_999) / 1_000_000)
    }

    /// Four times a second while there is something to do, and once more after it: date, memory
    /// that lies idle.
    private mutating func tick(_ now: Instant, isBusy: Bool) {
        nextTick = now + .milliseconds(250)
        needsTick = isBusy
        http.tick(now: now, realtime: Clock.realtime())
        let cpu = Clock.threadCPU().nanoseconds
        words.store(.cpu, worker: index, UInt64(clamping: cpu))
        let shedding = http.shedding
        words.store(.lag, worker: index, UInt64(clamping: shedding.lag.nanoseconds))
        words.store(.shedding, worker: index, UInt64(shedding.level.rawValue))
    }

    private func note() {
        words.store(.healthGeneration, worker: index, health.generation)
        words.store(.batches, worker: index, words.load(.batches, worker: index) &+ 1)
    }

    private mutating func carryOut(_ command: WorkerCommand, _ now: Instant) {
        switch command {
        case .adopt(let snapshot):
            self.snapshot = snapshot
            http.adopt(snapshot.gateway, loop: &loop, now: now)
            dns.adopt(snapshot.dns)
            words.store(.generation, worker: index, snapshot.number)
        case .open(let sockets): for socket in sockets { open(socket) }
        case .close(let places, let order):
            for place in places { close(place) }
            words.store(.closed, worker: index, order)
        case .closeConnections(let slot, let closing):
            http.closeConnections(toSlot: slot, closing, loop: &loop, now: now)
        case .openPackets(let number, let mtu, let queue):
            dns.open(packets: queue, mtu: mtu, number: number, loop: &loop)
        case .closePackets(let number): dns.closePackets(number: number, loop: &loop)
        case .answerUpdates(let replies): dns.deliver(replies, loop: &loop)
        case .stop(let farewell):
            isStopping = true
            http.beginShutdown(farewell, loop: &loop, now: now)
            dns.beginShutdown(loop: &loop, now: now)
        }
    }

    private mutating func open(_ socket: WorkerSocket) {
        let number = socket.place.number
        switch socket.place.door {
        case .http: http.open(listener: socket.descriptor, number: number, loop: &loop)
        case .dns where socket.isStream, .dot:
            dns.open(listener: socket.descriptor, number: number, loop: &loop)
        case .dns: dns.open(datagrams: socket.descriptor, number: number, loop: &loop)
        case .admin: socket.descriptor.close()
        }
    }

    private mutating func close(_ place: WorkerPlace) {
        switch place.door {
        case .http: http.closeListener(number: place.number, loop: &loop)
        case .dns, .dot: dns.closeListener(number: place.number, loop: &loop)
        case .admin: break
        }
    }
}
