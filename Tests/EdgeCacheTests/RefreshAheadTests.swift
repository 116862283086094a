// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import EdgeCache

@Suite struct RefreshAheadTests {
    static func desk() throws -> StoreDesk {
        var rules = CacheRules()
        rules.refreshAheadPercent = 10
        return try StoreDesk(rules: rules)
    }

    /// A desk whose object `a` is fresh for a hundred seconds, and was asked for so often.
    static func popular(_ hits: UInt8 = ReuseRule.popularHits) throws -> StoreDesk {
        let desk = try desk()
        try desk.put("a", "old", StoreDesk.facts(lifetime: 100))
        for _ in 0..<hits { #expect(desk.fresh("a", at: 1) == "old") }
        return desk
    }

    @Test func `what is popular is asked for by one in the last part of its lifetime`() throws {
        let desk = try Self.popular()
        guard case .fresh(let early) = desk.find("a", at: 89) else {
            Issue.record("too early")
            return
        }
        guard case .ahead(let ref, let fill) = desk.find("a", at: 90) else {
            Issue.record("not ahead")
            return
        }
        #expect(ref == early && desk.text(ref) == "old")
        for second in [90, 99] as [Int64] { #expect(desk.find("a", at: second) == .fresh(ref)) }
        #expect(desk.open(fill, StoreDesk.facts(at: 95, lifetime: 100)) == .kept)
        #expect(desk.find("a", at: 95) == .fresh(ref), "while it grows")
        #expect(desk.append(fill, "new"))
        desk.store.close(fill)
        #expect(desk.fresh("a", at: 96) == "new")
        guard case .fresh = desk.find("a", at: 190) else {
            Issue.record("hits of the one before count")
            return
        }
    }

    @Test func `and what is not, or does not change, or may not be fetched for, is not`() throws {
        let desk = try Self.popular(ReuseRule.popularHits - 1)
        guard case .fresh = desk.find("a", at: 95) else {
            Issue.record("asked for too seldom")
            return
        }
        var fixed = StoreDesk.facts(lifetime: 100)
        fixed.traits = .immutable
        try desk.put("b", "fixed", fixed)
        for _ in 0..<9 { #expect(desk.fresh("b", at: 1) == "fixed") }
        for (key, mayFetch) in [("b", true), ("a", false)] {
            guard case .fresh = desk.find(key, at: 95, mayFetch: mayFetch) else {
                Issue.record("\(key)")
                return
            }
        }
        let plain = try StoreDesk()
        try plain.put("a", "old", StoreDesk.facts(lifetime: 100))
        for _ in 0..<9 { #expect(plain.fresh("a", at: 1) == "old") }
        guard case .fresh = plain.find("a", at: 99) else {
            Issue.record("nobody wanted that")
            return
        }
    }

    @Test func `a 304 begins a lifetime of its own`() throws {
        let desk = try Self.popular()
        guard case .ahead(let ref, let fill) = desk.find("a", at: 90) else {
            Issue.record("not ahead")
            return
        }
        #expect(desk.renew(fill, ref, StoreDesk.facts(at: 90, lifetime: 100)))
        for second in 0..<Int64(ReuseRule.popularHits) {
            #expect(desk.find("a", at: 185 + second) == .fresh(ref))
        }
        guard case .ahead = desk.find("a", at: 189) else {
            Issue.record("it is popular again")
            return
        }
    }

    @Test func `after each failure the next one waits twice as long`() throws {
        let desk = try Self.desk()
        try desk.put("a", "old", StoreDesk.facts(lifetime: 1, whileRevalidating: 100_000))
        var second: Int64 = 2
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] as [Int64] {
            guard case .refreshing(let base, let fill) = desk.find("a", at: second) else {
                Issue.record("not at \(second)")
                return
            }
            desk.store.fail(fill)
            desk.store.release(fill)
            desk.store.pauseRefresh(of: base, now: Exchange.time(second))
            #expect(desk.find("a", at: second + pause - 1) == .stale(base))
            second += pause
        }
        // A clock that was set back by a day.
        guard case .refreshing(let base, let fill) = desk.find("a", at: second) else {
            Issue.record("not at the end")
            return
        }
        desk.store.fail(fill)
        desk.store.pauseRefresh(of: base, now: Exchange.time(second + 86_400))
        guard case .refreshing(let again, let next) = desk.find("a", at: second) else {
            Issue.record("it waits for the clock")
            return
        }
        #expect(
            desk.renew(next, again, StoreDesk.facts(at: second, lifetime: 1, whileRevalidating: 99))
        )
        guard case .refreshing = desk.find("a", at: second + 1) else {
            Issue.record("what was forgiven counts")
            return
        }
    }

    @Test func `lifetimes are spread by the key, and never longer`() {
        var rules = CacheRules()
        rules.jitterPercent = 10
        let rule = StorageRule(rules)
        let facts = StoreDesk.facts(lifetime: 1_000, age: 400)
        var sum = 0.0
        for digest in 0..<1_000 as Range<UInt64> {
            let spread = rule.spread(facts, by: digest)
            #expect(spread == rule.spread(facts, by: digest))
            #expect(spread.lifetime <= facts.lifetime && spread.lifetime >= .seconds(940))
            sum += Double(spread.lifetime.nanoseconds) / 1e9
            var same = spread
            same.lifetime = facts.lifetime
            #expect(same == facts)
        }
        #expect(abs(sum / 1_000 - 970) < 3, "\(sum / 1_000)")
        #expect(StorageRule(CacheRules()).spread(facts, by: 7) == facts)
        let stale = StoreDesk.facts(lifetime: 60, age: 60)
        #expect(rule.spread(stale, by: 7) == stale)
        rules.jitterPercent = .max
        var endless = facts
        endless.lifetime = .max
        #expect(StorageRule(rules).spread(endless, by: 7).lifetime > .zero)
    }
}
