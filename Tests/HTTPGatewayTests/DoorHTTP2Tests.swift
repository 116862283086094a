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
        #expect(held >= 100 && held <= 41 * 4 + 8, "\(held) blocks")
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

/// Attacks: each ends its connection with ENHANCE_YOUR_CALM and leaves nothing behind.
@Suite struct DoorHTTP2AttackTests {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let request: [UInt8] = [0x82, 0x86, 0x84, 0x01, 0x01, 0x61]

    static func frame(
        _ type: UInt8,
        _ flags: UInt8 = 0,
        stream: UInt32 = 0,
        _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff)]
            + [type, flags] + (0..<4).map { UInt8(stream >> (24 - 8 * $0) & 0xff) } + payload
    }

    /// The code of the GOAWAY in what was heard, if there is one.
    static func farewell(_ heard: [UInt8]) -> UInt32? {
        var rest = heard[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            let payload = Array(rest.dropFirst(9).prefix(length))
            if head[3] == 7, payload.count >= 8 {
                return payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
            }
            rest = rest.dropFirst(9 + length)
        }
        return nil
    }

    enum Attack: CaseIterable {
        case rapidReset, provokedReset, settings, ping, priority, unknown, windowUpdate
        case emptyData, continuations, longBlock, fieldBombs

        /// What the attacker sends in one go, and again and again.
        func bytes(_ round: UInt32) -> [UInt8] {
            let stream = round * 2 + 1
            let open = frame(1, 5, stream: stream, request)
            switch self {
            case .rapidReset: return open + frame(3, stream: stream, [0, 0, 0, 8])
            case .provokedReset:
                return open + frame(8, stream: stream, [0x7f, 0xff, 0xff, 0xff])
            case .settings: return frame(4)
            case .ping: return frame(6, [0, 0, 0, 0, 0, 0, 0, 0])
            case .priority: return frame(2, stream: stream, [0, 0, 0, 0, 1])
            case .unknown: return frame(0x77, [1])
            case .windowUpdate: return frame(8, [0, 0, 0, 1])
            case .emptyData:
                return round == 0
                    ? frame(1, 4, stream: 1, [0x83] + request.dropFirst())
                    : frame(0, stream: 1)
            case .continuations:
                return round == 0 ? frame(1, 1, stream: 1) : frame(9, stream: 1, [0x82])
            case .longBlock:
                return frame(1, 1, stream: 1, [UInt8](repeating: 0x82, count: 16_000))
                    + frame(9, stream: 1, [UInt8](repeating: 0x82, count: 16_000))
            case .fieldBombs:
                let value: [UInt8] = [0x40, 0x01, 0x78, 0x7f, 0xd1, 0x0e]
                let first = value + [UInt8](repeating: 0x61, count: 2_000)
                return frame(
                    1,
                    5,
                    stream: stream,
                    request + (round == 0 ? first : [])
                        + [UInt8](repeating: 0xbe, count: 8_000)
                )
            }
        }

        private func frame(
            _ type: UInt8,
            _ flags: UInt8 = 0,
            stream: UInt32 = 0,
            _ payload: [UInt8] = []
        ) -> [UInt8] { DoorHTTP2AttackTests.frame(type, flags, stream: stream, payload) }

        private func frame(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
            DoorHTTP2AttackTests.frame(type, 0, stream: 0, payload)
        }

        private var request: [UInt8] { DoorHTTP2AttackTests.request }
    }

    @Test(arguments: Attack.allCases)
    func `an attacker is cut, and an honest client beside it is served`(attack: Attack) throws {
        var stage = try DoorHarness([[.silence], [.answer(ok())]]) {
            $0.routes = [
                RoutePlan(name: "a", host: .any, path: .exact("/"), pool: 0),
                RoutePlan(name: "b", host: .any, path: .prefix("/b"), pool: 1),
            ]
            var second = $0.pools[0]
            second.name = "honest"
            second.endpoints = [$0.pools[0].endpoints[1]]
            $0.pools[0].endpoints = [$0.pools[0].endpoints[0]]
            $0.pools.append(second)
            $0.poolPlans.append(GatewayPoolPlan())
        }
        var honest = try HTTP2Guest(&stage)
        let attacker = stage.connect()
        stage.send(attacker, Self.preface + Self.frame(4))
        var most = 0
        for round in 0..<2_000 as Range<UInt32> where !stage.guests[attacker].isFinished {
            stage.send(attacker, attack.bytes(round))
            stage.turnOnce(wait: 0)
            most = max(most, stage.door.buffers.inUse)
        }
        stage.turn { $0.guests[attacker].isFinished }
        let heard = stage.guests[attacker].heard
        #expect(Self.farewell(heard) == 11, "\(attack)")
        #expect(most < 200)
        let cut = stage.count(.http2Cut)
        #expect(cut == 1)
        let answer = stage.answer(&honest, honest.ask(&stage, "GET", "/b"))
        #expect(answer.content == "hello")
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        [UInt8](repeating: 0x41, count: 200),
        frame(0, 0, stream: 1, [1, 2, 3]),
        frame(1, 5, stream: 2, request),
        frame(9, 4, stream: 1, request),
        frame(6, 0, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0]),
        frame(6, 0, stream: 0, [0]),
        frame(4, 1, stream: 0, [0]),
        frame(8, 0, stream: 0, [0, 0, 0, 0]),
        frame(5, 4, stream: 1, [0, 0, 0, 2]),
    ])
    func `what breaks the protocol ends the connection with its code`(bytes: [UInt8]) throws {
        var stage = try DoorHarness()
        let guest = stage.connect()
        stage.send(guest, Self.preface + Self.frame(4) + bytes)
        stage.turn { $0.guests[guest].isFinished }
        let heard = stage.guests[guest].heard
        let code = Self.farewell(heard) ?? 0
        #expect(code != 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a listener without HTTP 2 refuses the preface`() throws {
        var stage = try DoorHarness { $0.listeners[0].http2.isEnabled = false }
        let guest = stage.connect()
        stage.send(guest, Self.preface + Self.frame(4))
        let heard = stage.hear(guest, until: "http2-preface")
        #expect(heard.hasPrefix("HTTP/1.1 505"))
        let sessions = stage.count(.http2Connections)
        #expect(sessions == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `streams above the limit are refused and counted`() throws {
        var stage = try DoorHarness([[.silence]]) { $0.listeners[0].http2.streams = 2 }
        let guest = stage.connect()
        // SETTINGS are not acknowledged: the client cannot know of the limit yet.
        var bytes = Self.preface + Self.frame(4)
        for number in 0..<4 as Range<UInt32> {
            bytes += Self.frame(1, 5, stream: 2 * number + 1, Self.request)
        }
        stage.send(guest, bytes)
        stage.turn { $0.count(.http2Refused) == 2 }
        stage.settle()
        let (streams, refused) = (stage.door.streams.count, stage.count(.http2Refused))
        #expect(streams == 2 && refused == 2)
        stage.leave(guest, reset: true)
        stage.turn { $0.door.openConnections == 0 }
        #expect(stage.leftovers() == [])
    }

    @Test func `a request that is reset in the same breath reaches no endpoint`() throws {
        var stage = try DoorHarness()
        let attacker = stage.connect()
        var bytes = Self.preface + Self.frame(4)
        for round in 0..<80 as Range<UInt32> { bytes += Attack.rapidReset.bytes(round) }
        stage.send(attacker, bytes)
        stage.turn { $0.count(.http2Streams) == 80 }
        stage.settle()
        let connections = stage.count(.originConnections)
        #expect(connections == 0)
        let told = stage.told(0)
        #expect(told.isEmpty)
        #expect(stage.leftovers() == [])
    }

    @Test func `mutated sessions never trap and leave nothing behind`() throws {
        var random = SeededRandom(seed: 9_113)
        var stage = try DoorHarness()
        let whole =
            Self.preface + Self.frame(4) + Self.frame(1, 5, stream: 1, Self.request)
            + Self.frame(1, 4, stream: 3, [0x83] + Self.request.dropFirst())
            + Self.frame(0, 1, stream: 3, [1, 2, 3])
            + Self.frame(6, 0, stream: 0, [1, 2, 3, 4, 5, 6, 7, 8])
            + Self.frame(3, 0, stream: 1, [0, 0, 0, 8])
        for _ in 0..<300 {
            var bytes = whole
            for _ in 0..<Int(random.next() % 4 + 1) {
                let place = 24 + Int(random.next() % UInt64(bytes.count - 24))
                bytes[place] = UInt8(truncatingIfNeeded: random.next())
            }
            let guest = stage.connect()
            stage.send(guest, bytes)
            stage.settle()
            stage.leave(guest, reset: random.next() & 1 == 0)
        }
        stage.settle()
        #expect(stage.leftovers() == [])
    }
}
