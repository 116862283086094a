// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorHTTP2Tests {
    static let chunkedWithTrailers =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        + "0\r\nGrpc-Status: 0\r\nContent-Length: 5\r\n\r\n"

    @Test func `a request goes to the origin as HTTP 1 and its answer comes back`() throws {
        var stage = try DoorHarness { $0.accessLog = .combined }
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "GET", "/x?y", [("cookie", "a=1"), ("cookie", "b=2")])
        let answer = stage.answer(&client, stream)
        #expect(answer.status == "200")
        #expect(answer.content == "hello")
        #expect(answer.fields.contains("via: 1.1 martlet"))
        let told = stage.told(0)
        #expect(told.hasPrefix("GET /x?y HTTP/1.1\r\nHost: a.example\r\n"))
        #expect(told.contains("cookie: a=1; b=2\r\n"))
        #expect(told.contains("Via: 2 martlet\r\n"))
        let lines = try stage.lines()
        #expect(lines.first?.contains("\"GET /x?y HTTP/2.0\" 200") == true)
        #expect(lines.first?.hasSuffix(" ok") == true)
        #expect(stage.leftovers() == [])
    }

    @Test func `the preface may come octet by octet, and HTTP 1 is still served`() throws {
        var stage = try DoorHarness()
        let guest = stage.connect()
        for octet in "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8 {
            stage.send(guest, [octet])
            stage.settle()
        }
        stage.send(guest, [0, 0, 0, 4, 0, 0, 0, 0, 0])
        stage.turn { $0.guests[guest].heard.count >= 9 }
        let type = stage.guests[guest].heard.dropFirst(3).first
        #expect(type == 4)
        let plain = stage.visit(get())
        #expect(stage.hear(plain, until: "hello").hasPrefix("HTTP/1.1 200"))
        #expect(stage.leftovers() == [])
    }

    @Test func `many streams of one connection are answered`() throws {
        var stage = try DoorHarness()
        var client = try HTTP2Guest(&stage)
        for _ in 0..<5 {
            var streams: [Int32] = []
            for number in 0..<60 { streams.append(client.ask(&stage, "GET", "/\(number)")) }
            for stream in streams {
                #expect(stage.answer(&client, stream).content == "hello")
            }
        }
        let connections = stage.count(.connectionsAccepted)
        let requests = stage.count(.requests)
        #expect(connections == 1 && requests == 300)
        #expect(stage.leftovers() == [])
    }

    @Test func `a body of unknown length is chunked, a declared one is not`() throws {
        var stage = try DoorHarness()
        var client = try HTTP2Guest(&stage)
        let unknown = client.ask(&stage, "POST", "/u", content: "abc")
        #expect(stage.answer(&client, unknown).status == "200")
        let length = [("content-length", "3")]
        let declared = client.ask(&stage, "POST", "/d", length, content: "def")
        #expect(stage.answer(&client, declared).status == "200")
        let told = stage.told(0)
        #expect(told.contains("Transfer-Encoding: chunked\r\n"))
        #expect(told.contains("3\r\nabc\r\n0\r\n\r\n"))
        #expect(told.contains("Content-Length: 3\r\n"))
        #expect(told.hasSuffix("\r\n\r\ndef"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a large body passes through the windows`() throws {
        var stage = try DoorHarness()
        var client = try HTTP2Guest(&stage)
        let body = String(repeating: "0123456789", count: 60_000)
        let stream = client.ask(&stage, "POST", "/", [("content-length", "600000")], content: body)
        #expect(stage.answer(&client, stream).status == "200")
        let told = stage.told(0)
        #expect(told.hasSuffix(body))
        let most = stage.door.buffers.inUse
        #expect(most <= 16)
        #expect(stage.leftovers() == [])
    }

    @Test func `uploads that stall do not hold up another on their connection`() throws {
        var stage = try DoorHarness([[.silence], [.answer(ok())]]) { plan in
            let endpoints = plan.pools[0].endpoints
            plan.pools = [
                PoolDefinition(name: "full", endpoints: [endpoints[0]]),
                PoolDefinition(name: "free", endpoints: [endpoints[1]]),
            ]
            plan.pools[0].endpoints[0].connectionLimit = 1
            plan.poolPlans = [GatewayPoolPlan(), GatewayPoolPlan()]
            plan.routes = [
                RoutePlan(name: "full", host: .any, path: .prefix("/full"), pool: 0),
                RoutePlan(name: "free", host: .any, path: .prefix("/"), pool: 1),
            ]
        }
        var client = try HTTP2Guest(&stage)
        _ = client.ask(&stage, "GET", "/full")
        let body = String(repeating: "0123456789", count: 7_000)
        // Each leaves a whole window of content behind while it waits in the queue.
        for _ in 0..<40 { _ = client.ask(&stage, "POST", "/full", content: body) }
        let stream = client.ask(&stage, "POST", "/free", content: body)
        #expect(stage.answer(&client, stream).status == "200")
        let held = stage.door.buffers.inUse
        #expect(held >= 80 && held <= 41 * 3 + 8, "\(held) blocks")
        stage.leave(client.guest, reset: true)
        stage.turn { $0.door.openConnections == 0 }
        #expect(stage.leftovers() == [])
    }

    @Test func `trailers of the origin become trailers of the stream`() throws {
        var stage = try DoorHarness([[.answer(Self.chunkedWithTrailers)]])
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage)
        let answer = stage.answer(&client, stream)
        #expect(answer.content == "hello")
        #expect(answer.trailers == ["grpc-status: 0"])
        #expect(answer.isComplete)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200", "content-length: 5"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", "204", ""),
        (
            "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "304",
            "content-length: 7"
        ),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200", "content-length: 0"),
    ])
    func `an answer without content ends with its fields`(
        method: String,
        text: String,
        status: String,
        field: String
    ) throws {
        var stage = try DoorHarness([[.answer(text)]])
        var client = try HTTP2Guest(&stage)
        let answer = stage.answer(&client, client.ask(&stage, method))
        #expect(answer.status == status && answer.content.isEmpty && answer.isComplete)
        if !field.isEmpty { #expect(answer.fields.contains(field)) }
        #expect(stage.leftovers() == [])
    }

    @Test func `interim responses are passed on`() throws {
        let text =
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        var stage = try DoorHarness([[.answer(text)]])
        var client = try HTTP2Guest(&stage)
        let answer = stage.answer(&client, client.ask(&stage))
        #expect(answer.interims == ["103"])
        #expect(answer.content == "hello")
    }

    @Test func `an answer that ends with its connection ends its stream`() throws {
        var stage = try DoorHarness([[.answerAndClose("HTTP/1.0 200 OK\r\n\r\nold")]])
        var client = try HTTP2Guest(&stage)
        let answer = stage.answer(&client, client.ask(&stage))
        #expect(answer.content == "old" && answer.isComplete)
        #expect(stage.leftovers() == [])
    }

    @Test func `an answer that is cut is reset, and only its stream`() throws {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"
        var stage = try DoorHarness([[.answerAndClose(cut), .answer(ok())]])
        var client = try HTTP2Guest(&stage)
        let first = stage.answer(&client, client.ask(&stage))
        #expect(!first.isComplete)
        #expect(first.code == .internalError)
        let second = stage.answer(&client, client.ask(&stage))
        #expect(second.content == "hello")
        #expect(stage.leftovers() == [])
    }

    @Test func `errors of the door are answers, and tell why`() throws {
        var stage = try DoorHarness([[]])
        var client = try HTTP2Guest(&stage)
        let answer = stage.answer(&client, client.ask(&stage))
        #expect(answer.status == "502")
        #expect(answer.content == "502 Bad Gateway: connect-refused\n")
        let connect = stage.answer(&client, client.ask(&stage, "GET", "/a/../b"))
        #expect(connect.content == "400 Bad Request: dot-segment\n")
        #expect(stage.leftovers() == [])
    }

    @Test func `a retry goes to another endpoint`() throws {
        var stage = try DoorHarness([[.reset("")], [.answer(ok())]])
        var client = try HTTP2Guest(&stage)
        for _ in 0..<4 {
            #expect(stage.answer(&client, client.ask(&stage)).status == "200")
        }
        #expect(stage.leftovers() == [])
    }

    @Test func `a body above the limit is refused, and the rest of it is not asked for`() throws {
        var stage = try DoorHarness { $0.routes[0].bodyLimit = 1_000 }
        var client = try HTTP2Guest(&stage)
        let body = String(repeating: "a", count: 5_000)
        let stream = client.ask(&stage, "POST", content: body, isWhole: false)
        let answer = stage.answer(&client, stream)
        #expect(answer.status == "413")
        let declared = client.ask(&stage, "POST", "/", [("content-length", "5000")], content: body)
        #expect(stage.answer(&client, declared).status == "413")
        #expect(stage.leftovers() == [])
    }

    @Test func `a field list above the limit is answered with 431`() throws {
        var stage = try DoorHarness { $0.limits.head = HeadLimits(headBytes: 4_096) }
        var client = try HTTP2Guest(&stage)
        let long = String(repeating: "a", count: 3_900)
        let stream = client.ask(&stage, "GET", "/", [("x", long), ("y", "z")])
        #expect(stage.answer(&client, stream).status == "431")
        let fine = client.ask(&stage)
        #expect(stage.answer(&client, fine).status == "200")
        #expect(stage.leftovers() == [])
    }

    @Test func `a stream that the client resets gives its origin free at once`() throws {
        var stage = try DoorHarness([[.silence]])
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage)
        stage.turn { $0.told(0).contains("GET") }
        client.session.reset(stream, .cancel)
        client.speak(&stage)
        stage.turn { $0.door.upstreams.count == 0 }
        let gone = stage.count(.clientGone)
        #expect(gone == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a connection that dies gives all its streams back`() throws {
        var stage = try DoorHarness([[.silence]])
        var client = try HTTP2Guest(&stage)
        for _ in 0..<20 { _ = client.ask(&stage) }
        stage.turn { $0.door.streams.count == 20 }
        stage.leave(client.guest, reset: true)
        stage.turn { $0.door.openConnections == 0 }
        let (streams, sessions) = (stage.door.streams.count, stage.door.sessions.count)
        #expect(streams == 0 && sessions == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a slow reader costs one block, and is given up in the end`() throws {
        let size = 1 << 20
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"
        let text = head + String(repeating: "a", count: size)
        var stage = try DoorHarness([[.answer(text)]])
        var client = try HTTP2Guest(&stage)
        client.reads = false
        let stream = client.ask(&stage)
        stage.turn(&client) { ($0.answers[stream]?.content.utf8.count ?? 0) >= 65_000 }
        stage.settle()
        let held = stage.door.buffers.inUse
        #expect(held <= 4)
        for _ in 0..<3 {
            stage.advance(.seconds(11))
            stage.settle()
        }
        let slow = stage.count(.clientSlow)
        #expect(slow == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a shutdown says goodbye twice and serves what is under way`() throws {
        var stage = try DoorHarness([[.silence]])
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage)
        stage.turn { $0.told(0).contains("GET") }
        let now = stage.now
        stage.door.beginShutdown(Farewell(quiet: .zero), loop: &stage.loop, now: now)
        stage.turn(&client) { $0.farewells.count == 1 }
        #expect(client.farewells.first?.last == .max)
        stage.advance(.seconds(2))
        stage.turn(&client) { $0.farewells.count == 2 }
        #expect(client.farewells.last?.last == stream)
        #expect(client.farewells.allSatisfy { $0.code == .noError })
        stage.say(0, Array(ok().utf8))
        #expect(stage.answer(&client, stream).content == "hello")
        stage.turn { $0.door.isIdle }
        let isIdle = stage.door.isIdle
        #expect(isIdle)
        #expect(stage.leftovers() == [])
    }

    @Test func `a silent connection is told goodbye and closed`() throws {
        var stage = try DoorHarness()
        var client = try HTTP2Guest(&stage)
        _ = stage.answer(&client, client.ask(&stage))
        stage.advance(.seconds(61))
        stage.turn(&client) { $0.farewells.count == 1 }
        #expect(client.farewells.first?.code == .noError)
        stage.turn { $0.door.isIdle }
        #expect(stage.leftovers() == [])
    }
}
