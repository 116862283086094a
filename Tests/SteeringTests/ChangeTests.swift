// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// Weights by the calendar, by load and by order.
@Suite struct ChangeTests {
    static let noon = WallTime(rfc3339: "2026-12-01T12:00:00Z") ?? WallTime(nanoseconds: 0)
    static func after(_ seconds: Int64) -> WallTime { noon + .seconds(seconds) }

    @Test func `moments of the calendar are read strictly`() {
        let equal = [
            "2026-12-01T12:00:00Z", "2026-12-01t12:00:00z", "2026-12-01T13:00:00+01:00",
            "2026-12-01 06:30:00-05:30", "2026-12-01T12:00:00.000000000Z",
        ]
        for text in equal { #expect(WallTime(rfc3339: text) == Self.noon, "\(text)") }
        #expect(WallTime(rfc3339: "2024-02-29T00:00:00Z")?.description == "2024-02-29T00:00:00Z")
        #expect(WallTime(rfc3339: "1970-01-01T00:00:00.25Z")?.nanoseconds == 250_000_000)
        #expect(WallTime(rfc3339: "2016-12-31T23:59:60Z")?.description == "2017-01-01T00:00:00Z")
        let wrong = [
            "", "2026-12-01", "2026-12-01T12:00:00", "2026-13-01T12:00:00Z",
            "2026-02-29T12:00:00Z", "2026-12-01T24:00:00Z", "2026-12-01T12:00:00.Z",
            "2026-12-01T12:00:00+1:00", "2026-12-01T12:00:00Zx", "9999-12-01T12:00:00Z",
            "-026-12-01T12:00:00Z", "2026-12-01T12:00:00+99:00",
        ]
        for text in wrong { #expect(WallTime(rfc3339: text) == nil, "\(text)") }
    }

    @Test func `a weight walks evenly, and a step in the middle of another starts where it stands`()
    {
        let walk = WeightSchedule(
            base: 70,
            steps: [WeightSchedule.Step(at: Self.noon, weight: 0, over: .seconds(600))]
        )
        func weight(_ seconds: Int64) -> UInt32 { walk.reading(at: Self.after(seconds)).weight }
        #expect([-1, 0, 60, 300, 599, 600, 9000].map(weight) == [70, 70, 63, 35, 0, 0, 0])
        #expect(walk.reading(at: Self.after(300)).isWalking)
        #expect(!walk.reading(at: Self.after(600)).isWalking)
        // A way has no jump; a change at once is one.
        #expect(walk.reading(at: Self.after(-10)).jump == nil)
        let jump = WeightSchedule(base: 1, steps: [.init(at: Self.noon, weight: 9)])
        #expect(jump.reading(at: Self.after(-10)).jump == Self.noon)
        #expect(jump.reading(at: Self.noon).weight == 9)
        let crossing = WeightSchedule(
            base: 100,
            steps: [
                .init(at: Self.noon, weight: 0, over: .seconds(100)),
                .init(at: Self.after(50), weight: 100, over: .seconds(50)),
            ]
        )
        #expect(crossing.reading(at: Self.after(49)).weight == 51)
        // The first has reached nought when its time is over; the second began from there.
        #expect(crossing.reading(at: Self.after(100)).weight == 100)
    }

    @Test func `load takes a share away between two marks`() {
        let marks = LoadWatermarks(low: 0.5, high: 0.9)
        #expect(marks.factor(load: nil) == 1024)
        #expect(marks.factor(load: 0.5) == 1024)
        #expect(marks.factor(load: 0.7) == 512)
        #expect(marks.factor(load: 0.9) == 0)
        #expect(marks.factor(load: .infinity) == 0)
    }

    @Test func `dials keep every part`() {
        let dial = Dial(weight: 1_000_000, factor: 17, secondsToChange: 300, source: .rollout)
        #expect(dial.isSet && dial.weight == 1_000_000 && dial.factor == 17)
        #expect(dial.secondsToChange == 300 && dial.source == .rollout)
        #expect(Dial(weight: .max, factor: .max).weight == Dial.highestWeight)
        #expect(!Dial(bits: 0).isSet)
    }

    // MARK: Answers

    /// Two addresses by weight, with dials 0 and 1.
    final class Bench {
        let health = HealthTable(capacity: 8)
        let board = DialBoard(branches: 2, policies: 1)
        let table: SteerTable
        var random = SeededRandom(seed: 5)
        var now = Instant(nanoseconds: 100_000_000_000)

        init(_ change: (inout SteerPolicy) -> Void = { _ in }) {
            let branches = [0, 1].map { slot in
                var branch = SteerTableTests.member(slot, weight: 1)
                branch.dial = slot
                branch.shedsLoad = true
                return branch
            }
            var policy = SteerPolicy.weighted(branches)
            change(&policy)
            var definition = SteerDefinition(name: "www", policy: policy)
            definition.hasRules = true
            table = SteerTable([definition], health: health, board: board)
            for slot in 0..<8 { health.publish(slot, .serving) }
        }

        func ask(_ client: UInt32 = 0) -> AnswerSet {
            var set = AnswerSet()
            let question = SteerQuestion(now: now, client: IPAddress(v4: client), families: .ipv4)
            table.answer(policy: 0, question, into: &set, random: &random)
            return set
        }

        func shares(_ count: Int = 6000) -> [Int] {
            var shares = [0, 0]
            for client in 0..<count {
                let set = ask(UInt32(client) << 8)
                for place in 0..<set.count where set.slot(place) < 2 {
                    shares[set.slot(place)] += 1
                }
            }
            return shares
        }
    }

    @Test(arguments: [SteerPolicy.Draw.random, .client])
    func `answers follow the dials, and load moves only those that are shed`(
        _ draw: SteerPolicy.Draw
    ) {
        let bench = Bench { $0.draw = draw }
        #expect(ChiSquare.fits(bench.shares(), shares: [1, 1]))
        bench.board.setDial(0, Dial(weight: 3))
        #expect(ChiSquare.fits(bench.shares(), shares: [3, 1]))
        bench.board.setDial(0, Dial(weight: 3, factor: 512))
        #expect(ChiSquare.fits(bench.shares(), shares: [1.5, 1]))
        bench.board.setDial(0, Dial(weight: 3, factor: 0))
        #expect(bench.shares(100) == [0, 100])
        // Shed load is not ill health: with the other one down it serves.
        bench.health.publish(1, .failing)
        #expect(bench.shares(100) == [100, 0])
        bench.health.publish(1, .serving)
        bench.board.setDial(1, Dial(weight: 1, factor: 0))
        #expect(ChiSquare.fits(bench.shares(), shares: [3, 1]))
        bench.board.setDial(0, Dial(weight: 0))
        #expect(bench.shares(100) == [0, 100])
    }

    @Test func `a draw of each goes by the dials as well`() {
        let bench = Bench { $0.isMultiple = true }
        bench.board.setDial(0, Dial(weight: 10, factor: 512))
        bench.board.setDial(1, Dial(weight: 10))
        let shares = bench.shares(4000)
        #expect(shares[1] == 4000 && (1800...2200).contains(shares[0]), "\(shares)")
        bench.board.setDial(1, Dial(weight: 10, factor: 0))
        bench.board.setDial(0, Dial(weight: 10, factor: 0))
        #expect(bench.shares(100) == [100, 100])
    }

    @Test func `a jump ahead shortens the life of answers, as a verdict ahead does`() {
        let bench = Bench()
        #expect(bench.ask().ttl(atMost: 60) == 60)
        bench.board.setDial(0, Dial(weight: 1, secondsToChange: 40))
        #expect(bench.ask().ttl(atMost: 60) == 40)
        bench.board.setDial(0, Dial(weight: 1, secondsToChange: 3))
        #expect(bench.ask().ttl(atMost: 60) == 30)
        bench.board.setHighestTTL(0, 5)
        #expect(bench.ask().ttl(atMost: 60) == 3)
        bench.board.setHighestTTL(0, nil)
        #expect(bench.ask().ttl(atMost: 60) == 30)
    }

    @Test func `what is said of a branch goes before its endpoint's weight, but for nought`() {
        let bench = Bench()
        func give(_ slot: Int, _ weight: UInt32?) {
            bench.health.setWeightOverride(slot, weight)
            var word = HealthWord.serving
            word.hasWeightOverride = weight != nil
            bench.health.publish(slot, word)
        }
        give(0, 50)
        for slot in 0..<2 { bench.board.setDial(slot, Dial(weight: 1)) }
        #expect(ChiSquare.fits(bench.shares(), shares: [50, 1]))
        bench.board.setDial(0, Dial(weight: 0, source: .active))
        bench.board.setDial(1, Dial(weight: 1000, source: .active))
        #expect(bench.shares(500) == [0, 500])
        bench.board.setDial(0, Dial(weight: 1000, source: .change))
        #expect(ChiSquare.fits(bench.shares(), shares: [1, 1]))
        // Nobody is to be sent there, whatever the branch weighs.
        give(0, 0)
        #expect(bench.shares(500) == [0, 500])
    }

    @Test func `who returns waits while answers rest, unless nobody else is there`() {
        let bench = Bench()
        bench.health.setRampStart(0, Instant(nanoseconds: 50_000_000_000))
        let since = Instant(nanoseconds: 40_000_000_000)
        bench.board.hold(0, since: since, until: bench.now + .seconds(45))
        #expect(bench.shares(100) == [0, 100])
        #expect(bench.ask().isResting && bench.ask().ttl(atMost: 60) == 45)
        let told = bench.table.explain(
            policy: 0,
            SteerQuestion(now: bench.now, families: .ipv4),
            seed: 1
        )
        #expect(
            told.steps.contains { $0.why.contains("waits for the answers to rest, another 45 s") }
        )
        bench.health.publish(1, .failing)
        #expect(bench.shares(100) == [100, 0])
        bench.health.publish(1, .serving)
        bench.board.hold(0, since: .start, until: .start)
        #expect(ChiSquare.fits(bench.shares(), shares: [1, 1]))
    }

    @Test func `residents do not wait for who returns, since nobody else is there for them`() {
        let bench = Bench { policy in
            let table = RegionBuilder(.empty).geo([[]], keeps: [true])
            policy = SteerPolicy(.regional([SteerBranch(policy)], table))
            policy.allDown = SteerAllDown.none
        }
        bench.health.publish(0, .failing)
        bench.health.setRampStart(1, Instant(nanoseconds: 50_000_000_000))
        bench.board.hold(
            0,
            since: Instant(nanoseconds: 40_000_000_000),
            until: bench.now + .seconds(9)
        )
        #expect(bench.shares(100) == [0, 100])
        #expect(bench.ask().mode == .healthy)
        bench.health.publish(1, .failing)
        #expect(bench.ask().outcome == .none)
    }

    @Test func `explanations tell what a branch weighs and why`() {
        let bench = Bench()
        bench.board.setDial(0, Dial(weight: 35, factor: 256, source: .schedule))
        let told = bench.table.explain(
            policy: 0,
            SteerQuestion(now: bench.now, families: .ipv4),
            seed: 1
        )
        let expected = "; weight 35 by the schedule, 1 in the file, times 0.25 for its load"
        #expect(told.steps.contains { $0.why.hasSuffix(expected) }, "\(told.steps.map(\.why))")
        #expect(told.steps.allSatisfy { !$0.whyWithoutWeight.contains("weigh") })
        #expect(told.steps.contains { $0.why != $0.whyWithoutWeight })
    }

    @Test func `a weight counts as changed when it is another one`() {
        let board = Bench().board
        let before = board.dialChanges
        board.setDial(0, Dial(weight: 35, factor: 256, secondsToChange: 9, source: .schedule))
        #expect(board.dialChanges == before + 1)
        board.setDial(0, Dial(weight: 35, factor: 256, secondsToChange: 8, source: .schedule))
        #expect(board.dialChanges == before + 1, "only when its next change is")
        board.setDial(0, Dial(weight: 35, factor: 255, secondsToChange: 8, source: .schedule))
        board.setDial(0, Dial(weight: 35, factor: 255, secondsToChange: 8, source: .change))
        #expect(board.dialChanges == before + 3)
    }
}
