// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering

/// A pool with its tables: endpoint n has slot n, is named `e<n>` and is up unless told otherwise.
final class Fixture {
    let health: HealthTable
    let load: LoadTable
    var pool: PoolDefinition
    var chooser: Chooser
    var now = Instant(nanoseconds: 1_000_000_000_000)

    init(
        _ balance: Balance,
        weights: [UInt32],
        tiers: [UInt8] = [],
        workers: Int = 2,
        seed: UInt64 = 1,
        change: (inout PoolDefinition) -> Void = { _ in }
    ) {
        health = HealthTable(capacity: max(weights.count, 8) + 8)
        load = LoadTable(capacity: max(weights.count, 8) + 8, workers: workers)
        pool = PoolDefinition(name: "p", balance: balance)
        for (index, weight) in weights.enumerated() {
            let tier = tiers.isEmpty ? 0 : tiers[index]
            pool.endpoints.append(Fixture.endpoint(index, weight: weight, tier: tier))
            health.publish(index, .serving)
        }
        change(&pool)
        chooser = Chooser(pools: [pool], health: health, load: load, worker: 0, seed: seed)
    }

    static func endpoint(_ index: Int, weight: UInt32 = 1, tier: UInt8 = 0) -> EndpointDefinition {
        EndpointDefinition(
            name: "e\(index)",
            slot: index,
            address: SocketAddress(IPAddress(v4: 0x0a00_0000 + UInt32(index)), port: 80),
            weight: weight,
            tier: tier
        )
    }

    /// Index of the chosen endpoint; -1 for none.
    func choose(key: UInt64 = 0, tried: Tried = Tried()) -> Int {
        guard case .endpoint(let index) = ask(key: key, tried: tried) else { return -1 }
        return index
    }

    func ask(key: UInt64 = 0, tried: Tried = Tried()) -> Choice {
        chooser.choose(pool: 0, key: key, tried: tried, now: now)
    }

    /// How often each endpoint is chosen, by keys that differ.
    func count(_ draws: Int, firstKey: UInt64 = 0) -> [Int] {
        var counts = Array(repeating: 0, count: pool.endpoints.count)
        for draw in 0..<draws {
            let chosen = choose(key: firstKey + UInt64(draw))
            if chosen >= 0 { counts[chosen] += 1 }
        }
        return counts
    }

    /// Who gets each of so many keys.
    func owners(_ keys: Int) -> [Int] { (0..<keys).map { choose(key: UInt64($0)) } }

    func begin(_ slot: Int) -> Bool { chooser.begin(slot: slot) }

    func end(_ slot: Int, _ latency: Interval = .milliseconds(1)) {
        chooser.end(slot: slot, latency: latency, now: now)
    }

    func explain() -> PoolExplanation { chooser.explain(pool: 0, key: 0, now: now) }

    var mode: ChoiceMode { chooser.latestMode }

    /// Takes over a changed pool as a reload does.
    func reload(_ pool: PoolDefinition) {
        chooser = Chooser(plan: SelectionPlan(pools: [pool], health: health), adopting: chooser)
    }

    func set(_ slot: Int, _ word: HealthWord) { health.publish(slot, word) }
}

extension HealthWord {
    static var serving: HealthWord { HealthWord(health: .up, reason: .probePassed) }
    static var failing: HealthWord { HealthWord(health: .down, reason: .status500) }
    static var refusing: HealthWord {
        var word = HealthWord(health: .down, reason: .connectRefused)
        word.isConnectFailing = true
        return word
    }
    static var draining: HealthWord {
        HealthWord(health: .up, administrative: .draining, reason: .probePassed)
    }
}

/// Every algorithm, for tables of tests.
let everyBalance: [Balance] = [
    .roundRobin, .weightedRoundRobin, .leastConnections, .weightedLeastConnections, .random,
    .powerOfTwoChoices, .leastResponseTime, .sourceIPHash, .ringHash(virtualNodes: 160),
    .maglev(size: 65_537), .boundedLoad(percent: 150), .firstAvailable,
]
