// SPDX-License-Identifier: Apache-2.0
import HTTPProtocol
import Testing

/// A message and what must be said about it.
struct RefusalCase: Sendable, CustomTestStringConvertible {
    let text: String
    let refusal: Refusal
    var testDescription: String { "\(refusal.citation) \(refusal.word): \(text.debugDescription)" }

    init(_ text: String, _ refusal: Refusal) {
        self.text = text
        self.refusal = refusal
    }
}

/// A request with one field line of interest behind `Host`.
private func with(_ line: String) -> String { "GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n" }
/// A request with a target of interest.
private func target(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n" }
/// A request with a `Host` of interest.
private func host(_ value: String) -> String { "GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n" }

@Suite struct RequestRefusalTests {
    static let lineEnds = [
        RefusalCase("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLF),
        RefusalCase("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLF),
        RefusalCase("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLF),
        RefusalCase("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareLF),
        RefusalCase("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCR),
        RefusalCase("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", .bareCR),
        RefusalCase("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .bareCR),
        RefusalCase("GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", .bareCR),
        RefusalCase("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareCR),
        RefusalCase("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", .controlByte),
        RefusalCase("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", .controlByte),
        RefusalCase("GET / HTTP/1.1\r\nHost: a\r\nX: \u{7f}\r\n\r\n", .controlByte),
        RefusalCase("GET / HTTP/1.1\r\nHost: a\r\nX: \u{1b}[2J\r\n\r\n", .controlByte),
        RefusalCase("\u{16}\u{3}\u{1}\u{2}", .controlByte),
        RefusalCase(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .leadingWhitespace),
        RefusalCase("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .leadingWhitespace),
        RefusalCase("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", .leadingWhitespace),
        RefusalCase("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .emptyLines),
        RefusalCase(with("X: a\r\n b"), .obsFold),
        RefusalCase(with("X: a\r\n\tb"), .obsFold),
        RefusalCase(with("X: a\r\n : b"), .obsFold),
    ]

    static let requestLines = [
        RefusalCase("GET /\r\n\r\n", .requestLine),
        RefusalCase("GET\r\n\r\n", .requestLine),
        RefusalCase("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLine),
        RefusalCase("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .requestLine),
        RefusalCase("GET  HTTP/1.1\r\nHost: a\r\n\r\n", .requestLine),
        RefusalCase("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", .requestLine),
        RefusalCase("HTTP/1.1 200 OK\r\n\r\n", .method),
        RefusalCase("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .method),
        RefusalCase("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", .method),
        RefusalCase("G\u{e9}T / HTTP/1.1\r\nHost: a\r\n\r\n", .method),
        RefusalCase("ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\nHost: a\r\n\r\n", .methodLength),
        RefusalCase("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .version),
        RefusalCase("GET / http/1.1\r\nHost: a\r\n\r\n", .version),
        RefusalCase("GET / HTTP/11\r\nHost: a\r\n\r\n", .version),
        RefusalCase("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .version),
        RefusalCase("GET / HTTP/1,1\r\nHost: a\r\n\r\n", .version),
        RefusalCase("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", .requestLine),
        RefusalCase("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionUnsupported),
        RefusalCase("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .versionUnsupported),
        RefusalCase("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .versionUnsupported),
        RefusalCase("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http2Preface),
        RefusalCase("PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionUnsupported),
    ]

    static let targets = [
        RefusalCase(target("/caf\u{e9}"), .targetByte),
        RefusalCase(target("/a\tb"), .targetByte),
        RefusalCase(target("/?\u{e9}"), .targetByte),
        RefusalCase(target("/a#b"), .targetFragment),
        RefusalCase(target("/?a#b"), .targetFragment),
        RefusalCase(target("http://a/#"), .targetFragment),
        RefusalCase(target("/%"), .targetPercent),
        RefusalCase(target("/%4"), .targetPercent),
        RefusalCase(target("/%zz"), .targetPercent),
        RefusalCase(target("/%4g/"), .targetPercent),
        RefusalCase(target("/%00"), .targetPercent),
        RefusalCase(target("/?q=%00"), .targetPercent),
        RefusalCase(target("/?q=%"), .targetPercent),
        RefusalCase(target("a"), .target),
        RefusalCase(target("a/b"), .target),
        RefusalCase(target("?q"), .target),
        RefusalCase(target("*"), .target),
        RefusalCase(target("a.example:80"), .target),
        RefusalCase(target("http:/a/"), .target),
        RefusalCase(target("ftp://a/"), .scheme),
        RefusalCase(target("ws://a/"), .scheme),
        RefusalCase(target("http://"), .host),
        RefusalCase(target("http:///x"), .host),
        RefusalCase(target("http://u@a/"), .host),
        RefusalCase(target("http://u:p@a/"), .host),
        RefusalCase(target("http://a:/"), .host),
        RefusalCase(target("http://a%2eb/"), .host),
        RefusalCase("OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", .target),
        RefusalCase("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", .target),
        RefusalCase("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", .target),
        RefusalCase("CONNECT a:0 HTTP/1.1\r\nHost: a\r\n\r\n", .target),
        RefusalCase("CONNECT http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ]

    static let fields = [
        RefusalCase(with("X : a"), .spaceBeforeColon),
        RefusalCase(with("X\t: a"), .spaceBeforeColon),
        RefusalCase(with("Content-Length : 1"), .spaceBeforeColon),
        RefusalCase(with("Transfer-Encoding : chunked"), .spaceBeforeColon),
        RefusalCase(with("X"), .missingColon),
        RefusalCase(with("Host"), .missingColon),
        RefusalCase(with(": a"), .fieldName),
        RefusalCase(with("X Y: a"), .fieldName),
        RefusalCase(with("X(: a"), .fieldName),
        RefusalCase(with("\u{e9}: a"), .fieldName),
        RefusalCase(with("X\"Y: a"), .fieldName),
        RefusalCase(with("Content-Length\u{b}: 1"), .controlByte),
        RefusalCase(with("X: a\u{b}b"), .controlByte),
    ]

    static let hosts = [
        RefusalCase("GET / HTTP/1.1\r\n\r\n", .hostMissing),
        RefusalCase("GET http://a/ HTTP/1.1\r\n\r\n", .hostMissing),
        RefusalCase(with("Host: a"), .hostRepeated),
        RefusalCase("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .hostRepeated),
        RefusalCase(host(""), .host),
        RefusalCase(host("a b"), .host),
        RefusalCase(host("a, b"), .host),
        RefusalCase(host("u@a"), .host),
        RefusalCase(host("a/b"), .host),
        RefusalCase(host("a?b"), .host),
        RefusalCase(host("a%2eb"), .host),
        RefusalCase(host("\u{e9}"), .host),
        RefusalCase(host(".a"), .host),
        RefusalCase(host("a..b"), .host),
        RefusalCase(host("."), .host),
        RefusalCase(host(":80"), .host),
        RefusalCase(host("a:"), .host),
        RefusalCase(host("a:0"), .host),
        RefusalCase(host("a:080"), .host),
        RefusalCase(host("a:65536"), .host),
        RefusalCase(host("a:999999"), .host),
        RefusalCase(host("a:8x"), .host),
        RefusalCase(host("a:80:80"), .host),
        RefusalCase(host("a:-1"), .host),
        RefusalCase(host("::1"), .host),
        RefusalCase(host("[::1"), .host),
        RefusalCase(host("[]"), .host),
        RefusalCase(host("[:::]"), .host),
        RefusalCase(host("[1::2::3]"), .host),
        RefusalCase(host("[1:2:3:4:5:6:7]"), .host),
        RefusalCase(host("[1:2:3:4:5:6:7:8:9]"), .host),
        RefusalCase(host("[1:2:3:4:5:6:7:]"), .host),
        RefusalCase(host("[12345::]"), .host),
        RefusalCase(host("[::g]"), .host),
        RefusalCase(host("[::1.2.3]"), .host),
        RefusalCase(host("[::1.2.3.256]"), .host),
        RefusalCase(host("[::1.2.3.04]"), .host),
        RefusalCase(host("[::1]x"), .host),
        RefusalCase(host("[::1]:"), .host),
        RefusalCase(host("[fe80::1%25eth0]"), .host),
        RefusalCase(host("[v1.a]"), .host),
    ]

    static let framing = [
        RefusalCase(with("Content-Length: "), .contentLength),
        RefusalCase(with("Content-Length: +1"), .contentLength),
        RefusalCase(with("Content-Length: -1"), .contentLength),
        RefusalCase(with("Content-Length: 0x1"), .contentLength),
        RefusalCase(with("Content-Length: 1_0"), .contentLength),
        RefusalCase(with("Content-Length: 1 0"), .contentLength),
        RefusalCase(with("Content-Length: 1,1"), .contentLength),
        RefusalCase(with("Content-Length: 1.0"), .contentLength),
        RefusalCase(with("Content-Length: \u{661}"), .contentLength),
        RefusalCase(with("Content-Length: 9223372036854775808"), .contentLength),
        RefusalCase(with("Content-Length: 18446744073709551617"), .contentLength),
        RefusalCase(with("Content-Length: 1\r\nContent-Length: 2"), .contentLengthRepeated),
        RefusalCase(with("Content-Length: 1\r\nContent-Length: 1"), .contentLengthRepeated),
        RefusalCase(
            with("Content-Length: 1\r\nTransfer-Encoding: chunked"),
            .transferEncodingAndContentLength
        ),
        RefusalCase(
            with("Transfer-Encoding: chunked\r\nContent-Length: 1"),
            .transferEncodingAndContentLength
        ),
        RefusalCase(
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            .transferEncodingVersion
        ),
        RefusalCase(with("Transfer-Encoding: "), .transferEncoding),
        RefusalCase(with("Transfer-Encoding: chunked, chunked"), .transferEncoding),
        RefusalCase(with("Transfer-Encoding: chunked, gzip"), .transferEncoding),
        RefusalCase(with("Transfer-Encoding: ,chunked"), .transferEncoding),
        RefusalCase(with("Transfer-Encoding: chunked;a=b"), .transferEncoding),
        RefusalCase(with("Transfer-Encoding: \"chunked\""), .transferEncoding),
        RefusalCase(with("Transfer-Encoding: chunked chunked"), .transferEncoding),
        RefusalCase(
            with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            .transferEncoding
        ),
        RefusalCase(with("Transfer-Encoding: gzip, chunked"), .transferCoding),
        RefusalCase(with("Transfer-Encoding: identity"), .transferCoding),
        RefusalCase(with("Transfer-Encoding: xchunked"), .transferCoding),
        RefusalCase(with("Transfer-Encoding: chunke"), .transferCoding),
    ]

    static let connection = [
        RefusalCase(with("Expect: 200-ok"), .expectation),
        RefusalCase(with("Expect: 100-continue, 100-continue"), .expectation),
        RefusalCase(with("Expect: 100-continue\r\nExpect: 100-continue"), .expectation),
        RefusalCase(with("Expect: "), .expectation),
        RefusalCase(with("Upgrade: a\r\nUpgrade: b"), .upgradeRepeated),
        RefusalCase(with("Connection: a b"), .connectionOption),
        RefusalCase(with("Connection: close;x"), .connectionOption),
        RefusalCase(
            with("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"),
            .connectionOption
        ),
        RefusalCase(with("Connection: host"), .connectionNomination),
        RefusalCase(with("Connection: close, Content-Length"), .connectionNomination),
        RefusalCase(with("Connection: transfer-encoding"), .connectionNomination),
        RefusalCase(with("Connection: cookie"), .connectionNomination),
        RefusalCase(with("Connection: Authorization"), .connectionNomination),
        RefusalCase(with("Connection: X-Forwarded-For"), .connectionNomination),
        RefusalCase(with("Connection: x-forwarded-proto"), .connectionNomination),
        RefusalCase(with("Connection: X-Forwarded-Host"), .connectionNomination),
        RefusalCase(with("Connection: Forwarded"), .connectionNomination),
        RefusalCase(with("Connection: Via"), .connectionNomination),
        RefusalCase(with("Connection: keep-alive, X-Real-IP"), .connectionNomination),
        RefusalCase(with("Connection: Cache-Control"), .connectionNomination),
    ]

    @Test(
        arguments: lineEnds + requestLines + targets + fields + hosts + framing + connection
    )
    func `a request outside the rules is refused by the rule it breaks`(_ example: RefusalCase) {
        #expect(readRequest(example.text).refusal == example.refusal)
    }

    @Test func `RFC 9110 section 15.5.15 a target over the limit is answered with 414`() {
        let limits = HeadLimits(headBytes: 400, fields: 10, targetBytes: 20)
        let longest = "/" + String(repeating: "a", count: 19)
        #expect(readRequest(target(longest), limits: limits).result == .complete)
        #expect(readRequest(target(longest + "a"), limits: limits).refusal == .targetLength)
        // The line need not end for the verdict.
        let endless = "GET /" + String(repeating: "a", count: 60)
        #expect(readRequest(endless, limits: limits).refusal == .targetLength)
        #expect(Refusal.targetLength.status == 414)
    }

    @Test func `RFC 6585 section 5 a head over the limit is answered with 431`() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: 12345678\r\n\r\n"
        let size = UInt32(head.utf8.count)
        #expect(readRequest(head, limits: HeadLimits(headBytes: size)).result == .complete)
        #expect(
            readRequest(head, limits: HeadLimits(headBytes: size - 1)).refusal == .headLength
        )
        #expect(Refusal.headLength.status == 431)
    }

    @Test func `RFC 6585 section 5 one field more than the limit is answered with 431`() {
        let limits = HeadLimits(fields: 3)
        let two = "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n"
        #expect(readRequest(two + "\r\n", limits: limits).result == .complete)
        #expect(readRequest(two + "C: 3\r\n\r\n", limits: limits).refusal == .fieldCount)
        #expect(Refusal.fieldCount.status == 431)
    }

    @Test func `every refusal has a word of its own and a status of an error`() {
        var words: Set<String> = []
        for refusal in Refusal.allCases {
            words.insert("\(refusal.word)")
            #expect((400...599).contains(refusal.status))
            #expect("\(refusal.citation)".hasPrefix("RFC "))
        }
        #expect(words.count == Refusal.allCases.count)
    }
}
