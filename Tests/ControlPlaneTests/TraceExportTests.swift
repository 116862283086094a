// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPProtocol
import Runtime
import Testing

@testable import ControlPlane
@testable import HTTPGateway

/// Settings of an export to this machine.
private func settings(_ options: String = "", port: UInt16 = 4318) throws -> OTLPSettings {
    let text = "tracing: { otlp: { endpoint: 'http://127.0.0.1:\(port)', queue: 4096 \(options) } }"
    let read = ConfigurationReader().read(Array(text.utf8), file: "t.yaml")
    return try #require(read.configuration?.settings.tracing.otlp)
}

/// A request that is over: one span, and one more for each attempt.
private func record(_ number: Int, slots: [Int] = []) -> SpanRecord {
    var request = RequestRecord()
    request[.status] = 200
    request.words[RequestRecord.Place.id + 1] = UInt64(number)
    for (place, slot) in slots.enumerated() {
        var attempt = RequestRecord.Attempt(slot: slot, status: 200, fault: 0, began: 1, ended: 2)
        attempt.number = place + 1
        request.add(attempt)
    }
    let trace = TraceContext(traceID: 7, spanID: UInt64(number) + 1, parentID: 0, flags: 1)
    return SpanRecord(request: request, trace: trace)
}

@Suite struct SpanIntakeTests {
    private func taken(_ intake: inout SpanIntake, _ rings: [SpanRing], _ limit: Int) -> [Int] {
        var found: [Int] = []
        intake.take(rings, upTo: limit) { found.append(Int($0.trace.spanID) - 1) }
        return found
    }

    @Test func `one busy worker among many gets the whole limit`() {
        let rings = (0..<64).map { _ in SpanRing() }
        for number in 0..<900 { rings[17].write(record(number)) }
        var intake = SpanIntake()
        #expect(taken(&intake, rings, 512) == Array(0..<512))
        #expect(taken(&intake, rings, 512) == Array(512..<900))
        #expect(taken(&intake, rings, 512) == [])
        #expect(taken(&intake, [], 512) == [])
    }

    @Test func `busy workers get the same, and what one has not the others may have`() {
        let rings = (0..<4).map { _ in SpanRing() }
        for number in 0..<300 {
            for ring in [0, 1, 3] { rings[ring].write(record(ring * 1000 + number)) }
        }
        for number in 0..<20 { rings[2].write(record(2000 + number)) }
        var intake = SpanIntake()
        var counts = [0, 0, 0, 0]
        // A limit that is no multiple of a turn, so that the first ring is not always the same.
        for _ in 0..<10 {
            for number in taken(&intake, rings, 37) { counts[number / 1000] += 1 }
        }
        #expect(counts[2] == 20)
        for ring in [0, 1, 3] { #expect((100...135).contains(counts[ring]), "\(counts)") }
        for number in taken(&intake, rings, .max) { counts[number / 1000] += 1 }
        #expect(counts == [300, 300, 20, 300])
    }

    @Test func `what found no room is counted once`() {
        let rings = [SpanRing(), SpanRing()]
        for number in 0..<SpanRing.capacity + 3 { rings[1].write(record(number)) }
        var intake = SpanIntake()
        #expect(intake.takeRefused(rings) == 3)
        #expect(intake.takeRefused(rings) == 0)
    }
}

@Suite struct TraceExportTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)
    private let rings = [SpanRing(), SpanRing(), SpanRing()]

    private func texts(_ export: borrowing TraceExport) -> String {
        var machine = export.machine
        machine.close()
        let items = machine.next(now: Self.start + .seconds(1000)) ?? []
        return items.map { String(decoding: $0.json, as: UTF8.self) }.joined(separator: "\n")
    }

    @Test func `rings are looked into in shares`() throws {
        var loop = try EventLoop()
        var export = TraceExport()
        export.configure(try settings(), nil, SpanWriter(), rings, now: Self.start)
        for number in 0..<1000 { rings[1].write(record(number)) }
        let first = export.deadline
        #expect(first == Self.start + .milliseconds(100))
        // Without an answer for its name nothing is sent.
        _ = export.follow(rings, nil, now: first, loop: &loop)
        #expect(export.machine.waiting == TraceExport.share)
        _ = export.follow(rings, nil, now: first + .milliseconds(100), loop: &loop)
        #expect(export.machine.waiting == 1000)
    }

    @Test func `without an answer for its name nothing is sent, and nothing is wrong`() throws {
        var loop = try EventLoop()
        var export = TraceExport()
        export.configure(try settings(", every: 100ms"), nil, SpanWriter(), rings, now: Self.start)
        rings[0].write(record(1))
        var now = Self.start
        for _ in 0..<40 {
            now = max(now + .milliseconds(1), export.deadline)
            let news = export.follow(rings, nil, now: now, loop: &loop)
            #expect(news == nil)
            #expect(export.deadline > now, "it does not ask again at once")
        }
        #expect((export.machine.failures, export.machine.problem) == (0, nil))
        #expect(export.machine.waiting == 1)
        // No address is an answer.
        now = export.deadline
        let news = export.follow(rings, [], now: now + .milliseconds(100), loop: &loop)
        #expect(news == .failing("its name does not resolve"))
    }

    @Test func `what lies in the rings is told with the names that it was written under`() throws {
        let view = try StillSurface().view
        var export = TraceExport()
        let old = SpanWriter(pools: view.pools, gateway: nil)
        export.configure(try settings(), nil, old, rings, now: Self.start)
        rings[2].write(record(1, slots: [0]))
        var pools = view.pools
        pools[0].endpoints[0].name = "newcomer"
        let new = SpanWriter(pools: pools, gateway: nil)
        export.configure(try settings(), nil, new, rings, now: Self.start)
        let first = texts(export)
        #expect(first.contains("\"one\"") && !first.contains("newcomer"))
        // What comes later from a slot that was given away has the new name, and others keep theirs.
        pools[0].endpoints.removeAll { $0.slot == 1 }
        let last = SpanWriter(pools: pools, gateway: nil)
        export.configure(try settings(), nil, last, rings, now: Self.start)
        rings[2].write(record(2, slots: [0, 1]))
        export.configure(try settings(", share: 9%"), nil, last, rings, now: Self.start)
        let second = texts(export)
        #expect(second.contains("newcomer") && second.contains("\"two\""))
    }

    @Test func `at the end rings are emptied in shares, up to the queue's bound`() throws {
        var loop = try EventLoop()
        var export = TraceExport()
        var bounded = try settings()
        bounded.queue = 1200
        export.configure(bounded, nil, SpanWriter(), rings, now: Self.start)
        for ring in rings { for number in 0..<600 { ring.write(record(number)) } }
        var now = Self.start
        var isOver = export.close(rings, now: now)
        #expect(!isOver)
        var turns = 0
        while export.deadline <= now, turns < 20 {
            let before = export.machine.waiting
            _ = export.follow(rings, nil, now: now, loop: &loop)
            let taken = export.machine.waiting - before
            #expect(taken <= TraceExport.share)
            isOver = export.close(rings, now: now)
            #expect(!isOver)
            turns += 1
            now = now + .milliseconds(1)
        }
        #expect(turns == 3)
        #expect((export.machine.waiting, export.machine.lost(.stopped)) == (1200, 600))
        #expect(rings.allSatisfy { $0.take() == nil })
        isOver = export.close(rings, now: Self.start + TraceExport.farewell)
        #expect(isOver)
    }

    @Test func `at the end nothing has to be waited for where there is nothing`() throws {
        var loop = try EventLoop()
        var export = TraceExport()
        export.configure(try settings(), nil, SpanWriter(), rings, now: Self.start)
        let before = export.close(rings, now: Self.start)
        _ = export.follow(rings, nil, now: Self.start, loop: &loop)
        let after = export.close(rings, now: Self.start)
        #expect(!before && after)
    }
}

/// An export, and a collector whose answers a test gives.
private struct CollectorStage: ~Copyable {
    var loop: EventLoop
    var export = TraceExport()
    let rings = [SpanRing()]
    let listener: FileDescriptor
    let port: UInt16
    var now = Instant(nanoseconds: 1_000_000_000_000)
    var open: [FileDescriptor] = []
    var heard: [String] = []
    var news: [ExportMachine.News] = []

    init() throws {
        let any = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)
        let listener = try Socket.listen(any, backlog: 16, reusePort: false)
        let loop = try EventLoop()
        port = Socket.localAddress(listener)?.port ?? 0
        self.listener = listener
        self.loop = loop
    }

    deinit {
        listener.close()
        for fd in open { fd.close() }
    }

    mutating func configure(_ options: String) throws {
        export.configure(try settings(options, port: port), nil, SpanWriter(), rings, now: now)
    }

    /// Hands a request over, and sends it in a batch of its own.
    mutating func send(_ number: Int) {
        rings[0].write(record(number))
        now = now + .seconds(1)
        step()
        now = now + .seconds(1)
        step()
    }

    mutating func step() {
        for _ in 0..<20 {
            if let found = export.follow(rings, [IPAddress(v4: 0x7f00_0001)], now: now, loop: &loop)
            {
                news.append(found)
            }
            let count = loop.wait(timeoutMilliseconds: 1)
            for place in 0..<count {
                if let found = export.handle(loop.event(place), now: now) { news.append(found) }
            }
            while case .connection(let fd, _) = Socket.accept(listener) {
                open.append(fd)
                heard.append("")
            }
            for place in open.indices { listen(place) }
        }
    }

    private mutating func listen(_ place: Int) {
        let bytes = [UInt8](capacity: 65_536) { output in
            _ = Socket.receive(open[place], into: &output)
        }
        heard[place] += String(decoding: bytes, as: UTF8.self)
    }

    mutating func answer(_ place: Int, _ text: String) {
        guard open.indices.contains(place) else { return }
        _ = Socket.send(open[place], Array(text.utf8).span)
        step()
    }

    mutating func close(_ place: Int) {
        guard open.indices.contains(place) else { return }
        Socket.shutdownWrite(open[place])
        step()
    }

    /// The numbers of the spans that a connection brought.
    func brought(_ place: Int) -> [Int] {
        guard heard.indices.contains(place) else { return [] }
        return heard[place].components(after: "\"spanId\":\"", count: 16).map {
            (Int($0, radix: 16) ?? 0) - 1
        }
    }
}

extension String {
    /// So many characters behind each place where a text stands.
    fileprivate func components(after text: String, count: Int) -> [String] {
        var found: [String] = []
        let (bytes, wanted) = (Array(utf8), Array(text.utf8))
        var place = 0
        while place + wanted.count + count <= bytes.count {
            if bytes[place..<place + wanted.count].elementsEqual(wanted) {
                place += wanted.count
                found.append(String(decoding: bytes[place..<place + count], as: UTF8.self))
            } else {
                place += 1
            }
        }
        return found
    }
}

@Suite(.timeLimit(.minutes(1))) struct ExportDriverTests {
    private static let fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    @Test func `batches follow each other on one connection`() throws {
        var stage = try CollectorStage()
        try stage.configure(", every: 100ms")
        for number in 1...4 {
            stage.send(number)
            stage.answer(0, Self.fine)
        }
        #expect(stage.open.count == 1 && stage.brought(0) == [1, 2, 3, 4])
        #expect((stage.export.machine.exported, stage.export.machine.waiting) == (4, 0))
        #expect(!stage.heard[0].contains("Connection: close"))
        // Kept for a while, and no longer.
        #expect(stage.export.deadline <= stage.now + ExportDriver.idleTime)
        stage.now = stage.now + ExportDriver.idleTime + .seconds(1)
        stage.step()
        stage.send(5)
        #expect(stage.open.count == 2 && stage.brought(1) == [5])
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "\(fine)x",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
    ])
    func `a connection that is not at a known place is not used again`(text: String) throws {
        var stage = try CollectorStage()
        try stage.configure(", every: 100ms")
        stage.send(1)
        stage.answer(0, text)
        stage.send(2)
        #expect(stage.open.count == 2 && stage.brought(1) == [2])
    }

    @Test(arguments: [true, false])
    func `a connection that was closed while it was kept is nobody's failure`(early: Bool) throws {
        var stage = try CollectorStage()
        try stage.configure(", every: 100ms")
        stage.send(1)
        stage.answer(0, Self.fine)
        if early { stage.close(0) }
        stage.send(2)
        if !early { stage.close(0) }
        #expect(stage.open.count == 2 && stage.brought(1) == [2])
        stage.answer(1, Self.fine)
        #expect((stage.export.machine.exported, stage.export.machine.failures) == (2, 0))
        #expect(stage.news.isEmpty)
        // On a new connection the same is one.
        stage.send(3)
        stage.answer(1, "HTTP/1.1 2")
        stage.close(1)
        #expect(stage.news == [.failing("it closed the connection")])
    }

    @Test func `what is said on a connection that waits ends it`() throws {
        var stage = try CollectorStage()
        try stage.configure(", every: 100ms")
        stage.send(1)
        stage.answer(0, Self.fine)
        stage.answer(0, "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n")
        stage.send(2)
        #expect(stage.open.count == 2 && stage.news.isEmpty)
    }

    @Test func `with the head of a success spans are taken, though the rest never comes`() throws {
        var stage = try CollectorStage()
        try stage.configure(", every: 100ms, timeout: 5s")
        stage.send(1)
        stage.answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        #expect(stage.export.machine.exported == 0)
        stage.now = stage.now + .seconds(6)
        stage.step()
        #expect((stage.export.machine.exported, stage.export.machine.failures) == (1, 0))
        #expect(stage.export.machine.waiting == 0 && stage.news.isEmpty)
        stage.send(2)
        stage.answer(1, "HTTP/1.1 103 Hints\r\n\r\n")
        stage.now = stage.now + .seconds(6)
        stage.step()
        #expect(stage.news == [.failing("no answer came in time")])
    }

    @Test(arguments: ["queue: 5000", "batch: 100", "share: 3%", "timeout: 9s", "every: 200ms"])
    func `other bounds leave a batch where it is`(option: String) throws {
        var stage = try CollectorStage()
        try stage.configure(", every: 100ms")
        stage.send(1)
        let plain = option.hasPrefix("every") ? "" : ", every: 100ms"
        if option.hasPrefix("queue") {
            var other = try settings(plain, port: stage.port)
            other.queue = 5000
            stage.export.configure(other, nil, SpanWriter(), stage.rings, now: stage.now)
        } else {
            try stage.configure("\(plain), \(option)")
        }
        stage.answer(0, Self.fine)
        #expect(stage.export.machine.exported == 1)
        #expect(stage.open.count == 1 && stage.brought(0) == [1])
    }

    @Test(arguments: ["headers: { A: b }", "service: other", "attributes: { a: b }"])
    func `what a collector would be told otherwise is sent anew`(option: String) throws {
        var stage = try CollectorStage()
        try stage.configure(", every: 100ms")
        stage.send(1)
        try stage.configure(", every: 100ms, \(option)")
        stage.step()
        #expect(stage.open.count == 2 && stage.brought(1) == [1])
        // But for what the collector has, though it has not said all.
        stage.answer(1, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        try stage.configure(", every: 100ms")
        stage.step()
        #expect(stage.open.count == 2 && stage.export.machine.exported == 1)
    }
}
