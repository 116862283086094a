// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Why a policy answers as it does.
public struct SteerExplanation: Sendable, Equatable {
    /// The policy's name.
    public var policy: String
    /// The addresses answered, in order.
    public var answers: [IPAddress]
    /// The names answered, in wire form, by a policy that has those; its addresses are tokens.
    public var targets: [[UInt8]] = []
    /// What is answered.
    public var outcome: SteerOutcome
    /// Which members were considered.
    public var mode: ChoiceMode
    /// The leading bits of the client's address that the decision depends on.
    public var scope: UInt8
    /// The earliest time, in seconds, in which a member that was looked at can change; nil when none
    /// is in sight.
    public var secondsToChange: UInt16?
    /// One sentence: which branch, which rule.
    public var why: String
    /// Every node of the tree down to the members, from the top.
    public var steps: [Step]
    /// Every member of the tree, in order.
    public var members: [MemberExplanation]

    /// One node of the tree.
    public struct Step: Sendable, Equatable {
        /// How deep it lies; 0 for the policy itself.
        public var depth: Int
        /// What it is called as a branch.
        public var name: String
        /// Its kind in the configuration's word.
        public var kind: String
        /// True when there is enough below it to answer with.
        public var isLive: Bool
        /// True when the answer came through it.
        public var isChosen: Bool
        /// True when it goes by where the client is.
        public var isByPlace: Bool
        /// One sentence: what it looked at, or what speaks against it.
        public var why: String
        /// Why a node above that serves did not take it; empty where it did, or was not asked.
        public var whyNot: String
        /// Where its branches are, when it goes by distance; empty when it does not.
        public var targets: [Target] = []
        /// The end of the sentence: what it weighs, where that is not what the file says.
        var weight: String
        /// The sentence without that end.
        public var whyWithoutWeight: String { String(why.dropLast(weight.count)) }
    }

    /// A branch of a node that goes by distance.
    public struct Target: Sendable, Equatable {
        /// What it is called.
        public var name: String
        /// Where it is, and how its distance counts.
        public var place: GeoTarget
    }

    /// One member of the tree.
    public struct MemberExplanation: Sendable, Equatable {
        /// Name for people.
        public var name: String
        /// The address; of a name its token.
        public var address: IPAddress
        /// The name in wire form; empty for an address.
        public var target: [UInt8] = []
        /// Place in the health table.
        public var slot: Int
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
        /// True when it takes new work and has weight.
        public var isEligible: Bool
        /// True when it is in the answer.
        public var isAnswered: Bool
        /// Why it is not, itself or a branch that it lies in; empty when it is.
        public var whyNot: String
    }
}

extension SteerTable {
    /// Says what would be answered now and why, by the code of `answer`.
    public func explain(
        policy: Int,
        _ question: SteerQuestion,
        seed: UInt64
    ) -> SteerExplanation {
        var set = AnswerSet()
        var random = SeededRandom(seed: seed)
        answer(policy: policy, question, into: &set, random: &random)
        return explain(policy: policy, question, answered: set)
    }

    /// Tells of an answer that was given, by the health of now.
    public func explain(
        policy: Int,
        _ question: SteerQuestion,
        answered set: AnswerSet
    ) -> SteerExplanation {
        var explanation = SteerExplanation(
            policy: "",
            answers: (0..<set.count).map { set.address($0) },
            outcome: set.outcome,
            mode: set.mode,
            scope: set.scope,
            secondsToChange: set.secondsToChange == HealthWord.noChangeInSight
                ? nil : set.secondsToChange,
            why: "there is no such policy",
            steps: [],
            members: []
        )
        guard definitions.indices.contains(policy) else { return explanation }
        explanation.policy = definitions[policy].name
        if answersNames(policy: policy) {
            explanation.targets = explanation.answers.map { targetName(of: $0) }
        }
        var asked = question
        if set.isResting {
            asked.filter.latestReturn = board.heldSince(policy).nanoseconds
            asked.filter.returnsAt = board.heldUntil(policy).nanoseconds
        }
        var walk = SteerWalk(table: self, question: asked, set: set)
        walk.visit(
            SteerBranch(definitions[policy].policy),
            at: policy,
            depth: 0,
            path: "",
            on: walk.start(policy)
        )
        explanation.steps = walk.steps
        explanation.members = walk.members
        explanation.why = why(policy, set, walk)
        return explanation
    }

    private func why(_ policy: Int, _ set: AnswerSet, _ walk: SteerWalk) -> String {
        let branch = walk.servingPath.isEmpty ? "the policy" : walk.servingPath
        let cause = walk.failure?.sentence ?? "no member takes new work"
        switch set.outcome {
        case .noData: return "the branch that serves has no address of this family"
        case .none where walk.failure?.isForOthers == true: return cause
        case .none where set.isWithheld:
            return "nothing is left to answer: what there is weighs 0, is drained or in maintenance"
        case .none, .servfail: return "\(cause) and all-down is \(set.outcome.allDownWord)"
        case .addresses: break
        }
        switch set.mode {
        case .healthy, .panic: return "\(branch) has members in service"
        case .fallback: return "\(cause): \(branch) has members in service"
        case .allDown, .lastGood:
            // By the health of now nothing may be wrong where something was.
            let allDown = definitions[policy].policy.allDown ?? .all
            let word = walk.failure == nil ? allDown.word : set.mode.allDownWord
            return "\(cause); all-down is \(word): \(branch)"
        }
    }
}

extension ChoiceMode {
    fileprivate var allDownWord: String { self == .lastGood ? "last-good" : "all" }
}

extension SteerOutcome {
    fileprivate var allDownWord: String { self == .servfail ? "servfail" : "none" }
}

extension SteerPolicy.Kind {
    /// The branches in their order.
    public var branches: [SteerBranch] {
        switch self {
        case .address: []
        case .named(let name): [SteerBranch(SteerPolicy(.named(name)))]
        case .roundRobin(let branches), .weighted(let branches), .failover(let branches): branches
        case .regional(let branches, _): branches
        }
    }
}
