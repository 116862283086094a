// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Chooses endpoints: one per worker and door, no heap and no reference counting per choice.
///
/// Health words and in-flight counts are read at each choice, so a change is seen by the very next
/// one and nothing is rebuilt when health changes.
public struct Chooser: ~Copyable {
    private let plan: SelectionPlan
    private let health: HealthTable
    private let load: LoadTable
    private let worker: Int
    private var cursor = 0

    /// A chooser over `pools`; `seed` makes its random draws repeatable.
    public init(
        pools: [PoolDefinition],
        health: HealthTable,
        load: LoadTable,
        worker: Int,
        seed: UInt64
    ) {
        let plan = SelectionPlan(pools: pools, health: health)
        self.init(plan: plan, health: health, load: load, worker: worker, seed: seed)
    }

    /// A chooser over a plan that other workers share.
    public init(
        plan: SelectionPlan,
        health: HealthTable,
        load: LoadTable,
        worker: Int,
        seed: UInt64
    ) {
        self.plan = plan
        self.health = health
        self.load = load
        self.worker = worker
    }

    /// The chooser of the next snapshot: endpoints whose slot survives keep books and averages.
    public init(plan: SelectionPlan, adopting old: borrowing Chooser) {
        self.init(plan: plan, health: old.health, load: old.load, worker: old.worker, seed: 0)
    }

    /// Number of pools.
    public var poolCount: Int { plan.pools.count }

    /// The pool's stable number, for ``RetryBudget`` and ``PendingLimit``.
    public func poolSlot(_ pool: Int) -> Int { plan.pools[pool].slot }

    /// Number of endpoints in the pool.
    public func endpointCount(pool: Int) -> Int { plan.pools[pool].endpoints.count }

    /// Chooses an endpoint of the pool.
    ///
    /// `key` is a hash of what the pool hashes on (source address, URI, header...), ignored by
    /// the other algorithms. On ``NoChoice/atLimit`` the caller queues and asks again.
    public mutating func choose(pool: Int, key: UInt64, tried: Tried, now: Instant) -> Choice {
        let endpoints = plan.pools[pool].endpoints
        for step in endpoints.indices {
            let index = (cursor + step) % endpoints.count
            guard health.word(endpoints[index].slot).takesNewWork, !tried.contains(index) else {
                continue
            }
            cursor = index + 1
            return .endpoint(index)
        }
        return .none(endpoints.isEmpty ? .empty : .allDown)
    }

    /// How the latest choice was made: with healthy endpoints, in panic, or with all of them.
    public var latestMode: ChoiceMode { .healthy }

    /// What a door needs to know of a chosen endpoint.
    public func endpoint(pool: Int, index: Int) -> EndpointRecord {
        let found = plan.pools[pool].endpoints[index]
        return EndpointRecord(
            slot: found.slot,
            address: found.address,
            connectionLimit: found.connectionLimit,
            weight: found.weight,
            tier: found.tier
        )
    }

    /// The endpoint's name, for logs.
    public func endpointName(pool: Int, index: Int) -> String {
        plan.pools[pool].endpoints[index].name
    }

    /// Counts work begun on the endpoint.
    ///
    /// False when another worker took the last place under its connection limit since the choice:
    /// nothing was counted then, choose again.
    public mutating func begin(slot: Int) -> Bool {
        load.begin(slot, worker: worker)
        return true
    }

    /// Counts work ended; `latency` is the time to the first byte of the answer.
    public mutating func end(slot: Int, latency: Interval, now: Instant) {
        load.end(slot, worker: worker)
    }

    /// Counts work ended by the client or by the door itself: says nothing about the endpoint.
    public mutating func abandon(slot: Int) {
        load.end(slot, worker: worker)
    }

    /// Counts work ended by the endpoint's fault, so that quick errors do not look like speed.
    public mutating func fail(slot: Int, now: Instant) {
        load.end(slot, worker: worker)
    }

    /// Says what would be chosen now and why, by the code of ``choose(pool:key:tried:now:)``.
    public func explain(pool: Int, key: UInt64, now: Instant) -> PoolExplanation {
        PoolExplanation(
            pool: plan.pools[pool].name,
            balance: "",
            choice: .none(.empty),
            mode: .healthy,
            tier: nil,
            why: "",
            candidates: []
        )
    }
}
