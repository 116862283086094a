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
