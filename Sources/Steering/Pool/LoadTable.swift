// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Work in flight and outcomes per endpoint, written by every worker, summed at the choice.
///
/// Each worker owns a region of its own, so counting never contends and needs no locked
/// instruction; regions are kept a cache line apart. Only limited endpoints also use a shared
/// word, because a limit has to hold for the whole process.
public final class LoadTable: Sendable {
    /// Number of slots.
    public let capacity: Int
    /// Number of workers.
    public let workers: Int
    @usableFromInline let region: Int
    @usableFromInline let counts: SharedWords
    @usableFromInline let successes: SharedWords
    @usableFromInline let failures: SharedWords
    @usableFromInline let latencies: SharedWords
    @usableFromInline let reservations: SharedWords
    @usableFromInline let trialPlaces: SharedWords

    /// A table of zeros.
    public init(capacity: Int, workers: Int) {
        self.capacity = capacity
        self.workers = max(workers, 1)
        region = (capacity + 15) / 8 * 8
        counts = SharedWords(count: region * self.workers)
        successes = SharedWords(count: region * self.workers)
        failures = SharedWords(count: region * self.workers)
        latencies = SharedWords(count: region * self.workers)
        reservations = SharedWords(count: capacity)
        trialPlaces = SharedWords(count: capacity)
    }

    /// Counts one more in flight; called on the worker itself.
    @inlinable public func begin(_ slot: Int, worker: Int) {
        guard slot >= 0, slot < capacity else { return }
        counts.addOwned(worker &* region &+ slot, 1)
    }
    /// Counts one less in flight; called on the worker that began it.
    @inlinable public func end(_ slot: Int, worker: Int) {
        guard slot >= 0, slot < capacity else { return }
        counts.addOwned(worker &* region &+ slot, .max)
    }
    /// Work in flight on the endpoint in the whole process.
    @inlinable public func inFlight(_ slot: Int) -> Int { sum(counts, slot) }

    /// Takes one of `limit` places of the endpoint for the whole process; false when none is left.
    @inlinable public func reserve(_ slot: Int, limit: UInt32) -> Bool {
        while true {
            let taken = reservations.load(slot)
            if taken >= UInt64(limit) { return false }
            if reservations.exchange(slot, from: taken, to: taken &+ 1) { return true }
        }
    }
    /// Gives a place of ``reserve(_:limit:)`` back.
    @inlinable public func cancelReservation(_ slot: Int) {
        reservations.add(slot, .max)
    }
    /// Places taken by ``reserve(_:limit:)``.
    @inlinable public func reserved(_ slot: Int) -> Int {
        Int(truncatingIfNeeded: reservations.load(slot))
    }

    /// Counts a request that the endpoint served well.
    @inlinable public func countSuccess(_ slot: Int, worker: Int) {
        guard slot >= 0, slot < capacity else { return }
        successes.addOwned(worker &* region &+ slot, 1)
    }
    /// Counts a request that failed by the endpoint's fault.
    @inlinable public func countFailure(_ slot: Int, worker: Int) {
        guard slot >= 0, slot < capacity else { return }
        failures.addOwned(worker &* region &+ slot, 1)
    }
    /// Requests served well since the start.
    @inlinable public func successCount(_ slot: Int) -> UInt64 {
        UInt64(bitPattern: Int64(sum(successes, slot)))
    }
    /// Requests failed by the endpoint since the start.
    @inlinable public func failureCount(_ slot: Int) -> UInt64 {
        UInt64(bitPattern: Int64(sum(failures, slot)))
    }

    /// Counts the time that an answer took; called on the worker that got it.
    @inlinable public func countLatency(_ slot: Int, _ time: Interval, worker: Int) {
        guard slot >= 0, slot < capacity else { return }
        latencies.addOwned(worker &* region &+ slot, LatencySum.word(of: time))
    }
    /// The times of all answers since the start.
    @inlinable public func latency(_ slot: Int) -> LatencySum {
        LatencySum(bits: UInt64(bitPattern: Int64(sum(latencies, slot))))
    }

    /// Takes one of `limit` places for requests to a half-open endpoint; false when none is left.
    @inlinable public func beginTrial(_ slot: Int, limit: UInt32) -> Bool {
        while true {
            let taken = trialPlaces.load(slot)
            if taken >= UInt64(limit) { return false }
            if trialPlaces.exchange(slot, from: taken, to: taken &+ 1) { return true }
        }
    }
    /// Gives a place of ``beginTrial(_:limit:)`` back.
    @inlinable public func endTrial(_ slot: Int) { trialPlaces.add(slot, .max) }
    /// Places taken by ``beginTrial(_:limit:)``.
    @inlinable public func trials(_ slot: Int) -> Int {
        Int(truncatingIfNeeded: trialPlaces.load(slot))
    }

    @inlinable func sum(_ table: SharedWords, _ slot: Int) -> Int {
        guard slot >= 0, slot < capacity else { return 0 }
        var total: UInt64 = 0
        var place = slot
        for _ in 0..<workers {
            total &+= table.load(place)
            place &+= region
        }
        return Int(truncatingIfNeeded: total)
    }
}
