// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import Synchronization

/// Objects by QUERY, which go with what is stored of their URL (RFC 9111 §4.4).
///
/// Their entries have a link under the digest of the URL's key, beside those of their tags, from when they
/// are begun; and they lie in the shard of that key.
extension CacheStore {
    /// A digest that nobody can make two texts for: its key is the store's own.
    public func digest(_ text: Span<UInt8>) -> Digest128 { keyed(text) }

    /// Where a key belongs.
    func place(_ text: Span<UInt8>) -> (shard: Int, hash: UInt64) {
        let digest = keyed(text)
        guard let count = QueryKey.urlCount(text) else { return (shard(digest), digest.low) }
        return (shard(keyed(text.extracting(0..<count))), digest.low)
    }

    /// Forgets what QUERY has brought of a URL; how many objects that were.
    func purgeQueries(_ url: Span<UInt8>, _ mode: PurgeMode) -> Int {
        let (shard, hash) = place(url)
        guard let mark = shards[shard].withLock({ $0.tags.beginWalk(hash) }) else { return 0 }
        var (count, isOver) = (0, false)
        while !isOver {
            let part = shards[shard].withLock { $0.purgeQueries(url, mark, mode) }
            count += part.count
            isOver = part.isOver
        }
        return count
    }
}

extension StoreShard {
    /// Links the entry of a QUERY to its URL; others have no such link.
    mutating func linkURL(_ slot: Int) {
        let key = keyText(slot)
        guard let count = QueryKey.urlCount(key) else { return }
        let hash = SipHash.digest(key.extracting(0..<count), key: self.key).low
        guard let link = tags.insert(hash, slot: slot, other: records[slot].tags) else { return }
        records[slot].tags = link
        records[slot].tagCount += 1
    }

    fileprivate mutating func purgeQueries(
        _ url: Span<UInt8>,
        _ mark: UInt32,
        _ mode: PurgeMode
    ) -> (count: Int, isOver: Bool) {
        var count = 0
        for _ in 0..<StoreShard.forgetLimit {
            guard let slot = tags.step(mark) else { return (count, true) }
            // A tag may have the same digest.
            guard QueryKey.isQuery(keyText(slot), of: url) else { continue }
            if forget(slot, mode) { count += 1 }
        }
        return (count, false)
    }
}
