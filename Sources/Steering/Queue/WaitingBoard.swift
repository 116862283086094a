// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// How many requests wait for each pool, by priority, in the whole process.
///
/// Each worker has a line of its own (``WaitingLine``); the bound and the order among priorities
/// hold for all of them together. One word per pool has a lane for each priority, so that entering
/// a full queue and turning somebody else away for it are decisions that no two workers can take
/// on the same count:
///
///     63    62        42 41        21 20         0
///     +----+------------+------------+------------+
///     |    |    low     |   normal   |    high    |
///     +----+------------+------------+------------+
///
/// Whoever enters a full queue because somebody lower waits leaves it over its bound until a worker
/// with one of the lowest has turned that one away, which happens within its next few milliseconds.
public final class WaitingBoard: Sendable {
    private let lanes: SharedWords
    // Of those, the ones that any endpoint would do for: where they find no room, nobody does.
    private let open: SharedWords

    private static let laneBits: UInt64 = 21
    private static let laneMask: UInt64 = 1 << laneBits - 1

    /// A board for `pools` pools.
    public init(pools: Int) {
        lanes = SharedWords(count: max(pools, 1), stride: 8)
        open = SharedWords(count: max(pools, 1), stride: 8)
    }

    /// Enters the pool's queue; false when it is full of those who go first or came first.
    public func tryEnter(_ pool: Int, _ priority: Priority, limit: Int) -> Bool {
        while true {
            let word = lanes.load(pool)
            let excess = WaitingBoard.sum(word) + 1 - max(limit, 0)
            guard excess <= WaitingBoard.below(word, priority) else { return false }
            let next = word &+ WaitingBoard.one(priority)
            if lanes.exchange(pool, from: word, to: next) { return true }
        }
    }

    /// Leaves the queue, served or not.
    public func leave(_ pool: Int, _ priority: Priority) {
        lanes.add(pool, 0 &- WaitingBoard.one(priority))
    }

    /// Takes one of a priority off the board when more wait than may, and nobody is lower.
    ///
    /// True when the caller is to turn one of its own away, the last that came.
    public func tryTurnAway(_ pool: Int, _ priority: Priority, limit: Int) -> Bool {
        while true {
            let word = lanes.load(pool)
            guard WaitingBoard.sum(word) > max(limit, 0), WaitingBoard.count(word, priority) > 0,
                WaitingBoard.below(word, priority) == 0
            else { return false }
            let next = word &- WaitingBoard.one(priority)
            if lanes.exchange(pool, from: word, to: next) { return true }
        }
    }

    /// Notes that one who waits would take any endpoint.
    public func enterOpen(_ pool: Int, _ priority: Priority) {
        open.add(pool, WaitingBoard.one(priority))
    }
    /// Takes such a note back.
    public func leaveOpen(_ pool: Int, _ priority: Priority) {
        open.add(pool, 0 &- WaitingBoard.one(priority))
    }
    /// True when somebody who goes before this priority waits for any endpoint, at any worker.
    public func isPreceded(_ pool: Int, _ priority: Priority) -> Bool {
        let word = open.load(pool)
        guard word != 0 else { return false }
        return word & (WaitingBoard.one(priority) &- 1) != 0
    }

    /// Requests that wait.
    public func count(_ pool: Int) -> Int { WaitingBoard.sum(lanes.load(pool)) }
    /// Requests of a priority that wait.
    public func count(_ pool: Int, _ priority: Priority) -> Int {
        WaitingBoard.count(lanes.load(pool), priority)
    }
    /// Requests that wait for any endpoint.
    public func openCount(_ pool: Int) -> Int { WaitingBoard.sum(open.load(pool)) }

    private static func one(_ priority: Priority) -> UInt64 {
        1 << (UInt64(priority.rawValue) &* laneBits)
    }
    private static func count(_ word: UInt64, _ priority: Priority) -> Int {
        Int(word >> (UInt64(priority.rawValue) &* laneBits) & laneMask)
    }
    private static func sum(_ word: UInt64) -> Int {
        count(word, .high) &+ count(word, .normal) &+ count(word, .low)
    }
    // Those whom this priority goes before.
    private static func below(_ word: UInt64, _ priority: Priority) -> Int {
        switch priority {
        case .high: count(word, .normal) &+ count(word, .low)
        case .normal: count(word, .low)
        case .low: 0
        }
    }
}
