// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

@Suite struct CacheStoreTests {
    let desk: StoreDesk
    var store: CacheStore { desk.store }

    init() throws { desk = try StoreDesk() }

    // MARK: A fill, from its beginning to its end

    @Test func `a fill is awaited, grows and becomes an object`() throws {
        guard case .fetch(let fill, let base, .uriMiss) = desk.find("a") else {
            Issue.record("not fetched")
            return
        }
        #expect(base.isNone)
        #expect(store.state(fill, watcher: 0) == .awaited)
        #expect(store.facts(fill) == nil)
        #expect(desk.head(fill) == nil)
        #expect(store.length(fill) == nil)
        #expect(!desk.append(fill, "early"))
        #expect(desk.open(fill, head: "the head", length: 10) == .kept)
        #expect(desk.open(fill) == .overtaken, "it has a head")
        #expect(store.state(fill, watcher: 0) == .growing)
        #expect(store.facts(fill) == StoreDesk.facts())
        #expect(desk.head(fill) == "the head")
        #expect(store.length(fill) == 10)
        #expect(desk.body(fill) == ([], .wait))
        #expect(desk.append(fill, "01234"))
        #expect(desk.body(fill) == (Array("01234".utf8), .wait))
        #expect(desk.append(fill, "56789"))
        #expect(!desk.append(fill, "x"), "more than its head told")
        store.close(fill)
        #expect(store.state(fill, watcher: 0) == .complete)
        #expect(desk.body(fill) == (Array("0123456789".utf8), .end))
        store.release(fill)
        #expect(desk.fresh("a") == "0123456789")
        #expect(desk.fresh("b") == nil)
    }

    @Test func `a body of unknown length has one at its end`() throws {
        let fill = try desk.fill("a")
        #expect(desk.open(fill) == .kept)
        let part = String(repeating: "abcdefgh", count: 1000)
        for _ in 0..<20 { #expect(desk.append(fill, part)) }
        #expect(store.length(fill) == nil)
        let before = store.statistics().octets
        store.close(fill)
        #expect(store.length(fill) == 160_000)
        #expect(store.statistics().octets < before, "what was not needed went back")
        #expect(desk.text(fill) == String(repeating: part, count: 20))
    }

    @Test func `a body shorter than its head told has failed`() throws {
        let fill = try desk.fill("a")
        #expect(desk.open(fill, length: 10) == .kept)
        #expect(desk.append(fill, "012"))
        store.close(fill)
        #expect(store.state(fill, watcher: 0) == .failed)
        #expect(desk.body(fill) == ([], .failed))
        store.release(fill)
        #expect(desk.find("a", mayFetch: false) == .absent(.uriMiss))
    }

    @Test func `the others wait, and are told once`() throws {
        let fill = try desk.fill("a")
        #expect(desk.find("a", worker: 3) == .wait(fill, base: .none))
        #expect(store.takeWatchers(fill) == 1 << 3)
        #expect(store.takeWatchers(fill) == 0)
        #expect(store.state(fill, watcher: 5) == .awaited)
        #expect(desk.open(fill) == .kept)
        #expect(store.takeWatchers(fill) == 1 << 5)
        #expect(store.state(fill, watcher: 6) == .growing)
        #expect(store.takeWatchers(fill) == 0, "who sees the head need not be told of it")
        #expect(desk.body(fill, watcher: 63) == ([], .wait))
        #expect(desk.append(fill, "x"))
        #expect(store.takeWatchers(fill) == 1 << 63)
        #expect(desk.body(fill, watcher: 1).1 == .wait)
        store.close(fill)
        #expect(store.takeWatchers(fill) == 1 << 1, "the end is told too")
        #expect(desk.find("a", mayFetch: false) == .fresh(fill))
    }

    @Test func `of failure and refusal those who wait learn`() throws {
        for isRefused in [true, false] {
            let fill = try desk.fill("a")
            #expect(desk.find("a", worker: 2) == .wait(fill, base: .none))
            if isRefused { store.refuse(fill, until: nil) } else { store.fail(fill) }
            #expect(store.takeWatchers(fill) == 4)
            #expect(store.state(fill, watcher: 2) == (isRefused ? .refused : .failed))
            store.release(fill)
            store.release(fill)
            #expect(store.state(fill, watcher: 2) == .failed, "its memory is gone")
            #expect(store.statistics().fills == 0)
        }
        #expect(desk.find("a", mayFetch: false) == .absent(.uriMiss))
    }

    @Test func `a key whose answers are refused is passed for a time`() throws {
        let fill = try desk.fill("a")
        store.refuse(fill, until: Exchange.time(120))
        #expect(store.state(fill, watcher: 0) == .refused)
        #expect(desk.find("a", at: 119) == .passing)
        store.release(fill)
        #expect(desk.find("a", at: 119) == .passing)
        guard case .fetch = desk.find("a", at: 120) else {
            Issue.record("passed for ever")
            return
        }
    }

    @Test func `a refused body stays for its readers alone`() throws {
        let before = store.statistics().octets
        let fill = try desk.fill("a")
        #expect(desk.open(fill) == .kept)
        #expect(desk.append(fill, String(repeating: "x", count: 100_000)))
        let piece = store.piece(fill, at: 0, watcher: 0)
        store.refuse(fill, until: Exchange.time(120))
        try desk.put("b", String(repeating: "y", count: 100_000))
        let octet = piece.bytes[0]
        #expect(octet == UInt8(ascii: "x"))
        #expect(desk.body(fill).1 == .failed)
        store.release(fill)
        #expect(desk.purge("b") == 1)
        // A record, and a cell for its text.
        #expect(store.statistics().octets == before + StoredRecord.cost + 512)
    }

    @Test func `a fill without anybody ends`() throws {
        let fill = try desk.fill("a")
        store.release(fill)
        #expect(store.statistics().fills == 0)
        store.release(try desk.fill("a"))
    }

    // MARK: Reuse

    @Test func `what is stale is validated by one, and the others wait`() throws {
        try desk.put("a", "old", StoreDesk.facts(lifetime: 60))
        #expect(desk.fresh("a", at: 59) == "old")
        guard case .fetch(let fill, let base, .stale) = desk.find("a", at: 60) else {
            Issue.record("not fetched")
            return
        }
        #expect(desk.text(base) == "old")
        #expect(desk.find("a", at: 60) == .wait(fill, base: base))
        #expect(desk.find("a", at: 60, mayFetch: false) == .absent(.stale))
        #expect(desk.open(fill, StoreDesk.facts(at: 60)) == .kept)
        #expect(desk.append(fill, "new"))
        store.close(fill)
        #expect(desk.fresh("a", at: 61) == "new")
        #expect(desk.text(base) == "old", "its readers go on")
        #expect(store.statistics().objects == 1)
    }

    @Test func `stale is served while one asks`() throws {
        try desk.put("a", "old", StoreDesk.facts(lifetime: 60, whileRevalidating: 30))
        guard case .refreshing(let stale, let fill) = desk.find("a", at: 70) else {
            Issue.record("not refreshed")
            return
        }
        #expect(desk.text(stale) == "old")
        #expect(desk.find("a", at: 70) == .stale(stale))
        #expect(desk.find("a", at: 90) == .wait(fill, base: stale), "the time is over")
        store.fail(fill)
        #expect(desk.find("a", at: 70, mayFetch: false) == .stale(stale))
    }

    @Test func `a validated base is served on under its new head`() throws {
        try desk.put("a", "body", StoreDesk.facts(lifetime: 60))
        guard case .fetch(let fill, let base, _) = desk.find("a", at: 100) else {
            Issue.record("not fetched")
            return
        }
        #expect(desk.find("a", at: 100, worker: 4) == .wait(fill, base: base))
        #expect(!desk.renew(base, base, StoreDesk.facts()), "that is no fill")
        #expect(desk.renew(fill, base, StoreDesk.facts(at: 100), head: "another head"))
        #expect(store.state(fill, watcher: 4) == .renewed)
        #expect(store.takeWatchers(fill) == 1 << 4)
        #expect(desk.find("a", at: 159, mayFetch: false) == .fresh(base))
        #expect(desk.head(base) == "another head")
        #expect(desk.text(base) == "body")
        #expect(store.statistics().fills == 0)
    }

    @Test func `a key is kept from so many requests on`() throws {
        let head = ReadHead([])
        func find(_ key: String, _ uses: Int, mayFetch: Bool = true) -> CacheFound {
            let (key, bytes) = (Array(key.utf8), head.bytes)
            return store.find(
                key.span,
                head.request,
                head.fields,
                bytes.span,
                by: desk.rule,
                now: Exchange.time(0),
                mayFetch: mayFetch,
                leastUses: uses,
                worker: 0
            )
        }
        #expect(find("a", 3) == .tooRare)
        #expect(find("a", 3, mayFetch: false) == .absent(.uriMiss))
        #expect(find("b", 2) == .tooRare)
        guard case .fetch(let fill, _, .uriMiss) = find("a", 3) else {
            Issue.record("not fetched")
            return
        }
        #expect(find("a", 200) == .wait(fill, base: .none), "somebody fetches it anyway")
        #expect(desk.open(fill, StoreDesk.facts(lifetime: -1)) == .kept)
        store.close(fill)
        guard case .fetch(_, _, .stale) = find("a", 200) else {
            Issue.record("what is stored is kept")
            return
        }
    }

    @Test func `clients are heeded where the rules say so`() throws {
        var rules = CacheRules()
        rules.heedsClients = true
        let desk = try StoreDesk(rules: rules)
        let onlyStored = ["Cache-Control: only-if-cached"]
        #expect(desk.find("a", onlyStored) == .unavailable)
        try desk.put("a", "body")
        #expect(desk.fresh("a", onlyStored) == "body")
        #expect(desk.find("a", onlyStored, at: 99) == .unavailable)
        guard case .fetch(_, _, .request) = desk.find("a", ["Cache-Control: no-cache"]) else {
            Issue.record("not fetched")
            return
        }
        guard case .stale = desk.find("a", ["Cache-Control: max-stale=50"], at: 99) else {
            Issue.record("not stale")
            return
        }
    }

    @Test func `a growing answer that has to be asked for is for nobody else`() throws {
        let fill = try desk.fill("a")
        #expect(desk.open(fill, StoreDesk.facts(lifetime: 0)) == .kept)
        guard case .fetch(let other, base: .none, .varyMiss) = desk.find("a") else {
            Issue.record("not fetched")
            return
        }
        #expect(other != fill)
        #expect(desk.find("a") == .wait(other, base: .none))
    }

    // MARK: Limits

    @Test func `an object over the limit is not kept`() throws {
        let desk = try StoreDesk(objectLimit: 1000)
        let fill = try desk.fill("a")
        #expect(desk.open(fill, length: 1001) == .tooLarge)
        #expect(desk.open(fill, head: String(repeating: "h", count: 5 << 20)) == .tooLarge)
        #expect(desk.store.state(fill, watcher: 0) == .awaited)
        #expect(desk.open(fill) == .kept)
        #expect(desk.append(fill, String(repeating: "x", count: 1000)))
        #expect(!desk.append(fill, "x"))
        #expect(desk.append(fill, ""))
        desk.store.close(fill)
        #expect(desk.body(fill).0.count == 1000)
    }

    @Test func `what does not fit beside what grows is refused`() throws {
        let desk = try StoreDesk(memory: 1 << 20, objectLimit: 1 << 20)
        let first = try desk.fill("a")
        #expect(desk.open(first, length: 700_000) == .kept)
        let second = try desk.fill("b")
        #expect(desk.open(second, length: 700_000) == .noRoom)
        #expect(desk.open(second) == .kept)
        #expect(desk.append(second, String(repeating: "x", count: 100_000)))
        #expect(!desk.append(second, String(repeating: "x", count: 600_000)))
        var keys = 0
        while case .fetch = desk.find("key \(keys)") { keys += 1 }
        #expect(keys > 100)
        #expect(desk.find("key \(keys)") == .overloaded)
        #expect(desk.store.statistics().overloads == 1 + 1)
        let counts = desk.store.statistics()
        #expect(counts.octets <= counts.budget)
    }

    @Test func `old objects go for new ones, and pinned memory stays`() throws {
        let desk = try StoreDesk(memory: 1 << 20, objectLimit: 1 << 20)
        try desk.put("pinned", String(repeating: "p", count: 50_000))
        guard case .fresh(let pinned) = desk.find("pinned") else {
            Issue.record("not stored")
            return
        }
        let piece = desk.store.piece(pinned, at: 0, watcher: 0)
        for key in 0..<200 {
            try desk.put("\(key)", String(repeating: "x", count: 30_000))
            // Asked for more often than the one that is held.
            for _ in 0..<4 { _ = desk.fresh("\(key)") }
            let counts = desk.store.statistics()
            #expect(counts.octets <= counts.budget)
        }
        let counts = desk.store.statistics()
        #expect(counts.evictions > 150)
        #expect(desk.find("pinned", mayFetch: false) == .absent(.uriMiss), "it is evicted")
        var same = 0
        for index in piece.bytes.indices where piece.bytes[index] == UInt8(ascii: "p") { same += 1 }
        #expect(same == 50_000)
        desk.store.retain(pinned)
        desk.store.release(pinned)
        #expect(desk.store.facts(pinned) != nil)
        desk.store.release(pinned)
        #expect(desk.store.facts(pinned) == nil)
        #expect(desk.store.statistics().octets < counts.octets)
    }

    @Test func `a record is no larger than what is charged for it`() {
        // Beside it lie 32 octets in the queue, and about 11 in the index.
        #expect(MemoryLayout<StoredRecord>.stride + 32 + 11 <= StoredRecord.cost)
    }

    @Test func `shards are large enough for objects`() {
        func shards(_ memory: Int, _ limit: Int) -> Int {
            CacheStorePlan(memory: memory, objectLimit: limit).shards
        }
        #expect(shards(1, 1) == 1)
        #expect(shards(127 << 20, 1) == 1)
        #expect(shards(128 << 20, 1) == 2)
        #expect(shards(4 << 30, 1) == 16)
        #expect(shards(128 << 20, 33 << 20) == 1)
    }
}
