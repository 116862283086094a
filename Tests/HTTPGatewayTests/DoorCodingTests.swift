// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Testing

@testable import HTTPGateway

/// What is decoded is for the scenarios, with real clients; here it is what the door does.
@Suite struct DoorCodingTests {
    static let text = String(repeating: "all work and no play ", count: 200)

    static func stage(
        _ answer: String,
        _ change: @Sendable (inout CompressPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        var compress = CompressPlan()
        change(&compress)
        let plan = compress
        return try DoorHarness([[.answer(answer)]]) { $0.routes[0].compress = plan }
    }

    static func page(_ fields: String = "", _ body: String = text) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"x\"\r\n\(fields)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func ask(_ stage: inout DoorHarness, _ coding: String = "gzip") -> [UInt8] {
        let fields = "Accept-Encoding: \(coding)\r\nConnection: close\r\n"
        let guest = stage.visit(get(fields: fields))
        stage.hearAll(guest)
        return stage.guests[guest].heard
    }

    static func head(_ answer: [UInt8]) -> String {
        let text = String(decoding: answer.map { $0 & 0x7f }, as: UTF8.self)
        return text.range(of: "\r\n\r\n").map { String(text[..<$0.upperBound]) } ?? ""
    }

    /// The content without its chunks; nil when it does not end.
    static func content(_ answer: [UInt8]) -> [UInt8]? {
        var rest = answer.dropFirst(head(answer).utf8.count)
        var content: [UInt8] = []
        while let end = rest.firstIndex(of: 0x0d) {
            let digits = String(decoding: rest[..<end], as: UTF8.self)
            guard let size = Int(digits, radix: 16), rest.count >= size + 2 else { return nil }
            rest = rest[(end + 2)...]
            if size == 0 { return content }
            guard rest.count >= size + 2 else { return nil }
            content += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return nil
    }

    @Test func `a turn compresses no more than its share, whoever waits`() throws {
        var stage = try Self.stage(Self.page("", String(repeating: Self.text, count: 30)))
        let fields = "Accept-Encoding: gzip\r\nConnection: close\r\n"
        let guests = (0..<8).map { _ in stage.visit(get(fields: fields)) }
        var (before, most) = (0, 0)
        stage.turn { stage in
            let coded = Int(stage.count(.codedIn))
            (before, most) = (coded, max(most, coded - before))
            return guests.allSatisfy { stage.guests[$0].isFinished }
        }
        #expect(Int(stage.count(.codedIn)) == 8 * 30 * Self.text.utf8.count)
        // One block may begin just before the limit.
        let share = Int(HTTPDoor.effortLimit) * HTTPDoor.octetsCoded + BufferPool.blockSize
        #expect(most > 0 && most <= share, "\(most) octets in one turn")
        #expect(stage.count(.putOff) > 0)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [("gzip", "W/\"x\""), ("identity", "\"x\"")])
    func `304 has the tag that the answer would have had`(coding: String, tag: String) throws {
        var stage = try Self.stage("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n")
        let head = Self.head(Self.ask(&stage, coding))
        #expect(head.hasPrefix("HTTP/1.1 304") && head.contains("\r\nETag: \(tag)\r\n"))
    }

    @Test(arguments: [("gzip", [0x1f, 0x8b, 8]), ("zstd", [0x28, 0xb5, 0x2f, 0xfd])])
    func `an answer is compressed and its head says so`(coding: String, magic: [UInt8]) throws {
        var stage = try Self.stage(Self.page("Accept-Ranges: bytes\r\nRepr-Digest: x\r\n"))
        let answer = Self.ask(&stage, coding)
        let head = Self.head(answer)
        #expect(head.contains("\r\nContent-Encoding: \(coding)\r\nVary: Accept-Encoding\r\n"))
        #expect(head.contains("\r\nETag: W/\"x\"\r\n") && !head.contains("Digest"))
        #expect(head.contains("chunked") && !head.contains("Content-Length"))
        #expect(!head.contains("Accept-Ranges") && head.components("ETag") == 1)
        let content = try #require(Self.content(answer))
        #expect(content.starts(with: magic) && content.count < 200)
        #expect(stage.count(.codedIn) == Self.text.utf8.count)
        #expect(stage.count(.codedOut) == content.count && stage.count(.codings) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        "Content-Encoding: br\r\n", "Cache-Control: max-age=1, No-Transform\r\n",
        "Content-Range: bytes 0-1/2\r\n",
    ])
    func `what may not be compressed stays as it is`(fields: String) throws {
        var stage = try Self.stage(Self.page(fields))
        let answer = Self.ask(&stage)
        let head = Self.head(answer)
        #expect(!head.contains("gzip") && !head.contains("Vary") && head.contains("ETag: \"x\""))
        #expect(String(decoding: answer, as: UTF8.self).hasSuffix(Self.text))
        #expect(stage.leftovers() == [])
    }

    @Test func `by HTTP 2 the frames carry the same bytes`() throws {
        var stage = try Self.stage(Self.page())
        let plain = Self.content(Self.ask(&stage))
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "GET", "/", [("accept-encoding", "gzip")])
        let answer = stage.answer(&client, stream)
        #expect(answer.isComplete && answer.fields.contains("content-encoding: gzip"))
        #expect(answer.fields.contains("etag: W/\"x\""))
        #expect(!answer.fields.contains { $0.hasPrefix("content-length") })
        #expect(stage.count(.codedOut) == 2 * (plain?.count ?? 0))
        #expect(stage.leftovers() == [])
    }

    @Test func `what has come is given while the endpoint pauses`() throws {
        let begin =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        var stage = try Self.stage(begin) { $0.leastSize = 0 }
        let guest = stage.visit(get(fields: "Accept-Encoding: gzip\r\n"))
        stage.turn { $0.count(.codedOut) > 10 }
        let before = stage.count(.codedOut)
        stage.settle(patience: 5)
        // Once, not again and again while nothing comes.
        #expect(stage.count(.codedOut) == before && stage.door.buffers.inUse <= 1)
        stage.say(0, Array("5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n".utf8))
        stage.turn { Self.content($0.guests[guest].heard) != nil }
        let content = try #require(Self.content(stage.guests[guest].heard))
        #expect(content.count == stage.count(.codedOut) && stage.count(.codedIn) == 10)
        stage.send(guest, get())
        #expect(stage.turn { $0.heard(guest).components("HTTP/1.1 200") == 2 })
        #expect(stage.leftovers() == [])
    }

    static let trailers = [("x-end", "yes"), ("content-digest", "sha-256=:x:"), ("etag", "\"y\"")]

    /// A door before an endpoint of HTTP/2 that compresses what it answers.
    static func stageOfStreams() throws -> DoorHarness {
        try DoorHarness(http2: 1) { $0.routes[0].compress = CompressPlan() }
    }

    @Test func `trailers of an endpoint's stream are kept, towards HTTP 1`() throws {
        var stage = try Self.stageOfStreams()
        let guest = stage.visit(get(fields: "Accept-Encoding: gzip\r\nTE: trailers\r\n"))
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        let fields = [("content-type", "text/plain")]
        host.answer(&stage, 1, "200", fields, content: Self.text, trailers: Self.trailers)
        stage.turn(&host) { _, stage in Self.content(stage.guests[guest].heard) != nil }
        stage.settle(patience: 2)
        let heard = stage.guests[guest].heard
        #expect(Self.head(heard).contains("Content-Encoding: gzip"))
        let end = String(decoding: heard.suffix(40).map { $0 & 0x7f }, as: UTF8.self)
        #expect(end.hasSuffix("\r\n0\r\nx-end: yes\r\n\r\n"))
        #expect(Self.content(heard)?.count == stage.count(.codedOut))
        #expect(stage.count(.codedIn) == Self.text.utf8.count)
        #expect(stage.leftovers() == [])
    }

    @Test func `trailers of an endpoint's stream are kept, towards HTTP 2`() throws {
        var stage = try Self.stageOfStreams()
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "GET", "/", [("accept-encoding", "gzip")])
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        let fields = [("content-type", "text/plain")]
        host.answer(&stage, 1, "200", fields, content: Self.text, trailers: Self.trailers)
        stage.turn(&host) { _, stage in stage.count(.codedIn) > 0 }
        let answer = stage.answer(&client, stream)
        #expect(answer.isComplete && answer.bytes.starts(with: [0x1f, 0x8b]))
        #expect(answer.bytes.count == stage.count(.codedOut))
        #expect(answer.trailers == ["x-end: yes"])
        #expect(stage.leftovers() == [])
    }

    static let chunked =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "5\r\nhello\r\n0\r\nX-End: yes\r\nRepr-Digest: x\r\nContent-Length: 5\r\n\r\n"

    @Test func `trailers behind chunks are kept as well`() throws {
        var stage = try Self.stage(Self.chunked) { $0.leastSize = 0 }
        let guest = stage.visit(get(fields: "Accept-Encoding: gzip\r\n"))
        stage.turn { Self.content($0.guests[guest].heard) != nil }
        stage.settle(patience: 2)
        let end = String(decoding: stage.guests[guest].heard.suffix(20), as: UTF8.self)
        #expect(end.hasSuffix("0\r\nX-End: yes\r\n\r\n"))
        stage.send(guest, get())
        #expect(stage.turn { $0.heard(guest).components("HTTP/1.1 200") == 2 })
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "GET", "/", [("accept-encoding", "gzip")])
        #expect(stage.answer(&client, stream).trailers == ["x-end: yes"])
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [20_000, 200_000, 500_000])
    func `what would be worth a pipe goes through the coder when it is compressed`(
        size: Int
    ) throws {
        let body = String(repeating: "0123456789", count: size / 10)
        var stage = try Self.stage(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: \(size)\r\n\r\n"
        )
        let guest = stage.visit(get(fields: "Accept-Encoding: gzip\r\n"))
        stage.turn { $0.origins[0].requests == 1 }
        DoorSpliceTests.feed(&stage, Array(body.utf8))
        stage.turn { Self.content($0.guests[guest].heard) != nil }
        let content = try #require(Self.content(stage.guests[guest].heard))
        #expect(content.starts(with: [0x1f, 0x8b]) && content.count < size / 20)
        #expect(stage.count(.codedIn) == size && stage.count(.codedOut) == content.count)
        #expect(stage.count(.bytesSpliced) == 0 && stage.door.pipes.count == 0)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        Part.answerAndClose(page().dropLast(9).description),
        .reset(page().dropLast(9).description),
        .answerAndClose(
            "HTTP/1.1 200 OK\r\nContent-Type: text/a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nx"
        ),
    ])
    func `a broken answer never looks whole`(part: Part) throws {
        var stage = try DoorHarness([[part]]) {
            $0.routes[0].compress = CompressPlan()
            $0.poolPlans[0].retries = 0
        }
        let guest = stage.visit(get(fields: "Accept-Encoding: gzip\r\n"))
        stage.hearAll(guest)
        #expect(Self.content(stage.guests[guest].heard) == nil)
        #expect(stage.leftovers() == [])
        #expect(stage.door.coders.count == 0 && stage.door.codings.count == 0)
    }

    @Test func `a client that leaves in the middle leaves nothing`() throws {
        let long = String(repeating: Self.text, count: 500)
        var stage = try Self.stage(Self.page("", long)) { $0.codings = [.brotli] }
        let guest = stage.visit(get(fields: "Accept-Encoding: br\r\n"))
        stage.turn { $0.count(.codedIn) > 0 }
        stage.leave(guest, reset: true)
        #expect(stage.leftovers() == [])
        #expect(stage.door.coders.count == 0 && stage.door.codings.count == 0)
    }
}
