// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Keeps retries from making an outage worse: a share of the active requests, never fewer than 3.
///
/// Counted for the whole process: requests by one word per pool and worker, retries by one shared
/// word per pool.
public final class RetryBudget: Sendable {
    /// Retries allowed at once per hundred active requests.
    public let percent: Int
    /// Retries always allowed at once.
    public let minimum: Int
    private let workers: Int
    private let region: Int
    private let active: SharedWords
    private let retries: SharedWords

    /// A budget for each of `pools` pools.
    public init(pools: Int, workers: Int, percent: Int = 20, minimum: Int = 3) {
        self.percent = percent
        self.minimum = minimum
        self.workers = max(workers, 1)
        region = (pools + 15) / 8 * 8
        active = SharedWords(count: region * self.workers)
        retries = SharedWords(count: max(pools, 1))
    }

    /// Counts a request that has begun; called on the worker itself.
    public func begin(_ pool: Int, worker: Int) {
        active.addOwned(worker &* region &+ pool, 1)
    }
    /// Counts a request that has ended; called on the worker that began it.
    public func end(_ pool: Int, worker: Int) {
        active.addOwned(worker &* region &+ pool, .max)
    }

    /// Takes one retry out of the pool's budget; false when it is spent.
    public func tryRetry(_ pool: Int) -> Bool {
        tryRetry(pool, percent: percent, minimum: minimum)
    }

    /// Takes one retry out of the pool's budget by figures of its own; false when it is spent.
    public func tryRetry(_ pool: Int, percent: Int, minimum: Int) -> Bool {
        let active = activeRequests(pool)
        // In two steps, so that no product can overflow.
        let share = active / 100 * percent + active % 100 * percent / 100
        let allowed = UInt64(max(minimum, share, 0))
        while true {
            let taken = retries.load(pool)
            if taken >= allowed { return false }
            if retries.exchange(pool, from: taken, to: taken &+ 1) { return true }
        }
    }
    /// Gives the retry back when its request has ended.
    public func endRetry(_ pool: Int) { retries.add(pool, .max) }

    /// Requests of the pool now under way.
    public func activeRequests(_ pool: Int) -> Int {
        var total: UInt64 = 0
        for worker in 0..<workers { total &+= active.load(worker &* region &+ pool) }
        return max(Int(truncatingIfNeeded: total), 0)
    }
    /// Retries of the pool now under way.
    public func activeRetries(_ pool: Int) -> Int { Int(truncatingIfNeeded: retries.load(pool)) }
}

/// Bounds how many things wait for something, in the whole process.
public final class PendingLimit: Sendable {
    private let waiting: SharedWords

    /// Counters for so many queues.
    public init(pools: Int) { waiting = SharedWords(count: max(pools, 1), stride: 8) }

    /// Enters the pool's queue; false when `limit` requests already wait.
    public func tryEnter(_ pool: Int, limit: Int) -> Bool {
        while true {
            let now = waiting.load(pool)
            if now >= UInt64(max(limit, 0)) { return false }
            if waiting.exchange(pool, from: now, to: now &+ 1) { return true }
        }
    }
    /// Leaves the queue, served or not.
    public func leave(_ pool: Int) { waiting.add(pool, .max) }
    /// Requests now waiting.
    public func count(_ pool: Int) -> Int { Int(truncatingIfNeeded: waiting.load(pool)) }
}
