// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// Failing back after a hold, where what serves has been away itself.
@Suite struct SteerHoldTests {
    /// Members come and go as time passes; each branch is a member, or what is made of some.
    final class Stage {
        let bench: SteerTableTests.Bench

        init(_ policies: [SteerPolicy], hold: Interval = .seconds(60)) {
            var policy = SteerPolicy.failover(policies)
            policy.hold = hold
            bench = SteerTableTests.Bench(policy)
        }

        convenience init(count: Int) {
            self.init((0..<count).map { .roundRobin(SteerTableTests.members([$0])) })
        }

        func fail(_ slot: Int) { bench.health.publish(slot, .failing) }

        func rise(_ slot: Int) {
            bench.health.setRampStart(slot, bench.now)
            bench.health.publish(slot, .serving)
        }

        func pass(_ seconds: Int64) { bench.now = bench.now + .seconds(seconds) }

        var serving: [Int] { Set(bench.slots()).sorted() }
    }

    @Test func `a branch that was away itself is not left before the hold of another`() {
        let stage = Stage(count: 2)
        stage.fail(0)
        stage.fail(1)
        stage.pass(1)
        stage.rise(1)
        #expect(stage.serving == [1])
        stage.pass(5)
        for _ in 0..<3 {
            stage.rise(0)
            stage.pass(1)
            #expect(stage.serving == [1])
            stage.fail(0)
            #expect(stage.serving == [1])
        }
        stage.rise(0)
        stage.pass(59)
        #expect(stage.serving == [1])
        #expect(stage.bench.ask().secondsToChange == 1)
        stage.pass(1)
        #expect(stage.serving == [0])
    }

    @Test func `of three the one that serves goes on until an earlier one was up for the hold`() {
        let stage = Stage(count: 3)
        for slot in 0..<3 { stage.fail(slot) }
        stage.pass(1)
        stage.rise(2)
        stage.pass(10)
        stage.rise(0)
        stage.pass(10)
        stage.rise(1)
        #expect(stage.serving == [2])
        // What serves goes away while two others wait: the one that is longer there takes over.
        stage.fail(2)
        #expect(stage.serving == [0])
        stage.pass(1)
        stage.rise(2)
        stage.fail(0)
        #expect(stage.serving == [1])
        stage.pass(1)
        stage.rise(0)
        #expect(stage.serving == [1])
        stage.pass(59)
        #expect(stage.serving == [1])
        stage.pass(1)
        #expect(stage.serving == [0])
    }

    /// A model that remembers who serves; what the table makes of times alone must be the same.
    @Test func `times of return say as much as remembering who serves`() {
        var random = SeededRandom(seed: 9)
        for _ in 0..<50 {
            let stage = Stage(count: 4)
            var since: [Instant?] = Array(repeating: .start, count: 4)
            var serving = 0
            for _ in 0..<200 {
                stage.pass(Int64(1 + random.next(below: 25)))
                let slot = Int(random.next(below: 4))
                if since[slot] == nil {
                    stage.rise(slot)
                    since[slot] = stage.bench.now
                } else if since.compactMap({ $0 }).count > 1 {
                    stage.fail(slot)
                    since[slot] = nil
                }
                let now = stage.bench.now
                let isSettled = since.map { $0.map { $0 == .start || now - $0 >= .seconds(60) } }
                let settled = isSettled.firstIndex { $0 == true }
                if let settled, settled < serving || since[serving] == nil {
                    serving = settled
                } else if since[serving] == nil {
                    let live = since.indices.filter { since[$0] != nil }
                    serving = live.min { (since[$0] ?? .never) < (since[$1] ?? .never) } ?? 0
                }
                #expect(stage.serving == [serving])
            }
        }
    }

    @Test func `how long a branch is there follows from the members that it needs`() {
        var both = SteerPolicy.roundRobin(SteerTableTests.members([0, 1]))
        both.minimumUp = 2
        let other = SteerPolicy.weighted([
            SteerBranch(.failover([.roundRobin(SteerTableTests.members([2]))])),
            SteerTableTests.member(3, weight: 0),
        ])
        let stage = Stage([both, other])
        for slot in 0..<4 { stage.fail(slot) }
        for slot in [3, 0, 2, 1] {
            stage.pass(2)
            stage.rise(slot)
        }
        // Two of the first are there since 1 is; 3 has no weight and so 2 counts.
        #expect(stage.serving == [2])
        stage.fail(2)
        #expect(stage.serving == [0, 1])
        stage.pass(1)
        stage.rise(2)
        #expect(stage.serving == [0, 1])
    }
}
