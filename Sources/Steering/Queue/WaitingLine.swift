// SPDX-License-Identifier: Apache-2.0

/// The requests that wait at one worker: for each pool and priority a line in order of arrival.
///
/// Places are numbers that stay the same while one waits, so that whoever gives up in the middle
/// leaves nothing behind; entering, leaving and looking on cost the same however long a line is,
/// and no heap once the lines have had their working length. The bound is ``WaitingBoard``'s.
public struct WaitingLine: Sendable {
    /// One who waits.
    public struct Entry: Sendable, BitwiseCopyable {
        /// Who it is.
        public var item: UInt64
        /// Differs for each entry there ever was.
        public var number: UInt64
        /// For which pool.
        public var pool: Int32
        /// How urgently.
        public var priority: Priority
        /// True when any endpoint would do.
        public var isOpen: Bool
        /// Who stands behind; -1 for nobody.
        public internal(set) var next: Int32
        var previous: Int32
    }

    private struct Ends {
        var first: Int32 = -1
        var last: Int32 = -1
        // Those who would take any endpoint.
        var open = 0
    }

    private var entries: [Entry] = []
    private var free: [Int32] = []
    // Three per pool, by priority.
    private var lines: [Ends]
    private var counts: [Int]
    /// Number of those who wait.
    public private(set) var count = 0
    /// The next entry gets this number.
    public private(set) var nextNumber: UInt64 = 0

    /// Empty lines for so many pools.
    public init(pools: Int) {
        lines = Array(repeating: Ends(), count: pools * Priority.allCases.count)
        counts = Array(repeating: 0, count: pools)
    }

    /// Number of pools.
    public var poolCount: Int { counts.count }

    /// Puts one at the end of its line; returns the place, -1 for a pool that does not exist.
    public mutating func enter(
        _ item: UInt64,
        pool: Int,
        _ priority: Priority,
        isOpen: Bool = true
    ) -> Int32 {
        guard counts.indices.contains(pool) else { return -1 }
        let entry = Entry(
            item: item,
            number: nextNumber,
            pool: Int32(pool),
            priority: priority,
            isOpen: isOpen,
            next: -1,
            previous: -1
        )
        nextNumber &+= 1
        let place: Int32
        if let reused = free.popLast() {
            place = reused
            entries[Int(place)] = entry
        } else {
            place = Int32(entries.count)
            entries.append(entry)
        }
        append(place)
        return place
    }

    /// Takes one out, wherever it stands; nil when nobody stands there.
    @discardableResult
    public mutating func leave(_ place: Int32) -> Entry? {
        guard let entry = self[place] else { return nil }
        let line = WaitingLine.line(Int(entry.pool), entry.priority)
        if entry.previous >= 0 {
            entries[Int(entry.previous)].next = entry.next
        } else {
            lines[line].first = entry.next
        }
        if entry.next >= 0 {
            entries[Int(entry.next)].previous = entry.previous
        } else {
            lines[line].last = entry.previous
        }
        if entry.isOpen { lines[line].open -= 1 }
        entries[Int(place)].pool = -1
        free.append(place)
        counts[Int(entry.pool)] -= 1
        count -= 1
        return entry
    }

    /// The entry at a place; nil when nobody stands there.
    public subscript(place: Int32) -> Entry? {
        guard place >= 0, Int(place) < entries.count, entries[Int(place)].pool >= 0 else {
            return nil
        }
        return entries[Int(place)]
    }

    /// Who came first of those who wait for a pool with a priority; -1 for nobody.
    public func first(pool: Int, _ priority: Priority) -> Int32 {
        counts.indices.contains(pool) ? lines[WaitingLine.line(pool, priority)].first : -1
    }
    /// Who came last.
    public func last(pool: Int, _ priority: Priority) -> Int32 {
        counts.indices.contains(pool) ? lines[WaitingLine.line(pool, priority)].last : -1
    }
    /// Who stands behind a place; -1 for nobody.
    public func next(_ place: Int32) -> Int32 { self[place]?.next ?? -1 }
    /// Number of those who wait for a pool.
    public func count(pool: Int) -> Int { counts.indices.contains(pool) ? counts[pool] : 0 }

    /// True when one who would take any endpoint waits with this priority or before it.
    public func isAhead(pool: Int, of priority: Priority) -> Bool {
        guard count(pool: pool) > 0 else { return false }
        for other in 0...Int(priority.rawValue) where lines[pool * 3 + other].open > 0 {
            return true
        }
        return false
    }

    /// Gives the pools other numbers: `numbers` has the new one of each, nil for a pool that is gone.
    ///
    /// Everybody keeps the place, and the order; returns those whose pool is gone, taken out.
    public mutating func renumber(_ numbers: [Int?], pools: Int) -> [Entry] {
        var orphans: [Entry] = []
        for place in entries.indices where entries[place].pool >= 0 {
            let old = Int(entries[place].pool)
            guard let new = numbers.indices.contains(old) ? numbers[old] : nil, new < pools else {
                if let entry = leave(Int32(place)) { orphans.append(entry) }
                continue
            }
            entries[place].pool = Int32(new)
        }
        var moved = Array(repeating: Ends(), count: pools * Priority.allCases.count)
        var sums = Array(repeating: 0, count: pools)
        for old in counts.indices {
            guard numbers.indices.contains(old), let new = numbers[old], new < pools else {
                continue
            }
            for priority in Priority.allCases {
                moved[WaitingLine.line(new, priority)] = lines[WaitingLine.line(old, priority)]
            }
            sums[new] = counts[old]
        }
        (lines, counts) = (moved, sums)
        return orphans
    }

    private mutating func append(_ place: Int32) {
        let entry = entries[Int(place)]
        let line = WaitingLine.line(Int(entry.pool), entry.priority)
        let last = lines[line].last
        entries[Int(place)].previous = last
        if last >= 0 { entries[Int(last)].next = place } else { lines[line].first = place }
        lines[line].last = place
        if entry.isOpen { lines[line].open += 1 }
        counts[Int(entry.pool)] += 1
        count += 1
    }

    private static func line(_ pool: Int, _ priority: Priority) -> Int {
        pool * 3 + Int(priority.rawValue)
    }
}
