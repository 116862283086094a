// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@Suite struct HedgeTests {
    @Test(arguments: [(50, 50.0), (90, 90), (95, 95), (99, 99)])
    func `the percentile is right to a fifth`(_ example: (percentile: Int, milliseconds: Double)) {
        var machine = HedgeMachine()
        for round in 0..<20 {
            for millisecond in 1...100 {
                // In another order each time.
                let time = (millisecond &* 37 &+ round) % 100 + 1
                machine.record(.milliseconds(Int64(time)))
            }
        }
        let time = machine.time(percentile: UInt32(example.percentile)) ?? .zero
        let ratio = time.seconds * 1_000 / example.milliseconds
        #expect(ratio >= 0.95 && ratio <= 1.27, "\(time)")
    }

    @Test func `too few times say nothing, and odd ones do no harm`() {
        var machine = HedgeMachine()
        for _ in 0..<49 { machine.record(.milliseconds(10)) }
        #expect(machine.time(percentile: 95) == nil)
        machine.record(Interval(nanoseconds: -5))
        #expect(machine.time(percentile: 95) != nil)
        for time in [Interval.zero, .max, .seconds(86_400)] {
            for _ in 0..<3_000 { machine.record(time) }
        }
        #expect(machine.time(percentile: 100) ?? .zero > .seconds(60))
    }

    @Test func `what was long ago is forgotten`() {
        var machine = HedgeMachine()
        for _ in 0..<5_000 { machine.record(.milliseconds(500)) }
        for _ in 0..<5_000 { machine.record(.milliseconds(5)) }
        #expect(machine.time(percentile: 95) ?? .max < .milliseconds(8))
    }

    @Test(arguments: [(5, 50), (20, 200), (100, 1_000), (0, 0)])
    func `second attempts are a share of the requests`(_ example: (percent: Int, most: Int)) {
        var machine = HedgeMachine()
        var granted = 0
        for _ in 0..<1_000 {
            machine.begin(percent: UInt32(example.percent))
            if machine.tryTake() { granted += 1 }
        }
        #expect(granted == example.most)
    }

    @Test func `what was saved up is at most ten, and what was not used goes back`() {
        var machine = HedgeMachine()
        for _ in 0..<10_000 { machine.begin(percent: 50) }
        #expect(
            (0..<11).map { _ in machine.tryTake() } == Array(repeating: true, count: 10) + [false]
        )
        machine.putBack()
        #expect(machine.tryTake() && !machine.tryTake())
    }
}
