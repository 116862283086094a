// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol
internal import Synchronization

/// What an answer to HEAD does to objects (RFC 9111 §4.3.5).
extension CacheStore {
    /// The whole object that a request would be answered with, fresh or not, kept for the caller; none where
    /// there is nothing.
    ///
    /// No count and no order of going is touched: it is not used.
    public func candidate(
        _ key: Span<UInt8>,
        _ request: CacheRequest,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        by rule: ReuseRule,
        now: WallTime
    ) -> StoredRef {
        let (shard, hash) = place(key)
        let question = StoreShard.Question(
            hash: hash,
            request: request,
            rule: rule,
            now: now,
            mayFetch: false,
            leastUses: 1,
            worker: 0
        )
        return shards[shard].withLock { $0.candidate(question, key, fields, bytes) }
    }

    /// Gives an object the head that the origin has told of it; false when there is no room, or it is none.
    ///
    /// What was made stale by order stays stale.
    public func freshen(_ ref: StoredRef, facts: StoredFacts, head: Span<UInt8>) -> Bool {
        let tags = tags(head, of: ref)
        let isFreshened = shards[ref.shard].withLock { $0.freshen(ref, facts, head, tags) }
        if isFreshened, disk != nil { keepOnDisk(ref) }
        return isFreshened
    }

    /// Makes one object stale until it is asked for anew; not what an operator put here.
    public func spoil(_ ref: StoredRef) {
        shards[ref.shard].withLock { shard in
            guard let slot = shard.slot(ref), !shard.records[slot].isPushed else { return }
            shard.records[slot].isSoft = true
            if let disk { shard.spoilOnDisk(slot, disk) }
        }
    }
}
