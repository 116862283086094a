// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Synchronization

/// The stores of all caches, which outlive reloads.
///
/// A cache keeps what it holds as long as its name and the plan of its store stay as they are.
public final class CacheShelf: Sendable {
    private let stores = Mutex<[String: CacheStore]>([:])

    /// A shelf without stores.
    public init() {}

    /// The stores of these caches in their order; nil where the kernel had no memory for one.
    ///
    /// Those of other caches are let go of, and live on while somebody reads them.
    public func stores(for caches: [(name: String, plan: CacheStorePlan)]) -> [CacheStore?] {
        stores.withLock { stores in
            let before = stores
            stores = [:]
            return caches.map { cache in
                let known = stores[cache.name] ?? before[cache.name]
                if let known, known.plan == cache.plan {
                    stores[cache.name] = known
                    return known
                }
                let key = SipKey(ProcessControl.randomSeed(), ProcessControl.randomSeed())
                guard let store = try? CacheStore(cache.plan, key: key) else { return nil }
                stores[cache.name] = store
                return store
            }
        }
    }

    /// The store of a cache; nil where there is none of this name.
    public func store(of cache: String) -> CacheStore? { stores.withLock { $0[cache] } }
}
