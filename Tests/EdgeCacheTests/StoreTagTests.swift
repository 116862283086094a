// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

@Suite struct TagReaderTests {
    private static func tags(_ lines: [String]) -> [String] {
        let head = Array((["HTTP/1.1 200 OK"] + lines + [""]).map { $0 + "\r\n" }.joined().utf8)
        var (reader, tags) = (TagReader(), [String]())
        while let tag = reader.next(head.span) {
            tags.append(String(decoding: head[Int(tag.start)..<Int(tag.end)], as: UTF8.self))
        }
        return tags
    }

    @Test(arguments: [
        ("Surrogate-Key: a b\tc", ["a", "b", "c"]),
        ("surrogate-key:  a,b  c ", ["a,b", "c"]),
        ("Cache-Tag: a, b c ,,d\t,", ["a", "b c", "d"]),
        ("CACHE-TAG:x", ["x"]),
        ("Cache-Tag: Ab,ab", ["Ab", "ab"]),
        ("Cache-Tags: a", []), ("Cache-Ta: a", []), ("X-Cache-Tag: a", []), ("Cache-Tag", []),
        ("Cache-Tag:", []), ("Cache-Tag: , ,", []),
    ])
    func `each field has its own divider`(line: String, tags: [String]) {
        #expect(Self.tags([line]) == tags)
    }

    @Test func `all lines count, up to 64 tags`() {
        let lines = ["Cache-Tag: a,b", "Date: x", "Surrogate-Key: c", "Cache-Tag: d"]
        #expect(Self.tags(lines) == ["a", "b", "c", "d"])
        let many = (0..<70).map { "Cache-Tag: \($0)" }
        #expect(Self.tags(many) == (0..<64).map { "\($0)" })
    }

    @Test func `a tag has at most 256 octets`() {
        let longest = String(repeating: "x", count: 256)
        #expect(Self.tags(["Cache-Tag: a, \(longest), \(longest)y, b"]) == ["a", longest, "b"])
    }

    @Test func `a list has each tag once`() {
        let head = Array("\nCache-Tag: a, b, a\nSurrogate-Key: b c\n".utf8)
        #expect(TagList(head.span, key: SipKey(1, 2)).count == 3)
    }
}

@Suite struct StoreTagTests {
    let desk: StoreDesk
    var store: CacheStore { desk.store }

    init() throws { desk = try StoreDesk() }

    private static func head(_ tags: String) -> String { "head\nSurrogate-Key: \(tags)\n" }

    private func purge(_ tag: String, _ mode: PurgeMode = .hard) -> Int {
        let tag = Array(tag.utf8)
        return store.purge(tag: tag.span, mode)
    }

    private func put(_ key: String, _ tags: String) throws {
        let fill = try desk.fill(key)
        #expect(desk.open(fill, head: Self.head(tags)) == .kept)
        #expect(desk.append(fill, key))
        store.close(fill)
        store.release(fill)
    }

    @Test func `what has a tag is forgotten, and nothing else`() throws {
        try put("a", "x y")
        try put("b", "y z")
        try put("c", "z xy")
        #expect(purge("y") == 2)
        #expect(desk.fresh("a") == nil && desk.fresh("b") == nil && desk.fresh("c") == "c")
        #expect(purge("y") == 0 && purge("x") == 0)
        #expect(purge("z") == 1)
        #expect(store.statistics().purges == 3)
        #expect(purge("") == 0)
        #expect(purge(String(repeating: "x", count: 257)) == 0)
    }

    @Test func `softly it is stale, and stays so until it is validated`() throws {
        try put("a", "x")
        #expect(purge("x", .soft) == 1)
        guard case .fetch(let fill, let base, .stale) = desk.find("a") else {
            Issue.record("not stale")
            return
        }
        #expect(purge("x", .soft) == 1, "once more, since the origin was asked")
        #expect(desk.renew(fill, base, StoreDesk.facts(), head: Self.head("x")))
        store.release(fill)
        store.release(base)
        #expect(desk.fresh("a") == nil, "what the origin said is older than the order")
        guard case .fetch(let next, let same, .stale) = desk.find("a") else {
            Issue.record("not stale")
            return
        }
        #expect(desk.renew(next, same, StoreDesk.facts(), head: Self.head("new")))
        store.release(next)
        store.release(same)
        #expect(desk.fresh("a") == "a")
        #expect(purge("x") == 0 && purge("new") == 1, "its tags are those of its new head")
    }

    @Test func `a fill that was begun before is not kept when it has the tag`() throws {
        let (early, other) = (try desk.fill("a"), try desk.fill("b"))
        #expect(purge("x") == 0)
        #expect(desk.open(early, head: Self.head("x")) == .overtaken, "nobody waits for it")
        #expect(desk.open(other, head: Self.head("y")) == .kept)
        #expect(desk.append(other, "b"))
        #expect(purge("y", .soft) == 0, "it is no object yet")
        store.close(other)
        #expect(desk.text(other) == "b", "who reads it goes on")
        #expect(desk.fresh("b") == nil)
        let late = try desk.fill("c")
        #expect(desk.open(late, head: Self.head("x")) == .kept, "begun after the order")
    }

    @Test func `of too many orders none is overlooked`() throws {
        let (tagged, plain) = (try desk.fill("a"), try desk.fill("b"))
        for number in 0..<65 { _ = purge("\(number)") }
        #expect(desk.open(tagged, head: Self.head("0")) == .overtaken)
        #expect(desk.open(plain) == .kept)
    }

    @Test func `tags are charged, and given back`() throws {
        let empty = store.statistics().octets
        try put("a", "x")
        let one = store.statistics().octets
        #expect(purge("x") == 1)
        #expect(store.statistics().octets == empty)
        try put("a", "x y z")
        #expect(store.statistics().octets == one + 2 * TagIndex.cost)
        #expect(desk.purge("a") == 1)
        #expect(store.statistics().octets == empty)
        #expect(purge("y") == 0)
    }

    @Test func `with many tags the budget holds`() throws {
        let desk = try StoreDesk(memory: 1 << 20, objectLimit: 1 << 20)
        let tags = (0..<64).map { "t\($0)" }.joined(separator: " ")
        for key in 0..<1000 {
            let fill = try desk.fill("\(key)")
            #expect(desk.open(fill, head: Self.head(tags)) == .kept)
            desk.store.close(fill)
            desk.store.release(fill)
            let counts = desk.store.statistics()
            #expect(counts.octets <= counts.budget)
        }
        let counts = desk.store.statistics()
        #expect(counts.evictions > 700)
        let tag = Array("t7".utf8)
        #expect(desk.store.purge(tag: tag.span, .hard) == counts.objects)
    }

    @Test func `walks pass each other, and what comes and goes meanwhile`() {
        var index = TagIndex()
        var links = (0..<6).map { index.insert(7, slot: $0, other: TagIndex.none) }
        guard let one = index.beginWalk(7), let two = index.beginWalk(7) else {
            Issue.record("no walk")
            return
        }
        #expect(index.step(one) == 5)
        #expect(index.step(two) == 5)
        #expect(index.step(two) == 4)
        _ = links[4].map { index.remove($0) }
        _ = links[3].map { index.remove($0) }
        links.append(index.insert(7, slot: 9, other: TagIndex.none))
        #expect(index.step(one) == 2)
        #expect(index.step(two) == 2 && index.step(two) == 1 && index.step(two) == 0)
        #expect(index.step(two) == nil)
        #expect(index.step(one) == 1)
        _ = links[0].map { index.remove($0) }
        #expect(index.step(one) == nil)
        for number in [1, 2, 5, 6] { _ = links[number].map { index.remove($0) } }
        #expect(index.beginWalk(7) == nil && index.count == 0)
    }
}
