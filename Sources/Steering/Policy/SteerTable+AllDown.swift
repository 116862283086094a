// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a node answers that is not live.
extension SteerTable {
    /// Answers by the node's all-down rule, or by the one that holds above it.
    func goWithoutHealth(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        var question = question
        if nodes[place].allDown != .inherit { question.take(nodes[place]) }
        switch question.allDown {
        case .none: set.saysNone = true
        case .servfail: set.saysServfail = true
        case .fallback: fallBack(question, &set, &random)
        case .lastGood:
            set.mode = .lastGood
            question.filter = .ready
            let latest = latestChange(place, question, &set)
            guard latest != .min else { return set.saysNone = true }
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
            guard isLive(place, question, &set) else { return set.saysNone = true }
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
