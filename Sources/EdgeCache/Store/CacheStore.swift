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
    let disk: DiskTier?
    let tell: @Sendable (CacheStore, StoredRef, UInt64) -> Void

    /// An empty store; throws when there is no address space for it.
    ///
    /// The key is a secret: who knows it could make keys that all fall on one place. What is on a disk is known
    /// by it: with another one it is another cache's. `tell` is given the workers that wait for an entry of which
    /// there is news from there, as ``takeWatchers(_:)`` has them.
    public init(
        _ plan: CacheStorePlan,
        key: SipKey,
        tell: @escaping @Sendable (CacheStore, StoredRef, UInt64) -> Void = { _, _, _ in }
    ) throws(SystemError) {
        self.plan = plan
        self.key = key
        self.tell = tell
        if let place = plan.disk {
            disk = try DiskTier(
                place,
                objectLimit: plan.objectLimit,
                memory: plan.memory,
                key: key
            )
        } else {
            disk = nil
        }
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

    deinit {
        disk?.close()
        memory.discard(at: 0, count: memory.count)
    }

    var shardNumbers: ClosedRange<Int> { 0...mask }

    func digest(tag: Span<UInt8>) -> UInt64 { TagList.digest(tag, key: key) }

    func tags(_ head: Span<UInt8>) -> TagList { TagList(head, key: key) }

    var sipKey: SipKey { key }

    func keyed(_ text: Span<UInt8>) -> Digest128 { SipHash.digest(text, key: key) }

    func shard(_ digest: Digest128) -> Int { Int(truncatingIfNeeded: digest.high) & mask }

    /// Looks for something to answer a request with.
    ///
    /// `worker` is told when what it waits for goes on. With `mayFetch` false nothing is begun nor waited
    /// for; nor is it for a key of which nothing is stored and that was asked for less than `leastUses` times,
    /// this one included, as far as is remembered. Every entry that is named is kept for the caller.
    public func find(
        _ key: Span<UInt8>,
        _ request: CacheRequest,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        by rule: ReuseRule,
        now: WallTime,
        mayFetch: Bool,
        mayLoad: Bool = true,
        leastUses: Int = 1,
        worker: Int
    ) -> CacheFound {
        let (shard, hash) = place(key)
        let question = StoreShard.Question(
            hash: hash,
            request: request,
            rule: rule,
            now: now,
            mayFetch: mayFetch,
            mayLoad: mayLoad,
            leastUses: leastUses,
            worker: worker
        )
        let found = shards[shard].withLock { $0.find(question, key, fields, bytes) }
        if case .load(let ref, isNew: true) = found, disk?.load(ref) != true { endLoad(ref) }
        return found
    }

    /// What it holds and has done.
    public func statistics() -> CacheStatistics {
        var sum = CacheStatistics()
        for shard in shardNumbers { sum.add(shards[shard].withLock { $0.statistics }) }
        sum.disk = diskStatus
        return sum
    }
}
