// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct WritingTests {
    private static let head = """
        GET http://b.example:81/x?y HTTP/1.1\r\nHost: a\r\nAccept:  */*\r\nConnection: x-a\r
        X-A: 1\r\nX-Forwarded-For: 192.0.2.9\r\nVia: 1.1 one\r\nCookie: a=b\r\nX-B:2\r
        X-Forwarded-For: 192.0.2.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: c\r
        X-Real-IP: 192.0.2.7\r\nForwarded: for=1\r\nVia: 1.0 two\r\nUser-Agent: z \r\n\r\n
        """

    /// Parses the head above and writes something from it into `capacity` bytes.
    private func written(
        _ capacity: Int = 4_096,
        of text: String = head,
        _ body: (inout OutputSpan<UInt8>, RequestHead, borrowing FieldTable, Span<UInt8>) -> Bool
    ) -> String? {
        var parser = RequestParser(limits: HeadLimits())
        var table = FieldTable(limit: 100)
        var head = RequestHead()
        let bytes = Array(text.utf8)
        let result = parser.parse(bytes.span, fields: &table, head: &head)
        #expect(result == .complete)
        var isWhole = false
        let output = [UInt8](capacity: capacity) { output in
            isWhole = body(&output, head, table, bytes.span)
        }
        guard isWhole else {
            #expect(output.isEmpty, "what does not fit is not begun")
            return nil
        }
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `a head is written anew from the parsed form`() {
        let text = written { output, head, fields, bytes in
            output.writeRequestLine(head, from: bytes)
                && output.copyFields(
                    fields,
                    from: bytes,
                    dropping: Forwarding(client: IPAddress(v4: 1), isTrusted: false).dropped
                )
        }
        #expect(
            text == "GET /x?y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nCookie: a=b\r\nX-B: 2\r\n"
                + "User-Agent: z\r\n"
        )
    }

    @Test func `fields copied in runs are the fields copied one by one`() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<300 {
            var text = "GET / HTTP/1.1\r\nHost: a\r\n"
            for _ in 0..<random.next(below: 12) {
                let name = ["Cookie", "X-A", "Via", "Connection", "Accept"][
                    Int(random.next(below: 5))
                ]
                text += name + ":" + ["", " ", "\t", "  "][Int(random.next(below: 4))]
                text += ["v", "keep-alive", "x-a"][Int(random.next(below: 3))]
                text += ["", " "][Int(random.next(below: 2))] + "\r\n"
            }
            guard readRequest(text + "\r\n").result == .complete else { continue }
            let runs = written(of: text + "\r\n") { output, _, fields, bytes in
                output.copyFields(fields, from: bytes, dropping: [.via])
            }
            let single = written(of: text + "\r\n") { output, _, fields, bytes in
                for index in 0..<fields.count
                where !fields[index].isHopByHop && fields[index].known != .via {
                    output.copyField(fields[index], from: bytes)
                }
                return true
            }
            #expect(runs == single)
        }
    }

    @Test func `no writer begins what does not fit`() {
        let forwarding = Forwarding(
            client: IPAddress(v4: 0xc000_0201),
            isTrusted: true,
            style: [.xForwarded, .standard]
        )
        for capacity in 0..<420 {
            _ = written(capacity) { output, _, fields, bytes in
                output.copyFields(fields, from: bytes, dropping: [])
            }
            _ = written(capacity) { output, head, fields, bytes in
                output.writeForwarding(forwarding, head, fields, from: bytes)
            }
            _ = written(capacity) { output, _, fields, bytes in
                output.writeVia(minorVersion: 1, fields, from: bytes)
            }
            _ = written(capacity) { output, head, _, bytes in
                output.writeRequestLine(head, from: bytes)
            }
        }
        for capacity in 0..<40 {
            _ = written(capacity) { output, _, _, _ in output.writeStatusLine(431) }
            _ = written(capacity) { output, _, _, _ in output.writeField("A", "b") }
            _ = written(capacity) { output, _, _, _ in output.writeField("A", decimal: .max) }
            _ = written(capacity) { output, _, _, _ in output.writeChunkHeader(.max) }
            _ = written(capacity) { output, _, _, _ in
                output.write(RequestID(bits: 1))
            }
        }
    }

    @Test(arguments: [
        ("a", "b", true), ("a", "", true), ("", "b", false), ("a b", "c", false),
        ("a:", "c", false), ("a\r\nb", "c", false), ("a", "b\r\nc: d", false), ("a", "b\n", false),
        ("a", "b\rc", false), ("a", "\0", false), ("a", " b", false), ("a", "b ", false),
        ("a", "b\tc", true), ("a", "\u{e9}", true), ("\u{e9}", "a", false),
    ])
    func `RFC 9110 section 5 a field that could not be read back is not written`(
        _ example: (String, String, Bool)
    ) {
        let name = Array(example.0.utf8)
        let value = Array(example.1.utf8)
        var isWritten = false
        let output = [UInt8](capacity: 100) { output in
            isWritten = output.writeField(name.span, value.span)
        }
        #expect(isWritten == example.2)
        let text = "\(example.0): \(example.1)\r\n"
        #expect(String(decoding: output, as: UTF8.self) == (example.2 ? text : ""))
    }

    @Test(arguments: [
        ("OPTIONS http://a HTTP/1.1", "OPTIONS * HTTP/1.1"),
        ("OPTIONS * HTTP/1.1", "OPTIONS * HTTP/1.1"),
        ("OPTIONS http://a/ HTTP/1.1", "OPTIONS / HTTP/1.1"),
        ("OPTIONS http://a?q HTTP/1.1", "OPTIONS /?q HTTP/1.1"),
        ("GET http://a HTTP/1.1", "GET / HTTP/1.1"), ("GET http://a? HTTP/1.1", "GET /? HTTP/1.1"),
        ("M-SEARCH /b HTTP/1.0", "M-SEARCH /b HTTP/1.1"),
    ])
    func `RFC 9112 section 3.2 an origin is sent the origin form`(_ example: (String, String)) {
        let text = written(of: example.0 + "\r\nHost: a\r\n\r\n") { output, head, _, bytes in
            output.writeRequestLine(head, from: bytes)
        }
        #expect(text == example.1 + "\r\n")
    }

    @Test func `a stranger's forwarding fields are replaced`() {
        let text = written { output, head, fields, bytes in
            output.writeForwarding(
                Forwarding(
                    client: IPAddress(v4: 0xc000_0201),
                    isTrusted: false,
                    style: [.xForwarded, .standard]
                ),
                head,
                fields,
                from: bytes
            )
        }
        #expect(
            text == "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
                + "X-Forwarded-Host: b.example:81\r\n"
                + "Forwarded: for=192.0.2.1;host=\"b.example:81\";proto=http\r\n"
        )
    }

    @Test func `a trusted peer's forwarding fields are carried on`() {
        let text = written { output, head, fields, bytes in
            output.writeForwarding(
                Forwarding(
                    client: IPAddress(v6: 1),
                    isTrusted: true,
                    isSecure: true,
                    style: [.xForwarded, .standard]
                ),
                head,
                fields,
                from: bytes
            )
        }
        #expect(
            text == "X-Forwarded-For: 192.0.2.9, 192.0.2.8, ::1\r\nX-Forwarded-Proto: https\r\n"
                + "X-Forwarded-Host: c\r\n"
                + "Forwarded: for=1, for=\"[::1]\";host=\"b.example:81\";proto=https\r\n"
        )
        let stranger = Forwarding(client: IPAddress(v4: 1), isTrusted: false).dropped
        let trusted = Forwarding(client: IPAddress(v4: 1), isTrusted: true).dropped
        #expect(stranger.contains(.xRealIP) && stranger.contains(.xForwardedPort))
        #expect(!trusted.contains(.xRealIP) && trusted.contains(.forwarded))
    }

    @Test func `a mapped client is called by its IPv4 address and HTTP/1.0 may have no host`() {
        let text = written(of: "GET / HTTP/1.0\r\n\r\n") { output, head, fields, bytes in
            output.writeForwarding(
                Forwarding(
                    client: IPAddress(v6: 0xffff_c000_0201),
                    isTrusted: true,
                    style: [.xForwarded, .standard]
                ),
                head,
                fields,
                from: bytes
            )
        }
        #expect(
            text == "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
                + "Forwarded: for=192.0.2.1;proto=http\r\n"
        )
    }

    @Test func `RFC 9110 section 7.6.3 Via grows by one`() {
        let text = written { output, _, fields, bytes in
            output.writeVia(minorVersion: 1, fields, from: bytes)
        }
        #expect(text == "Via: 1.1 one, 1.0 two, 1.1 martlet\r\n")
        let old = written(of: "GET / HTTP/1.0\r\n\r\n") { output, head, fields, bytes in
            output.writeVia(minorVersion: head.minorVersion, fields, from: bytes)
        }
        #expect(old == "Via: 1.0 martlet\r\n")
    }

    @Test(arguments: [200, 404, 503, 418])
    func `RFC 9112 section 4 a status line always has its second space`(_ status: Int) {
        let text = written { output, _, _, _ in output.writeStatusLine(UInt16(status)) }
        let phrase = [200: "OK", 404: "Not Found", 503: "Service Unavailable"][status] ?? ""
        #expect(text == "HTTP/1.1 \(status) \(phrase)\r\n")
    }

    @Test(arguments: [1, 9, 15, 16, 255, 256, 4_096, 1 << 32, Int.max])
    func `RFC 9112 section 7.1 a chunk size is written in hexadecimal`(_ size: Int) {
        let text = written { output, _, _, _ in output.writeChunkHeader(size) }
        #expect(text == String(size, radix: 16) + "\r\n")
    }

    @Test func `a chunk of nothing would end the body and is not written`() {
        #expect(written { output, _, _, _ in output.writeChunkHeader(0) } == nil)
        #expect(written { output, _, _, _ in output.writeChunkHeader(-1) } == nil)
    }

    @Test func `request names follow from the seed and differ`() {
        var one = SeededRandom(seed: 1)
        var other = SeededRandom(seed: 1)
        let names = (0..<1_000).map { _ in RequestID(random: &one) }
        #expect(Set(names).count == 1_000)
        #expect(names[0] == RequestID(random: &other))
        let text = written { output, _, _, _ in output.write(names[0]) }
        #expect(text?.count == 32)
        #expect(text?.allSatisfy { $0.isHexDigit } == true)
    }

    @Test(arguments: [
        ("a", true), ("00-4bf9-01", true), ("a/b+c=", true), ("", false), ("a b", false),
        ("a,b", false), ("\"", false), ("\u{e9}", false), ("a\\", false), ("a\n", false),
        (String(repeating: "a", count: 128), true), (String(repeating: "a", count: 129), false),
    ])
    func `a peer's request name is taken over when it is plain`(_ example: (String, Bool)) {
        let bytes = Array(example.0.utf8)
        #expect(RequestID.isAcceptable(bytes.span) == example.1)
    }

    @Test func `known fields fit a set`() {
        #expect(KnownField.allCases.count <= 64)
        for known in KnownField.allCases {
            let one: FieldSet = [known]
            for other in KnownField.allCases { #expect(one.contains(other) == (other == known)) }
        }
    }
}
