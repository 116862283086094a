// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol
public import Runtime
internal import Synchronization

/// Stored responses, shared by all workers.
///
/// Keys are spread over shards, each with its own lock, memory and order of going. Whoever looks for a key
/// learns in one hold of the lock what to do, so that of any number of requests one fetches and the
/// others wait. An entry that was found stays readable until it is released, whatever becomes of it
/// meanwhile; its octets are read without a lock.
///
/// The one who leads a fill ends it by ``close(_:)``, ``refuse(_:until:)``, ``fail(_:)`` or
/// ``renew(_:base:facts:head:)``, asks for ``takeWatchers(_:)``, and releases it.
public final class CacheStore: Sendable {
    static let shardLimit = 16

    /// How large it is.
    public let plan: CacheStorePlan
    let memory: CacheMemory
    let shards: InlineArray<16, Mutex<StoreShard>>
    private let mask: Int
    private let key: SipKey

    /// An empty store; throws when there is no address space for it.
    ///
    /// The key is a secret: who knows it could make keys that all fall on one place.
    public init(_ plan: CacheStorePlan, key: SipKey) throws(SystemError) {
        self.plan = plan
        self.key = key
        let count = plan.shards
        mask = count - 1
        let part = plan.memory / count / CellAllocator.cell * CellAllocator.cell
        let memory = try CacheMemory(count: part * count)
        self.memory = memory
        shards = InlineArray { number in
            Mutex(
                StoreShard(
                    number: number,
                    memory,
                    start: number * part,
                    count: number < count ? part : 0,
                    limit: plan.objectLimit,
                    key: key
                )
            )
        }
    }

    deinit { memory.discard(at: 0, count: memory.count) }

    func place(_ text: Span<UInt8>) -> (shard: Int, hash: UInt64) {
        let digest = SipHash.digest(text, key: key)
        return (Int(truncatingIfNeeded: digest.high) & mask, digest.low)
    }

    /// Looks for something to answer a request with.
    ///
    /// `worker` is told when what it waits for goes on. With `mayFetch` false nothing is begun nor waited
    /// for. Every entry that is named is kept for the caller.
    public func find(
        _ key: Span<UInt8>,
        _ request: CacheRequest,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        by rule: ReuseRule,
        now: WallTime,
        mayFetch: Bool,
        worker: Int
    ) -> CacheFound {
        let (shard, hash) = place(key)
        let question = StoreShard.Question(
            hash: hash,
            request: request,
            rule: rule,
            now: now,
            mayFetch: mayFetch,
            worker: worker
        )
        return shards[shard].withLock { $0.find(question, key, fields, bytes) }
    }

    /// What it holds and has done.
    public func statistics() -> CacheStatistics {
        var sum = CacheStatistics()
        for shard in 0...mask { sum.add(shards[shard].withLock { $0.statistics }) }
        return sum
    }

    // MARK: Forgetting

    /// Forgets all variants of a key; how many objects that were.
    ///
    /// A fill that is under way goes on for those who wait, and is not kept.
    public func purge(key: Span<UInt8>, _ mode: PurgeMode) -> Int {
        let (shard, hash) = place(key)
        return shards[shard].withLock { $0.purge(hash, key, mode) }
    }

    /// Forgets what `isMeant` by its key and head; how many objects that were.
    ///
    /// Fills without a head yet are not kept either, since nobody knows whether they are meant. A lock is
    /// held for a few hundred entries at a time, and `isMeant` is called meanwhile: it must not ask the
    /// store.
    public func purge(
        _ mode: PurgeMode,
        where isMeant: (_ key: Span<UInt8>, _ head: Span<UInt8>) -> Bool
    ) -> Int {
        var count = 0
        for shard in 0...mask {
            var first = 0
            while first < shards[shard].withLock({ $0.records.count }) {
                count += shards[shard].withLock { $0.purge(from: first, mode, where: isMeant) }
                first += StoreShard.sliceSize
            }
        }
        return count
    }
}
