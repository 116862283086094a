// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@Suite struct BufferPoolTests {
    @Test func `the limit holds and blocks come back`() {
        var pool = BufferPool(limit: 64)
        var blocks: [Block] = []
        while true {
            let block = pool.take()
            if block.isNone { break }
            blocks.append(block)
        }
        #expect(blocks.count == 64)
        for block in blocks { pool.give(block) }
        let inUse = pool.inUse
        #expect(inUse == 0)
    }

    @Test func `bytes outside a block cannot be reached`() {
        var pool = BufferPool(limit: 64)
        let block = pool.take()
        let tail = pool.bytes(block, from: BufferPool.blockSize - 4, count: 100).count
        let beyond = pool.bytes(block, from: BufferPool.blockSize + 4, count: 100).count
        let negative = pool.bytes(block, from: -5, count: -5).count
        #expect(tail == 4)
        #expect(beyond == 0)
        #expect(negative == 0)
        let written = pool.write(block, at: BufferPool.blockSize - 3) { output in
            output.write("abcdef")
            output.write("abc")
        }
        #expect(written == 3)
    }

    @Test func `blocks needed since the last trim stay, others read as zero and keep working`() {
        var pool = BufferPool(limit: 128)
        let first = pool.take()
        _ = pool.write(first, at: 0) { $0.write("x") }
        pool.give(first)
        pool.trim()
        let warm = pool.take()
        let kept = pool.bytes(warm, from: 0, count: 1)[0]
        #expect(kept == UInt8(ascii: "x"))
        pool.give(warm)
        pool.trim()
        pool.trim()
        let again = pool.take()
        let byte = pool.bytes(again, from: 0, count: 1)[0]
        #expect(again == first)
        #expect(byte == 0)
    }
}
