// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Objects that an operator puts into the store.
///
/// While it comes, such an object is a fill that nobody finds; once it is whole it takes the place of all that
/// it replaces at once. One that is pinned just does not stand in the queue of what goes for want of room.
extension StoreShard {
    /// Of a part's octets those that pinned objects leave for others: an eighth.
    private var pinnedRoom: Int { budget - budget / 8 }

    // MARK: Pushing

    /// Begins an object that will take so many octets; nil when there is no room.
    mutating func beginPush(_ hash: UInt64, _ key: Span<UInt8>) -> StoredRef? {
        guard let slot = makeEntry(.awaited, hash, key) else { return nil }
        records[slot].isPushed = true
        counts.fills += 1
        return pin(slot)
    }

    /// What an object of these parts will be charged.
    static func charge(text: Int, body: Int, _ tags: TagList) -> Int {
        (max(CellAllocator.cells(text), 1) + CellAllocator.cells(body)) * CellAllocator.cell
            + StoredRecord.cost + octets(tags)
    }

    /// True when so many octets of a pinned object more leave room for others.
    func mayPin(_ octets: Int) -> Bool { counts.pinnedOctets + octets <= pinnedRoom }

    /// Makes a pushed object whole, in the place of all under its key but what was pushed for requests with
    /// other fields; false when it is shorter than was told.
    mutating func closePush(_ fill: StoredRef, isPinned: Bool) -> Bool {
        guard let slot = slot(fill), records[slot].phase == .growing,
            records[slot].length == UInt64(records[slot].written)
        else { return false }
        records[slot].phase = .complete
        counts.fills -= 1
        var place = chain(records[slot].hash, keyText(slot))
        while let other = place {
            place = next(other)
            if isReplaced(other, by: slot) {
                records[slot].take(countsOf: records[other])
                detach(other)
            }
        }
        attach(slot)
        tag(slot, TagList(head(slot), key: key))
        counts.objects += 1
        counts.pushed += 1
        records[slot].isPinned = isPinned
        if isPinned {
            counts.pinned += 1
            counts.pinnedOctets += octets(slot)
        } else {
            enqueue(slot)
        }
        return true
    }

    /// True for what goes when a pushed object comes.
    ///
    /// A fill goes on for those who read it.
    private func isReplaced(_ other: Int, by slot: Int) -> Bool {
        guard records[other].isPushed, records[slot].namesCount > 0,
            StoreShard.isEqual(names(other), names(slot))
        else { return true }
        return records[other].vary == records[slot].vary
    }

    /// Octets of pinned objects under a key that would go for one that varies by these names.
    func pinnedOctets(_ hash: UInt64, _ key: Span<UInt8>, replacedBy names: Bool) -> Int {
        var sum = 0
        var place = chain(hash, key)
        while let slot = place {
            place = next(slot)
            if records[slot].isPinned, !names || records[slot].namesCount == 0 {
                sum += octets(slot)
            }
        }
        return sum
    }

    // MARK: While it is there

    /// True for a pushed object that is fresh: what endpoints say of it meanwhile does not count.
    func isHeld(_ slot: Int, _ now: WallTime) -> Bool {
        records[slot].isPushed && records[slot].phase == .complete
            && records[slot].facts(now).isFresh(now)
    }

    /// True for an answer that would take the place of a pushed object that is fresh.
    func yieldsToPushed(_ slot: Int) -> Bool {
        guard counts.pushed > 0 else { return false }
        var place = chain(records[slot].hash, keyText(slot))
        while let other = place {
            place = next(other)
            guard other != slot, isHeld(other, records[slot].facts.received) else { continue }
            if records[other].namesCount == 0 { return true }
            if records[other].vary == records[slot].vary,
                StoreShard.isEqual(names(other), names(slot))
            {
                return true
            }
        }
        return false
    }

    /// An entry goes: takes it out of the counts.
    mutating func forgetPush(_ slot: Int) {
        guard records[slot].isPushed, records[slot].phase == .complete else { return }
        counts.pushed -= 1
        guard records[slot].isPinned else { return }
        counts.pinned -= 1
        counts.pinnedOctets -= octets(slot)
        records[slot].isPinned = false
    }

    /// Takes pushed objects of what is meant out from one record on; how many, and where to go on.
    mutating func unpush(
        from first: Int,
        where isMeant: (_ key: Span<UInt8>) -> Bool
    ) -> (count: Int, next: Int?) {
        var (count, slot) = (0, first)
        let end = min(first + StoreShard.lookLimit, records.count)
        while slot < end {
            defer { slot += 1 }
            guard records[slot].isIndexed, records[slot].isPushed, isMeant(keyText(slot)) else {
                continue
            }
            if forget(slot, .hard) { count += 1 }
        }
        return (count, slot < records.count ? slot : nil)
    }
}
