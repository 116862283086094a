// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials

/// One target that a policy may answer with.
struct PolicyLeaf: Sendable, Equatable {
    /// For people: an address, or an endpoint with its pool.
    var target: String
    /// The probe that watches it; nil for none.
    var probe: String?
    /// Clients get it without a switch by hand first.
    var isOffered = true
}

/// Lists what lies at the ends of a policy's tree, in the order of the file.
///
/// What has weight 0 for good is left out: no answer holds it, so nobody waits for its failover, and
/// nobody fails over to it.
struct PolicyLeaves {
    private let pools: [String: PoolSettings]
    private let policies: [String: SteerSettings]

    init(_ settings: Settings) {
        pools = Dictionary(settings.pools.map { ($0.name, $0) }) { first, _ in first }
        policies = Dictionary(settings.steer.map { ($0.name, $0) }) { first, _ in first }
    }

    /// The ends of a tree.
    func all(of policy: PolicySettings, depth: Int = 0) -> [PolicyLeaf] {
        let own: [PolicyLeaf]
        switch policy.kind {
        case .address(let ip, let probe): own = [PolicyLeaf(target: "\(ip)", probe: probe)]
        case .name(let name, let probe): own = [PolicyLeaf(target: name, probe: probe)]
        case .pool(let name):
            let endpoints = pools[name]?.endpoints ?? []
            own = endpoints.filter { $0.weight > 0 }.map { endpoint in
                PolicyLeaf(target: "\(name)/\(endpoint.name)", probe: pools[name]?.probe)
            }
        case .steer(let name): own = named(name, depth)
        case .weighted(let branches): own = weighted(branches, policy, depth)
        case .roundRobin(let branches), .failover(let branches),
            .geo(let branches), .proximity(let branches), .latency(let branches):
            own = branches.flatMap { all(of: $0.policy, depth: depth) }
        }
        return own + (policy.fallback.map { named($0, depth) } ?? [])
    }

    private func weighted(
        _ branches: [BranchSettings],
        _ policy: PolicySettings,
        _ depth: Int
    ) -> [PolicyLeaf] {
        var leaves: [PolicyLeaf] = []
        for branch in branches {
            let isIdle = branch.weight == 0 && !policy.hasChangingWeights
            guard !isIdle else { continue }
            let isSwitchedOff = policy.active.map { $0 != branch.label } ?? false
            for var leaf in all(of: branch.policy, depth: depth) {
                if isSwitchedOff { leaf.isOffered = false }
                leaves.append(leaf)
            }
        }
        return leaves
    }

    // A valid configuration has no circles; the bound is for one that is being read.
    private func named(_ name: String, _ depth: Int) -> [PolicyLeaf] {
        guard depth < 32, let inner = policies[name]?.policy else { return [] }
        return all(of: inner, depth: depth + 1)
    }
}
