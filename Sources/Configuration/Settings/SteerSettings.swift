// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A policy that chooses DNS answers.
public struct SteerSettings: Sendable, Equatable {
    /// The key under `steer`.
    public var name: String
    /// How the answer is chosen.
    public var policy: PolicySettings
    /// The TTL of the answers, and the most that it can be.
    public var ttl: Interval
    /// The least that health may bring the TTL to; nil means half of it.
    public var minTTL: Interval?
    /// The longest time that a failover may take without a warning; nil means any.
    public var failoverWithin: Interval?
    /// How long answers rest after a change.
    public var settle = Interval.zero
    /// The longest that flapping leads to.
    public var settleMost = Interval.zero
    /// It is made of a record that the API was given, and stands in no configuration.
    public internal(set) var isDynamic = false
    /// It answers with names, and a probe is to check some of them.
    public internal(set) var isOfCheckedNames = false
}

extension SteerSettings {
    /// The policy of a record that the API was given.
    public init(dynamic name: String, policy: PolicySettings, ttl: Interval) {
        self.init(name: name, policy: policy, ttl: ttl, minTTL: nil, failoverWithin: nil)
        isDynamic = true
        isOfCheckedNames = !policy.checkedNames.isEmpty
    }

    /// The names that it may answer with and that a probe is to check.
    public var checkedNames: Set<String> { isOfCheckedNames ? policy.checkedNames : [] }
}

/// What a steered name answers when nothing is healthy.
public enum AllDownAnswer: String, Sendable, Equatable, CaseIterable {
    /// All addresses, as if all were healthy.
    case all
    /// No address: NODATA.
    case none
    /// SERVFAIL, so that resolvers ask another server.
    case servfail
    /// What was answered last while something was healthy.
    case lastGood = "last-good"
}

/// How an answer is chosen; policies nest.
public struct PolicySettings: Sendable, Equatable {
    /// What a policy does with its branches.
    public indirect enum Kind: Sendable, Equatable {
        /// One address, checked by the probe when one is named.
        case address(IPAddress, probe: String?)
        /// One name, to be answered as a CNAME; its addresses are checked by the probe when one is
        /// named.
        ///
        /// No configuration has these, and no policy has addresses beside them.
        case name(String, probe: String?)
        /// The endpoints of a pool.
        case pool(String)
        /// Another policy by name; references form no loop.
        case steer(String)
        /// All live branches, rotated.
        case roundRobin([BranchSettings])
        /// Live branches by weight.
        case weighted([BranchSettings])
        /// The first live branch.
        case failover([BranchSettings])
        /// By where the client is.
        case geo([BranchSettings])
        /// By how far the client is.
        case proximity([BranchSettings])
        /// By how long the client's round trips take.
        case latency([BranchSettings])
    }

    /// What decides a draw by weight.
    public enum Sticky: String, Sendable, Equatable, CaseIterable {
        /// The client's network.
        case client
        /// The name asked for.
        case name
    }

    /// What it does.
    public var kind: Kind
    /// What is answered when it is not live; nil for what holds above it.
    public var allDown: AllDownAnswer?
    /// The policy that answers when it is not live.
    public var fallback: String?
    /// The least number of live branches.
    public var minimumUp: Int
    /// The least share of live branches.
    public var minimumUpShare: Percentage
    /// The most addresses in an answer.
    public var answers: Int
    /// What decides a draw by weight; nil for chance.
    public var sticky: Sticky?
    /// Each branch is drawn by itself.
    public var isMultiple: Bool
    /// How long a branch must have been live before a failover goes back to it.
    public var hold: Interval
    /// The branch of a weighted policy that gets all clients, by its name.
    public var active: String?
    /// How a branch of a weighted policy is brought up.
    @Rare public var rollout: RolloutSettings?

    /// A policy with the usual rules.
    public init(_ kind: Kind) {
        self.kind = kind
        minimumUp = 1
        minimumUpShare = Percentage(0)
        answers = 8
        isMultiple = false
        hold = .zero
    }
}

/// A branch of a policy.
public struct BranchSettings: Sendable, Equatable {
    /// What it answers.
    public var policy: PolicySettings
    /// Its share in a weighted policy; zero means never.
    public var weight = 1
    /// What it is called; nil for what its policy is called.
    public var name: String?
    /// Changes of its weight, in the order of their times.
    public var schedule: [WeightStepSettings] = []
    /// Between which loads it gives up its share; nil for never.
    @Rare public var load: LoadMarks?
    /// What fails together with it.
    public var domain: String?
    /// Where its clients are, in a `geo` policy; empty for everywhere else.
    public var regions: [RegionSettings] = []
    /// No region was written; a region that could not be read is one all the same.
    var isForEverybody = true
    /// Its clients go nowhere else, even when it is down.
    public var isResident = false
    /// Where it is, in a `proximity` or `latency` policy.
    @Rare public var position: Position?
    /// Draws clients from farther away, or keeps them off: -99 to 99.
    public var bias = 0
    /// What measurements call it, in a `latency` policy; nil for what it answers.
    var target: String?

    /// Where something is.
    public enum Position: Sendable, Equatable {
        /// Degrees north of the equator and east of Greenwich.
        case point(latitude: Double, longitude: Double)
        /// The middle of a country, by ISO 3166-1 alpha-2.
        case country(String)
    }

    /// A branch with the usual rules.
    public init(_ policy: PolicySettings) { self.policy = policy }

    /// What measurements call it; empty for a branch that has to be given a name for that.
    public var targetName: String {
        if let target { return target }
        switch policy.kind {
        case .name(let name, _), .pool(let name), .steer(let name): return name
        case .address(let ip, _): return "\(ip)"
        default: return ""
        }
    }
}

/// A part of the world or of the address space.
public enum RegionSettings: Sendable, Hashable {
    /// A continent by its two letters.
    case continent(String)
    /// A country by ISO 3166-1 alpha-2; `EU` for the member states of the European Union.
    case country(String)
    /// A part of a country by ISO 3166-2.
    case subdivision(String)
    /// A city by its English name.
    case city(String)
    /// An autonomous system.
    case asn(Int)
    /// A network.
    case network(Prefix)
}

extension PolicySettings.Kind {
    /// The branches in their order.
    public var branches: [BranchSettings] {
        switch self {
        case .address, .name, .pool, .steer: []
        case .roundRobin(let branches), .weighted(let branches), .failover(let branches),
            .geo(let branches), .proximity(let branches), .latency(let branches):
            branches
        }
    }
}

extension PolicySettings {
    /// Plain addresses and names in it, those of policies that it names not counted.
    public var addressCount: Int {
        switch kind {
        case .address, .name: 1
        default: kind.branches.reduce(0) { $0 + $1.policy.addressCount }
        }
    }

    /// The names in it that a probe is to check.
    public var checkedNames: Set<String> {
        if case .name(let name, .some) = kind { return [name] }
        return kind.branches.reduce(into: []) { $0.formUnion($1.policy.checkedNames) }
    }
}
