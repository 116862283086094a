// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

@Suite struct LoadBalanceTests {
    @Test func `least connections evens out the work in flight of all workers`() {
        let fixture = Fixture(.leastConnections, weights: [1, 1, 1])
        // Another worker's work counts as well.
        for _ in 0..<6 { fixture.load.begin(0, worker: 1) }
        for _ in 0..<3 { fixture.load.begin(1, worker: 0) }
        var counts = [0, 0, 0]
        for _ in 0..<9 {
            let chosen = fixture.choose()
            #expect(fixture.begin(chosen))
            counts[chosen] += 1
        }
        #expect(counts == [0, 3, 6])
    }

    @Test func `weighted least connections fills in proportion`() {
        let fixture = Fixture(.weightedLeastConnections, weights: [5, 1, 2])
        for _ in 0..<80 {
            let chosen = fixture.choose()
            #expect(fixture.begin(chosen))
        }
        #expect((0..<3).map { fixture.load.inFlight($0) } == [50, 10, 20])
    }

    @Test func `power of two choices avoids the loaded one`() {
        let fixture = Fixture(.powerOfTwoChoices, weights: [1, 1, 1, 1])
        for _ in 0..<50 { fixture.load.begin(0, worker: 1) }
        let counts = fixture.count(8_000)
        // It only wins against itself, which is never drawn twice.
        #expect(counts[0] == 0)
        #expect(ChiSquare.fits(counts, shares: [0, 1, 1, 1]), "\(counts)")
    }

    @Test(arguments: [125, 150, 200])
    func `bounded load lets nobody exceed its part of the average`(_ percent: Int) {
        let fixture = Fixture(.boundedLoad(percent: percent), weights: [1, 1, 1, 2])
        // One hot key wants everything on one endpoint.
        for total in 1...500 {
            let chosen = fixture.choose(key: 42)
            #expect(fixture.begin(chosen))
            let weight = chosen == 3 ? 2.0 : 1.0
            let bound = (Double(percent) / 100 * Double(total) * weight / 5).rounded(.up)
            #expect(Double(fixture.load.inFlight(chosen)) <= bound)
        }
    }

    @Test func `bounded load keeps the key's owner while there is room`() {
        let fixture = Fixture(.boundedLoad(percent: 200), weights: Array(repeating: 1, count: 6))
        let owners = fixture.owners(500)
        #expect(Set(owners).count == 6)
        for (key, owner) in owners.enumerated() {
            let chosen = fixture.choose(key: UInt64(key))
            #expect(chosen == owner)
        }
    }

    @Test func `of a few requests bounded load takes no notice where the pool says so`() {
        let fixture = Fixture(.boundedLoad(percent: 125), weights: [1, 1, 1]) { $0.leastLoad = 20 }
        let owner = fixture.choose(key: 42)
        for _ in 0..<20 {
            let chosen = fixture.choose(key: 42)
            #expect(chosen == owner)
            #expect(fixture.begin(chosen))
        }
        #expect(fixture.choose(key: 42) != owner)
    }

    @Test func `bounded load works in a pool too large to sum each time`() {
        let fixture = Fixture(
            .boundedLoad(percent: 150),
            weights: Array(repeating: 1, count: 200)
        )
        for _ in 0..<400 {
            let chosen = fixture.choose(key: 7)
            #expect(chosen >= 0)
            #expect(fixture.begin(chosen))
            fixture.now = fixture.now + .milliseconds(1)
        }
        let greatest = (0..<200).map { fixture.load.inFlight($0) }.max() ?? 0
        #expect(greatest <= 4, "one hot key put \(greatest) on one endpoint")
    }

    @Test func `first available overflows only when full`() {
        let fixture = Fixture(.firstAvailable, weights: [1, 1, 1]) {
            for index in 0..<3 { $0.endpoints[index].connectionLimit = 2 }
        }
        var order: [Int] = []
        for _ in 0..<6 {
            let chosen = fixture.choose()
            #expect(fixture.begin(chosen))
            order.append(chosen)
        }
        #expect(order == [0, 0, 1, 1, 2, 2])
        let full = fixture.ask()
        #expect(full == .none(.atLimit))
        fixture.end(0, .milliseconds(1))
        let freed = fixture.ask()
        #expect(freed == .endpoint(0))
    }

    @Test(arguments: everyBalance)
    func `a connection limit holds in every algorithm`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [1, 1, 1]) {
            for index in 0..<3 { $0.endpoints[index].connectionLimit = 4 }
        }
        for key in 0..<12 as Range<UInt64> {
            let chosen = fixture.choose(key: key)
            #expect(chosen >= 0)
            #expect(fixture.begin(chosen))
        }
        #expect((0..<3).map { fixture.load.inFlight($0) } == [4, 4, 4])
        let full = fixture.ask(key: 99)
        #expect(full == .none(.atLimit))
    }

    @Test func `the last place under a limit goes to one worker only`() {
        let fixture = Fixture(.roundRobin, weights: [1]) { $0.endpoints[0].connectionLimit = 1 }
        var a = Chooser(
            pools: [fixture.pool],
            health: fixture.health,
            load: fixture.load,
            worker: 0,
            seed: 1
        )
        var b = Chooser(
            pools: [fixture.pool],
            health: fixture.health,
            load: fixture.load,
            worker: 1,
            seed: 1
        )
        let choices = [
            a.choose(pool: 0, key: 0, tried: Tried(), now: fixture.now),
            b.choose(pool: 0, key: 0, tried: Tried(), now: fixture.now),
        ]
        // Both saw the free place before either took it.
        #expect(choices == [.endpoint(0), .endpoint(0)])
        let taken = [a.begin(slot: 0), b.begin(slot: 0)]
        #expect(taken == [true, false])
        #expect(fixture.load.inFlight(0) == 1)
        a.abandon(slot: 0)
        let again = b.begin(slot: 0)
        #expect(again)
    }

    @Test func `a limit that a reload brings counts the work begun before`() {
        let fixture = Fixture(.roundRobin, weights: [1])
        for _ in 0..<3 { #expect(fixture.begin(0)) }
        var limited = fixture.pool
        limited.endpoints[0].connectionLimit = 3
        let plan = SelectionPlan(pools: [limited], health: fixture.health)
        var next = Chooser(plan: plan, adopting: fixture.chooser)
        let full = next.choose(pool: 0, key: 0, tried: Tried(), now: fixture.now)
        #expect(full == .none(.atLimit))
        for _ in 0..<3 { next.end(slot: 0, latency: .milliseconds(1), now: fixture.now) }
        let begun = next.begin(slot: 0)
        #expect(begun)
        #expect(fixture.load.reserved(0) == 1)
        #expect(fixture.load.inFlight(0) == 1)
    }

    @Test func `a full tier queues instead of spilling on its backups`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1], tiers: [0, 1]) {
            $0.endpoints[0].connectionLimit = 1
        }
        #expect(fixture.begin(0))
        let full = fixture.ask()
        #expect(full == .none(.atLimit))
    }

    @Test func `explaining takes nobody's turn`() {
        let fixture = Fixture(.weightedRoundRobin, weights: [5, 1, 1])
        let order = (0..<7).map { _ in
            let explained = fixture.explain()
            let chosen = fixture.choose()
            #expect(explained.choice == .endpoint(chosen))
            #expect(explained.candidates.map(\.isChosen).firstIndex(of: true) == chosen)
            return chosen
        }
        #expect(order == [0, 0, 1, 0, 2, 0, 0])
    }
}
