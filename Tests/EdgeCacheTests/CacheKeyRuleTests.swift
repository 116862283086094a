// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Testing

@Suite struct CacheKeyRuleTests {
    static func rule(
        _ query: CacheKeyRule.Query = .all,
        fields: [String] = [],
        cookies: [String] = []
    ) -> CacheKeyRule {
        var rule = CacheKeyRule()
        rule.query = query
        rule.fields = fields.map { Array($0.utf8) }
        rule.cookies = cookies.map { Array($0.utf8) }
        return rule
    }

    static func names(_ names: String...) -> [[UInt8]] { names.map { Array($0.utf8) } }

    /// The key of a request; nil where it has none.
    static func key(
        _ rule: CacheKeyRule = rule(),
        isSecure: Bool = false,
        host: String = "a",
        path: String = "/",
        query: String? = nil,
        lines: [String] = [],
        room: Int = 4000
    ) -> [UInt8]? {
        let (host, path, query) = (Array(host.utf8), Array(path.utf8), query.map { Array($0.utf8) })
        return Exchange.withRequest("GET", lines) { _, fields, bytes in
            var isWhole = false
            let text = [UInt8](capacity: room) { output in
                isWhole = rule.write(
                    isSecure: isSecure,
                    host: host.span,
                    path: path.span,
                    query: query?.span,
                    fields,
                    bytes,
                    into: &output
                )
            }
            #expect(isWhole || text.isEmpty)
            guard rule.isPlain else { return isWhole ? text : nil }
            var isWholeToo = false
            let plain = [UInt8](capacity: room) { output in
                isWholeToo = CacheKeyRule.writePlain(
                    isSecure: isSecure,
                    host: host.span,
                    path: path.span,
                    query: query?.span,
                    into: &output
                )
            }
            #expect(plain == text && isWholeToo == isWhole)
            return isWhole ? text : nil
        }
    }

    /// Whether two queries are one by a rule.
    static func isOne(_ rule: CacheKeyRule.Query, _ one: String?, _ other: String?) -> Bool {
        let key = key(Self.rule(rule), query: one)
        #expect(key != nil)
        return key == Self.key(Self.rule(rule), query: other)
    }

    // MARK: Host

    @Test(arguments: [
        (false, "EXAMPLE.com", "example.com"), (false, "example.com:80", "example.com"),
        (true, "example.com:443", "Example.Com"), (true, "example.com.", "example.com"),
        (true, "example.com.:443", "example.com"), (false, "[::A]:80", "[::a]"),
        (false, "a:8080", "A.:8080"),
    ])
    func `spellings of one host share`(isSecure: Bool, one: String, other: String) {
        let key = Self.key(isSecure: isSecure, host: one)
        #expect(key != nil && key == Self.key(isSecure: isSecure, host: other))
    }

    @Test(arguments: [
        (false, "example.com:443", "example.com"), (true, "example.com:80", "example.com"),
        (false, "a", "b"), (false, "a:8080", "a:8081"), (false, "[::1]:80", "[::1:80]"),
        (false, "[::80]", "[::]"), (false, "a", "a.b"),
    ])
    func `other hosts and ports do not`(isSecure: Bool, one: String, other: String) {
        #expect(
            Self.key(isSecure: isSecure, host: one) != Self.key(isSecure: isSecure, host: other)
        )
    }

    @Test func `schemes do not share, and hosts where the rule leaves them out`() {
        #expect(Self.key(isSecure: true) != Self.key(isSecure: false))
        var rule = CacheKeyRule()
        rule.hasHost = false
        #expect(Self.key(rule, host: "a") == Self.key(rule, host: "b"))
        #expect(Self.key(rule, isSecure: true) != Self.key(rule))
        #expect(Self.key(rule, path: "/a") != Self.key(rule, path: "/b"))
    }

    // MARK: Query

    @Test(
        arguments: [
            ("a=1", "a=1", true), ("a=1", "a=2", false), ("a=1&b=2", "b=2&a=1", false),
            ("", nil, false), ("%61=1", "a=1", false),
        ] as [(String?, String?, Bool)]
    )
    func `a query counts as it came`(one: String?, other: String?, isOne: Bool) {
        #expect(Self.isOne(.all, one, other) == isOne)
        #expect(Self.isOne(.none, one, other))
    }

    @Test(
        arguments: [
            ("a=1&b=2", "b=2&a=1", true), ("c&a&b", "b&c&a", true), ("a=2&a=1", "a=1&a=2", false),
            ("", nil, false), ("a=1&b=2", "a=1", false), ("b=1&a=2&b=3", "a=2&b=1&b=3", true),
            ("b=1&a=2&b=3", "a=2&b=3&b=1", false),
            // Names that an origin may take for one: the last of them may count, or the first.
            ("%61=1&a=2", "a=2&%61=1", false), ("A=1&a=2", "a=2&A=1", false),
            ("a.b=1&a_b=2", "a_b=2&a.b=1", false), ("a[]=1&a[0]=2", "a[0]=2&a[]=1", false),
            ("a%5bx]=1&a=2", "a=2&a%5bx]=1", false), ("b;a=1&a=2", "a=2&b;a=1", false),
            ("a+b=1&a%20b=2", "a%20b=2&a+b=1", false), ("&a", "a&", true), ("a", "a&", false),
            ("ab=1&a=2", "a=2&ab=1", true),
        ] as [(String?, String?, Bool)]
    )
    func `a sorted query counts by its parameters`(one: String?, other: String?, isOne: Bool) {
        #expect(Self.isOne(.sorted, one, other) == isOne)
    }

    @Test func `more parameters than are sorted count as they came`() {
        let many = (0..<64).map { "p\($0)=1" }
        let key = Self.key(Self.rule(.sorted), query: many.joined(separator: "&"))
        let turned = many.reversed().joined(separator: "&")
        #expect(key == Self.key(Self.rule(.sorted), query: turned))
        #expect(!Self.isOne(.sorted, turned + "&a", many.joined(separator: "&") + "&a"))
    }

    @Test func `any order of parameters is one`() {
        var random = SeededRandom(seed: 4)
        let pairs = (0..<40).map { "k\($0 * 7 % 40)=\($0)" }
        let key = Self.key(Self.rule(.sorted), query: pairs.joined(separator: "&"))
        for _ in 0..<100 {
            var mixed = pairs
            for place in mixed.indices.dropFirst() {
                mixed.swapAt(place, Int(random.next(below: UInt32(place + 1))))
            }
            #expect(key == Self.key(Self.rule(.sorted), query: mixed.joined(separator: "&")))
        }
    }

    @Test(
        arguments: [
            ("a=1&x=2", "a=1", true), ("a=1&x=2", "x=3&a=1&y", true), ("x=1", nil, true),
            ("%61=1", "%61=1&x", true), ("%61=1", "x", false), ("a=1", "a=2", false),
            ("a=1&a=2", "a=2&a=1", false), ("a%5B%5D=1", "a%5B%5D=2", true),
            ("l%5B%5D=1", "l%5B%5D=2", false), ("l[]=1", "l[]=2", false), ("b+c=1", "b+c=2", false),
            ("b%20c=1", "b%20c=2", false), ("a", "a=", false), ("A=1", "A=2", true),
            // Some origins begin a parameter at a semicolon.
            ("x;a=1", "x;a=2", false), ("", "x", true), ("a1=1", "a1=2", true),
        ] as [(String?, String?, Bool)]
    )
    func `only parameters that are named count`(one: String?, other: String?, isOne: Bool) {
        let rule = CacheKeyRule.Query.only(Self.names("a", "l[]", "b c"))
        #expect(Self.isOne(rule, one, other) == isOne)
    }

    @Test(
        arguments: [
            ("a=1&utm_source=x", "a=1", true), ("utm_source=x&a=1", "a=1&utm_=y", true),
            ("%75tm_source=x", "utm%5fsource=y", true), ("utm_source=x", nil, true),
            ("utm_source=x", "", false), ("", nil, false), ("fbclid=1", nil, true),
            ("fbclid2=1", nil, false), ("fbcli=1", nil, false), ("utm=1", "utm=2", false),
            ("a=1&fbclid=2&b=3", "a=1&b=3", true), ("a=1b=3", "a=1&b=3", false),
            ("utm_x;a=1", "utm_x;a=2", false), ("a=utm_1", "a=utm_2", false),
            ("*=1", "*=2", false),
        ] as [(String?, String?, Bool)]
    )
    func `parameters that are named do not count`(one: String?, other: String?, isOne: Bool) {
        let rule = CacheKeyRule.Query.without(Self.names("utm_*", "fbclid"))
        #expect(Self.isOne(rule, one, other) == isOne)
    }

    // MARK: Fields and cookies

    @Test func `fields count by all their lines, whatever the blanks`() {
        let rule = Self.rule(fields: ["x-a", "x-b"])
        func key(_ lines: String...) -> [UInt8]? { Self.key(rule, lines: lines) }
        #expect(key("X-A: 1, 2") == key("x-a: 1", "X-A: 2"))
        #expect(key("X-A: 1", "X-C: 3") == key("X-A: 1"))
        #expect(key("X-A: 1, 2") != key("X-A: 2, 1"))
        #expect(key("X-A: 12") != key("X-A: 1, 2"))
        #expect(key("X-A: 1") != key("X-B: 1") && key("X-A: ") != key())
        #expect(key("X-A: 1", "X-B: 2") != key("X-A: 2", "X-B: 1"))
        #expect(
            Self.key(Self.rule(fields: ["x-a"]), lines: ["X-A: 1"]) != Self.key(lines: ["X-A: 1"])
        )
        // By another rule, what has the same values has another key.
        #expect(
            Self.key(Self.rule(fields: ["x-a"]), lines: ["X-A: 1"])
                != Self.key(Self.rule(fields: ["x-b"]), lines: ["X-B: 1"])
        )
    }

    @Test func `cookies count by their names`() {
        let rule = Self.rule(cookies: ["a", "b"])
        func key(_ lines: String...) -> [UInt8]? {
            Self.key(rule, lines: lines.map { "Cookie: " + $0 })
        }
        #expect(key("a=1; c=2") == key("c=3;a=1") && key("a=1; c=2") == key("c=3", "a=1"))
        #expect(key("c=1") == key() && key("a") == key() && key("A=1") == key())
        #expect(key(" a = 1 ") == key("a=1"))
        #expect(key("a=1") != key("a=2") && key("a=") != key() && key("a=1") != key("b=1"))
        #expect(key("a=1; a=2") != key("a=2; a=1") && key("a=1; a=2") != key("a=1"))
        #expect(key("a=1; b=2") == key("b=2; a=1") && key("a=1; b=2") != key("a=2; b=1"))
        #expect(key("a=\"1\"") != key("a=1") && key("a=\"\"") != nil)
        #expect(key("ba=1") == key() && key("a=b=1") != key("a=b"))
    }

    @Test(arguments: ["x=\"; a=1", "a=\"", "x=\"\\\"; a=1", "x=\"1; a=1"])
    func `a cookie with two readings has no key`(line: String) {
        #expect(Self.key(Self.rule(cookies: ["a"]), lines: ["Cookie: \(line)"]) == nil)
        #expect(Self.key(lines: ["Cookie: \(line)"]) != nil)
    }

    // MARK: Joins

    @Test(arguments: ["\u{0}", "\u{1}"])
    func `what divides parts can stand in none`(octet: String) {
        #expect(Self.key(host: "a" + octet) == nil && Self.key(path: "/" + octet) == nil)
        #expect(Self.key(query: octet) == nil)
        for rule in [CacheKeyRule.Query.none, .sorted, .only(Self.names("a")), .without([])] {
            #expect(Self.key(Self.rule(rule), query: "a=" + octet) == nil)
        }
    }

    @Test func `no part makes the text of another`() {
        var seen: Set<[UInt8]> = []
        var count = 0
        let rule = Self.rule(fields: ["x-a"], cookies: ["a"])
        for host in ["a", "a/", "ab"] {
            for path in ["/", "/b", "/?", "/a=1"] {
                for query in [nil, "", "b", "a=1", "/"] as [String?] {
                    for lines in [
                        [], ["X-A: b"], ["X-A: cookie=a"], ["Cookie: a=b"], ["Cookie: a="],
                        ["X-A: "], ["X-A: b", "Cookie: a=b"],
                    ] {
                        guard
                            let key = Self.key(
                                rule,
                                host: host,
                                path: path,
                                query: query,
                                lines: lines
                            )
                        else {
                            Issue.record("no key")
                            continue
                        }
                        seen.insert(key)
                        count += 1
                    }
                }
            }
        }
        #expect(count == 420 && seen.count == count)
    }

    @Test func `what does not fit has no key`() throws {
        for query in [
            CacheKeyRule.Query.all, .none, .sorted, .only(Self.names("a")), .without([]),
        ] {
            let rule = Self.rule(query, fields: ["x-a"], cookies: ["c"])
            let lines = ["X-A: 1, 2", "Cookie: c=3"]
            func key(_ room: Int) -> [UInt8]? {
                Self.key(rule, host: "A:81", path: "/p", query: "a=1&a=2", lines: lines, room: room)
            }
            let whole = try #require(key(1000))
            for room in 0..<whole.count { #expect(key(room) == nil) }
            #expect(key(whole.count) == whole)
        }
    }

    // MARK: Parts

    @Test func `a key tells its host and path`() throws {
        func parts(_ key: [UInt8]?) -> [String]? {
            guard let key, let parts = CacheKeyRule.parts(ofKey: key.span) else { return nil }
            func text(_ range: ByteRange) -> String {
                String(decoding: key[Int(range.start)..<range.end], as: UTF8.self)
            }
            return [
                "\(parts.isSecure)", text(parts.host), text(parts.path), "\(parts.hasQuery)",
            ]
        }
        let key = Self.key(isSecure: true, host: "A.b.:8443", path: "/c/d", query: "e")
        #expect(parts(key) == ["true", "a.b:8443", "/c/d", "true"])
        #expect(parts(Self.key(path: "/c")) == ["false", "a", "/c", "false"])
        var rule = Self.rule(fields: ["x-a"])
        rule.hasHost = false
        #expect(parts(Self.key(rule, query: "", lines: ["X-A: 1"])) == ["false", "", "/", "true"])
        #expect(parts([]) == nil && parts(Array("https".utf8)) == nil)
        #expect(parts(Array("ftp\u{0}a\u{0}/\u{0}\u{0}".utf8)) == nil)
        #expect(parts(key.map { Array($0.dropLast()) }) == nil)
    }
}
