// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Content of a request that came on a stream and has not been passed on yet, in arrival order.
///
/// It holds what one stream's window allows, 65,535 bytes, which lie in at most two blocks: the
/// window opens again only as bytes are taken out, so a slow origin costs no more than that.
struct BodyQueue: BitwiseCopyable {
    static let limit = 65_535

    private var first = Block.none
    private var second = Block.none
    /// Where the oldest byte lies in the first block.
    private var start: Int32 = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// Keeps a copy of the bytes; false when they exceed the window, or no block is left.
    mutating func append(_ bytes: Span<UInt8>, in buffers: inout BufferPool) -> Bool {
        guard count &+ bytes.count <= BodyQueue.limit else { return false }
        var done = 0
        while done < bytes.count {
            let end = Int(start) &+ count
            guard let block = block(end / BufferPool.blockSize, in: &buffers) else { return false }
            let offset = end % BufferPool.blockSize
            let part = min(bytes.count &- done, BufferPool.blockSize &- offset)
            let piece = bytes.extracting(done..<(done &+ part))
            _ = buffers.write(block, at: offset) { $0.write(piece) }
            done &+= part
            count &+= part
        }
        return true
    }

    /// Moves up to `most` of the oldest bytes into another block; returns how many.
    mutating func take(
        _ most: Int,
        into target: Block,
        at place: Int,
        in buffers: inout BufferPool
    ) -> Int {
        var done = 0
        while done < most, count > 0 {
            let part = min(most &- done, count, BufferPool.blockSize &- Int(start))
            buffers.copy(from: first, at: Int(start), to: target, at: place &+ done, count: part)
            done &+= part
            count &-= part
            start &+= Int32(part)
            guard count == 0 || Int(start) == BufferPool.blockSize else { continue }
            if count == 0 {
                giveBack(to: &buffers)
            } else {
                buffers.give(first)
                first = second
                second = .none
                start = 0
            }
        }
        return done
    }

    /// Gives all blocks back.
    mutating func giveBack(to buffers: inout BufferPool) {
        buffers.give(first)
        buffers.give(second)
        self = BodyQueue()
    }

    // The block of a number, taken when the first byte gets there.
    private mutating func block(_ number: Int, in buffers: inout BufferPool) -> Block? {
        switch number {
        case 0:
            if first.isNone { first = buffers.take() }
            return first.isNone ? nil : first
        case 1:
            if second.isNone { second = buffers.take() }
            return second.isNone ? nil : second
        default: return nil
        }
    }
}
