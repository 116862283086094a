// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Testing

@Suite struct `Caches in a file` {
    private func text(_ cache: String, route: String = "pool: a, cache: c") -> String {
        """
        listeners: [{ http: ':80' }]
        pools:
          a: { endpoints: [{ address: '127.0.0.1:1' }] }
          s: { sticky: { cookie: S }, endpoints: [{ address: '127.0.0.1:2' }] }
        caches: { c: { \(cache) } }
        routes:
          - { \(route) }
          - { host: other.example, split: { a: 1, s: 1 } }
        """
    }

    private func codes(_ text: String, _ checks: OutsideChecks = OutsideChecks()) -> [String] {
        read(text, checks: checks).diagnostics.map(\.code.rawValue)
    }

    @Test func `a cache without options has those of the reference`() throws {
        let settings = try settings(text(""))
        let cache = try #require(settings.caches.first)
        #expect(settings.routes.map(\.cache) == ["c", nil])
        #expect([cache.memory.bytes, cache.objectLimit.bytes] == [256 << 20, 8 << 20])
        #expect(cache.lifetimes.isEmpty && cache.purge.isEmpty && cache.targets == nil)
        #expect(cache.heuristicPercent == Percentage(10) && cache.minUses == 1)
        #expect(cache.tagsToClients)
        #expect(cache.queryLimit == ByteCount(16_384))
        #expect([cache.refreshAhead, cache.jitter] == [Percentage(0), Percentage(0)])
        #expect([cache.wait, cache.passLifetime] == [.seconds(5), .seconds(120)])
        #expect([cache.staleIfError, cache.staleWhileRevalidate] == [.zero, .zero])
        #expect(cache.statusHeader && cache.statusName == "Martlet" && cache.key.host)
        #expect(!cache.override && !cache.heedClients && !cache.keepCookies)
        #expect(cache.key.query == .all && cache.key.only.isEmpty && cache.key.without.isEmpty)
    }

    @Test func `a small cache keeps small answers`() throws {
        let cache = try settings(text("memory: 16MiB")).caches.first
        #expect(cache?.objectLimit == ByteCount(2 << 20))
        #expect(codes(text("memory: 16MiB, object-limit: 2MiB")).isEmpty)
        #expect(codes(text("memory: 16MiB, object-limit: 3MiB")) == ["M1311"])
    }

    @Test func `lifetimes name statuses and classes`() throws {
        let lifetimes = "lifetimes: { 200: 1d, 301-308: 1h, 5xx: 5s, any: 0 }"
        let cache = try #require(try settings(text(lifetimes)).caches.first)
        #expect(cache.lifetimes.map(\.statuses) == [200...200, 301...308, 500...599, 200...599])
        let day = Interval.seconds(86_400)
        #expect(cache.lifetimes.map(\.lifetime) == [day, .seconds(3600), .seconds(5), .zero])
        for name in ["1xx", "6xx", "xx", "5x", "100", "600", "+xx", "100-200", "all", "20x"] {
            #expect(codes(text("lifetimes: { '\(name)': 5s }")) == ["M1210"], "\(name)")
        }
        #expect(codes(text("lifetimes: { 200: 5 }")) == ["M1201"])
        #expect(codes(text("lifetimes: { 200: 1s, 200: 2s }")) == ["M1102"])
        #expect(codes(text("override: true")) == ["M1106"])
        #expect(codes(text("override: true, lifetimes: { 200: 1s }")).isEmpty)
    }

    private static let faults: [(cache: String, codes: [String])] = [
        ("key: { only: [a] }", []), ("key: { without: ['utm_*'] }", []),
        ("key: { query: sorted }", []), ("key: { only: a, without: b }", ["M1105"]),
        ("key: { query: sorted, only: a }", ["M1105"]),
        ("key: { query: none, without: a }", ["M1105"]), ("key: { query: none }", ["M1813"]),
        ("key: { only: [] }", ["M1103"]), ("key: { headers: ['a b'] }", ["M1216"]),
        ("keep-cookies: true", ["M1812"]), ("name: 1a", ["M1216"]), ("name: fra1", []),
        ("memory: 1KiB", ["M1207"]), ("min-uses: 0", ["M1207"]), ("purge: here", ["M1209"]),
        ("heuristic-percent: 101%", ["M1207"]), ("refresh-ahead: 51%", ["M1207"]),
        ("query-limit: 33KiB", ["M1207"]), ("query-limit: 0", []), ("jitter: 51%", ["M1207"]),
        ("refresh-ahead: 50%, jitter: 50%", []),
        ("wiat: 5s", ["M1101"]),
        ("disk: 1GiB, disk-folder: /x", []), ("disk: 1GiB", ["M1104"]),
        ("disk: 20MiB, disk-folder: /x", ["M1801"]),
        ("disk: 20MiB, disk-folder: /x, object-limit: 1MiB", []),
        ("disk: 1MiB, disk-folder: /x", ["M1207"]),
        ("disk-folder: /x", ["M1106"]),
    ]

    @Test(arguments: faults)
    func `what is wrong with a cache is said`(_ example: (cache: String, codes: [String])) {
        #expect(codes(text(example.cache)) == example.codes)
    }

    @Test func `a folder is one cache's own`() {
        func two(_ folder: String) -> String {
            """
            pools: { a: { endpoints: [{ address: 10.0.0.1:80 }] } }
            listeners: [{ http: ":80" }]
            caches:
              c: { disk: 1GiB, disk-folder: /x }
              d: { disk: 1GiB, disk-folder: \(folder) }
            routes: [{ path: /c, pool: a, cache: c }, { pool: a, cache: d }]
            """
        }
        #expect(codes(two("/x")) == ["M1802"])
        #expect(codes(two("/y")).isEmpty)
    }

    private static let routes: [(route: String, codes: [String])] = [
        ("pool: a, cache: c", []), ("split: { a: 1 }, cache: c", []),
        ("pool: a, cache: d", ["M1352", "M1800"]), ("pool: a", ["M1352"]),
        ("redirect: { to: / }, cache: c", ["M1105"]),
        ("respond: { body: x }, cache: c", ["M1105"]),
        ("pool: s, cache: c", ["M1811"]), ("split: { a: 1, s: 1 }, cache: c", ["M1811"]),
        ("pool: a, cache: c, basic-auth: { users: u }", ["M1810"]),
        ("pool: s, cache: c, jwt: { keys: k }", ["M1810", "M1811"]),
    ]

    @Test(arguments: routes)
    func `what a cache means for a route is said`(_ example: (route: String, codes: [String])) {
        #expect(codes(text("", route: example.route)) == example.codes)
    }

    private static let tiers: [(cache: String, route: String, codes: [String])] = [
        ("through: s", "pool: a, cache: c", []), ("through: b", "pool: a, cache: c", ["M1302"]),
        ("through: a", "pool: a, cache: c", ["M1815"]),
        ("through: a", "split: { a: 1, s: 1 }, cache: c", ["M1811", "M1815"]),
    ]

    @Test(arguments: tiers)
    func `a cache fetches through another pool than the route's`(
        _ example: (cache: String, route: String, codes: [String])
    ) {
        #expect(codes(text(example.cache, route: example.route)) == example.codes)
    }

    @Test func `nobody takes away by whom a loop is seen`() throws {
        for edit in ["remove: [CDN-Loop]", "set: { cdn-loop: a }", "add: { CDN-LOOP: a }"] {
            let route = "pool: a, cache: c, request-headers: { \(edit) }"
            #expect(codes(text("", route: route)) == ["M1216"], "\(edit)")
        }
        #expect(try settings("cdn-id: edge-1.example\n" + text("")).cdnID == "edge-1.example")
        #expect(try settings(text("")).cdnID == nil)
        for name in ["a b", "'a,b'", "''", "a/b"] {
            #expect(!codes("cdn-id: \(name)\n" + text("")).isEmpty, "\(name)")
        }
    }

    @Test func `a name that is nearly right is suggested`() {
        let wrong = text("", route: "pool: a, cache: cc")
        let found = read(wrong).diagnostics.first { $0.code == .unknownCache }
        #expect(found?.suggestion == "did you mean `c`?")
        #expect(found?.message == "there is no cache `cc`")
    }

    @Test func `caches are measured by the memory of the machine`() {
        var checks = OutsideChecks()
        checks.memory = ByteCount(1 << 30)
        let whole = text("memory: 1GiB")
        #expect(codes(whole, checks).isEmpty)
        #expect(codes(whole).isEmpty)
        let two = whole.replacing("caches: {", with: "caches: { d: { memory: 1MiB },")
            .replacing("- { host", with: "- { path: /d, pool: a, cache: d }\n  - { host")
        #expect(codes(two).isEmpty)
        #expect(codes(two, checks) == ["M1814"])
    }
}
