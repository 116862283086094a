// SPDX-License-Identifier: Apache-2.0

/// Cells that lie one behind the other.
struct CellRun: BitwiseCopyable, Sendable, Equatable {
    /// The first of them.
    var start: UInt32
    /// How many.
    var count: UInt32

    static let empty = CellRun(start: 0, count: 0)

    var end: Int { Int(start) + Int(count) }
}

/// Where an object's octets lie: a few runs of cells, in order.
struct Extents: BitwiseCopyable, Sendable {
    /// The most runs of an object.
    static let limit = 12

    private var starts = InlineArray<12, UInt32>(repeating: 0)
    private var counts = InlineArray<12, UInt16>(repeating: 0)
    /// Number of runs.
    private(set) var runs: UInt8 = 0
    /// Number of cells in all of them.
    private(set) var cells: UInt32 = 0

    /// Octets that fit.
    var capacity: Int { Int(cells) * CellAllocator.cell }

    subscript(index: Int) -> CellRun {
        guard index >= 0, index < Int(runs) else { return .empty }
        return CellRun(start: starts[index], count: UInt32(counts[index]))
    }

    /// Takes a run in behind the others; false when there are too many of them.
    mutating func append(_ run: CellRun) -> Bool {
        guard run.count > 0, run.count <= UInt32(UInt16.max) else { return run.count == 0 }
        let last = Int(runs) - 1
        if last >= 0, self[last].end == Int(run.start),
            UInt32(counts[last]) + run.count <= UInt32(UInt16.max)
        {
            counts[last] += UInt16(run.count)
            cells += run.count
            return true
        }
        guard Int(runs) < Extents.limit else { return false }
        starts[Int(runs)] = run.start
        counts[Int(runs)] = UInt16(run.count)
        runs += 1
        cells += run.count
        return true
    }

    /// Takes at most `most` cells off the end of the last run.
    mutating func removeLast(_ most: Int) -> CellRun {
        let last = Int(runs) - 1
        guard last >= 0, most > 0 else { return .empty }
        let run = self[last]
        let taken = UInt32(min(most, Int(run.count)))
        counts[last] -= UInt16(taken)
        cells -= taken
        if counts[last] == 0 { runs -= 1 }
        return CellRun(start: run.start + run.count - taken, count: taken)
    }

    /// Where the octet at `offset` lies, counted from the first cell of all, and how many follow it
    /// without a gap; none behind the end.
    func place(at offset: Int) -> (place: Int, count: Int) {
        var rest = max(offset, 0)
        for index in 0..<Int(runs) {
            let size = Int(counts[index]) * CellAllocator.cell
            if rest < size {
                return (Int(starts[index]) * CellAllocator.cell + rest, size - rest)
            }
            rest -= size
        }
        return (0, 0)
    }
}
