// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A name that a policy may answer with in the place of an address.
public struct SteerTarget: Sendable {
    /// Names of one table.
    public static var limit: Int { 1 << 20 }

    /// Its number among the names of a table: the same name has the same number everywhere.
    public var number: Int
    /// The name in wire form and lower case.
    public var wire: [UInt8]

    /// Joins the parts.
    public init(number: Int, wire: [UInt8]) {
        self.number = number
        self.wire = wire
    }

    /// What stands for the name where nodes and answers have addresses.
    public var token: IPAddress { IPAddress(v6: UInt128(truncatingIfNeeded: number)) }
}

/// One address, or one name, a policy may answer with.
public struct SteerMember: Sendable {
    /// Name for people, and what sticky draws know it by.
    public var name: String
    /// Place in the health table.
    public var slot: Int
    /// The address to answer; of a name its token.
    public var address: IPAddress
    /// The name to answer; nil for an address.
    public let target: SteerTarget?

    /// Joins the parts.
    public init(name: String, slot: Int, address: IPAddress) {
        self.name = name
        self.slot = slot
        self.address = address
        target = nil
    }

    /// A member that is answered by a name; its health is that of the slot.
    public init(name: String, slot: Int, target: SteerTarget) {
        self.name = name
        self.slot = slot
        address = target.token
        self.target = target
    }
}

/// How a steered name picks its answer: a tree in which every node narrows what is below it.
///
/// Every kind may stand inside every other. A node is *live* when enough of it works to answer with;
/// a parent only takes branches that are live, so the health of a branch is that of its subtree.
public struct SteerPolicy: Sendable {
    /// What a node does with its branches.
    public indirect enum Kind: Sendable {
        /// Answers this address.
        case address(SteerMember)
        /// Is another policy, by its name in the configuration.
        case named(String)
        /// Answers with all live branches, beginning at one that is drawn.
        case roundRobin([SteerBranch])
        /// Takes one live branch as often as its weight says, or each by itself.
        case weighted([SteerBranch])
        /// Takes the first live branch.
        case failover([SteerBranch])
        /// Takes the first live branch of the order that holds where the client is.
        case regional([SteerBranch], RegionTable)
    }

    /// What decides a draw by weight.
    public enum Draw: UInt8, Sendable, BitwiseCopyable, CaseIterable {
        /// Chance, anew for every answer.
        case random
        /// The client's network: a client stays where it is as long as that is live.
        case client
        /// The name asked for: all clients of a name go to one place.
        case name
    }

    /// What the node does.
    public var kind: Kind
    /// What is answered when the node is not live; nil for what the policy above says.
    public var allDown: SteerAllDown?
    /// The least number of live branches for the node to be live.
    public var minimumUp = 1
    /// The least share of live branches, in percent; of their weight in a weighted node.
    public var minimumUpPercent = 0
    /// The most addresses that a round robin or a multiple draw answers with.
    public var most = SteerPolicy.defaultMost
    /// What decides a draw by weight.
    public var draw = Draw.random
    /// Each branch of a weighted node is drawn by itself, as often as its share of the highest
    /// weight says.
    public var isMultiple = false
    /// How long a branch of a failover must have been live before traffic goes back to it.
    public var hold = Interval.zero

    /// As many addresses as Route 53 answers with.
    public static var defaultMost: Int { 8 }

    /// A node with the usual rules.
    public init(_ kind: Kind) { self.kind = kind }

    /// A single address.
    public static func address(_ member: SteerMember) -> SteerPolicy {
        SteerPolicy(.address(member))
    }
    /// All live branches in turn.
    public static func roundRobin(_ branches: [SteerBranch]) -> SteerPolicy {
        SteerPolicy(.roundRobin(branches))
    }
    /// One live branch by weight.
    public static func weighted(_ branches: [SteerBranch]) -> SteerPolicy {
        SteerPolicy(.weighted(branches))
    }
    /// The first live policy.
    public static func failover(_ policies: [SteerPolicy]) -> SteerPolicy {
        SteerPolicy(.failover(policies.map { SteerBranch($0) }))
    }

    /// The policy that answers with a pool's endpoints, tier after tier.
    ///
    /// Weighted when the weights differ, else round robin.
    public static func pool(_ pool: PoolDefinition) -> SteerPolicy {
        let tiers = Set(pool.endpoints.map(\.tier)).sorted()
        let branches = tiers.map { tier -> SteerPolicy in
            let members = pool.endpoints.filter { $0.tier == tier }.map { endpoint in
                SteerBranch(
                    .address(
                        SteerMember(
                            name: endpoint.name,
                            slot: endpoint.slot,
                            address: endpoint.address.ip
                        )
                    ),
                    weight: endpoint.weight,
                    domain: endpoint.zone
                )
            }
            let isEven = Set(members.map(\.weight)).count < 2
            return isEven ? .roundRobin(members) : .weighted(members)
        }
        return branches.count == 1 ? branches[0] : .failover(branches)
    }
}

/// A policy as a branch of another one.
public struct SteerBranch: Sendable {
    /// What it answers.
    public var policy: SteerPolicy
    /// Its share in a weighted node; 0 for never, in a round robin too.
    public var weight: UInt32
    /// What fails together: an answer of a round robin never holds two of one; empty for nothing.
    public var domain: String
    /// What it is called in explanations; empty for what its policy is called.
    public var name = ""
    /// Its place on the board of weights that change; nil when its weight never does.
    public var dial: Int?
    /// True when it sheds load.
    public var shedsLoad = false

    /// Joins the parts.
    public init(_ policy: SteerPolicy, weight: UInt32 = 1, domain: String = "") {
        self.policy = policy
        self.weight = weight
        self.domain = domain
    }
}

/// What a policy answers when it is not live.
public enum SteerAllDown: Sendable, Equatable {
    /// What it would with everything healthy (as Route 53 does).
    case all
    /// No address: NODATA.
    case none
    /// SERVFAIL, so that resolvers ask another server.
    case servfail
    /// What was answered before the last of it went down.
    case lastGood
    /// What another policy answers.
    case fallback(String)

    /// The word used in the configuration.
    public var word: String {
        switch self {
        case .all: "all"
        case .none: "none"
        case .servfail: "servfail"
        case .lastGood: "last-good"
        case .fallback(let name): "fallback \(name)"
        }
    }
}

/// A steered name, as configured.
public struct SteerDefinition: Sendable {
    /// Name in the configuration.
    public var name: String
    /// How its answer is picked.
    public var policy: SteerPolicy
    /// The TTL, in seconds, below which health never brings an answer; nil for half of the record's.
    public var leastTTL: UInt32?
    /// True when members that return may be held back, or the TTL be lowered, while it serves.
    public var hasRules = false

    /// Joins the parts.
    public init(
        name: String,
        policy: SteerPolicy,
        allDown: SteerAllDown? = nil,
        leastTTL: UInt32? = nil
    ) {
        self.name = name
        self.policy = policy
        self.leastTTL = leastTTL
        if let allDown { self.policy.allDown = allDown }
    }
}
