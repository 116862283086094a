// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a live node answers.
extension SteerTable {
    /// Adds the addresses of a node that is live under the question's filter.
    func pick(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        let node = nodes[place]
        set.note(place)
        var question = question
        if node.allDown != .inherit { question.take(node) }
        switch node.kind {
        case .address:
            guard question.families.contains(SteerFamilies(of: node.address)) else { return }
            set.append(node.address, node.slot)
        case .roundRobin: rotate(node, question, &set, &random)
        case .weighted where node.isMultiple: drawEach(node, question, &set, &random)
        case .weighted:
            let edge =
                node.draw == .random
                ? draw(node, question, &set, &random) : bid(node, question, &set)
            if edge >= 0 { enter(edge, question, &set, &random) }
        case .failover:
            let edge = first(of: node, question, &set)
            if edge >= 0 { enter(edge, question, &set, &random) }
        case .regional:
            let edge = branch(of: node, question, &set)
            guard edge >= 0 else { return }
            let child = Int(edges[edge].node)
            // Only a branch that keeps its clients is taken without being live.
            if question.filter.isHealthy, !isLive(child, question, &set) {
                return goWithoutHealth(child, question, &set, &random)
            }
            enter(edge, question, &set, &random)
        }
    }

    /// Goes on below a branch.
    ///
    /// Under a filter other than health a branch may be live by itself, or have a rule of its own for
    /// when it is not: both go before what the nodes above make of it.
    private func enter(
        _ edge: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        let child = Int(edges[edge].node)
        let isPlain = edges[edge].isAddress && nodes[child].allDown == .inherit
        if isPlain || question.filter.isHealthy {
            return pick(child, question, &set, &random)
        }
        var healthy = question
        healthy.filter = .healthy
        if isLive(child, healthy, &set) { return pick(child, healthy, &set, &random) }
        if nodes[child].allDown != .inherit {
            return goWithoutHealth(child, healthy, &set, &random)
        }
        pick(child, question, &set, &random)
    }

    /// True when the branch can have an answer of the families wanted.
    @inline(__always)
    private func fits(_ edge: PolicyEdge, _ question: SteerQuestion) -> Bool {
        !nodes[Int(edge.node)].families.isDisjoint(with: question.families)
    }

    // MARK: Round robin

    private func rotate(
        _ node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        var candidates: UInt32 = 0
        for edge in node.edges
        where fits(edges[edge], question) && share(of: edges[edge], question, &set) != 0 {
            candidates &+= 1
        }
        let start = random.next(below: candidates)
        let most = set.count &+ Int(node.most)
        var domains: UInt64 = 0
        for round in 0..<2 {
            var ordinal: UInt32 = 0
            for edge in node.edges {
                let branch = edges[edge]
                guard fits(branch, question), share(of: branch, question, &set) != 0 else {
                    continue
                }
                defer { ordinal &+= 1 }
                guard (round == 0) == (ordinal >= start), set.count < most,
                    domains >> UInt64(branch.domain) & 1 == 0
                else { continue }
                if branch.domain != 0 { domains |= 1 << UInt64(branch.domain) }
                enter(edge, question, &set, &random)
            }
        }
        set.cut(to: most)
    }

    // MARK: Draws

    // A reservoir of one: each keeps the draw with the odds of its weight.
    private func draw(
        _ node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Int {
        var total: UInt64 = 0
        var drawn = -1
        for edge in node.edges where fits(edges[edge], question) {
            let share = UInt64(share(of: edges[edge], question, &set))
            guard share != 0 else { continue }
            total &+= share
            if random.next().multipliedFullWidth(by: total).high < share { drawn = edge }
        }
        return drawn
    }

    // Highest random weight: what leaves takes only its own clients with it.
    private func bid(
        _ node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> Int {
        let key = node.draw == .client ? question.stickyKey.key : question.nameHash
        var best = -1
        var least = Double.infinity
        for edge in node.edges where fits(edges[edge], question) {
            let share = share(of: edges[edge], question, &set)
            guard share != 0 else { continue }
            let bid = Hash.mix(key ^ edges[edge].identity)
            let cost = Chooser.negativeLog(bid) / Double(share)
            if cost < least { (best, least) = (edge, cost) }
        }
        return best
    }

    // Each is in the answer as often as its share of the highest weight says; so one always is.
    private func drawEach(
        _ node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        var highest: UInt32 = 0
        for edge in node.edges where fits(edges[edge], question) {
            highest = max(highest, share(of: edges[edge], question, &set))
        }
        let most = set.count &+ Int(node.most)
        for edge in node.edges where fits(edges[edge], question) && set.count < most {
            let share = share(of: edges[edge], question, &set)
            guard share != 0, random.next(below: highest) < share else { continue }
            enter(edge, question, &set, &random)
        }
        set.cut(to: most)
    }

    // MARK: Failover

    private func first(
        of node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> Int {
        if node.hold > 0, question.filter.isHealthy {
            var settled = question
            settled.filter.latestReturn = question.now.nanoseconds &- node.hold
            for edge in node.edges where isLive(Int(edges[edge].node), settled, &set) {
                return edge
            }
        }
        for edge in node.edges where isLive(Int(edges[edge].node), question, &set) {
            return edge
        }
        return -1
    }
}
