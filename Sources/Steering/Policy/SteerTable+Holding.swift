// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Which branch of a failover serves.
///
/// With a `hold`, a branch takes over from a later one only when it has been live for so long. Who
/// serves is not remembered, it follows from when members have returned:
///
/// - The first of the branches that have been live for the hold serves: what stands before it waits
///   for its hold, and what stands after it never takes over from it.
/// - While there is none, the one that has been live longest serves. All others have come back when
///   it was there already, so none of them may take over; and it is the first whose hold is over.
extension SteerTable {
    /// The place of the branch that serves; -1 for none.
    func first(
        of node: PolicyNode,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> Int {
        guard node.hold > 0, question.filter.isHealthy else {
            for edge in node.edges where isLive(Int(edges[edge].node), question, &set) {
                return edge
            }
            return -1
        }
        var settled = question
        // Never before the clock's beginning: 0 is who has not returned from anywhere.
        let latest = max(question.now.nanoseconds &- node.hold, 0)
        if latest < settled.filter.latestReturn {
            settled.filter.latestReturn = latest
            settled.filter.returnsAt = .min
        }
        for edge in node.edges where isLive(Int(edges[edge].node), settled, &set) {
            return edge
        }
        var longest = -1
        var least = Int64.max
        for edge in node.edges {
            let since = liveSince(Int(edges[edge].node), question, &set)
            if since < least { (longest, least) = (edge, since) }
        }
        return longest
    }

    // When the last member returned without which the node would not be live, of those that are
    // longest there; the greatest value when it is not live.
    private func liveSince(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> Int64 {
        let node = nodes[place]
        var least = Int64.max
        switch node.kind {
        case .address:
            guard isLive(place, question, &set) else { return .max }
            return health.rampStart(Int(node.slot)).nanoseconds
        case .failover where node.takesAny:
            for edge in node.edges {
                least = min(least, liveSince(Int(edges[edge].node), question, &set))
            }
        case .roundRobin where node.takesAny, .weighted where node.takesAny:
            for edge in node.edges where share(of: edges[edge], question, &set) != 0 {
                least = min(least, liveSince(Int(edges[edge].node), question, &set))
            }
        case .regional:
            _ = firstBranch(of: node, question, &set) { edge, isKept, set in
                let since = isKept ? 0 : liveSince(Int(edges[edge].node), question, &set)
                least = min(least, since)
                return isKept
            }
        case .failover, .roundRobin, .weighted: return search(place, question, &set)
        }
        return least
    }

    // Where several branches must be live: the least time of return with which they are enough.
    private func search(
        _ place: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet
    ) -> Int64 {
        guard isLive(place, question, &set) else { return .max }
        // What is supposed here bounds no TTL.
        var scratch = set
        var asked = question
        asked.filter.returnsAt = .min
        var least: Int64 = 0
        var most = min(question.now.nanoseconds, question.filter.latestReturn)
        while least < most {
            asked.filter.latestReturn = least &+ (most &- least) / 2
            if isLive(place, asked, &scratch) {
                most = asked.filter.latestReturn
            } else {
                least = asked.filter.latestReturn &+ 1
            }
        }
        return least
    }
}
