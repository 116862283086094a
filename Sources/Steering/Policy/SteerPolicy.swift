// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// One address a policy may answer with.
public struct SteerMember: Sendable, Equatable {
    /// Name for people.
    public var name: String
    /// Place in the health table.
    public var slot: Int
    /// The address to answer.
    public var address: IPAddress
    /// Share of the answers; 0 for never.
    public var weight: UInt32

    /// Joins the parts.
    public init(name: String, slot: Int, address: IPAddress, weight: UInt32 = 1) {
        self.name = name
        self.slot = slot
        self.address = address
        self.weight = weight
    }
}

/// How a steered name picks its answer: a tree of which every inner node narrows the set.
public indirect enum SteerPolicy: Sendable, Equatable {
    /// All members that take new work, starting at another one each time.
    case roundRobin([SteerMember])
    /// One member, as often as its weight says.
    case weighted([SteerMember])
    /// The first branch that has a member taking new work.
    case failover([SteerPolicy])

    /// The policy that answers with a pool's endpoints, tier after tier.
    ///
    /// Weighted when the weights differ, else round robin.
    public static func pool(_ pool: PoolDefinition) -> SteerPolicy {
        let tiers = Set(pool.endpoints.map(\.tier)).sorted()
        let branches = tiers.map { tier -> SteerPolicy in
            let members = pool.endpoints.filter { $0.tier == tier }.map {
                SteerMember(name: $0.name, slot: $0.slot, address: $0.address.ip, weight: $0.weight)
            }
            let isEven = Set(members.map(\.weight)).count < 2
            return isEven ? .roundRobin(members) : .weighted(members)
        }
        if branches.count == 1 { return branches[0] }
        return .failover(branches)
    }
}

/// A steered name, as configured.
public struct SteerDefinition: Sendable, Equatable {
    /// Name in the configuration.
    public var name: String
    /// How its answer is picked.
    public var policy: SteerPolicy
    /// What is answered when no member takes new work.
    public var allDown: AllDownPolicy
    /// The TTL, in seconds, below which health never brings an answer; nil for half of the record's.
    public var leastTTL: UInt32?

    /// Joins the parts.
    public init(
        name: String,
        policy: SteerPolicy,
        allDown: AllDownPolicy = .all,
        leastTTL: UInt32? = nil
    ) {
        self.name = name
        self.policy = policy
        self.allDown = allDown
        self.leastTTL = leastTTL
    }
}
