// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

/// What stands against branches and members that were not answered, in words.
@Suite struct SteerExplanationTests {
    private typealias Bench = SteerTableTests.Bench

    private func members(_ slots: [Int]) -> [SteerBranch] { SteerTableTests.members(slots) }

    private func fallen() -> (table: SteerTable, health: HealthTable) {
        let health = HealthTable(capacity: 16)
        for slot in 0..<16 { health.publish(slot, .serving) }
        var policy = SteerPolicy.roundRobin(members([0, 1, 2]))
        policy.minimumUp = 2
        let table = SteerTable(
            [
                SteerDefinition(name: "fb", policy: policy, allDown: .fallback("sorry")),
                SteerDefinition(name: "sorry", policy: .roundRobin(members([8, 9]))),
            ],
            health: health
        )
        return (table, health)
    }

    private func explain(_ table: SteerTable) -> SteerExplanation {
        table.explain(policy: 0, SteerQuestion(now: .start, families: .ipv4), seed: 1)
    }

    @Test func `a fallback is named, with its way and its members`() {
        let (table, health) = fallen()
        let before = explain(table)
        #expect(before.mode == .healthy && before.steps.count == 4)
        for slot in 0..<3 { health.publish(slot, .failing) }
        let told = explain(table)
        #expect(told.mode == .fallback)
        #expect(
            told.why == "no member takes new work; fallback is sorry: "
                + "fallback sorry / round-robin has members in service"
        )
        #expect(told.steps.filter(\.isChosen).map(\.name) == ["fallback sorry", "m8", "m9"])
        #expect(told.members.filter(\.isAnswered).map(\.slot) == [8, 9])
        #expect(told.members.map(\.path).last == "fallback sorry / round-robin")
        #expect(told.members[0].whyNot == "down: status-500")
        for slot in 8..<10 { health.publish(slot, .failing) }
        let all = explain(table)
        #expect(all.mode == .allDown)
        #expect(
            all.why == "no member takes new work; fallback is sorry; all-down is all: "
                + "fallback sorry / round-robin"
        )
    }

    @Test func `too few is not nobody, and how many must be live is said`() {
        let (table, health) = fallen()
        health.publish(0, .failing)
        health.publish(2, .failing)
        let told = explain(table)
        #expect(told.steps[0].why == "1 of 3 branches live; 2 must be")
        #expect(
            told.why.hasPrefix("too little is live (1 of 3 branches live; 2 must be); fallback is")
        )
        #expect(told.members[1].whyNot == "round-robin: is not live")
    }

    @Test func `the fallback of a plain address is told as that of a policy is`() {
        let health = HealthTable(capacity: 16)
        for slot in 0..<16 { health.publish(slot, slot == 8 ? .serving : .failing) }
        var first = members([0, 1])
        first[0].policy.allDown = .fallback("sorry")
        let table = SteerTable(
            [
                SteerDefinition(name: "fb", policy: SteerPolicy(.failover(first))),
                SteerDefinition(name: "sorry", policy: .roundRobin(members([8]))),
            ],
            health: health
        )
        let told = explain(table)
        #expect(told.mode == .fallback && told.answers == [IPAddress(v4: 8)])
        #expect(
            told.why == "m0 takes no new work; fallback is sorry: "
                + "fallback sorry / round-robin has members in service"
        )
        #expect(told.steps.filter(\.isChosen).map(\.name) == ["failover", "fallback sorry", "m8"])
        #expect(told.members.map(\.slot) == [0, 8, 1])
        #expect(told.members.map(\.isAnswered) == [false, true, false])
    }

    @Test(
        arguments: [
            (nil, "no branch is for this client"),
            (SteerAllDown.none, "no branch is for this client"),
            (.servfail, "no branch is for this client and all-down is servfail"),
            (
                .fallback("sorry"),
                "no branch is for this client; fallback is sorry: "
                    + "fallback sorry / round-robin has members in service"
            ),
        ] as [(SteerAllDown?, String)]
    )
    func `that no branch is for a client is not told as ill health`(
        allDown: SteerAllDown?,
        why: String
    ) {
        let health = HealthTable(capacity: 16)
        for slot in 0..<16 { health.publish(slot, .serving) }
        var policy = SteerPolicy(
            .regional(members([0]), RegionBuilder(RegionTests.world).geo([[.country("DE")]]))
        )
        policy.allDown = allDown
        let table = SteerTable(
            [
                SteerDefinition(name: "www", policy: policy),
                SteerDefinition(name: "sorry", policy: .roundRobin(members([8]))),
            ],
            health: health
        )
        func ask(_ client: UInt32) -> SteerExplanation {
            let client = IPAddress(v4: client)
            return table.explain(
                policy: 0,
                SteerQuestion(now: .start, client: client, families: .ipv4),
                seed: 1
            )
        }
        let told = ask(0x6301_0101)
        #expect(told.why == why)
        #expect(told.steps[0].why.hasPrefix("no branch is for "))
        #expect(told.members[0].whyNot.hasSuffix("is for other clients"))
        #expect(told.mode == (why.contains("sorry") ? .fallback : .healthy))
        #expect(ask(0x0a01_0101).why == "geo has members in service")
        health.publish(0, HealthWord(health: .down, administrative: .maintenance))
        #expect(!ask(0x0a01_0101).why.contains("no branch"))
    }

    @Test func `a branch for everybody beside one for others makes it a matter of health`() {
        let health = HealthTable(capacity: 16)
        let region = RegionBuilder(RegionTests.world).geo([[.country("DE")]])
        let german = SteerBranch(SteerPolicy(.regional(members([0]), region)))
        var policy = SteerPolicy(.failover([german] + members([1])))
        policy.allDown = SteerAllDown.none
        let table = SteerTable([SteerDefinition(name: "www", policy: policy)], health: health)
        let client = IPAddress(v4: 0x6301_0101)
        let question = SteerQuestion(now: .start, client: client, families: .ipv4)
        let told = table.explain(policy: 0, question, seed: 1)
        #expect(told.why == "no member takes new work and all-down is none")
    }

    @Test func `what weighs nothing is told from what is down`() {
        let bench = Bench(
            .weighted([
                SteerTableTests.member(0), SteerTableTests.member(1, weight: 0),
            ])
        )
        let one = bench.explain()
        #expect(one.steps[0].why == "1 of 2 branches live, 1 more with weight 0")
        #expect(one.steps[2].whyNot == "weighs 0" && one.members[1].whyNot == "weighs 0")
        bench.health.publish(0, .failing)
        #expect(
            bench.explain().why.hasPrefix(
                "too little is live (0 of 2 branches live, 1 more with weight 0); all-down is all"
            )
        )
    }

    @Test func `a branch that has returned waits for its hold`() {
        var policy = SteerPolicy.failover([
            .roundRobin(members([0, 2])), .roundRobin(members([1])), .roundRobin(members([3])),
        ])
        policy.hold = .seconds(60)
        let bench = Bench(policy)
        for slot in [0, 2] { bench.health.publish(slot, .failing) }
        #expect(bench.explain().steps[1].whyNot == "is not live")
        for slot in [0, 2] {
            bench.health.setRampStart(slot, bench.now)
            bench.health.publish(slot, .serving)
        }
        bench.now = bench.now + .seconds(15)
        let told = bench.explain()
        #expect(told.answers == [IPAddress(v4: 1)])
        let hold = "has to be live for its hold of 60 s, another 45 s"
        #expect(told.steps[1].whyNot == hold)
        #expect(told.members[0].whyNot == "round-robin: \(hold)")
        #expect(told.steps[6].whyNot == "round-robin comes before it")
        bench.now = bench.now + .seconds(45)
        #expect(bench.explain().answers.contains(IPAddress(v4: 0)))
    }

    @Test func `a failure domain that is in the answer keeps its others out`() {
        let bench = Bench(
            .roundRobin([
                SteerTableTests.member(0, domain: "a"), SteerTableTests.member(1, domain: "a"),
                SteerTableTests.member(2, domain: "b"), SteerTableTests.member(101),
            ])
        )
        let told = bench.explain()
        let (taken, left) = told.members[0].isAnswered ? (0, 1) : (1, 0)
        #expect(told.members[left].whyNot == "m\(taken) of its domain is in the answer")
        #expect(told.members[left].isEligible && !told.members[left].isAnswered)
        #expect(told.members[3].whyNot == "it has no address of this family")
        #expect(told.members[taken].whyNot.isEmpty && told.members[2].whyNot.isEmpty)
    }

    @Test func `what another node put into the answer for a failure domain is told by its address`()
    {
        let inner = SteerPolicy.roundRobin([SteerTableTests.member(7, domain: "a")])
        let bench = Bench(
            .roundRobin([SteerBranch(inner), SteerTableTests.member(8, domain: "a")])
        )
        for _ in 0..<20 {
            let told = bench.explain()
            let left = told.members.filter { !$0.isAnswered }
            let keeper = told.answers.map { "\($0) of its domain is in the answer" }
            #expect(left.map(\.whyNot) == keeper)
        }
    }

    private func named(_ name: String, weight: UInt32 = 1) -> SteerBranch {
        SteerBranch(SteerPolicy(.named(name)), weight: weight)
    }

    private func sharing(_ policy: SteerPolicy) -> (table: SteerTable, health: HealthTable) {
        let health = HealthTable(capacity: 16)
        for slot in 0..<16 { health.publish(slot, .serving) }
        let table = SteerTable(
            [
                SteerDefinition(name: "top", policy: policy),
                SteerDefinition(name: "c", policy: SteerPolicy(.failover(members([0, 1])))),
            ],
            health: health
        )
        return (table, health)
    }

    @Test func `a policy that stands in several places is told as taken where it was taken`() {
        let inner = SteerPolicy(.failover([named("c")] + members([8])))
        let (table, health) = sharing(SteerPolicy(.failover([named("c"), SteerBranch(inner)])))
        let told = explain(table)
        #expect(
            told.steps.map(\.isChosen) == [true, true, true] + Array(repeating: false, count: 6)
        )
        #expect(told.members.map(\.isAnswered) == [true, false, false, false, false])
        #expect(told.members[2].whyNot == "failover: c comes before it")
        // With what it holds down, the other way goes past it as well.
        for slot in 0..<2 { health.publish(slot, .failing) }
        let other = explain(table)
        #expect(
            other.steps.map(\.isChosen)
                == [true, false, false, false, true, false, false, false, true]
        )
        #expect(other.members.map(\.isAnswered) == [false, false, false, false, true])
    }

    @Test func `what was drawn is told where it was drawn, whatever else leads there`() {
        let inner = SteerPolicy(.failover([named("c")] + members([8])))
        let (table, _) = sharing(SteerPolicy(.weighted([named("c"), SteerBranch(inner)])))
        var counts = [0, 0]
        for seed in 0..<50 {
            let question = SteerQuestion(now: .start, families: .ipv4)
            let told = table.explain(policy: 0, question, seed: UInt64(seed))
            let chosen = told.steps.map(\.isChosen)
            let isInner = chosen[4]
            counts[isInner ? 1 : 0] += 1
            let outer = [true, !isInner, !isInner, false]
            #expect(chosen == outer + [isInner, isInner, isInner, false, false])
            #expect(told.members.map(\.isAnswered) == [!isInner, false, isInner, false, false])
        }
        #expect(counts[0] > 0 && counts[1] > 0)
    }

    @Test func `of branches for places that lead to one policy the client's is told`() {
        let world = RegionBuilder(RegionTests.world)
        let weighted = SteerPolicy(.weighted([named("c"), named("c", weight: 0)]))
        let (table, _) = sharing(
            SteerPolicy(
                .regional(
                    [named("c"), SteerBranch(weighted), named("c")],
                    world.geo([[.country("JP")], [.country("DE")], []])
                )
            )
        )
        func chosen(_ client: UInt32) -> [Bool] {
            let question = SteerQuestion(
                now: .start,
                client: IPAddress(v4: client),
                families: .ipv4
            )
            let told = table.explain(policy: 0, question, seed: 1)
            // Each of them has two members.
            return told.steps.filter { $0.name == "c" }.map(\.isChosen)
                + told.members.map(\.isAnswered)
        }
        let ways = [0x6301_0101, 0x0a01_0101].map(chosen)
        let last = [false, false, false, true] + Array(repeating: false, count: 6) + [true, false]
        #expect(ways[0] == last)
        let second =
            [false, true, false, false] + [false, false, true, false]
            + Array(repeating: false, count: 4)
        #expect(ways[1] == second)
    }

    // What is marked as taken is in the answer, and all else says why not.
    private func check(_ told: SteerExplanation) {
        for member in told.members {
            #expect(member.isAnswered == told.answers.contains(member.address), "\(member)")
            #expect(member.isAnswered != !member.whyNot.isEmpty, "\(member)")
        }
    }

    @Test func `of what a policy around it cuts away it is told who did`() {
        let inner = SteerPolicy.roundRobin(members([0, 1]))
        let domain = Bench(
            .roundRobin([SteerBranch(inner, domain: "x"), SteerTableTests.member(3)])
        )
        var outer = SteerPolicy.roundRobin([
            SteerBranch(.roundRobin(members([0, 1]))), SteerBranch(.roundRobin(members([2, 3]))),
        ])
        outer.most = 2
        for _ in 0..<50 {
            let told = domain.explain()
            check(told)
            let left = told.steps.filter { $0.kind == "address" && !$0.isChosen }
            #expect(left.map(\.whyNot) == ["a policy around it gives no more addresses"])
            check(Bench(outer).explain())
        }
    }

    @Test func `a twin further back in a failover is not taken, and says so`() {
        let twins = [7, 7, 8].enumerated().map { slot, last in
            let address = IPAddress(v4: UInt32(last))
            return SteerBranch(
                .address(SteerMember(name: "m\(slot)", slot: slot, address: address))
            )
        }
        let told = Bench(SteerPolicy(.failover(twins))).explain()
        #expect(told.steps.map(\.isChosen) == [true, true, false, false])
        #expect(told.steps.map(\.whyNot) == ["", "", "m0 comes before it", "m0 comes before it"])
    }

    @Test func `weights of 0 and maintenance are no word of the policy`() {
        let bench = Bench(.weighted([SteerTableTests.member(0, weight: 0)]))
        let told = bench.explain()
        #expect(told.outcome == .none)
        #expect(told.why.hasPrefix("nothing is left to answer: what there is weighs 0"))
    }

    @Test func `an answer that is full, and a draw that another won, say so`() {
        var few = SteerPolicy.roundRobin(members([0, 1, 2]))
        few.most = 2
        let cut = Bench(few).explain().members.filter { !$0.isAnswered }
        #expect(cut.map(\.whyNot) == ["an answer holds 2 addresses at most"])
        var drawn = SteerPolicy.weighted(members([0, 1]))
        let words = SteerPolicy.Draw.allCases.map { draw -> [String] in
            drawn.draw = draw
            return Bench(drawn).explain().members.filter { !$0.isAnswered }.map(\.whyNot)
        }
        #expect(
            words == [
                ["another was drawn"], ["the client's network draws another"],
                ["the name draws another"],
            ]
        )
    }

    @Test func `a resident branch is named, and keeps others from serving its clients`() {
        let table = RegionBuilder(RegionTests.world).geo(
            [[.country("DE")], []],
            keeps: [true, false]
        )
        var europe = SteerBranch(.roundRobin(members([0])))
        europe.name = "europe"
        var rest = SteerBranch(.roundRobin(members([1])))
        rest.name = "rest"
        let bench = Bench(SteerPolicy(.regional([europe, rest], table)))
        func explain(_ client: String) -> SteerExplanation {
            let address = IPAddress(client) ?? IPAddress(v4: 0)
            let question = SteerQuestion(now: bench.now, client: address, families: .ipv4)
            return bench.table.explain(policy: 0, question, seed: 1)
        }
        #expect(explain("10.1.2.3").steps[3].whyNot == "europe comes before it")
        bench.health.publish(0, .failing)
        let told = explain("10.1.2.3")
        #expect(told.answers == [IPAddress(v4: 0)])
        #expect(told.steps[3].whyNot == "europe is resident: it keeps its clients")
        #expect(
            told.why == "no member of europe takes new work, and it is resident; "
                + "all-down is all: geo 1 / round-robin"
        )
        let other = explain("30.1.2.3")
        #expect(other.steps[1].whyNot == "is for other clients")
        #expect(other.why == "geo 2 / round-robin has members in service")
    }

    @Test func `a resident branch that is down is not counted as live`() {
        let table = RegionBuilder(RegionTests.world).geo(
            [[.country("DE")], []],
            keeps: [true, false]
        )
        let geo = SteerPolicy(.regional(members([0, 1]), table))
        for inner in [geo, .failover([geo]), .roundRobin([SteerBranch(geo)])] {
            let others = members([2, 3]).map(\.policy)
            let bench = Bench(.failover([inner] + others))
            func why(_ client: String) -> String {
                let address = IPAddress(client) ?? IPAddress(v4: 0)
                let question = SteerQuestion(now: bench.now, client: address, families: .ipv4)
                return bench.table.explain(policy: 0, question, seed: 1).steps[0].why
            }
            #expect(why("10.1.2.3") == "3 of 3 branches live")
            bench.health.publish(0, .failing)
            bench.health.publish(3, .failing)
            #expect(why("10.1.2.3") == "1 of 3 branches live, 1 more down that keeps its clients")
            #expect(why("30.1.2.3") == "2 of 3 branches live", "it is no resident")
        }
    }

    @Test func `a node by places says when nothing tells them`() throws {
        let network = try #require(Prefix("10.0.0.0/8"))
        func why(_ locations: LocationTable, _ region: GeoRegion) -> String {
            let table = RegionBuilder(locations).geo([[region], []])
            return Bench(SteerPolicy(.regional(members([0, 1]), table))).explain().steps[0].why
        }
        let silent = LocationTable.empty
        #expect(why(silent, .country("DE")).hasSuffix("; nothing tells where clients are"))
        #expect(
            why(silent, .system(7)).hasSuffix("; nothing tells the autonomous systems of clients")
        )
        #expect(!why(silent, .network(network)).contains("nothing tells"))
        #expect(!why(RegionTests.world, .country("DE")).contains("nothing tells"))
    }
}
