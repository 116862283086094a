// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension StoreShard {
    /// What so many tags are charged.
    static func octets(_ tags: TagList) -> Int { tags.count * TagIndex.cost }

    /// Notes the tags of an entry that can be found.
    mutating func tag(_ slot: Int, _ list: TagList) {
        if records[slot].tags == TagIndex.none { linkURL(slot) }
        for number in 0..<list.count {
            guard let link = tags.insert(list[number], slot: slot, other: records[slot].tags)
            else { return }
            records[slot].tags = link
            records[slot].tagCount += 1
        }
    }

    /// Forgets the tags of an entry.
    mutating func untag(_ slot: Int) {
        while records[slot].tags != TagIndex.none {
            records[slot].tags = tags.remove(records[slot].tags)
        }
        records[slot].tagCount = 0
    }

    /// Begins to forget what has a tag, what comes with it later on but was asked for before included; nil
    /// when nothing that is here has it.
    mutating func beginPurge(_ digest: UInt64) -> UInt32? {
        purges.note(digest)
        return tags.beginWalk(digest)
    }

    /// Forgets some more of what has a tag; how many objects that were, and whether there may be more.
    mutating func purge(
        _ tag: Span<UInt8>,
        _ mark: UInt32,
        _ mode: PurgeMode
    ) -> (count: Int, isOver: Bool) {
        var count = 0
        for _ in 0..<StoreShard.forgetLimit {
            guard let slot = tags.step(mark) else { return (count, true) }
            // Two tags may have one digest.
            guard TagReader.has(tag, head(slot)) else { continue }
            if forget(slot, mode) { count += 1 }
        }
        return (count, false)
    }
}
