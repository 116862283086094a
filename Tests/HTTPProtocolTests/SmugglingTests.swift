// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

/// Requests that some server, somewhere, has read in two ways.
///
/// Smuggling lives on a pair of parsers that disagree about where a request ends. The rule here
/// is that a request over which two parsers could disagree is refused, and that what goes on to
/// an origin is written anew, so that only one reading is left.
@Suite struct SmugglingTests {
    private static func post(_ fields: String...) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    /// `Transfer-Encoding: chunked` in disguises that one of two servers sees through.
    static let disguises = [
        "Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked",
        "Transfer-Encoding\u{b}: chunked", "Transfer-Encoding\u{c}: chunked",
        "Transfer-Encoding\0: chunked", "Transfer-Encoding:\u{b}chunked",
        "Transfer-Encoding: \u{b}chunked", "Transfer-Encoding: chunked\u{b}",
        "Transfer-Encoding: chunked\u{c}", "Transfer-Encoding: chunked\0",
        "Transfer-Encoding: chunked\u{85}", "Transfer-Encoding: \u{a0}chunked",
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked, x",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx", "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: 'chunked'", "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: chunked,", "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: identity, chunked", "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: cow",
        "Transfer-Encoding:", "Transfer-Encoding: ", "Transfer-Encoding: chunked chunked",
        "Transfer-Encoding:\r\n chunked", "Transfer-Encoding: \r\n\tchunked",
        "X: y\r\n Transfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked", "X:\nTransfer-Encoding: chunked",
        "\nTransfer-Encoding: chunked", " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked", ": Transfer-Encoding: chunked",
        "X\r\nTransfer-Encoding: chunked", "Transfer-Encoding chunked",
        "Transfer Encoding: chunked", "Transfer-Encoding: ch\u{212a}unked",
    ]

    @Test(arguments: disguises)
    func `RFC 9112 section 6.1 a disguised transfer coding is refused`(_ line: String) {
        #expect(readRequest(Self.post(line)).refusal != nil)
        #expect(readRequest(Self.post("Content-Length: 5", line)).refusal != nil)
        #expect(readRequest(Self.post(line, "Content-Length: 5")).refusal != nil)
        let text = "HTTP/1.1 200 OK\r\n\(line)\r\n\r\n"
        #expect(readResponse(text).refusal != nil)
    }

    /// Names that some programs fold onto those of framing fields.
    ///
    /// They are other fields here: nothing of ours reads them as framing, and those that differ
    /// from a known name by an underscore do not go on.
    @Test(arguments: [
        "Transfer_Encoding", "Content_Length", "Transfer-Encodin", "Transfer-Encodingg",
        "XTransfer-Encoding", "Content-Lengt", "Content-Length1", "Transfer.Encoding",
    ])
    func `a name that is almost a framing field frames nothing`(_ name: String) {
        let reading = readRequest(Self.post("\(name): chunked"))
        #expect(reading.result == .complete)
        #expect(reading.head.framing == .none)
    }

    static let lengths = [
        "Content-Length: 5, 5", "Content-Length: 5,6", "Content-Length: 5 6", "Content-Length: +5",
        "Content-Length: -5", "Content-Length: 5.0", "Content-Length: 0x5", "Content-Length: 5x",
        "Content-Length: 5_0", "Content-Length: 5e0", "Content-Length: \"5\"", "Content-Length:",
        "Content-Length: ,5", "Content-Length: 5;", "Content-Length\u{b}: 5",
        "Content-Length: 5\u{b}", "Content-Length : 5", "Content-Length: \u{ff15}",
        "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\ncontent-length: 5", "Content-Length:\r\n 5",
        "Content-Length: 18446744073709551621", "Content-Length: 9223372036854775808",
        "Content-Length: 99999999999999999999", "Content-Length: 00000000000000000005",
        "Content-Length: 5\nX: y", "Content-Length: 5\rX: y", "Content-Length: 5\0",
    ]

    @Test(arguments: lengths)
    func `RFC 9112 section 6.3 a length that can be read in two ways is refused`(
        _ line: String
    ) {
        #expect(readRequest(Self.post(line)).refusal != nil)
        #expect(readResponse("HTTP/1.1 200 OK\r\n\(line)\r\n\r\n").refusal != nil)
    }

    @Test func `CL.TE and TE.CL are refused in both orders, also in HTTP/1.0`() {
        let length = "Content-Length: 6"
        let coding = "Transfer-Encoding: chunked"
        for fields in [[length, coding], [coding, length], [length, "X: y", coding]] {
            let text = "HTTP/1.1\r\nHost: a\r\n" + fields.joined(separator: "\r\n") + "\r\n\r\n"
            #expect(readRequest("POST / " + text).refusal == .transferEncodingAndContentLength)
            let old = text.replacingFirst("HTTP/1.1", "HTTP/1.0")
            #expect(readRequest("POST / " + old).refusal != nil)
        }
    }

    /// Bodies whose end depends on what a parser lets pass.
    @Test(arguments: [
        "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n",
        "5;\nGET /admin HTTP/1.1\r\n\r\nhello\r\n0\r\n\r\n", "5;a\n1\r\nhello\r\n0\r\n\r\n",
        "5;\"\r\n\"\r\nhello\r\n0\r\n\r\n", "5 ;\r\nhello\r\n0\r\n\r\n",
        "05 \r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello \r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "5_\r\nhello\r\n0\r\n\r\n",
        "100000005\r\nhello\r\n0\r\n\r\n" + String(repeating: "x", count: 0),
        "10000000000000005\r\nhello\r\n0\r\n\r\n", "\u{ff15}\r\nhello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n", "5\r\n\r\nhello\r\n0\r\n\r\n", "5,5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0;\r\n\r\n", "5\r\nhello\r\n0\r\nX: y\n\r\n", "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n\r\n0\r\n\r\n", "-0\r\n\r\n", "0;a=\"\r\n\r\n",
    ])
    func `RFC 9112 section 7.1 a chunked body with two possible ends does not end`(
        _ text: String
    ) {
        let reading = readChunks(text)
        if case .complete = reading.end { Issue.record("taken: \(reading)") }
    }

    @Test func `what follows a request is the next request and nothing else`() {
        let first = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
        let reading = readRequest(first + "abcGET /admin HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(reading.head.length == first.utf8.count)
        #expect(reading.head.framing == .length(3))
    }

    /// Reads a head, writes it anew as a door does, and reads that.
    static func rewritten(_ reading: RequestReading) -> [UInt8] {
        var parser = RequestParser(limits: HeadLimits())
        var table = FieldTable(limit: 100)
        var head = RequestHead()
        _ = parser.parse(reading.bytes.span, fields: &table, head: &head)
        let bytes = reading.bytes.span
        return [UInt8](capacity: reading.bytes.count + 512) { output in
            output.writeRequestLine(head, from: bytes)
            if head.authority.isEmpty {
                // HTTP/1.0 may leave it out, HTTP/1.1 may not: a door names the endpoint.
                output.writeField("Host", "endpoint.invalid")
            } else {
                output.writeField("Host", bytes.slice(head.authority))
            }
            output.copyFields(table, from: bytes, dropping: [.host, .contentLength])
            switch head.framing {
            case .length(let length): output.writeField("Content-Length", decimal: length)
            case .chunked: output.writeField("Transfer-Encoding", "chunked")
            case .none, .untilClose: break
            }
            output.writeLineEnd()
        }
    }

    @Test func `a head written anew says the same to the strictest reader`() {
        var random = SeededRandom(seed: 0x736d_7567)
        var count = 0
        let fields = [
            "Content-Length: 5", "Transfer-Encoding: chunked", "Connection: x-a, keep-alive",
            "X-A: 1", "X-B:\t2 ", "Host: b", "Cookie: a=\u{e9}", "TE: trailers", "Upgrade: h2c",
            "Connection: upgrade", "Keep-Alive: 5", "Expect: 100-continue", "Via: 1.1 x",
            "Content-Type:a", "X-Long-Name-That-Is-No-Known-Field: y", "Proxy-Connection: close",
        ]
        let lines = [
            "GET /a?b HTTP/1.1", "POST http://c:8080/x HTTP/1.1", "OPTIONS * HTTP/1.1",
            "OPTIONS http://c HTTP/1.1", "PUT / HTTP/1.0", "QUERY //x?%20? HTTP/1.1",
        ]
        for _ in 0..<4_000 {
            var text = lines[Int(random.next(below: UInt32(lines.count)))] + "\r\nHost: a\r\n"
            for _ in 0..<random.next(below: 7) {
                text += fields[Int(random.next(below: UInt32(fields.count)))] + "\r\n"
            }
            let reading = readRequest(text + "\r\n")
            guard reading.result == .complete else { continue }
            count += 1
            let again = readRequest(Self.rewritten(reading))
            #expect(again.result == .complete)
            #expect(again.head.length == again.bytes.count)
            #expect(again.head.framing == reading.head.framing)
            #expect(again.text(again.head.methodRange) == reading.text(reading.head.methodRange))
            #expect(again.text(again.head.path) == expectedPath(reading))
            #expect(again.text(again.head.query) == reading.text(reading.head.query))
            #expect(again.text(again.head.authority) == reading.text(reading.head.authority))
            #expect(endToEnd(again) == endToEnd(reading))
            // Only `Transfer-Encoding`, which was written for this hop.
            #expect(again.hopByHopNames.allSatisfy { $0 == "Transfer-Encoding" })
        }
        #expect(count > 1_000)
    }

    private func expectedPath(_ reading: RequestReading) -> String {
        let head = reading.head
        if head.form == .absolute, head.path.isEmpty, head.method != .options || head.hasQuery {
            return "/"
        }
        return reading.text(head.path)
    }

    private func endToEnd(_ reading: RequestReading) -> [String] {
        reading.fields.filter {
            !$0.isHopByHop && $0.known != .host && $0.known != .contentLength
        }.map { reading.text($0.name) + "=" + reading.text($0.value) }
    }
}

extension String {
    fileprivate func replacingFirst(_ old: String, _ new: String) -> String {
        guard let range = firstRange(of: old) else { return self }
        return replacingCharacters(in: range, with: new)
    }

    private func firstRange(of text: String) -> Range<String.Index>? {
        indices.first { self[$0...].hasPrefix(text) }.map {
            $0..<index($0, offsetBy: text.count)
        }
    }

    private func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
