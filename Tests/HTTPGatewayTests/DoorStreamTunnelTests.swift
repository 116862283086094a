// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// WebSockets of HTTP/2 clients (RFC 8441).
@Suite struct DoorStreamTunnelTests {
    // A masked text frame with a key of zeros.
    static let hello: [UInt8] = [0x81, 0x85, 0, 0, 0, 0] + Array("hello".utf8)
    static let goodbye: [UInt8] = [0x88, 0x02, 0x03, 0xe9]

    /// A client with a WebSocket that is open.
    static func open(_ stage: inout DoorHarness, _ client: inout HTTP2Guest) -> Int32 {
        let stream = client.open(&stage)
        stage.turn(&client) { $0.answers[stream]?.status != "" }
        return stream
    }

    static func heard(
        _ stage: inout DoorHarness,
        _ client: inout HTTP2Guest,
        _ stream: Int32,
        _ count: Int
    ) -> [UInt8] {
        stage.turn(&client) { $0.answers[stream]?.bytes.count ?? 0 >= count }
        return client.answers[stream]?.bytes ?? []
    }

    @Test func `a CONNECT becomes an upgrade, and DATA passes both ways`() throws {
        var stage = try DoorHarness([[.socket]]) { $0.accessLog = .combined }
        var client = try HTTP2Guest(&stage)
        let fields = [("sec-websocket-version", "13"), ("sec-websocket-key", "not this one")]
        let stream = client.open(&stage, "/chat?x", fields)
        stage.turn(&client) { $0.answers[stream]?.status != "" }
        let answer = client.answers[stream] ?? HTTP2Answer()
        #expect(answer.status == "200" && !answer.isComplete)
        #expect(answer.fields.contains("sec-websocket-protocol: chat"))
        let hidden = ["sec-websocket-accept", "upgrade", "connection", "content-length"]
        #expect(!answer.fields.contains { field in hidden.contains { field.hasPrefix($0 + ":") } })
        let told = stage.told(0)
        #expect(told.hasPrefix("GET /chat?x HTTP/1.1\r\nHost: a.example\r\n"))
        #expect(told.contains("Connection: upgrade\r\nUpgrade: websocket\r\n"))
        #expect(told.components("sec-websocket-key: ") == 1 && !told.contains("not this one"))
        for round in 1...3 {
            client.say(&stage, stream, Self.hello)
            let size = round * Self.hello.count
            #expect(Self.heard(&stage, &client, stream, size).suffix(11) == Self.hello)
        }
        let open = stage.shared.metrics[0].load(
            GatewayMetrics.endpoint(0) + GatewayMetrics.openTunnels
        )
        #expect(open == 1)
        client.say(&stage, stream, [], isLast: true)
        let whole = stage.answer(&client, stream)
        #expect(whole.isComplete && whole.bytes.count == 33)
        #expect(stage.count(.tunnels) == 1 && stage.count(.http2Sockets) == 1)
        let lines = try stage.lines()
        #expect(lines.first?.contains(" 200 ") == true)
        #expect(lines.first?.hasSuffix(" tunnel-closed") == true)
        #expect(stage.leftovers() == [])
    }

    @Test func `each WebSocket has a key of its own`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        for _ in 0..<2 { _ = Self.open(&stage, &client) }
        let keys = stage.told(0).split(separator: "\r\n").filter {
            $0.hasPrefix("sec-websocket-key: ")
        }
        #expect(keys.count == 2 && Set(keys).count == 2)
        #expect(stage.leftovers() == [])
    }

    static let upgrade = "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"

    @Test(arguments: [
        upgrade + "\r\n", upgrade + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        upgrade.replacing("websocket", with: "other") + "\r\n",
    ])
    func `an endpoint that did not understand opens nothing`(answer: String) throws {
        var stage = try DoorHarness([[.answer(answer)]]) { $0.poolPlans[0].retries = 0 }
        var client = try HTTP2Guest(&stage)
        let stream = client.open(&stage)
        let heard = stage.answer(&client, stream)
        #expect(heard.status == "502" && stage.count(.originMalformed) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a refusal is passed on, and what is no refusal opens nothing`() throws {
        let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: so\r\n\r\nno"
        var stage = try DoorHarness([[.answer(refusal), .answer(ok("start page"))]])
        var client = try HTTP2Guest(&stage)
        let refused = client.open(&stage)
        let first = stage.answer(&client, refused)
        #expect(first.status == "403" && first.content == "no")
        #expect(first.fields.contains("x-why: so"))
        let ignored = client.open(&stage)
        let second = stage.answer(&client, ignored)
        #expect(second.status == "502" && !second.content.contains("start page"))
        #expect(stage.count(.upgradeIgnored) == 1)
        #expect(stage.shared.metrics[0].load(GatewayMetrics.endpoint(0) + 5) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `another protocol is 501, and a plain CONNECT stays refused`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        let other = client.open(&stage, as: "connect-udp")
        #expect(stage.answer(&client, other).status == "501")
        let get = client.ask(&stage, "GET", "/", [(":protocol", "websocket")])
        #expect(stage.answer(&client, get).status != "200")
        #expect(stage.told(0).isEmpty)
        #expect(stage.leftovers() == [])
    }

    @Test func `routes see a GET, and a limit refuses as it would any other`() throws {
        var stage = try DoorHarness([[.socket]]) { plan in
            plan.routes[0].condition = .method("GET")
            plan.routes[0].denied = [Prefix(DoorHarness.loopback, length: 32)].compactMap { $0 }
        }
        var client = try HTTP2Guest(&stage)
        let stream = client.open(&stage)
        #expect(stage.answer(&client, stream).status == "403")
        #expect(stage.leftovers() == [])
    }

    // MARK: Windows

    @Test func `a client that does not read stops the endpoint, not the door`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        client.reads = false
        let stream = Self.open(&stage, &client)
        let content = DoorSpliceTests.content(150_000)
        DoorSpliceTests.feed(&stage, content)
        #expect(Self.heard(&stage, &client, stream, 65_535).count == 65_535)
        stage.settle(patience: 2)
        let held = stage.door.buffers.inUse
        #expect(held <= 4, "\(held) blocks")
        client.reads = true
        client.takeIn(&stage, stream, 65_535)
        let heard = Self.heard(&stage, &client, stream, content.count)
        let isSame = heard == content
        #expect(isSame, "\(heard.count) bytes")
        #expect(stage.leftovers() == [])
    }

    @Test func `an endpoint that does not read closes the client's window`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        let stream = Self.open(&stage, &client)
        stage.visitors[0].isDeaf = true
        // More than any socket holds.
        client.say(&stage, stream, [UInt8](repeating: 7, count: 24 << 20))
        for _ in 0..<500 {
            stage.turnOnce(wait: 1)
            client.listen(&stage)
        }
        let held = stage.door.buffers.inUse
        #expect(held <= 8, "\(held) blocks")
        let came = stage.door.clients[1].exchange.bytesIn
        #expect(came > 1 << 20 && came < 20 << 20)
        stage.close(0, reset: true)
        #expect(stage.answer(&client, stream).code == .cancel)
        #expect(stage.leftovers() == [])
    }

    // MARK: Ends

    @Test func `the endpoint's end is END_STREAM behind all it has said`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        let stream = Self.open(&stage, &client)
        stage.say(0, Self.hello)
        stage.close(0)
        let answer = stage.answer(&client, stream)
        #expect(answer.isComplete && answer.bytes == Self.hello && answer.code != .cancel)
        #expect(stage.count(.tunnelClosed) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a reset of either side reaches the other`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        let first = Self.open(&stage, &client)
        stage.close(0, reset: true)
        #expect(stage.answer(&client, first).code == .cancel)
        let second = Self.open(&stage, &client)
        client.cancel(&stage, second)
        stage.turn { !$0.visitors[1].isOpen }
        #expect(stage.count(.clientGone) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a connection that breaks ends all its WebSockets`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        for _ in 0..<3 { _ = Self.open(&stage, &client) }
        stage.leave(client.guest, reset: true)
        stage.turn { stage in stage.visitors.allSatisfy { !$0.isOpen } }
        #expect(stage.visitors.count == 3 && stage.visitors.allSatisfy { !$0.isOpen })
        #expect(stage.door.sockets.count == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `silence ends a WebSocket, and what moves keeps it open`() throws {
        var stage = try DoorHarness([[.socket]]) {
            $0.poolPlans[0].timeouts.tunnelIdle = .seconds(30)
        }
        var client = try HTTP2Guest(&stage)
        let stream = Self.open(&stage, &client)
        for round in 1...3 {
            stage.advance(.seconds(20))
            client.say(&stage, stream, Self.hello)
            _ = Self.heard(&stage, &client, stream, round * Self.hello.count)
        }
        stage.advance(.seconds(31))
        #expect(stage.answer(&client, stream).code == .cancel)
        #expect(stage.count(.tunnelIdle) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a drained endpoint's WebSockets are told, but not inside a frame`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        let whole = Self.open(&stage, &client)
        let cut = Self.open(&stage, &client)
        client.say(&stage, whole, Self.hello)
        client.say(&stage, cut, [0x82, 0x04, 0x41, 0x42])
        _ = Self.heard(&stage, &client, whole, 11)
        _ = Self.heard(&stage, &client, cut, 4)
        stage.health.publish(
            0,
            HealthWord(health: .up, administrative: .draining, reason: .noProbe)
        )
        let end = stage.now + .seconds(1)
        stage.door.closeConnections(
            toSlot: 0,
            .drained(by: end),
            loop: &stage.loop,
            now: stage.now
        )
        stage.advance(.seconds(2))
        let told = stage.answer(&client, whole)
        #expect(told.isComplete && told.bytes == Self.hello + Self.goodbye)
        let untold = stage.answer(&client, cut)
        #expect(untold.isComplete && untold.bytes.count == 4)
        // The endpoint is told as well, as a client tells it.
        stage.turn { stage in stage.visitors.allSatisfy { !$0.isOpen } }
        #expect(stage.visitors[0].heard.suffix(8) == WebSocketFrames.maskedGoingAway.array)
        #expect(stage.count(.endpointDrained) == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `a shutdown ends WebSockets within its window, and then their connection`() throws {
        var stage = try DoorHarness([[.socket]])
        var client = try HTTP2Guest(&stage)
        let stream = Self.open(&stage, &client)
        let begin = stage.now
        let farewell = Farewell(
            tunnelsFrom: begin + .seconds(20),
            tunnelsUntil: begin + .seconds(30)
        )
        stage.door.beginShutdown(farewell, loop: &stage.loop, now: begin)
        stage.advance(.seconds(2))
        stage.advance(.seconds(17))
        client.say(&stage, stream, Self.hello)
        #expect(Self.heard(&stage, &client, stream, 11) == Self.hello)
        stage.advance(.seconds(12))
        let answer = stage.answer(&client, stream)
        #expect(answer.isComplete && answer.bytes.suffix(4) == Self.goodbye)
        stage.turn(&client) { !$0.farewells.isEmpty }
        stage.turn { $0.door.isIdle }
        let isIdle = stage.door.isIdle
        #expect(isIdle)
        #expect(stage.leftovers() == [])
    }
}

extension InlineArray where Element == UInt8 {
    /// The same octets, to be compared.
    fileprivate var array: [UInt8] { indices.map { self[$0] } }
}
