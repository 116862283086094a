// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Picks one query in so many, at uneven distances: a regular pattern of queries may not hide
/// behind a regular pattern of samples.
///
/// Two picks that know nothing of each other: for the records that are kept, and for the log.
struct QuerySampler: BitwiseCopyable {
    private var kept = Countdown()
    private var logged = Countdown()
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// Picks one in so many from now on; 0 picks none.
    mutating func setInterval(_ interval: UInt32) { kept.setInterval(interval, &random) }

    /// Picks one in so many for the log from now on; 0 picks none.
    mutating func setLogInterval(_ interval: UInt32) { logged.setInterval(interval, &random) }

    /// True when the query in hand is picked.
    @inline(__always) var isDue: Bool { kept.isDue }

    /// True when the query in hand is picked for the log.
    @inline(__always) var isLogDue: Bool { logged.isDue }

    /// Notes in the context what the query in hand is picked for.
    @inline(__always)
    func mark(_ context: inout AnswerContext) {
        context.isKept = kept.isDue
        context.isLogged = logged.isDue
    }

    /// Goes on to the next query.
    @inline(__always) mutating func advance() {
        kept.advance(&random)
        logged.advance(&random)
    }

    private struct Countdown: BitwiseCopyable {
        private var interval: UInt32 = 0
        // Queries up to the one that is picked, itself included; 0 picks none.
        private var left: UInt32 = 0

        @inline(__always) var isDue: Bool { left == 1 }

        mutating func setInterval(_ interval: UInt32, _ random: inout SeededRandom) {
            guard interval != self.interval else { return }
            self.interval = interval
            left = draw(&random)
        }

        @inline(__always) mutating func advance(_ random: inout SeededRandom) {
            guard left > 0 else { return }
            left &-= 1
            if left == 0 { left = draw(&random) }
        }

        // From 1 to twice the interval less one: the interval on average.
        private func draw(_ random: inout SeededRandom) -> UInt32 {
            guard interval > 0 else { return 0 }
            return 1 &+ random.next(below: interval &* 2 &- 1)
        }
    }
}
