// SPDX-License-Identifier: Apache-2.0

/// What a rollover waits for.
public enum KeyWait: Sendable, Equatable {
    /// Signatures, or unsigned answers, from before the latest step are in caches, until then.
    case signatures(until: Int64)
    /// A DNSKEY set from before the latest step is in caches.
    case keySet(until: Int64)
    /// A former DS set is in caches.
    case parentCaches(until: Int64)
    /// The parent is to take over the DS set, asked for since then.
    case parent(since: Int64)
    /// Keys are to be made and kept.
    case keys([KeyRole])
    /// The present key of a role is replaced then.
    case succession(KeyRole, at: Int64)
}

extension RolloverMachine {
    /// Where a key stands.
    public func state(of key: RolloverKey) -> KeyState {
        let isPublished = keySets.current.contains(key.id)
        let isSigning = signers.current.contains(key.id)
        guard isPublished || isSigning else {
            return key.published == nil && key.active == nil ? .generated : .dead
        }
        if !wanted.contains(key.id), key.retired != nil, missingRoles.isEmpty { return .retired }
        let isReady = keySets.possible.allSatisfy { $0.contains(key.id) }
        let isTrusted = !key.key.role.signsKeys || parents.current.contains(key.id)
        let isInUse = !key.key.role.signsZone || isSigning
        if isPublished, isTrusted, isInUse { return .active }
        return isReady ? .ready : .published
    }

    /// Whether the chain of trust reaches the zone.
    public enum Standing: String, Sendable, CaseIterable {
        /// It is not signed.
        case unsigned
        /// It is signed, and the parent has no DS for it that was seen.
        case island
        /// The parent refers to a key of the zone.
        case secure
    }

    /// Whether the chain of trust reaches the zone.
    public var standing: Standing {
        if !parents.current.isEmpty { return .secure }
        return signers.current.isEmpty ? .unsigned : .island
    }

    /// The keys that the parent was seen to refer to.
    public var parentKeys: Set<Int> { parents.current }

    /// What is waited for, the soonest first.
    public var waits: [KeyWait] {
        let hurried = isHurried
        var ends: [(Int64, KeyWait)] = []
        if let end = signers.nextEnd(hurried: hurried) {
            ends.append((end, .signatures(until: end)))
        }
        if let end = keySets.nextEnd(hurried: hurried) { ends.append((end, .keySet(until: end))) }
        if let end = parents.nextEnd(hurried: hurried) {
            ends.append((end, .parentCaches(until: end)))
        }
        if let since = awaitedSince, awaitsParent { ends.append((.max - 1, .parent(since: since))) }
        if !missingRoles.isEmpty { ends.append((.min, .keys(missingRoles))) }
        for role in isWanted ? policy.scheme.roles : [] {
            if let due = succession(role) { ends.append((due, .succession(role, at: due))) }
        }
        return ends.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
