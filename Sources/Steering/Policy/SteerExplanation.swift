// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Why a policy answers as it does.
public struct SteerExplanation: Sendable, Equatable {
    /// The policy's name.
    public var policy: String
    /// The addresses answered, in order.
    public var answers: [IPAddress]
    /// What is answered.
    public var outcome: SteerOutcome
    /// Which members were considered.
    public var mode: ChoiceMode
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
    }
}

extension SteerTable {
    /// Says what would be answered now and why, by the code of `answer`.
    public func explain(policy: Int, now: Instant, wantIPv4: Bool, seed: UInt64)
        -> SteerExplanation
    {
        var set = AnswerSet()
        var random = SeededRandom(seed: seed)
        answer(policy: policy, now: now, into: &set, random: &random, wantIPv4: wantIPv4)
        var explanation = SteerExplanation(
            policy: "",
            answers: (0..<set.count).map { set.address($0) },
            outcome: set.outcome,
            mode: set.mode,
            why: "there is no such policy",
            members: []
        )
        guard policy >= 0, policy < count else { return explanation }
        explanation.policy = definitions[policy].name
        var paths: [Int: String] = [:]
        collect(definitions[policy].policy, at: policies[policy].root, "", now, set) {
            node,
            path,
            found in
            paths[node] = path
            explanation.members += found
        }
        explanation.why = why(policy, set, paths)
        return explanation
    }

    // Walks the definition and its layout side by side.
    private func collect(
        _ tree: SteerPolicy,
        at node: Int,
        _ path: String,
        _ now: Instant,
        _ set: AnswerSet,
        _ visit: (Int, String, [SteerExplanation.MemberExplanation]) -> Void
    ) {
        let prefix = path.isEmpty ? "" : path + " / "
        switch tree {
        case .roundRobin(let list):
            visit(
                node,
                prefix + "round-robin",
                describe(list, node, prefix + "round-robin", now, set)
            )
        case .weighted(let list):
            visit(node, prefix + "weighted", describe(list, node, prefix + "weighted", now, set))
        case .failover(let branches):
            for (step, branch) in branches.enumerated() {
                let child = nodes[node].first + step
                collect(branch, at: child, prefix + "failover \(step + 1)", now, set, visit)
            }
        }
    }

    private func describe(
        _ list: [SteerMember],
        _ node: Int,
        _ path: String,
        _ now: Instant,
        _ set: AnswerSet
    ) -> [SteerExplanation.MemberExplanation] {
        list.map { member in
            let word = health.word(member.slot)
            let override = word.hasWeightOverride ? health.weightOverride(member.slot) : nil
            let changed = health.changed(member.slot)
            let isEligible = word.takesNewWork && (override ?? member.weight) != 0
            return SteerExplanation.MemberExplanation(
                name: member.name.isEmpty ? "\(member.address)" : member.name,
                address: member.address,
                slot: member.slot,
                path: path,
                configuredWeight: member.weight,
                weightOverride: override,
                word: word,
                age: changed == .start ? nil : now - changed,
                isEligible: isEligible,
                // One record stands for all members of its address.
                isAnswered: (0..<set.count).contains {
                    set.address($0) == member.address
                        && (set.slot($0) == member.slot || isEligible && set.leaf == node)
                }
            )
        }
    }

    private func why(_ policy: Int, _ set: AnswerSet, _ paths: [Int: String]) -> String {
        let branch = paths[set.leaf] ?? ""
        let allDown = definitions[policy].allDown.word
        switch (set.outcome, set.mode) {
        case (.addresses, .healthy), (.addresses, .panic): return "\(branch) has members in service"
        case (.addresses, _): return "no member takes new work; all-down is \(allDown): \(branch)"
        case (.noData, _): return "the branch that serves has no address of this family"
        case (.none, _), (.servfail, _):
            return "no member takes new work and all-down is \(allDown)"
        }
    }
}
