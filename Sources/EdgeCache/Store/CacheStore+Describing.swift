// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import Synchronization

/// What is known of one entry of a store, for people.
public struct StoredDescription: Sendable, Equatable {
    /// How far it is.
    public enum State: String, Sendable, CaseIterable {
        /// It is whole.
        case stored
        /// Its head is there, the body comes.
        case coming
        /// It has been asked for.
        case awaited
        /// It is remembered that its answers may not be stored.
        case notStorable = "not-storable"
    }

    /// How far it is.
    public var state: State
    /// The key as it is stored.
    public var key: [UInt8]
    /// What decides on its use; nil before its head has come.
    public var facts: StoredFacts?
    /// True when somebody made it stale by order.
    public var isSoft: Bool
    /// The names of the fields that it varies by, as its `Vary` has them.
    public var vary: [UInt8]
    /// The head that is kept.
    public var head: [UInt8]
    /// Octets of the body that are there.
    public var octets: UInt64
    /// Octets of memory that it takes.
    public var memory: Int
    /// Until when its answers are taken not to be storable.
    public var until: WallTime?
    /// An operator has put it here.
    public var isPushed = false
    /// It does not go for want of room.
    public var isPinned = false
    /// How often it was the answer, it and what it replaced; at most 2^32 - 1.
    public var hits = 0
    /// How often it was not, by why.
    public var misses = MissCounts()
}

extension CacheStore {
    /// What there is of what is meant, at most `limit` entries, the newest of a key first.
    ///
    /// Copies everything, and all but a key is a walk through the store: for people, not for loops that
    /// serve.
    public func describe(_ selection: StoredSelection, limit: Int) -> [StoredDescription] {
        if case .key(let key) = selection {
            let (shard, hash) = place(key.span)
            return shards[shard].withLock { $0.describe(hash, key.span, limit: limit) }
        }
        var found: [StoredDescription] = []
        for shard in 0..<plan.shards {
            var first = 0
            while found.count < limit, first < shards[shard].withLock({ $0.records.count }) {
                found += shards[shard].withLock {
                    $0.describe(from: first, selection, limit: limit - found.count)
                }
                first += StoreShard.lookLimit
            }
        }
        return found
    }
}

extension StoreShard {
    fileprivate func describe(
        _ hash: UInt64,
        _ key: Span<UInt8>,
        limit: Int
    ) -> [StoredDescription] {
        var found: [StoredDescription] = []
        var place = chain(hash, key)
        while let slot = place, found.count < limit {
            place = next(slot)
            if let description = describe(slot) { found.append(description) }
        }
        return found
    }

    fileprivate func describe(
        from first: Int,
        _ selection: StoredSelection,
        limit: Int
    ) -> [StoredDescription] {
        var found: [StoredDescription] = []
        guard first < records.count else { return found }
        for slot in first..<min(first + StoreShard.lookLimit, records.count)
        where records[slot].isIndexed && found.count < limit {
            guard selection.isMeant(keyText(slot), head(slot)) else { continue }
            if let description = describe(slot) { found.append(description) }
        }
        return found
    }

    func describe(_ slot: Int) -> StoredDescription? {
        let record = records[slot]
        let state: StoredDescription.State
        switch record.phase {
        case .complete: state = .stored
        case .growing: state = .coming
        case .awaited: state = .awaited
        case .passing: state = .notStorable
        case .free, .refused, .failed, .renewed: return nil
        }
        return StoredDescription(
            state: state,
            key: StoreShard.copy(keyText(slot)),
            facts: record.headCount > 0 ? record.facts : nil,
            isSoft: record.isSoft,
            vary: StoreShard.copy(names(slot)),
            head: StoreShard.copy(head(slot)),
            octets: UInt64(max(record.written, 0)),
            memory: octets(slot),
            until: record.phase == .passing ? record.until : nil,
            isPushed: record.isPushed,
            isPinned: record.isPinned,
            hits: Int(record.hits),
            misses: record.misses
        )
    }

    static func copy(_ text: Span<UInt8>) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count)
        for index in text.indices { octets.append(text[index]) }
        return octets
    }
}
