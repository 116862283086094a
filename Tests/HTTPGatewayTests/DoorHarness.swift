// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// What an origin does when a whole request has come.
enum Part {
    /// Says this and keeps the connection.
    case answer(String)
    /// Says this and finishes.
    case answerAndClose(String)
    /// Says this, which may be nothing, and resets.
    case reset(String)
    /// Says nothing.
    case silence
    /// Says this at the first byte of a request, and reads no further.
    case interrupt(String)
    /// Agrees to switch protocols, then sends back what comes.
    case echo
    /// Says this at the first byte, then sends back what comes.
    case mirror(String)
    /// Answers the key of a WebSocket, then sends back what comes.
    case socket
}

/// One door, its clients and its origins, on one event loop in the test's own thread.
///
/// Nothing sleeps: ``turn(until:)`` steps the loop until a condition holds, and ``advance(_:)``
/// moves the time that the door is told, so a timeout of an hour costs a test no time.
struct DoorHarness: ~Copyable {
    struct Origin {
        var listener: FileDescriptor
        var parts: [Part]
        var requests = 0
        var isListening = true
    }
    struct Visitor {
        let fd: FileDescriptor
        let origin: Int
        var heard: [UInt8] = []
        /// Bytes of `heard` that belong to requests already answered.
        var answered = 0
        var isEchoing = false
        var isOpen = true
        var isDeaf = false
    }
    struct Guest {
        let fd: FileDescriptor
        var heard: [UInt8] = []
        var unsent: [UInt8] = []
        var isOpen = true
        var isFinished = false
        var wasReset = false
        var reads = true
    }

    static let originKind: UInt8 = 200
    static let visitorKind: UInt8 = 201
    static let guestKind: UInt8 = 202
    static let loopback = IPAddress(v4: 0x7f00_0001)

    var loop: EventLoop
    var door: HTTPDoor
    /// What happens when bytes have been taken in that nobody has looked at yet.
    var betweenReceiptAndHandling: ((inout DoorHarness) -> Void)?
    let shared: GatewayShared
    let health: HealthTable
    let load: LoadTable
    let address: SocketAddress
    var plan: GatewayPlan
    var origins: [Origin] = []
    var visitors: [Visitor] = []
    var guests: [Guest] = []
    var skew = Interval.zero
    /// Messages of DNS that requests had, and what they are answered with.
    var asked: [[UInt8]] = []
    var message: [UInt8] = []
    var reply = DNSReply(lifetime: nil, isPersonal: false)

    /// A door in front of one pool with an endpoint per list of parts, the last of which lasts.
    ///
    /// An empty list stands for an endpoint where nobody listens.
    init(
        _ parts: [[Part]] = [[.answer(ok())]],
        workers: Int = 1,
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws {
        var loop = try EventLoop()
        let (origins, endpoints) = try DoorHarness.open(parts, loop: loop)
        var plan = GatewayPlan()
        plan.listeners = [HTTPListenerPlan(name: "in")]
        plan.pools = [PoolDefinition(name: "pool", endpoints: endpoints)]
        plan.poolPlans = [GatewayPoolPlan()]
        plan.routes = [RoutePlan(name: "all", host: .any, path: .prefix("/"), pool: 0)]
        configure(&plan)
        let health = HealthTable(capacity: 64)
        for slot in 0..<64 { health.publish(slot, HealthWord(health: .up, reason: .noProbe)) }
        let load = LoadTable(capacity: 64, workers: workers)
        let shared = try GatewayShared(workers: workers, health: health, load: load)
        let snapshot = GatewaySnapshot(plan, health: health, generation: 1)
        let any = SocketAddress(DoorHarness.loopback, port: 0)
        let listener = try Socket.listen(any, backlog: 512, reusePort: false)
        let address = try #require(Socket.localAddress(listener))
        let base = Clock.monotonic()
        var door = HTTPDoor(worker: 0, shared: shared, snapshot: snapshot, now: base, seed: 5)
        door.open(listener: listener, number: 0, loop: &loop)
        self.loop = loop
        self.door = door
        self.shared = shared
        self.health = health
        self.load = load
        self.address = address
        self.plan = plan
        self.origins = origins
    }

    private static func open(
        _ parts: [[Part]],
        loop: borrowing EventLoop
    ) throws -> ([Origin], [EndpointDefinition]) {
        var endpoints: [EndpointDefinition] = []
        var origins: [Origin] = []
        for (slot, parts) in parts.enumerated() {
            let any = SocketAddress(DoorHarness.loopback, port: 0)
            let listener = try Socket.listen(any, backlog: 256, reusePort: false)
            let address = try #require(Socket.localAddress(listener))
            let token = EventToken(kind: DoorHarness.originKind, index: slot)
            loop.add(listener, token: token.raw, interest: .read)
            endpoints.append(EndpointDefinition(name: "e\(slot)", slot: slot, address: address))
            origins.append(Origin(listener: listener, parts: parts))
            guard parts.isEmpty else { continue }
            listener.close()
            origins[slot].isListening = false
        }
        return (origins, endpoints)
    }

    deinit {
        for origin in origins where origin.isListening { origin.listener.close() }
        for visitor in visitors where visitor.isOpen { visitor.fd.close() }
        for guest in guests where guest.isOpen { guest.fd.close() }
    }

    // MARK: Time

    /// The time that the door is told.
    var now: Instant { Clock.monotonic() + skew }

    /// Lets time pass, and ends what has run out of it.
    mutating func advance(_ time: Interval) {
        skew = skew + time
        door.expire(now: now, loop: &loop)
        turnOnce(wait: 0)
    }

    /// Turns the loop until `isDone` or 5 s have gone; true when it was done.
    @discardableResult
    mutating func turn(until isDone: (inout DoorHarness) -> Bool) -> Bool {
        let limit = Clock.monotonic() + .seconds(5)
        while Clock.monotonic() < limit {
            if isDone(&self) { return true }
            turnOnce(wait: door.hasReadyWork ? 0 : 2)
        }
        return isDone(&self)
    }

    /// Turns the loop until nothing happens any more.
    ///
    /// On a busy machine the kernel may bring what was sent a few milliseconds late, which looks
    /// like quiet: who must not be fooled gives it that time.
    mutating func settle(patience: Int = 0) {
        var quiet = 0
        for _ in 0..<10_000 where quiet < 3 {
            let happened = turnOnce(wait: quiet > 0 ? patience : 0)
            quiet = happened == 0 && !door.hasReadyWork ? quiet + 1 : 0
        }
    }

    @discardableResult
    mutating func turnOnce(wait: Int) -> Int {
        let count = loop.wait(timeoutMilliseconds: wait)
        for index in 0..<count {
            door.prefetch(from: index, upTo: count, loop: &loop, now: now)
            betweenReceiptAndHandling?(&self)
            let event = loop.event(index)
            let token = EventToken(raw: event.token)
            switch token.kind {
            case DoorHarness.originKind: welcome(token.index)
            case DoorHarness.visitorKind: hear(token.index)
            case DoorHarness.guestKind: receive(token.index)
            default: door.handle(event, loop: &loop, now: now)
            }
        }
        door.expire(now: now, loop: &loop)
        answerQuestions()
        door.finishBatch(loop: &loop, now: now)
        return count
    }

    /// Does what the DNS door would do with messages.
    private mutating func answerQuestions() {
        let (answer, kept) = (message, reply)
        while let request = door.nextQuestion(loop: &loop) {
            let question = door.question
            asked.append([UInt8](capacity: question.count) { _ = $0.write(question) })
            door.answer(request, with: answer.span, kept, loop: &loop)
        }
    }

    // MARK: Clients

    /// Connects a client and returns its number.
    mutating func connect() -> Int {
        switch Socket.connect(to: address) {
        case .connected(let fd), .inProgress(let fd):
            let token = EventToken(kind: DoorHarness.guestKind, index: guests.count)
            loop.add(fd, token: token.raw, interest: [.read, .write, .edge])
            guests.append(Guest(fd: fd))
            return guests.count - 1
        case .failed(let error):
            Issue.record("no connection: \(error)")
            guests.append(Guest(fd: .none, isOpen: false))
            return guests.count - 1
        }
    }

    /// Connects a client that says this at once.
    mutating func visit(_ text: String) -> Int {
        let guest = connect()
        send(guest, text)
        return guest
    }

    mutating func send(_ guest: Int, _ text: String) { send(guest, Array(text.utf8)) }

    mutating func send(_ guest: Int, _ bytes: [UInt8]) {
        guests[guest].unsent += bytes
        flush(guest)
    }

    private mutating func flush(_ guest: Int) {
        while !guests[guest].unsent.isEmpty, guests[guest].isOpen {
            let unsent = guests[guest].unsent
            let result = Socket.send(guests[guest].fd, unsent.span)
            guard case .count(let sent) = result else { return }
            guests[guest].unsent.removeFirst(sent)
        }
    }

    /// The client says that it has finished sending.
    mutating func finish(_ guest: Int) { Socket.shutdownWrite(guests[guest].fd) }

    /// The client goes away, with a reset if told so.
    mutating func leave(_ guest: Int, reset: Bool = false) {
        guard guests[guest].isOpen else { return }
        if reset { Socket.resetOnClose(guests[guest].fd) }
        guests[guest].fd.close()
        guests[guest].isOpen = false
    }

    /// What the client has been told.
    func heard(_ guest: Int) -> String { String(decoding: guests[guest].heard, as: UTF8.self) }

    /// Turns until the client has heard this text; returns all it has heard.
    @discardableResult
    mutating func hear(_ guest: Int, until text: String) -> String {
        turn { $0.heard(guest).contains(text) }
        return heard(guest)
    }

    /// Turns until the client's connection has ended; returns all it has heard.
    @discardableResult
    mutating func hearAll(_ guest: Int) -> String {
        turn { $0.guests[guest].isFinished }
        return heard(guest)
    }

    private mutating func receive(_ guest: Int) {
        flush(guest)
        guard guests[guest].isOpen, guests[guest].reads else { return }
        let got = DoorHarness.read(guests[guest].fd, into: &guests[guest].heard)
        if got == .wouldBlock { return }
        guests[guest].isFinished = true
        if case .failed = got { guests[guest].wasReset = true }
    }

    /// A client that does not read takes so many bytes at most.
    mutating func take(_ guest: Int, _ count: Int) {
        let bytes = [UInt8](capacity: count) { output in
            _ = Socket.receive(guests[guest].fd, into: &output)
        }
        guests[guest].heard += bytes
    }

    /// A client that had stopped reading reads again.
    mutating func resume(_ guest: Int) {
        guests[guest].reads = true
        receive(guest)
    }

    private static func read(_ fd: FileDescriptor, into heard: inout [UInt8]) -> IOResult {
        while true {
            var result = IOResult.wouldBlock
            let bytes = [UInt8](capacity: 65_536) { output in
                result = Socket.receive(fd, into: &output)
            }
            heard += bytes
            guard case .count = result else { return result }
        }
    }

    // MARK: Origins

    private mutating func welcome(_ origin: Int) {
        while case .connection(let fd, _) = Socket.accept(origins[origin].listener) {
            let token = EventToken(kind: DoorHarness.visitorKind, index: visitors.count)
            loop.add(fd, token: token.raw, interest: [.read, .edge])
            visitors.append(Visitor(fd: fd, origin: origin))
        }
    }

    private mutating func hear(_ visitor: Int) {
        guard visitors[visitor].isOpen, !visitors[visitor].isDeaf else { return }
        let got = DoorHarness.read(visitors[visitor].fd, into: &visitors[visitor].heard)
        play(visitor)
        guard visitors[visitor].isOpen, got != .wouldBlock else { return }
        visitors[visitor].fd.close()
        visitors[visitor].isOpen = false
    }

    private mutating func play(_ visitor: Int) {
        while visitors[visitor].isOpen {
            let text = visitors[visitor].heard[visitors[visitor].answered...]
            if visitors[visitor].isEchoing {
                visitors[visitor].answered = visitors[visitor].heard.count
                if !text.isEmpty { say(visitor, Array(text)) }
                return
            }
            let origin = visitors[visitor].origin
            let place = min(origins[origin].requests, origins[origin].parts.count - 1)
            let part = origins[origin].parts[place]
            var length = text.count
            switch part {
            case .interrupt, .mirror: guard !text.isEmpty else { return }
            default:
                guard let whole = DoorHarness.requestLength(Array(text)) else { return }
                length = whole
            }
            origins[origin].requests += 1
            visitors[visitor].answered += length
            if case .socket = part { accept(Array(text.prefix(length)), visitor) }
            act(part, visitor)
        }
    }

    private mutating func act(_ part: Part, _ visitor: Int) {
        switch part {
        case .answer(let text): say(visitor, Array(text.utf8))
        case .answerAndClose(let text):
            say(visitor, Array(text.utf8))
            close(visitor)
        case .reset(let text):
            say(visitor, Array(text.utf8))
            close(visitor, reset: true)
        case .silence, .socket: break
        case .interrupt(let text):
            visitors[visitor].isDeaf = true
            say(visitor, Array(text.utf8))
        case .mirror(let text):
            visitors[visitor].isEchoing = true
            say(visitor, Array(text.utf8))
        case .echo:
            visitors[visitor].isEchoing = true
            let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            say(visitor, Array((head + "Connection: Upgrade\r\n\r\n").utf8))
        }
    }

    /// RFC 6455 §4.2.2.
    private mutating func accept(_ request: [UInt8], _ visitor: Int) {
        visitors[visitor].isEchoing = true
        let text = String(decoding: request, as: UTF8.self)
        let place = text.lowercased().range(of: "sec-websocket-key: ")?.upperBound
        let key = place.map { text[$0...].prefix { $0 != "\r\n" } } ?? ""
        let challenge = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        let digest = PlainDigest.sha1(challenge.span)
        let answer = [UInt8](capacity: 64) { output in
            if let digest { _ = Base64.encode(digest.span, into: &output) }
        }
        let head =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Accept: "
        say(visitor, Array(head.utf8) + answer + Array("\r\n\r\n".utf8))
    }

    /// An origin's connection says something of its own accord.
    mutating func say(_ visitor: Int, _ bytes: [UInt8]) {
        guard visitors[visitor].isOpen else { return }
        _ = Socket.send(visitors[visitor].fd, bytes.span)
    }

    /// The same, for more than may fit; how much did.
    mutating func sayPart(_ visitor: Int, _ bytes: [UInt8]) -> Int {
        guard case .count(let count) = Socket.send(visitors[visitor].fd, bytes.span) else {
            return 0
        }
        return count
    }

    mutating func close(_ visitor: Int, reset: Bool = false) {
        guard visitors[visitor].isOpen else { return }
        if reset { Socket.resetOnClose(visitors[visitor].fd) }
        visitors[visitor].fd.close()
        visitors[visitor].isOpen = false
    }

    /// All that the origin was told by all its connections, in order of their opening.
    func told(_ origin: Int) -> String {
        visitors.filter { $0.origin == origin }
            .map { String(decoding: $0.heard, as: UTF8.self) }.joined()
    }

    /// Bytes of the first request; nil while it is not whole.
    private static func requestLength(_ bytes: [UInt8]) -> Int? {
        // One character per byte, whatever the byte.
        let text = String(decoding: bytes.map { $0 & 0x7f }, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let head = text[..<end.lowerBound].lowercased()
        let headLength = text[..<end.upperBound].utf8.count
        if let place = head.range(of: "content-length: ") {
            let length = Int(head[place.upperBound...].prefix { $0.isNumber }) ?? 0
            return bytes.count - headLength >= length ? headLength + length : nil
        }
        guard head.contains("transfer-encoding: chunked") else { return headLength }
        guard let last = text[end.upperBound...].range(of: "0\r\n\r\n") else { return nil }
        return text[..<last.upperBound].utf8.count
    }

    // MARK: Numbers

    func count(_ counter: DoorCounter) -> Int {
        Int(shared.metrics[0].load(GatewayMetrics.index(counter)))
    }

    func count(_ fault: Fault) -> Int { Int(shared.metrics[0].load(GatewayMetrics.fault(fault))) }

    /// The access log lines written since the last call.
    func lines() throws -> [String] {
        guard shared.accessLog[0].waiting > 0 else { return [] }
        let (near, far) = try Socket.pair()
        defer {
            near.close()
            far.close()
        }
        var bytes: [UInt8] = []
        while shared.accessLog[0].waiting > 0 {
            _ = try shared.accessLog[0].drain(to: near, limit: 16_384)
            bytes += try Socket.receiveMessage(far).message
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// A whole response with a length.
func ok(_ body: String = "hello", fields: String = "") -> String {
    "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

extension StringProtocol {
    /// The first place of a text.
    func range(of text: String) -> Range<Index>? {
        let wanted = Array(text.utf8)
        guard !wanted.isEmpty else { return nil }
        let bytes = Array(utf8)
        guard bytes.count >= wanted.count else { return nil }
        for start in 0...(bytes.count - wanted.count)
        where bytes[start] == wanted[0] && Array(bytes[start..<start + wanted.count]) == wanted {
            let lower = utf8.index(startIndex, offsetBy: start)
            return lower..<utf8.index(lower, offsetBy: wanted.count)
        }
        return nil
    }
}
