// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The way of an answer through the tree of its policy, made of the nodes that it noted.
///
/// A policy that several others name is one node, and is met at several places: which of them an
/// answer took is told by what stands before it on the way.
struct SteerTrail {
    /// A node that chose.
    struct Stop {
        var place: Int
        /// The stops that it went on to, in their order.
        var next: [Int] = []
    }

    private(set) var stops: [Stop] = []
    /// The stops to which no other one leads: the policy itself, and what answered in the place of
    /// something further in that was never asked.
    private(set) var roots: [Int] = []
    /// True when the way may be longer than what is noted: then nodes are known, and not where.
    let isCut: Bool

    init(_ table: SteerTable, _ set: AnswerSet) {
        isCut = set.pathCount >= AnswerSet.pathLimit
        // Nodes are noted before what they go on to: those that may still go on, from the top.
        var open: [Int] = []
        for index in 0..<set.pathCount {
            let place = Int(set.path[index])
            guard table.nodes.indices.contains(place) else { continue }
            stops.append(Stop(place: place))
            if let before = open.lastIndex(where: { leads(from: $0, to: place, table) }) {
                stops[open[before]].next.append(stops.count - 1)
                open.removeSubrange((before + 1)...)
            } else {
                roots.append(stops.count - 1)
            }
            open.append(stops.count - 1)
        }
    }

    private func leads(from stop: Int, to place: Int, _ table: SteerTable) -> Bool {
        let node = table.nodes[stops[stop].place]
        let isOneOfMany = node.kind == .roundRobin || node.isMultiple
        guard isOneOfMany || stops[stop].next.isEmpty else { return false }
        return node.edges.contains { edge in
            let child = Int(table.edges[edge].node)
            if child == place { return true }
            let below = table.nodes[child]
            return below.allDown == .fallback && Int(below.fallback) == place
        }
    }
}

/// Where the walk stands on the way of the answer.
struct SteerFooting {
    /// The stop of this node; nil where the answer did not come by.
    var stop: Int?
    /// Stops that lead on from the node above, and are none of its branches: what answered in the
    /// place of one.
    var spare: [Int] = []
}

extension SteerWalk {
    /// Where the walk begins.
    func start(_ place: Int) -> SteerFooting {
        var spare = trail.roots
        guard let first = spare.firstIndex(where: { trail.stops[$0].place == place }) else {
            return SteerFooting(spare: spare)
        }
        let stop = spare.remove(at: first)
        return SteerFooting(stop: stop, spare: spare)
    }

    /// By branch of a node, the stop of it, and the stops that are left.
    func footings(_ node: PolicyNode, _ stop: Int?) -> (stops: [Int?], spare: [Int]) {
        var found = [Int?](repeating: nil, count: Int(node.count))
        guard let stop else { return (found, []) }
        var left = trail.stops[stop].next
        for step in likely(node) {
            let child = Int(table.edges[Int(node.first) + step].node)
            guard let next = left.firstIndex(where: { trail.stops[$0].place == child }) else {
                continue
            }
            found[step] = left.remove(at: next)
        }
        return (found, left)
    }

    // Of branches that are the same node, those first that can have been taken.
    private func likely(_ node: PolicyNode) -> [Int] {
        let steps = Array(0..<Int(node.count))
        if node.kind == .regional {
            let serving = serving(node)
            return steps.filter { $0 == serving } + steps.filter { $0 != serving }
        }
        var scratch = AnswerSet()
        let isLikely = steps.map { step in
            let way = table.edges[Int(node.first) + step]
            return table.weight(of: way, &scratch) != 0 && isLive(Int(node.first) + step)
        }
        return steps.filter { isLikely[$0] } + steps.filter { !isLikely[$0] }
    }

    /// True when the answer came by a node at this place of the tree.
    func isChosen(_ place: Int, _ stop: Int?) -> Bool {
        trail.isCut ? set.chose(place) : stop != nil
    }

    /// True when something of what a node chose is in the answer.
    ///
    /// A policy around it may have had no room, or have wanted another family.
    func isGiven(_ place: Int, _ stop: Int?) -> Bool {
        guard isChosen(place, stop) else { return false }
        // Where the notes are full nobody knows what was chosen below.
        guard set.outcome == .addresses, !trail.isCut, let stop else { return true }
        return isGiven(stop)
    }

    private func isGiven(_ stop: Int) -> Bool {
        let node = table.nodes[trail.stops[stop].place]
        return node.kind == .address && set.holds(node.address)
            || trail.stops[stop].next.contains(where: isGiven)
    }
}
