// SPDX-License-Identifier: Apache-2.0
internal import Runtime
internal import Synchronization

extension CacheStore {
    /// Forgets all variants of a key, and what QUERY has brought of its URL; how many objects that were.
    ///
    /// A fill that is under way goes on for those who wait, and is not kept.
    public func purge(key: Span<UInt8>, _ mode: PurgeMode) -> Int {
        let (shard, hash) = place(key)
        let count = shards[shard].withLock { shard in
            disk.map { shard.purge(hash, key, mode, $0) } ?? shard.purge(hash, key, mode)
        }
        return count + purgeQueries(key, mode)
    }

    /// Forgets what has a tag in `Surrogate-Key` or `Cache-Tag`; how many objects that were.
    ///
    /// A fill whose answer turns out to have it goes on for those who wait, and is not kept. A lock is held
    /// for a few objects at a time. No object has an empty tag, nor one of more than 256 octets.
    public func purge(tag: Span<UInt8>, _ mode: PurgeMode) -> Int {
        guard !tag.isEmpty, tag.count <= TagReader.longest else { return 0 }
        let digest = digest(tag: tag)
        return order(.tag(digest), mode) { purge(tag: tag, digest, mode) }
    }

    private func purge(tag: Span<UInt8>, _ digest: UInt64, _ mode: PurgeMode) -> Int {
        var count = 0
        for shard in shardNumbers {
            guard let mark = shards[shard].withLock({ $0.beginPurge(digest) }) else { continue }
            var isOver = false
            while !isOver {
                let part = shards[shard].withLock { $0.purge(tag, mark, mode) }
                count += part.count
                isOver = part.isOver
            }
        }
        return count
    }

    /// Has an order hold for what is on the disk, too, and after a restart; how many objects it meant.
    func order(
        _ target: DiskOrder.Target,
        _ mode: PurgeMode,
        inMemory: () -> Int
    ) -> Int {
        guard let disk else { return inMemory() }
        let number = disk.order(target, mode)
        for shard in shardNumbers {
            shards[shard].withLock { $0.epoch = max($0.epoch, number) }
        }
        let count = inMemory()
        let order = DiskOrder(number: number, mode: mode, target: target)
        let onDisk = disk.forget([order], self)
        // What was on its way from one segment to another its own thread meets; not before it is counted here.
        disk.jobs.post(.forget(order))
        return count + onDisk
    }

    /// The same, from a worker: what is on the disk alone is looked through by another thread.
    func orderAside(_ target: DiskOrder.Target, _ mode: PurgeMode) {
        guard let disk else { return }
        let number = disk.order(target, mode)
        for shard in shardNumbers {
            shards[shard].withLock { $0.epoch = max($0.epoch, number) }
        }
        disk.jobs.post(.forget(DiskOrder(number: number, mode: mode, target: target)))
    }

    /// Forgets what `isMeant` by its key and head in memory; how many objects that were.
    ///
    /// Fills without a head yet are not kept either, since nobody knows whether they are meant. A lock is
    /// held for a few entries at a time, and `isMeant` is called meanwhile: it must not ask the store, and
    /// should not take long.
    public func purge(
        _ mode: PurgeMode,
        where isMeant: (_ key: Span<UInt8>, _ head: Span<UInt8>) -> Bool
    ) -> Int {
        var count = 0
        for shard in shardNumbers {
            var next: Int? = 0
            while let first = next {
                let part = shards[shard].withLock { $0.purge(from: first, mode, where: isMeant) }
                count += part.count
                next = part.next
            }
        }
        return count
    }
}
