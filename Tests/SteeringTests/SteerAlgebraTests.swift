// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// Policies inside policies.
@Suite struct SteerAlgebraTests {
    typealias Bench = SteerTableTests.Bench

    private func member(_ slot: Int, _ weight: UInt32 = 1, _ domain: String = "") -> SteerBranch {
        SteerTableTests.member(slot, weight: weight, domain: domain)
    }
    private func members(_ slots: [Int]) -> [SteerBranch] { SteerTableTests.members(slots) }

    @Test func `a weighted branch that is a policy keeps its whole share while it is live`() {
        let bench = Bench(
            .weighted([
                SteerBranch(
                    .failover([.roundRobin(members([0])), .roundRobin(members([1]))]),
                    weight: 3
                ), member(2),
            ])
        )
        func shares(_ count: Int) -> [Int] {
            var shares = [0, 0, 0]
            for _ in 0..<count { shares[bench.slots()[0]] += 1 }
            return shares
        }
        // The standby gets nothing as long as what stands before it works.
        #expect(ChiSquare.fits(shares(8000), shares: [3, 0, 1]))
        bench.health.publish(0, .failing)
        #expect(ChiSquare.fits(shares(8000), shares: [0, 3, 1]))
        bench.health.publish(1, .failing)
        #expect(bench.slots() == [2])
    }

    @Test func `a round robin of weighted branches has one address of each`() {
        let bench = Bench(
            .roundRobin([
                SteerBranch(.weighted(members([0, 1]))), SteerBranch(.weighted(members([2, 3]))),
            ])
        )
        for _ in 0..<100 {
            let slots = Set(bench.slots())
            #expect(slots.count == 2 && slots.filter { $0 < 2 }.count == 1)
        }
        bench.health.publish(2, .failing)
        bench.health.publish(3, .failing)
        #expect(bench.slots().count == 1)
    }

    @Test func `no answer holds two of one failure domain`() {
        let bench = Bench(
            .roundRobin([
                member(0, 1, "a"), member(1, 1, "a"), member(2, 1, "b"), member(3, 1, "b"),
                member(4),
            ])
        )
        var seen: Set<Int> = []
        for _ in 0..<200 {
            let slots = bench.slots()
            #expect(slots.count == 3 && slots.filter { $0 < 2 }.count == 1 && slots.contains(4))
            seen.formUnion(slots)
        }
        #expect(seen.count == 5)
        // What is down does not stand in the way of the others of its domain.
        bench.health.publish(0, .failing)
        #expect(bench.slots().contains(1))
    }

    @Test func `nodes within each other keep failure domains apart together`() {
        let inner = SteerPolicy.roundRobin([member(0, 1, "r1"), member(1, 1, "r2")])
        let bench = Bench(.roundRobin([SteerBranch(inner), member(2, 1, "r1")]))
        var seen: Set<Int> = []
        for _ in 0..<200 {
            let slots = bench.slots()
            #expect(slots.count == 2 && slots.contains(1))
            seen.formUnion(slots)
        }
        #expect(seen == [0, 1, 2])
        bench.health.publish(1, .failing)
        for _ in 0..<50 { #expect(bench.slots().count == 1) }
    }

    @Test func `siblings without a domain of their own keep those below apart`() {
        let left = SteerPolicy.roundRobin([member(0, 1, "r1"), member(1, 1, "r2")])
        let right = SteerPolicy.roundRobin([member(2, 1, "r1"), member(3, 1, "r3")])
        let bench = Bench(.roundRobin([SteerBranch(left), SteerBranch(right)]))
        for _ in 0..<200 {
            let slots = bench.slots()
            #expect(slots.count == 3 && slots.contains(1) && slots.contains(3))
        }
    }

    @Test func `a policy in a failure domain has one address in an answer`() {
        let fra = SteerPolicy.roundRobin([member(0), member(1, 1, "r1")])
        let ams = SteerPolicy.roundRobin([member(2, 1, "r1"), member(3, 1, "r2")])
        let bench = Bench(
            .roundRobin([
                SteerBranch(fra, domain: "fra"), SteerBranch(ams, domain: "ams"),
                member(4, 1, "fra"), member(5),
            ])
        )
        var seen: Set<Int> = []
        for _ in 0..<400 {
            let slots = bench.slots()
            #expect(slots.contains(5) && slots.count { [0, 1, 4].contains($0) } == 1)
            #expect(slots.count { $0 == 2 || $0 == 3 } == 1, "\(slots)")
            #expect(!slots.contains(1) || !slots.contains(2))
            seen.formUnion(slots)
        }
        #expect(seen == [0, 1, 2, 3, 4, 5])
    }

    @Test func `a hundred failure domains are told apart`() {
        var policy = SteerPolicy.roundRobin((0..<100).map { member($0, 1, "r\($0)") })
        policy.most = 16
        let bench = Bench(policy)
        for _ in 0..<20 { #expect(bench.slots().count == 16) }
    }

    @Test func `too few live branches make a round robin not live`() {
        var wide = SteerPolicy.roundRobin(members([0, 1, 2]))
        wide.minimumUp = 2
        let bench = Bench(.failover([wide, .roundRobin(members([9]))]))
        bench.health.publish(0, .failing)
        #expect(Set(bench.slots()) == [1, 2])
        bench.health.publish(1, .failing)
        #expect(bench.slots() == [9])
        var share = SteerPolicy.roundRobin(members([0, 1, 2, 3]))
        share.minimumUpPercent = 51
        let other = Bench(.failover([share, .roundRobin(members([9]))]))
        other.health.publish(0, .failing)
        #expect(other.slots().count == 3)
        other.health.publish(1, .failing)
        #expect(other.slots() == [9])
    }

    @Test func `the share that must be live counts weights in a weighted policy`() {
        var policy = SteerPolicy.weighted([member(0, 80), member(1, 20)])
        policy.minimumUpPercent = 50
        let bench = Bench(.failover([policy, .roundRobin(members([9]))]))
        bench.health.publish(1, .failing)
        #expect(bench.slots() == [0])
        bench.health.publish(1, .serving)
        bench.health.publish(0, .failing)
        #expect(bench.slots() == [9])
    }

    @Test func `a multiple draw includes each by its share of the highest weight`() {
        var policy = SteerPolicy.weighted([
            member(0, 40), member(1, 20), member(2, 10), member(3, 0),
        ])
        policy.isMultiple = true
        let bench = Bench(policy)
        var counts = [0, 0, 0, 0]
        for _ in 0..<20_000 { for slot in bench.slots() { counts[slot] += 1 } }
        #expect(counts[0] == 20_000 && counts[3] == 0)
        #expect((9_700...10_300).contains(counts[1]) && (4_750...5_250).contains(counts[2]))
    }

    @Test func `traffic goes back to a branch when it has been up for the hold time`() {
        var policy = SteerPolicy.failover([.roundRobin(members([0])), .roundRobin(members([1]))])
        policy.hold = .seconds(60)
        let bench = Bench(policy)
        #expect(bench.slots() == [0])
        bench.health.publish(0, .failing)
        #expect(bench.slots() == [1])
        bench.health.setRampStart(0, bench.now)
        bench.health.publish(0, .serving)
        #expect(bench.slots() == [1])
        // The answer does not outlive the wait by more than it must.
        #expect(bench.ask().secondsToChange == 60)
        bench.now = bench.now + .seconds(59)
        #expect(bench.slots() == [1] && bench.ask().secondsToChange == 1)
        bench.now = bench.now + .seconds(1)
        #expect(bench.slots() == [0])
        // Without another that works there is no reason to wait.
        bench.health.setRampStart(0, bench.now)
        bench.health.publish(1, .failing)
        #expect(bench.slots() == [0])
    }

    @Test func `names lead to other policies, circles and unknown names to nothing`() {
        let health = HealthTable(capacity: 8)
        for slot in 0..<8 { health.publish(slot, .serving) }
        let table = SteerTable(
            [
                SteerDefinition(
                    name: "top",
                    policy: .failover([SteerPolicy(.named("low")), SteerPolicy(.named("none"))])
                ),
                SteerDefinition(name: "low", policy: .roundRobin(members([3]))),
                SteerDefinition(name: "one", policy: SteerPolicy(.named("two"))),
                SteerDefinition(name: "two", policy: SteerPolicy(.named("one"))),
            ],
            health: health
        )
        var random = SeededRandom(seed: 1)
        func slots(_ policy: Int) -> [Int] {
            var set = AnswerSet()
            let question = SteerQuestion(now: .start, families: .ipv4)
            table.answer(policy: policy, question, into: &set, random: &random)
            return (0..<set.count).map { set.slot($0) }
        }
        #expect(slots(0) == [3] && slots(1) == [3])
        #expect(slots(2) == [] && slots(3) == [])
        health.publish(3, .failing)
        #expect(slots(0) == [3])
    }

    @Test func `forty policies inside each other are one policy`() {
        var policy = SteerPolicy.roundRobin(members([5]))
        for level in 0..<40 {
            policy =
                level % 3 == 0
                ? .failover([policy])
                : level % 3 == 1
                    ? .weighted([SteerBranch(policy)]) : .roundRobin([SteerBranch(policy)])
        }
        let bench = Bench(policy)
        #expect(bench.slots() == [5])
        bench.health.publish(5, .failing)
        #expect(bench.slots() == [5] && bench.ask().mode == .allDown)
    }

    // MARK: All down

    @Test func `the word of the innermost policy that has one counts`() {
        var inner = SteerPolicy.roundRobin(members([0]))
        inner.allDown = .servfail
        let bench = Bench(.failover([.failover([inner]), .roundRobin(members([1]))]))
        bench.health.publish(0, .failing)
        #expect(bench.slots() == [1])
        bench.health.publish(1, .failing)
        // As if all were up the first branch would serve; what it says of being down counts there.
        #expect(bench.ask().outcome == .servfail)
        var address = members([0])[0].policy
        address.allDown = .servfail
        let other = Bench(.failover([address, .roundRobin(members([1]))]))
        for slot in 0..<2 { other.health.publish(slot, .failing) }
        #expect(other.ask().outcome == .servfail)
    }

    @Test func `all-down all passes over what is taken out, and prefers what is live`() {
        var wide = SteerPolicy.roundRobin(members([0, 1, 2]))
        wide.minimumUp = 3
        let bench = Bench(wide)
        bench.health.publish(0, .failing)
        // Too few: all of them, as gdnsd does it.
        #expect(Set(bench.slots()) == [0, 1, 2])
        bench.health.publish(1, HealthWord(health: .up, administrative: .maintenance))
        #expect(Set(bench.slots()) == [0, 2])
    }

    @Test func `a fallback answers in place of what is down, and by its own health`() {
        let health = HealthTable(capacity: 8)
        for slot in 0..<8 { health.publish(slot, .serving) }
        let sorry = SteerPolicy.failover([.roundRobin(members([6])), .roundRobin(members([7]))])
        let table = SteerTable(
            [
                SteerDefinition(
                    name: "www",
                    policy: .roundRobin(members([0])),
                    allDown: .fallback("sorry")
                ), SteerDefinition(name: "sorry", policy: sorry),
            ],
            health: health
        )
        var random = SeededRandom(seed: 1)
        func slots() -> [Int] {
            var set = AnswerSet()
            let question = SteerQuestion(now: .start, families: .ipv4)
            table.answer(policy: 0, question, into: &set, random: &random)
            return (0..<set.count).map { set.slot($0) }
        }
        #expect(slots() == [0])
        health.publish(0, .failing)
        #expect(slots() == [6])
        health.publish(6, .failing)
        #expect(slots() == [7])
        health.publish(7, .failing)
        #expect(slots() == [6])
    }

    // MARK: Sticky draws

    private func sticky(_ count: Int, _ draw: SteerPolicy.Draw) -> Bench {
        var policy = SteerPolicy.weighted(members(Array(0..<count)))
        policy.draw = draw
        return Bench(policy)
    }

    @Test func `a client stays, shares are kept, and what leaves moves only its own`() {
        let bench = sticky(10, .client)
        func homes() -> [Int] {
            (0..<20_000).map { number in
                var set = AnswerSet()
                let client = IPAddress(v4: 0x0a00_0000 | UInt32(number) << 8 | 77)
                let question = SteerQuestion(now: bench.now, client: client, families: .ipv4)
                bench.table.answer(policy: 0, question, into: &set, random: &bench.random)
                #expect(set.scope == 24)
                return set.slot(0)
            }
        }
        let before = homes()
        #expect(before == homes())
        var counts = [Int](repeating: 0, count: 10)
        for home in before { counts[home] += 1 }
        #expect(ChiSquare.fits(counts, shares: Array(repeating: 1, count: 10)), "\(counts)")
        bench.health.publish(4, .failing)
        let after = homes()
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(moved.allSatisfy { $0.0 == 4 })
        #expect(Double(moved.count) <= 20_000 * (0.1 + 0.01), "\(moved.count) moved")
    }

    @Test(
        arguments: [
            ("::ffff:0:0", 0, false, 96), ("64:ff9b::", 0, false, 96), ("2002::", 80, false, 16),
            ("2001:0:c000:201::", 0, true, 96),
        ] as [(String, Int, Bool, UInt8)]
    )
    func `who comes through a translator or a tunnel is drawn by the IPv4 address`(
        range: String,
        shift: Int,
        isInverted: Bool,
        offset: UInt8
    ) throws {
        let bench = sticky(8, .client)
        let base = try #require(IPAddress(range)).bits
        func home(_ client: IPAddress) -> (slot: Int, scope: UInt8) {
            var set = AnswerSet()
            let question = SteerQuestion(now: bench.now, client: client, families: .ipv4)
            bench.table.answer(policy: 0, question, into: &set, random: &bench.random)
            return (set.slot(0), set.scope)
        }
        var seen: Set<Int> = []
        for number in 0..<200 as Range<UInt32> {
            let plain = 0xc633_0000 ^ number << 8
            let inner = UInt128(isInverted ? ~plain : plain)
            let client = home(IPAddress(v6: base | inner << UInt128(shift)))
            #expect(client.slot == home(IPAddress(v4: plain)).slot)
            #expect(client.scope == offset + 24)
            seen.insert(client.slot)
        }
        #expect(seen.count == 8)
    }

    @Test func `a name stays, whoever asks`() {
        let bench = sticky(4, .name)
        func home(_ name: UInt64, _ client: UInt32) -> Int {
            var set = AnswerSet()
            let question = SteerQuestion(
                now: bench.now,
                client: IPAddress(v4: client),
                families: .ipv4,
                nameHash: name
            )
            bench.table.answer(policy: 0, question, into: &set, random: &bench.random)
            #expect(set.scope == 0)
            return set.slot(0)
        }
        for name in 0..<50 as Range<UInt64> { #expect(home(name, 1) == home(name, 0xffff_0000)) }
        #expect(Set((0..<50).map { home($0, 1) }).count == 4)
    }

    @Test func `a million draws by weight are within a point of their shares`() {
        let bench = Bench(.weighted([member(0, 500_000), member(1, 300_000), member(2, 200_000)]))
        var counts = [0, 0, 0]
        var set = AnswerSet()
        let question = SteerQuestion(now: bench.now, families: .ipv4)
        for _ in 0..<1_000_000 {
            bench.table.answer(policy: 0, question, into: &set, random: &bench.random)
            counts[set.slot(0)] += 1
        }
        for (count, share) in zip(counts, [0.5, 0.3, 0.2]) {
            #expect(abs(Double(count) / 1_000_000 - share) < 0.01)
        }
        #expect(ChiSquare.fits(counts, shares: [5, 3, 2]), "\(counts)")
    }
}
