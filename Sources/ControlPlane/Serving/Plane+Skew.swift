// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// The skew of each pool, looked at once in each window.
struct SkewWatch {
    private var machines: [Int: SkewMachine] = [:]
    private(set) var deadline = Instant.start

    /// By the stable numbers of pools: the skew of the latest window.
    var skews: [Int: Double] { machines.compactMapValues(\.skew) }

    /// Looks at the pools; those that are gone are forgotten.
    mutating func observe(
        _ pools: [PoolView],
        _ health: HealthTable,
        _ load: LoadTable,
        now: Instant
    ) {
        deadline = now + SkewMachine.window
        let present = Set(pools.map(\.slot))
        machines = machines.filter { present.contains($0.key) }
        for pool in pools where !pool.isSteer && pool.slot >= 0 {
            let tier = SkewWatch.servingTier(pool, health)
            let samples = pool.endpoints.map { endpoint in
                let weight = health.weightOverride(endpoint.slot) ?? endpoint.weight
                let takesWork = health.word(endpoint.slot).takesNewWork && endpoint.tier == tier
                return SkewMachine.Sample(
                    slot: endpoint.slot,
                    requests: load.successCount(endpoint.slot) &+ load.failureCount(endpoint.slot),
                    weight: takesWork ? weight : 0
                )
            }
            machines[pool.slot, default: SkewMachine()].observe(samples)
        }
    }

    /// The lowest tier in which somebody takes new work.
    private static func servingTier(_ pool: PoolView, _ health: HealthTable) -> UInt8? {
        pool.endpoints.filter { health.word($0.slot).takesNewWork }.map(\.tier).min()
    }
}
