// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

@Suite struct StoreVariantTests {
    let desk: StoreDesk
    var store: CacheStore { desk.store }
    let red = ["Color: red"]
    let blue = ["Color: blue"]

    init() throws { desk = try StoreDesk() }

    @Test func `each variant is for its requests`() throws {
        try desk.put("a", "red", vary: ["Color"], request: red)
        #expect(desk.find("a", blue, mayFetch: false) == .absent(.varyMiss))
        try desk.put("a", "blue", vary: ["Color"], request: blue)
        #expect(desk.fresh("a", red) == "red")
        #expect(desk.fresh("a", blue) == "blue")
        #expect(desk.fresh("a") == nil, "no field is a value too")
        #expect(desk.purge("a") == 2)
        #expect(desk.fresh("a", red) == nil)
    }

    @Test func `several lines of Vary count together`() throws {
        let both = red + ["Size: 1"]
        try desk.put("a", "one", vary: ["Color", "Size"], request: both)
        #expect(desk.fresh("a", both) == "one")
        #expect(desk.fresh("a", red + ["Size: 2"]) == nil)
        #expect(desk.fresh("a", blue + ["Size: 1"]) == nil)
    }

    @Test func `of several that match the newest is used`() throws {
        try desk.put("a", "all", StoreDesk.facts(at: 5, lifetime: 5), request: red)
        try desk.put("a", "red", StoreDesk.facts(at: 10), vary: ["Color"], request: red, at: 10)
        #expect(desk.fresh("a", red, at: 11) == "red")
        let old = StoreDesk.facts(at: 0, lifetime: 12)
        try desk.put("a", "blue", old, vary: ["Color"], request: blue, at: 11)
        #expect(desk.find("a", blue, at: 12, mayFetch: false) == .absent(.stale), "made at 0")
    }

    @Test func `a fresh one with Vary goes before a newer one without`() throws {
        try desk.put("a", "all", StoreDesk.facts(at: 8), request: blue)
        let old = StoreDesk.facts(at: 0, lifetime: 30)
        try desk.put("a", "red", old, vary: ["Color"], request: red, at: 70)
        #expect(desk.fresh("a", red, at: 20) == "red")
        #expect(desk.fresh("a", red, at: 30) == "all", "stale")
        #expect(desk.fresh("a", blue, at: 20) == "all")
    }

    @Test func `what a request would get is known though it is stale`() throws {
        let rule = desk.rule
        func candidate(_ lines: [String], at seconds: Int64) -> StoredRef {
            let (head, key) = (ReadHead(lines), Array("a".utf8))
            let bytes = head.bytes
            return store.candidate(
                key.span,
                head.request,
                head.fields,
                bytes.span,
                by: rule,
                now: Exchange.time(seconds)
            )
        }
        #expect(candidate(red, at: 0).isNone)
        try desk.put("a", "red", vary: ["Color"], request: red)
        #expect(candidate(blue, at: 0).isNone)
        let ref = candidate(red, at: 100)
        #expect(desk.text(ref) == "red")
        func freshen(at seconds: Int64) -> Bool {
            let head = Array("newer".utf8)
            return store.freshen(ref, facts: StoreDesk.facts(at: seconds), head: head.span)
        }
        #expect(freshen(at: 100))
        #expect(desk.fresh("a", red, at: 120) == "red" && desk.head(ref) == "newer")
        store.spoil(ref)
        #expect(desk.fresh("a", red, at: 120) == nil)
        #expect(freshen(at: 120))
        #expect(desk.fresh("a", red, at: 120) == nil, "an order holds until the origin was asked")
        store.release(ref)
        #expect(desk.purge("a") == 1)
        #expect(!freshen(at: 120))
    }

    @Test func `a fill is taken to vary as what is stored does`() throws {
        try desk.put("a", "red", StoreDesk.facts(lifetime: 5), vary: ["Color"], request: red)
        guard case .fetch(let first, _, .varyMiss) = desk.find("a", blue, at: 9) else {
            Issue.record("not fetched")
            return
        }
        guard case .fetch(let second, let base, .stale) = desk.find("a", red, at: 9) else {
            Issue.record("it waits for another variant")
            return
        }
        #expect(desk.text(base) == "red")
        #expect(desk.find("a", blue, at: 9) == .wait(first, base: .none))
        #expect(desk.find("a", red, at: 9) == .wait(second, base: base))
    }

    @Test func `with nothing stored all wait, and learn from the head whether it is for them`()
        throws
    {
        let fill = try desk.fill("a", red)
        #expect(desk.find("a", blue) == .wait(fill, base: .none))
        #expect(desk.open(fill, vary: ["Color"], request: red) == .kept)
        #expect(desk.fits(fill, red))
        #expect(!desk.fits(fill, blue))
        guard case .fetch = desk.find("a", blue) else {
            Issue.record("a growing entry for others is not waited for")
            return
        }
        #expect(desk.find("a", red) == .wait(fill, base: .none))
    }

    @Test func `variants of a key are bounded, and the oldest go`() throws {
        for number in 0..<100 {
            try desk.put("a", "\(number)", vary: ["Color"], request: ["Color: \(number)"])
        }
        #expect(store.statistics().objects == StoreShard.chainLimit)
        #expect(desk.fresh("a", ["Color: 99"]) == "99")
        #expect(desk.fresh("a", ["Color: 0"]) == nil)
    }

    @Test func `what a request says may be too long to compare`() throws {
        let long = (0..<20).map { "Color: " + String(repeating: "\($0)", count: 500) }
        let fill = try desk.fill("a", long)
        #expect(desk.open(fill, vary: ["Color"], request: long) == .tooLarge)
        store.fail(fill)
        try desk.put("a", "red", vary: ["Color"], request: red)
        #expect(desk.find("a", long, mayFetch: false) == .absent(.varyMiss))
    }
}

@Suite struct StorePurgeTests {
    let desk: StoreDesk
    var store: CacheStore { desk.store }

    init() throws { desk = try StoreDesk() }

    @Test func `what is forgotten is gone, for its readers not`() throws {
        try desk.put("a", "body")
        try desk.put("b", "other")
        guard case .fresh(let ref) = desk.find("a") else {
            Issue.record("not stored")
            return
        }
        #expect(desk.purge("a") == 1)
        #expect(desk.purge("a") == 0)
        #expect(desk.find("a", mayFetch: false) == .absent(.uriMiss))
        #expect(desk.text(ref) == "body")
        #expect(desk.fresh("b") == "other")
        #expect(store.statistics().purges == 1)
    }

    @Test func `a fill that was under way is not kept`() throws {
        for isGrowing in [true, false] {
            let fill = try desk.fill("a")
            #expect(desk.find("a") == .wait(fill, base: .none))
            if isGrowing { #expect(desk.open(fill) == .kept) }
            #expect(desk.purge("a") == 0)
            if !isGrowing { #expect(desk.open(fill) == .kept, "somebody waits") }
            #expect(desk.append(fill, "old"))
            let other = try desk.fill("a")
            store.close(fill)
            #expect(desk.text(fill) == "old")
            #expect(desk.find("a", mayFetch: false) == .absent(.uriMiss))
            store.fail(other)
            store.release(other)
            store.release(fill)
            store.release(fill)
        }
        #expect(store.statistics().objects == 0)
    }

    @Test func `a forgotten fill that nobody waits for is not even begun`() throws {
        let fill = try desk.fill("a")
        #expect(desk.purge("a") == 0)
        #expect(desk.open(fill) == .overtaken)
        store.refuse(fill, until: Exchange.time(100))
        #expect(desk.find("a", mayFetch: false) == .absent(.uriMiss), "it leaves no mark")
    }

    @Test func `what is made stale is validated and fresh again`() throws {
        try desk.put("a", "body", StoreDesk.facts(lifetime: 60))
        #expect(desk.purge("a", .soft) == 1)
        guard case .fetch(let fill, let base, .stale) = desk.find("a", at: 10) else {
            Issue.record("it is fresh")
            return
        }
        #expect(desk.renew(fill, base, StoreDesk.facts(at: 10)))
        #expect(desk.fresh("a", at: 11) == "body")
    }

    @Test func `what is made stale may be served while one asks`() throws {
        try desk.put("a", "body", StoreDesk.facts(lifetime: 60, whileRevalidating: 10))
        #expect(desk.purge("a", .soft) == 1)
        guard case .refreshing = desk.find("a", at: 10) else {
            Issue.record("not refreshed")
            return
        }
        guard case .wait = desk.find("a", at: 70) else {
            Issue.record("the time is not over")
            return
        }
    }

    @Test func `a validation that began before the order does not lift it`() throws {
        try desk.put("a", "body", StoreDesk.facts(lifetime: 60))
        guard case .fetch(let fill, let base, _) = desk.find("a", at: 100) else {
            Issue.record("not fetched")
            return
        }
        #expect(desk.purge("a", .soft) == 1)
        #expect(desk.renew(fill, base, StoreDesk.facts(at: 100)))
        #expect(desk.find("a", at: 101, mayFetch: false) == .absent(.stale))
    }

    @Test func `what is meant by key or head is forgotten`() throws {
        for number in 0..<1000 { try desk.put("\(number)", "x") }
        let growing = try desk.fill("grows")
        #expect(desk.open(growing, head: "tag") == .kept)
        let awaited = try desk.fill("awaited")
        let nines = store.purge(.hard) { key, head in
            let isKnown = head.count == 4 || head.count == 3
            #expect(isKnown)
            return key[key.count - 1] == UInt8(ascii: "9")
        }
        #expect(nines == 100)
        #expect(desk.fresh("19") == nil)
        #expect(desk.fresh("18") == "x")
        #expect(desk.find("grows") == .wait(growing, base: .none))
        #expect(desk.find("awaited") != .wait(awaited, base: .none), "nobody knows its head")
        #expect(store.purge(.soft) { _, head in head[0] == UInt8(ascii: "h") } == 900)
        #expect(desk.find("18", mayFetch: false) == .absent(.stale))
        #expect(store.purge(.hard) { _, head in head.count == 3 } == 0)
        guard case .fetch = desk.find("grows") else {
            Issue.record("it may come back")
            return
        }
    }
}
