// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct ChunkDecoderTests {
    private func complete(_ text: String) -> ChunkReading.End {
        .complete(length: text.utf8.count)
    }

    @Test(arguments: [
        ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("0\r\n\r\n", ""),
        ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"), ("A\r\n0123456789\r\n000\r\n\r\n", "0123456789"),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("0000000000000001\r\nx\r\n0000000000000000\r\n\r\n", "x"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"), ("1;a\r\nx\r\n0;b\r\n\r\n", "x"),
        ("1;a=b;c=\"d;\\\"\t\u{e9}\"\r\nx\r\n0\r\n\r\n", "x"),
        ("1 ;\ta = b\t; c = \"\" ; d\r\nx\r\n0\r\n\r\n", "x"),
    ])
    func `RFC 9112 section 7.1 chunks join to the body`(_ example: (String, String)) {
        let reading = readChunks(example.0)
        #expect(reading.end == complete(example.0))
        #expect(String(decoding: reading.body, as: UTF8.self) == example.1)
    }

    @Test func `bytes behind the body are left alone`() {
        let body = "1\r\nx\r\n0\r\nA: b\r\n\r\n"
        #expect(readChunks(body + "GET / HTTP/1.1\r\n").end == complete(body))
    }

    static let refusals = [
        RefusalCase("\r\n", .chunkSize), RefusalCase("g\r\n", .chunkSize),
        RefusalCase("0x5\r\nhello", .chunkSize), RefusalCase("+5\r\nhello", .chunkSize),
        RefusalCase("-1\r\n", .chunkSize), RefusalCase(" 5\r\nhello", .chunkSize),
        RefusalCase("1_0\r\n", .chunkSize), RefusalCase("5.\r\n", .chunkSize),
        RefusalCase("\u{661}\r\n", .chunkSize), RefusalCase("5,\r\n", .chunkSize),
        RefusalCase("5\u{b}\r\n", .chunkSize), RefusalCase("5\0\r\n", .chunkSize),
        RefusalCase(";a\r\n", .chunkSize), RefusalCase("00000000000000001\r\n", .chunkSize),
        RefusalCase("8000000000000000\r\n", .chunkSize),
        RefusalCase("ffffffffffffffff\r\n", .chunkSize),
        RefusalCase("10000000000000005\r\n", .chunkSize),
        RefusalCase("5\nhello", .chunkLine), RefusalCase("5\r\rhello", .chunkLine),
        RefusalCase("5\rhello", .chunkLine), RefusalCase("1;a\nx", .chunkLine),
        RefusalCase("1;a=\"\n\"\r\nx", .chunkLine), RefusalCase("1;\nx", .chunkLine),
        RefusalCase("0\n\r\n", .chunkLine),
        RefusalCase("5 \r\nhello", .chunkExtension), RefusalCase("5\t\r\nhello", .chunkExtension),
        RefusalCase("5;\r\nhello", .chunkExtension), RefusalCase("5;a \r\nhello", .chunkExtension),
        RefusalCase("5;a=\r\nhello", .chunkExtension), RefusalCase("5;=b\r\n", .chunkExtension),
        RefusalCase("5;a=b \r\nhello", .chunkExtension), RefusalCase("5 5\r\n", .chunkExtension),
        RefusalCase("5;a b\r\n", .chunkExtension), RefusalCase("5;a=b c\r\n", .chunkExtension),
        RefusalCase("5;a=\"b\r\n\"\r\n", .chunkExtension),
        RefusalCase("5;a=\"b\0\"", .chunkExtension),
        RefusalCase("5;a=\"\\\u{7f}\"", .chunkExtension),
        RefusalCase("5;a\u{e9}\r\n", .chunkExtension),
        RefusalCase("5;a=\"b\"c\r\n", .chunkExtension), RefusalCase("5;a;;b\r\n", .chunkExtension),
        RefusalCase("5\r\nhelloX\r\n", .chunkEnd), RefusalCase("5\r\nhello\n", .chunkEnd),
        RefusalCase("5\r\nhello\rX", .chunkEnd), RefusalCase("5\r\nhello0\r\n\r\n", .chunkEnd),
        RefusalCase("0\r\nA : b\r\n\r\n", .spaceBeforeColon),
        RefusalCase("0\r\nA: b\n\r\n", .bareLF),
        RefusalCase("0\r\nA: b\r\n c\r\n\r\n", .obsFold),
        RefusalCase("0\r\n A: b\r\n", .leadingWhitespace),
        RefusalCase("0\r\nA\r\n\r\n", .missingColon), RefusalCase("0\r\n\rX", .bareCR),
    ]

    @Test(arguments: refusals)
    func `a chunk outside the rules is refused by the rule it breaks`(_ example: RefusalCase) {
        #expect(readChunks(example.text).refusal == example.refusal)
    }

    @Test func `a refusal stays`() {
        var decoder = ChunkDecoder()
        var position = 0
        let bad: [UInt8] = [0x67]
        let good = Array("0\r\n".utf8)
        #expect(decoder.next(bad.span, at: &position) == .refused(.chunkSize))
        position = 0
        #expect(decoder.next(good.span, at: &position) == .refused(.chunkSize))
    }

    @Test func `the largest size is taken and its data may come in any number of pieces`() {
        var decoder = ChunkDecoder()
        var position = 0
        let bytes = Array("7fffffffffffffff\r\nabc".utf8)
        #expect(
            decoder.next(bytes.span, at: &position) == .data(ByteRange(start: 18, count: 3))
        )
        #expect(decoder.next(bytes.span, at: &position) == .needMore)
    }

    @Test func `RFC 9112 section 7.1.1 extensions are bounded by what the body is worth`() {
        let long = "1;" + String(repeating: "a", count: 16_382) + "\r\nx\r\n"
        #expect(readChunks(long + "0\r\n\r\n").body == [0x78])
        let over = "1;" + String(repeating: "a", count: 16_384) + "\r\nx\r\n"
        #expect(readChunks(over).refusal == .chunkExtensionLength)
        // 10 octets of extension for each octet of data cannot go on for ever.
        let cheap = String(repeating: "1;aaaaaaaaa\r\nx\r\n", count: 2_000)
        #expect(readChunks(cheap).refusal == .chunkExtensionLength)
        // 64 for each KiB can.
        let data = String(repeating: "x", count: 1_024)
        let fair = String(
            repeating: "400;" + String(repeating: "a", count: 60) + "\r\n" + data + "\r\n",
            count: 600
        )
        #expect(readChunks(fair + "0\r\n\r\n").body.count == 600 * 1_024)
    }

    @Test func `RFC 9110 section 6.5.1 framing, routing and credentials are no trailers`() {
        let text =
            "0\r\nX-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\n"
            + "Cookie: a\r\nAuthorization: b\r\nETag: \"x\"\r\nTrailer: a\r\nConnection: close\r\n\r\n"
        let reading = readChunks(text)
        #expect(reading.end == complete(text))
        #expect(reading.trailers.count == 9)
        #expect(
            reading.forbidden == [
                "Content-Length", "Transfer-Encoding", "Host", "Cookie", "Authorization",
                "Trailer", "Connection",
            ]
        )
    }

    @Test func `trailers are bounded in bytes and number`() {
        let limits = HeadLimits(headBytes: 40, fields: 2)
        func read(_ text: String) -> Refusal? {
            readChunks(Array(text.utf8), limits: limits).refusal
        }
        #expect(read("0\r\nA: b\r\nC: d\r\n\r\n") == nil)
        #expect(read("0\r\nA: b\r\nC: d\r\nE: f\r\n\r\n") == .trailerCount)
        #expect(read("0\r\nA: " + String(repeating: "b", count: 40)) == .trailerLength)
        let fit = "0\r\nA: " + String(repeating: "b", count: 33)
        #expect(read(fit + "\r\n\r\n") == nil)
        #expect(read(fit + "b\r\n\r\n") == .trailerLength)
    }

    @Test func `what is written in chunks is read back`() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<200 {
            var body: [UInt8] = []
            let count = Int(random.next(below: 20))
            var pieces: [[UInt8]] = []
            for _ in 0..<count {
                let size = 1 + Int(random.next(below: 300))
                pieces.append((0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) })
                body += pieces[pieces.count - 1]
            }
            let wire = [UInt8](capacity: body.count + 40 * count + 40) { output in
                for piece in pieces {
                    output.writeChunkHeader(piece.count)
                    output.write(piece.span)
                    output.writeChunkEnd()
                }
                output.writeLastChunk()
                output.writeField("X-Sum" as StaticString, "1" as StaticString)
                output.writeLineEnd()
            }
            let reading = readChunks(wire)
            #expect(reading.end == .complete(length: wire.count))
            #expect(reading.body == body)
            #expect(reading.trailers == ["X-Sum"])
        }
    }
}
