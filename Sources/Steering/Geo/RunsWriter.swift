// SPDX-License-Identifier: Apache-2.0

/// Writes runs in ascending order and joins neighbours that have one value.
struct RunsWriter<Key: FixedWidthInteger & UnsignedInteger & Sendable> {
    private var starts: [Key] = []
    private var values: [UInt32] = []
    private var isBehindWall = false

    /// Begins a run at `start`, which is not below the starts before it.
    ///
    /// A second run at one start takes the place of the first. A wall is never joined with a
    /// neighbour: it stands for a range whose values are looked up elsewhere.
    mutating func append(_ start: Key, _ value: UInt32, isWall: Bool = false) {
        if let last = starts.last, last == start {
            starts.removeLast()
            values.removeLast()
        }
        if !isWall, !isBehindWall, let last = values.last, last == value { return }
        isBehindWall = isWall
        starts.append(start)
        values.append(value)
    }

    /// The runs, in arrays no larger than they must be.
    consuming func finish() -> AddressRuns<Key> {
        guard starts.capacity > starts.count + starts.count / 4 else {
            return AddressRuns(starts: starts, values: values)
        }
        return AddressRuns(starts: Array(starts[...]), values: Array(values[...]))
    }
}

/// A network of one family on its way into runs.
struct NetworkEntry<Key: FixedWidthInteger & UnsignedInteger & Sendable> {
    let first: Key
    let last: Key
    let value: UInt32
    let order: UInt32

    /// The network of `length` bits at `first`.
    init(first: Key, length: Int, value: UInt32, order: Int) {
        self.first = first
        last = length == 0 ? .max : first | ((1 << Key(Key.bitWidth - length)) &- 1)
        self.value = value
        self.order = UInt32(truncatingIfNeeded: order)
    }

    // Outer networks before what lies in them; of two equal ones the later counts.
    static func precedes(_ one: NetworkEntry, _ other: NetworkEntry) -> Bool {
        if one.first != other.first { return one.first < other.first }
        if one.last != other.last { return one.last > other.last }
        return one.order < other.order
    }
}

extension AddressRuns {
    /// The runs of networks that may lie in each other: the innermost one counts.
    ///
    /// One sweep in address order with a stack of the networks that are open: O(n log n) for the
    /// sort, and nothing to sort when the networks come in order.
    init(_ networks: [NetworkEntry<Key>], otherwise: UInt32) {
        var networks = networks
        let isSorted = zip(networks, networks.dropFirst()).allSatisfy {
            !NetworkEntry.precedes($1, $0)
        }
        if !isSorted { networks.sort(by: NetworkEntry.precedes) }
        var runs = RunsWriter<Key>()
        runs.append(0, otherwise)
        var open: [(last: Key, value: UInt32)] = []
        for network in networks {
            Self.close(&open, before: network.first, otherwise, &runs)
            runs.append(network.first, network.value)
            open.append((network.last, network.value))
        }
        Self.close(&open, before: nil, otherwise, &runs)
        self = runs.finish()
    }

    private static func close(
        _ open: inout [(last: Key, value: UInt32)],
        before limit: Key?,
        _ otherwise: UInt32,
        _ runs: inout RunsWriter<Key>
    ) {
        while let innermost = open.last, limit.map({ innermost.last < $0 }) ?? true {
            open.removeLast()
            guard innermost.last < .max else { continue }
            runs.append(innermost.last + 1, open.last?.value ?? otherwise)
        }
    }
}
