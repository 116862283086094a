// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import ControlPlane

@Suite struct ExportMachineTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private func machine(queue: Int = 100, batch: Int = 10) -> ExportMachine {
        ExportMachine(ExportMachine.Bounds(queue: queue, batch: batch, every: .seconds(5)))
    }

    /// Requests of `spans` spans each, told apart by their numbers.
    private func items(_ numbers: Range<Int>, spans: Int = 1) -> [ExportItem] {
        numbers.map { ExportItem(spans: spans, json: Array("\($0)".utf8)) }
    }

    private func numbers(_ items: [ExportItem]?) -> [Int] {
        (items ?? []).compactMap { Int(String(decoding: $0.json, as: UTF8.self)) }
    }

    @Test func `a batch goes when it is full, or when its first span has waited`() {
        var machine = machine()
        #expect(machine.deadline == .never)
        machine.add(items(0..<3), now: Self.start)
        #expect(machine.next(now: Self.start) == nil)
        #expect(machine.deadline == Self.start + .seconds(5))
        machine.add(items(3..<6), now: Self.start + .seconds(4))
        #expect(numbers(machine.next(now: Self.start + .seconds(5))) == [0, 1, 2, 3, 4, 5])
        #expect(machine.finish(.taken(rejected: 0), now: Self.start, draw: 0) == nil)
        machine.add(items(0..<25), now: Self.start)
        #expect(numbers(machine.next(now: Self.start)) == Array(0..<10))
        #expect(machine.next(now: Self.start + .seconds(60)) == nil, "one at a time")
        _ = machine.finish(.taken(rejected: 0), now: Self.start, draw: 0)
        #expect(numbers(machine.next(now: Self.start)) == Array(10..<20))
        _ = machine.finish(.taken(rejected: 2), now: Self.start, draw: 0)
        #expect(machine.next(now: Self.start) == nil, "five are no batch")
        #expect((machine.exported, machine.lost(.rejected), machine.waiting) == (24, 2, 5))
    }

    @Test func `spans of one request stay together`() {
        var machine = machine(batch: 10)
        machine.add(items(0..<4, spans: 4), now: Self.start)
        #expect(numbers(machine.next(now: Self.start)) == [0, 1])
        _ = machine.finish(.taken(rejected: 0), now: Self.start, draw: 0)
        machine.add(items(9..<10, spans: 40), now: Self.start)
        #expect(numbers(machine.next(now: Self.start)) == [2, 3])
        _ = machine.finish(.taken(rejected: 0), now: Self.start, draw: 0)
        #expect(numbers(machine.next(now: Self.start)) == [9], "larger than a batch, but alone")
    }

    @Test(arguments: [429, 502, 503, 504])
    func `what may pass is sent again, after pauses that grow`(status: UInt16) {
        var machine = machine()
        machine.add(items(0..<10), now: Self.start)
        var now = Self.start
        for (turn, least) in [500, 1000, 2000, 4000, 8000, 15_000, 15_000].enumerated() {
            #expect(numbers(machine.next(now: now)) == Array(0..<10), "turn \(turn)")
            _ = machine.finish(.status(status, retryAfter: nil), now: now, draw: 0)
            #expect(machine.deadline - now == .milliseconds(Int64(least)))
            #expect(machine.next(now: machine.deadline + Interval(nanoseconds: -1)) == nil)
            now = machine.deadline
        }
        _ = machine.next(now: now)
        _ = machine.finish(.taken(rejected: 0), now: now, draw: 0)
        #expect((machine.exported, machine.failures, machine.waiting) == (10, 7, 0))
        machine.add(items(0..<10), now: now)
        _ = machine.next(now: now)
        _ = machine.finish(.lost("no"), now: now, draw: .max)
        let pause = machine.deadline - now
        #expect(pause > .milliseconds(500) && pause <= .seconds(1), "from the beginning again")
    }

    @Test func `a collector's wish to wait is obeyed, within reason`() {
        for (wish, least, most) in [(7, 7.0, 7.9), (0, 0.5, 0.57), (86_400, 300, 337.6)] {
            for draw in [0, UInt64.max] {
                var machine = machine()
                machine.add(items(0..<10), now: Self.start)
                _ = machine.next(now: Self.start)
                let answer = ExportMachine.Answer.status(503, retryAfter: .seconds(Int64(wish)))
                _ = machine.finish(answer, now: Self.start, draw: draw)
                let pause = (machine.deadline - Self.start).seconds
                #expect(pause >= least && pause <= most, "\(wish): \(pause)")
            }
        }
    }

    @Test(arguments: [400, 401, 404, 413, 500, 501, 307])
    func `what will not pass is given up`(status: UInt16) {
        var machine = machine()
        machine.add(items(0..<12), now: Self.start)
        _ = machine.next(now: Self.start)
        let news = machine.finish(.status(status, retryAfter: nil), now: Self.start, draw: 0)
        #expect(news == .failing("it answers with status \(status)"))
        #expect((machine.lost(.rejected), machine.waiting, machine.failures) == (10, 2, 1))
        #expect(machine.deadline == Self.start + .seconds(5))
    }

    @Test func `news come once, and once when it is over`() {
        var machine = machine(queue: 1000)
        machine.add(items(0..<100), now: Self.start)
        var now = Self.start
        func turn(_ answer: ExportMachine.Answer) -> ExportMachine.News? {
            #expect(machine.next(now: now) != nil)
            defer { now = now + .seconds(60) }
            return machine.finish(answer, now: now, draw: 0)
        }
        #expect(turn(.taken(rejected: 0)) == nil)
        #expect(turn(.lost("refused")) == .failing("refused"))
        #expect(turn(.lost("refused")) == nil)
        #expect(turn(.status(503, retryAfter: nil)) == nil)
        #expect(machine.problem == "it answers with status 503")
        #expect(turn(.taken(rejected: 0)) == .back)
        #expect(machine.problem == nil)
        #expect(turn(.taken(rejected: 0)) == nil)
        #expect(turn(.lost("gone")) == .failing("gone"))
    }

    @Test func `the oldest make room, those on their way aside`() {
        var machine = machine(queue: 20)
        machine.add(items(0..<10), now: Self.start)
        #expect(numbers(machine.next(now: Self.start)) == Array(0..<10))
        machine.add(items(10..<35), now: Self.start)
        #expect((machine.waiting, machine.lost(.queue)) == (30, 5), "20 wait, 10 are on their way")
        _ = machine.finish(.lost("no"), now: Self.start, draw: 0)
        #expect((machine.waiting, machine.lost(.queue)) == (20, 15), "what came back is the oldest")
        machine.add(items(35..<40), now: Self.start)
        #expect((machine.waiting, machine.lost(.queue)) == (20, 20))
        #expect(numbers(machine.next(now: machine.deadline)) == Array(20..<30))
        machine.add(items(40..<50), now: Self.start)
        #expect((machine.waiting, machine.lost(.queue)) == (30, 20))
        machine.adopt(ExportMachine.Bounds(queue: 16, batch: 10, every: .seconds(5)))
        #expect((machine.waiting, machine.lost(.queue)) == (26, 24))
        _ = machine.finish(.taken(rejected: 0), now: Self.start, draw: 0)
        #expect((machine.waiting, machine.exported, machine.lost(.queue)) == (16, 10, 24))
    }

    @Test func `another collector gets what the first one had not taken, at once`() {
        var machine = machine()
        machine.add(items(0..<3), now: Self.start)
        #expect(machine.next(now: Self.start + .seconds(5)) != nil)
        machine.recall(now: Self.start + .seconds(6))
        #expect(machine.finish(.taken(rejected: 0), now: Self.start, draw: 0) == nil, "too late")
        #expect(numbers(machine.next(now: Self.start + .seconds(6))) == [0, 1, 2])
        _ = machine.finish(.lost("no"), now: Self.start + .seconds(6), draw: 0)
        #expect(machine.problem == "no")
        machine.recall(now: Self.start + .seconds(6))
        #expect(machine.problem == nil)
        #expect(numbers(machine.next(now: Self.start + .seconds(6))) == [0, 1, 2], "no pause")
    }

    @Test func `at the end all is sent at once, and what fails is not sent again`() {
        var machine = machine()
        machine.add(items(0..<13), now: Self.start)
        _ = machine.next(now: Self.start)
        _ = machine.finish(.lost("no"), now: Self.start, draw: 0)
        machine.close()
        #expect(numbers(machine.next(now: Self.start)) == Array(0..<10))
        _ = machine.finish(.taken(rejected: 0), now: Self.start, draw: 0)
        #expect(numbers(machine.next(now: Self.start)) == [10, 11, 12])
        _ = machine.finish(.lost("no"), now: Self.start, draw: 0)
        #expect(machine.isEmpty && machine.lost(.stopped) == 3 && machine.exported == 10)
    }

    @Test func `whatever happens, no span is lost from the books`() {
        var random = SeededRandom(seed: 11)
        var machine = machine(queue: 50, batch: 7)
        var (added, now) = (UInt64(0), Self.start)
        for step in 0..<20_000 {
            switch random.next(below: 6) {
            case 0...1:
                let new = items(step..<step + Int(random.next(below: 6)), spans: 1 + step % 3)
                added += UInt64(new.reduce(0) { $0 + $1.spans })
                machine.add(new, now: now)
            case 2: now = now + .milliseconds(Int64(random.next(below: 3000)))
            case 3: _ = machine.next(now: now)
            case 4:
                let answers: [ExportMachine.Answer] = [
                    .taken(rejected: 0), .taken(rejected: Int(random.next(below: 9)) - 2),
                    .status(503, retryAfter: .seconds(1)), .status(400, retryAfter: nil),
                    .lost("x"),
                ]
                let answer = answers[Int(random.next(below: 5))]
                _ = machine.finish(answer, now: now, draw: random.next())
            default: if random.next(below: 20) == 0 { machine.recall(now: now) }
            }
            let lost = ExportMachine.Loss.allCases.reduce(0) { $0 + machine.lost($1) }
            #expect(machine.exported + lost + UInt64(machine.waiting) == added)
            #expect(machine.waiting <= 50 + 9)
        }
        #expect(machine.exported > 100)
    }
}

@Suite struct ExportAnswerTests {
    private static let now: Int64 = 784_111_777_000_000_000

    private func read(_ text: String, by step: Int = .max, ends: Bool = false)
        -> ExportMachine.Answer?
    {
        var answer = ExportAnswer()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = rest.prefix(step)
            rest = rest.dropFirst(piece.count)
            if let found = answer.receive(Array(piece), realtime: Self.now) { return found }
        }
        return ends ? answer.end(realtime: Self.now) : nil
    }

    private static func interims(_ count: Int) -> String {
        String(repeating: "HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n", count: count)
    }

    private static let partial = #"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}}"#

    static let cases: [(String, ExportMachine.Answer?)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", .taken(rejected: 0)),
        ("HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n", .taken(rejected: 0)),
        ("HTTP/1.1 204 No\r\n\r\n", .taken(rejected: 0)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: \(partial.utf8.count)\r\n\r\n\(partial)",
            .taken(rejected: 3)
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n\(partial.prefix(20))", nil),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3b\r\n\(partial)\r\n0\r\n\r\n",
            .taken(rejected: 3)
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3b\r\n\(partial)\r\n", nil),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{{{", .taken(rejected: 0)),
        (
            "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            .taken(rejected: 0)
        ),
        ("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", .status(503, retryAfter: .seconds(7))),
        (
            "HTTP/1.1 429 Many\r\nRetry-After: 99999999999999999999\r\n\r\n",
            .status(429, retryAfter: .seconds(86_400))
        ),
        (
            "HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n\r\n",
            .status(503, retryAfter: .seconds(60))
        ),
        (
            "HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:40:00 GMT\r\n\r\n",
            .status(503, retryAfter: .zero)
        ),
        ("HTTP/1.1 503 Busy\r\nRetry-After: soon\r\n\r\n", .status(503, retryAfter: nil)),
        ("HTTP/1.1 503 Busy\r\nRetry-After:\r\n\r\n", .status(503, retryAfter: nil)),
        ("HTTP/1.1 503 Busy\r\nRetry-After: \r\n\r\n", .status(503, retryAfter: nil)),
        (interims(8) + "HTTP/1.1 204 No\r\n\r\n", .taken(rejected: 0)),
        (interims(9) + "HTTP/1.1 204 No\r\n\r\n", .lost("it answers with interim heads only")),
        ("HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n", .status(400, retryAfter: nil)),
        ("SSH-2.0-OpenSSH\r\n\r\n", .lost("what it answers is not HTTP")), ("HTTP/1.1 20", nil),
    ]

    @Test(arguments: cases.indices)
    func `an answer is read, in whatever pieces it comes`(place: Int) {
        let (text, expected) = Self.cases[place]
        #expect(read(text) == expected)
        #expect(read(text, by: 1) == expected)
    }

    @Test func `an end is an answer where that is allowed`() {
        #expect(read("HTTP/1.1 200 OK\r\n\r\n", ends: true) == .taken(rejected: 0))
        #expect(read("HTTP/1.1 200", ends: true) == .lost("it closed the connection"))
        #expect(read("", ends: true) == .lost("it closed the connection"))
        let long = "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 70_000)
        #expect(read(long, by: 4096) == .taken(rejected: 0))
    }

    @Test func `noise never traps`() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<3000 {
            var (text, _) = Self.cases[Int(random.next(below: UInt32(Self.cases.count)))]
            var bytes = Array(text.utf8)
            for _ in 0..<3 {
                bytes[Int(random.next(below: UInt32(bytes.count)))] = UInt8(random.next(below: 256))
            }
            text = String(decoding: bytes, as: UTF8.self)
            _ = read(text, by: 1 + Int(random.next(below: 40)), ends: true)
        }
    }
}
