// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How a pool chooses among its endpoints.
///
/// Algorithms without `weighted` in their name and not said to respect weights use a weight only
/// to tell 0 (never newly chosen) from the rest.
public enum Balance: Sendable, BitwiseCopyable, Equatable {
    /// Each in turn.
    case roundRobin
    /// Each in turn as often as its weight says, without bursts: a a b a c a a for 5, 1, 1.
    case weightedRoundRobin
    /// Fewest in flight; ties in turn.
    case leastConnections
    /// Fewest in flight per weight; ties by smooth weighted round robin.
    case weightedLeastConnections
    /// At random, respecting weights.
    case random
    /// The less loaded of two drawn at random, respecting weights.
    case powerOfTwoChoices
    /// The faster of two: peak EWMA of response time times work in flight, per weight.
    case leastResponseTime
    /// The client's address decides (highest random weight), respecting weights.
    case sourceIPHash
    /// A hash ring with so many points per unit of weight.
    case ringHash(virtualNodes: Int)
    /// A Maglev lookup table of this prime size, respecting weights.
    case maglev(size: Int)
    /// A hash ring where nobody gets more than this percentage of the average load.
    case boundedLoad(percent: Int)
    /// The first in order with room under its connection limit.
    case firstAvailable

    /// The word used in the configuration and in explanations.
    public var word: String {
        switch self {
        case .roundRobin: "round-robin"
        case .weightedRoundRobin: "weighted-round-robin"
        case .leastConnections: "least-connections"
        case .weightedLeastConnections: "weighted-least-connections"
        case .random: "random"
        case .powerOfTwoChoices: "power-of-two-choices"
        case .leastResponseTime: "least-response-time"
        case .sourceIPHash: "source-ip-hash"
        case .ringHash: "ring-hash"
        case .maglev: "maglev"
        case .boundedLoad: "bounded-load"
        case .firstAvailable: "first-available"
        }
    }

    /// True when the choice depends on the key.
    public var usesKey: Bool {
        switch self {
        case .sourceIPHash, .ringHash, .maglev, .boundedLoad: true
        default: false
        }
    }

    // Whether a weight above 0 shifts work; slow start does in every algorithm.
    var respectsWeights: Bool {
        switch self {
        case .roundRobin, .leastConnections, .firstAvailable: false
        default: true
        }
    }
}

/// What is served when no endpoint takes new work.
public enum AllDownPolicy: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// All `ready` ones, as if they were up (as Route 53 does).
    case all
    /// None.
    case none
    /// DNS: the SERVFAIL code. HTTP: as `none`.
    case servfail
    /// The one that was last to go down.
    case lastGood

    /// The word used in the configuration.
    public var word: String {
        switch self {
        case .all: "all"
        case .none: "none"
        case .servfail: "servfail"
        case .lastGood: "last-good"
        }
    }
}

/// One endpoint of a pool, as configured.
public struct EndpointDefinition: Sendable, Equatable {
    /// Name within the pool, for people and for consistent hashing; the address when empty.
    public var name: String
    /// Place in the health and load tables, given out by ``EndpointRegistry``.
    public var slot: Int
    /// Where it listens.
    public var address: SocketAddress
    /// Share of the work; 0 takes no new work.
    public var weight: UInt32
    /// 0 serves first; a higher tier serves when all lower ones are empty.
    public var tier: UInt8
    /// Where it stands, for zone-aware policies.
    public var zone: String
    /// Most requests in flight at once in the whole process; 0 for no limit.
    public var connectionLimit: UInt32
    /// What names it in the sessions of clients; 0 for nothing.
    public var session: UInt64 = 0

    /// An endpoint with the usual defaults.
    public init(
        name: String,
        slot: Int,
        address: SocketAddress,
        weight: UInt32 = 1,
        tier: UInt8 = 0,
        zone: String = ""
    ) {
        self.name = name
        self.slot = slot
        self.address = address
        self.weight = weight
        self.tier = tier
        self.zone = zone
        connectionLimit = 0
    }
}

/// A pool, as configured: the input of ``Chooser`` and of steer policies.
public struct PoolDefinition: Sendable, Equatable {
    /// Name in the configuration.
    public var name: String
    /// Stable number of the pool across reloads, for ``RetryBudget`` and ``WaitingBoard``.
    public var slot: Int
    /// How endpoints are chosen.
    public var balance: Balance
    /// Requests in flight at an endpoint up to which ``Balance/boundedLoad(percent:)`` bounds nothing.
    public var leastLoad: UInt32 = 0
    /// The endpoints; ``Choice/endpoint(_:)`` is an index into this list.
    public var endpoints: [EndpointDefinition]
    /// How long a returning endpoint takes to get its full share; zero for at once.
    public var slowStart: Interval
    /// Below this percentage of `ready` endpoints up, health is ignored; 0 for never.
    public var panicPercent: UInt8
    /// What happens when no endpoint takes new work.
    public var allDown: AllDownPolicy
    /// How long a draining endpoint keeps its sessions.
    public var drain = Interval.max
    /// Whom requests go to that may change something.
    public var writes = RoleWish.any
    /// Whom all others go to.
    public var reads = RoleWish.any
    /// Requests at a time that a half-open endpoint gets; 0 for no limit.
    public var trialLimit: UInt32 = 0

    /// A pool with the usual defaults.
    public init(
        name: String,
        slot: Int = 0,
        balance: Balance = .roundRobin,
        endpoints: [EndpointDefinition] = [],
        slowStart: Interval = .zero,
        allDown: AllDownPolicy = .all
    ) {
        self.name = name
        self.slot = slot
        self.balance = balance
        self.endpoints = endpoints
        self.slowStart = slowStart
        panicPercent = 0
        self.allDown = allDown
    }
}

/// What a door needs of a chosen endpoint, as one plain value.
public struct EndpointRecord: Sendable, BitwiseCopyable, Equatable {
    /// Place in the health and load tables.
    public let slot: Int
    /// Where it listens.
    public let address: SocketAddress
    /// Most requests in flight at once in the whole process; 0 for no limit.
    public let connectionLimit: UInt32
    /// The configured weight.
    public let weight: UInt32
    /// The priority tier.
    public let tier: UInt8

    /// Joins the parts.
    public init(
        slot: Int,
        address: SocketAddress,
        connectionLimit: UInt32,
        weight: UInt32,
        tier: UInt8
    ) {
        self.slot = slot
        self.address = address
        self.connectionLimit = connectionLimit
        self.weight = weight
        self.tier = tier
    }

    /// The record of no endpoint: its slot counts nowhere and nothing listens at its address.
    public static var nowhere: EndpointRecord {
        EndpointRecord(
            slot: -1,
            address: SocketAddress(IPAddress(v4: 0), port: 0),
            connectionLimit: 0,
            weight: 0,
            tier: 0
        )
    }
}
