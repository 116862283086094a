// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

@Suite struct StoreGroupTests {
    let desk: StoreDesk

    init() throws { desk = try StoreDesk(memory: 256 << 20) }

    private static func key(_ path: String, _ origin: String = "http\0a") -> String {
        "\(origin)\0\(path)\0\0"
    }

    private static func head(_ groups: String) -> String {
        "HTTP/1.1 200 OK\r\nDate: x\r\nCache-Groups: \(groups)\r\nCache-Tag: one\r\n\r\n"
    }

    private func purge(
        _ group: String,
        _ mode: PurgeMode = .hard,
        of origin: String = "http\0a"
    ) -> Int {
        let (group, key) = (Array(group.utf8), Array(Self.key("/any", origin).utf8))
        return desk.store.purge(group: group.span, ofOriginOf: key.span, mode)
    }

    private func put(_ key: String, _ groups: String) throws {
        let fill = try desk.fill(key)
        #expect(desk.open(fill, head: Self.head(groups)) == .kept)
        #expect(desk.append(fill, "x"))
        desk.store.close(fill)
        desk.store.release(fill)
    }

    @Test func `a group is of one origin, and goes together`() throws {
        let others = ["https\0a", "http\0a:81", "http\0ab"]
        for path in ["/1", "/2"] {
            try put(Self.key(path), #""news", "x""#)
            for origin in others { try put(Self.key(path, origin), #""news""#) }
        }
        try put(Self.key("/3"), #""News", "new", "news2", "x""#)
        #expect(purge("news") == 2 && purge("news") == 0)
        #expect(desk.fresh(Self.key("/1")) == nil && desk.fresh(Self.key("/3")) != nil)
        for origin in others { #expect(desk.fresh(Self.key("/1", origin)) != nil) }
        #expect(purge("news", .soft, of: "https\0a") == 2)
        #expect(purge("x") == 1)
        #expect(purge("") == 0 && purge(String(repeating: "x", count: 257)) == 0)
    }

    @Test(arguments: [
        #"news"#, #""news", 1"#, #""news"#, #"("news")"#, #""x"# + "\r\nCache-Groups: \"news\"",
    ])
    func `of a field with a fault nothing counts`(_ groups: String) throws {
        try put(Self.key("/1"), groups)
        #expect(purge("news") == 0)
    }

    @Test func `escapes count as what they stand for, and tags and groups are two things`() throws {
        try put(Self.key("/1"), #""a\"b""#)
        #expect(purge(#"a\"b"#) == 0 && purge("one") == 0)
        #expect(purge(#"a"b"#) == 1)
        try put(Self.key("/1"), #""group""#)
        let tag = Array("group".utf8)
        #expect(desk.store.purge(tag: tag.span, .hard) == 0)
    }

    @Test func `as many groups count as the RFC asks for, and twice as many, beside all tags`()
        throws
    {
        let names = (0..<70).map { "\($0)".padding(32) }
        let groups = names.map { "\"\($0)\"" }.joined(separator: ", ")
        let tags = (0..<64).map { "t\($0)" }.joined(separator: ",")
        try put(Self.key("/1"), groups + "\r\nCache-Tag: \(tags)")
        #expect(purge(names[69], .soft) == 0)
        for name in names.prefix(64) { #expect(purge(name, .soft) == 1, "\(name)") }
    }

    @Test func `what was asked for before is kept for nobody, and a new head has its own groups`()
        throws
    {
        let fill = try desk.fill(Self.key("/1"))
        #expect(purge("news") == 0)
        #expect(desk.open(fill, head: Self.head(#""news""#)) == .overtaken)
        desk.store.fail(fill)
        desk.store.release(fill)
        try put(Self.key("/2"), #""news""#)
        guard case .fetch(let next, let base, _) = desk.find(Self.key("/2"), at: 60) else {
            Issue.record("not fetched")
            return
        }
        #expect(desk.renew(next, base, StoreDesk.facts(at: 60), head: Self.head(#""other""#)))
        #expect(purge("news") == 0 && purge("other") == 1)
    }
}

extension String {
    fileprivate func padding(_ count: Int) -> String {
        self + String(repeating: "x", count: Swift.max(count - self.count, 0))
    }
}
