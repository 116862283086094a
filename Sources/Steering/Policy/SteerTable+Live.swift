// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Is there enough below a node to answer with?
extension SteerTable {
    /// True when enough of the node's branches pass the question's filter, for this client.
    ///
    /// Every member looked at bounds how long the answer holds, so branches are looked at to the end
    /// where a parent would take any of them.
    func isLive(_ place: Int, _ question: SteerQuestion, _ set: inout AnswerSet) -> Bool {
        let node = nodes[place]
        switch node.kind {
        case .address: return weight(of: node, 1, question.filter, question.now, &set) != 0
        case .roundRobin: return isLive(roundRobin: node, question, &set)
        case .weighted: return isLive(weighted: node, question, &set)
        case .failover:
            var up: UInt32 = 0
            let enough = question.filter.isHealthy ? node.minimumUp : 1
            for edge in node.edges where isLive(Int(edges[edge].node), question, &set) {
                up &+= 1
                if up >= enough { return true }
            }
            return false
        case .regional: return branch(of: node, question, &set) >= 0
        }
    }

    private func isLive(
        roundRobin node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> Bool {
        var up: UInt64 = 0
        for edge in node.edges where share(of: edges[edge], question, &set) != 0 { up &+= 1 }
        // Where health is ignored, so is how much of it there is.
        guard question.filter.isHealthy else { return up > 0 }
        let enough = UInt64(node.count) &* UInt64(node.minimumPercent)
        return up >= UInt64(node.minimumUp) && up &* 100 >= enough
    }

    private func isLive(
        weighted node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> Bool {
        if node.draw == .client { set.narrow(to: question.stickyKey.length) }
        var up: UInt64 = 0
        var total: UInt64 = 0
        var upCount: UInt32 = 0
        for edge in node.edges {
            total &+= UInt64(weight(of: edges[edge], &set))
            let share = share(of: edges[edge], question, &set)
            guard share != 0 else { continue }
            up &+= UInt64(share)
            upCount &+= 1
        }
        guard question.filter.isHealthy else { return upCount > 0 }
        return upCount >= node.minimumUp && up &* 100 >= total &* UInt64(node.minimumPercent)
    }

    /// The weight of a branch as a candidate of its parent; 0 when it is none.
    @inline(__always)
    func share(
        of edge: PolicyEdge,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> UInt32 {
        let weight = weight(of: edge, &set)
        guard edge.isAddress else {
            return weight != 0 && isLive(Int(edge.node), question, &set) ? weight : 0
        }
        return self.weight(
            of: nodes[Int(edge.node)],
            weight,
            dial: edge.dial,
            question.filter,
            question.now,
            &set
        )
    }

    /// The weight of a branch now.
    @inline(__always)
    func weight(of edge: PolicyEdge, _ set: inout AnswerSet) -> UInt32 {
        guard edge.dial >= 0 else { return edge.weight }
        let dial = board.dial(Int(edge.dial))
        guard dial.isSet else { return edge.weight }
        set.secondsToChange = min(set.secondsToChange, dial.secondsToChange)
        return dial.weight
    }

    /// True when a weight is not the file's: what is said of the branch in its policy goes before
    /// what is said of its endpoint everywhere, but for nought.
    func isOrdered(_ dial: Int32) -> Bool { dial >= 0 && board.dial(Int(dial)).isOrdered }

    /// What a share is worth after the load of the branch, in 1024ths.
    @inline(__always)
    func worth(_ share: UInt32, of edge: PolicyEdge) -> UInt32 {
        guard edge.dial >= 0 else { return share &* Dial.fullFactor }
        let dial = board.dial(Int(edge.dial))
        return share &* (dial.isSet ? dial.factor : Dial.fullFactor)
    }

    /// The place of the branch that serves this client, by the order that holds where it is; -1 for
    /// none.
    ///
    /// A branch that must keep its clients serves even when it is not live.
    func branch(of node: PolicyNode, _ question: SteerQuestion, _ set: inout AnswerSet) -> Int {
        firstBranch(of: node, question, &set) { edge, isKept, set in
            isLive(Int(edges[edge].node), question, &set) || isKept
        }
    }

    /// The place of the first branch that serves, in the order for this client; -1 for none.
    @inline(__always)
    func firstBranch(
        of node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        where serves: (_ edge: Int, _ isKept: Bool, inout AnswerSet) -> Bool
    ) -> Int {
        // By a span: an element of an array of references would be retained for each query.
        let regions = regions.span
        let region = Int(node.region)
        guard region < regions.count else { return -1 }
        let match = regions[region].table.find(question.client)
        let links = regions[region].links(of: match.value)
        set.narrow(to: match.coarseLength)
        for step in links {
            if step > links.lowerBound { set.narrow(to: match.length) }
            let branch = regions[region].branch(step)
            guard branch < Int(node.count) else { break }
            let edge = Int(node.first) &+ branch
            if serves(edge, regions[region].keeps(branch), &set) { return edge }
        }
        // That none follows is known of those alone who have the same order: others, whose first
        // branch is the same, may have a second one.
        set.narrow(to: match.length)
        return -1
    }

    /// True when there is a way down to a member for this client, be that healthy or not.
    ///
    /// Asked only where there was nothing to answer with. Where all weights are 0 nobody gets
    /// anything, whoever asks.
    func isMeant(_ place: Int, for client: IPAddress, _ set: inout AnswerSet) -> Bool {
        let node = nodes[place]
        if node.count == 0 || isWeightless(node, &set) { return true }
        return hasWay(node, client, &set) { isMeant($0, for: client, &$1) }
    }

    private func isWeightless(_ node: PolicyNode, _ set: inout AnswerSet) -> Bool {
        guard node.kind == .weighted else { return false }
        for edge in node.edges where weight(of: edges[edge], &set) != 0 { return false }
        return true
    }

    /// True when one of the branches that are for this client, in the order in which they would be
    /// taken, is what is looked for.
    ///
    /// A branch of weight 0 is not taken, whatever is in it. It must not be looked at either: the
    /// answer was found without, for more clients than its regions hold.
    @inline(__always)
    func hasWay(
        _ node: PolicyNode,
        _ client: IPAddress,
        _ set: inout AnswerSet,
        _ isWanted: (_ child: Int, inout AnswerSet) -> Bool
    ) -> Bool {
        guard node.kind == .regional else {
            for edge in node.edges {
                if node.kind == .weighted, weight(of: edges[edge], &set) == 0 { continue }
                if isWanted(Int(edges[edge].node), &set) { return true }
            }
            return false
        }
        let regions = regions.span
        let region = Int(node.region)
        guard region < regions.count else { return false }
        for step in regions[region].links(of: regions[region].table.find(client).value) {
            let branch = regions[region].branch(step)
            guard branch < Int(node.count) else { break }
            if isWanted(Int(edges[Int(node.first) &+ branch].node), &set) { return true }
        }
        return false
    }

    // 0 when the member is not to be answered.
    private func weight(
        of node: PolicyNode,
        _ weight: UInt32,
        dial: Int32 = -1,
        _ filter: MemberFilter,
        _ now: Instant,
        _ set: inout AnswerSet
    ) -> UInt32 {
        let word = health.word(Int(node.slot))
        set.consult(word)
        guard word.bits & filter.mask == filter.want else { return 0 }
        if filter.earliestChange != .min,
            health.changed(Int(node.slot)).nanoseconds < filter.earliestChange
        {
            return 0
        }
        if filter.latestReturn != .max {
            // Who came up in the first round of probes has not returned from anywhere.
            let returned = health.rampStart(Int(node.slot)).nanoseconds
            if returned > filter.latestReturn {
                // It will be taken by itself, when it has been up long enough.
                let wait =
                    filter.returnsAt == .min
                    ? returned &- filter.latestReturn : filter.returnsAt &- now.nanoseconds
                let left = wait / 1_000_000_000
                set.secondsToChange = min(set.secondsToChange, UInt16(clamping: max(left, 1)))
                return 0
            }
        }
        guard word.hasWeightOverride, let own = health.weightOverride(Int(node.slot)) else {
            return weight
        }
        return own != 0 && isOrdered(dial) ? weight : own
    }
}
