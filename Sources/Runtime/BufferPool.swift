// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Names one block of a ``BufferPool``.
public struct Block: Equatable, Sendable, BitwiseCopyable {
    @usableFromInline let index: Int32

    @usableFromInline init(index: Int32) { self.index = index }
    /// No block.
    @inlinable public static var none: Block { Block(index: -1) }
    /// True for ``none``.
    @inlinable public var isNone: Bool { index < 0 }
}

/// Byte blocks of one size for one thread, taken only while there are bytes in hand.
///
/// Blocks come in chunks from the kernel. They are reused last-in first-out, so that a quiet worker
/// works in few warm pages; ``trim()`` gives the pages of blocks that lie idle back to the kernel.
@safe public struct BufferPool: ~Copyable {
    /// Bytes in one block: a whole message head fits, and large bodies move in few calls.
    ///
    /// As much as a packet over loopback holds: smaller blocks cut each of them in two. Only the pages
    /// that bytes reach are ever touched, so a small request pays for 4 KiB.
    public static let blockSize = 65_536
    static let blocksPerChunk = 64

    /// The most blocks that will ever be given out.
    public let limit: Int
    var chunks: [UnsafeMutableRawPointer] = unsafe []
    var free: [Int32] = []
    var created = 0
    /// Blocks at the bottom of `free` whose pages the kernel has back already.
    var trimmed = 0
    /// The fewest blocks that were free since the last ``trim()``.
    var lowest = 0

    /// An empty pool; memory is taken from the kernel on demand.
    public init(limit: Int) { self.limit = limit }

    /// Blocks that are in use.
    public var inUse: Int { created - free.count }

    /// Takes a block; ``Block/none`` when the limit is reached or the kernel has no memory.
    public mutating func take() -> Block {
        if free.isEmpty { grow() }
        guard let index = free.popLast() else { return .none }
        if free.count < lowest {
            lowest = free.count
            if lowest < trimmed { trimmed = lowest }
        }
        return Block(index: index)
    }

    /// Gives a block back; ``Block/none`` is ignored.
    public mutating func give(_ block: Block) {
        guard !block.isNone else { return }
        free.append(block.index)
    }

    private mutating func grow() {
        guard created < limit else { return }
        let size = BufferPool.blockSize * BufferPool.blocksPerChunk
        let memory = unsafe mmap(
            nil,
            size,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS,
            -1,
            0
        )
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return }
        unsafe chunks.append(memory)
        // In reverse, so that the first block is the first one used.
        for index in (created..<created + BufferPool.blocksPerChunk).reversed() {
            free.append(Int32(index))
        }
        created += BufferPool.blocksPerChunk
    }

    /// Gives the pages of blocks that were not needed since the last call back to the kernel.
    public mutating func trim() {
        let end = max(min(lowest, free.count), trimmed)
        for place in trimmed..<end {
            unsafe madvise(base(Block(index: free[place])), BufferPool.blockSize, MADV_DONTNEED)
        }
        trimmed = end
        lowest = free.count
    }

    // Every caller passes a block that came from take(); a wrong one is stopped by `chunks[]`.
    func base(_ block: Block) -> UnsafeMutablePointer<UInt8> {
        let chunk = unsafe chunks[Int(block.index) / BufferPool.blocksPerChunk]
        let offset = Int(block.index) % BufferPool.blocksPerChunk * BufferPool.blockSize
        return unsafe (chunk + offset).assumingMemoryBound(to: UInt8.self)
    }

    /// Cuts a wish for bytes to what lies inside a block.
    private func clamped(_ start: Int, _ count: Int) -> Range<Int> {
        let from = min(max(start, 0), BufferPool.blockSize)
        return from..<from + min(max(count, 0), BufferPool.blockSize - from)
    }

    /// The bytes of a block in a range that is cut to the block; empty for ``Block/none``.
    ///
    /// The span carries no borrow of the pool, or no door could read one block while it writes
    /// another. That is memory safe because chunks stay mapped for the life of the process; a
    /// span kept beyond the block's return would merely show another owner's bytes.
    @_lifetime(immortal)
    public func bytes(_ block: Block, from start: Int, count: Int) -> Span<UInt8> {
        guard !block.isNone else { return Span() }
        let range = clamped(start, count)
        let span = unsafe Span(_unsafeStart: base(block) + range.lowerBound, count: range.count)
        return unsafe _overrideLifetime(span, borrowing: ())
    }

    /// Reads from a socket into the block between `start` and `end`.
    public mutating func receive(
        _ fd: FileDescriptor,
        into block: Block,
        at start: Int,
        upTo end: Int = BufferPool.blockSize
    ) -> IOResult {
        let range = clamped(start, end &- start)
        guard !block.isNone, !range.isEmpty else { return .count(0) }
        let result = unsafe mt_recv(fd.raw, base(block) + range.lowerBound, range.count)
        return IOResult(result, zeroIsEnd: true)
    }

    /// Lets `body` write into the block from `start` on; returns the number of bytes written.
    public mutating func write(
        _ block: Block,
        at start: Int,
        _ body: (inout OutputSpan<UInt8>) -> Void
    ) -> Int {
        guard !block.isNone else { return 0 }
        let range = clamped(start, BufferPool.blockSize)
        let buffer = unsafe UnsafeMutableBufferPointer(
            start: base(block) + range.lowerBound,
            count: range.count
        )
        var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        body(&output)
        return unsafe output.finalize(for: buffer)
    }

    /// Copies bytes from one block into another, or within one; cut to what fits.
    public mutating func copy(
        from source: Block,
        at sourceStart: Int,
        to target: Block,
        at targetStart: Int,
        count: Int
    ) {
        guard !source.isNone, !target.isNone else { return }
        let from = clamped(sourceStart, count)
        let to = clamped(targetStart, from.count)
        unsafe memmove(base(target) + to.lowerBound, base(source) + from.lowerBound, to.count)
    }
}
