// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import HTTPProtocol

/// `CDN-Loop` as RFC 8586 §2 has it.
@Suite struct LoopReaderTests {
    /// How often a request with these lines has passed `own.example`; nil where they cannot be read.
    private func passes(_ lines: String...) -> Int? {
        let text = lines.map { "CDN-Loop: \($0)\r\n" }.joined()
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\(text)\r\n".utf8)
        var parser = RequestParser(limits: HeadLimits())
        var fields = FieldTable(limit: 100)
        var head = RequestHead()
        let result = parser.parse(bytes.span, fields: &fields, head: &head)
        #expect(result == .complete)
        return LoopReader.passes(of: Array("own.example".utf8).span, fields, bytes.span)
    }

    @Test(arguments: [
        ("own.example", 1), ("OWN.Example", 1), ("own.example, own.example", 2),
        ("a, own.example;x=1", 1), ("own.example ; x=1;y=\"a,b;c\" , b", 1),
        (",, own.example ,, ", 1), ("\town.example\t,\tb", 1),
        ("a;x=\"own.example\"", 0), ("a;x=\", own.example\"", 0), ("a;x=\"\\\", own.example\"", 0),
        ("a;own.example=1", 0), ("a;x=own.example", 0), ("own.example:80", 0),
        ("own.exampl", 0), ("own.example2", 0), ("x-own.example", 0), ("", 0), (",", 0),
        ("[2001:db8::1]:443, host:80, host:, a%2eb, a(b)!$&'*+=~", 0),
        ("fastly;v=1, cloudflare;loops=1;subreqs=2, 0x1-_.!#$%&'*+^`|~", 0),
    ])
    func `names count where the grammar has them, and nowhere else`(line: String, count: Int) {
        #expect(passes(line) == count)
    }

    @Test func `all lines count`() {
        #expect(passes("own.example", "b", "own.example;a=b") == 2)
        #expect(passes("a;x=\"", "own.example") == nil)
        #expect(passes("own.example", "a b") == nil)
    }

    @Test(arguments: [
        "a b", "own.example b", "a;", "a;x", "a;x=", "a;=1", "a;x=\"1", "a;x=\"1\\", "a;x=\"1\"2",
        "a;x =1", "a;x= 1", "\"own.example\"", ";x=1", "a/b", "a@b", "host:8a", "a:b:1", ":80",
        "[::1", "[]", "[::1]x", "[::g/]", "a(%zz)", "a()%2", "{own.example}", "a;x=1 y=2",
        "a;x=\u{e9}",
    ])
    func `what is no list of the grammar is not read`(line: String) {
        #expect(passes(line) == nil)
        #expect(passes("own.example, \(line)") == nil)
    }

    @Test func `octets of strangers trap nothing`() {
        var random = SeededRandom(seed: 8586)
        let pieces = Array("own.example,;=\"\\ \t[]:%a1\u{ff}".utf8)
        var counts: Set<Int?> = []
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int(random.next() % 24) {
                if random.next() % 4 == 0 { bytes += Array("own.example".utf8) }
                bytes.append(pieces[Int(random.next() % UInt64(pieces.count))])
            }
            var reader = LoopReader(ByteRange(from: 0, to: bytes.count))
            var count = 0
            while reader.next(bytes.span) != nil { count += 1 }
            counts.insert(reader.isMalformed ? nil : count)
            // A range that is longer than what it is of.
            var beyond = LoopReader(ByteRange(from: 0, to: bytes.count + 3))
            while beyond.next(bytes.span) != nil {}
        }
        #expect(counts.contains(nil) && counts.contains(0) && counts.contains(1))
    }
}
