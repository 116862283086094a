// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The requests at a time that each pool may have at its endpoints, in the whole process.
///
/// Workers take places and give them back; the limit is the control thread's, which follows
/// ``ConcurrencyMachine``. While it is busy the last limit stands.
public final class PoolPlaces: Sendable {
    /// What is told of a pool.
    public struct State: Sendable, Equatable {
        /// Requests at a time; 0 for no limit.
        public var limit: Int
        /// Places taken.
        public var taken: Int
        /// What an answer takes at rest; zero while unknown.
        public var rest: Interval
        /// What it took lately.
        public var latest: Interval
    }

    private let taken: SharedWords
    private let limits: SharedWords
    private let rests: SharedWords
    private let latencies: SharedWords

    /// Places for so many pools.
    public init(pools: Int) {
        taken = SharedWords(count: max(pools, 1), stride: 8)
        limits = SharedWords(count: max(pools, 1))
        rests = SharedWords(count: max(pools, 1))
        latencies = SharedWords(count: max(pools, 1))
    }

    /// Takes a place; false when all are taken.
    public func take(_ pool: Int) -> Bool {
        while true {
            let (now, limit) = (taken.load(pool), limits.load(pool))
            if limit != 0, now >= limit { return false }
            if taken.exchange(pool, from: now, to: now &+ 1) { return true }
        }
    }
    /// Gives a place back.
    public func giveBack(_ pool: Int) { taken.add(pool, .max) }

    /// Puts the present state of a machine in force; nil takes the limit away.
    public func publish(_ pool: Int, _ machine: ConcurrencyMachine?) {
        limits.store(pool, UInt64(max(machine?.limit ?? 0, 0)))
        rests.store(pool, UInt64(clamping: machine?.rest.nanoseconds ?? 0))
        latencies.store(pool, UInt64(clamping: machine?.latest.nanoseconds ?? 0))
    }

    /// What there is to tell of a pool.
    public func state(_ pool: Int) -> State {
        State(
            limit: Int(clamping: limits.load(pool)),
            taken: Int(truncatingIfNeeded: taken.load(pool)),
            rest: Interval(nanoseconds: Int64(clamping: rests.load(pool))),
            latest: Interval(nanoseconds: Int64(clamping: latencies.load(pool)))
        )
    }
}
