// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// IPv4 and IPv6 of one decision under draws, and fair shares of failure domains.
@Suite struct SteerFamilyTests {
    private func member(_ slot: Int, _ weight: UInt32 = 1, _ domain: String = "") -> SteerBranch {
        SteerTableTests.member(slot, weight: weight, domain: domain)
    }

    // Both families of a site; the IPv6 slot is a hundred higher.
    private func site(_ slot: Int, weight: UInt32 = 1) -> SteerBranch {
        SteerBranch(.roundRobin([member(slot), member(slot + 100)]), weight: weight)
    }

    /// Asks for both families with the same draws, as an HTTPS record does.
    private func both(
        _ policy: SteerPolicy,
        client: UInt32 = 0,
        seed: UInt64,
        health: HealthTable? = nil
    ) -> (ipv4: [Int], ipv6: [Int]) {
        let bench = SteerTableTests.Bench(policy)
        var question = SteerQuestion(
            now: bench.now,
            client: IPAddress(v4: client),
            families: .ipv4,
            nameHash: seed
        )
        let table = health.map { bench.table.reading($0) } ?? bench.table
        func ask() -> [Int] {
            var (set, random) = (AnswerSet(), SeededRandom(seed: seed))
            table.answer(policy: 0, question, into: &set, random: &random)
            return (0..<set.count).map { set.slot($0) }
        }
        let ipv4 = ask()
        question.families = .ipv6
        return (ipv4, ask())
    }

    @Test(arguments: SteerPolicy.Draw.allCases)
    func `one draw decides for both families`(draw: SteerPolicy.Draw) {
        // The new side has IPv4 alone.
        var canary = SteerPolicy.weighted([member(1, 30), site(2, weight: 70)])
        canary.draw = draw
        var counts = [0, 0]
        for seed in 0..<4_000 as Range<UInt64> {
            let (ipv4, ipv6) = both(canary, client: UInt32(seed) << 8, seed: seed)
            #expect(ipv4 == [1] && ipv6 == [] || ipv4 == [2] && ipv6 == [102])
            counts[ipv4 == [1] ? 0 : 1] += 1
        }
        #expect(ChiSquare.fits(counts, shares: [30, 70]), "\(counts)")
    }

    @Test func `each of a multiple draw is drawn for both families`() {
        var policy = SteerPolicy.weighted([member(1, 100), site(2, weight: 50)])
        policy.isMultiple = true
        var count = 0
        for seed in 0..<2_000 as Range<UInt64> {
            let (ipv4, ipv6) = both(policy, seed: seed)
            #expect(ipv4.contains(1) && ipv4.contains(2) == (ipv6 == [102]))
            count += ipv6.count
        }
        #expect((900...1_100).contains(count))
    }

    @Test func `where no branch has both families each is drawn for itself`() {
        let flat = SteerPolicy.weighted([member(1, 30), member(101, 30), member(2, 70)])
        for seed in 0..<200 as Range<UInt64> {
            let (ipv4, ipv6) = both(flat, seed: seed)
            #expect(ipv4.count == 1 && ipv6 == [101])
        }
    }

    @Test func `draws further in are the same for both, in whatever order they are come to`() {
        let policy = SteerPolicy.roundRobin([
            member(1), member(2), SteerBranch(.weighted([site(3), site(4)])), member(105),
            SteerBranch(.weighted([site(5), site(6)])),
        ])
        for seed in 0..<400 as Range<UInt64> {
            let (ipv4, ipv6) = both(policy, seed: seed)
            for slot in 3...6 where slot != 5 {
                #expect(ipv4.contains(slot) == ipv6.contains(slot + 100), "\(ipv4) \(ipv6)")
            }
        }
    }

    @Test func `shares are those of draws over both families`() {
        let bench = SteerTableTests.Bench(.weighted([member(1, 30), site(2, weight: 70)]))
        #expect(bench.table.shares(policy: 0, .ipv4).map(\.share) == [0.3, 0.7])
        #expect(bench.table.shares(policy: 0, .ipv6).map(\.share) == [0.7])
        var heard = 0
        for _ in 0..<5_000 { heard += bench.ask(ipv4: false).count }
        #expect((3_350...3_650).contains(heard))
    }

    // MARK: Failure domains

    private func counts(_ policy: SteerPolicy, _ slots: Int) -> (all: [Int], first: [Int]) {
        let bench = SteerTableTests.Bench(policy)
        var all = [Int](repeating: 0, count: slots)
        var first = all
        for _ in 0..<6_000 {
            let answer = bench.slots()
            for slot in answer { all[slot] += 1 }
            first[answer[0]] += 1
        }
        return (all, first)
    }

    @Test func `equals of a failure domain share evenly`() {
        var racks = SteerPolicy.roundRobin([
            member(0, 1, "a"), member(1, 1, "a"), member(2, 1, "b"),
        ])
        racks.most = 2
        let (all, first) = counts(racks, 3)
        #expect(all[2] == 6_000 && ChiSquare.fits(Array(all[..<2]), shares: [1, 1]), "\(all)")
        #expect(ChiSquare.fits(first, shares: [1, 1, 1]), "\(first)")
        let bench = SteerTableTests.Bench(racks)
        #expect(bench.table.shares(policy: 0, .ipv4).map(\.share) == [0.5, 0.5, 1])
    }

    @Test func `what stands beside a large domain gains nothing by it`() {
        var policy = SteerPolicy.roundRobin([
            member(0, 1, "a"), member(1, 1, "a"), member(2, 1, "b"), member(3, 1, "c"), member(4),
        ])
        policy.most = 2
        let (all, _) = counts(policy, 5)
        #expect(ChiSquare.fits([all[0], all[1]], shares: [1, 1]), "\(all)")
        #expect(ChiSquare.fits(Array(all[2...]), shares: [1, 1, 1]), "\(all)")
    }
}
