// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@Suite struct RoleTests {
    private func choose(
        _ fixture: Fixture,
        _ role: RoleWish,
        tried: Tried = Tried(),
        key: UInt64 = 0
    ) -> Choice {
        fixture.chooser.choose(pool: 0, key: key, role: role, tried: tried, now: fixture.now)
    }

    private func picks(_ fixture: Fixture, _ role: RoleWish, count: UInt64 = 60) -> Set<Int> {
        Set(
            (0..<count).compactMap { key in
                guard case .endpoint(let index) = choose(fixture, role, key: key) else {
                    return nil
                }
                return index
            }
        )
    }

    private func fixture(
        _ balance: Balance = .roundRobin,
        leaders: [Int] = [1]
    ) -> Fixture {
        let fixture = Fixture(balance, weights: [1, 1, 1])
        for slot in 0..<3 {
            fixture.health.setRole(slot, leaders.contains(slot) ? .leader : .replica)
        }
        return fixture
    }

    @Test(
        arguments: [
            .roundRobin, .weightedRoundRobin, .leastConnections, .weightedLeastConnections, .random,
            .powerOfTwoChoices, .leastResponseTime, .sourceIPHash, .ringHash(virtualNodes: 40),
            .maglev(size: 401), .boundedLoad(percent: 125), .firstAvailable,
        ] as [Balance]
    )
    func `writes go to the leader, reads to replicas, whatever the balance`(balance: Balance) {
        let fixture = fixture(balance)
        #expect(picks(fixture, .leader) == [1])
        let replicas: Set<Int> = balance == .firstAvailable ? [0] : [0, 2]
        #expect(picks(fixture, .replica) == replicas)
        #expect(picks(fixture, .any).isSuperset(of: balance == .firstAvailable ? [0] : [0, 1, 2]))
    }

    @Test func `nobody, or more than one, is no leader`() {
        #expect(choose(fixture(leaders: []), .leader) == .none(.noLeader))
        let two = fixture(leaders: [0, 2])
        #expect(choose(two, .leader) == .none(.noLeader))
        // The one that is down claims nothing any more.
        two.health.publish(2, HealthWord(health: .down, reason: .connectRefused))
        #expect(choose(two, .leader) == .endpoint(0))
    }

    @Test func `a leader that is down or taken out gets nothing, one that is ejected does`() {
        let fixture = fixture()
        fixture.health.publish(1, HealthWord(health: .down, reason: .connectRefused))
        #expect(choose(fixture, .leader) == .none(.noLeader))
        fixture.health.publish(1, HealthWord(health: .up, administrative: .draining))
        #expect(choose(fixture, .leader) == .none(.noLeader))
        var word = HealthWord(health: .up)
        word.isEjected = true
        fixture.health.publish(1, word)
        #expect(choose(fixture, .leader) == .endpoint(1))
    }

    @Test func `weight 0 keeps reads from the leader and leaves it the writes`() {
        let fixture = Fixture(.roundRobin, weights: [1, 0])
        fixture.health.setRole(1, .leader)
        #expect(choose(fixture, .leader) == .endpoint(1))
        #expect(picks(fixture, .any) == [0])
    }

    @Test func `a leader that was tried is not tried again`() {
        let fixture = fixture()
        var tried = Tried()
        tried.insert(1)
        #expect(choose(fixture, .leader, tried: tried) == .none(.exhausted))
        func isSpent(_ tried: Tried, pool: Int = 0) -> Bool {
            fixture.chooser.hasTriedLeader(pool: pool, tried)
        }
        #expect(isSpent(tried) && !isSpent(Tried()) && !isSpent(tried, pool: 7))
        fixture.health.setRole(0, .leader)
        #expect(!isSpent(tried), "nobody leads")
    }

    @Test func `the leader reads when no replica can, and its tier is not forgotten`() {
        let fixture = fixture()
        fixture.health.publish(0, HealthWord(health: .down, reason: .connectRefused))
        fixture.health.publish(2, HealthWord(health: .down, reason: .connectRefused))
        #expect(picks(fixture, .replica) == [1])
        // Looking past the leader found nobody: that says nothing about the tier.
        #expect(picks(fixture, .any) == [1])
        let limited = Fixture(.roundRobin, weights: [1, 1]) { $0.endpoints[0].connectionLimit = 1 }
        limited.health.setRole(1, .leader)
        let isTaken = limited.chooser.begin(slot: 0)
        #expect(isTaken)
        #expect(choose(limited, .replica) == .none(.atLimit), "a full replica is waited for")
    }

    @Test func `a leader is no other for reads that go to replicas`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1])
        fixture.health.setRole(1, .leader)
        var tried = Tried()
        tried.insert(0)
        func hasOther(_ role: RoleWish) -> Bool {
            fixture.chooser.hasOther(pool: 0, role: role, tried: tried, now: fixture.now)
        }
        #expect(hasOther(.any) && !hasOther(.replica))
    }

    @Test func `an explanation says whose role decided`() {
        let fixture = fixture()
        func why(_ role: RoleWish) -> String {
            fixture.chooser.explain(pool: 0, key: 0, role: role, now: fixture.now).why
        }
        #expect(why(.leader) == "it leads, and the request may change something")
        #expect(why(.replica).hasSuffix("among 2 that take new work, replicas alone"))
        func whyNot(_ role: RoleWish) -> [String] {
            let found = fixture.chooser.explain(pool: 0, key: 0, role: role, now: fixture.now)
            #expect(found.candidates.allSatisfy { $0.isEligible == $0.whyNot.isEmpty })
            return found.candidates.map(\.whyNot)
        }
        #expect(whyNot(.leader) == ["it does not lead", "", "it does not lead"])
        #expect(whyNot(.replica) == ["", "it leads: replicas take it", ""])
        #expect(whyNot(.any) == ["", "", ""])
        fixture.health.setRole(2, .leader)
        #expect(why(.leader).hasPrefix("2 endpoints claim to lead"))
        let many = "another one leads as well"
        #expect(whyNot(.leader) == ["it does not lead", many, many])
        fixture.health.setRole(1, .replica)
        fixture.health.setRole(2, .replica)
        #expect(why(.leader).hasPrefix("no endpoint that is up and ready says"))
    }

    @Test func `a role is told once, kept in the state, and forgotten with the slot`() {
        let bench = HealthKeeperTests.Bench(2)
        func set(_ slot: Int, _ role: EndpointRole) -> [HealthEvent] {
            bench.keeper.setRole(slot, role, now: bench.now)
        }
        let before = bench.table.generation
        #expect(set(0, .leader).map(\.change) == [.role(from: .unknown, to: .leader)])
        #expect(bench.table.generation == before + 1)
        #expect(set(0, .leader).isEmpty && set(9, .leader).isEmpty)
        #expect(set(0, .replica).map(\.change) == [.role(from: .leader, to: .replica)])
        let saved = bench.export()
        #expect(saved.map(\.role) == [.replica, .unknown])

        // Without a probe nobody would ever take the part away again.
        #expect(set(0, .leader).count == 1)
        let unprobed = bench.register(HealthKeeperTests.Bench.registration(0, nil))
        #expect(unprobed.map(\.change).contains(.role(from: .leader, to: .unknown)))
        #expect(bench.table.role(0) == .unknown)

        let next = HealthKeeperTests.Bench(0)
        next.keeper.restore(saved, now: next.now, realtime: 1)
        _ = next.register(HealthKeeperTests.Bench.registration(0, CheckSettings()))
        #expect(next.table.role(0) == .replica)
        _ = next.unregister(0)
        #expect(next.table.role(0) == .unknown)
    }
}
