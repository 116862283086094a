// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// How the node above went on to a branch.
struct SteerPassage {
    /// Why the node above did not take it; empty where it did, or did not choose itself.
    var whyNot = ""
    /// The same, or what speaks against a branch further up.
    var cause = ""
    /// True when it keeps its clients, and this is one of them.
    var isKept = false
}

/// A node that was not live and had to be answered for.
struct SteerFailure {
    /// What it is called as a branch, or in the configuration.
    var name: String
    /// True for the policy itself.
    var isWhole: Bool
    /// True for an address, which has no members.
    var isAddress = false
    /// True when its clients are kept there.
    var isResident: Bool
    /// True when none of its branches is for the client: its health does not count.
    var isForOthers = false
    /// How many branches are live, and how many would have to be; nil when the health of now no
    /// longer tells why it was not live.
    var live: String?
    /// The policy that answers in its place.
    var fallback: String?
    /// True when some member takes new work all the same.
    var hasMembersInService = false

    var sentence: String {
        let whose = isWhole ? "" : " of \(name)"
        var text =
            isAddress && !isWhole
            ? "\(name) takes no new work" : "no member\(whose) takes new work"
        if hasMembersInService {
            let former = "\(isWhole ? "it" : name) was not live"
            text = live.map { "too little\(whose) is live (\($0))" } ?? former
        }
        if isForOthers { text = "no branch\(whose) is for this client" }
        if isResident { text += ", and it is resident" }
        if let fallback { text += "; fallback is \(fallback)" }
        return text
    }
}

/// What speaks against branches that were not taken.
extension SteerWalk {
    /// For each branch of a node that chose, why it did not take it; empty for those it took.
    func obstacles(to policy: SteerPolicy, _ node: PolicyNode, _ stops: [Int?]) -> [String] {
        let branches = policy.kind.branches
        func label(_ step: Int) -> String {
            branches.indices.contains(step) ? branches[step].label : "?"
        }
        if node.kind == .regional { return regionalObstacles(node, stops, label) }
        let taken = zip(node.edges, stops).map { isTaken($0, node, $1) }
        let first = taken.firstIndex(of: true)
        // Who is in the answer for a failure domain; what another node put there has no label here.
        var keepers: [UInt16: Int] = [:]
        for (step, edge) in node.edges.enumerated() where taken[step] {
            keepers[table.edges[edge].domain] = step
        }
        keepers[0] = nil
        return node.edges.enumerated().map { step, edge in
            if taken[step] || node.kind == .address { return "" }
            if isChosen(Int(table.edges[edge].node), stops[step]) { return withheld(edge) }
            if node.kind == .failover {
                guard isLive(edge) else { return idle(edge) }
                if let first, first < step { return "\(label(first)) comes before it" }
                return node.hold > 0 ? holding(edge, node) : ""
            }
            if node.kind != .weighted || node.isSplit, !fits(edge) {
                return "it has no address of this family"
            }
            var scratch = AnswerSet()
            if table.weight(of: table.edges[edge], &scratch) == 0 { return "weighs 0" }
            guard isLive(edge) else { return idle(edge) }
            if node.kind == .weighted { return undrawn(policy, node, edge) }
            let domain = table.edges[edge].domain
            if let keeper = keepers[domain] {
                return "\(label(keeper)) of its domain is in the answer"
            }
            if let keeper = set.keeper(of: domain) {
                return "\(keeper) of its domain is in the answer"
            }
            return "an answer holds \(node.most) addresses at most"
        }
    }

    /// True when a node is only live for this client because a branch below keeps it, though down.
    func isHeld(_ place: Int) -> Bool {
        let node = table.nodes[place]
        var scratch = AnswerSet()
        if node.kind == .regional {
            let step = serving(node)
            guard step >= 0 else { return false }
            let child = Int(table.edges[Int(node.first) + step].node)
            return !table.isLive(child, question, &scratch) || isHeld(child)
        }
        var isHeld = false
        for edge in node.edges {
            let child = Int(table.edges[edge].node)
            guard table.isLive(child, question, &scratch) else { continue }
            guard self.isHeld(child) else { return false }
            isHeld = true
        }
        return isHeld
    }

    /// The branch that keeps this client at a node which goes by places; nil for none.
    func keeper(_ node: PolicyNode) -> Int? {
        guard node.kind == .regional else { return nil }
        let step = serving(node)
        return step >= 0 && table.regions[Int(node.region)].keeps(step) ? step : nil
    }

    // Below nought for none.
    func serving(_ node: PolicyNode) -> Int {
        var scratch = AnswerSet()
        return table.branch(of: node, question, &scratch) - Int(node.first)
    }

    /// The policy that answered in place of this one, which did not choose, or was to.
    func fallback(of policy: SteerPolicy, _ footing: SteerFooting, _ depth: Int) -> (
        name: String, number: Int, stop: Int?
    )? {
        guard case .fallback(let name)? = policy.allDown, let number = table.find(name) else {
            return nil
        }
        let stop = (footing.spare + trail.roots).first {
            trail.stops[$0].place == number && !told.contains($0)
        }
        let isKnown = stop != nil || trail.isCut && set.chose(number)
        guard isKnown || depth == 0 && set.count == 0 else { return nil }
        return (name, number, stop)
    }

    /// True when a node that is not live was answered for.
    func fails(_ isLive: Bool, _ isChosen: Bool, _ depth: Int, _ above: SteerPassage) -> Bool {
        guard !isLive else { return false }
        switch set.outcome {
        case .addresses: return isChosen && (set.mode == .allDown || set.mode == .lastGood)
        case .none, .servfail: return depth == 0 || above.isKept
        case .noData: return false
        }
    }

    // An address may be in the answer for its twin, or beyond the nodes that are noted.
    private func isTaken(_ edge: Int, _ node: PolicyNode, _ stop: Int?) -> Bool {
        let child = Int(table.edges[edge].node)
        guard !isChosen(child, stop) else { return isGiven(child, stop) }
        guard table.nodes[child].kind == .address else { return false }
        let isOneOfMany = node.kind == .roundRobin || node.kind == .weighted
        guard isOneOfMany || set.pathCount == AnswerSet.pathLimit else { return false }
        return isLive(edge) && set.holds(table.nodes[child].address)
    }

    // What was chosen, and is not in the answer.
    private func withheld(_ edge: Int) -> String {
        fits(edge)
            ? "a policy around it gives no more addresses" : "it has no address of this family"
    }

    private func fits(_ edge: Int) -> Bool {
        !table.nodes[Int(table.edges[edge].node)].families.isDisjoint(with: question.families)
    }

    // Where no health counts, what is left in is as good as live.
    func isLive(_ edge: Int) -> Bool {
        var scratch = AnswerSet()
        let child = Int(table.edges[edge].node)
        if table.isLive(child, question, &scratch) { return true }
        guard set.mode == .allDown || set.mode == .lastGood else { return false }
        var asked = question
        asked.filter = .ready
        return table.isLive(child, asked, &scratch)
    }

    private func idle(_ edge: Int) -> String {
        if question.filter.latestReturn != .max {
            var (all, scratch) = (question, AnswerSet())
            all.filter.latestReturn = .max
            if table.isLive(Int(table.edges[edge].node), all, &scratch) {
                return "waits for the answers to rest"
            }
        }
        return table.edges[edge].isAddress ? "takes no new work" : "is not live"
    }

    private func regionalObstacles(
        _ node: PolicyNode,
        _ stops: [Int?],
        _ label: (Int) -> String
    ) -> [String] {
        let region = table.regions[Int(node.region)]
        let serving = serving(node)
        var (ranks, first) = ([Int: Int](), Int.max)
        for (rank, link) in region.links(of: region.table.find(question.client).value).enumerated()
        {
            let step = region.branch(link)
            ranks[step] = ranks[step] ?? rank
            if step == serving { first = min(first, rank) }
        }
        var earlier = "\(label(serving)) comes before it"
        if serving >= 0, region.keeps(serving) {
            // What keeps its clients is taken whether it is live or not.
            var scratch = AnswerSet()
            let child = Int(table.edges[Int(node.first) + serving].node)
            if !table.isLive(child, question, &scratch) {
                earlier = "\(label(serving)) is resident: it keeps its clients"
            }
        }
        return node.edges.enumerated().map { step, edge in
            let child = Int(table.edges[edge].node)
            if isChosen(child, stops[step]) {
                return isGiven(child, stops[step]) ? "" : withheld(edge)
            }
            if step == serving { return "" }
            guard let rank = ranks[step] else { return "is for other clients" }
            return rank > first ? earlier : idle(edge)
        }
    }

    private func undrawn(_ policy: SteerPolicy, _ node: PolicyNode, _ edge: Int) -> String {
        var scratch = AnswerSet()
        let way = table.edges[edge]
        let share = table.share(of: way, question, &scratch)
        if node.shedsLoad, share != 0, table.worth(share, of: way) == 0 {
            return "sheds all its load"
        }
        if policy.isMultiple { return "was not drawn, or found no room" }
        switch policy.draw {
        case .random: return "another was drawn"
        case .client: return "the client's network draws another"
        case .name: return "the name draws another"
        }
    }

    // Whoever has returned is taken back once it has been live for the node's hold.
    private func holding(_ edge: Int, _ node: PolicyNode) -> String {
        var (asked, scratch) = (question, AnswerSet())
        asked.filter.returnsAt = .min
        let whole = node.hold / 1_000_000_000
        var (least, most) = (Int64(0), whole + 1)
        while least < most {
            let seconds = (least + most) / 2
            let latest = question.now.nanoseconds &- node.hold &+ seconds &* 1_000_000_000
            asked.filter.latestReturn = max(latest, 0)
            if table.isLive(Int(table.edges[edge].node), asked, &scratch) {
                most = seconds
            } else {
                least = seconds + 1
            }
        }
        return "has to be live for its hold of \(whole) s, another \(least) s"
    }
}
