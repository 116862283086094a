// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// Endpoints that are asked by HTTP/2.
@Suite struct DoorOriginTests {
    @Test func `a request goes by HTTP 2 and its answer comes back`() throws {
        var stage = try DoorHarness(http2: 1)
        let guest = stage.visit(get("/x?y"))
        var host = try HTTP2Host(&stage)
        let told = stage.question(&host, 1).fields
        #expect(Array(told.prefix(3)) == [":method: GET", ":scheme: http", ":path: /x?y"])
        #expect(told.contains(":authority: a.example"))
        #expect(!told.contains { $0.hasPrefix("host:") || $0.hasPrefix("connection:") })
        host.answer(&stage, 1, "200", [("content-length", "5")], content: "hello")
        let heard = stage.hear(guest, &host, until: "hello")
        #expect(heard.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(heard.contains("Content-Length: 5\r\n") && heard.contains("Via: 2 martlet\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `bodies and trailers pass both ways from and to HTTP 1`() throws {
        var stage = try DoorHarness(http2: 1)
        let head =
            "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
        let guest = stage.visit(head)
        var host = try HTTP2Host(&stage)
        stage.turn(&host) { host, _ in host.questions[1] != nil }
        stage.send(guest, "3\r\nabc\r\n")
        stage.turn(&host) { host, _ in host.questions[1]?.content == "abc" }
        stage.send(guest, "3\r\ndef\r\n0\r\nX-Sum: 6\r\n\r\n")
        let told = stage.question(&host, 1)
        #expect(told.content == "abcdef" && told.trailers == ["x-sum: 6"])
        #expect(told.fields.contains("te: trailers"))
        #expect(!told.fields.contains { $0.hasPrefix("transfer-encoding") })
        host.answer(&stage, 1, content: "answer", trailers: [("x-end", "yes")])
        let heard = stage.hear(guest, &host, until: "x-end")
        #expect(heard.contains("6\r\nanswer\r\n0\r\nx-end: yes\r\n\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `interim answers, trailers and an end at the head pass from stream to stream`()
        throws
    {
        var stage = try DoorHarness(http2: 1)
        var client = try HTTP2Guest(&stage)
        let first = client.ask(&stage, "POST", "/", content: "abc")
        var host = try HTTP2Host(&stage)
        #expect(stage.question(&host, 1).content == "abc")
        host.interim(&stage, 1, "103")
        host.answer(
            &stage,
            1,
            "200",
            [("content-length", "2")],
            content: "ok",
            trailers: [("grpc-status", "0")]
        )
        let answer = stage.answer(&client, first)
        #expect(answer.interims == ["103"] && answer.content == "ok")
        #expect(answer.fields.contains("content-length: 2"))
        #expect(answer.trailers == ["grpc-status: 0"])
        let second = client.ask(&stage)
        _ = stage.question(&host, 3)
        host.answer(&stage, 3, "200", [("grpc-status", "5")])
        let empty = stage.answer(&client, second)
        #expect(empty.isComplete && !empty.fields.contains { $0.hasPrefix("content-length") })
        #expect(stage.count(.originSessions) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `one request goes before the endpoint has said how many it takes`() throws {
        var stage = try DoorHarness(http2: 1) { $0.poolPlans[0].http2Connections = 1 }
        let guests = (0..<3).map { _ in stage.visit(get()) }
        stage.turn { $0.told(0).count > 60 }
        var settings = HTTP2SessionSettings()
        settings.streams = 1
        var host = try HTTP2Host(&stage, settings: settings)
        // Each of the others waits in the queue until the one before it has been answered.
        for stream: Int32 in [1, 3, 5] {
            _ = stage.question(&host, stream)
            stage.settle()
            #expect(host.questions.count == Int(stream + 1) / 2)
            host.answer(&stage, stream, content: "n\(stream)")
        }
        stage.turn(&host) { _, stage in
            guests.allSatisfy { guest in stage.heard(guest).hasSuffix("0\r\n\r\n") }
        }
        let connections = stage.count(.originSessions)
        #expect(connections == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a full connection is joined by another`() throws {
        var stage = try DoorHarness(http2: 1) { $0.poolPlans[0].http2Streams = 1 }
        let guests = (0..<2).map { _ in stage.visit(get()) }
        var first = try HTTP2Host(&stage)
        var second = try HTTP2Host(&stage, visitor: 1)
        for guest in guests {
            _ = stage.question(&first, 1)
            _ = stage.question(&second, 1)
            first.answer(&stage, 1, content: "a")
            second.answer(&stage, 1, content: "b")
            stage.turn { $0.heard(guest).contains("200") }
        }
        #expect(stage.count(.originSessions) == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `GOAWAY sends what was not served to another connection`() throws {
        var stage = try DoorHarness(http2: 1)
        let warm = stage.visit(get())
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        host.answer(&stage, 1, content: "warm")
        _ = stage.hear(warm, &host, until: "warm")
        // It has been decided before the next request that it is not served here.
        host.session.goAway(.noError)
        let guest = stage.visit("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        stage.turn { $0.door.originStreams.count == 1 && !$0.door.hasReadyWork }
        host.speak(&stage)
        var next = try HTTP2Host(&stage, visitor: 1)
        #expect(stage.question(&next, 1).content == "hi")
        next.answer(&stage, 1, content: "again")
        #expect(stage.hear(guest, &next, until: "again").hasPrefix("HTTP/1.1 200"))
        #expect(stage.count(.originRefusals) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a refused stream goes to another endpoint, and is nobody's failure`() throws {
        var stage = try DoorHarness(http2: 2)
        let guest = stage.visit("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        var first = try HTTP2Host(&stage)
        _ = stage.question(&first, 1)
        first.session.reset(1, .refusedStream)
        first.speak(&stage)
        var second = try HTTP2Host(&stage, visitor: 1)
        #expect(stage.question(&second, 1).content == "hi")
        second.answer(&stage, 1, content: "there")
        #expect(stage.hear(guest, &second, until: "there").hasPrefix("HTTP/1.1 200"))
        let words = stage.shared.metrics[0]
        let blamed = (0..<2).map { words.load(GatewayMetrics.endpoint($0) + 5) }
        #expect(blamed == [0, 0])
        #expect(stage.leftovers() == [])
    }

    @Test func `who leaves has his stream cancelled, and the connection serves on`() throws {
        var stage = try DoorHarness(http2: 1)
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage)
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        client.session.reset(stream, .cancel)
        client.speak(&stage)
        stage.turn(&host) { host, _ in host.questions[1]?.code == .cancel }
        #expect(host.questions[1]?.code == .cancel)
        let next = client.ask(&stage)
        _ = stage.question(&host, 3)
        host.answer(&stage, 3, content: "hello")
        #expect(stage.answer(&client, next).content == "hello")
        #expect(stage.leftovers() == [])
    }

    @Test func `a slow reader closes the endpoint's window, not memory`() throws {
        var stage = try DoorHarness(http2: 1)
        let guest = stage.visit(get())
        stage.guests[guest].reads = false
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        let text = String(repeating: "x", count: 16 << 20)
        host.answer(&stage, 1, "200", [("content-length", "\(text.utf8.count)")], content: text)
        for _ in 0..<400 {
            stage.turnOnce(wait: 0)
            host.listen(&stage)
        }
        // The queue and the block that is being sent.
        #expect(stage.door.buffers.inUse <= 6)
        stage.resume(guest)
        stage.turn(&host) { _, stage in
            stage.resume(guest)
            return stage.guests[guest].heard.count > text.utf8.count
        }
        #expect(stage.guests[guest].heard.suffix(4) == [0x78, 0x78, 0x78, 0x78])
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        ([(":status", "99")], "hi"), ([(":status", "2000")], "hi"), ([(":status", "101")], "hi"),
        ([(":status", "200"), (":path", "/")], "hi"),
        ([(":status", "200"), ("connection", "close")], "hi"),
        ([(":status", "200"), ("transfer-encoding", "chunked")], "hi"),
        ([(":status", "200"), ("X-Upper", "1")], "hi"),
        ([(":status", "200"), ("x", "a\r\nset-cookie: b")], "hi"),
        ([(":status", "200"), ("content-length", "1")], "hi"),
        ([(":status", "200"), ("content-length", "3")], "hi"),
        ([("x", "1")], "hi"),
    ])
    func `what is malformed never reaches a client`(
        _ fields: [(String, String)],
        _ content: String
    ) throws {
        var stage = try DoorHarness(http2: 1)
        let guest = stage.visit(get())
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        var block: [UInt8] = []
        for (name, value) in fields {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8)
            block += [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        stage.say(0, HTTP2Host.frame(1, flags: 4, stream: 1, block))
        stage.say(0, HTTP2Host.frame(0, flags: 1, stream: 1, Array(content.utf8)))
        // A length that is wrong may show when a part has been passed on: then it is cut.
        stage.turn(&host) { _, stage in
            stage.guests[guest].isFinished || stage.heard(guest).contains("502")
        }
        let heard = stage.heard(guest)
        #expect(heard.contains("origin-malformed") || stage.guests[guest].wasReset)
        #expect(!heard.contains("set-cookie") && !heard.hasSuffix("0\r\n\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a head above the limits fails its own request, and the connection serves on`()
        throws
    {
        var stage = try DoorHarness(http2: 1) { plan in
            plan.poolPlans[0].retries = 0
            plan.limits.head = HeadLimits(headBytes: 8_192, fields: 100)
        }
        let (one, two) = (stage.visit(get("/1")), stage.visit(get("/2")))
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        _ = stage.question(&host, 3)
        // More than a head may have, in more than one frame, and in what there is room to read.
        let fields = (0..<4).map { ("x-\($0)", String(repeating: "#", count: 3_000)) }
        host.answer(&stage, 1, "200", fields, content: "long")
        let refused = stage.hear(one, &host, until: "502")
        #expect(refused.hasPrefix("HTTP/1.1 502") && !refused.contains("long"))
        host.answer(&stage, 3, "200", [("content-length", "5")], content: "short")
        #expect(stage.hear(two, &host, until: "short").hasPrefix("HTTP/1.1 200"))
        let third = stage.visit(get("/3"))
        _ = stage.question(&host, 5)
        host.answer(&stage, 5, content: "third")
        #expect(stage.hear(third, &host, until: "third").contains("third"))
        #expect(stage.visitors.count == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `an endpoint that floods is cut, and counted`() throws {
        var stage = try DoorHarness(http2: 1)
        let guest = stage.visit(get())
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        let ping = HTTP2Host.frame(6, stream: 0, [0, 0, 0, 0, 0, 0, 0, 0])
        for _ in 0..<100 {
            stage.say(0, Array((0..<20).map { _ in ping }.joined()))
            stage.turnOnce(wait: 0)
        }
        stage.hear(guest, until: "502")
        #expect(stage.count(.originCut) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a connection that is lost fails its streams, but not those that were whole`() throws
    {
        var stage = try DoorHarness(http2: 1) { $0.poolPlans[0].retries = 0 }
        let (one, two) = (stage.visit(get("/1")), stage.visit(get("/2")))
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        _ = stage.question(&host, 3)
        host.answer(&stage, 1, content: "whole")
        stage.close(0)
        #expect(stage.hear(one, until: "0\r\n\r\n").contains("whole"))
        #expect(stage.hear(two, until: "502").hasPrefix("HTTP/1.1 502"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a lost connection is one failure, however many requests were on it`() throws {
        var stage = try DoorHarness(http2: 1) { $0.poolPlans[0].retries = 0 }
        let guests = (0..<4).map { stage.visit(get("/\($0)")) }
        var host = try HTTP2Host(&stage)
        for stream in [1, 3, 5, 7] as [Int32] { _ = stage.question(&host, stream) }
        // One of them has part of its answer.
        host.answer(&stage, 5, content: "half", isWhole: false)
        stage.hear(guests[2], until: "half")
        stage.close(0)
        for guest in [0, 1, 3] {
            #expect(stage.hear(guests[guest], until: "502").hasPrefix("HTTP/1.1 502"))
        }
        stage.settle()
        #expect(stage.shared.reports.drain().map(\.failure) == [.reset])
        #expect(stage.leftovers() == [])
    }

    @Test func `an idle connection is closed in time, with a word`() throws {
        var stage = try DoorHarness(http2: 1)
        let guest = stage.visit(get())
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        host.answer(&stage, 1, content: "hello")
        _ = stage.hear(guest, &host, until: "hello")
        stage.settle()
        #expect(stage.door.origins.count == 1)
        stage.advance(.seconds(61))
        stage.turn { !$0.visitors[0].isOpen }
        host.listen(&stage)
        #expect(host.farewells == [.noError])
        #expect(stage.door.origins.count == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `an endpoint that falls silent is asked for a sign of life`() throws {
        var stage = try DoorHarness(http2: 1) { $0.poolPlans[0].retries = 0 }
        let guest = stage.visit(get())
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        stage.settle()
        stage.advance(.seconds(31))
        #expect(stage.hear(guest, until: "504").contains("first-byte-timeout"))
        stage.settle()
        #expect(stage.door.origins.count == 1)
        stage.advance(.seconds(6))
        #expect(stage.door.origins.count == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `an endpoint of HTTP 1 is no endpoint of HTTP 2`() throws {
        var stage = try DoorHarness([[.answer("HTTP/1.1 400 Bad Request\r\n\r\n")]]) {
            $0.poolPlans[0].version = .http2
        }
        let guest = stage.visit(get())
        #expect(stage.hear(guest, until: "502").contains("origin-version"))
        #expect(stage.leftovers() == [])
    }
}

extension HTTP2Host {
    /// A frame as an endpoint would write it by hand.
    static func frame(
        _ type: UInt8,
        flags: UInt8 = 0,
        stream: UInt32,
        _ payload: [UInt8]
    ) -> [UInt8] {
        let count = payload.count
        return [0, UInt8(count >> 8 & 0xff), UInt8(count & 0xff), type, flags]
            + (0..<4).map { UInt8(stream >> (24 - 8 * $0) & 0xff) } + payload
    }
}

/// What gRPC has beyond HTTP/2.
@Suite struct DoorGRPCTests {
    static let fields = [("content-type", "application/grpc"), ("te", "trailers")]
    static let more = Array("two".utf8)  // kept, since the session only looks at it

    @Test func `an error of the door is an answer of gRPC, and the log keeps its status`() throws {
        var stage = try DoorHarness([[]]) {
            $0.poolPlans[0].version = .http2
            $0.accessLog = .combined
        }
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "POST", "/s/M", Self.fields, content: "x")
        let answer = stage.answer(&client, stream)
        #expect(answer.status == "200" && answer.content.isEmpty && answer.isComplete)
        #expect(answer.fields.contains("grpc-status: 14"))
        #expect(answer.fields.contains("grpc-message: connect-refused"))
        #expect(answer.fields.contains("content-type: application/grpc"))
        let plain = client.ask(&stage)
        #expect(stage.answer(&client, plain).status == "502")
        #expect(try stage.lines().first?.contains("HTTP/2.0\" 502") == true)
        #expect(stage.leftovers() == [])
    }

    @Test func `the client's deadline ends the exchange, and the endpoint hears of it`() throws {
        var stage = try DoorHarness(http2: 1)
        var client = try HTTP2Guest(&stage)
        let list = Self.fields + [("grpc-timeout", "2S")]
        let stream = client.ask(&stage, "POST", "/s/M", list, content: "x")
        var host = try HTTP2Host(&stage)
        #expect(stage.question(&host, 1).fields.contains("grpc-timeout: 2S"))
        stage.settle()
        stage.advance(.seconds(3))
        let answer = stage.answer(&client, stream)
        #expect(answer.fields.contains("grpc-status: 4"))
        stage.turn(&host) { host, _ in host.questions[1]?.code != nil }
        #expect(host.questions[1]?.code == .cancel)
        #expect(stage.leftovers() == [])
    }

    @Test func `a stream of requests may be silent, and answers come in between`() throws {
        var stage = try DoorHarness(http2: 1)
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "POST", "/s/M", Self.fields, content: "one", isWhole: false)
        var host = try HTTP2Host(&stage)
        stage.turn(&host) { host, _ in host.questions[1]?.content == "one" }
        for _ in 0..<4 { stage.advance(.seconds(6)) }
        host.answer(&stage, 1, content: "first", isWhole: false)
        stage.turn(&client) { $0.answers[stream]?.content == "first" }
        client.session.offer(stream, Self.more.span, isLast: false)
        client.speak(&stage)
        stage.turn(&host) { host, _ in host.questions[1]?.content == "onetwo" }
        #expect(host.questions[1]?.content == "onetwo")
        #expect(client.answers[stream]?.content == "first")
        #expect(client.answers[stream]?.code == nil)
        #expect(stage.leftovers() == [])
    }
}
