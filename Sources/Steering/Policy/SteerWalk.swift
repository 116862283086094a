// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Walks the definitions and their layout side by side.
struct SteerWalk {
    /// Steps told of one policy: what many names share is told at each place.
    static let stepLimit = 1000

    let table: SteerTable
    let question: SteerQuestion
    let set: AnswerSet
    /// The way that the answer took.
    let trail: SteerTrail
    /// Stops that were told of as a policy's fallback.
    private(set) var told: Set<Int> = []
    private(set) var steps: [SteerExplanation.Step] = []
    private(set) var members: [SteerExplanation.MemberExplanation] = []
    /// Where the answer came from, for the sentence on the whole.
    private(set) var servingPath = ""
    /// What was answered for without being live; the outermost, nil when everything was.
    private(set) var failure: SteerFailure?

    init(table: SteerTable, question: SteerQuestion, set: AnswerSet) {
        self.table = table
        self.question = question
        self.set = set
        trail = SteerTrail(table, set)
    }

    mutating func visit(
        _ branch: SteerBranch,
        at place: Int,
        weighing edge: PolicyEdge? = nil,
        depth: Int,
        path: String,
        on footing: SteerFooting,
        by above: SteerPassage = SteerPassage()
    ) {
        guard steps.count < SteerWalk.stepLimit, depth < PolicyLayout.depthLimit else { return }
        let node = table.nodes[place]
        // What a branch names stands under its own name; the layout points to it.
        if case .named(let name) = branch.policy.kind, let number = table.find(name),
            number == place
        {
            var named = SteerBranch(table.definitions[number].policy, weight: branch.weight)
            named.name = branch.label
            return visit(
                named,
                at: place,
                weighing: edge,
                depth: depth,
                path: path,
                on: footing,
                by: above
            )
        }
        var scratch = AnswerSet()
        let isLive = table.isLive(place, question, &scratch)
        let isChosen = isChosen(place, footing.stop)
        let whyNot = isGiven(place, footing.stop) ? nil : above.whyNot
        tell(branch, node, weight(branch, edge), isLive: isLive, depth: depth, whyNot: whyNot)
        let fallback = isChosen ? nil : fallback(of: branch.policy, footing, depth)
        if let stop = fallback?.stop { told.insert(stop) }
        let isFailure =
            failure == nil && (fallback != nil || fails(isLive, isChosen, depth, above))
        if isFailure {
            failure = SteerFailure(
                name: branch.label,
                isWhole: depth == 0,
                isAddress: node.kind == .address,
                isResident: above.isKept,
                isForOthers: !isMeant(place),
                live: isLive ? nil : live(branch.policy, node),
                fallback: fallback?.name
            )
        }
        let before = members.count
        visitBranches(
            of: branch,
            at: place,
            footing.stop,
            isLive,
            depth: depth,
            path: path,
            by: above
        )
        if isFailure {
            failure?.hasMembersInService = members[before...].contains { $0.word.takesNewWork }
        }
        guard let fallback else { return }
        var other = SteerBranch(table.definitions[fallback.number].policy)
        other.name = "fallback \(fallback.name)"
        let way = path.isEmpty ? other.name : "\(path) / \(other.name)"
        let next = SteerFooting(stop: fallback.stop)
        visit(other, at: fallback.number, depth: depth + 1, path: way, on: next)
    }

    private func isMeant(_ place: Int) -> Bool {
        var scratch = AnswerSet()
        return table.isMeant(place, for: question.client, &scratch)
    }

    // Without a reason against it the answer came through it.
    private mutating func tell(
        _ branch: SteerBranch,
        _ node: PolicyNode,
        _ weight: String,
        isLive: Bool,
        depth: Int,
        whyNot: String?
    ) {
        steps.append(
            SteerExplanation.Step(
                depth: depth,
                name: branch.label,
                kind: branch.policy.kind.word,
                isLive: isLive,
                isChosen: whyNot == nil,
                isByPlace: node.kind == .regional,
                why: why(branch.policy, node) + weight,
                whyNot: whyNot ?? "",
                targets: SteerWalk.targets(branch.policy),
                weight: weight
            )
        )
    }

    private mutating func visitBranches(
        of branch: SteerBranch,
        at place: Int,
        _ stop: Int?,
        _ isLive: Bool,
        depth: Int,
        path: String,
        by above: SteerPassage
    ) {
        let node = table.nodes[place]
        let isChosen = isChosen(place, stop)
        let (stops, spare) = footings(node, stop)
        let prefix = path.isEmpty ? "" : path + " / "
        let kind = branch.policy.kind.word
        let obstacles = isChosen ? obstacles(to: branch.policy, node, stops) : []
        let keeper = isChosen ? keeper(node) : nil
        var inherited = above.cause
        if !isChosen, inherited.isEmpty, !isLive {
            let word = isMeant(place) ? "is not live" : "is for other clients"
            inherited = "\(branch.label): \(word)"
        }
        for (step, inner) in branch.policy.kind.branches.enumerated() {
            let way = table.edges[Int(node.first) + step]
            let child = Int(way.node)
            let edge = node.kind == .weighted ? way : nil
            var passage = SteerPassage()
            passage.whyNot = isChosen && step < obstacles.count ? obstacles[step] : ""
            passage.isKept = step == keeper
            let footing = SteerFooting(
                stop: stops.indices.contains(step) ? stops[step] : nil,
                spare: spare
            )
            let isAddress = table.nodes[child].kind == .address
            passage.cause = isChosen ? passage.whyNot : inherited
            if isChosen, !isAddress, !passage.cause.isEmpty {
                passage.cause = "\(inner.label): \(passage.cause)"
            }
            var path = prefix + kind
            if case .address(let member) = inner.policy.kind {
                if isChosen, isGiven(child, footing.stop), servingPath.isEmpty {
                    servingPath = path
                }
                add(member, inner, isChosen, path: path, passage.cause)
                path = ""
            } else {
                path += " \(step + 1)"
            }
            visit(
                inner,
                at: child,
                weighing: edge,
                depth: depth + 1,
                path: path,
                on: footing,
                by: passage
            )
        }
    }

    private mutating func add(
        _ member: SteerMember,
        _ branch: SteerBranch,
        _ isAsked: Bool,
        path: String,
        _ cause: String
    ) {
        let word = table.health.word(member.slot)
        let override = word.hasWeightOverride ? table.health.weightOverride(member.slot) : nil
        let changed = table.health.changed(member.slot)
        let isEligible = word.takesNewWork && (override ?? branch.weight) != 0
        // One record stands for all members of its address, where the answer came by.
        let isAnswered = (0..<set.count).contains {
            set.address($0) == member.address
                && (isAsked && isEligible
                    || (isAsked || trail.isCut) && set.slot($0) == member.slot)
        }
        let state =
            !word.takesNewWork
            ? "\(SteerWalk.state(word)): \(word.reason.word)" : isEligible ? cause : "weighs 0"
        members.append(
            SteerExplanation.MemberExplanation(
                name: member.name.isEmpty ? "\(member.address)" : member.name,
                address: member.address,
                target: member.target?.wire ?? [],
                slot: member.slot,
                path: path,
                configuredWeight: branch.weight,
                weightOverride: override,
                word: word,
                age: changed == .start ? nil : max(question.now - changed, .zero),
                isEligible: isEligible,
                isAnswered: isAnswered,
                whyNot: isAnswered ? "" : state
            )
        )
    }
}
