// SPDX-License-Identifier: Apache-2.0
import Steering
import Testing

@Suite struct SkewTests {
    private func samples(_ counts: [UInt64], weights: [UInt32]) -> [SkewMachine.Sample] {
        zip(counts, weights).enumerated().map { slot, pair in
            SkewMachine.Sample(slot: slot, requests: pair.0, weight: pair.1)
        }
    }

    /// The skew of a window in which the endpoints had these numbers of requests.
    private func skew(_ counts: [UInt64], weights: [UInt32]) -> Double? {
        var machine = SkewMachine()
        machine.observe(samples(counts.map { _ in 1000 }, weights: weights))
        machine.observe(samples(counts.map { $0 + 1000 }, weights: weights))
        return machine.skew
    }

    @Test(
        arguments: [
            ([100, 100], [1, 1], 1), ([300, 100], [1, 1], 1.5), ([300, 100], [3, 1], 1),
            ([100, 300], [3, 1], 3), ([400, 0, 0, 0], [1, 1, 1, 1], 4),
            // One that takes no new work keeps its sessions.
            ([100, 300], [1, 0], 1.5), ([0, 400], [2, 0], 2), ([400, 0], [2, 0], 1),
        ] as [([UInt64], [UInt32], Double)]
    )
    func `the greatest share is told against the fair one`(
        counts: [UInt64],
        weights: [UInt32],
        wanted: Double
    ) throws {
        let found = try #require(skew(counts, weights: weights))
        #expect(abs(found - wanted) < 1e-9)
    }

    @Test func `few requests say nothing, and neither does the first look`() {
        #expect(skew([98, 1], weights: [1, 1]) == nil)
        #expect(skew([99, 1], weights: [1, 1]) != nil)
        #expect(skew([500, 500], weights: [0, 0]) == nil)
        var machine = SkewMachine()
        machine.observe(samples([5000, 1], weights: [1, 1]))
        #expect(machine.skew == nil)
    }

    @Test func `a new endpoint, and counts that begin anew, are no skew`() {
        var machine = SkewMachine()
        machine.observe(samples([1000], weights: [1]))
        machine.observe(samples([1200, 70_000], weights: [1, 1]))
        #expect(machine.skew == 2)
        machine.observe(samples([5, 70_200], weights: [1, 1]))
        #expect(machine.skew == 2)
    }
}
