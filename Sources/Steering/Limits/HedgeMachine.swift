// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// After how long a second attempt is worth it, and whether there is budget for one.
///
/// A percentile of the times to the first byte, from counts in steps of a fifth: four to each
/// doubling, from 65 us to some minutes. Old times count half as much with each thousand new ones.
/// The budget is a bucket: every request puts its share of an attempt in, every second attempt
/// takes one out, so that a pool that gets slow as a whole is not asked twice for everything (The
/// Tail at Scale, Dean and Barroso 2013).
public struct HedgeMachine: Sendable, BitwiseCopyable {
    private static let steps = 88
    /// Times below which nothing is known.
    private static let least: UInt32 = 50
    private static let memory: UInt32 = 1_024
    /// What one attempt takes out, in hundredths; the bucket holds ten.
    private static let price: UInt32 = 100
    private static let most: UInt32 = 1_000

    private var counts = InlineArray<88, UInt32>(repeating: 0)
    private var total: UInt32 = 0
    private var tokens: UInt32 = 0

    /// A machine that has seen nothing.
    public init() {}

    /// Counts a request that might be sent twice.
    public mutating func begin(percent: UInt32) {
        tokens = min(tokens &+ min(percent, HedgeMachine.price), HedgeMachine.most)
    }

    /// Takes a second attempt out of the budget; false when there is none.
    public mutating func tryTake() -> Bool {
        guard tokens >= HedgeMachine.price else { return false }
        tokens &-= HedgeMachine.price
        return true
    }

    /// Puts it back: there was nobody to ask.
    public mutating func putBack() {
        tokens = min(tokens &+ HedgeMachine.price, HedgeMachine.most)
    }

    /// Counts the time that an answer took.
    public mutating func record(_ time: Interval) {
        counts[HedgeMachine.step(time)] &+= 1
        total &+= 1
        guard total >= HedgeMachine.memory else { return }
        total = 0
        for index in 0..<HedgeMachine.steps {
            counts[index] /= 2
            total &+= counts[index]
        }
    }

    /// The time within which so many percent of the answers came; nil while too few are known.
    public func time(percentile: UInt32) -> Interval? {
        guard total >= HedgeMachine.least else { return nil }
        let wanted = (UInt64(total) &* UInt64(min(percentile, 100)) &+ 99) / 100
        var seen: UInt64 = 0
        for index in 0..<HedgeMachine.steps {
            seen &+= UInt64(counts[index])
            if seen >= wanted { return HedgeMachine.end(of: index) }
        }
        return HedgeMachine.end(of: HedgeMachine.steps &- 1)
    }

    private static func step(_ time: Interval) -> Int {
        let units = max(UInt64(max(time.nanoseconds, 0)) >> 16, 1)
        let octave = 63 &- units.leadingZeroBitCount
        let quarter = octave >= 2 ? units >> UInt64(octave &- 2) : units << UInt64(2 &- octave)
        return min(octave &* 4 &+ Int(quarter & 3), steps &- 1)
    }

    private static func end(of step: Int) -> Interval {
        let (octave, quarter) = (UInt64(step / 4), UInt64(step % 4))
        return Interval(nanoseconds: Int64(clamping: ((5 &+ quarter) << octave) << 14))
    }
}
