// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What holds of policies whatever probes say: which never fail, which keep clients, which fall back.
///
/// A class, since policies by name are gone through once each however many others name them.
final class PolicyFacts {
    private let policies: [String: PolicySettings]
    private let steadyPools: Set<String>
    private var steadyPolicies: [String: Bool] = [:]
    private var residents: [String: Set<RegionSettings>] = [:]
    private var fallbacks: [String: Set<String>] = [:]

    /// Facts of settings without errors: names are there, and no circles.
    init(_ settings: Settings, judgedPools: Set<String>) {
        policies = Dictionary(settings.steer.map { ($0.name, $0.policy) }) { one, _ in one }
        let steady = settings.pools.filter { pool in
            // Without a probe, and without traffic to judge it by, an endpoint is always up; a name
            // may have no address.
            pool.probe == nil && !judgedPools.contains(pool.name)
                && pool.endpoints.contains { endpoint in
                    guard case .address = endpoint.address else { return false }
                    return endpoint.weight > 0
                }
        }
        steadyPools = Set(steady.map(\.name))
    }

    /// The policy of a name; nil when there is none.
    func policy(named name: String) -> PolicySettings? { policies[name] }

    // MARK: What never fails

    /// True when there is always something to answer with, for every client.
    func neverFails(_ policy: PolicySettings) -> Bool {
        switch policy.kind {
        case .address(_, let probe), .name(_, let probe): return probe == nil
        case .pool(let name): return steadyPools.contains(name)
        case .steer(let name):
            if let known = steadyPolicies[name] { return known }
            let found = policies[name].map(neverFails) ?? false
            steadyPolicies[name] = found
            return found
        case .geo(let branches):
            return branches.contains { $0.isForEverybody && neverFails($0.policy) }
        case .proximity(let branches), .latency(let branches):
            return branches.contains { neverFails($0.policy) }
        case .failover(let branches), .roundRobin(let branches):
            return isEnough(branches.filter { neverFails($0.policy) }.count, branches, policy)
        case .weighted(let branches): return neverFails(weighted: branches, policy)
        }
    }

    private func isEnough(
        _ steady: Int,
        _ branches: [BranchSettings],
        _ policy: PolicySettings
    ) -> Bool {
        steady >= max(policy.minimumUp, 1)
            && steady * 100 >= branches.count * policy.minimumUpShare.percent
    }

    private func neverFails(weighted branches: [BranchSettings], _ policy: PolicySettings) -> Bool {
        // Weights that change may leave any one of them alone.
        if policy.hasChangingWeights {
            return policy.minimumUp <= 1 && policy.minimumUpShare.percent == 0
                && branches.allSatisfy { neverFails($0.policy) }
        }
        let steady = branches.filter { $0.weight > 0 && neverFails($0.policy) }
        let share = steady.reduce(0) { $0 + $1.weight } * 100
        let whole = branches.reduce(0) { $0 + $1.weight }
        return steady.count >= max(policy.minimumUp, 1)
            && share >= whole * policy.minimumUpShare.percent
    }

    // MARK: Residents

    /// The regions whose clients some branch in it keeps.
    func residents(_ policy: PolicySettings) -> Set<RegionSettings> {
        if case .steer(let name) = policy.kind {
            if let known = residents[name] { return known }
            let found = policies[name].map(residents) ?? []
            residents[name] = found
            return found
        }
        return policy.kind.branches.reduce(into: []) { found, branch in
            if branch.isResident { found.formUnion(branch.regions) }
            found.formUnion(residents(branch.policy))
        }
    }

    /// The policies that it, or anything in it, falls back to.
    func fallbacks(_ policy: PolicySettings) -> Set<String> {
        var found: Set<String> = policy.fallback.map { [$0] } ?? []
        if case .steer(let name) = policy.kind {
            if let known = fallbacks[name] { return found.union(known) }
            let inner = policies[name].map(fallbacks) ?? []
            fallbacks[name] = inner
            return found.union(inner)
        }
        for branch in policy.kind.branches { found.formUnion(fallbacks(branch.policy)) }
        return found
    }
}

extension PolicySettings {
    /// True when its branches do not always weigh what their `weight` says.
    public var hasChangingWeights: Bool {
        active != nil || rollout != nil || kind.branches.contains { !$0.schedule.isEmpty }
    }

    /// The most branches that have a weight above nought at the same time, by the file alone.
    var weightedCount: Int {
        if active != nil { return 1 }
        if let rollout { return rollout.steps.last == 100 ? 1 : kind.branches.count }
        return kind.branches.filter { $0.weight > 0 || !$0.schedule.isEmpty }.count
    }
}
