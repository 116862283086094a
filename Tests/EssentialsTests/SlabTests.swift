// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@Suite struct SlabTests {
    @Test func `a stale handle is recognised after reuse`() {
        var slab = Slab<Int>(limit: 2)
        let first = slab.insert(1) ?? .none
        slab.remove(first)
        let second = slab.insert(2) ?? .none
        #expect(first.index == second.index)
        let stale = slab.contains(first)
        let fresh = slab.contains(second)
        #expect(!stale)
        #expect(fresh)
        let removedTwice = slab.remove(first)
        #expect(!removedTwice)
        let count = slab.count
        #expect(count == 1)
    }

    @Test func `a full slab refuses`() {
        var slab = Slab<Int>(limit: 1)
        let first = slab.insert(1)
        let second = slab.insert(2)
        #expect(first != nil)
        #expect(second == nil)
    }
}
