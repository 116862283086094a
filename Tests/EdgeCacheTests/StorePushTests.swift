// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

@Suite("Objects that operators put into a store")
struct StorePushTests {
    private let desk: StoreDesk

    init() throws { desk = try StoreDesk(memory: 4 << 20, objectLimit: 512 << 10) }

    private func object(
        _ content: String,
        _ fields: [(name: String, value: String)] = [],
        asked: [(name: String, value: String)] = [],
        lifetime: Int64? = nil,
        at seconds: Int64 = 0
    ) throws -> PushedObject {
        var sketch = PushedObject.Sketch()
        sketch.fields = fields
        sketch.asked = asked
        sketch.lifetime = lifetime.map { .seconds($0) }
        let now = Exchange.time(seconds)
        return try PushedObject(
            sketch,
            content: Array(content.utf8),
            by: CacheRules(),
            now: now
        )
    }

    private func push(
        _ key: String,
        _ object: borrowing PushedObject,
        pin: Bool = false,
        limit: Int = 1 << 20
    ) -> PushAnswer {
        let key = Array(key.utf8)
        return desk.store.push(key.span, object, isPinned: pin, pinnedLimit: limit)
    }

    private func isKept(_ answer: PushAnswer) -> Bool {
        if case .kept = answer { return true }
        return false
    }

    /// The content that a request is answered with; nil for what has to be fetched.
    private func content(_ key: String, _ lines: [String] = [], at seconds: Int64 = 0) -> String? {
        guard case .fresh(let ref) = desk.find(key, lines, at: seconds, mayFetch: false) else {
            return nil
        }
        defer { desk.store.release(ref) }
        let piece = desk.store.piece(ref, at: 0, watcher: 0)
        var octets: [UInt8] = []
        for index in piece.bytes.indices { octets.append(piece.bytes[index]) }
        return String(decoding: octets, as: UTF8.self)
    }

    @Test("a pushed object is fresh until it is taken out, and only then")
    func lifetime() throws {
        #expect(isKept(push("a", try object("one"))))
        #expect(content("a", at: 300 * 86_400) == "one")
        #expect(desk.store.unpush(.key(Array("a".utf8))) == 1)
        #expect(content("a") == nil)
        #expect(desk.store.unpush(.key(Array("a".utf8))) == 0)
        #expect(desk.store.statistics().pushed == 0)
    }

    @Test("what its fields say of freshness holds, but not against a lifetime that was given")
    func said() throws {
        let aged = [(name: "Cache-Control", value: "max-age=10")]
        #expect(isKept(push("a", try object("one", aged))))
        #expect(isKept(push("b", try object("two", aged, lifetime: 100))))
        #expect(content("a", at: 9) == "one" && content("a", at: 10) == nil)
        #expect(content("b", at: 99) == "two" && content("b", at: 100) == nil)
    }

    @Test("it takes the place of all that is stored under its key, variants and all")
    func replaces() throws {
        for kind in ["x", "y"] {
            guard case .fetch(let fill, _, _) = desk.find("a", ["Kind: \(kind)"]) else {
                Issue.record("\(kind) is not fetched")
                return
            }
            #expect(desk.open(fill, vary: ["Kind"], request: ["Kind: \(kind)"]) == .kept)
            #expect(desk.append(fill, kind))
            desk.store.close(fill)
            desk.store.release(fill)
        }
        #expect(content("a", ["Kind: y"]) == "y")
        #expect(isKept(push("a", try object("one"))))
        #expect(content("a", ["Kind: y"]) == "one" && content("a", ["Kind: x"]) == "one")
        #expect(desk.store.statistics().objects == 1)
        #expect(isKept(push("a", try object("two"))))
        #expect(content("a") == "two" && desk.store.statistics().pushed == 1)
    }

    @Test("variants that were pushed stand beside each other")
    func variants() throws {
        let vary = [(name: "Vary", value: "Kind")]
        #expect(isKept(push("a", try object("plain"))))
        #expect(isKept(push("a", try object("x", vary, asked: [("Kind", "x")]))))
        #expect(isKept(push("a", try object("y", vary, asked: [("Kind", "y")]))))
        #expect(content("a", ["Kind: x"]) == "x" && content("a", ["Kind: y"]) == "y")
        #expect(content("a") == nil, "what varies by nothing was replaced")
        #expect(isKept(push("a", try object("x2", vary, asked: [("Kind", "x")]))))
        #expect(content("a", ["Kind: x"]) == "x2" && content("a", ["Kind: y"]) == "y")
    }

    @Test("what is fetched meanwhile goes to who waits, and does not take its place")
    func fills() throws {
        guard case .fetch(let fill, _, _) = desk.find("a") else {
            Issue.record("it is not fetched")
            return
        }
        #expect(isKept(push("a", try object("pushed"))))
        #expect(desk.open(fill) == .overtaken, "nobody but the one who fetches reads it")
        desk.store.fail(fill)
        desk.store.release(fill)
        #expect(content("a") == "pushed")
    }

    @Test("a fetch that a client has forced does not take the place of what is fresh")
    func forced() throws {
        var rules = CacheRules()
        rules.heedsClients = true
        let desk = try StoreDesk(rules: rules)
        let key = Array("a".utf8)
        let pushed = try object("pushed")
        #expect(isKept(desk.store.push(key.span, pushed, isPinned: false, pinnedLimit: 0)))
        guard case .fetch(let fill, let base, _) = desk.find("a", ["Cache-Control: no-cache"])
        else {
            Issue.record("it is not fetched")
            return
        }
        #expect(desk.open(fill) == .kept && desk.append(fill, "fetched"))
        desk.store.close(fill)
        desk.store.release(fill)
        #expect(desk.store.statistics().objects == 1)
        guard case .fresh(let ref) = desk.find("a") else {
            Issue.record("nothing is there")
            return
        }
        #expect(ref == base, "it is what was pushed")
        desk.store.release(ref)
        desk.store.release(base)
    }

    @Test("once it is stale the answer of an endpoint takes its place")
    func stale() throws {
        #expect(isKept(push("a", try object("pushed", lifetime: 10), pin: true)))
        guard case .fetch(let fill, let base, .stale) = desk.find("a", at: 20) else {
            Issue.record("it is not fetched")
            return
        }
        #expect(desk.open(fill, StoreDesk.facts(at: 20)) == .kept && desk.append(fill, "new"))
        desk.store.close(fill)
        desk.store.release(fill)
        desk.store.release(base)
        #expect(content("a", at: 21) == "new")
        let counts = desk.store.statistics()
        #expect(counts.pushed == 0 && counts.pinned == 0 && counts.pinnedOctets == 0)
    }

    @Test("pinned objects stay while others go, and count against their limit alone")
    func pinned() throws {
        let text = String(repeating: "p", count: 200_000)
        #expect(isKept(push("a", try object(text), pin: true, limit: 450_000)))
        #expect(isKept(push("b", try object(text), pin: true, limit: 450_000)))
        let before = desk.store.statistics().octets
        guard
            case .overLimit(let inUse, let needed) = push(
                "c",
                try object(text),
                pin: true,
                limit: 450_000
            )
        else {
            Issue.record("there is no limit")
            return
        }
        #expect(inUse == desk.store.statistics().pinnedOctets && needed > 200_000)
        #expect(desk.store.statistics().octets == before, "nothing went for what was refused")
        #expect(
            isKept(push("b", try object("b" + text), pin: true, limit: 450_000)),
            "its own place"
        )
        let other = String(repeating: "n", count: 100_000)
        for number in 0..<200 {
            #expect(isKept(push("n\(number)", try object(other))))
            // Often enough to be worth more than what nobody asks for.
            for _ in 0..<4 {
                guard case .fresh(let ref) = desk.find("n\(number)", mayFetch: false) else { break }
                desk.store.release(ref)
            }
        }
        #expect(desk.store.statistics().evictions > 100)
        #expect(content("a")?.first == "p" && content("b")?.first == "b")
        #expect(desk.store.statistics().pinned == 2)
        #expect(desk.store.statistics().octets <= desk.store.statistics().budget)
    }

    @Test("pins leave room for others whatever their limit is, and are given back")
    func room() throws {
        let text = String(repeating: "p", count: 400_000)
        var pinned = 0
        while isKept(push("p\(pinned)", try object(text), pin: true, limit: .max)) {
            pinned += 1
            guard pinned < 20 else { break }
        }
        #expect(pinned == 9 || pinned == 8, "seven eighths of 4 MiB: \(pinned)")
        #expect(push("more", try object(text), pin: true, limit: .max) == .partFull)
        #expect(isKept(push("small", try object("s"))))
        #expect(desk.store.purge(.all, .hard) == pinned + 1)
        let counts = desk.store.statistics()
        #expect(counts.pinnedOctets == 0 && counts.pinned == 0 && counts.pushed == 0)
        #expect(isKept(push("more", try object(text), pin: true)))
    }

    @Test("what is too large is refused, and leaves nothing behind")
    func tooLarge() throws {
        let before = desk.store.statistics()
        let large = String(repeating: "l", count: (512 << 10) + 1)
        #expect(push("a", try object(large)) == .tooLarge)
        #expect(desk.store.statistics() == before)
    }

    @Test("pages name each object once")
    func pages() throws {
        for number in 0..<25 { #expect(isKept(push("k\(number)", try object("x")))) }
        #expect(desk.store.unpush(.key(Array("k3".utf8))) == 1)
        var keys: [String] = []
        var place: UInt64? = 0
        while let first = place {
            let page = desk.store.pushed(from: first, limit: 10)
            #expect(page.objects.count <= 10 && page.objects.allSatisfy(\.isPushed))
            keys += page.objects.map { String(decoding: $0.key, as: UTF8.self) }
            place = page.next
        }
        #expect(keys.count == 24 && Set(keys).count == 24 && !keys.contains("k3"))
    }

    @Test(
        "what no response may be is none that is pushed",
        arguments: [
            ("X-A", "b\r\nX-B: c"), ("X A", "b"), ("Connection", "close"), ("Age", "1"),
            ("Content-Length", "7"), ("Transfer-Encoding", "chunked"), ("Vary", "*"),
            ("Cache-Control", "private"), ("Set-Cookie", "a=b"),
            ("X-Long", String(repeating: "l", count: 9000)),
        ]
    )
    func faults(name: String, value: String) {
        #expect(throws: PushedObject.Fault.self) { _ = try object("one", [(name, value)]) }
    }

    @Test("keys are ranked by hits, content and misses, and numbers outlive what is fetched anew")
    func ranking() throws {
        #expect(isKept(push("small", try object("s"))))
        #expect(isKept(push("large", try object(String(repeating: "l", count: 100)))))
        for _ in 0..<5 { #expect(content("small") != nil) }
        for _ in 0..<2 { #expect(content("large") != nil) }
        func keys(_ order: RankingOrder) -> [String] {
            desk.store.ranking(by: order, limit: 5).map { String(decoding: $0.key, as: UTF8.self) }
        }
        #expect(keys(.hits) == ["small", "large"])
        #expect(keys(.bytes) == ["large", "small"])
        #expect(keys(.misses) == [])
        #expect(isKept(push("small", try object("t"))))
        #expect(desk.store.ranking(by: .hits, limit: 1).map(\.hits) == [5])
        for kind in 0..<3 {
            let lines = ["Kind: \(kind)"]
            guard case .fetch(let fill, _, _) = desk.find("v", lines) else { return }
            #expect(desk.open(fill, vary: ["Kind"], request: lines) == .kept)
            desk.store.close(fill)
            desk.store.release(fill)
        }
        let total = try #require(desk.store.ranking(by: .misses, limit: 5).first)
        #expect(total.misses[.uriMiss] == 1 && total.misses[.varyMiss] == 2)
        #expect(total.variants == 3)
        let varies = desk.store.varyTotals()
        #expect(varies.map { String(decoding: $0.names, as: UTF8.self) } == ["Kind"])
        #expect(varies.first?.misses == 2 && varies.first?.variants == 3)
    }
}
