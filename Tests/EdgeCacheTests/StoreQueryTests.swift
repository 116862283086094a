// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

@Suite struct StoreQueryTests {
    static let url = "http\0a\0/x\0\0"

    /// The key of a QUERY for a URL's key.
    static func key(_ content: UInt64, of url: String = StoreQueryTests.url) -> String {
        var isWhole = false
        let octets = [UInt8](capacity: 256) { (output: inout OutputSpan<UInt8>) in
            for octet in url.utf8 { output.append(octet) }
            isWhole = QueryKey.append(Digest128(low: content, high: 7), into: &output)
        }
        #expect(isWhole)
        return String(decoding: octets, as: UTF8.self)
    }

    private func urlOf(_ key: String) -> String? {
        let octets = Array(key.utf8)
        return QueryKey.urlCount(octets.span).map {
            String(decoding: octets.prefix($0), as: UTF8.self)
        }
    }

    @Test func `from the key of a QUERY that of its URL is known, and no other key has one`() {
        #expect(urlOf(Self.key(1)) == Self.url)
        #expect(Self.key(1) != Self.key(2))
        let named = Self.url + "x-lang\u{1}de\u{1}\0"
        #expect(urlOf(Self.key(1, of: named)) == named)
        let digits = String(repeating: "0", count: 32)
        for key in [
            "", Self.url, "http\0a\0/x\0\u{1}\(digits)\0", "http\0a\0/\(digits)\0\0",
            Self.url + "x\u{1}\u{1}\(digits)\0", Self.url + "\(digits)\0", Self.key(1) + "x",
            String(Self.key(1).dropLast()),
        ] { #expect(urlOf(key) == nil, "\(key)") }
    }

    @Test func `content counts with what is said of it`() {
        func text(_ lines: [String]) -> [UInt8] {
            let head = ReadHead(lines)
            let bytes = head.bytes
            var isWhole = false
            let text = [UInt8](capacity: 512) { (output: inout OutputSpan<UInt8>) in
                isWhole = QueryKey.writeMetadata(head.fields, bytes.span, into: &output)
            }
            #expect(isWhole)
            return text
        }
        let json = text(["Content-Type: application/json"])
        #expect(json == text(["content-type:  application/json ", "X-Other: 1"]))
        for lines in [
            [], ["Content-Type: application/jsn"], ["Content-Encoding: application/json"],
            ["Content-Type: application/json", "Content-Encoding: gzip"],
            ["Content-Type: application/json", "Content-Language: de"],
            ["Content-Type: application/json,"], ["Content-Type: ,application/json"],
            ["Content-Type: application/json", "Content-Type:"],
        ] { #expect(text(lines) != json, "\(lines)") }
    }

    @Test(arguments: [PurgeMode.hard, .soft])
    func `what QUERY has brought goes with its URL`(_ mode: PurgeMode) throws {
        let desk = try StoreDesk(memory: 256 << 20)
        let before = desk.store.statistics().octets
        try desk.put(Self.url, "page")
        let other = "http\0a\0/y\0\0"
        for number in 0..<200 as Range<UInt64> {
            try desk.put(Self.key(number), "\(number)")
            try desk.put(Self.key(number, of: other), "other")
        }
        #expect(desk.fresh(Self.key(7)) == "7")
        let waiting = try desk.fill(Self.key(1_000))
        let growing = try desk.fill(Self.key(1_001))
        #expect(desk.open(growing, head: "h\nCache-Tag: a\n") == .kept)
        #expect(desk.purge(Self.url, mode) == 201)
        for number in 0..<200 as Range<UInt64> {
            #expect(desk.fresh(Self.key(number)) == nil)
            #expect(desk.fresh(Self.key(number, of: other)) == "other")
        }
        // What was asked for before is kept for nobody else.
        #expect(desk.append(growing, "old"))
        desk.store.close(growing)
        #expect(desk.fresh(Self.key(1_001)) == nil)
        #expect(desk.open(waiting) == .overtaken)
        desk.store.fail(waiting)
        desk.store.release(waiting)
        desk.store.release(growing)
        #expect(desk.purge(Self.url, .hard) == (mode == .hard ? 0 : 201))
        #expect(desk.purge(other, .hard) == 200)
        #expect(desk.store.statistics().octets == before, "links are given back")
    }

    @Test func `a new head keeps the link`() throws {
        let desk = try StoreDesk()
        try desk.put(Self.key(1), "one")
        guard case .fetch(let fill, let base, _) = desk.find(Self.key(1), at: 60) else {
            Issue.record("not fetched")
            return
        }
        #expect(desk.renew(fill, base, StoreDesk.facts(at: 60), head: "h\nCache-Tag: a\n"))
        #expect(desk.fresh(Self.key(1), at: 61) == "one")
        #expect(desk.purge(Self.url) == 1)
        #expect(desk.fresh(Self.key(1), at: 61) == nil)
    }
}
