// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Synchronization

/// What became of an object that an operator put into a store.
public enum PushAnswer: Sendable, Equatable {
    /// It is stored; so many octets of memory it takes.
    case kept(memory: Int)
    /// It is greater than objects may be.
    case tooLarge
    /// There is no room for it.
    case noRoom
    /// Pinned objects would take more than they may, in all: so many octets they take now, and this one.
    case overLimit(inUse: Int, needed: Int)
    /// Of the part of the store that its key falls on, pinned objects would take nearly all.
    case partFull
}

extension CacheStore {
    /// Stores a whole object for all requests with this key that say the same in the fields that its `Vary`
    /// names.
    ///
    /// It takes the place of all that is stored under the key, but for what was pushed for requests with other
    /// fields; what is being fetched meanwhile goes to those who wait for it and is not kept. A pinned one
    /// does not go for want of room; all pinned objects together take at most `pinnedLimit` octets, which
    /// those who push one object at a time can be sure of. Copies everything: nothing for loops that serve.
    public func push(
        _ key: Span<UInt8>,
        _ object: borrowing PushedObject,
        isPinned: Bool,
        pinnedLimit: Int
    ) -> PushAnswer {
        let (shard, hash) = place(key)
        let tags = tags(object.head.span)
        let content = object.content
        guard content.count <= plan.objectLimit else { return .tooLarge }
        let varies = object.response.first(.vary) != nil
        if isPinned {
            let text = key.count + object.head.count + 64
            let needed = StoreShard.charge(text: text, body: content.count, tags)
            let others = statistics().pinnedOctets
            let (replaced, fits) = shards[shard].withLock { shard in
                let replaced = shard.pinnedOctets(hash, key, replacedBy: varies)
                return (replaced, shard.mayPin(needed - replaced))
            }
            guard others - replaced + needed <= pinnedLimit else {
                return .overLimit(inUse: others - replaced, needed: needed)
            }
            guard fits else { return .partFull }
        }
        let begun = shards[shard].withLock { $0.beginPush(hash, key) }
        guard let fill = begun else { return .noRoom }
        defer { release(fill) }
        let opened = open(
            fill,
            facts: object.facts,
            head: object.head.span,
            varyOf: object.response,
            object.responseBytes.span,
            for: object.request,
            object.requestBytes.span,
            length: UInt64(content.count)
        )
        guard opened == .kept, append(fill, content.span) else {
            fail(fill)
            return opened == .tooLarge ? .tooLarge : .noRoom
        }
        return shards[shard].withLock { shard in
            guard shard.closePush(fill, isPinned: isPinned), let slot = shard.slot(fill) else {
                return .noRoom
            }
            if let disk {
                shard.records[slot].hasFormer = true
                shard.forgetFormer(slot, disk)
            }
            return .kept(memory: shard.octets(slot))
        }
    }

    /// Takes pushed objects out; how many there were.
    ///
    /// What else is stored stays. All but a key is a walk through the store in short steps.
    public func unpush(_ selection: StoredSelection) -> Int {
        var range = shardNumbers
        if case .key(let key) = selection {
            let (shard, _) = place(key.span)
            range = shard...shard
        }
        var count = 0
        for shard in range {
            var next: Int? = 0
            while let first = next {
                let part = shards[shard].withLock {
                    $0.unpush(from: first) { selection.isMeant($0, Span()) }
                }
                count += part.count
                next = part.next
            }
        }
        return count
    }

    /// Pushed objects from a place on, in no order, at most `limit`, and the place where to go on; nil when
    /// there are no more.
    ///
    /// Those that are there all the while are told once; of those that come or go meanwhile some are. A
    /// walk: nothing for loops that serve.
    public func pushed(
        from place: UInt64,
        limit: Int
    ) -> (objects: [StoredDescription], next: UInt64?) {
        var shard = Int(clamping: place >> 32)
        var slot = Int(place & 0xffff_ffff)
        var found: [StoredDescription] = []
        while shardNumbers.contains(shard) {
            let end = shards[shard].withLock { shard -> Int? in
                let end = min(slot + StoreShard.lookLimit, shard.records.count)
                while slot < end, found.count < limit {
                    defer { slot += 1 }
                    guard shard.records[slot].isIndexed, shard.records[slot].isPushed,
                        let description = shard.describe(slot)
                    else { continue }
                    found.append(description)
                }
                return slot < shard.records.count ? slot : nil
            }
            if found.count >= limit {
                return end == nil && shard == shardNumbers.upperBound
                    ? (found, nil) : (found, UInt64(shard) << 32 | UInt64(slot))
            }
            guard end == nil else { continue }
            (shard, slot) = (shard + 1, 0)
        }
        return (found, nil)
    }
}
