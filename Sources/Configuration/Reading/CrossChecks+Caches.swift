// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a cache means for those who are answered from it, and for the machine.
extension CrossChecks {
    func checkCaches() {
        checkCacheMemory()
        checkCacheFolders()
        let sticky = Set(settings.pools.filter { $0.sticky != nil }.map(\.name))
        for use in reading.cacheUses {
            if use.isGuarded {
                reading.report(
                    .cachedAccess,
                    use.range,
                    option: use.option,
                    "everybody who may come in gets what `\(use.name)` has kept for one of them",
                    "see that answers for one person alone say `private`"
                )
            }
            checkTier(use)
            guard let pool = use.pools.first(where: sticky.contains) else { continue }
            reading.report(
                .cachedSessions,
                use.range,
                option: use.option,
                "`\(pool)` keeps clients at their endpoints, and who is answered from `\(use.name)` "
                    + "comes to none",
                "give answers for everybody a route and a pool of their own"
            )
        }
    }

    /// What one cache writes another takes for damaged.
    private func checkCacheFolders() {
        var owners: [String: String] = [:]
        for cache in settings.caches {
            guard cache.disk != nil, let folder = cache.diskFolder else { continue }
            if let other = owners[folder] {
                guard let entry = root.entries["caches"] else { continue }
                reading.report(
                    .sharedCacheFolder,
                    entry.keyRange,
                    option: "caches.*.disk-folder",
                    "`\(cache.name)` and `\(other)` have the folder `\(folder)`",
                    "give each cache a folder of its own"
                )
            }
            owners[folder] = cache.name
        }
    }

    /// Where peers fail, the route's own pool is to be another one.
    private func checkTier(_ use: Reading.CacheUse) {
        guard let through = settings.caches.first(where: { $0.name == use.name })?.through,
            use.pools.contains(through)
        else { return }
        reading.report(
            .cacheThroughOwnPool,
            use.range,
            option: use.option,
            "`\(use.name)` fetches through `\(through)`, which is the route's own pool: nobody is asked "
                + "when that fails",
            "name in the route the pool of the origins"
        )
    }

    private func checkCacheMemory() {
        guard let machine = checks.memory else { return }
        let sum = settings.caches.reduce(0) {
            $0.addingReportingOverflow($1.memory.bytes).partialValue
        }
        guard sum > machine.bytes, let entry = root.entries["caches"] else { return }
        reading.report(
            .cachesBeyondMemory,
            entry.keyRange,
            option: "caches",
            "the caches may take \(ByteCount(sum)), and this machine has \(machine) of memory",
            "lower `memory`"
        )
    }
}
