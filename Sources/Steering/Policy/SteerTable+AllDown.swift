// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a node answers that is not live.
extension SteerTable {
    /// Answers by the node's all-down rule, or by the one that holds above it.
    ///
    /// A word further in, on the way that would be taken if everything were healthy, goes before.
    func goWithoutHealth(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        var question = question
        question.isListening = false
        if nodes[place].allDown != .inherit { question.take(nodes[place]) }
        switch question.allDown {
        case .none, .servfail, .fallback:
            if !nodes[place].hasWords || !isHeard(place, question, &set, &random) {
                say(question, &set, &random)
            }
        case .lastGood:
            set.mode = .lastGood
            question.filter = .ready
            let latest = latestChange(place, question, &set)
            // All of them are drained, or in maintenance: that is no outage to look behind.
            guard latest != .min else {
                return pickIgnoringHealth(place, question, &set, &random)
            }
            // What went down within ten seconds of the last one counts as one collapse: the set
            // answered before it is the last good one.
            question.filter.earliestChange = max(latest &- 10_000_000_000, 0)
            pickIgnoringHealth(place, question, &set, &random)
        case .all, .inherit:
            set.mode = .allDown
            question.filter = .ready
            pickIgnoringHealth(place, question, &set, &random)
        }
    }

    // Goes the way of `all`, and answers by the words on it alone; false when the one that holds at
    // the node is to be said, for some of the way or for all of it.
    private func isHeard(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Bool {
        var question = question
        question.isListening = true
        question.filter = .ready
        if !isLive(place, question, &set) { question.filter = .working }
        guard isLive(place, question, &set) else {
            return isHeardForOthers(place, question, &set, &random)
        }
        let (count, pathCount) = (set.count, set.pathCount)
        let (none, servfail, wants) = (set.saysNone, set.saysServfail, set.wantsWord)
        (set.saysNone, set.saysServfail, set.wantsWord) = (false, false, false)
        pick(place, question, &set, &random)
        let isAnswered = set.count > count
        let isHeard = !set.wantsWord && (isAnswered || set.saysNone || set.saysServfail)
        // The way that was not taken is none to be told of.
        if !isHeard, !isAnswered { set.pathCount = pathCount }
        set.saysNone = set.saysNone || none
        set.saysServfail = set.saysServfail || servfail
        set.wantsWord = wants
        return isHeard
    }

    // Where there is no way for this client, be everything healthy, the innermost node that has a
    // word answers by that, of those for others the first; false when none has one.
    private func isHeardForOthers(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) -> Bool {
        let inner = innermost(place, question.client, &set)
        guard inner >= 0 else { return false }
        var question = question
        question.isListening = false
        question.filter = .healthy
        question.take(nodes[inner])
        say(question, &set, &random)
        return true
    }

    // -1 for none.
    private func innermost(_ place: Int, _ client: IPAddress, _ set: inout AnswerSet) -> Int {
        guard nodes[place].hasWords else { return -1 }
        var found = -1
        _ = hasWay(nodes[place], client, &set) { child, set in
            found = innermost(child, client, &set)
            if found < 0, nodes[child].allDown != .inherit, !isMeant(child, for: client, &set) {
                found = child
            }
            return found >= 0
        }
        return found
    }

    private func say(
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        switch question.allDown {
        case .servfail: set.saysServfail = true
        case .fallback: fallBack(question, &set, &random)
        case .none, .all, .inherit, .lastGood: set.saysNone = true
        }
    }

    private func pickIgnoringHealth(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        var question = question
        if !isLive(place, question, &set) {
            // All are drained or in maintenance: draining ones that are up still serve, and an
            // empty answer, cached for long, would be worse.
            question.filter = .working
            guard isLive(place, question, &set) else {
                guard !isHeardForOthers(place, question, &set, &random) else { return }
                set.isWithheld = true
                return set.saysNone = true
            }
        }
        pick(place, question, &set, &random)
    }

    private func fallBack(
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        guard question.fallback < UInt32(clamping: nodes.count) else {
            return set.saysNone = true
        }
        var question = question
        let place = Int(question.fallback)
        (question.allDown, question.fallback) = (.all, .max)
        if isLive(place, question, &set) {
            set.mode = .fallback
            pick(place, question, &set, &random)
        } else {
            goWithoutHealth(place, question, &set, &random)
        }
    }

    // When the last member below went down; the least value when there is none.
    private func latestChange(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> Int64 {
        let node = nodes[place]
        guard node.kind != .address else {
            guard isLive(place, question, &set) else { return .min }
            return health.changed(Int(node.slot)).nanoseconds
        }
        var latest = Int64.min
        if node.kind == .regional {
            // Only where this client can be sent to.
            let edge = branch(of: node, question, &set)
            return edge < 0 ? .min : latestChange(Int(edges[edge].node), question, &set)
        }
        for edge in node.edges where weight(of: edges[edge], &set) != 0 {
            latest = max(latest, latestChange(Int(edges[edge].node), question, &set))
        }
        return latest
    }
}

extension SteerQuestion {
    // Below a node its rule holds.
    mutating func take(_ node: PolicyNode) {
        allDown = node.allDown
        fallback = node.fallback
    }

    // A policy to fall back to that was named outside of a branch may lie outside too.
    mutating func stay() {
        if allDown == .fallback { allDown = .all }
        fallback = .max
    }
}
