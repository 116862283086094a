// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// Fetching what a batch of lookups needs, for all of them at once.
///
/// A lookup is a chain of three loads, each of which needs the one before: slot, node, name.
/// Between two batches the kernel's network code takes the caches, so each is a miss of 30 to 100 ns, and
/// nearly nine tenths of the time of ``ZoneView/find(_:at:_:type:)`` went into waiting for them.
/// Here the same loads are done step by step for the whole batch: the loads of one step do not
/// depend on each other, so the processor has many of them under way at a time.
struct LookupWarmer: BitwiseCopyable {
    private var places = InlineArray<64, UInt32>(repeating: 0)
    /// Takes up what was loaded, so that the compiler keeps the loads.
    private(set) var residue: UInt32 = 0

    @inline(__always)
    mutating func warm(_ queries: borrowing [DNSQuery], count: Int, _ view: ZoneView) {
        let count = min(count, places.count, queries.count)
        guard count > 1, view.nodes.count > 0 else { return }
        let mask = view.slots.count &- 1
        for index in 0..<count {
            let slot = Int(truncatingIfNeeded: queries[index].name.hash.value) & mask
            places[index] = UInt32(truncatingIfNeeded: view.slots[slot])
        }
        for index in 0..<count {
            // An empty slot stands for node 0: any will do.
            let node = view.nodes[max(Int(places[index]) &- 1, 0)]
            places[index] = node.nameOffset
            residue &+= node.firstSet < view.sets.count ? view.sets[Int(node.firstSet)].offset : 0
        }
        for index in 0..<count { residue &+= UInt32(view.bytes[Int(places[index])]) }
    }
}
