// SPDX-License-Identifier: Apache-2.0

/// Gives out the cells of a piece of memory: a buddy allocator (Knowlton, 1965).
///
/// Free memory is kept as blocks of 2^k cells that begin at a multiple of their size. A block is halved
/// until it just holds what is asked for; what is left over of it goes back at once, so that an object
/// takes no more than its octets rounded up to whole cells. A block that comes back joins its other half
/// when that is free too. Of several blocks the one with the lowest address is taken, which leaves the
/// upper memory whole.
///
///     asked for 5 cells:   [ 8 free ]  ──▶  [ 4 taken ][ 1 taken ][ 1 free ][ 2 free ]
///
/// It knows numbers of cells only, and touches no memory.
struct CellAllocator: Sendable {
    /// Octets in a cell.
    static let cell = 512
    /// The largest block has 2^13 cells: 4 MiB.
    static let topOrder = 13

    // The free blocks of each size, by their number among blocks of that size.
    private var free: [BitTree]
    /// Number of all cells.
    let cells: Int
    /// Cells that are given out.
    private(set) var inUse: Int

    /// All of so many cells are free.
    init(cells: Int) {
        let cells = min(max(cells, 0), Int(UInt32.max))
        self.cells = cells
        inUse = cells
        free = (0...CellAllocator.topOrder).map { BitTree(count: cells >> $0) }
        give(CellRun(start: 0, count: UInt32(cells)))
    }

    /// Whole cells for so many octets.
    static func cells(_ octets: Int) -> Int {
        let octets = max(octets, 0)
        return octets / cell + (octets % cell == 0 ? 0 : 1)
    }

    /// The order of the smallest block that holds so many cells, or of the largest there is.
    private static func order(_ cells: Int) -> Int {
        guard cells > 1 else { return 0 }
        return min(Int.bitWidth - (cells - 1).leadingZeroBitCount, topOrder)
    }

    /// Cells without a gap between them; nil when there is no such place.
    mutating func run(_ cells: Int) -> CellRun? {
        guard cells > 0, cells <= 1 << CellAllocator.topOrder else { return nil }
        return block(CellAllocator.order(cells), keeping: cells)
    }

    /// Adds so many cells to what an object has: of the largest blocks that there are, if need be.
    ///
    /// False when there is no room, or in too many pieces; then nothing has changed.
    mutating func grow(_ extents: inout Extents, by cells: Int) -> Bool {
        let before = Int(extents.cells)
        guard cells <= self.cells - inUse else { return false }
        var rest = max(cells, 0)
        while rest > 0 {
            guard let run = piece(rest) else {
                trim(&extents, to: before)
                return false
            }
            guard extents.append(run) else {
                give(run)
                trim(&extents, to: before)
                return false
            }
            rest -= Int(run.count)
        }
        return true
    }

    /// Gives back what an object has behind so many cells.
    mutating func trim(_ extents: inout Extents, to cells: Int) {
        while Int(extents.cells) > max(cells, 0) {
            let run = extents.removeLast(Int(extents.cells) - max(cells, 0))
            guard run.count > 0 else { return }
            give(run)
        }
    }

    /// Gives cells back.
    mutating func give(_ run: CellRun) {
        guard run.end <= cells else { return }
        var (start, rest) = (Int(run.start), Int(run.count))
        inUse -= rest
        while rest > 0 {
            let aligned = start == 0 ? CellAllocator.topOrder : start.trailingZeroBitCount
            let fitting = Int.bitWidth - 1 - rest.leadingZeroBitCount
            let order = min(aligned, fitting, CellAllocator.topOrder)
            join(start, order)
            start += 1 << order
            rest -= 1 << order
        }
    }

    /// At most so many cells: just these where a block holds them, else the largest block of all.
    private mutating func piece(_ wanted: Int) -> CellRun? {
        let order = CellAllocator.order(wanted)
        if let run = block(order, keeping: min(wanted, 1 << order)) { return run }
        for smaller in (0..<order).reversed() where free[smaller].first != nil {
            return block(smaller, keeping: 1 << smaller)
        }
        return nil
    }

    /// The first cells of a block of 2^order; the others stay free.
    private mutating func block(_ order: Int, keeping count: Int) -> CellRun? {
        for larger in order...CellAllocator.topOrder {
            guard let number = free[larger].first else { continue }
            free[larger].remove(number)
            let (start, size) = (number << larger, 1 << larger)
            inUse += size
            let rest = CellRun(start: UInt32(start + count), count: UInt32(size - count))
            give(rest)
            return CellRun(start: UInt32(start), count: UInt32(count))
        }
        return nil
    }

    /// Takes a block back, together with its other half where that is free.
    private mutating func join(_ start: Int, _ order: Int) {
        var (start, order) = (start, order)
        while order < CellAllocator.topOrder {
            let other = start ^ (1 << order)
            guard free[order].contains(other >> order) else { break }
            free[order].remove(other >> order)
            start &= ~(1 << order)
            order += 1
        }
        free[order].insert(start >> order)
    }
}
