// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Synchronization

/// The stores of all caches, which outlive reloads.
///
/// A cache keeps what it holds as long as its name and the plan of its store stay as they are. Workers adopt a
/// configuration each in their own time: the first of them decides which stores it has, for all.
public final class CacheShelf: Sendable {
    /// Configurations whose stores are known; workers are never further apart.
    private static let keptGenerations = 4

    private let shelves = Mutex<[Shelf]>([])
    private let tell: @Sendable (CacheStore, StoredRef, UInt64) -> Void

    /// A shelf without stores; `tell` is given the workers that wait for an entry of which a disk has news.
    public init(tell: @escaping @Sendable (CacheStore, StoredRef, UInt64) -> Void = { _, _, _ in })
    {
        self.tell = tell
    }

    /// Lets all disks go: another process takes over, or this one ends.
    public func closeDisks() {
        shelves.withLock { shelves in
            for shelf in shelves { for store in shelf.held { store.closeDisk() } }
        }
    }

    /// The stores of the caches of a configuration in their order; nil where the kernel had no memory for one.
    ///
    /// Those of other caches are let go of, and live on while somebody reads them.
    public func stores(
        for caches: [(name: String, plan: CacheStorePlan)],
        generation: UInt64
    ) -> [CacheStore?] {
        shelves.withLock { shelves in
            let before = shelves.last { $0.generation <= generation } ?? shelves.first
            let shelf = Shelf(generation, caches, before, tell)
            shelves.removeAll { $0.generation == generation }
            let place = shelves.firstIndex { $0.generation > generation } ?? shelves.endIndex
            shelves.insert(shelf, at: place)
            if shelves.count > CacheShelf.keptGenerations { shelves.removeFirst() }
            // What the newest configuration has not is held by who still uses it.
            let newest = shelves[shelves.endIndex - 1].held
            for place in shelves.indices.dropLast() {
                for store in shelves[place].held where !newest.contains(where: { $0 === store }) {
                    // The next one with its folder waits for that.
                    store.closeDisk()
                }
                shelves[place].held = []
            }
            return caches.map { shelf.store(of: $0.name) }
        }
    }

    /// The store of a cache in the newest configuration; nil where there is none of this name.
    public func store(of cache: String) -> CacheStore? {
        shelves.withLock { $0.last?.store(of: cache) }
    }
}

/// The stores of one configuration.
private struct Shelf: Sendable {
    struct Place: Sendable {
        weak var store: CacheStore?
    }

    let generation: UInt64
    var held: [CacheStore] = []
    private var places: [String: Place] = [:]

    /// Stores for caches: those of an earlier configuration, or its own, where they are the same.
    init(
        _ generation: UInt64,
        _ caches: [(name: String, plan: CacheStorePlan)],
        _ before: Shelf?,
        _ tell: @escaping @Sendable (CacheStore, StoredRef, UInt64) -> Void
    ) {
        self.generation = generation
        for cache in caches where places[cache.name] == nil {
            let kept = before?.store(of: cache.name)
            let isSame = kept?.plan == cache.plan
            guard let store = isSame ? kept : Shelf.make(cache.plan, tell) else { continue }
            held.append(store)
            places[cache.name] = Place(store: store)
        }
    }

    func store(of cache: String) -> CacheStore? { places[cache]?.store }

    /// A new store; one whose disk has no threads to be had serves from memory.
    private static func make(
        _ plan: CacheStorePlan,
        _ tell: @escaping @Sendable (CacheStore, StoredRef, UInt64) -> Void
    ) -> CacheStore? {
        let random = SipKey(ProcessControl.randomSeed(), ProcessControl.randomSeed())
        guard let disk = plan.disk else { return try? CacheStore(plan, key: random, tell: tell) }
        do throws(SystemError) {
            let key = try DiskKey.key(of: disk.folder)
            guard let store = try? CacheStore(plan, key: key, tell: tell) else { return nil }
            do throws(SystemError) {
                try store.openDisk()
            } catch {
                store.leaveOutDisk(error, at: "starting the threads of \(disk.folder)")
            }
            return store
        } catch {
            // By another key what is there would be taken for nothing.
            let store = try? CacheStore(plan, key: random, tell: tell)
            store?.leaveOutDisk(error, at: "opening \(disk.folder)/key")
            return store
        }
    }
}
