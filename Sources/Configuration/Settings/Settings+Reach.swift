// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Whose answers come from where.
extension Settings {
    /// The highest TTL that answers of some policies are given with: a record may have its own.
    public func highestTTL(of policies: Set<String>) -> Interval {
        highestTTLs.reduce(.zero) { policies.contains($1.key) ? max($0, $1.value) : $0 }
    }

    /// The same of each policy by itself.
    public var highestTTLs: [String: Interval] {
        var highest: [String: Interval] = [:]
        for policy in steer { highest[policy.name] = policy.ttl }
        for zone in zones {
            for record in zone.records {
                guard let ttl = record.ttl, let policy = record.steer,
                    let known = highest[policy]
                else { continue }
                highest[policy] = max(known, ttl)
            }
        }
        return highest
    }

    /// The policies whose answers may come from the one named, itself among them.
    func policiesReaching(_ name: String) -> Set<String> {
        let below = Dictionary(steer.map { ($0.name, $0.policy.named) }) { first, _ in first }
        var reaching: Set<String> = [name]
        // Each round finds those that are one step further away.
        var grows = true
        while grows {
            grows = false
            for (policy, names) in below
            where !reaching.contains(policy) && !names.isDisjoint(with: reaching) {
                reaching.insert(policy)
                grows = true
            }
        }
        return reaching
    }
}

extension PolicySettings {
    /// The policies that it names, at any depth of its own.
    fileprivate var named: Set<String> {
        var names = Set([fallback].compactMap { $0 })
        if case .steer(let name) = kind { names.insert(name) }
        for branch in kind.branches { names.formUnion(branch.policy.named) }
        return names
    }
}
