// SPDX-License-Identifier: Apache-2.0
import Essentials
import Glibc
import HTTPProtocol
import Testing

/// A verdict must follow from the bytes alone, never from how they were cut into segments: an
/// attacker chooses the cuts.
@Suite struct SegmentationTests {
    static let requests: [String] =
        [RequestParserTests.browser, "\r\nPOST /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"]
        + (RequestRefusalTests.lineEnds + RequestRefusalTests.requestLines
        + RequestRefusalTests.targets + RequestRefusalTests.fields
        + RequestRefusalTests.hosts + RequestRefusalTests.framing
        + RequestRefusalTests.connection).map(\.text)

    @Test(arguments: requests)
    func `a request fed byte by byte gets the same verdict`(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(readRequest(bytes, cuts: 0..<bytes.count) == readRequest(bytes))
    }

    @Test(arguments: ResponseParserTests.refusals.map(\.text))
    func `a response fed byte by byte gets the same verdict`(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(readResponse(bytes, cuts: 0..<bytes.count) == readResponse(bytes))
    }

    @Test(arguments: ChunkDecoderTests.refusals.map(\.text))
    func `a chunked body fed byte by byte gets the same verdict`(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(readChunks(bytes, cuts: 0..<bytes.count) == readChunks(bytes))
    }

    @Test func `every prefix of a request gets the same verdict from one look and from many`() {
        let bytes = Array(RequestParserTests.browser.utf8)
        for count in 0...bytes.count {
            let prefix = Array(bytes[..<count])
            let reading = readRequest(prefix, cuts: 0..<count)
            #expect(reading == readRequest(prefix))
            #expect((reading.result == .complete) == (count == bytes.count))
        }
    }

    @Test func `limits strike at the same byte however the bytes come`() {
        for limit in UInt32(1)...60 {
            let limits = HeadLimits(headBytes: limit, fields: 3, targetBytes: 8)
            for text in [
                "GET /12345678 HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n",
                "\r\nGET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nE: f\r\n\r\n",
                "GET /" + String(repeating: "x", count: 80), "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            ] {
                let bytes = Array(text.utf8)
                let whole = readRequest(bytes, limits: limits)
                #expect(readRequest(bytes, cuts: 0..<bytes.count, limits: limits) == whole)
                #expect(whole.result != .needMore)
            }
        }
    }

    @Test func `a parser is ready for the next head after each verdict`() {
        var parser = RequestParser(limits: HeadLimits())
        var table = FieldTable(limit: 100)
        var head = RequestHead()
        let bad = Array("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".utf8)
        let good = Array(RequestParserTests.browser.utf8)
        for _ in 0..<3 {
            for bytes in [bad, good] {
                let half = bytes.span.extracting(0..<(bytes.count / 2))
                let first = parser.parse(half, fields: &table, head: &head)
                #expect(first == .needMore)
                let second = parser.parse(bytes.span, fields: &table, head: &head)
                #expect(second == (bytes == bad ? .refused(.host) : .complete))
            }
        }
        let part = parser.parse(good.span.extracting(0..<9), fields: &table, head: &head)
        parser.reset()
        let after = parser.parse(good.span, fields: &table, head: &head)
        #expect(part == .needMore && after == .complete)
    }

    @Test func `a caller that hands over fewer bytes than before gets no trap`() {
        var parser = RequestParser(limits: HeadLimits())
        var table = FieldTable(limit: 4)
        var head = RequestHead()
        let bytes = Array(RequestParserTests.browser.utf8)
        for count in [60, 10, 0, 5, 200, 1] {
            _ = parser.parse(bytes.span.extracting(0..<count), fields: &table, head: &head)
        }
        let other = [UInt8](repeating: 0x41, count: 300)
        let result = parser.parse(other.span, fields: &table, head: &head)
        #expect(result != .complete)
    }

    /// Inputs from which mutants are made.
    static let seeds =
        requests
        + [
            "GET http://h.example/a?b HTTP/1.1\r\nHost: x\r\nConnection: upgrade, x-a\r\n"
                + "Upgrade: websocket\r\nX-A: 1\r\nTE: trailers\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n"
                + "Expect: 100-continue\r\nX-Forwarded-For: 1\r\n\r\n",
        ]
    private static let dictionary = [
        "\r\n", "\n", "\r", "\0", "\t", " ", ":", ",", ";", "chunked", "Transfer-Encoding: ",
        "Content-Length: 1\r\n", "Host: a\r\n", "Connection: ", "close", "HTTP/1.0", "%00", "#",
        "\"",
        "\u{b}", "\u{7f}", "\u{85}", "0", "ffffffff", "[", "]", "\r\n\r\n", "Upgrade: h2c\r\n",
    ].map { Array($0.utf8) }

    private static func mutant(_ random: inout SeededRandom, of seed: [UInt8]) -> [UInt8] {
        var bytes = seed
        for _ in 0...random.next(below: 4) {
            let at = Int(random.next(below: UInt32(bytes.count + 1)))
            let end = min(bytes.count, at + Int(random.next(below: 8)))
            switch random.next(below: 6) {
            case 0: bytes.replaceSubrange(at..<end, with: [])
            case 1: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
            case 2:
                let word = dictionary[Int(random.next(below: UInt32(dictionary.count)))]
                bytes.insert(contentsOf: word, at: at)
            case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 4: if at < bytes.count { bytes[at] ^= 1 << UInt8(random.next(below: 8)) }
            default: if at < bytes.count { bytes[at] = UInt8(truncatingIfNeeded: random.next()) }
            }
        }
        return bytes
    }

    /// How many mutants to make: `MARTLET_MUTANTS` when it is set, for a long run by hand.
    private static func rounds(_ usual: Int) -> Range<Int> {
        guard let text = unsafe getenv("MARTLET_MUTANTS") else { return 0..<usual }
        return 0..<(unsafe Int(String(cString: text)) ?? usual)
    }

    private static func cuts(_ random: inout SeededRandom, _ count: Int) -> [Int] {
        (0..<random.next(below: 6)).map { _ in Int(random.next(below: UInt32(count + 1))) }.sorted()
    }

    @Test func `mutated requests are judged alike whole and in pieces`() {
        var random = SeededRandom(seed: 0x4d61_7274)
        var complete = 0
        for round in Self.rounds(20_000) {
            let seed = Array(Self.seeds[round % Self.seeds.count].utf8)
            let bytes = Self.mutant(&random, of: seed)
            let whole = readRequest(bytes)
            let cut = Self.cuts(&random, bytes.count)
            let parts = readRequest(bytes, cuts: cut)
            if whole != parts {
                Issue.record("round \(round) cut at \(cut): \(bytes)")
                return
            }
            guard whole.result == .complete, whole.head.method != .connect else { continue }
            complete += 1
            checkInvariants(whole)
            let again = readRequest(SmugglingTests.rewritten(whole))
            if again.result != .complete || again.head.framing != whole.head.framing
                || again.head.length != again.bytes.count
            {
                Issue.record("round \(round) cannot be written anew: \(bytes)")
                return
            }
        }
        #expect(complete > 500)
    }

    /// What must hold for any head that is let through.
    private func checkInvariants(_ reading: RequestReading) {
        let head = reading.head
        #expect(head.length <= reading.bytes.count)
        #expect(reading.bytes[(head.length - 4)..<head.length].elementsEqual([13, 10, 13, 10]))
        for field in reading.fields {
            let name = reading.bytes[Int(field.name.start)..<field.name.end]
            let value = reading.bytes[Int(field.value.start)..<field.value.end]
            #expect(name.allSatisfy(FieldSyntax.isTokenByte) && !name.isEmpty)
            #expect(value.allSatisfy(FieldSyntax.isValueByte))
        }
        let lengths = reading.values(.contentLength).count
        let codings = reading.values(.transferEncoding).count
        #expect(lengths + codings <= 1)
        #expect((head.framing == .none) == (lengths + codings == 0))
        #expect(reading.values(.host).count <= 1)
    }

    @Test func `mutated responses are judged alike whole and in pieces`() {
        var random = SeededRandom(seed: 0x6c65_7421)
        let seeds =
            ResponseParserTests.refusals.map(\.text)
            + ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\nServer: x\r\n\r\nabc"]
        for round in Self.rounds(15_000) {
            let bytes = Self.mutant(&random, of: Array(seeds[round % seeds.count].utf8))
            let cut = Self.cuts(&random, bytes.count)
            if readResponse(bytes) != readResponse(bytes, cuts: cut) {
                Issue.record("round \(round) cut at \(cut): \(bytes)")
                return
            }
        }
    }

    @Test func `mutated chunked bodies are judged alike whole and in pieces`() {
        var random = SeededRandom(seed: 0x6368_756e)
        let seeds =
            ChunkDecoderTests.refusals.map(\.text)
            + ["5\r\nhello\r\n3;a=\"b\"\r\nabc\r\n0\r\nX: y\r\nHost: z\r\n\r\n"]
        for round in Self.rounds(15_000) {
            let bytes = Self.mutant(&random, of: Array(seeds[round % seeds.count].utf8))
            let cut = Self.cuts(&random, bytes.count)
            let whole = readChunks(bytes)
            if whole != readChunks(bytes, cuts: cut) {
                Issue.record("round \(round) cut at \(cut): \(bytes)")
                return
            }
            // What is left out can only be framing.
            #expect(whole.body.count <= bytes.count)
        }
    }
}
