// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// Tiers, panic, all-down, slow start, retries: what holds whatever the algorithm.
@Suite struct ChooserRulesTests {
    @Test(arguments: everyBalance)
    func `a backup tier serves only when the first takes no work`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [1, 1, 1, 1], tiers: [1, 0, 0, 2])
        let first = fixture.count(300)
        #expect(first[0] == 0 && first[3] == 0)
        fixture.set(1, .failing)
        fixture.set(2, .draining)
        let second = fixture.count(300)
        #expect(second == [300, 0, 0, 0])
        fixture.set(0, .failing)
        let third = fixture.count(300)
        #expect(third == [0, 0, 0, 300])
        fixture.set(2, .serving)
        let back = fixture.count(300)
        #expect(back == [0, 0, 300, 0])
    }

    @Test(arguments: everyBalance)
    func `a tier whose weights are all 0 counts as empty`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [0, 0, 1], tiers: [0, 0, 1])
        #expect(fixture.count(50) == [0, 0, 50])
    }

    @Test func `an override of 0 empties a tier at once and a new one fills it`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1], tiers: [0, 1])
        var keeper = HealthKeeper(table: fixture.health, load: fixture.load)
        let identity = EndpointIdentity(pool: "p", host: "10.0.0.0", port: 80)
        _ = keeper.register(
            HealthRegistration(slot: 0, identity: identity, name: "e0", checks: nil),
            now: fixture.now
        )
        let before = fixture.choose()
        _ = keeper.setWeight(0, 0, now: fixture.now)
        let without = [fixture.choose(), fixture.choose()]
        _ = keeper.setWeight(0, 5, now: fixture.now)
        let with = fixture.choose()
        _ = keeper.setWeight(0, nil, now: fixture.now)
        let after = fixture.choose()
        #expect([before] + without + [with, after] == [0, 1, 1, 0, 0])
    }

    @Test(arguments: everyBalance)
    func `a retry goes to another endpoint, then to the backups, then nowhere`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [1, 1, 1], tiers: [0, 0, 1])
        var tried = Tried()
        var order: [Int] = []
        for _ in 0..<3 {
            let chosen = fixture.choose(key: 5, tried: tried)
            order.append(chosen)
            tried.insert(chosen)
        }
        #expect(Set(order) == [0, 1, 2])
        #expect(order[2] == 2)
        let last = fixture.ask(key: 5, tried: tried)
        #expect(last == .none(.exhausted))
    }

    @Test func `a list of tried endpoints holds eight`() {
        var tried = Tried()
        for index in 0..<10 { tried.insert(index * 7_000) }
        #expect(tried.count == 8)
        #expect((0..<10).map { tried.contains($0 * 7_000) } == (0..<10).map { $0 < 8 })
        #expect(!tried.contains(1))
        tried.insert(0)
        #expect(tried.count == 8)
    }

    @Test func `panic is off by default and all-down takes every ready one`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1, 1, 1])
        for slot in 0..<3 { fixture.set(slot, .failing) }
        #expect(fixture.count(100) == [0, 0, 0, 100])
        fixture.set(3, .draining)
        let counts = fixture.count(300)
        #expect(counts == [100, 100, 100, 0])
        #expect(fixture.mode == .allDown)
    }

    @Test func `all-down prefers those that accept connections`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1])
        fixture.set(0, .refusing)
        fixture.set(1, .failing)
        #expect(fixture.count(10) == [0, 10])
        var tried = Tried()
        tried.insert(1)
        let next = fixture.choose(tried: tried)
        #expect(next == 0)
    }

    @Test(arguments: everyBalance)
    func `panic ignores health but never picks one whose connects fail`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: Array(repeating: 1, count: 6)) {
            $0.panicPercent = 60
        }
        fixture.set(0, .failing)
        fixture.set(1, .refusing)
        fixture.set(2, .draining)
        // 3 of 5 ready ones are up, which is not below 60 %: no panic.
        let calm = fixture.count(600)
        #expect(calm[0] == 0 && calm[1] == 0 && calm[2] == 0)
        fixture.set(3, .failing)
        // 2 of 5.
        let panic = fixture.count(600)
        #expect(fixture.mode == .panic)
        #expect(panic[1] == 0 && panic[2] == 0)
        #expect(panic.reduce(0, +) == 600)
        if balance != .firstAvailable { #expect(panic[0] > 0 && panic[3] > 0) }
        fixture.set(3, .serving)
        let over = fixture.count(600)
        #expect(over[0] == 0)
        #expect(fixture.mode == .healthy)
    }

    @Test(arguments: [AllDownPolicy.none, .servfail])
    func `all-down none chooses nobody`(_ policy: AllDownPolicy) {
        let fixture = Fixture(.random, weights: [1, 1]) { $0.allDown = policy }
        fixture.set(0, .failing)
        fixture.set(1, HealthWord(health: .unknown))
        let choice = fixture.ask()
        #expect(choice == .none(.allDown))
    }

    @Test func `last-good goes to the one that went down last`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1, 1]) { $0.allDown = .lastGood }
        for (slot, at) in [(0, 10), (2, 30), (1, 20)] as [(Int, Int64)] {
            fixture.health.setChanged(slot, Instant(nanoseconds: at))
            fixture.set(slot, .failing)
        }
        let chosen = fixture.choose()
        #expect(chosen == 2)
        #expect(fixture.mode == .lastGood)
        var tried = Tried()
        tried.insert(2)
        let next = fixture.choose(tried: tried)
        #expect(next == 1)
    }

    @Test func `no endpoints, no weight and no such pool are empty`() {
        let bare = Fixture(.roundRobin, weights: [])
        let weightless = Fixture(.random, weights: [0, 0])
        let choices = [
            bare.ask(), weightless.ask(),
            bare.chooser.choose(pool: 7, key: 0, tried: Tried(), now: bare.now),
            bare.chooser.choose(pool: -1, key: 0, tried: Tried(), now: bare.now),
        ]
        #expect(choices == Array(repeating: .none(.empty), count: 4))
    }

    @Test func `unknown endpoints take no work while others do`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1])
        fixture.set(0, HealthWord(health: .unknown))
        #expect(fixture.count(10) == [0, 10])
    }

    @Test(arguments: everyBalance.filter { $0 != .firstAvailable && !$0.usesKey })
    func `slow start grows with time from a tenth to the whole`(_ balance: Balance) {
        for (seconds, factor) in [(0, 0.1), (30, 0.5), (45, 0.75), (60, 1)] as [(Int64, Double)] {
            let fixture = Fixture(balance, weights: [1, 1, 1]) { $0.slowStart = .seconds(60) }
            fixture.health.setRampStart(1, fixture.now)
            fixture.now = fixture.now + .seconds(seconds)
            let counts = fixture.count(30_000)
            let expected = 30_000 * factor / (2 + factor)
            // Round robin skips a turn rather than weighing it: its share is the same to a few %.
            let isClose = abs(Double(counts[1]) - expected) < expected * 0.12 + 100
            #expect(isClose, "\(balance.word) after \(seconds) s: \(counts), not \(expected)")
        }
    }

    @Test func `a pool in which all start slowly shares as ever`() {
        let fixture = Fixture(.weightedRoundRobin, weights: [5, 1, 1]) {
            $0.slowStart = .seconds(60)
        }
        for slot in 0..<3 { fixture.health.setRampStart(slot, fixture.now) }
        let counts = fixture.count(700)
        #expect(ChiSquare.fits(counts, shares: [5, 1, 1]))
    }

    @Test func `books and averages survive a reload with the slot`() {
        let fixture = Fixture(.weightedRoundRobin, weights: [5, 1, 1])
        var order = (0..<3).map { _ in fixture.choose() }
        // The same endpoints in another order, and one more.
        var changed = fixture.pool
        changed.endpoints.reverse()
        fixture.reload(changed)
        order += (0..<4).map { _ in 2 - fixture.choose() }
        #expect(order == [0, 0, 1, 0, 2, 0, 0])
    }

    @Test func `round robin goes on after a reload where it was`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1, 1])
        let before = [fixture.choose(), fixture.choose()]
        fixture.reload(fixture.pool)
        let after = [fixture.choose(), fixture.choose()]
        #expect(before + after == [0, 1, 2, 0])
    }

    @Test(arguments: [Balance.roundRobin, .weightedRoundRobin])
    func `workers do not all begin with the same endpoint`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: Array(repeating: 1, count: 16), workers: 16)
        let first = (1..<16).map { worker in
            var chooser = Chooser(
                pools: [fixture.pool],
                health: fixture.health,
                load: fixture.load,
                worker: worker,
                seed: UInt64(worker)
            )
            return chooser.choose(pool: 0, key: 0, tried: Tried(), now: fixture.now)
        }
        let places = first.map { choice -> Int in
            if case .endpoint(let index) = choice { index } else { -1 }
        }
        #expect(Set(places).count >= 6, "\(places)")
    }

    @Test func `a slot that became another endpoint starts with clean books`() {
        let fixture = Fixture(.leastResponseTime, weights: [1, 1])
        #expect(fixture.begin(0))
        fixture.end(0, .seconds(1))
        let known = fixture.explain()
        #expect(known.candidates[0].responseTime == .seconds(1))
        fixture.pool.endpoints[0].name = "other"
        fixture.reload(fixture.pool)
        let fresh = fixture.explain()
        #expect(fresh.candidates[0].responseTime == nil)
    }

    @Test func `the record of an endpoint is that of its definition`() {
        let fixture = Fixture(.roundRobin, weights: [4, 5, 6], tiers: [2, 0, 1]) {
            $0.endpoints[2].connectionLimit = 9
            $0.slot = 3
        }
        for index in 0..<3 {
            let record = fixture.chooser.endpoint(pool: 0, index: index)
            #expect(record.slot == index)
            #expect(record.address == fixture.pool.endpoints[index].address)
            #expect(record.weight == [4, 5, 6][index])
            #expect(record.tier == [2, 0, 1][index])
            #expect(record.connectionLimit == (index == 2 ? 9 : 0))
            let name = fixture.chooser.endpointName(pool: 0, index: index)
            #expect(name == "e\(index)")
        }
        let astray = [(0, 3), (0, -1), (1, 0)].map {
            fixture.chooser.endpoint(pool: $0.0, index: $0.1)
        }
        #expect(astray.allSatisfy { $0 == .nowhere })
        let numbers = [fixture.chooser.poolSlot(0), fixture.chooser.endpointCount(pool: 0)]
        #expect(numbers == [3, 3])
        let found = fixture.chooser.plan.find("p")
        #expect(found == 0)
    }

    @Test func `explain names what stands against each endpoint`() {
        let fixture = Fixture(
            .weightedLeastConnections,
            weights: [4, 1, 0, 1, 1, 1, 1],
            tiers: [0, 0, 0, 0, 0, 0, 1]
        ) {
            $0.slowStart = .seconds(100)
            $0.endpoints[4].connectionLimit = 1
        }
        var ejected = HealthWord(health: .up, reason: .passiveFailures)
        ejected.isEjected = true
        fixture.set(1, .failing)
        fixture.set(3, ejected)
        fixture.set(5, .draining)
        fixture.load.begin(4, worker: 1)
        fixture.health.setRampStart(0, fixture.now)
        fixture.health.setChanged(0, fixture.now)
        let at = fixture.now + .seconds(25)
        let explained = fixture.chooser.explain(pool: 0, key: 0, now: at)
        #expect(explained.balance == "weighted-least-connections")
        #expect(explained.choice == .endpoint(0))
        #expect(explained.tier == 0)
        #expect(
            explained.candidates.map(\.whyNot) == [
                "", "down: status-500", "weight 0", "ejected: passive-failures",
                "at its connection limit", "draining", "backup: tier 0 serves",
            ]
        )
        #expect(explained.candidates[0].effectiveWeight == 1)
        #expect(explained.candidates[0].age == .seconds(25))
        #expect(explained.candidates[4].inFlight == 1)
        #expect(explained.why == "fewest in flight per weight among 1 that take new work")
    }
}
