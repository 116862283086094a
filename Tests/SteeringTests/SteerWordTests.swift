// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// What is answered when nothing is live, where several policies on the way have a word.
@Suite struct SteerWordTests {
    private typealias Bench = SteerTableTests.Bench

    private func members(_ slots: [Int]) -> [SteerBranch] { SteerTableTests.members(slots) }

    private func branch(_ slots: [Int], _ word: SteerAllDown?) -> SteerBranch {
        var policy = SteerPolicy.roundRobin(members(slots))
        policy.allDown = word
        return SteerBranch(policy)
    }

    /// A table of a policy and of `sorry`, to fall back to, with every other member down.
    private func answer(
        _ policy: SteerPolicy,
        _ word: SteerAllDown,
        up: Set<Int> = [9]
    ) -> AnswerSet {
        let health = HealthTable(capacity: 16)
        for slot in 0..<16 { health.publish(slot, up.contains(slot) ? .serving : .failing) }
        let sorry = SteerPolicy.roundRobin(members([9]))
        let table = SteerTable(
            [
                SteerDefinition(name: "w", policy: policy, allDown: word),
                SteerDefinition(name: "sorry", policy: sorry),
            ],
            health: health
        )
        var set = AnswerSet()
        var random = SeededRandom(seed: 1)
        let question = SteerQuestion(
            now: Instant(nanoseconds: 100_000_000_000),
            client: IPAddress("10.1.2.3") ?? IPAddress(v4: 0),
            families: .ipv4
        )
        table.answer(policy: 0, question, into: &set, random: &random)
        return set
    }

    @Test(arguments: [
        SteerAllDown.none, .servfail, .fallback("sorry"), .all, .lastGood, .fallback("nowhere"),
    ])
    func `a word further in goes before any word around it`(outer: SteerAllDown) {
        func of(_ inner: SteerAllDown) -> AnswerSet {
            answer(SteerPolicy(.failover([branch([0], inner), branch([1], nil)])), outer)
        }
        #expect(of(.none).outcome == .none)
        #expect(of(.servfail).outcome == .servfail)
        #expect(of(.all).outcome == .addresses && of(.all).slot(0) == 0)
        let fallen = of(.fallback("sorry"))
        #expect(fallen.count == 1 && fallen.slot(0) == 9 && fallen.mode == .fallback)
    }

    @Test func `a word off the way is not heard`() {
        let second = SteerPolicy(.failover([branch([0], nil), branch([1], SteerAllDown.none)]))
        #expect(answer(second, .servfail).outcome == .servfail)
        let fallen = answer(second, .fallback("sorry"))
        #expect(fallen.count == 1 && fallen.slot(0) == 9)
        // Clients elsewhere have a page of their own.
        let regions = RegionBuilder(.empty).geo([
            Prefix("10.0.0.0/8").map { [.network($0)] } ?? [], [],
        ])
        let fallback = branch([0], .fallback("sorry"))
        let here = SteerPolicy(.regional([fallback, branch([1], nil)], regions))
        #expect(answer(here, .none).slot(0) == 9)
        let there = SteerPolicy(.regional([branch([1], nil), fallback], regions))
        #expect(answer(there, .none).outcome == .none && answer(there, .none).count == 0)
    }

    @Test func `where the way is several ways each has its word`() {
        let mixed = SteerPolicy.roundRobin([branch([0], .all), branch([1], nil)])
        #expect(answer(mixed, .none).count == 1 && answer(mixed, .none).slot(0) == 0)
        let fallen = answer(mixed, .fallback("sorry"))
        #expect(Set((0..<fallen.count).map { fallen.slot($0) }) == [0, 9])
        let silent = SteerPolicy.roundRobin([branch([0], SteerAllDown.none), branch([1], nil)])
        #expect(answer(silent, .servfail).outcome == .servfail)
    }

    @Test func `what works has no word on those who gave it up`() {
        let both = SteerPolicy(.failover([branch([0], .all)]))
        var strict = SteerPolicy(.failover([SteerBranch(both), branch([1], nil)]))
        strict.minimumUp = 2
        #expect(answer(strict, .none, up: [0]).outcome == .none)
        #expect(answer(strict, .fallback("sorry"), up: [0, 9]).slot(0) == 9)
    }

    @Test func `with nothing left in there is no way, and the word itself is said`() {
        let health = HealthTable(capacity: 16)
        for slot in 0..<16 {
            health.publish(slot, HealthWord(health: .down, administrative: .maintenance))
        }
        let policy = SteerPolicy(.failover([branch([0], SteerAllDown.none)]))
        let table = SteerTable(
            [SteerDefinition(name: "w", policy: policy, allDown: .servfail)],
            health: health
        )
        var (set, random) = (AnswerSet(), SeededRandom(seed: 1))
        let question = SteerQuestion(now: .start, families: .ipv4)
        table.answer(policy: 0, question, into: &set, random: &random)
        #expect(set.outcome == .servfail)
    }
}
