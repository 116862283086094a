// SPDX-License-Identifier: Apache-2.0

/// Walks several partitions of one family side by side, from boundary to boundary.
struct JointWalk<Key: FixedWidthInteger & UnsignedInteger & Sendable> {
    private let tables: [AddressRuns<Key>]
    private var places: [Int]
    /// The value of each table where the walk stands.
    private(set) var values: [UInt32]
    /// Where the walk stands.
    private(set) var start: Key = 0
    /// The first table whose value changed with the last step; the number of tables for none.
    private(set) var firstChanged = 0

    init(_ tables: [AddressRuns<Key>]) {
        self.tables = tables
        places = tables.map { _ in 0 }
        values = tables.map { $0.values[0] }
    }

    /// Goes to the next boundary, which `stop` is too; false at the end.
    mutating func advance(stop: Key?) -> Bool {
        var next = stop
        for (table, place) in zip(tables, places) where place + 1 < table.count {
            let start = table.starts[place + 1]
            next = min(next ?? start, start)
        }
        guard let next else { return false }
        start = next
        firstChanged = tables.count
        for index in tables.indices.reversed() {
            let place = places[index] + 1
            guard place < tables[index].count, tables[index].starts[place] == next else {
                continue
            }
            places[index] = place
            values[index] = tables[index].values[place]
            firstChanged = index
        }
        return true
    }
}

/// The results of `combine`, each asked for once.
///
/// A tuple is found by a path through one dictionary per table, from the number of its beginning
/// and the next value to the number of the longer beginning. So a step of the walk looks up only
/// what changed, and no tuple is made into an array but the new ones.
struct TupleResults {
    private var levels: [[UInt64: UInt32]]
    private var path: [UInt32]
    private var results: [UInt32] = []

    /// No results yet, for tuples of `count` values.
    init(count: Int) {
        levels = Array(repeating: [:], count: count)
        path = Array(repeating: 0, count: count)
    }

    /// The refinement of partitions of one family.
    mutating func join<Key>(
        _ tables: [AddressRuns<Key>],
        _ combine: ([UInt32]) -> UInt32
    ) -> AddressRuns<Key> {
        var walk = JointWalk(tables)
        var runs = RunsWriter<Key>()
        runs.append(0, result(walk.values, from: 0, combine))
        while walk.advance(stop: nil) {
            runs.append(walk.start, result(walk.values, from: walk.firstChanged, combine))
        }
        return runs.finish()
    }

    /// The refinement of partitions of IPv6, whose `ranges` follow the runs of IPv4.
    mutating func join(
        _ tables: [AddressRuns<UInt128>],
        around ranges: [ClosedRange<UInt128>],
        _ v4: AddressRuns<UInt32>,
        _ combine: ([UInt32]) -> UInt32
    ) -> AddressRuns<UInt128> {
        var walk = JointWalk(tables)
        var runs = RunsWriter<UInt128>()
        var ranges = ranges[...]
        runs.append(0, result(walk.values, from: 0, combine))
        // What changed inside a range, where no result is asked for, counts at its end.
        var changed = tables.count
        while true {
            let range = ranges.first
            let isInside = range.map { $0.contains(walk.start) } ?? false
            let stop = range.map { isInside ? $0.upperBound + 1 : $0.lowerBound }
            guard walk.advance(stop: stop) else { return runs.finish() }
            changed = min(changed, walk.firstChanged)
            if isInside, walk.start == stop { ranges.removeFirst() }
            if let next = ranges.first, next.contains(walk.start) {
                guard walk.start == next.lowerBound else { continue }
                runs.append(walk.start, v4.values[0], isWall: v4.count > 1)
            } else {
                runs.append(walk.start, result(walk.values, from: changed, combine))
                changed = tables.count
            }
        }
    }

    private mutating func result(
        _ values: [UInt32],
        from changed: Int,
        _ combine: ([UInt32]) -> UInt32
    ) -> UInt32 {
        for level in changed..<values.count {
            let beginning = level == 0 ? 0 : path[level - 1]
            let key = UInt64(beginning) << 32 | UInt64(values[level])
            if let known = levels[level][key] {
                path[level] = known
            } else {
                path[level] = UInt32(truncatingIfNeeded: levels[level].count)
                levels[level][key] = path[level]
            }
        }
        let number = Int(path.last ?? 0)
        if number == results.count { results.append(combine(values)) }
        return results[number]
    }
}
