// SPDX-License-Identifier: Apache-2.0
import HTTPProtocol
import Testing

@Suite struct ResponseParserTests {
    @Test func `an origin's response is taken apart`() {
        let text = """
            HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 5\r
            Connection: keep-alive, x-hop\r\nX-Hop: 1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nhello
            """
        let reading = readResponse(text)
        #expect(reading.result == .complete)
        #expect(reading.head.status == 404)
        #expect(reading.text(reading.head.reason) == "Not Found")
        #expect(reading.head.framing == .length(5))
        #expect(reading.head.isPersistent)
        #expect(reading.head.length == text.utf8.count - 5)
        #expect(reading.hopByHopNames == ["Connection", "X-Hop"])
        #expect(reading.values(.setCookie) == ["a=b", "c=d"])
    }

    @Test(arguments: [
        (Method.get, 200, "Content-Length: 3\r\n", BodyFraming.length(3)),
        (.get, 200, "Transfer-Encoding: chunked\r\n", .chunked), (.get, 200, "", .untilClose),
        (.get, 500, "", .untilClose), (.head, 200, "Content-Length: 3\r\n", .none),
        (.head, 200, "Transfer-Encoding: chunked\r\n", .none), (.head, 200, "", .none),
        (.get, 304, "Content-Length: 3\r\n", .none), (.get, 304, "", .none),
        (.get, 304, "Transfer-Encoding: chunked\r\n", .none), (.get, 204, "", .none),
        (.get, 204, "Content-Length: 0\r\n", .none), (.post, 100, "", .none),
        (.get, 103, "Link: x\r\n", .none), (.get, 205, "Content-Length: 0\r\n", .length(0)),
        (.get, 205, "Transfer-Encoding: chunked\r\n", .chunked),
        (.post, 201, "Content-Length: 0\r\n", .length(0)),
    ])
    func `RFC 9112 section 6.3 the framing of a response follows from status and fields`(
        _ example: (Method, Int, String, BodyFraming)
    ) {
        let text = "HTTP/1.1 \(example.1) X\r\n\(example.2)\r\n"
        let reading = readResponse(text, to: example.0)
        #expect(reading.result == .complete)
        #expect(reading.head.framing == example.3)
        #expect(reading.head.isPersistent == (example.3 != .untilClose))
        #expect(reading.head.isInterim == (example.1 < 200))
    }

    @Test(arguments: [
        (1, "", true), (1, "Connection: close\r\n", false), (0, "", false),
        (0, "Connection: keep-alive\r\n", true),
    ])
    func `RFC 9112 section 9.3 an origin's connection may be used again`(
        _ example: (Int, String, Bool)
    ) {
        let text = "HTTP/1.\(example.0) 200 OK\r\nContent-Length: 1\r\n\(example.1)\r\n"
        #expect(readResponse(text).head.isPersistent == example.2)
        #expect(readResponse(text).head.minorVersion == UInt8(example.0))
    }

    @Test func `RFC 9110 section 15.2.2 101 names what it switches to`() {
        let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        let reading = readResponse("HTTP/1.1 101 Switching Protocols\r\n" + fields)
        #expect(reading.result == .complete)
        #expect(reading.head.isUpgrade && !reading.head.isInterim && !reading.head.isPersistent)
        #expect(reading.head.framing == .none)
    }

    @Test(arguments: ["HTTP/1.1 200\r\n", "HTTP/1.1 200 \r\n", "HTTP/1.1 200  \r\n"])
    func `RFC 9112 section 4 the reason phrase may be empty`(_ line: String) {
        let reading = readResponse(line + "\r\n")
        #expect(reading.result == .complete)
        #expect(reading.head.reason.isEmpty)
    }

    static let refusals = [
        RefusalCase("HTTP/1.1  200 OK\r\n\r\n", .statusLine),
        RefusalCase("HTTP/1.1\t200 OK\r\n\r\n", .statusLine),
        RefusalCase("HTTP/1.1 2000 OK\r\n\r\n", .statusLine),
        RefusalCase("HTTP/1.1 20 OK\r\n\r\n", .statusLine),
        RefusalCase("HTTP/1.1 2x0 OK\r\n\r\n", .statusLine),
        RefusalCase("HTTP/1.1 +20 OK\r\n\r\n", .statusLine),
        RefusalCase("HTTP/1.1 200-OK\r\n\r\n", .statusLine),
        RefusalCase("http/1.1 200 OK\r\n\r\n", .statusLine),
        RefusalCase("ICY 200 OK\r\n\r\n", .statusLine),
        RefusalCase("<html>\r\n\r\n", .statusLine),
        RefusalCase("\r\nHTTP/1.1 200 OK\r\n\r\n", .statusLine),
        RefusalCase("HTTP/2.0 200 OK\r\n\r\n", .versionUnsupported),
        RefusalCase("HTTP/1.1 099 OK\r\n\r\n", .status),
        RefusalCase("HTTP/1.1 600 OK\r\n\r\n", .status),
        RefusalCase("HTTP/1.1 999 OK\r\n\r\n", .status),
        RefusalCase("HTTP/1.1 200 OK\n\r\n", .bareLF),
        RefusalCase("HTTP/1.1 200 OK\r\nA: b\n\r\n", .bareLF),
        RefusalCase("HTTP/1.1 200 O\rK\r\n\r\n", .bareCR),
        RefusalCase("HTTP/1.1 200 O\0K\r\n\r\n", .controlByte),
        RefusalCase("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .obsFold),
        RefusalCase("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .spaceBeforeColon),
        RefusalCase("HTTP/1.1 200 OK\r\nA\r\n\r\n", .missingColon),
        RefusalCase("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", .contentLength),
        RefusalCase(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            .contentLengthRepeated
        ),
        RefusalCase(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .transferEncodingAndContentLength
        ),
        RefusalCase(
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            .transferEncodingVersion
        ),
        RefusalCase("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .transferCoding),
        RefusalCase(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
            .transferEncoding
        ),
        RefusalCase("HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\n", .bodyNotAllowed),
        RefusalCase("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n", .bodyNotAllowed),
        RefusalCase("HTTP/1.1 100 X\r\nContent-Length: 1\r\n\r\n", .bodyNotAllowed),
        RefusalCase("HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n", .bodyNotAllowed),
        RefusalCase("HTTP/1.1 205 X\r\nContent-Length: 1\r\n\r\n", .bodyNotAllowed),
        RefusalCase(
            "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: a\r\nContent-Length: 1\r\n\r\n",
            .bodyNotAllowed
        ),
        RefusalCase("HTTP/1.1 101 X\r\n\r\n", .upgradeResponse),
        RefusalCase("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", .upgradeResponse),
        RefusalCase("HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n", .upgradeResponse),
        RefusalCase(
            "HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n",
            .upgradeResponse
        ),
        RefusalCase(
            "HTTP/1.1 200 OK\r\nConnection: Set-Cookie\r\n\r\n",
            .connectionNomination
        ),
    ]

    @Test(arguments: refusals)
    func `a response outside the rules is refused by the rule it breaks`(
        _ example: RefusalCase
    ) {
        #expect(readResponse(example.text).refusal == example.refusal)
    }

    @Test func `a response head over the limit is refused`() {
        let bytes = Array("HTTP/1.1 200 OK\r\nA: 12345678\r\n\r\n".utf8)
        let limits = HeadLimits(headBytes: UInt32(bytes.count))
        #expect(readResponse(bytes, limits: limits).result == .complete)
        let lower = HeadLimits(headBytes: UInt32(bytes.count) - 1)
        #expect(readResponse(bytes, limits: lower).refusal == .headLength)
        let endless = Array("HTTP/1.1 200 ".utf8) + [UInt8](repeating: 97, count: 100)
        #expect(readResponse(endless, limits: limits).refusal == .headLength)
    }

    @Test func `a request's own rules do not judge a response`() {
        let text =
            "HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\nExpect: x\r\nContent-Length: 0\r\n\r\n"
        #expect(readResponse(text).result == .complete)
    }
}
