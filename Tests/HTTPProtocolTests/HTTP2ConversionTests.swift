// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTPProtocol

@Suite struct HTTP2ConversionTests {
    struct Outcome: Equatable {
        var text = ""
        var refusal: Refusal?
        var isRefusedAsText = false
    }

    /// Converts a list, and has the text read as HTTP/1.1.
    static func convert(_ list: [(String, String)], endsStream: Bool = true) -> Outcome {
        convert(list.map { (Array($0.utf8), Array($1.utf8)) }, endsStream: endsStream)
    }

    static func convert(_ list: [([UInt8], [UInt8])], endsStream: Bool) -> Outcome {
        var text: [UInt8] = []
        var fields: [HTTP2Field] = []
        for (name, value) in list {
            let start = text.count
            text += name
            let middle = text.count
            text += value
            fields.append(
                HTTP2Field(
                    name: ByteRange(from: start, to: middle),
                    value: ByteRange(from: middle, to: text.count)
                )
            )
        }
        var outcome = Outcome()
        var scheme = HTTP2Conversion.Scheme.none
        let bytes = [UInt8](capacity: 32_768) { output in
            outcome.refusal = HTTP2Conversion.writeRequest(
                fields.span,
                text: text.span,
                endsStream: endsStream,
                key: WebSocketKey(0x7468_6520_7361_6d70, 0x6c65_206e_6f6e_6365),
                scheme: &scheme,
                into: &output
            )
        }
        guard outcome.refusal == nil else { return outcome }
        outcome.text = String(decoding: bytes, as: UTF8.self)
        var parser = RequestParser(limits: HeadLimits())
        var table = FieldTable(limit: 100)
        var head = RequestHead()
        let result = parser.parse(bytes.span, fields: &table, head: &head)
        outcome.isRefusedAsText = result != .complete || head.length != bytes.count
        return outcome
    }

    static let get = HTTP2Loopback.get

    @Test func `a list becomes a head that HTTP 1 reads`() {
        let outcome = Self.convert(Self.get + [("accept", "*/*"), ("te", "trailers")])
        #expect(
            outcome.text == "GET / HTTP/1.1\r\nhost: example.org\r\naccept: */*\r\n"
                + "te: trailers\r\n\r\n"
        )
        #expect(!outcome.isRefusedAsText)
    }

    @Test func `cookie crumbs are joined`() {
        let list = Self.get + [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2; c=3")]
        let outcome = Self.convert(list)
        #expect(outcome.text.hasSuffix("accept: */*\r\ncookie: a=1; b=2; c=3\r\n\r\n"))
    }

    @Test func `a body of unknown length is chunked, a declared one keeps its length`() {
        let post = [(":method", "POST")] + Self.get.dropFirst()
        let unknown = Self.convert(post, endsStream: false)
        #expect(unknown.text.hasSuffix("transfer-encoding: chunked\r\n\r\n"))
        let declared = Self.convert(post + [("content-length", "5")], endsStream: false)
        #expect(declared.text.hasSuffix("content-length: 5\r\n\r\n"))
        #expect(!unknown.isRefusedAsText && !declared.isRefusedAsText)
        #expect(Self.convert(post + [("content-length", "5")]).refusal == .lengthMismatch)
        #expect(Self.convert(post + [("content-length", "0")]).refusal == nil)
    }

    @Test func `Host stands in for the authority, and may not differ from it`() {
        let bare = Self.get.dropLast()
        #expect(Self.convert(bare + [("host", "a.example")]).text.contains("host: a.example\r\n"))
        #expect(Self.convert(Self.get + [("host", "EXAMPLE.org")]).refusal == nil)
        #expect(Self.convert(Self.get + [("host", "b.example")]).refusal == .authorityMismatch)
        #expect(Self.convert(Array(bare)).refusal == .hostMissing)
        let twice = bare + [("host", "a"), ("host", "a")]
        #expect(Self.convert(Array(twice)).refusal == .hostRepeated)
    }

    static let refused: [([(String, String)], Refusal)] = [
        // RFC 9113 §8.3: each pseudo-field once, known, and before the others.
        (get + [(":method", "GET")], .pseudoField),
        (get + [(":path", "/b")], .pseudoField),
        (get + [(":status", "200")], .pseudoField),
        (get + [(":protocol", "websocket")], .pseudoField),
        (get + [("accept", "*/*"), (":authority", "a")], .pseudoField),
        (Array(get.dropFirst()), .pseudoField),
        ([get[0], get[2], get[3]], .pseudoField),
        ([get[0], get[1], get[3]], .pseudoField),
        ([get[0], get[1], (":path", ""), get[3]], .pseudoField),
        // RFC 9113 §8.2.1: octets of names and values.
        (get + [("X-Upper", "1")], .fieldCase),
        (get + [("", "1")], .fieldName),
        (get + [("a b", "1")], .fieldName),
        (get + [("a\r\nb", "1")], .fieldName),
        (get + [("a:b", "1")], .fieldName),
        (get + [("a", "1\r\nevil: 1")], .controlByte),
        (get + [("a", "1\n2")], .controlByte),
        (get + [("a", "1\0")], .controlByte),
        (get + [("a", " 1")], .valueBlank),
        (get + [("a", "1\t")], .valueBlank),
        // RFC 9113 §8.2.2: fields of the connection.
        (get + [("connection", "close")], .connectionField),
        (get + [("keep-alive", "1")], .connectionField),
        (get + [("proxy-connection", "close")], .connectionField),
        (get + [("transfer-encoding", "chunked")], .connectionField),
        (get + [("upgrade", "h2c")], .connectionField),
        (get + [("http2-settings", "AAMAAABk")], .connectionField),
        (get + [("te", "gzip")], .teValue),
        (get + [("te", "trailers, deflate")], .teValue),
        // Targets that would read otherwise in a request line.
        ([get[0], get[1], (":path", "/a HTTP/1.1"), get[3]], .targetByte),
        ([get[0], get[1], (":path", "/a\r\nx: y"), get[3]], .controlByte),
        ([get[0], get[1], (":path", "http://evil/"), get[3]], .target),
        ([get[0], get[1], (":path", "*"), get[3]], .target),
        ([get[0], get[1], (":path", "a"), get[3]], .target),
        ([(":method", "G ET")] + get.dropFirst(), .targetByte),
        ([(":method", "GET\r\n")] + get.dropFirst(), .controlByte),
        ([(":method", "G@T")] + get.dropFirst(), .method),
        ([get[0], (":scheme", "ftp"), get[2], get[3]], .scheme),
        (Array(get.prefix(3)) + [(":authority", "a\r\nb")], .controlByte),
        // RFC 9113 §8.5.
        ([(":method", "CONNECT")] + get.dropFirst(), .pseudoField),
    ]

    @Test(arguments: refused.indices)
    func `a list with two readings is refused`(index: Int) {
        let (list, refusal) = Self.refused[index]
        let outcome = Self.convert(list)
        #expect(outcome.refusal == refusal, "\(list.suffix(2))")
    }

    @Test(arguments: [
        ("content-length", "1, 1"), ("content-length", "+1"), ("expect", "a"),
        (":authority", "user@example.org"), (":authority", "a b"), (":path", "/%zz"),
    ])
    func `what only HTTP 1 refuses is refused as well`(name: String, value: String) {
        let list = Self.get.filter { $0.0 != name } + [(name, value)]
        let sorted = list.filter { $0.0.hasPrefix(":") } + list.filter { !$0.0.hasPrefix(":") }
        let outcome = Self.convert(sorted, endsStream: false)
        #expect(outcome.refusal != nil || outcome.isRefusedAsText)
    }

    @Test func `whatever octets come, the text has as many fields as the list`() {
        for octet in UInt8.min...UInt8.max {
            for place in 0..<3 {
                var list = Self.get.map { (Array($0.0.utf8), Array($0.1.utf8)) }
                switch place {
                case 0: list.append(([0x61, octet], [0x62]))
                case 1: list.append(([0x61], [0x62, octet, 0x63]))
                default: list[2].1 = [0x2f, octet, 0x61]
                }
                let outcome = Self.convert(list, endsStream: true)
                guard outcome.refusal == nil, !outcome.isRefusedAsText else { continue }
                let lines = outcome.text.utf8.count { $0 == 0x0a }
                #expect(lines == (place == 2 ? 3 : 4), "octet \(octet) at \(place)")
            }
        }
    }

    @Test func `trailers lose what must not come late`() {
        var text: [UInt8] = []
        var fields: [HTTP2Field] = []
        for (name, value) in [("grpc-status", "0"), ("content-length", "5"), ("x", "y")] {
            let start = text.count
            text += Array((name + value).utf8)
            fields.append(
                HTTP2Field(
                    name: ByteRange(from: start, to: start + name.utf8.count),
                    value: ByteRange(from: start + name.utf8.count, to: text.count)
                )
            )
        }
        var refusal: Refusal?
        let bytes = [UInt8](capacity: 256) { output in
            refusal = HTTP2Conversion.writeTrailers(fields.span, text: text.span, into: &output)
        }
        #expect(refusal == nil)
        #expect(String(decoding: bytes, as: UTF8.self) == "grpc-status: 0\r\nx: y\r\n\r\n")
    }
}
