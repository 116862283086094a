// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Synchronization

/// Objects that an origin has put into a group (RFC 9875).
extension CacheStore {
    /// Forgets what is in a group of the origin that a key is of; how many objects that were.
    ///
    /// A fill whose answer turns out to be in it goes on for those who wait, and is not kept. A lock is held for
    /// a few objects at a time.
    public func purge(group: Span<UInt8>, ofOriginOf key: Span<UInt8>, _ mode: PurgeMode) -> Int {
        guard !group.isEmpty, group.count <= CacheGroups.longest,
            let origin = CacheKeyRule.origin(ofKey: key)
        else { return 0 }
        let digest = TagList.digest(group: group, of: digest(tag: origin), key: sipKey)
        orderAside(.tag(digest), mode)
        var count = 0
        for shard in shardNumbers {
            guard let mark = shards[shard].withLock({ $0.beginPurge(digest) }) else { continue }
            var isOver = false
            while !isOver {
                let part = shards[shard].withLock { $0.purge(group: group, of: origin, mark, mode) }
                count += part.count
                isOver = part.isOver
            }
        }
        return count
    }

    /// The tags of a head, and the groups of the origin that an entry is of.
    func tags(_ head: Span<UInt8>, of ref: StoredRef) -> TagList {
        var list = tags(head)
        guard CacheGroups.has(anyIn: head) else { return list }
        let origin: UInt64? = shards[ref.shard].withLock { shard in
            guard let slot = shard.slot(ref),
                let text = CacheKeyRule.origin(ofKey: shard.keyText(slot))
            else { return nil }
            return TagList.digest(text, key: sipKey)
        }
        if let origin { list.add(groupsOf: head, origin: origin, key: sipKey) }
        return list
    }
}

extension StoreShard {
    /// The tags of an entry, and its groups.
    func tagList(_ slot: Int) -> TagList {
        TagList(head(slot), ofKey: keyText(slot), key: key)
    }

    fileprivate mutating func purge(
        group: Span<UInt8>,
        of origin: Span<UInt8>,
        _ mark: UInt32,
        _ mode: PurgeMode
    ) -> (count: Int, isOver: Bool) {
        var count = 0
        for _ in 0..<StoreShard.forgetLimit {
            guard let slot = tags.step(mark) else { return (count, true) }
            // Two groups may have one digest, and so may a tag.
            guard let own = CacheKeyRule.origin(ofKey: keyText(slot)), Text.isSame(own, origin),
                CacheGroups.has(group, head(slot))
            else { continue }
            if forget(slot, mode) { count += 1 }
        }
        return (count, false)
    }
}

extension TagList {
    /// The tags of a head, and the groups of the origin that a key is of.
    init(_ head: Span<UInt8>, ofKey keyText: Span<UInt8>, key: SipKey) {
        self.init(head, key: key)
        if let origin = CacheKeyRule.origin(ofKey: keyText) {
            add(groupsOf: head, origin: TagList.digest(origin, key: key), key: key)
        }
    }

    /// What stands for a group of an origin.
    static func digest(group: Span<UInt8>, of origin: UInt64, key: SipKey) -> UInt64 {
        SipHash.digest(group, after: origin, key: key).low
    }

    /// Adds the groups that a head is in.
    mutating func add(groupsOf head: Span<UInt8>, origin: UInt64, key: SipKey) {
        CacheGroups.forEach(of: head) { add(TagList.digest(group: $0, of: origin, key: key)) }
    }
}

extension CacheKeyRule {
    /// Scheme, host and port of a key, as it has them; nil for what is none.
    @_lifetime(copy key)
    static func origin(ofKey key: Span<UInt8>) -> Span<UInt8>? {
        guard let parts = parts(ofKey: key) else { return nil }
        return key.extracting(0..<parts.host.end)
    }
}
