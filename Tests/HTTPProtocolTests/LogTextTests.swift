// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct LogTextTests {
    private func text(
        _ bytes: [UInt8],
        limit: Int = 4_096,
        capacity: Int = 65_536,
        json: Bool
    ) -> [UInt8]? {
        var isWhole = false
        let output = [UInt8](capacity: capacity) { output in
            isWhole =
                json
                ? output.writeJSONText(bytes.span, limit: limit)
                : output.writeLogText(bytes.span, limit: limit)
        }
        if !isWhole { #expect(output.isEmpty) }
        return isWhole ? output : nil
    }

    @Test(arguments: [
        ("", ""), ("GET /a?b=c HTTP/1.1", "GET /a?b=c HTTP/1.1"), ("a\"b", "a\\x22b"),
        ("a\\b", "a\\x5cb"), ("\n", "\\x0a"), ("\u{1b}[2J", "\\x1b[2J"), ("\u{7f}", "\\x7f"),
        ("\u{e9}", "\\xc3\\xa9"), ("01234567\"01234567", "01234567\\x2201234567"),
    ])
    func `a combined line stays one line`(_ example: (String, String)) {
        let output = text(Array(example.0.utf8), json: false)
        #expect(output == Array(example.1.utf8))
    }

    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("a\"b\\c", "a\\\"b\\\\c"), ("\n\r\t", "\\n\\r\\t"),
        ("\0\u{1f}\u{7f}", "\\u0000\\u001f\\u007f"), ("caf\u{e9} \u{1f426}", "caf\u{e9} \u{1f426}"),
        ("0123456\u{e9}0123456\"", "0123456\u{e9}0123456\\\""),
    ])
    func `RFC 8259 section 7 a JSON text keeps what is text`(_ example: (String, String)) {
        let output = text(Array(example.0.utf8), json: true)
        #expect(output == Array(example.1.utf8))
    }

    @Test(
        arguments: [
            [0xff], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
            [0xf0, 0x80, 0x80, 0x80], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x90], [0x80],
            [0xf5, 0x80],
        ] as [[UInt8]]
    )
    func `RFC 3629 section 4 what is no UTF-8 becomes the replacement character`(
        _ bytes: [UInt8]
    ) {
        let output = text([0x61] + bytes + [0x62], json: true) ?? []
        let expected = "a" + String(repeating: "\\ufffd", count: bytes.count) + "b"
        #expect(output == Array(expected.utf8))
    }

    @Test func `a text is cut at the limit and not begun without room`() {
        let bytes = Array("0123456789\"\"".utf8)
        #expect(text(bytes, limit: 4, json: false) == Array("0123".utf8))
        #expect(text(bytes, limit: -1, json: true) == [])
        for capacity in 0..<18 { #expect(text(bytes, capacity: capacity, json: false) == nil) }
        #expect(text(bytes, capacity: 18, json: false)?.count == 18)
        for capacity in 0..<14 { #expect(text(bytes, capacity: capacity, json: true) == nil) }
        #expect(text(bytes, capacity: 14, json: true)?.count == 14)
    }

    @Test func `any bytes give printable lines and valid UTF-8`() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<3_000 {
            let bytes = (0..<random.next(below: 60)).map { _ in
                random.next(below: 3) > 0
                    ? UInt8(truncatingIfNeeded: random.next() & 0x7f | 0x20)
                    : UInt8(truncatingIfNeeded: random.next())
            }
            let line = text(bytes, json: false) ?? []
            #expect(line.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != 0x22 })
            let json = text(bytes, json: true) ?? []
            #expect(String(validating: json, as: UTF8.self) != nil)
            #expect(json.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
        }
    }
}
