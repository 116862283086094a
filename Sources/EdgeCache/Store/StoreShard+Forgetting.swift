// SPDX-License-Identifier: Apache-2.0
internal import Runtime

extension StoreShard {
    /// Records that are looked at while the lock is held once.
    static let lookLimit = 256
    /// Entries that are forgotten while the lock is held once: what each of them has lies somewhere else.
    static let forgetLimit = 32

    /// Forgets one entry; true for an object.
    ///
    /// A fill goes on for those who read it, and is not found any more.
    mutating func forget(_ slot: Int, _ mode: PurgeMode) -> Bool {
        let isObject = records[slot].phase == .complete
        if isObject { counts.purges += 1 }
        if isObject, mode == .soft {
            records[slot].isSoft = true
            if records[slot].disk != DiskIndex.none { disk[Int(records[slot].disk)].isSoft = true }
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

    /// Forgets entries from one record on that are meant, and all fills whose head is not known yet; how many
    /// objects that were, and where to go on.
    mutating func purge(
        from first: Int,
        _ mode: PurgeMode,
        where isMeant: (_ key: Span<UInt8>, _ head: Span<UInt8>) -> Bool
    ) -> (count: Int, next: Int?) {
        var (count, forgotten, slot) = (0, 0, first)
        let end = min(first + StoreShard.lookLimit, records.count)
        while slot < end, forgotten < StoreShard.forgetLimit {
            defer { slot += 1 }
            guard records[slot].isIndexed else { continue }
            // Of a mark nothing is known either; to ask once more costs little.
            let hasHead = records[slot].headCount > 0
            guard !hasHead || isMeant(keyText(slot), head(slot)) else { continue }
            if forget(slot, mode) { count += 1 }
            forgotten += 1
        }
        return (count, slot < records.count ? slot : nil)
    }

    /// What it holds and has done.
    var statistics: CacheStatistics {
        var counts = counts
        counts.octets = used
        counts.diskObjects = disk.count
        return counts
    }
}
