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
            guard question.families.contains(node.families) else { return }
            if question.isListening { return set.wantsWord = true }
            set.append(node.address, node.slot)
        case .roundRobin: rotate(node, question, &set, &random)
        case .weighted where node.isMultiple: drawEach(node, question, &set, &random)
        case .weighted:
            let edge = draw(node, question, &set, &random)
            if edge >= 0 { enter(edge, question, &set, &random) }
        case .failover:
            let edge = first(of: node, question, &set)
            if edge >= 0 { enter(edge, question, &set, &random) }
        case .regional:
            let edge = branch(of: node, question, &set)
            if edge >= 0 { enterRegion(node, edge, question, &set, &random) }
        }
    }

    /// Adds what a node answers if it is live, else says that it is not.
    ///
    /// The same as ``isLive(_:_:_:)`` and then ``pick(_:_:_:_:)``; where finding the way shows that
    /// there is one, it is looked for once.
    func pickIfLive(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Bool {
        let node = nodes[place]
        let isPlain = question.filter.isHealthy
        switch node.kind {
        case .failover where isPlain && node.hold == 0 && node.takesAny:
            return pickFirst(place, question, &set, &random)
        case .regional where isPlain: return pickRegion(place, question, &set, &random)
        case .weighted where !node.isMultiple && node.takesAny:
            let edge = draw(node, question, &set, &random)
            guard edge >= 0 else { break }
            enter(edge, begin(place, question, &set), &set, &random)
            return true
        case .address, .roundRobin, .weighted, .failover, .regional: break
        }
        guard isLive(place, question, &set) else { return false }
        pick(place, question, &set, &random)
        return true
    }

    // Notes the node, and asks on by its rule.
    @inline(__always)
    private func begin(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> SteerQuestion {
        set.note(place)
        var question = question
        if nodes[place].allDown != .inherit { question.take(nodes[place]) }
        return question
    }

    private func pickFirst(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Bool {
        let way = set.pathCount
        let question = begin(place, question, &set)
        for edge in nodes[place].edges
        where pickIfLive(Int(edges[edge].node), question, &set, &random) {
            return true
        }
        set.pathCount = way
        return false
    }

    private func pickRegion(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Bool {
        let node = nodes[place]
        let way = set.pathCount
        let question = begin(place, question, &set)
        let edge = firstBranch(of: node, question, &set) { edge, isKept, set in
            guard isKept else {
                return pickIfLive(Int(edges[edge].node), question, &set, &random)
            }
            enterRegion(node, edge, question, &set, &random)
            return true
        }
        if edge < 0 { set.pathCount = way }
        return edge >= 0
    }

    private func enterRegion(
        _ node: PolicyNode,
        _ edge: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        let child = Int(edges[edge].node)
        // Only a branch that keeps its clients is taken without being live.
        let isResident = regions.span[Int(node.region)].keeps(edge &- Int(node.first))
        guard isResident, question.filter.isHealthy, !isLive(child, question, &set) else {
            return enter(edge, question, &set, &random)
        }
        var question = question
        // What has returned waits only as long as something else is there, and here nothing is.
        question.filter = .healthy
        guard !isLive(child, question, &set) else { return pick(child, question, &set, &random) }
        question.stay()
        goWithoutHealth(child, question, &set, &random)
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
        if isLive(child, healthy, &set) {
            // What works has nothing to say of what gave it up.
            if question.isListening { return set.wantsWord = true }
            return pick(child, healthy, &set, &random)
        }
        if nodes[child].allDown != .inherit {
            return goWithoutHealth(child, healthy, &set, &random)
        }
        pick(child, question, &set, &random)
    }

    // Goes on with draws of the branch's own: the two families of one answer come to it in another
    // order, and what is drawn below is to be the same for both.
    @inline(__always)
    private func enter(
        _ edge: Int,
        seed: UInt64,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) {
        var random = SeededRandom(seed: edges[edge].isAddress ? seed : rank(edge, seed))
        enter(edge, question, &set, &random)
    }

    // The number of a branch in one answer.
    @inline(__always)
    private func rank(_ edge: Int, _ seed: UInt64) -> UInt64 {
        Hash.mix(seed &+ UInt64(truncatingIfNeeded: edge))
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
        let seed = random.next()
        let most = set.count &+ Int(node.most)
        if node.hasDomains {
            spread(node, seed, most, question, &set)
            return set.cut(to: most)
        }
        let start = UInt32(truncatingIfNeeded: (seed >> 32 &* UInt64(candidates)) >> 32)
        for round in 0..<2 {
            var ordinal: UInt32 = 0
            for edge in node.edges {
                let branch = edges[edge]
                guard fits(branch, question), share(of: branch, question, &set) != 0 else {
                    continue
                }
                defer { ordinal &+= 1 }
                guard (round == 0) == (ordinal >= start), set.count < most else { continue }
                enter(edge, seed: seed, question, &set)
            }
        }
        set.cut(to: most)
    }

    // One address of each failure domain that the answer has none of yet, whichever node put it
    // there, in the order of the branches' numbers. Going round would give all the turns of those
    // passed over to whoever comes first of a domain, and after it.
    private func spread(
        _ node: PolicyNode,
        _ seed: UInt64,
        _ most: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) {
        var last: UInt64 = 0
        while set.count < most {
            var least = UInt64.max
            var next = -1
            for edge in node.edges {
                let branch = edges[edge]
                let number = rank(edge, seed)
                guard number > last, number < least, !set.isTaken(domain: branch.domain),
                    fits(branch, question), share(of: branch, question, &set) != 0
                else { continue }
                (least, next) = (number, edge)
            }
            guard next >= 0 else { return }
            last = least
            let before = set.count
            enter(next, seed: seed, question, &set)
            guard edges[next].domain != 0 else { continue }
            // All that a branch answers fails together with it.
            set.cut(to: before &+ 1)
            set.take(domain: edges[next].domain, from: before)
        }
    }

    // MARK: Draws

    private func draw(
        _ node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Int {
        if node.shedsLoad {
            let edge = draw(node, question, true, &set, &random)
            // With all of them loaded to the brim there is nobody to shed to.
            if edge >= 0 { return edge }
        }
        return draw(node, question, false, &set, &random)
    }

    @inline(__always)
    private func draw(
        _ node: PolicyNode,
        _ question: SteerQuestion,
        _ shedsLoad: Bool,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Int {
        node.draw == .random
            ? take(node, question, shedsLoad, &set, &random)
            : bid(node, question, shedsLoad, &set)
    }

    // Where each branch has one family, each family is drawn for itself; else the branch that is
    // drawn has both or leaves one without an answer, so that no client is at two places.
    @inline(__always)
    private func isDrawn(
        _ edge: PolicyEdge,
        _ node: PolicyNode,
        _ question: SteerQuestion
    ) -> Bool {
        !node.isSplit || fits(edge, question)
    }

    // A reservoir of one: each keeps the draw with the odds of its weight.
    private func take(
        _ node: PolicyNode,
        _ question: SteerQuestion,
        _ shedsLoad: Bool,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Int {
        var total: UInt64 = 0
        var drawn = -1
        for edge in node.edges where isDrawn(edges[edge], node, question) {
            var share = UInt64(share(of: edges[edge], question, &set))
            if shedsLoad {
                share = UInt64(worth(UInt32(truncatingIfNeeded: share), of: edges[edge]))
            }
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
        _ shedsLoad: Bool,
        _ set: inout AnswerSet
    ) -> Int {
        if node.draw == .client { set.narrow(to: question.stickyKey.length) }
        let key = node.draw == .client ? question.stickyKey.key : question.nameHash
        var best = -1
        var least = Double.infinity
        for edge in node.edges where isDrawn(edges[edge], node, question) {
            var share = share(of: edges[edge], question, &set)
            if shedsLoad { share = worth(share, of: edges[edge]) }
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
        var loaded: UInt32 = 0
        for edge in node.edges where isDrawn(edges[edge], node, question) {
            let share = share(of: edges[edge], question, &set)
            highest = max(highest, share)
            if node.shedsLoad { loaded = max(loaded, worth(share, of: edges[edge])) }
        }
        let shedsLoad = loaded > 0
        if shedsLoad { highest = loaded }
        let most = set.count &+ Int(node.most)
        // Where not all of them find room, each is the first to look for it at some time.
        let start = random.next(below: node.count)
        let seed = random.next()
        for step in 0..<node.count where set.count < most {
            let place = start &+ step
            let edge = Int(node.first &+ (place < node.count ? place : place &- node.count))
            guard fits(edges[edge], question) else { continue }
            var share = share(of: edges[edge], question, &set)
            if shedsLoad { share = worth(share, of: edges[edge]) }
            var random = SeededRandom(seed: rank(edge, seed))
            guard share != 0, random.next(below: highest) < share else { continue }
            enter(edge, question, &set, &random)
        }
        set.cut(to: most)
    }
}
