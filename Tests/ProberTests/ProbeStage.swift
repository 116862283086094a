// SPDX-License-Identifier: Apache-2.0
import Essentials
import Prober
import Runtime
import Testing

let loopback = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)

/// What an endpoint of the stage does with a connection.
enum Part {
    /// Says this when a request has come, then closes.
    case answer([UInt8])
    /// Says this when a request has come, and keeps the connection open.
    case answerAndHold([UInt8])
    /// Says 16 bytes of it whenever the stage turns.
    case drip([UInt8])
    /// Resets when a request has come, after having said this.
    case reset([UInt8])
    /// Accepts and says nothing.
    case silence
    /// Leaves connections in the kernel's queue.
    case absence
}

/// A driver and the endpoints it asks, all on one event loop: no thread, no sleep.
struct ProbeStage: ~Copyable {
    struct Endpoint {
        let listener: FileDescriptor
        var part: Part
        var requests = 0
    }

    struct Visitor {
        let fd: FileDescriptor
        let endpoint: Int
        var said = 0
        var asked: [UInt8] = []
        var isOpen = true
    }

    static let listenerKind: UInt8 = 200
    static let visitorKind: UInt8 = 201

    var loop: EventLoop
    var driver: ProbeDriver
    var endpoints: [Endpoint] = []
    var visitors: [Visitor] = []

    init(concurrentProbes: Int = 64) throws {
        loop = try EventLoop()
        driver = ProbeDriver(
            concurrentProbes: concurrentProbes,
            now: Clock.monotonic(),
            seed: 7
        )
    }

    deinit {
        for endpoint in endpoints { endpoint.listener.close() }
        for visitor in visitors where visitor.isOpen { visitor.fd.close() }
    }

    /// Adds an endpoint and returns its address.
    mutating func add(_ part: Part, backlog: Int32 = 128) throws -> SocketAddress {
        let listener = try Socket.listen(loopback, backlog: backlog, reusePort: false)
        let token = EventToken(kind: ProbeStage.listenerKind, index: endpoints.count)
        if case .absence = part {
        } else {
            loop.add(listener, token: token.raw, interest: [.read])
        }
        endpoints.append(Endpoint(listener: listener, part: part))
        return try #require(Socket.localAddress(listener))
    }

    /// Visitors that still have their connection.
    var openVisitors: Int { visitors.count { $0.isOpen } }

    /// Turns the loop until `count` results have come, or 5 s have gone.
    mutating func results(_ count: Int) -> [ProbeResult] {
        var taken: [ProbeResult] = []
        turn { stage in
            taken += stage.driver.takeResults()
            return taken.count >= count
        }
        return taken
    }

    /// Turns the loop until `isDone` or 5 s have gone; true when it was done.
    @discardableResult
    mutating func turn(until isDone: (inout ProbeStage) -> Bool) -> Bool {
        let limit = Clock.monotonic() + .seconds(5)
        while Clock.monotonic() < limit {
            driver.expire(now: Clock.monotonic(), loop: &loop)
            if isDone(&self) { return true }
            let wait = driver.nextDeadline() - Clock.monotonic()
            let count = loop.wait(
                timeoutMilliseconds: isDripping ? 1 : Int(min(max(wait.milliseconds, 0) + 1, 50))
            )
            for index in 0..<count { dispatch(loop.event(index)) }
            for index in visitors.indices { drip(index) }
        }
        return isDone(&self)
    }

    private var isDripping: Bool {
        visitors.contains { visitor in
            guard case .drip = endpoints[visitor.endpoint].part else { return false }
            return visitor.isOpen
        }
    }

    private mutating func dispatch(_ event: Event) {
        let token = EventToken(raw: event.token)
        switch token.kind {
        case ProbeDriver.eventKind:
            driver.handle(event, loop: &loop, now: Clock.monotonic())
        case ProbeStage.listenerKind: accept(token.index)
        default: hear(token.index)
        }
    }

    private mutating func accept(_ endpoint: Int) {
        while case .connection(let fd, _) = Socket.accept(endpoints[endpoint].listener) {
            let token = EventToken(kind: ProbeStage.visitorKind, index: visitors.count)
            visitors.append(Visitor(fd: fd, endpoint: endpoint))
            loop.add(fd, token: token.raw, interest: [.read])
        }
    }

    private mutating func hear(_ index: Int) {
        guard visitors[index].isOpen else { return }
        var buffer: [UInt8] = []
        var result = IOResult.wouldBlock
        buffer = [UInt8](capacity: 4_096) { output in
            result = Socket.receive(visitors[index].fd, into: &output)
        }
        guard case .count = result else {
            if result != .wouldBlock { leave(index) }
            return
        }
        let wasAsked = isAsked(index)
        visitors[index].asked += buffer
        if !wasAsked, isAsked(index) { speak(index) }
    }

    private func isAsked(_ index: Int) -> Bool {
        // A client of HTTP/2 begins with this, and what it asks follows in the same breath.
        visitors[index].asked.suffix(4) == [13, 10, 13, 10]
            || visitors[index].asked.starts(with: "PRI * HTTP/2.0".utf8)
    }

    private mutating func speak(_ index: Int) {
        let fd = visitors[index].fd
        endpoints[visitors[index].endpoint].requests += 1
        switch endpoints[visitors[index].endpoint].part {
        case .answer(let bytes):
            say(bytes, to: index)
            leave(index)
        case .answerAndHold(let bytes): say(bytes, to: index)
        case .reset(let bytes):
            say(bytes, to: index)
            Socket.resetOnClose(fd)
            leave(index)
        case .drip, .silence, .absence: return
        }
    }

    // A large answer blocks for a moment: the driver reads only when this returns.
    private mutating func say(_ bytes: [UInt8], to index: Int) {
        var sent = 0
        while sent < bytes.count {
            guard
                case .count(let count) = Socket.send(
                    visitors[index].fd,
                    bytes.span.extracting(sent..<bytes.count)
                )
            else { return }
            sent += count
        }
    }

    private mutating func drip(_ index: Int) {
        guard case .drip(let bytes) = endpoints[visitors[index].endpoint].part,
            visitors[index].isOpen, isAsked(index), visitors[index].said < bytes.count
        else { return }
        let said = visitors[index].said
        say(Array(bytes[said...].prefix(16)), to: index)
        visitors[index].said += 16
    }

    private mutating func leave(_ index: Int) {
        visitors[index].fd.close()
        visitors[index].isOpen = false
    }
}
