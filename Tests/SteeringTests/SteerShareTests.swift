// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

/// Shares by weight: what is counted is held against them, so they must be what is drawn.
@Suite struct SteerShareTests {
    private func member(_ slot: Int, _ weight: UInt32 = 1, _ domain: String = "") -> SteerBranch {
        SteerTableTests.member(slot, weight: weight, domain: domain)
    }

    private func table(_ policy: SteerPolicy, more: [SteerDefinition] = []) -> SteerTable {
        let health = HealthTable(capacity: 16)
        for slot in 0..<16 { health.publish(slot, .serving) }
        return SteerTable([SteerDefinition(name: "top", policy: policy)] + more, health: health)
    }

    @Test func `what answers in place of a policy is listed after it, with no share`() {
        var policy = SteerPolicy.weighted([member(0, 3), member(1)])
        policy.allDown = .fallback("sorry")
        var sorry = SteerPolicy.roundRobin([member(1, 9), member(2), member(3)])
        sorry.allDown = .fallback("last")
        let steer = table(
            policy,
            more: [
                SteerDefinition(name: "sorry", policy: sorry),
                SteerDefinition(name: "last", policy: .roundRobin([member(4)])),
            ]
        )
        let shares = steer.shares(policy: 0, .ipv4)
        #expect(shares.map(\.slot) == [0, 1, 2, 3, 4])
        #expect(shares.map(\.share) == [0.75, 0.25, 0, 0, 0])
        #expect(shares.map(\.weight) == [3, 1, 1, 1, 1])
    }

    /// How often each slot is in an answer, by asking.
    private func drawn(_ steer: SteerTable) -> [Int: Double] {
        var counts: [Int: Double] = [:]
        var random = SeededRandom(seed: 7)
        var set = AnswerSet()
        let question = SteerQuestion(now: .start, families: .ipv4)
        for _ in 0..<20_000 {
            steer.answer(policy: 0, question, into: &set, random: &random)
            for place in 0..<set.count { counts[set.slot(place), default: 0] += 1 / 20_000 }
        }
        return counts
    }

    private func expectTrue(_ steer: SteerTable, _ place: SourceLocation = #_sourceLocation) {
        let drawn = drawn(steer)
        let shares = steer.shares(policy: 0, .ipv4)
        #expect(!shares.isEmpty, sourceLocation: place)
        for share in shares {
            let real = drawn[share.slot] ?? 0
            let difference = abs(real - (share.share ?? -1))
            #expect(
                difference < 0.015,
                "slot \(share.slot): \(share.share ?? -1), drawn \(real)",
                sourceLocation: place
            )
        }
        #expect(Set(drawn.keys).isSubset(of: shares.map(\.slot)), sourceLocation: place)
    }

    @Test func `shares follow weights that have changed since`() {
        let health = HealthTable(capacity: 16)
        for slot in 0..<16 { health.publish(slot, .serving) }
        let board = DialBoard(branches: 2, policies: 1)
        let branches = [0, 1].map { slot in
            var branch = SteerTableTests.member(slot, weight: slot == 0 ? 1 : 0)
            branch.dial = slot
            return branch
        }
        let definition = SteerDefinition(name: "top", policy: .weighted(branches))
        let steer = SteerTable([definition], health: health, board: board)
        expectTrue(steer)
        board.setDial(0, Dial(weight: 750_000))
        board.setDial(1, Dial(weight: 250_000))
        expectTrue(steer)
        #expect(steer.shares(policy: 0, .ipv4).map(\.share) == [0.75, 0.25])
    }

    @Test func `shares are those that answers come to`() {
        expectTrue(table(.weighted([member(0, 70), member(1, 30), member(2, 0)])))
        var multiple = SteerPolicy.weighted([member(0, 100), member(1, 50), member(2, 10)])
        multiple.isMultiple = true
        expectTrue(table(multiple))
        var few = SteerPolicy.roundRobin([member(0), member(1), member(2), member(3)])
        few.most = 2
        expectTrue(table(few))
        expectTrue(table(.roundRobin([member(0, 1, "a"), member(1, 1, "a"), member(2, 1, "b")])))
        expectTrue(
            table(
                .weighted([
                    SteerBranch(.failover([.weighted([member(0, 3), member(1)])]), weight: 3),
                    SteerBranch(SteerPolicy(.named("other")), weight: 1),
                ]),
                more: [SteerDefinition(name: "other", policy: .roundRobin([member(2), member(1)]))]
            )
        )
    }

    private func six(_ slot: Int) -> SteerBranch {
        let address = IPAddress(v6: 0x2001_0db8 << 96 | UInt128(slot))
        return SteerBranch(.address(SteerMember(name: "s\(slot)", slot: slot, address: address)))
    }

    @Test func `which branch serves is settled before the family`() {
        let steer = table(
            SteerPolicy(.failover([member(0), SteerBranch(.roundRobin([member(1), six(2)]))]))
        )
        expectTrue(steer)
        #expect(steer.shares(policy: 0, .ipv6).map(\.share) == [0])
        // All weights 0: the branch is none, and the next one serves.
        expectTrue(
            table(
                SteerPolicy(
                    .failover([SteerBranch(.weighted([member(0, 0), member(1, 0)])), member(2)])
                )
            )
        )
        let none = SteerBranch(.weighted([member(0, 0), member(1, 0)]), weight: 50)
        let mixed = table(.weighted([none, member(2, 30), member(3, 10)]))
        expectTrue(mixed)
        #expect(mixed.shares(policy: 0, .ipv4).map(\.share) == [0, 0, 0.75, 0.25])
    }

    @Test func `where answers are cut the shares are those of answers`() {
        let five = SteerBranch(.roundRobin((0..<5).map { member($0) }))
        let three = SteerBranch(.roundRobin((5..<8).map { member($0) }))
        var both = SteerPolicy.roundRobin([five, three])
        for most in [1, 4, 6, 8] {
            both.most = most
            expectTrue(table(both))
        }
        var multiple = SteerPolicy.weighted((0..<12).map { member($0, $0 < 6 ? 10 : 5) })
        multiple.isMultiple = true
        for most in [2, 8, 12] {
            multiple.most = most
            expectTrue(table(multiple))
        }
        expectTrue(table(.roundRobin([five, member(7), SteerBranch(.weighted([member(8)]))])))
    }

    @Test func `each of a multiple draw is answered, however few find room`() {
        var multiple = SteerPolicy.weighted((0..<12).map { member($0, 10) })
        multiple.isMultiple = true
        multiple.most = 3
        let drawn = drawn(table(multiple))
        #expect(drawn.count == 12 && drawn.values.allSatisfy { abs($0 - 0.25) < 0.015 })
    }

    @Test func `places decide only where there are any`() {
        let regions = RegionBuilder(.empty).geo([[.network(Prefix("10.0.0.0/8")!)]])
        let open = SteerBranch(SteerPolicy(.regional([member(0)], regions)))
        let steer = table(SteerPolicy(.failover([member(3), open, member(1)])))
        #expect(steer.shares(policy: 0, .ipv4).map(\.share) == [1, 0, 0])
        let first = table(SteerPolicy(.failover([open, member(1)])))
        #expect(first.shares(policy: 0, .ipv4).map(\.share) == [nil, nil])
        let turns = table(.roundRobin([open, member(1)]))
        #expect(turns.shares(policy: 0, .ipv4).map(\.share) == [nil, nil])
    }

    @Test func `weights set by operators count, and clients' places have no share`() {
        let steer = table(.weighted([member(0, 1), member(1, 1)]))
        var word = HealthWord(health: .up)
        word.hasWeightOverride = true
        steer.health.setWeightOverride(0, 3)
        steer.health.publish(0, word, isNews: true)
        #expect(steer.shares(policy: 0, .ipv4).map(\.share) == [0.75, 0.25])
        #expect(steer.shares(policy: 0, .ipv4).map(\.weight) == [3, 1])
        #expect(steer.shares(policy: 0, .ipv6).isEmpty && steer.shares(policy: 9, .ipv4).isEmpty)
        let regions = RegionBuilder(.empty).geo([[.network(Prefix("10.0.0.0/8")!)], []])
        let regional = table(
            SteerPolicy(.regional([member(0), SteerBranch(.roundRobin([member(1)]))], regions))
        )
        #expect(regional.shares(policy: 0, .ipv4).map(\.share) == [nil, nil])
    }

    @Test func `numbers of nodes keep their meaning while the mark stays`() {
        let one = table(.weighted([member(0), member(1)]))
        #expect(one.layoutMark == table(.weighted([member(0, 9), member(1)])).layoutMark)
        #expect(one.layoutMark != table(.weighted([member(0), member(2)])).layoutMark)
        #expect(one.layoutMark != table(.roundRobin([member(0), member(1)])).layoutMark)
        #expect(one.identity(of: 0) != 0 && one.identity(of: 1) == 0 && one.identity(of: -1) == 0)
    }
}
