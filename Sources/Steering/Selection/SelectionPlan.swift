// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Everything immutable that choosing needs, built once per snapshot and shared by all workers.
///
/// Tables for consistent hashing are built here, off the workers, with the weight overrides of
/// that moment; a later lower override is honoured at the choice, a higher one at the next plan.
public struct SelectionPlan: Sendable {
    /// The pools in the order of their numbers.
    public let pools: [PoolDefinition]
    let poolRecords: [PoolRecord]
    let tiers: [TierRecord]
    // Of all pools, tier after tier; a position counts from the tier's first.
    let candidates: [Candidate]
    let addresses: [SocketAddress]
    // Candidate of the pool's n-th endpoint as defined.
    let places: [UInt32]
    let ring: [UInt64]
    let lookup: [UInt16]
    // By session within each pool.
    let sessions: [SessionPlace]
    // Slots are below this.
    let slotBound: Int

    /// Builds the flat arrays and hash tables.
    public init(pools: [PoolDefinition], health: HealthTable) {
        var layout = PlanLayout()
        for pool in pools { layout.add(pool, health) }
        self.pools = pools
        poolRecords = layout.pools
        tiers = layout.tiers
        candidates = layout.candidates
        addresses = layout.addresses
        places = layout.places
        ring = layout.ring
        lookup = layout.lookup
        sessions = layout.sessions
        slotBound = layout.slotBound
    }

    /// The number of the pool named so; nil when there is none.
    public func find(_ name: String) -> Int? { pools.firstIndex { $0.name == name } }
}

/// One pool in the flat arrays of a plan.
struct PoolRecord: BitwiseCopyable {
    var slot: Int
    var balance: Balance
    var firstTier: Int
    var tierCount: Int
    var firstCandidate: Int
    var candidateCount: Int
    var slowStart: Int64
    var panicPercent: UInt8
    var allDown: AllDownPolicy
    var respectsWeights: Bool
    var drain: Int64
    var firstSession: Int
    var sessionCount: Int
}

/// One tier of a pool, and where its hash table lies.
struct TierRecord: BitwiseCopyable {
    var first: Int
    var count: Int
    var tableFirst: Int
    var tableCount: Int
    // In shares, as `ChoiceSources.share` gives them.
    var greatestShare: UInt64
    var meanShare: Double
    var tier: UInt8
    // Up to here bounded load bounds nothing.
    var leastLoad: UInt32 = 0

    // Source-IP hash: up to here every endpoint bids for the key, 3 us at most.
    static var mostBids: Int { 512 }
}

/// One endpoint as the choice reads it: four to a cache line and a half.
struct Candidate: BitwiseCopyable {
    var seed: UInt64
    var session: UInt64
    var slot: UInt32
    var weight: UInt32
    // The weight that the hash tables were built with.
    var tableWeight: UInt32
    var limit: UInt32
    var index: UInt32
    // Requests at a time while it is half-open; 0 for no limit.
    var trialLimit: UInt32

    // Weights above this are cut, so that products of share and load stay within 64 bits.
    static var greatestWeight: UInt32 { 1 << 24 }
}

/// Lays pools out in flat arrays while a plan is built.
private struct PlanLayout {
    var pools: [PoolRecord] = []
    var tiers: [TierRecord] = []
    var candidates: [Candidate] = []
    var addresses: [SocketAddress] = []
    var places: [UInt32] = []
    var ring: [UInt64] = []
    var lookup: [UInt16] = []
    var sessions: [SessionPlace] = []
    var slotBound = 0

    mutating func add(_ pool: PoolDefinition, _ health: HealthTable) {
        let firstTier = tiers.count
        let firstCandidate = candidates.count
        places.append(contentsOf: repeatElement(0, count: pool.endpoints.count))
        let order = pool.endpoints.indices.sorted {
            (pool.endpoints[$0].tier, $0) < (pool.endpoints[$1].tier, $1)
        }
        var start = order.startIndex
        while start < order.endIndex {
            let tier = pool.endpoints[order[start]].tier
            let end = order[start...].firstIndex { pool.endpoints[$0].tier != tier } ?? order.count
            let first = candidates.count
            for index in order[start..<end] {
                places[firstCandidate + index] = UInt32(candidates.count)
                add(pool.endpoints[index], index: index, pool, health)
            }
            addTier(first: first, tier: tier, pool.balance)
            tiers[tiers.count - 1].leastLoad = pool.leastLoad
            start = end
        }
        let firstSession = sessions.count
        let named = candidates[firstCandidate...].enumerated().filter { $1.session != 0 }
        sessions += named.map { place, candidate in
            SessionPlace(session: candidate.session, place: UInt32(firstCandidate + place))
        }.sorted { ($0.session, $0.place) < ($1.session, $1.place) }
        pools.append(
            PoolRecord(
                slot: pool.slot,
                balance: pool.balance,
                firstTier: firstTier,
                tierCount: tiers.count - firstTier,
                firstCandidate: firstCandidate,
                candidateCount: candidates.count - firstCandidate,
                slowStart: max(pool.slowStart.nanoseconds, 0),
                panicPercent: pool.panicPercent,
                allDown: pool.allDown,
                respectsWeights: pool.balance.respectsWeights,
                drain: pool.drain.nanoseconds,
                firstSession: firstSession,
                sessionCount: sessions.count - firstSession
            )
        )
    }

    private mutating func add(
        _ endpoint: EndpointDefinition,
        index: Int,
        _ pool: PoolDefinition,
        _ health: HealthTable
    ) {
        let slot = UInt32(clamping: endpoint.slot)
        let tableWeight = health.weightOverride(endpoint.slot) ?? endpoint.weight
        let seed =
            endpoint.name.isEmpty
            ? Hash.address(endpoint.address.ip, seed: UInt64(endpoint.address.port))
            : Hash.text(endpoint.name)
        candidates.append(
            Candidate(
                seed: seed,
                session: endpoint.session,
                slot: slot,
                weight: min(endpoint.weight, Candidate.greatestWeight),
                tableWeight: min(tableWeight, Candidate.greatestWeight),
                limit: endpoint.connectionLimit,
                index: UInt32(index),
                trialLimit: pool.trialLimit
            )
        )
        addresses.append(endpoint.address)
        slotBound = max(slotBound, Int(slot) + 1)
    }

    private mutating func addTier(first: Int, tier: UInt8, _ balance: Balance) {
        let members = candidates[first...].enumerated().map { place, candidate in
            HashMember(seed: candidate.seed, weight: candidate.tableWeight, position: place)
        }
        let shares = members.map { UInt64($0.weight) << 8 }
        var record = TierRecord(
            first: first,
            count: members.count,
            tableFirst: 0,
            tableCount: 0,
            greatestShare: max(shares.max() ?? 0, 1),
            meanShare: max(shares.reduce(0.0) { $0 + Double($1) } / Double(members.count), 1),
            tier: tier
        )
        switch balance {
        case .maglev(let size):
            let table = MaglevTable.build(
                members,
                size: MaglevTable.prime(atLeast: max(size, members.count))
            )
            (record.tableFirst, record.tableCount) = (lookup.count, table.count)
            lookup += table
        case .ringHash(let virtualNodes):
            let points = HashRing.build(members, virtualNodes: virtualNodes)
            (record.tableFirst, record.tableCount) = (ring.count, points.count)
            ring += points
        case .sourceIPHash where members.count <= TierRecord.mostBids: break
        case .boundedLoad, .sourceIPHash:
            let points = HashRing.build(members, virtualNodes: 160)
            (record.tableFirst, record.tableCount) = (ring.count, points.count)
            ring += points
        default: break
        }
        tiers.append(record)
    }
}
