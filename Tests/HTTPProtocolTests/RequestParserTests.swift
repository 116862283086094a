// SPDX-License-Identifier: Apache-2.0
import HTTPProtocol
import Testing

@Suite struct RequestParserTests {
    static let browser = """
        GET /products/list?page=2&sort=price HTTP/1.1\r
        Host: shop.example.com:8080\r
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0\r
        Accept: text/html,application/xhtml+xml\r
        Accept-Language: en-US,en;q=0.5\r
        Accept-Encoding: gzip, deflate, br\r
        Connection: keep-alive\r
        Cookie: session=abc123; theme=dark\r
        X-Custom: \t some value\t \r
        \r\n
        """

    @Test func `a browser's request is taken apart`() {
        let reading = readRequest(Self.browser + "next")
        let head = reading.head
        #expect(reading.result == .complete)
        #expect(head.length == Self.browser.utf8.count)
        #expect(head.method == .get)
        #expect(reading.text(head.methodRange) == "GET")
        #expect(head.form == .origin)
        #expect(reading.text(head.target) == "/products/list?page=2&sort=price")
        #expect(reading.text(head.path) == "/products/list")
        #expect(head.hasQuery)
        #expect(reading.text(head.query) == "page=2&sort=price")
        #expect(reading.text(head.authority) == "shop.example.com:8080")
        #expect(reading.text(head.host) == "shop.example.com")
        #expect(head.port == 8080)
        #expect(head.minorVersion == 1)
        #expect(head.framing == .none)
        #expect(head.isPersistent)
        #expect(!head.wantsUpgrade && !head.expectsContinue && !head.teTrailers)
        #expect(reading.fields.count == 8)
        #expect(reading.values(.acceptLanguage) == ["en-US,en;q=0.5"])
        #expect(reading.text(reading.fields[7].name) == "X-Custom")
        #expect(reading.text(reading.fields[7].value) == "some value")
        #expect(reading.hopByHopNames == ["Connection"])
    }

    @Test func `RFC 9112 section 2.2 one empty line before the request line is passed over`() {
        let reading = readRequest("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(reading.result == .complete)
        #expect(reading.text(reading.head.path) == "/a")
        #expect(reading.head.length == 30)
    }

    @Test func `a field value may be empty and may hold octets above ASCII`() {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \u{e9}\r\nZ:a\r\n\r\n".utf8)
        let reading = readRequest(bytes)
        #expect(reading.result == .complete)
        #expect(reading.fields.map { reading.text($0.value) } == ["a", "", "\u{e9}", "a"])
    }

    @Test(arguments: [
        ("GET", Method.get, true, true), ("HEAD", .head, true, true),
        ("POST", .post, false, false), ("PUT", .put, false, true),
        ("DELETE", .delete, false, true), ("OPTIONS", .options, true, true),
        ("TRACE", .trace, true, true), ("PATCH", .patch, false, false),
        ("QUERY", .query, true, true), ("get", .other, false, false),
        ("PROPFIND", .other, false, false), ("M-SEARCH", .other, false, false),
        ("ABCDEFGHIJKLMNOPQRSTUVWX", .other, false, false),
    ])
    func `RFC 9110 section 9.2 a method is known by its exact spelling`(
        _ example: (String, Method, Bool, Bool)
    ) {
        let reading = readRequest("\(example.0) / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(reading.head.method == example.1)
        #expect(reading.text(reading.head.methodRange) == example.0)
        #expect(reading.head.method.isSafe == example.2)
        #expect(reading.head.method.isIdempotent == example.3)
        #expect("\(example.1.name)" == (example.1 == .other ? "" : example.0))
    }

    @Test(
        arguments: [
            ("/", "/", nil), ("//a", "//a", nil), ("/?", "/", ""), ("/?a?b", "/", "a?b"),
            ("/a%20b%7E", "/a%20b%7E", nil), ("/a?%2F", "/a", "%2F"),
            ("/\"<>\\^`{|}", "/\"<>\\^`{|}", nil), ("/%01", "/%01", nil),
            ("/0123456789abcdef?0123456789abcdef", "/0123456789abcdef", "0123456789abcdef"),
        ] as [(String, String, String?)]
    )
    func `RFC 9112 section 3.2.1 an origin form is a path and perhaps a query`(
        _ example: (String, String, String?)
    ) {
        let reading = readRequest("GET \(example.0) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(reading.result == .complete)
        #expect(reading.head.form == .origin)
        #expect(reading.text(reading.head.path) == example.1)
        #expect(reading.head.hasQuery == (example.2 != nil))
        #expect(reading.text(reading.head.query) == example.2 ?? "")
    }

    @Test(
        arguments: [
            ("http://b.example/x?y", "b.example", 0, "/x", "y"),
            ("HTTP://b:81/", "b", 81, "/", nil),
            ("https://b", "b", 0, "", nil),
            ("hTTps://b?q", "b", 0, "", "q"),
            ("http://[2001:db8::1]:8080/", "[2001:db8::1]", 8080, "/", nil),
        ] as [(String, String, UInt16, String, String?)]
    )
    func `RFC 9112 section 3.2.2 the authority of an absolute form overrides Host`(
        _ example: (String, String, UInt16, String, String?)
    ) {
        let reading = readRequest("GET \(example.0) HTTP/1.1\r\nHost: a.example:99\r\n\r\n")
        #expect(reading.result == .complete)
        #expect(reading.head.form == .absolute)
        #expect(reading.text(reading.head.host) == example.1)
        #expect(reading.head.port == example.2)
        #expect(reading.text(reading.head.path) == example.3)
        #expect(reading.text(reading.head.query) == example.4 ?? "")
        #expect(reading.head.hasQuery == (example.4 != nil))
    }

    @Test func `RFC 9112 section 3.2.4 the asterisk form is for OPTIONS`() {
        let reading = readRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(reading.head.form == .asterisk)
        #expect(reading.head.path.isEmpty)
        #expect(reading.text(reading.head.host) == "a")
    }

    @Test func `RFC 9112 section 3.2.3 CONNECT is recognised with its authority form`() {
        let reading = readRequest("CONNECT b.example:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(reading.result == .complete)
        #expect(reading.head.method == .connect)
        #expect(reading.head.form == .authority)
        #expect(reading.text(reading.head.host) == "b.example")
        #expect(reading.head.port == 443)
    }

    @Test(
        arguments: [
            ("a", "a", 0), ("A.Example", "A.Example", 0), ("a.", "a.", 0),
            ("my_host", "my_host", 0),
            ("192.0.2.1:1", "192.0.2.1", 1), ("a:65535", "a", 65535), ("[::]", "[::]", 0),
            ("[::1]:8080", "[::1]", 8080), ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", 0),
            ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", 0),
            ("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]", 1),
            ("[1:2:3:4:5:6:192.0.2.1]", "[1:2:3:4:5:6:192.0.2.1]", 0),
            ("[2001:DB8::a]", "[2001:DB8::a]", 0),
        ] as [(String, String, UInt16)]
    )
    func `RFC 9110 section 7.2 a valid Host gives host and port`(
        _ example: (String, String, UInt16)
    ) {
        let reading = readRequest("GET / HTTP/1.1\r\nHost: \(example.0)\r\n\r\n")
        #expect(reading.result == .complete)
        #expect(reading.text(reading.head.authority) == example.0)
        #expect(reading.text(reading.head.host) == example.1)
        #expect(reading.head.port == example.2)
    }

    @Test func `a host may have 253 octets and not 255`() {
        let label = String(repeating: "a", count: 60) + "."
        let longest = String(repeating: label, count: 4) + "123456789"
        #expect(readRequest("GET / HTTP/1.1\r\nHost: \(longest)\r\n\r\n").result == .complete)
        let over = longest + "12"
        #expect(readRequest("GET / HTTP/1.1\r\nHost: \(over)\r\n\r\n").refusal == .host)
    }

    @Test func `RFC 9112 section 3.2 HTTP/1.0 does without Host`() {
        let reading = readRequest("GET / HTTP/1.0\r\n\r\n")
        #expect(reading.result == .complete)
        #expect(reading.head.authority.isEmpty)
        #expect(reading.head.minorVersion == 0)
        #expect(!reading.head.isPersistent)
    }

    @Test(arguments: [
        ("", BodyFraming.none), ("Content-Length: 0\r\n", .length(0)),
        ("content-length:42\r\n", .length(42)), ("CONTENT-LENGTH: 007\r\n", .length(7)),
        ("Content-Length: 9223372036854775807\r\n", .length(9_223_372_036_854_775_807)),
        ("Transfer-Encoding: chunked\r\n", .chunked),
        ("transfer-encoding:\tCHUNKED \r\n", .chunked),
    ])
    func `RFC 9112 section 6.3 the framing of a request follows from its fields`(
        _ example: (String, BodyFraming)
    ) {
        let reading = readRequest("POST / HTTP/1.1\r\nHost: a\r\n\(example.0)\r\n")
        #expect(reading.result == .complete)
        #expect(reading.head.framing == example.1)
        #expect(reading.head.framing.isEmpty == (example.1 == .none || example.1 == .length(0)))
    }

    @Test(arguments: [
        (1, "", true), (1, "Connection: close\r\n", false), (1, "Connection: CLOSE\r\n", false),
        (1, "Connection: keep-alive, close\r\n", false), (1, "Connection: ,, x ,\r\n", true),
        (1, "Connection: x\r\nConnection: close\r\n", false), (0, "", false),
        (0, "Connection: Keep-Alive\r\n", true),
        (0, "Connection: keep-alive\r\nConnection: close\r\n", false),
        (1, "Proxy-Connection: close\r\n", true),
    ])
    func `RFC 9112 section 9.3 persistence follows from version and options`(
        _ example: (Int, String, Bool)
    ) {
        let reading = readRequest("GET / HTTP/1.\(example.0)\r\nHost: a\r\n\(example.1)\r\n")
        #expect(reading.result == .complete)
        #expect(reading.head.isPersistent == example.2)
    }

    @Test(arguments: [
        ("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", true),
        ("1.1", "Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n", true),
        ("1.1", "Upgrade: websocket\r\n", false), ("1.1", "Connection: upgrade\r\n", false),
        ("1.1", "Connection: upgrade\r\nUpgrade:\r\n", false),
        ("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", false),
    ])
    func `RFC 9110 section 7.8 Upgrade counts only with its option and in HTTP/1.1`(
        _ example: (String, String, Bool)
    ) {
        let reading = readRequest("GET / HTTP/\(example.0)\r\nHost: a\r\n\(example.1)\r\n")
        #expect(reading.result == .complete)
        #expect(reading.head.wantsUpgrade == example.2)
        #expect(reading.text(reading.head.upgradeRange) == (example.2 ? "websocket" : ""))
    }

    @Test func `RFC 9110 section 10.1.1 a client that waits for 100 is known`() {
        let line = "Host: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"
        #expect(readRequest("POST / HTTP/1.1\r\n" + line).head.expectsContinue)
        let old = readRequest("POST / HTTP/1.0\r\n" + line)
        #expect(old.result == .complete)
        #expect(!old.head.expectsContinue)
    }

    @Test(arguments: [
        ("trailers", true), ("deflate;q=0.5, Trailers", true), ("deflate", false), ("", false),
    ])
    func `RFC 9110 section 10.1.4 TE says whether trailers are welcome`(
        _ example: (String, Bool)
    ) {
        let reading = readRequest("GET / HTTP/1.1\r\nHost: a\r\nTE: \(example.0)\r\n\r\n")
        #expect(reading.head.teTrailers == example.1)
        #expect(reading.hopByHopNames == ["TE"])
    }

    @Test func `RFC 9110 section 7.6.1 fields that Connection names are hop-by-hop`() {
        let reading = readRequest(
            """
            GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nConnection: x-one, keep-alive\r
            X-Two: 2\r\nKeep-Alive: timeout=5\r\nConnection: X-TWO\r\nX-Three: 3\r
            X-TWO: again\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r
            Proxy-Authorization: x\r\n\r\n
            """
        )
        #expect(reading.result == .complete)
        #expect(
            reading.hopByHopNames == [
                "X-One", "Connection", "X-Two", "Keep-Alive", "Connection", "X-TWO",
                "Proxy-Connection", "Upgrade", "HTTP2-Settings", "Proxy-Authorization",
            ]
        )
    }

    @Test(arguments: KnownField.allCases)
    func `a known field is found in any case and by its exact name only`(_ known: KnownField) {
        guard known != .other else { return }
        let name = "\(known.name)"
        let mixed = String(
            name.enumerated().map {
                $0.offset % 2 == 0
                    ? Character($0.element.lowercased()) : Character($0.element.uppercased())
            }
        )
        // Also at the very end of a buffer, where no whole word is left to look at.
        for spelling in [name, name.lowercased(), name.uppercased(), mixed] {
            #expect(recognized(spelling) == known)
        }
        #expect(recognized("x" + name) == .other)
        #expect(recognized(name + "x") == .other)
        #expect(recognized(String(name.dropLast())) == .other)
        let bytes = Array(name.utf8)
        for index in bytes.indices {
            var other = bytes
            other[index] = bytes[index] == 0x7e ? 0x2a : 0x7e
            #expect(recognized(String(decoding: other, as: UTF8.self)) == .other)
        }
    }

    private func recognized(_ name: String) -> KnownField? {
        var parser = TrailerParser()
        var table = FieldTable(limit: 32)
        var length = 0
        let bytes = Array("\(name):\r\n\r\n".utf8)
        let result = parser.parse(bytes.span, fields: &table, length: &length)
        return result == .complete ? table[0].known : nil
    }
}
