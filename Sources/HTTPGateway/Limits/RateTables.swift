// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import Steering

/// The buckets of all rate limits of the process, apart by how long an empty one takes to fill.
///
/// A table keeps whoever owes longest. A key of ten requests an hour owes more minutes than one of a
/// hundred a second owes seconds, so in one table whoever makes up many keys of the first would push
/// out and slow down all keys of the second. Attempts at passwords are by themselves for the same
/// reason.
public struct RateTables: Sendable {
    /// The longest depth of the first two tables, in nanoseconds.
    private static let bounds: (seconds: UInt64, minutes: UInt64) = (
        10_000_000_000, 600_000_000_000
    )

    private let seconds = RateTable()
    private let minutes = RateTable(sets: 8192, cells: 32_768)
    private let hours = RateTable(sets: 8192, cells: 32_768)
    /// Failed attempts at passwords.
    let attempts = RateTable(sets: 4096, cells: 16_384)
    /// For the keys of what clients write, see ``KeySource``.
    let keySeed = UInt64.random(in: 1 ... .max)
    /// Which numbers of ``GatewayMetrics`` belong to which limit; a word is taken once and for all.
    private let counters = CounterPlaces(count: GatewayMetrics.rateLimit)

    /// Tables without a key.
    public init() {}

    /// Takes a token of the bucket of a key, if there is one.
    public func take(_ key: UInt64, _ machine: RateMachine, now: Instant) -> RateDecision {
        let depth = machine.depth
        if depth <= RateTables.bounds.seconds { return seconds.take(key, machine, now: now) }
        if depth <= RateTables.bounds.minutes { return minutes.take(key, machine, now: now) }
        return hours.take(key, machine, now: now)
    }

    /// What ``take(_:_:now:)`` would say; nothing is taken.
    public func peek(_ key: UInt64, _ machine: RateMachine, now: Instant) -> RateDecision {
        let depth = machine.depth
        if depth <= RateTables.bounds.seconds { return seconds.peek(key, machine, now: now) }
        if depth <= RateTables.bounds.minutes { return minutes.peek(key, machine, now: now) }
        return hours.peek(key, machine, now: now)
    }

    /// Keys with a bucket of their own.
    public var capacity: Int {
        seconds.capacity + minutes.capacity + hours.capacity + attempts.capacity
    }

    /// Keys that have a bucket of their own and owe something.
    public func occupancy(now: Instant) -> Int {
        seconds.occupancy(now: now) + minutes.occupancy(now: now) + hours.occupancy(now: now)
            + attempts.occupancy(now: now)
    }

    /// The place of a limit's numbers, the same as long as the process runs.
    ///
    /// The last place serves all limits that come after the others are taken.
    public func counter(of limit: UInt64) -> Int { counters.place(of: limit) }
}
