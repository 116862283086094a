// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Whose answers come from where.
extension Settings {
    /// The highest TTL that answers of some policies are given with: a record may have its own.
    public func highestTTL(of policies: Set<String>) -> Interval {
        var highest = Interval.zero
        for policy in steer where policies.contains(policy.name) {
            highest = max(highest, policy.ttl)
        }
        for zone in zones {
            for record in zone.records {
                guard let ttl = record.ttl, let policy = record.steer, policies.contains(policy)
                else { continue }
                highest = max(highest, ttl)
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
