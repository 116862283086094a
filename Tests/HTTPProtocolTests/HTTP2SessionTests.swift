// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTPProtocol

@Suite struct HTTP2SessionTests {
    @Test func `a request and its answer cross with fields and content`() throws {
        var pair = try HTTP2Loopback()
        pair.client.list(HTTP2Loopback.get + [("accept", "*/*")])
        let stream = pair.client.session.request(endsStream: true, owner: 7)
        #expect(stream == 1)
        let asked = pair.exchange().server
        #expect(asked.count == 1)
        #expect(asked.first?.event == .fields(stream: 1, owner: 0, endsStream: true))
        #expect(
            asked.first?.fields == [
                ":method=GET", ":scheme=http", ":path=/", ":authority=example.org", "accept=*/*",
            ]
        )
        pair.server.session.attach(1, to: 9)
        pair.server.list([(":status", "200"), ("Content-Type", "text/plain")])
        #expect(pair.server.session.respond(1, endsStream: false))
        let content = Array("hello".utf8)
        pair.server.session.offer(1, content.span, isLast: true)
        let said = pair.server.say()
        let taken = pair.server.workspace.taken(0)
        #expect(taken.owner == 9 && taken.count == 5)
        let heard = pair.client.hear(said) ?? []
        #expect(heard.map(\.event).first == .fields(stream: 1, owner: 7, endsStream: false))
        #expect(heard.first?.fields == [":status=200", "content-type=text/plain"])
        #expect(heard.map(\.content).joined() == "hello")
        #expect(heard.last?.event == .closed(stream: 1, owner: 7, .noError))
    }

    @Test func `content that is not there yet is waited for`() throws {
        var pair = try HTTP2Loopback()
        pair.client.list(HTTP2Loopback.get)
        _ = pair.client.session.request(endsStream: true, owner: 7)
        _ = pair.exchange()
        pair.server.list([(":status", "200")])
        #expect(pair.server.session.respond(1, endsStream: false))
        #expect(
            pair.exchange().client.map(\.event) == [.fields(stream: 1, owner: 7, endsStream: false)]
        )
        #expect(pair.exchange().client.isEmpty)
        let content = Array("late".utf8)
        pair.server.session.offer(1, content.span, isLast: false)
        #expect(pair.exchange().client.map(\.content) == ["late"])
        pair.server.session.offer(1, Span<UInt8>(), isLast: true)
        let end = pair.exchange().client.map(\.event)
        #expect(end == [.finished(stream: 1, owner: 7), .closed(stream: 1, owner: 7, .noError)])
    }

    @Test(arguments: [(1_023, 1), (1_024, 0)])
    func `a stream starves when its window was hardly ever open`(window: Int, starving: Int) throws
    {
        var settings = HTTP2SessionSettings()
        settings.streamWindow = Int32(window)
        var pair = try HTTP2Loopback(client: settings)
        pair.client.list(HTTP2Loopback.get)
        _ = pair.client.session.request(endsStream: true, owner: 7)
        _ = pair.exchange()
        #expect(pair.server.session.peerWindow == UInt32(window))
        pair.server.list([(":status", "200")])
        #expect(pair.server.session.respond(1, endsStream: false))
        #expect(pair.server.session.starving(below: 1_024) == 0, "nothing waits yet")
        let content = [UInt8](repeating: 120, count: 4_096)
        pair.server.session.offer(1, content.span, isLast: true)
        #expect(pair.server.session.starving(below: 1_024) == starving)
        _ = pair.exchange()
        #expect(pair.server.session.starving(below: 1_024) == starving, "sent counts like open")
    }

    @Test func `trailers follow the last content`() throws {
        var pair = try HTTP2Loopback()
        pair.client.list(HTTP2Loopback.get)
        _ = pair.client.session.request(endsStream: true, owner: 7)
        _ = pair.exchange()
        pair.server.list([(":status", "200")])
        #expect(pair.server.session.respond(1, endsStream: false))
        pair.server.list([("grpc-status", "0")])
        #expect(pair.server.session.keepTrailers(1))
        let content = Array("body".utf8)
        pair.server.session.offer(1, content.span, isLast: true)
        let heard = pair.exchange().client
        #expect(heard.map(\.content).joined() == "body")
        let trailers = heard.first { $0.event == .trailers(stream: 1, owner: 7) }
        #expect(trailers?.fields == ["grpc-status=0"])
    }

    @Test func `interim responses come before the final one`() throws {
        var pair = try HTTP2Loopback()
        pair.client.list(HTTP2Loopback.get)
        _ = pair.client.session.request(endsStream: true, owner: 7)
        _ = pair.exchange()
        pair.server.list([(":status", "103"), ("link", "</a>")])
        #expect(pair.server.session.interim(1))
        pair.server.list([(":status", "204")])
        #expect(pair.server.session.respond(1, endsStream: true))
        let heard = pair.exchange().client.filter { !$0.fields.isEmpty }
        #expect(heard.map { $0.fields.first } == [":status=103", ":status=204"])
    }

    @Test func `a window opens only as far as content was passed on`() throws {
        var pair = try HTTP2Loopback()
        pair.client.list([(":method", "POST")] + HTTP2Loopback.get.dropFirst())
        _ = pair.client.session.request(endsStream: false, owner: 7)
        let content = [UInt8](repeating: 0x61, count: 200_000)
        pair.client.session.offer(1, content.span, isLast: true)
        _ = pair.server.hear(pair.client.say(room: 400))
        pair.server.session.attach(1, to: 9)
        var came = 0
        for _ in 0..<20 {
            came += pair.exchange().server.reduce(0) { $0 + $1.content.utf8.count }
        }
        #expect(came <= 65_535 && came > 60_000)
        pair.server.session.consume(1, came)
        for _ in 0..<20 {
            came += pair.exchange().server.reduce(0) { $0 + $1.content.utf8.count }
        }
        #expect(came > 65_535 && came <= 2 * 65_535)
    }

    @Test func `content for nobody does not close the connection's window`() throws {
        var pair = try HTTP2Loopback()
        for round in 0..<12 {
            pair.client.list([(":method", "POST")] + HTTP2Loopback.get.dropFirst())
            let stream = pair.client.session.request(endsStream: false, owner: 7)
            let content = [UInt8](repeating: 0x61, count: 60_000)
            pair.client.session.offer(stream, content.span, isLast: true)
            var taken = 0
            for _ in 0..<4 {
                let said = pair.client.say()
                for index in 0..<pair.client.workspace.takenCount {
                    taken += pair.client.workspace.taken(index).count
                }
                _ = pair.server.hear(said)
                _ = pair.client.hear(pair.server.say())
            }
            #expect(taken == 60_000, "round \(round)")
        }
    }

    @Test func `streams above the limit are refused`() throws {
        var settings = HTTP2SessionSettings()
        settings.streams = 2
        var server = try HTTP2Side(isServer: true, settings, HeadLimits())
        let block = HTTP2Bytes.hex("828684410f7777772e6578616d706c652e636f6d")
        var bytes = HTTP2Bytes.preface + HTTP2Bytes.frame(4, stream: 0)
        for stream in [1, 3, 5] as [UInt32] {
            bytes += HTTP2Bytes.frame(1, flags: 5, stream: stream, block)
        }
        let opened = server.hear(bytes)?.count
        #expect(opened == 2)
        let said = server.say()
        let reset = HTTP2Bytes.frame(3, stream: 5, [0, 0, 0, 7])
        #expect(said.indices.contains { said[$0...].starts(with: reset) })
        let provoked = server.session.provokedResets
        #expect(provoked == 1)
    }

    @Test func `a list above the limit is seen, and not kept`() throws {
        var pair = try HTTP2Loopback(limits: HeadLimits(headBytes: 4_096))
        // One long value in the table, then references of one octet to it: an HPACK bomb.
        let value = [UInt8](repeating: 0x61, count: 2_000)
        let literal: [UInt8] = [0x40, 0x01, 0x78, 0x7f] + [0xd1, 0x0e] + value
        var block = HTTP2Bytes.hex("828684410f7777772e6578616d706c652e636f6d") + literal
        block += [0xbe, 0xbe]
        let heard = pair.server.hear(HTTP2Bytes.frame(1, flags: 5, stream: 1, block))
        #expect(heard?.count == 1)
        let isOversized = pair.server.workspace.isOversized
        let kept = pair.server.workspace.text.count
        #expect(isOversized && kept <= 4_096)
        // Far above the limit, nothing is read on.
        let bomb =
            HTTP2Bytes.hex("828684410f7777772e6578616d706c652e636f6d")
            + [UInt8](repeating: 0xbf, count: 5_000)
        let more = pair.server.hear(HTTP2Bytes.frame(1, flags: 5, stream: 3, bomb))
        #expect(more == nil)
        let isBomb = pair.server.workspace.isBomb
        let size = pair.server.workspace.listSize
        #expect(isBomb && size < 5 * 4_096)
    }

    @Test func `the heap of a session has a limit`() throws {
        var settings = HTTP2SessionSettings()
        settings.heapBytes = 40_000
        let server = try HTTP2Side(isServer: true, settings, HeadLimits())
        let session = server.session
        let block = HTTP2Bytes.hex("828684410f7777772e6578616d706c652e636f6d")
        var isAlive = session.receive((HTTP2Bytes.preface + HTTP2Bytes.frame(4, stream: 0)).span)
        var stream: UInt32 = 1
        while isAlive, stream < 201 {
            isAlive = session.receive(HTTP2Bytes.frame(1, flags: 5, stream: stream, block).span)
            stream += 2
        }
        let used = session.heapUsed
        #expect(!isAlive)
        #expect(used <= 40_064)  // the allocator rounds up
    }

    @Test func `an early answer to an unfinished request asks for no more of it`() throws {
        var pair = try HTTP2Loopback()
        pair.client.list([(":method", "POST")] + HTTP2Loopback.get.dropFirst())
        _ = pair.client.session.request(endsStream: false, owner: 7)
        _ = pair.exchange()
        pair.server.list([(":status", "413")])
        #expect(pair.server.session.respond(1, endsStream: false))
        pair.server.session.offerCopy(1, Array("no".utf8).span)
        let heard = pair.exchange().client
        #expect(heard.map(\.content).joined() == "no")
        #expect(heard.last?.event == .finished(stream: 1, owner: 7))
        let hasAnswered = pair.server.session.hasAnswered
        #expect(hasAnswered)
        pair.server.session.resetAnswered()
        let end = pair.exchange().client
        #expect(end.last?.event == .closed(stream: 1, owner: 7, .noError))
        let provoked = pair.server.session.provokedResets
        #expect(provoked == 0)
    }

    // RFC 7541 Appendix C.3 and C.4: three requests on one connection, plain and Huffman coded.
    @Test(arguments: [
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ],
        [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ],
    ])
    func `the request examples of RFC 7541 are read`(blocks: [String]) throws {
        var pair = try HTTP2Loopback()
        var lists: [[String]] = []
        for (place, block) in blocks.enumerated() {
            let stream = UInt32(place * 2 + 1)
            let bytes = HTTP2Bytes.frame(1, flags: 5, stream: stream, HTTP2Bytes.hex(block))
            lists.append(pair.server.hear(bytes)?.first?.fields ?? [])
        }
        let first = [":method=GET", ":scheme=http", ":path=/", ":authority=www.example.com"]
        #expect(
            lists == [
                first, first + ["cache-control=no-cache"],
                [
                    ":method=GET", ":scheme=https", ":path=/index.html",
                    ":authority=www.example.com", "custom-key=custom-value",
                ],
            ]
        )
    }

    // RFC 7541 Appendix C.5 and C.6: three responses with a table of 256 octets, evictions included.
    @Test(arguments: [
        [
            """
            4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
            2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
            6c65 2e63 6f6d
            """,
            "4803 3330 37c1 c0bf",
        ],
        [
            """
            4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
            2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3
            """,
            "4883 640e ffc1 c0bf",
        ],
    ])
    func `the response examples of RFC 7541 are read`(blocks: [String]) throws {
        var pair = try HTTP2Loopback()
        var lists: [[String]] = []
        for block in blocks {
            pair.client.list(HTTP2Loopback.get)
            let stream = pair.client.session.request(endsStream: true, owner: 7)
            _ = pair.client.say()
            let bytes = HTTP2Bytes.frame(
                1,
                flags: 5,
                stream: UInt32(stream),
                HTTP2Bytes.hex(block)
            )
            lists.append(pair.client.hear(bytes)?.first?.fields ?? [])
        }
        let rest = [
            "cache-control=private", "date=Mon, 21 Oct 2013 20:13:21 GMT",
            "location=https://www.example.com",
        ]
        #expect(lists == [[":status=302"] + rest, [":status=307"] + rest])
    }
}
