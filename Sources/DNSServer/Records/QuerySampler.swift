// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Picks one query in so many, at uneven distances: a regular pattern of queries may not hide
/// behind a regular pattern of samples.
struct QuerySampler: BitwiseCopyable {
    private var interval: UInt32 = 0
    // Queries up to the one that is picked, itself included; 0 picks none.
    private var left: UInt32 = 0
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// Picks one in so many from now on; 0 picks none.
    mutating func setInterval(_ interval: UInt32) {
        guard interval != self.interval else { return }
        self.interval = interval
        left = draw()
    }

    /// True when the query in hand is picked.
    @inline(__always) var isDue: Bool { left == 1 }

    /// Goes on to the next query.
    @inline(__always) mutating func advance() {
        guard left > 0 else { return }
        left &-= 1
        if left == 0 { left = draw() }
    }

    // From 1 to twice the interval less one: the interval on average.
    private mutating func draw() -> UInt32 {
        guard interval > 0 else { return 0 }
        return 1 &+ random.next(below: interval &* 2 &- 1)
    }
}
