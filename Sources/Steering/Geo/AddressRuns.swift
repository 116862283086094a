// SPDX-License-Identifier: Apache-2.0

/// A partition of one family's addresses into runs: neighbours that have one value.
///
/// A run need not be a prefix. What is stored is where each run begins and nothing else, because
/// the largest prefix round an address that stays inside its run follows from the two ends:
///
///         run before |            the run             | run after
///     ---------------+--------------------------------+-----------
///                    first        address             next
///
/// A prefix leaves the run when it reaches `first - 1` or `next`, so it must be one bit longer
/// than what the address shares with either. Two runs beside each other never have one value
/// (save at a wall, see ``RunsWriter``), so no shorter prefix would do: its other half holds
/// another value. That is the widest scope an answer may claim, with no two scopes overlapping.
struct AddressRuns<Key: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
    /// First address of each run, ascending, the first one 0.
    let starts: [Key]
    /// Value of each run.
    let values: [UInt32]
    // Where in `starts` to look: of the addresses from the second start on, cut into equal parts, the
    // run that holds the first of each, and behind them the last run. Networks are spread so evenly
    // that two or three starts are left to compare with; at worst all, in a binary search. Empty for
    // small tables.
    private let index: [UInt32]
    private let shift: Int
    // Number of each run's group: neighbours with one coarse key. Empty when each is its own.
    private var groups: [UInt32] = []
    // First address of each group.
    private var groupStarts: [Key] = []

    // Below so many runs an index saves no step that its own lookup does not cost.
    private static var leastIndexed: Int { 64 }
    private static var mostIndexed: Int { 1 << 16 }

    init(starts: [Key], values: [UInt32]) {
        self.starts = starts
        self.values = values
        (index, shift) = Self.index(of: starts)
    }

    private static func index(of starts: [Key]) -> ([UInt32], Int) {
        guard starts.count >= leastIndexed, let last = starts.last else { return ([], 0) }
        let base = starts[1]
        let size = Key(min(starts.count, mostIndexed))
        let span = last &- base
        var shift = 0
        while span &>> Key(shift) >= size { shift += 1 }
        let parts = Int(span &>> Key(shift)) + 1
        var index: [UInt32] = []
        index.reserveCapacity(parts + 1)
        var place = 1
        for part in 0..<parts {
            let first = base &+ Key(part) &<< Key(shift)
            while place + 1 < starts.count, starts[place + 1] <= first { place += 1 }
            index.append(UInt32(truncatingIfNeeded: place))
        }
        index.append(UInt32(truncatingIfNeeded: starts.count - 1))
        return (index, shift)
    }

    var count: Int { starts.count }

    /// True when one coarse key covers the family.
    var isCoarselyUniform: Bool { groups.isEmpty ? starts.count == 1 : groupStarts.count == 1 }

    func find(_ address: Key) -> PrefixTable.Match {
        let place = place(of: address)
        let length = Self.length(address, starts.span, place)
        let coarse =
            groups.isEmpty ? length : Self.length(address, groupStarts.span, Int(groups[place]))
        return PrefixTable.Match(
            value: values[place],
            length: UInt8(truncatingIfNeeded: length),
            coarseLength: UInt8(truncatingIfNeeded: coarse)
        )
    }

    private func place(of address: Key) -> Int {
        let (starts, index) = (starts.span, index.span)
        guard index.count > 1 else {
            return Self.last(starts, from: 0, count: starts.count, upTo: address)
        }
        let base = starts[1]
        guard address >= base else { return 0 }
        let part = (address &- base) &>> Key(shift)
        let place = min(Int(truncatingIfNeeded: min(part, Key(UInt32.max))), index.count &- 2)
        let low = Int(index[place])
        return Self.last(
            starts,
            from: low,
            count: Int(index[place &+ 1]) &- low &+ 1,
            upTo: address
        )
    }

    // The last place whose key is not above the address; that of `low` never is.
    private static func last(
        _ keys: Span<Key>,
        from low: Int,
        count: Int,
        upTo address: Key
    ) -> Int {
        var place = low
        var remaining = count
        while remaining > 1 {
            let half = remaining &>> 1
            // Both ways take the same steps, so that no branch has to be predicted.
            place = keys[place &+ half] <= address ? place &+ half : place
            remaining &-= half
        }
        return place
    }

    private static func length(_ address: Key, _ starts: Span<Key>, _ place: Int) -> Int {
        var length = 0
        if place > 0 {
            length = (address ^ (starts[place] &- 1)).leadingZeroBitCount &+ 1
        }
        if place &+ 1 < starts.count {
            length = max(length, (address ^ starts[place &+ 1]).leadingZeroBitCount &+ 1)
        }
        return length
    }
}

extension AddressRuns {
    /// Joins neighbours whose `key` is equal into groups; a run whose key is nil stands alone.
    mutating func group(by key: (_ place: Int) -> UInt32?) {
        var numbers: [UInt32] = []
        var firsts: [Key] = []
        numbers.reserveCapacity(count)
        var before: UInt32?
        for place in starts.indices {
            let key = key(place)
            if firsts.isEmpty || key == nil || key != before { firsts.append(starts[place]) }
            numbers.append(UInt32(truncatingIfNeeded: firsts.count - 1))
            before = key
        }
        guard firsts.count < count else { return }
        (groups, groupStarts) = (numbers, firsts)
    }

    /// The largest prefixes that make up the run at `place`, in ascending order.
    func blocks(at place: Int) -> [(start: Key, length: Int)] {
        let last = place + 1 < count ? starts[place + 1] &- 1 : Key.max
        var blocks: [(start: Key, length: Int)] = []
        var start = starts[place]
        while true {
            let left = last &- start
            // The free bits: as many as the start is aligned to, and as fit in what is left.
            let fitting =
                left == .max ? Key.bitWidth : Key.bitWidth - 1 - (left &+ 1).leadingZeroBitCount
            let free = min(start.trailingZeroBitCount, fitting)
            blocks.append((start, Key.bitWidth - free))
            let end = start | (free == Key.bitWidth ? .max : (1 << Key(free)) &- 1)
            guard end < last else { return blocks }
            start = end &+ 1
        }
    }
}
