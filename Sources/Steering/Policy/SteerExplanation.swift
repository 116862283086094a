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
        /// The end of the sentence: what it weighs, where that is not what the file says.
        fileprivate(set) var weight: String
        /// The sentence without that end.
        public var whyWithoutWeight: String { String(why.dropLast(weight.count)) }
    }

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
        var asked = question
        if set.isResting {
            asked.filter.latestReturn = board.heldSince(policy).nanoseconds
            asked.filter.returnsAt = board.heldUntil(policy).nanoseconds
        }
        var walk = SteerWalk(table: self, question: asked, set: set)
        walk.visit(SteerBranch(definitions[policy].policy), at: policy, depth: 0, path: "")
        explanation.steps = walk.steps
        explanation.members = walk.members
        explanation.why = why(policy, set, walk.servingPath)
        return explanation
    }

    private func why(_ policy: Int, _ set: AnswerSet, _ branch: String) -> String {
        let allDown = (definitions[policy].policy.allDown ?? .all).word
        switch (set.outcome, set.mode) {
        case (.addresses, .healthy), (.addresses, .panic): return "\(branch) has members in service"
        case (.addresses, _): return "no member takes new work; all-down is \(allDown): \(branch)"
        case (.noData, _): return "the branch that serves has no address of this family"
        case (.none, _), (.servfail, _):
            return "no member takes new work and all-down is \(set.outcome.allDownWord)"
        }
    }
}

extension SteerOutcome {
    fileprivate var allDownWord: String { self == .servfail ? "servfail" : "none" }
}

/// Walks the definitions and their layout side by side.
struct SteerWalk {
    /// Steps told of one policy: what many names share is told at each place.
    static let stepLimit = 1000

    let table: SteerTable
    let question: SteerQuestion
    let set: AnswerSet
    private(set) var steps: [SteerExplanation.Step] = []
    private(set) var members: [SteerExplanation.MemberExplanation] = []
    /// Where the answer came from, for the sentence on the whole.
    private(set) var servingPath = ""

    init(table: SteerTable, question: SteerQuestion, set: AnswerSet) {
        self.table = table
        self.question = question
        self.set = set
    }

    mutating func visit(
        _ branch: SteerBranch,
        at place: Int,
        weighing edge: PolicyEdge? = nil,
        depth: Int,
        path: String
    ) {
        guard steps.count < SteerWalk.stepLimit, depth < PolicyLayout.depthLimit else { return }
        let node = table.nodes[place]
        // What a branch names stands under its own name; the layout points to it.
        if case .named(let name) = branch.policy.kind, let number = table.find(name),
            number == place
        {
            var named = SteerBranch(table.definitions[number].policy, weight: branch.weight)
            named.name = branch.label
            return visit(named, at: place, weighing: edge, depth: depth, path: path)
        }
        var scratch = AnswerSet()
        let weight = weight(branch, edge)
        let isLive = table.isLive(place, question, &scratch)
        let isChosen = set.chose(place)
        steps.append(
            SteerExplanation.Step(
                depth: depth,
                name: branch.label,
                kind: branch.policy.kind.word,
                isLive: isLive,
                isChosen: isChosen,
                isByPlace: node.kind == .regional,
                why: why(branch.policy, node) + weight,
                weight: weight
            )
        )
        let branches = branch.policy.kind.branches
        guard node.kind != .address else { return }
        let prefix = path.isEmpty ? "" : path + " / "
        let kind = branch.policy.kind.word
        for (step, inner) in branches.enumerated() {
            let way = table.edges[Int(node.first) + step]
            let child = Int(way.node)
            let edge = node.kind == .weighted ? way : nil
            if case .address(let member) = inner.policy.kind {
                if isChosen, set.chose(child), servingPath.isEmpty { servingPath = prefix + kind }
                add(member, inner, parent: place, path: prefix + kind)
                visit(inner, at: child, weighing: edge, depth: depth + 1, path: "")
            } else {
                let path = prefix + "\(kind) \(step + 1)"
                visit(inner, at: child, weighing: edge, depth: depth + 1, path: path)
            }
        }
    }

    private mutating func add(
        _ member: SteerMember,
        _ branch: SteerBranch,
        parent: Int,
        path: String
    ) {
        let word = table.health.word(member.slot)
        let override = word.hasWeightOverride ? table.health.weightOverride(member.slot) : nil
        let changed = table.health.changed(member.slot)
        let isEligible = word.takesNewWork && (override ?? branch.weight) != 0
        members.append(
            SteerExplanation.MemberExplanation(
                name: member.name.isEmpty ? "\(member.address)" : member.name,
                address: member.address,
                slot: member.slot,
                path: path,
                configuredWeight: branch.weight,
                weightOverride: override,
                word: word,
                age: changed == .start ? nil : max(question.now - changed, .zero),
                isEligible: isEligible,
                // One record stands for all members of its address.
                isAnswered: (0..<set.count).contains {
                    set.address($0) == member.address
                        && (set.slot($0) == member.slot || isEligible && set.chose(parent))
                }
            )
        )
    }

    private func why(_ policy: SteerPolicy, _ node: PolicyNode) -> String {
        var scratch = AnswerSet()
        switch policy.kind {
        case .address(let member): return why(member)
        case .named(let name): return "is \(name)"
        case .roundRobin, .failover: return live(node, &scratch)
        case .weighted:
            let live = live(node, &scratch)
            switch policy.draw {
            case .random: return policy.isMultiple ? "\(live); each is drawn by itself" : live
            case .client: return "\(live); the client's /\(question.stickyKey.length) draws"
            case .name: return "\(live); the name draws"
            }
        case .regional(let branches, let region):
            let match = region.table.find(question.client)
            let links = region.links(of: match.value)
            let labels =
                region.latency?.lines(question.client, now: question.now) ?? region.labels
            let names = links.map { step -> String in
                let branch = region.branch(step)
                let label = labels.indices.contains(branch) ? labels[branch] : ""
                let name = branches.indices.contains(branch) ? branches[branch].label : "?"
                return label.isEmpty ? name : "\(name) (\(label))"
            }
            let network = Prefix(question.client, length: Int(match.length))
            let where_ = network.map { "\($0)" } ?? "\(question.client)"
            return names.isEmpty
                ? "no branch is for \(where_)"
                : "\(where_): " + names.prefix(8).joined(separator: ", then ")
        }
    }

    // What a branch weighs that does not weigh what the file says.
    private func weight(_ branch: SteerBranch, _ edge: PolicyEdge?) -> String {
        guard let edge, edge.dial >= 0 else { return "" }
        let dial = table.board.dial(Int(edge.dial))
        guard dial.isSet else { return "" }
        var text = "; weight \(dial.weight)"
        if dial.source != .file { text += " by \(dial.source.word), \(branch.weight) in the file" }
        if dial.factor < Dial.fullFactor {
            text += ", times \(Double(dial.factor * 100 / Dial.fullFactor) / 100) for its load"
        }
        return text
    }

    private func live(_ node: PolicyNode, _ scratch: inout AnswerSet) -> String {
        var up = 0
        for edge in node.edges where table.share(of: table.edges[edge], question, &scratch) != 0 {
            up += 1
        }
        return "\(up) of \(node.count) branches live"
    }

    private func why(_ member: SteerMember) -> String {
        let word = table.health.word(member.slot)
        let state = word.isReady ? word.health.word : word.administrative.word
        let changed = table.health.changed(member.slot)
        let age = max(question.now - changed, .zero).nanoseconds / 100_000_000
        let since = changed == .start ? "" : ", for \(age / 10).\(age % 10) s"
        let filter = question.filter
        let waits =
            filter.returnsAt != .min && word.takesNewWork
            && table.health.rampStart(member.slot).nanoseconds > filter.latestReturn
        let left = max((filter.returnsAt &- question.now.nanoseconds) / 1_000_000_000, 0)
        let resting = waits ? "; waits for the answers to rest, another \(left) s" : ""
        return "\(word.isEjected ? "ejected" : state): \(word.reason.word)\(since)\(resting)"
    }
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
