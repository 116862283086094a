// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Essentials
import HTTPProtocol
import Runtime
import Testing

@testable import ControlPlane

/// A service on one connection, without a socket: requests in, answers out, time by hand.
struct ServiceTalk: ~Copyable {
    var exchange: ServiceExchange
    var fields = FieldTable(limit: 100)
    var moment = Moment(now: Instant(nanoseconds: 1_000_000_000), realtime: 0)
    var asked: [ServiceRequest] = []
    var answers = ""
    var gate: ServiceGate?

    init(limits: ServiceLimits = ServiceLimits()) {
        exchange = ServiceExchange(limits: limits, at: moment)
    }

    /// Sends text and lets the handler answer everything that is whole.
    mutating func send(
        _ text: String,
        answering answer: (ServiceRequest) -> ServiceResponse? = { _ in .text("ok") }
    ) {
        exchange.receive(Array(text.utf8).span, at: moment)
        work(answer)
    }

    mutating func work(_ answer: (ServiceRequest) -> ServiceResponse? = { _ in .text("ok") }) {
        for _ in 0..<10 {
            let step = exchange.next(fields: &fields, at: moment, gate: gate)
            if case .request(let request) = step {
                asked.append(request)
                if let response = answer(request) { exchange.answer(response, at: moment) }
            }
            take()
            guard case .request = step else { return }
        }
    }

    /// Reads what the peer would read.
    mutating func take() {
        let rest = exchange.output[exchange.sent...]
        answers += String(decoding: rest, as: UTF8.self)
        exchange.noteSent(rest.count, at: moment)
    }

    mutating func advance(_ interval: Interval) {
        moment.now = moment.now + interval
        if exchange.deadline <= moment.now { exchange.expire(at: moment) }
        take()
    }
}

@Suite struct ServiceExchangeTests {
    @Test func `a request is answered with length and date, and the connection stays`() {
        var talk = ServiceTalk()
        talk.send("GET /a%20b?x=1 HTTP/1.1\r\nHost: LocalHost:9180\r\nX-A: b\r\n\r\n")
        let answers = talk.answers
        let request = talk.asked.first
        let isIdle = talk.exchange.phase == .idle
        #expect(answers.hasPrefix("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"))
        #expect(answers.hasSuffix("Content-Length: 2\r\n\r\nok"))
        #expect(request?.path == "/a%20b")
        #expect(request?.segments == ["a b"])
        #expect(request?.query == "x=1")
        #expect(request?.host == "localhost")
        #expect(request?.authority == "localhost:9180")
        #expect(request?.field("x-a") == "b")
        #expect(isIdle)
    }

    @Test(arguments: ["Content-Length: 5000000", "Transfer-Encoding: chunked"])
    func `what a gate refuses is not read on`(framing: String) {
        var talk = ServiceTalk()
        talk.gate = { $0.field("key") == nil ? .text("no", status: 401) : nil }
        talk.send("POST /a HTTP/1.1\r\nHost: a\r\nKey: k\r\nContent-Length: 2\r\n\r\nok")
        let first = talk.asked.count
        talk.send("POST /a HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
        let (answers, asked) = (talk.answers, talk.asked.count)
        let isLingering = talk.exchange.phase == .lingering
        #expect(first == 1 && asked == 1)
        #expect(answers.contains("HTTP/1.1 401 ") && answers.contains("Connection: close"))
        #expect(isLingering)
    }

    @Test func `a request that comes byte by byte is the same request`() {
        var talk = ServiceTalk()
        for byte in "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" {
            talk.send(String(byte))
        }
        let bodies = talk.asked.map(\.body)
        #expect(bodies == [Array("abc".utf8)])
    }

    @Test func `pipelined requests are answered in order, one at a time`() {
        var talk = ServiceTalk()
        let one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        let two = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
        talk.send(one + two) { .text($0.path) }
        let answers = talk.answers
        #expect(answers.split(separator: "HTTP/1.1 200 OK").count == 2)
        #expect(answers.hasSuffix("/2"))
    }

    @Test func `while the handler works on an answer, the next request waits`() {
        var talk = ServiceTalk()
        let one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        talk.send(one + one) { _ in nil }
        let before = (talk.asked.count, talk.answers, talk.exchange.wantsInput)
        #expect(before.0 == 1)
        #expect(before.1.isEmpty)
        #expect(!before.2, "the socket is the queue")
        talk.exchange.answer(.text("late"), at: talk.moment)
        talk.take()
        talk.work()
        let after = (talk.asked.count, talk.answers)
        #expect(after.0 == 2)
        #expect(after.1.contains("late"))
    }

    @Test func `a client that has said all it will say still gets its answers`() {
        var talk = ServiceTalk()
        let one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        talk.exchange.receive(Array((one + one).utf8).span, at: talk.moment)
        talk.exchange.receiveEnd()
        talk.work()
        let (asked, phase) = (talk.asked.count, talk.exchange.phase)
        #expect(asked == 2)
        #expect(phase == .finished)
        var half = ServiceTalk()
        half.exchange.receive(Array("GET /1 HT".utf8).span, at: half.moment)
        half.exchange.receiveEnd()
        half.work()
        let (answers, end) = (half.answers, half.exchange.phase)
        #expect(answers.isEmpty)
        #expect(end == .finished)
    }

    @Test func `mutated requests are answered or refused, never a crash`() {
        let seeds = [
            "GET /api/v1/explain?url=http://a/%41 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "PATCH /api/v1/pools/a/endpoints/[::1]:1 HTTP/1.1\r\nHost: [::1]:9180\r\n"
                + "Content-Length: 12\r\n\r\n{\"weight\":1}",
            "POST /api/v1/reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5;a=b\r\nabcde\r\n0\r\nA: b\r\n\r\n",
        ]
        var random = SeededRandom(seed: 5)
        let gate = AdminGuard(listen: nil)
        var judged = 0
        for round in 0..<3000 {
            var bytes = Array(seeds[round % seeds.count].utf8)
            for _ in 0...random.next(below: 4) {
                let place = Int(random.next(below: UInt32(bytes.count)))
                switch random.next(below: 3) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(bytes[place], at: place)
                }
            }
            var talk = ServiceTalk()
            talk.exchange.receive(bytes.span, at: talk.moment)
            talk.exchange.receiveEnd()
            talk.work { request in
                if gate.refusal(of: request) != nil { return .text("host") }
                return (try? AdminQuestion(request)) == nil ? .text("problem") : .text("ok")
            }
            if !talk.answers.isEmpty { judged += 1 }
        }
        #expect(judged > 1000)
    }

    @Test func `a chunked body arrives without its coding`() {
        var talk = ServiceTalk()
        talk.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab")
        talk.send("c\r\n2;x=y\r\nde\r\n0\r\nETag: t\r\n\r\nGET /n HTTP/1.1\r\nHost: a\r\n\r\n")
        let asked = talk.asked.map { "\($0.path) \(String(decoding: $0.body, as: UTF8.self))" }
        #expect(asked == ["/ abcde", "/n "])
    }

    @Test func `a client that waits for 100 is told to go on`() {
        var talk = ServiceTalk()
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        talk.send(head)
        let interim = talk.answers
        talk.send("hi")
        let answers = talk.answers
        #expect(interim == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(answers.contains("200 OK"))
    }

    @Test func `HEAD gets the head of GET and no body`() {
        var talk = ServiceTalk()
        talk.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let answers = talk.answers
        #expect(answers.hasSuffix("Content-Length: 2\r\n\r\n"))
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "host-missing"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "400",
            "M3001"
        ),
        ("GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n", "400", "control-byte"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505", "version-unsupported"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", "413", "M3002"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n", "400",
            "chunk-size"
        ),
        ("GET /?" + String(repeating: "x", count: 9000), "414", "target-length"),
    ])
    func `what cannot be taken is refused as a problem, and the connection ends`(
        text: String,
        status: String,
        word: String
    ) {
        var talk = ServiceTalk()
        talk.send(text)
        let answers = talk.answers
        let asked = talk.asked.count
        let phase = talk.exchange.phase
        #expect(answers.contains(status) && answers.contains(word), "\(answers)")
        #expect(answers.contains("application/problem+json"))
        #expect(answers.contains("Connection: close"))
        #expect(asked == 0)
        #expect(phase == .lingering)
    }

    @Test func `a chunked body that never ends is cut at the limit`() {
        var limits = ServiceLimits()
        limits.body = 10
        var talk = ServiceTalk(limits: limits)
        talk.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<4 { talk.send("4\r\nabcd\r\n") }
        let answers = talk.answers
        #expect(answers.contains(" 413 "))
    }

    @Test func `Connection close is obeyed`() {
        var talk = ServiceTalk()
        talk.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let answers = talk.answers
        let phase = talk.exchange.phase
        #expect(answers.contains("Connection: close\r\n"))
        #expect(phase == .lingering)
    }

    @Test func `a value that would make a second field line is left out`() {
        var talk = ServiceTalk()
        let evil = ServiceResponse(status: 200, fields: [("X-A", "b\r\nX-C: d")], body: .bytes([]))
        talk.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") { _ in evil }
        let answers = talk.answers
        #expect(!answers.contains("X-C"))
    }
}

@Suite struct ServiceDeadlineTests {
    @Test func `a head that is not whole in 10 s is answered with 408`() {
        var talk = ServiceTalk()
        talk.send("GET / HT")
        talk.advance(.seconds(5))
        talk.send("TP/1.1\r\n")
        talk.advance(.seconds(4))
        let early = talk.answers
        talk.advance(.seconds(1))
        let late = talk.answers
        #expect(early.isEmpty)
        #expect(late.hasPrefix("HTTP/1.1 408 ") && late.contains("M3003"))
    }

    @Test func `a connection that asks nothing is closed, sooner before its first request`() {
        var talk = ServiceTalk()
        talk.advance(.seconds(10))
        let first = talk.exchange.phase
        #expect(first == .finished)
        var other = ServiceTalk()
        other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        other.advance(.seconds(59))
        let before = other.exchange.phase
        other.advance(.seconds(1))
        let after = other.exchange.phase
        #expect(before == .idle)
        #expect(after == .finished)
    }

    @Test func `a client that takes no byte of an answer is given up after 10 s`() {
        var talk = ServiceTalk()
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        talk.exchange.receive(Array(request.utf8).span, at: talk.moment)
        guard case .request = talk.exchange.next(fields: &talk.fields, at: talk.moment) else {
            Issue.record("no request")
            return
        }
        talk.exchange.answer(.text("never read"), at: talk.moment)
        talk.moment.now = talk.moment.now + .seconds(10)
        talk.exchange.expire(at: talk.moment)
        let phase = talk.exchange.phase
        #expect(phase == .finished)
    }
}

@Suite struct ServiceStreamTests {
    private func opened() -> ServiceTalk {
        var limits = ServiceLimits()
        limits.streamBacklog = 20
        var talk = ServiceTalk(limits: limits)
        talk.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") { _ in
            ServiceResponse(status: 200, body: .stream(topic: 1, opening: Array("open\n".utf8)))
        }
        return talk
    }

    @Test func `a stream sends what is published, and a comment when it is silent`() {
        var talk = opened()
        talk.exchange.publish(Array("one\n".utf8), at: talk.moment)
        talk.take()
        talk.advance(.seconds(15))
        let answers = talk.answers
        #expect(answers.contains("Connection: close\r\n\r\nopen\none\n: still here\n\n"))
        #expect(!answers.contains("Content-Length"))
    }

    @Test func `a reader that falls too far behind is cut off`() {
        var talk = opened()
        let first = talk.exchange.publish(Array(repeating: 0x61, count: 20), at: talk.moment)
        let second = talk.exchange.publish([0x61], at: talk.moment)
        let phase = talk.exchange.phase
        #expect(first && !second)
        #expect(phase == .finished)
    }
}

@Suite struct ServiceListenerTests {
    /// Asks a service over a real socket, both ends in one loop.
    private func ask(_ text: String, limits: ServiceLimits = ServiceLimits()) throws -> String {
        var loop = try EventLoop()
        var service = ServiceListener(limits: limits)
        let listener = try Socket.listen(
            SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0),
            backlog: 8,
            reusePort: false
        )
        let address = try #require(Socket.localAddress(listener))
        service.open(listener, number: 3, loop: &loop)
        var client = FileDescriptor.none
        switch Socket.connect(to: address) {
        case .connected(let fd), .inProgress(let fd): client = fd
        case .failed(let error): throw error
        }
        defer { client.close() }
        loop.add(client, token: 1, interest: [.read, .write])
        var isSent = false
        var answer: [UInt8] = []
        for _ in 0..<1000 {
            let count = loop.wait(timeoutMilliseconds: 2000)
            guard count > 0 else { break }
            for index in 0..<count {
                let event = loop.event(index)
                let moment = Moment(now: Clock.monotonic(), realtime: Clock.realtime())
                if service.owns(kind: EventToken(raw: event.token).kind) {
                    service.handle(event, loop: &loop, at: moment) { request in
                        .now(.text("\(request.listener) \(request.path) \(request.body.count)"))
                    }
                    continue
                }
                if !isSent, event.isWritable {
                    isSent = true
                    _ = Socket.send(client, Array(text.utf8).span)
                    loop.modify(client, token: 1, interest: .read)
                }
                guard event.isReadable else { continue }
                var result = IOResult.wouldBlock
                answer += [UInt8](capacity: 65_536) { result = Socket.receive(client, into: &$0) }
                if result == .endOfStream { return String(decoding: answer, as: UTF8.self) }
            }
        }
        return String(decoding: answer, as: UTF8.self) + " (no end)"
    }

    @Test func `a request over a socket is answered, and the connection ends in order`() throws {
        let body = String(repeating: "x", count: 100_000)
        let head = "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000"
        let answer = try ask("\(head)\r\n\r\n\(body)")
        #expect(answer.hasSuffix("\r\n\r\n3 /a 100000"), "\(answer)")
    }

    @Test func `of many pipelined requests none is forgotten`() throws {
        let one = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
        let last = "GET /z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        let answer = try ask(String(repeating: one, count: 300) + last)
        #expect(answer.split(separator: "3 /a 0").count == 301)
        #expect(answer.hasSuffix("3 /z 0"), "\(answer.suffix(200))")
    }

    @Test func `beyond the limit of connections a client is told so`() throws {
        var limits = ServiceLimits()
        limits.connections = 0
        let answer = try ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("M3004"), "\(answer)")
    }
}

@Suite struct ServiceTextTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (
                1_795_194_309_250_999_999, "2026-11-20T17:05:09.250Z",
                "Fri, 20 Nov 2026 17:05:09 GMT"
            ),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (
                2_147_483_648_000_000_000, "2038-01-19T03:14:08.000Z",
                "Tue, 19 Jan 2038 03:14:08 GMT"
            ),
            (-1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
        ] as [(Int64, String, String)]
    )
    func `moments are written as RFC 3339 and RFC 9110 have it`(
        nanoseconds: Int64,
        rfc3339: String,
        httpDate: String
    ) {
        #expect(CivilTime(nanoseconds: nanoseconds).rfc3339 == rfc3339)
        #expect(CivilTime(nanoseconds: nanoseconds).httpDate == httpDate)
    }

    @Test(
        arguments: [
            ("a%20b", "a b"), ("%C3%A4", "ä"), ("a+b", "a+b"), ("%", nil), ("%4", nil),
            ("%zz", nil),
            ("%ff", nil), ("", ""),
        ] as [(String, String?)]
    )
    func `percent escapes are decoded or refused`(text: String, decoded: String?) {
        #expect(PercentCoding.decode(text) == decoded)
    }

    @Test func `what is encoded comes back`() {
        let text = "http://ä.example/x?y=z&[::1]:80 %"
        #expect(PercentCoding.decode(PercentCoding.encode(text)) == text)
    }

    @Test func `every problem has a status, a title and a remedy, and codes are in order`() {
        for code in ProblemCode.allCases {
            #expect((400...599).contains(code.status), "\(code)")
            #expect(!code.title.hasSuffix(".") && !code.title.isEmpty)
            #expect(code.remedy.hasSuffix("."))
        }
        let codes = ProblemCode.allCases.map(\.rawValue)
        #expect(codes == codes.sorted() && Set(codes).count == codes.count)
    }

    @Test func `a problem is a document of RFC 9457`() throws {
        var problem = Problem(.unknownPool, "There is no pool 'a\"b'.")
        problem.members = [JSONMember("near", "ab")]
        let response = problem.response
        #expect(response.status == 404)
        #expect(response.fields.first?.value == "application/problem+json")
        guard case .bytes(let bytes) = response.body else { return }
        let json = try JSONReader.read(bytes)
        #expect(json["status"]?.integer == 404)
        #expect(json["code"] == "M3020")
        #expect(json["type"] == "urn:martlet:problem:M3020")
        #expect(json["detail"] == "There is no pool 'a\"b'.")
        #expect(json["near"] == "ab")
    }
}
