// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What evaluating a policy costs.
extension CrossChecks {
    /// Branches that one query may have to look at: a policy that many others name is looked at by
    /// every way that leads to it.
    static var branchLimit: Int { 20_000 }

    /// Reports policies that no query should have to go through.
    func checkPolicySizes() {
        let policies = Dictionary(settings.steer.map { ($0.name, $0.policy) }) { one, _ in one }
        let pools = Dictionary(settings.pools.map { ($0.name, $0.endpoints.count) }) { one, _ in one
        }
        var sizes: [String: Int] = [:]
        guard case .mapping(let entries)? = root.entries["steer"]?.value.content else { return }
        for entry in entries { _ = size(of: entry.key, policies, pools, &sizes, depth: 0) }
        for entry in entries {
            guard let size = sizes[entry.key], size > Self.branchLimit else { continue }
            reading.report(
                .policyTooLarge,
                entry.keyRange,
                option: "steer.\(entry.key)",
                "the policy `\(entry.key)` and those it refers to come to \(size) branches",
                "at most \(Self.branchLimit) can be looked at for a query"
            )
        }
    }

    private func size(
        of name: String,
        _ policies: [String: PolicySettings],
        _ pools: [String: Int],
        _ sizes: inout [String: Int],
        depth: Int
    ) -> Int {
        // What refers to one that is too large has no finding of its own.
        if let known = sizes[name] { return known > Self.branchLimit ? 1 : known }
        // Circles have a finding of their own, and so have names that go too deep.
        guard let policy = policies[name], depth < 2 * Self.policyDepth else { return 1 }
        sizes[name] = 1
        let size = size(of: policy, policies, pools, &sizes, depth: depth + 1)
        sizes[name] = size
        return size > Self.branchLimit ? 1 : size
    }

    private func size(
        of policy: PolicySettings,
        _ policies: [String: PolicySettings],
        _ pools: [String: Int],
        _ sizes: inout [String: Int],
        depth: Int
    ) -> Int {
        var total = policy.fallback.map { size(of: $0, policies, pools, &sizes, depth: depth) } ?? 0
        switch policy.kind {
        case .address, .name: break
        case .pool(let name): total += pools[name] ?? 0
        case .steer(let name): total += size(of: name, policies, pools, &sizes, depth: depth)
        default:
            for branch in policy.kind.branches {
                total += size(of: branch.policy, policies, pools, &sizes, depth: depth)
            }
        }
        return min(total + 1, 1_000_000_000)
    }
}

/// Branches that are to shed load which nobody measures.
extension CrossChecks {
    func checkLoadMarks() {
        let limited = Set(
            settings.pools.filter { pool in
                pool.concurrency != nil || pool.endpoints.contains { $0.maxConnections != nil }
            }.map(\.name)
        )
        let policies = Dictionary(settings.steer.map { ($0.name, $0.policy) }) { one, _ in one }
        guard case .mapping(let entries)? = root.entries["steer"]?.value.content else { return }
        for entry in entries {
            guard let policy = policies[entry.key] else { continue }
            for branch in policy.allBranches where branch.load != nil {
                var seen: Set<String> = []
                guard !hasLimits(branch.policy, limited, policies, &seen) else { continue }
                reading.report(
                    .loadWithoutLimits,
                    entry.keyRange,
                    option: "steer.\(entry.key)",
                    "the branch `\(branch.label)` of `\(entry.key)` sheds load, and nothing below "
                        + "it has a limit to measure it by",
                    "give the endpoints of its pool `max-connections`"
                )
            }
        }
    }

    private func hasLimits(
        _ policy: PolicySettings,
        _ limited: Set<String>,
        _ policies: [String: PolicySettings],
        _ seen: inout Set<String>
    ) -> Bool {
        switch policy.kind {
        case .address, .name: return false
        case .pool(let name): return limited.contains(name)
        case .steer(let name):
            guard seen.insert(name).inserted, let named = policies[name] else { return false }
            return hasLimits(named, limited, policies, &seen)
        default:
            for branch in policy.kind.branches
            where hasLimits(branch.policy, limited, policies, &seen) { return true }
            return false
        }
    }
}

/// Rests of answers that nobody gets.
extension CrossChecks {
    /// Answers rest by the policy that a record names; what stands inside another has no answers of
    /// its own.
    func checkSettles() {
        let answering = Set(settings.zones.flatMap { $0.records.compactMap(\.steer) })
        let used = Set(reading.references.filter { $0.kind == .steer }.map(\.name))
        let idle = Set(settings.steer.filter { $0.settle > .zero }.map(\.name))
            .subtracting(answering).intersection(used)
        guard !idle.isEmpty, case .mapping(let entries)? = root.entries["steer"]?.value.content
        else { return }
        for entry in entries where idle.contains(entry.key) {
            reading.report(
                .idleSettle,
                entry.keyRange,
                option: "steer.\(entry.key).settle",
                "no record names the policy `\(entry.key)`, so its `settle` has no effect",
                "say it in the policies that records name"
            )
        }
    }
}

extension PolicySettings {
    /// The branches of all depths, those of policies that it names not counted.
    var allBranches: [BranchSettings] {
        kind.branches.flatMap { [$0] + $0.policy.allBranches }
    }
}
