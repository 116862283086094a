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

    /// A shelf without stores.
    public init() {}

    /// The stores of the caches of a configuration in their order; nil where the kernel had no memory for one.
    ///
    /// Those of other caches are let go of, and live on while somebody reads them.
    public func stores(
        for caches: [(name: String, plan: CacheStorePlan)],
        generation: UInt64
    ) -> [CacheStore?] {
        shelves.withLock { shelves in
            let before = shelves.last { $0.generation <= generation } ?? shelves.first
            let shelf = Shelf(generation, caches, before)
            shelves.removeAll { $0.generation == generation }
            let place = shelves.firstIndex { $0.generation > generation } ?? shelves.endIndex
            shelves.insert(shelf, at: place)
            if shelves.count > CacheShelf.keptGenerations { shelves.removeFirst() }
            // What the newest configuration has not is held by who still uses it.
            for place in shelves.indices.dropLast() { shelves[place].held = [] }
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
        _ before: Shelf?
    ) {
        self.generation = generation
        for cache in caches where places[cache.name] == nil {
            let kept = before?.store(of: cache.name)
            let key = SipKey(ProcessControl.randomSeed(), ProcessControl.randomSeed())
            let isSame = kept?.plan == cache.plan
            guard let store = isSame ? kept : try? CacheStore(cache.plan, key: key) else {
                continue
            }
            held.append(store)
            places[cache.name] = Place(store: store)
        }
    }

    func store(of cache: String) -> CacheStore? { places[cache]?.store }
}
