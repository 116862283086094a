// SPDX-License-Identifier: Apache-2.0
internal import Runtime

extension StoreShard {
    /// Records that are looked at while the lock is held once.
    static let sliceSize = 256

    /// Forgets one entry; true for an object.
    ///
    /// A fill goes on for those who read it, and is not found any more.
    private mutating func forget(_ slot: Int, _ mode: PurgeMode) -> Bool {
        let isObject = records[slot].phase == .complete
        if isObject { counts.purges += 1 }
        if isObject, mode == .soft {
            records[slot].isSoft = true
        } else {
            detach(slot)
        }
        return isObject
    }

    /// Forgets all entries of a key; how many objects that were.
    mutating func purge(_ hash: UInt64, _ key: Span<UInt8>, _ mode: PurgeMode) -> Int {
        var count = 0
        var place = chain(hash, key)
        while let slot = place {
            place = next(slot)
            if forget(slot, mode) { count += 1 }
        }
        return count
    }

    /// Forgets entries from one record on that are meant, and all fills whose head is not known yet.
    mutating func purge(
        from first: Int,
        _ mode: PurgeMode,
        where isMeant: (_ key: Span<UInt8>, _ head: Span<UInt8>) -> Bool
    ) -> Int {
        var count = 0
        guard first < records.count else { return 0 }
        for slot in first..<min(first + StoreShard.sliceSize, records.count)
        where records[slot].isIndexed {
            // Of a mark nothing is known either; to ask once more costs little.
            let hasHead = records[slot].headCount > 0
            guard !hasHead || isMeant(keyText(slot), head(slot)) else { continue }
            if forget(slot, mode) { count += 1 }
        }
        return count
    }

    /// What it holds and has done.
    var statistics: CacheStatistics {
        var counts = counts
        counts.octets = used
        return counts
    }
}
