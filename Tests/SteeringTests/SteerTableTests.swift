// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

@Suite struct SteerTableTests {
    /// A policy over members whose slot is their number; odd ones from 100 on are IPv6.
    final class Bench {
        let health = HealthTable(capacity: 300)
        let table: SteerTable
        var random = SeededRandom(seed: 3)
        var now = Instant(nanoseconds: 100_000_000_000)

        init(_ policy: SteerPolicy, allDown: SteerAllDown = .all, leastTTL: UInt32? = nil) {
            table = SteerTable(
                [
                    SteerDefinition(
                        name: "www",
                        policy: policy,
                        allDown: allDown,
                        leastTTL: leastTTL
                    )
                ],
                health: health
            )
            for slot in 0..<300 { health.publish(slot, .serving) }
        }

        func ask(ipv4: Bool = true) -> AnswerSet {
            var set = AnswerSet()
            let question = SteerQuestion(now: now, families: ipv4 ? .ipv4 : .ipv6)
            table.answer(policy: 0, question, into: &set, random: &random)
            return set
        }

        func explain(_ policy: Int = 0, seed: UInt64 = 1) -> SteerExplanation {
            table.explain(policy: policy, SteerQuestion(now: now, families: .ipv4), seed: seed)
        }

        func slots(ipv4: Bool = true) -> [Int] {
            let set = ask(ipv4: ipv4)
            return (0..<set.count).map { set.slot($0) }
        }
    }

    static func member(_ slot: Int, weight: UInt32 = 1, domain: String = "") -> SteerBranch {
        let address = slot < 100 ? IPAddress(v4: UInt32(slot)) : IPAddress(v6: UInt128(slot))
        let member = SteerMember(name: "m\(slot)", slot: slot, address: address)
        return SteerBranch(.address(member), weight: weight, domain: domain)
    }

    static func members(_ slots: [Int]) -> [SteerBranch] { slots.map { member($0) } }

    private func members(_ slots: [Int]) -> [SteerBranch] { Self.members(slots) }

    @Test func `members that share an address are one record, for as long as one of them serves`() {
        let twins = (0..<20).map { slot in
            let address = IPAddress(v4: slot < 18 ? 7 : 8)
            return SteerBranch(
                .address(SteerMember(name: "m\(slot)", slot: slot, address: address))
            )
        }
        let bench = Bench(.roundRobin(twins))
        for _ in 0..<100 {
            let set = bench.ask()
            #expect(Set((0..<set.count).map { set.address($0) }).count == set.count)
            #expect(set.count == 2)
        }
        let explained = bench.explain(0)
        #expect(explained.members.allSatisfy { $0.isAnswered })
        for slot in 0..<17 { bench.health.publish(slot, .failing) }
        #expect(Set(bench.slots()) == [17, 18] || Set(bench.slots()) == [17, 19])
        let later = bench.explain(0)
        #expect(later.members.filter(\.isAnswered).map(\.slot) == [17, 18, 19])
    }

    @Test func `round robin answers all in service, each first as often as the others`() {
        let bench = Bench(.roundRobin(members([0, 1, 2, 3])))
        bench.health.publish(2, .failing)
        var first = [0, 0, 0, 0]
        for _ in 0..<9_000 {
            let slots = bench.slots()
            #expect(Set(slots) == [0, 1, 3])
            first[slots[0]] += 1
        }
        #expect(ChiSquare.fits(first, shares: [1, 1, 0, 1]), "\(first)")
    }

    @Test func `round robin rotates and does not shuffle`() {
        let bench = Bench(.roundRobin(members([4, 5, 6])))
        let rotations = [[4, 5, 6], [5, 6, 4], [6, 4, 5]]
        for _ in 0..<50 { #expect(rotations.contains(bench.slots())) }
    }

    @Test func `weighted answers one by weight and never weight 0`() {
        let list = [(0, 50), (1, 0), (2, 30), (3, 20)].map {
            Self.member($0.0, weight: UInt32($0.1))
        }
        let bench = Bench(.weighted(list))
        var counts = [0, 0, 0, 0]
        for _ in 0..<20_000 {
            let slots = bench.slots()
            #expect(slots.count == 1)
            counts[slots[0]] += 1
        }
        #expect(ChiSquare.fits(counts, shares: [50, 0, 30, 20]), "\(counts)")
    }

    @Test func `failover takes the first branch in service and returns to it`() {
        let bench = Bench(
            .failover([
                .weighted(members([0])), .roundRobin(members([1])), .roundRobin(members([2])),
            ])
        )
        #expect(bench.slots() == [0])
        bench.health.publish(0, .failing)
        #expect(bench.slots() == [1])
        bench.health.publish(1, .draining)
        #expect(bench.slots() == [2])
        bench.health.publish(0, .serving)
        #expect(bench.slots() == [0])
    }

    @Test func `a branch whose weights are all 0 counts as empty`() {
        let bench = Bench(
            .failover([.weighted([Self.member(0, weight: 0)]), .roundRobin(members([1]))])
        )
        #expect(bench.slots() == [1])
    }

    @Test func `nested failover goes by its own order`() {
        let bench = Bench(
            .failover([
                .failover([.roundRobin(members([0])), .roundRobin(members([1]))]),
                .roundRobin(members([2])),
            ])
        )
        bench.health.publish(0, .failing)
        #expect(bench.slots() == [1])
        bench.health.publish(1, .failing)
        #expect(bench.slots() == [2])
    }

    @Test func `both families follow one decision`() {
        let bench = Bench(
            .failover([.roundRobin(members([0, 100])), .roundRobin(members([1, 101]))])
        )
        #expect(bench.slots() == [0] && bench.slots(ipv4: false) == [100])
        // The IPv6 address of the first branch fails: its clients have IPv4 there, and must not
        // be sent to the other site alone.
        bench.health.publish(100, .failing)
        #expect(bench.slots() == [0])
        #expect(bench.ask(ipv4: false).outcome == .noData)
        bench.health.publish(0, .failing)
        #expect(bench.slots() == [1] && bench.slots(ipv4: false) == [101])
    }

    @Test func `all-down all answers what the policy would with all up`() {
        let bench = Bench(.failover([.roundRobin(members([0, 1])), .roundRobin(members([2]))]))
        for slot in 0..<3 { bench.health.publish(slot, .failing) }
        #expect(Set(bench.slots()) == [0, 1])
        #expect(bench.ask().mode == .allDown)
        // Only those that the operator has left in.
        bench.health.publish(0, HealthWord(health: .down, administrative: .maintenance))
        #expect(bench.slots() == [1])
        // All drained: those that work are better than an empty answer.
        bench.health.publish(0, .draining)
        bench.health.publish(1, HealthWord(health: .up, administrative: .maintenance))
        bench.health.publish(2, HealthWord(health: .down, administrative: .maintenance))
        #expect(bench.slots() == [0])
    }

    @Test(arguments: [(SteerAllDown.none, SteerOutcome.none), (.servfail, .servfail)])
    func `all-down none and servfail answer nothing`(
        _ policy: SteerAllDown,
        _ outcome: SteerOutcome
    ) {
        let bench = Bench(.weighted(members([0, 1])), allDown: policy)
        for slot in 0..<2 { bench.health.publish(slot, .failing) }
        let set = bench.ask()
        #expect(set.outcome == outcome && set.count == 0)
        // No IPv6 was ever configured: that is no failure.
        #expect(bench.ask(ipv4: false).outcome == .noData)
    }

    @Test func `last-good answers the set before the collapse`() {
        let bench = Bench(.roundRobin(members([0, 1, 2])), allDown: .lastGood)
        for (slot, second) in [(0, 20), (1, 95), (2, 99)] as [(Int, Int64)] {
            bench.health.setChanged(slot, Instant(nanoseconds: second * 1_000_000_000))
            bench.health.publish(slot, .failing)
        }
        #expect(Set(bench.slots()) == [1, 2])
        #expect(bench.ask().mode == .lastGood)
        bench.health.publish(0, .serving)
        #expect(bench.slots() == [0])
        // Nothing is down, and all are drained: as with `all`.
        for slot in 0..<3 { bench.health.publish(slot, .draining) }
        #expect(Set(bench.slots()) == [0, 1, 2])
    }

    @Test func `the answer tells how soon it can change and which generation it saw`() {
        let bench = Bench(.failover([.roundRobin(members([0])), .roundRobin(members([1, 2]))]))
        bench.health.publish(1, HealthWord(health: .up, reason: .noProbe, secondsToChange: 4))
        #expect(bench.ask().secondsToChange == HealthWord.noChangeInSight)
        let generation = bench.health.publish(
            0,
            HealthWord(health: .down, reason: .status500, secondsToChange: 9)
        )
        let set = bench.ask()
        // The first branch coming back would change it, the second's members too.
        #expect(set.secondsToChange == 4)
        #expect(set.generation == generation)
    }

    @Test(
        arguments: [
            (nil, 4, 30, 15), (nil, 20, 30, 20), (nil, 40, 30, 30), (nil, 1, 1, 1), (nil, 9, 0, 0),
            (2, 4, 30, 4), (2, 1, 30, 2), (30, 4, 30, 30), (60, 4, 30, 30), (0, 4, 30, 4),
        ] as [(UInt32?, UInt16, UInt32, UInt32)]
    )
    func `the TTL is the time in which health cannot change, between its bounds`(
        least: UInt32?,
        seconds: UInt16,
        most: UInt32,
        expected: UInt32
    ) {
        let bench = Bench(.roundRobin(members([0, 1])), leastTTL: least)
        bench.health.publish(0, HealthWord(health: .up, secondsToChange: 50))
        bench.health.publish(1, HealthWord(health: .up, secondsToChange: seconds))
        #expect(bench.ask().ttl(atMost: most) == expected)
        // Nothing is probed: nothing can change by itself.
        for slot in 0..<2 { bench.health.publish(slot, HealthWord(health: .up, reason: .noProbe)) }
        #expect(bench.ask().ttl(atMost: most) == most)
    }

    @Test(arguments: [(8, 8), (1, 1), (16, 16), (99, 16)])
    func `one answer holds so many of a larger set, in turn`(most: Int, held: Int) {
        var policy = SteerPolicy.roundRobin(members(Array(0..<40)))
        policy.most = most
        let bench = Bench(policy)
        var seen: Set<Int> = []
        for _ in 0..<400 {
            let slots = bench.slots()
            #expect(slots.count == held && Set(slots).count == held)
            seen.formUnion(slots)
        }
        #expect(seen.count == 40)
    }

    @Test func `an override changes the weight of an answer`() {
        let bench = Bench(.weighted(members([0, 1])))
        bench.health.setWeightOverride(0, 0)
        var word = HealthWord.serving
        word.hasWeightOverride = true
        bench.health.publish(0, word)
        for _ in 0..<100 { #expect(bench.slots() == [1]) }
    }

    @Test func `a pool becomes failover over its tiers`() {
        var pool = PoolDefinition(name: "p")
        pool.endpoints = [
            Fixture.endpoint(0, weight: 1, tier: 1), Fixture.endpoint(1), Fixture.endpoint(2),
        ]
        guard case .failover(let branches) = SteerPolicy.pool(pool).kind else {
            Issue.record("two tiers are a failover")
            return
        }
        #expect(branches.count == 2)
        let bench = Bench(.pool(pool))
        #expect(Set(bench.slots()) == [1, 2])
        bench.health.publish(1, .failing)
        bench.health.publish(2, .failing)
        #expect(bench.slots() == [0])
        pool.endpoints[1].weight = 5
        pool.endpoints[0].tier = 0
        guard case .failover(let none) = SteerPolicy.pool(PoolDefinition(name: "none")).kind else {
            Issue.record("no endpoints are no branches")
            return
        }
        #expect(none.isEmpty)
        guard case .weighted = SteerPolicy.pool(pool).kind else {
            Issue.record("uneven weights are weighted")
            return
        }
    }

    @Test func `explain tells the branch and every member`() {
        let bench = Bench(
            .failover([.weighted(members([0])), .roundRobin(members([1, 2, 101]))])
        )
        bench.health.publish(0, .failing)
        let told = bench.explain(0)
        #expect(told.policy == "www" && told.outcome == .addresses)
        #expect(told.why == "failover 2 / round-robin has members in service")
        #expect(told.members.map(\.isEligible) == [false, true, true, true])
        #expect(told.members.map(\.isAnswered) == [false, true, true, false])
        #expect(told.members[0].path == "failover 1 / weighted")
        #expect(told.members[0].word.reason == .status500)
        #expect(told.answers.count == 2)
        #expect(bench.table.find("www") == 0 && bench.table.find("nope") == nil)
        let nobody = bench.explain(5)
        #expect(nobody.outcome == .none)
    }

    @Test func `an empty policy answers no data`() {
        let bench = Bench(.failover([]))
        #expect(bench.ask().outcome == .noData)
        var set = AnswerSet()
        let question = SteerQuestion(now: bench.now, families: .ipv4)
        bench.table.answer(policy: 9, question, into: &set, random: &bench.random)
        #expect(set.count == 0)
    }
}
