// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

@Suite("Choosing stored entries")
struct StoredSelectionTests {
    private func key(
        _ host: String,
        _ path: String,
        _ query: String? = nil,
        isSecure: Bool = false,
        by rule: CacheKeyRule = CacheKeyRule()
    ) throws -> [UInt8] {
        try #require(
            rule.beginning(
                isSecure: isSecure,
                host: Array(host.utf8),
                path: Array(path.utf8),
                query: query.map { Array($0.utf8) }
            )
        )
    }

    private func isMeant(_ selection: StoredSelection, _ key: [UInt8], head: String = "") -> Bool {
        let head = Array(head.utf8)
        return selection.isMeant(key.span, head.span)
    }

    @Test("a host without a port is that host at all ports, and no other")
    func hosts() throws {
        let selection = StoredSelection.host(Array("A.test".utf8))
        #expect(isMeant(selection, try key("a.test", "/")))
        #expect(isMeant(selection, try key("a.test:8080", "/")))
        #expect(isMeant(selection, try key("a.test:8443", "/", isSecure: true)))
        #expect(!isMeant(selection, try key("aa.test", "/")))
        #expect(!isMeant(selection, try key("a.test.b", "/")))
    }

    @Test("a host with a port is at that port alone, that of the scheme included")
    func ports() throws {
        let selection = StoredSelection.host(Array("a.test:80".utf8))
        #expect(isMeant(selection, try key("a.test", "/")))
        #expect(!isMeant(selection, try key("a.test", "/", isSecure: true)))
        #expect(!isMeant(selection, try key("a.test:8080", "/")))
        let six = StoredSelection.host(Array("[2001:db8::1]".utf8))
        #expect(isMeant(six, try key("[2001:db8::1]:8080", "/")))
        #expect(!isMeant(six, try key("[2001:db8::2]", "/")))
    }

    @Test("a prefix of paths is within one host and scheme, whatever the query")
    func prefixes() throws {
        let text = CacheKeyRule().beginning(
            isSecure: false,
            host: Array("a.test".utf8),
            pathsFrom: Array("/news/".utf8)
        )
        let selection = StoredSelection.beginning(try #require(text))
        #expect(isMeant(selection, try key("a.test", "/news/")))
        #expect(isMeant(selection, try key("a.test", "/news/1", "page=2")))
        #expect(!isMeant(selection, try key("a.test", "/news")))
        #expect(!isMeant(selection, try key("a.test", "/news/1", isSecure: true)))
        #expect(!isMeant(selection, try key("b.test", "/news/1")))
    }

    @Test(
        "a tag is one word of Surrogate-Key, or one element of Cache-Tag",
        arguments: [
            ("Surrogate-Key: one two three", true), ("surrogate-key:two", true),
            ("Surrogate-Key: one\r\nX: y\r\nSurrogate-Key: \t two ", true),
            ("Cache-Tag: one, two ,three", true), ("Cache-Tag: one two", false),
            ("Surrogate-Key: one,two", false), ("Surrogate-Key: twos", false),
            ("Surrogate-Key: Two", false), ("X-Surrogate-Key: two", false), ("two", false),
        ]
    )
    func tags(lines: String, isTagged: Bool) {
        let head = "HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n"
        let selection = StoredSelection.tag(Array("two".utf8))
        #expect(isMeant(selection, Array("key".utf8), head: head) == isTagged)
    }

    @Test("what a URL begins is the beginning of keys with fields and cookies")
    func beginnings() throws {
        var rule = CacheKeyRule()
        rule.fields = [Array("x-plan".utf8)]
        rule.cookies = [Array("theme".utf8)]
        let beginning = try key("a.test", "/p", "q=1", by: rule)
        let head = ReadHead(["X-Plan: gold", "Cookie: theme=dark"])
        let (host, path, query, bytes) = (
            Array("a.test".utf8), Array("/p".utf8), Array("q=1".utf8), head.bytes
        )
        let whole = [UInt8](capacity: 200) { output in
            _ = rule.write(
                isSecure: false,
                host: host.span,
                path: path.span,
                query: query.span,
                head.fields,
                bytes.span,
                into: &output
            )
        }
        #expect(whole.count > beginning.count && whole.starts(with: beginning))
        let text = CacheKeyRule.text(ofKey: whole)
        #expect(text == "http://a.test/p?q=1 x-plan: gold cookie=theme: dark")
        rule.hasHost = false
        #expect(CacheKeyRule.text(ofKey: try key("a.test", "/p", by: rule)) == "http://*/p")
    }

    @Test("purging by a selection forgets what is meant, and nothing else")
    func purging() throws {
        let desk = try StoreDesk()
        for path in ["/a/1", "/a/2", "/b"] {
            try desk.put(String(decoding: try key("a.test", path), as: UTF8.self), path)
        }
        let all = StoredSelection.beginning(
            Array(try key("a.test", "/a/").dropLast(2))
        )
        #expect(desk.store.purge(all, .soft) == 2)
        #expect(desk.store.describe(all, limit: 10).allSatisfy { $0.isSoft })
        #expect(desk.store.purge(all, .hard) == 2)
        #expect(desk.store.purge(all, .hard) == 0)
        #expect(desk.store.purge(.key(try key("a.test", "/b")), .hard) == 1)
        #expect(desk.store.statistics().objects == 0)
    }

    @Test("a description tells the variants of a key, the newest first, and how far they are")
    func describing() throws {
        let desk = try StoreDesk()
        try desk.put("k", "one", vary: ["Accept"], request: ["Accept: a"])
        try desk.put("k", "three", vary: ["Accept"], request: ["Accept: b"], at: 5)
        let fill = try desk.fill("k", ["Accept: c"], at: 6)
        let found = desk.store.describe(.key(Array("k".utf8)), limit: 10)
        #expect(found.map(\.state) == [.awaited, .stored, .stored])
        #expect(found.map(\.octets) == [0, 5, 3])
        #expect(found[1].vary == Array("accept".utf8) || found[1].vary == Array("Accept".utf8))
        #expect(found[1].head == Array("head".utf8))
        #expect(found[0].facts == nil && found[1].facts?.status == 200)
        #expect(desk.store.describe(.all, limit: 2).count == 2)
        desk.store.refuse(fill, until: Exchange.time(60))
        desk.store.release(fill)
        let mark = desk.store.describe(.key(Array("k".utf8)), limit: 10)
        #expect(mark.first?.state == .notStorable)
        #expect(mark.first?.until == Exchange.time(60))
    }
}
