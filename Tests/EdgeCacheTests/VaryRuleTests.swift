// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Testing

@Suite struct VaryRuleTests {
    /// The text for a request; nil where it does not fit into `room`.
    static func text(_ vary: String, _ request: [String], room: Int = 1000) -> [UInt8]? {
        let names = Array(vary.utf8)
        return Exchange.withRequest("GET", request) { _, fields, bytes in
            var isWhole = false
            let text = [UInt8](capacity: room) { output in
                isWhole = VaryRule.write(
                    ByteRange(from: 0, to: names.count),
                    of: names.span,
                    fields,
                    bytes,
                    into: &output
                )
            }
            return isWhole ? text : nil
        }
    }

    @Test(arguments: [
        ("X-A", ["X-A: 1"], ["x-a: 1"]), ("X-A", ["X-A: 1, 2"], ["X-A: 1 ,\t2"]),
        ("x-a", ["X-A: 1"], ["X-A: 1", "X-B: 2"]), ("X-A", [], []),
        ("X-A, X-B", ["X-A: 1", "X-B: 2"], ["X-B: 2", "X-A: 1"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip, br"], ["Accept-Encoding: br,GZIP;q=0.5"]),
        (
            "Accept-Encoding", ["Accept-Encoding: gzip, br"],
            ["Accept-Encoding: br", "Accept-Encoding: gzip"]
        ),
        ("X-A", ["X-A: 1, 2"], ["X-A: 1", "X-A: 2"]),
        (
            "Accept-Language", ["Accept-Language: de-CH, de;q=0.9, en;q=0.8"],
            ["accept-language: de-ch,en;q=0.1,de;q=0.2"]
        ),
    ])
    func `requests share what may be shared`(vary: String, one: [String], other: [String]) {
        #expect(Self.text(vary, one) != nil)
        #expect(Self.text(vary, one) == Self.text(vary, other))
    }

    @Test(arguments: [
        ("X-A", ["X-A: 1"], ["X-A: 2"]), ("X-A", ["X-A: a"], ["X-A: A"]), ("X-A", ["X-A: "], []),
        ("X-A", ["X-A: 1, 2"], ["X-A: 2, 1"]), ("X-A", ["X-A: 12"], ["X-A: 1, 2"]),
        ("X-A, X-B", ["X-A: 1", "X-B: 2"], ["X-A: 2", "X-B: 1"]),
        ("X-A, X-B", ["X-A: 1"], ["X-B: 1"]), ("Cookie", ["Cookie: a=1"], ["Cookie: a=2"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip"], ["Accept-Encoding: gzip, br"]),
        ("Accept-Encoding", ["Accept-Encoding: *"], ["Accept-Encoding: *, gzip;q=0"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip"], ["Accept-Encoding: gzip;q=0"]),
        ("Accept-Encoding", ["Accept-Encoding: "], []),
        ("Accept-Encoding", ["Accept-Encoding: br, gzip;q=1.0000"], ["Accept-Encoding: br"]),
        ("Accept-Encoding", ["Accept-Encoding: a!b;q=0"], ["Accept-Encoding: a;q=0, b;q=0"]),
        ("Accept-Encoding", ["Accept-Encoding: ab"], ["Accept-Encoding: a, b"]),
        ("Accept-Language", ["Accept-Language: de, en"], ["Accept-Language: en, de"]),
        ("Accept-Language", ["Accept-Language: de, en"], ["Accept-Language: de;q=0.1, en"]),
        ("Accept-Language", ["Accept-Language: de"], ["Accept-Language: de;q=0"]),
        ("Accept-Language", ["Accept-Language: "], []),
    ])
    func `and nothing else`(vary: String, one: [String], other: [String]) {
        #expect(Self.text(vary, one) != nil && Self.text(vary, other) != nil)
        #expect(Self.text(vary, one) != Self.text(vary, other))
    }

    @Test func `more tokens than are sorted stay as they came`() {
        let many = (0..<20).map { "t\($0)" }.joined(separator: ", ")
        let text = Self.text("Accept-Encoding", ["Accept-Encoding: \(many)"])
        #expect(text != nil)
        #expect(text != Self.text("Accept-Encoding", ["Accept-Encoding: \(many), x"]))
        let languages = Self.text("Accept-Language", ["Accept-Language: \(many)"])
        #expect(languages != Self.text("Accept-Language", ["Accept-Language: \(many), x"]))
    }

    @Test func `what does not fit fits nothing that is stored`() {
        for vary in ["X-A", "Accept-Encoding", "Accept-Language"] {
            let request = ["\(vary): abcdef;q=0.5, ghi"]
            guard let whole = Self.text(vary, request) else {
                Issue.record("\(vary) has no text")
                continue
            }
            for room in 0..<whole.count { #expect(Self.text(vary, request, room: room) == nil) }
            #expect(Self.text(vary, request, room: whole.count) == whole)
        }
    }

    @Test func `an order is one whatever comes first`() {
        var random = SeededRandom(seed: 9)
        let tokens = ["gzip", "br", "zstd", "deflate", "identity;q=0", "x-gzip;q=0.5", "*;q=0"]
        let sorted = Self.text(
            "Accept-Encoding",
            ["Accept-Encoding: " + tokens.joined(separator: ",")]
        )
        for _ in 0..<200 {
            var mixed = tokens
            for place in mixed.indices.dropFirst() {
                mixed.swapAt(place, Int(random.next(below: UInt32(place + 1))))
            }
            let line = "Accept-Encoding: " + mixed.joined(separator: " , ")
            #expect(Self.text("Accept-Encoding", [line]) == sorted)
        }
    }
}
