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
    /// The addresses of a family that a policy may answer, in the order of the tree.
    ///
    /// Shares are by the weights in force, as if everything were healthy and unforced.
    public func shares(policy: Int, _ family: SteerFamilies) -> [SteerShare] {
        guard definitions.indices.contains(policy) else { return [] }
        var walk = ShareWalk(table: self, family: family)
        walk.visit(definitions[policy].policy, at: policy, share: 1, weight: 1, depth: 0)
        return walk.found
    }
}

/// Walks a tree and multiplies the shares on the way.
private struct ShareWalk {
    // Places told of one policy: what many branches name is met at each of them.
    static let limit = 20_000
    // Branches of a round robin whose failure domains are looked at, as each is begun at once.
    static let turnLimit = 512

    let table: SteerTable
    let family: SteerFamilies
    var found: [SteerShare] = []
    private var places: [Int: Int] = [:]
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
        let branches = policy.kind.branches
        let parts = parts(of: branches, policy, node)
        for (step, branch) in branches.enumerated() {
            let child = Int(table.edges[Int(node.first) + step].node)
            let part = share.flatMap { above in parts[step].share.map { above * $0 } }
            visit(
                branch.policy,
                at: child,
                share: part,
                weight: parts[step].weight,
                depth: depth + 1
            )
        }
    }

    private mutating func add(_ member: SteerMember, _ share: Double?, _ weight: UInt64) {
        if let place = places[member.slot] {
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

    // How often each branch is taken; nil where the client decides.
    private func parts(
        of branches: [SteerBranch],
        _ policy: SteerPolicy,
        _ node: PolicyNode
    ) -> [(weight: UInt64, share: Double?)] {
        let weights = branches.enumerated().map { step, branch -> UInt64 in
            let edge = table.edges[Int(node.first) + step]
            guard !table.nodes[Int(edge.node)].families.isDisjoint(with: family) else { return 0 }
            var scratch = AnswerSet()
            let weight = table.weight(of: edge, &scratch)
            guard case .address(let member) = branch.policy.kind,
                let own = table.health.weightOverride(member.slot)
            else { return UInt64(weight) }
            return UInt64(own != 0 && table.isOrdered(edge.dial) ? weight : own)
        }
        switch policy.kind {
        case .address, .named: return weights.map { ($0, 1) }
        case .regional: return weights.map { ($0, nil) }
        case .failover:
            let first = branches.indices.first { weights[$0] > 0 }
            return weights.enumerated().map { ($1, $0 == first ? 1 : 0) }
        case .weighted:
            let whole = policy.isMultiple ? weights.max() ?? 0 : weights.reduce(0, +)
            return weights.map { ($0, whole == 0 ? 0 : Double($0) / Double(whole)) }
        case .roundRobin:
            let shares = ShareWalk.turns(branches, weights, most: Int(node.most))
            return zip(weights, shares).map { ($0, $1) }
        }
    }

    // A round robin begins at each of its branches equally often, and goes round from there.
    private static func turns(
        _ branches: [SteerBranch],
        _ weights: [UInt64],
        most: Int
    ) -> [Double] {
        let candidates = branches.indices.filter { weights[$0] > 0 }
        var shares = [Double](repeating: 0, count: branches.count)
        let hasDomains = candidates.contains { !branches[$0].domain.isEmpty }
        guard hasDomains, candidates.count <= turnLimit else {
            let share = Double(min(most, candidates.count)) / Double(max(candidates.count, 1))
            for branch in candidates { shares[branch] = share }
            return shares
        }
        for start in candidates.indices {
            var taken = 0
            var domains: Set<String> = []
            for branch in candidates[start...] + candidates[..<start] where taken < most {
                let domain = branches[branch].domain
                guard domain.isEmpty || domains.insert(domain).inserted else { continue }
                taken += 1
                shares[branch] += 1 / Double(candidates.count)
            }
        }
        return shares
    }
}
