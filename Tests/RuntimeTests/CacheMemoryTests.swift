// SPDX-License-Identifier: Apache-2.0
import Runtime
import Testing

@Suite struct CacheMemoryTests {
    private func count(_ memory: CacheMemory, _ start: Int, _ count: Int) -> Int {
        memory.bytes(at: start, count: count).count
    }

    private func first(_ memory: CacheMemory, _ start: Int) -> UInt8 {
        memory.bytes(at: start, count: 1)[0]
    }

    @Test func `what is written is there, and nothing is written outside`() throws {
        let memory = try CacheMemory(count: 10_000)
        let octets: [UInt8] = [1, 2, 3, 4, 5, 6]
        memory.write(at: 9_996, octets.span)
        #expect(count(memory, 9_996, 100) == 4)
        #expect(first(memory, 9_999) == 4)
        #expect(count(memory, 20_000, 5) == 0)
        #expect(count(memory, 5, -1) == 0)
        let written = memory.write(at: 9_990, limit: 100) { output in
            while output.freeCapacity > 0 { output.append(7) }
        }
        #expect(written == 10)
        #expect(first(memory, 9_996) == 7)
    }

    @Test func `what is given back reads as zeros`() throws {
        let memory = try CacheMemory(count: 4 * 4096)
        let nine: [UInt8] = [9]
        for place in stride(from: 0, to: memory.count, by: 512) {
            memory.write(at: place, nine.span)
        }
        memory.discard(at: 100, count: 2 * 4096)
        #expect(first(memory, 3584) == 9, "its page is not whole")
        #expect(first(memory, 4096) == 0)
        #expect(first(memory, 8192) == 9)
        memory.discard(at: 0, count: memory.count)
        #expect(first(memory, 3584) == 0)
    }
}
