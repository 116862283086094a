// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@Suite struct ByteRingTests {
    @Test func `records come out whole across the seam and too much is dropped`() throws {
        let ring = ByteRing(capacity: 4096)
        let file = try File.openMemory("ring", size: 0)
        defer { file.close() }
        var expected: [UInt8] = []
        for round in 0..<50 {
            let record = [UInt8](repeating: UInt8(round), count: 1000)
            let fits = ring.write(record.span)
            #expect(fits)
            expected += record
            while ring.waiting > 0 { _ = try ring.drain(to: file) }
        }
        let memory = try SharedMemory(file, count: expected.count)
        #expect(memory.read(at: 0, length: expected.count) == expected)
        for _ in 0..<4 { ring.write([UInt8](repeating: 1, count: 1000).span) }
        let fits = ring.write([UInt8](repeating: 1, count: 1000).span)
        #expect(!fits)
        #expect(ring.dropped == 1)
        #expect(ring.discard() == 4000)
        #expect(ring.waiting == 0)
    }
}
