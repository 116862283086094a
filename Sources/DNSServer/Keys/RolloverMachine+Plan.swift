// SPDX-License-Identifier: Apache-2.0

/// What is wanted, and when it changes.
extension RolloverMachine {
    /// The keys that the policy wants: of each role the newest that fits it and is not retired.
    public var wanted: Set<Int> {
        guard isWanted else { return [] }
        return Set(policy.scheme.roles.compactMap { wantedKey($0)?.id })
    }

    /// The roles for which a key is to be made.
    var missingRoles: [KeyRole] {
        guard isWanted else { return [] }
        return policy.scheme.roles.filter { wantedKey($0) == nil }
    }

    private func wantedKey(_ role: KeyRole) -> RolloverKey? {
        keys.last { key in
            key.key.role == role && key.key.algorithm == policy.algorithm && !key.isRetired
                && !key.isDead
        }
    }

    /// True when the key of a role is in full use, and nothing is left of its predecessors.
    func isSettled(_ role: KeyRole) -> Bool {
        guard let key = wantedKey(role), keySets.current.contains(key.id) else { return false }
        let wanted = wanted
        if role.signsZone {
            guard signers.current.contains(key.id), signers.current.isSubset(of: wanted) else {
                return false
            }
        }
        if role.signsKeys {
            guard submitted?.contains(key.id) == true, awaited.isEmpty,
                parents.current == submitted
            else { return false }
        }
        return !keySets.current.contains { id in
            !wanted.contains(id) && self.key(id)?.key.role == role
        }
    }

    /// When a key's successor is to be made: early enough to be in every cache at the end of its
    /// lifetime (RFC 7583 §3.2.1: Tpub(N+1) is not after Tact(N) + L - Ipub); nil for never.
    func succession(_ role: KeyRole) -> Int64? {
        guard let key = wantedKey(role), let active = key.active,
            let lifetime = policy.lifetimes[role], isSettled(role)
        else { return nil }
        return active &+ max(lifetime &- policy.timing.publishInterval, 0)
    }

    /// Retires the keys whose successors are due.
    mutating func retireAged() {
        guard isWanted else { return }
        for role in policy.scheme.roles {
            guard let due = succession(role), clock >= due else { continue }
            for index in keys.indices where keys[index].id == wantedKey(role)?.id {
                keys[index].isRetired = true
                break
            }
        }
    }

    /// When ``handle(_:now:)`` next has something to do by itself; nil when only an event helps.
    public var nextChange: Int64? {
        let hurried = isHurried
        let ends = [
            keySets.nextEnd(hurried: hurried), signers.nextEnd(hurried: hurried),
            parents.nextEnd(hurried: hurried),
        ]
        let successions = isWanted ? policy.scheme.roles.map(succession) : []
        return (ends + successions).compactMap(\.self).min()
    }

    /// True when there is something to be saved: more than the passing of time.
    public func differs(from other: RolloverMachine) -> Bool {
        var same = self
        same.clock = other.clock
        return same != other
    }

    /// True when these keys are enough to sign all that is to be signed now.
    public func canServe(with available: Set<Int>) -> Bool {
        let published = keySets.current
        let able = published.intersection(available)
        let heads = able.filter { key($0)?.key.role.signsKeys == true }
        let zone = able.intersection(signers.current)
        let stated = Set(published.map(algorithm))
        let ready = signers.current.intersection(available)
        return stated == Set(heads.map(algorithm)) && stated == Set(zone.map(algorithm))
            && Set(signers.current.map(algorithm)) == Set(ready.map(algorithm))
    }

    /// True while it matters what the parent has.
    public var awaitsParent: Bool { !awaited.isEmpty }

    func isUsed(_ id: Int) -> Bool {
        keySets.current.contains(id) || signers.current.contains(id)
            || submitted?.contains(id) == true
    }

    /// True while a cache or the parent may refer to a key.
    func isRemembered(_ id: Int) -> Bool {
        keySets.possible.contains { $0.contains(id) }
            || signers.possible.contains { $0.contains(id) }
            || possibleParents.contains { $0.contains(id) }
    }

    /// Notes when keys have begun and ended what they do.
    mutating func markTimes(_ wanted: Set<Int>) {
        for index in keys.indices {
            let (id, role) = (keys[index].id, keys[index].key.role)
            let isPublished = keySets.current.contains(id)
            let isActive = role.signsZone ? signers.current.contains(id) : isPublished
            if isPublished, keys[index].published == nil { keys[index].published = clock }
            if isActive, keys[index].active == nil { keys[index].active = clock }
            if wanted.contains(id) {
                keys[index].retired = nil
            } else if keys[index].retired == nil {
                keys[index].retired = clock
            }
            if isPublished {
                keys[index].withdrawn = nil
            } else if keys[index].published != nil, keys[index].withdrawn == nil {
                keys[index].withdrawn = clock
            }
        }
    }

    /// Gives up keys that nothing can refer to.
    mutating func markDead() {
        let wanted = wanted
        // Until the successor is there, its predecessor may have to come back.
        guard missingRoles.isEmpty else { return }
        for index in keys.indices {
            let id = keys[index].id
            if !wanted.contains(id), !isUsed(id), !isRemembered(id) { keys[index].isDead = true }
        }
    }
}
