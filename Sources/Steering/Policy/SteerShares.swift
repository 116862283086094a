// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// One address that a policy may answer, and how often it would by weights alone.
public struct SteerShare: Sendable, Equatable {
    /// The address with its place in the health table.
    public var slot: Int
    /// What people call it.
    public var name: String
    /// The address.
    public var address: IPAddress
    /// The weight in force where it stands; the sum, where it stands more than once.
    public var weight: UInt64
    /// The share of answers that hold it while everything is healthy, of 0 to 1; nil where that
    /// depends on where clients are.
    public var share: Double?
}

extension SteerTable {
    /// The addresses of a family that a policy may answer, in the order of the tree; then those of
    /// the policies that answer in its place when it is not live, with a share of nought.
    ///
    /// Shares are by the weights in force, as if everything were healthy and unforced. Where answers
    /// are cut, or hold several addresses of one branch, nothing short of asking tells: shares are
    /// then those of so many answers.
    public func shares(
        policy: Int,
        _ family: SteerFamilies,
        answers: Int = 10_000
    ) -> [SteerShare] {
        guard definitions.indices.contains(policy) else { return [] }
        let healthy = allHealthy()
        var walk = ShareWalk(table: healthy, family: family)
        walk.visit(definitions[policy].policy, at: policy, share: 1, weight: 1, depth: 0)
        // Endpoints that share an address are answered once.
        let isPlain = walk.isExact && Set(walk.found.map(\.address)).count == walk.found.count
        let own = walk.found
        walk.visitFallbacks()
        guard !isPlain, !walk.asksPlaces(policy) else { return walk.found }
        let counts = healthy.count(policy, family, answers)
        return walk.found.enumerated().map { place, found in
            guard place < own.count else { return found }
            var share = found
            share.share = Double(counts[found.slot] ?? 0) / Double(max(answers, 1))
            return share
        }
    }

    // The same policies while everything is up, with the weights that operators have set.
    private func allHealthy() -> SteerTable {
        let slots = nodes.filter { $0.kind == .address }.map { Int($0.slot) }
        let picture = HealthTable(capacity: (slots.max() ?? 0) + 1)
        for slot in Set(slots) {
            var word = HealthWord(health: .up)
            if health.word(slot).hasWeightOverride, let weight = health.weightOverride(slot) {
                word.hasWeightOverride = true
                picture.setWeightOverride(slot, weight)
            }
            picture.publish(slot, word)
        }
        return reading(picture)
    }

    // Answers in which each slot is; clients and names are all kinds of them.
    private func count(_ policy: Int, _ family: SteerFamilies, _ answers: Int) -> [Int: Int] {
        var random = SeededRandom(seed: 1)
        var set = AnswerSet()
        var counts: [Int: Int] = [:]
        for _ in 0..<answers {
            let client = IPAddress(v4: UInt32(truncatingIfNeeded: random.next()))
            let question = SteerQuestion(
                now: .start,
                client: client,
                families: family,
                nameHash: random.next()
            )
            answer(policy: policy, question, into: &set, random: &random)
            for place in 0..<set.count { counts[set.slot(place), default: 0] += 1 }
        }
        return counts
    }
}

/// Walks a tree and multiplies the shares on the way.
private struct ShareWalk {
    // Places told of one policy: what many branches name is met at each of them.
    static let limit = 20_000

    /// Everything is healthy there.
    let table: SteerTable
    let family: SteerFamilies
    var found: [SteerShare] = []
    /// False when shares do not follow from weights alone.
    var isExact = true
    private var regions: [Int: (any: Bool, gap: Bool)] = [:]
    private var places: [Int: Int] = [:]
    private var fallbacks: [Int] = []
    private var ownCount = 0
    private var left = ShareWalk.limit

    init(table: SteerTable, family: SteerFamilies) {
        self.table = table
        self.family = family
    }

    mutating func visit(
        _ policy: SteerPolicy,
        at place: Int,
        share: Double?,
        weight: UInt64,
        depth: Int
    ) {
        left -= 1
        guard left > 0, depth < PolicyLayout.depthLimit else { return }
        let node = table.nodes[place]
        guard !node.families.isDisjoint(with: family) else { return }
        if case .address(let member) = policy.kind { return add(member, share, weight) }
        if case .named(let name) = policy.kind, let number = table.find(name), number == place {
            let inner = table.definitions[number].policy
            return visit(inner, at: place, share: share, weight: weight, depth: depth + 1)
        }
        if case .fallback(let name)? = policy.allDown, let number = table.find(name),
            !fallbacks.contains(number)
        {
            fallbacks.append(number)
        }
        let branches = policy.kind.branches
        let parts = parts(of: branches, policy, node)
        for (step, branch) in branches.enumerated() {
            let child = Int(table.edges[Int(node.first) + step].node)
            // What is never reached depends on nothing.
            let part =
                share == 0 ? 0 : share.flatMap { above in parts[step].share.map { above * $0 } }
            visit(
                branch.policy,
                at: child,
                share: part,
                weight: parts[step].weight,
                depth: depth + 1
            )
        }
    }

    /// Adds what answers only when the rest is down, and what answers in place of that.
    mutating func visitFallbacks() {
        ownCount = found.count
        var next = 0
        while next < fallbacks.count, left > 0 {
            let number = fallbacks[next]
            next += 1
            let policy = table.definitions[number].policy
            visit(policy, at: number, share: 0, weight: 1, depth: 0)
        }
    }

    private mutating func add(_ member: SteerMember, _ share: Double?, _ weight: UInt64) {
        if let place = places[member.slot] {
            // What it weighs in another policy is nothing beside its weight in this one.
            guard place >= ownCount else { return }
            found[place].weight += weight
            let before = found[place].share
            found[place].share = before.flatMap { one in share.map { one + $0 } }
            return
        }
        places[member.slot] = found.count
        found.append(
            SteerShare(
                slot: member.slot,
                name: member.name.isEmpty ? "\(member.address)" : member.name,
                address: member.address,
                weight: weight,
                share: share
            )
        )
    }

    /// True when something below a node asks where clients are.
    mutating func asksPlaces(_ place: Int) -> Bool { region(below: place).any }

    // Whether something below asks where clients are, and may have no branch for some.
    private mutating func region(below place: Int) -> (any: Bool, gap: Bool) {
        if let known = regions[place] { return known }
        let node = table.nodes[place]
        var found = (any: false, gap: false)
        if node.kind == .regional { found = (true, table.regions[Int(node.region)].hasGap) }
        for edge in node.edges {
            let below = region(below: Int(table.edges[edge].node))
            found = (found.any || below.any, found.gap || below.gap)
        }
        regions[place] = found
        return found
    }

    // How often each branch is taken; nil where the client decides.
    private mutating func parts(
        of branches: [SteerBranch],
        _ policy: SteerPolicy,
        _ node: PolicyNode
    ) -> [(weight: UInt64, share: Double?)] {
        let question = SteerQuestion(now: .start, families: family)
        var scratch = AnswerSet()
        let weights = node.edges.map { place -> UInt64 in
            let edge = table.edges[place]
            // Where both families are drawn at once, a branch without the one takes its share too.
            guard
                node.kind == .weighted && !node.isSplit
                    || !table.nodes[Int(edge.node)].families.isDisjoint(with: family)
            else { return 0 }
            return UInt64(table.share(of: edge, question, &scratch))
        }
        let gap = node.edges.firstIndex { region(below: Int(table.edges[$0].node)).gap }
        switch policy.kind {
        case .address, .named: return weights.map { ($0, 1) }
        case .regional: return weights.map { ($0, nil) }
        case .failover:
            // Which one serves is settled before the family is looked at.
            let first = node.edges.firstIndex {
                table.isLive(Int(table.edges[$0].node), question, &scratch)
            }
            return zip(node.edges, weights).map { edge, weight in
                if let gap, edge >= gap, first.map({ $0 >= gap }) ?? true { return (weight, nil) }
                return (weight, edge == first ? 1 : 0)
            }
        case .weighted, .roundRobin:
            guard gap == nil else { return weights.map { ($0, nil) } }
            return zip(weights, portions(policy, node, weights)).map { ($0, $1) }
        }
    }

    private mutating func portions(
        _ policy: SteerPolicy,
        _ node: PolicyNode,
        _ weights: [UInt64]
    ) -> [Double?] {
        let taken = node.edges.enumerated().filter { weights[$0.offset] > 0 }.map(\.element)
        let isFlat = taken.count < 2 || taken.allSatisfy { table.edges[$0].isAddress }
        let whole: UInt64
        if case .roundRobin = policy.kind {
            if isFlat, let shares = turns(node, weights, taken) { return shares }
            whole = 0
        } else if policy.isMultiple {
            whole = isFlat && taken.count <= Int(node.most) ? weights.max() ?? 0 : 0
        } else {
            whole = weights.reduce(0, +)
        }
        if whole > 0 { return weights.map { Double($0) / Double(whole) } }
        // What one branch answers leaves less room for the others.
        if !taken.isEmpty { isExact = false }
        return weights.map { $0 > 0 ? nil : 0 }
    }

    // A round robin has all of them equally often, of a failure domain one; nil where domains have
    // to make room for each other.
    private func turns(_ node: PolicyNode, _ weights: [UInt64], _ taken: [Int]) -> [Double?]? {
        let first = Int(node.first)
        let most = Int(node.most)
        var sizes: [UInt16: Int] = [:]
        for edge in taken { sizes[table.edges[edge].domain, default: 0] += 1 }
        let single = sizes[0] ?? 0
        let places = sizes.count + single - (single > 0 ? 1 : 0)
        guard places == taken.count || places <= most else { return nil }
        let share = Double(min(most, places)) / Double(max(places, 1))
        var shares = [Double?](repeating: 0, count: weights.count)
        for edge in taken {
            let domain = table.edges[edge].domain
            shares[edge - first] = domain == 0 ? share : share / Double(sizes[domain] ?? 1)
        }
        return shares
    }
}
