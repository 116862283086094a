// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// The demonstration's clients: `demo-traffic FOLDER PORT RATE CONNECTIONS`, silent and counting.
///
/// It never sends a request twice, so a failure of Martlet is a failure in its counts.
struct TrafficClient: ~Copyable {
    /// What became of the requests.
    struct Counts: Equatable {
        var answered = 0
        var failed = 0
        /// Turns at which no connection was free.
        var skipped = 0

        var line: String { "answered \(answered) failed \(failed) skipped \(skipped)\n" }

        init() {}

        init?(line: String) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count == 6, let answered = Int(words[1]), let failed = Int(words[3]),
                let skipped = Int(words[5])
            else { return nil }
            (self.answered, self.failed, self.skipped) = (answered, failed, skipped)
        }
    }

    private struct Connection {
        enum Phase { case closed, connecting, idle, asked }

        var phase = Phase.closed
        var fd = FileDescriptor.none
        var generation: UInt32 = 0
        var deadline = Instant.never
        var input: [UInt8] = []
    }

    private static let kind: UInt8 = 100
    private static let signalKind: UInt8 = 101
    private static let patience = Interval.seconds(10)
    private static let paths = [
        "/", "/api/items", "/api/items/7", "/photos/3.jpg", "/search?q=swift", "/api/cart",
    ]

    private var loop: EventLoop
    private let signals: FileDescriptor
    private let target: SocketAddress
    private let file: String
    private let gap: Interval
    private var connections: [Connection]
    private var fields: FieldTable
    private var counts = Counts()
    private var turn = 0
    private var nextRequest = Clock.monotonic()
    private var nextReport = Clock.monotonic()

    static func run(arguments: [String]) -> Int32 {
        ProcessControl.dieWithParent(signal: DemoSignal.kill)
        ProcessControl.leaveProcessGroup()
        guard arguments.count == 4, let port = UInt16(arguments[1]), let rate = Int64(arguments[2]),
            let connections = Int(arguments[3]), rate > 0, connections > 0
        else { return 2 }
        do throws(SystemError) {
            var client = try TrafficClient(
                folder: arguments[0],
                target: SocketAddress(Demo.loopback, port: port),
                gap: Interval(nanoseconds: 1_000_000_000 / rate),
                connections: connections
            )
            client.work()
            return 0
        } catch {
            ProcessControl.printError("martlet demo-traffic: \(error)")
            return 1
        }
    }

    private init(
        folder: String,
        target: SocketAddress,
        gap: Interval,
        connections: Int
    ) throws(SystemError) {
        let signals = try ProcessControl.watch(signals: [DemoSignal.terminate])
        loop = try EventLoop()
        self.signals = signals
        fields = FieldTable(limit: 100)
        self.target = target
        self.gap = gap
        file = "\(folder)/traffic"
        self.connections = [Connection](repeating: Connection(), count: connections)
        let token = EventToken(kind: TrafficClient.signalKind, index: 0)
        loop.add(signals, token: token.raw, interest: .read)
    }

    /// Works until it is told to end.
    private mutating func work() {
        var isEnding = false
        while !isEnding {
            let now = Clock.monotonic()
            if now >= nextReport { report(now) }
            askWhatIsDue(now)
            expire(now)
            let next = min(nextRequest, nextReport)
            let wait = max((next - Clock.monotonic()).milliseconds, 0)
            let count = loop.wait(timeoutMilliseconds: Int(clamping: wait))
            for index in 0..<count {
                let event = loop.event(index)
                if EventToken(raw: event.token).kind == TrafficClient.signalKind {
                    isEnding = ProcessControl.nextSignal(signals) != nil
                } else {
                    handle(event)
                }
            }
        }
        report(Clock.monotonic())
    }

    private mutating func report(_ now: Instant) {
        nextReport = now + .seconds(2)
        try? File.writeAtomically(file, Array(counts.line.utf8), mode: 0o644)
    }

    private mutating func askWhatIsDue(_ now: Instant) {
        // After a pause of the whole machine there is no catching up in one burst.
        if now - nextRequest > .seconds(1) { nextRequest = now }
        while nextRequest <= now {
            nextRequest = nextRequest + gap
            turn &+= 1
            let places = connections.indices.map { ($0 + turn) % connections.count }
            guard
                let place = places.first(where: {
                    connections[$0].phase == .idle || connections[$0].phase == .closed
                })
            else {
                counts.skipped += 1
                continue
            }
            if connections[place].phase == .idle { ask(place) } else { connect(place) }
        }
    }

    private mutating func connect(_ place: Int) {
        let fd: FileDescriptor
        switch Socket.connect(to: target) {
        case .connected(let made), .inProgress(let made): fd = made
        case .failed:
            counts.failed += 1
            return
        }
        connections[place].generation &+= 1
        connections[place].fd = fd
        connections[place].phase = .connecting
        connections[place].deadline = Clock.monotonic() + TrafficClient.patience
        let handle = Handle(index: UInt32(place), generation: connections[place].generation)
        let token = EventToken(kind: TrafficClient.kind, handle: handle)
        loop.add(fd, token: token.raw, interest: [.read, .write, .edge])
    }

    private mutating func ask(_ place: Int) {
        let path = TrafficClient.paths[turn % TrafficClient.paths.count]
        let request = "GET \(path) HTTP/1.1\r\nHost: \(Demo.host)\r\nUser-Agent: demo\r\n\r\n"
        connections[place].input.removeAll(keepingCapacity: true)
        connections[place].phase = .asked
        connections[place].deadline = Clock.monotonic() + TrafficClient.patience
        let bytes = Array(request.utf8)
        guard Socket.send(connections[place].fd, bytes.span) == .count(bytes.count) else {
            fail(place)
            return
        }
    }

    private mutating func handle(_ event: Event) {
        let token = EventToken(raw: event.token)
        guard connections.indices.contains(token.index) else { return }
        let place = token.index
        let generation = connections[place].generation
        guard token.names(Handle(index: UInt32(place), generation: generation)) else { return }
        if connections[place].phase == .connecting {
            guard Socket.error(connections[place].fd) == nil else { return fail(place) }
            if event.isWritable { ask(place) }
        }
        guard event.isReadable || event.isHangUp || event.isError else { return }
        while connections[place].phase == .asked || connections[place].phase == .idle {
            var result = IOResult.wouldBlock
            let fd = connections[place].fd
            let bytes = [UInt8](capacity: 8_192) { result = Socket.receive(fd, into: &$0) }
            switch result {
            case .count:
                connections[place].input += bytes
                judge(place)
            case .wouldBlock: return
            case .endOfStream, .failed:
                // An idle connection may be closed at any time; that loses nothing.
                if connections[place].phase == .asked { return fail(place) }
                close(place)
            }
        }
    }

    /// Looks whether the answer is whole.
    private mutating func judge(_ place: Int) {
        guard connections[place].phase == .asked else { return close(place) }
        let input = connections[place].input
        var parser = ResponseParser(limits: HeadLimits())
        var head = ResponseHead()
        var fields = FieldTable(limit: 0)
        swap(&fields, &self.fields)
        let result = parser.parse(
            input.span,
            requestMethod: .get,
            fields: &fields,
            head: &head
        )
        swap(&fields, &self.fields)
        switch result {
        case .needMore: return
        case .refused: return fail(place)
        case .complete: break
        }
        if case .length(let length) = head.framing {
            guard UInt64(input.count &- head.length) >= length else { return }
        }
        if head.status < 500 { counts.answered += 1 } else { counts.failed += 1 }
        connections[place].phase = .idle
        connections[place].deadline = .never
        if !head.isPersistent { close(place) }
    }

    private mutating func fail(_ place: Int) {
        counts.failed += 1
        close(place)
    }

    private mutating func close(_ place: Int) {
        connections[place].fd.close()
        connections[place].fd = .none
        connections[place].generation &+= 1
        connections[place].phase = .closed
        connections[place].deadline = .never
    }

    private mutating func expire(_ now: Instant) {
        for place in connections.indices where connections[place].deadline <= now { fail(place) }
    }
}
