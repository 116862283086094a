// SPDX-License-Identifier: Apache-2.0

/// Replaces the keys of one zone without any resolver ever seeing a broken chain of trust.
///
/// Pure: events and the time in, actions out. RFC 7583 writes one timeline for each kind of
/// rollover. They all follow from one rule, which is what this machine goes by:
///
///     A resolver holds some DS set, some DNSKEY set and some signed set, each from its own
///     moment. A step is taken as soon as all of these that can be held afterwards fit together.
///
/// It keeps what caches may hold of the three (``CacheHistory``), and tries the next steps towards
/// the keys that the policy wants. For a ZSK that is pre-publication (§3.2.1):
///
///     DNSKEY   old │ old new             │ old new              │ new
///     signed   by old                    │ by new               │ by new
///                  └ TTLkey + Dprp (Ipub)┘└ TTLsig + Dprp (Iret)┘
///
/// for a KSK the double-KSK method (§3.3.1), with the CDS set as the order to the parent:
///
///     DNSKEY   old │ old new (both sign) │                 │                      │ new
///     CDS      old                       │ new
///     DS       old                                         │ new
///                  └ TTLkey + Dprp (Ipub)┘└ the parent acts┘└ TTLds + DprpP (Iret)┘
///
/// for a CSK both at once, and for another algorithm the conservative order of RFC 6781 §4.1.4:
/// signatures, DNSKEY, DS, and back. Whatever comes in between, another policy or the way back,
/// changes what is wanted, and the rule holds all the same.
public struct RolloverMachine: Sendable, Equatable {
    /// Something that has happened.
    public enum Event: Sendable, Equatable {
        /// Time has passed.
        case time
        /// A policy is in force: another one or the same. Without `signed`, the DS is to be taken
        /// back, and then all signatures (RFC 8078 §4).
        case policy(KeyPolicy, signed: Bool)
        /// A key was made and lies on disk.
        case made(NewKey)
        /// The present state is what is served, and nothing else.
        case applied
        /// The parent gives out a DS set made of these keys, by their numbers, and maybe others.
        ///
        /// That it refers to none of them counts only once the CDS set asks for that: a resolver
        /// that is wrong must not end a rollover, for a zone without DS would need no key.
        case parentHolds(Set<Int>)
        /// An operator says that the parent has what the CDS set asks for.
        case parentDone
        /// Replace the key of a role; `urgent` when others may have it.
        case roll(KeyRole, urgent: Bool)
        /// The file of a dead key is gone.
        case discarded(Int)
    }

    /// Something to be done, in this order.
    public enum Action: Sendable, Equatable {
        /// Make a key, keep it safely, and tell by ``Event/made(_:)``.
        case make(KeyRole, algorithm: UInt8)
        /// Save the state, serve by it, and tell by ``Event/applied``.
        case serve
        /// Remove the file of a key, and tell by ``Event/discarded(_:)``.
        case discard(Int)
        /// The order cannot be carried out.
        case refuse(Refusal)
    }

    /// Why an order is refused.
    public enum Refusal: String, Sendable, Equatable {
        /// The policy has no key of the role.
        case noSuchRole
        /// A rollover of the role is under way.
        case underWay
        /// Nothing is expected of the parent.
        case nothingAwaited
    }

    /// What is wanted in the end.
    public internal(set) var policy: KeyPolicy
    /// False once the zone is to become unsigned.
    public internal(set) var isWanted = true
    /// The keys that anything may remember, oldest first.
    public internal(set) var keys: [RolloverKey] = []
    /// Keys that were in use and are gone, oldest first: a file that comes back from a copy is not
    /// taken up again.
    public internal(set) var buried: [NewKey] = []
    /// The DNSKEY sets, by the numbers of their keys.
    var keySets: CacheHistory<Set<Int>>
    /// The keys that sign the zone.
    var signers: CacheHistory<Set<Int>>
    /// The DS sets as far as they were seen.
    var parents: CacheHistory<Set<Int>>
    /// What the CDS set asks for; nil before there is one, empty for the deletion of the DS set.
    public internal(set) var submitted: Set<Int>?
    /// What the parent may have done by now without having been seen.
    var awaited: Set<Set<Int>> = []
    /// Since when the parent is waited for.
    public internal(set) var awaitedSince: Int64?
    /// The latest time it was told; a clock set back does not make waits longer or shorter.
    public internal(set) var clock: Int64
    var nextNumber = 1

    /// A zone that was not signed so far.
    public init(_ policy: KeyPolicy, now: Int64) {
        self.policy = policy
        clock = now
        keySets = CacheHistory([], ttl: policy.timing.keyTTL)
        signers = CacheHistory([], ttl: policy.timing.zoneTTL)
        parents = CacheHistory([], ttl: policy.timing.parentTTL)
    }

    /// A zone that is signed by these keys already, elsewhere or by a state that is lost.
    ///
    /// All of them stay in use until enough time has passed for whatever was served before.
    public init(_ policy: KeyPolicy, adopting found: [NewKey], now: Int64) {
        self.init(policy, now: now)
        for key in found { add(key) }
        let all = Set(keys.map(\.id))
        let heads = Set(keys.filter(\.key.role.signsKeys).map(\.id))
        let zone = Set(keys.filter(\.key.role.signsZone).map(\.id))
        keySets.current = all
        signers.current = zone
        submitted = heads
        // Which of them the parent refers to is not known: each may be it.
        awaited = Set(heads.map { [$0] } + [heads])
        awaitedSince = now
        for index in keys.indices {
            (keys[index].published, keys[index].active) = (now, now)
        }
    }

    /// Takes an event, and says what is to be done; `now` in seconds since 1970.
    public mutating func handle(_ event: Event, now: Int64) -> [Action] {
        clock = max(clock, now)
        let before = picture
        var actions: [Action] = []
        switch event {
        case .time: break
        case .policy(let policy, let signed):
            isWanted = signed
            adopt(policy)
        case .made(let key): take(key)
        case .applied: settle()
        case .parentHolds(let set): see(set)
        case .parentDone:
            if let submitted, !awaited.isEmpty {
                see(submitted)
            } else {
                actions.append(.refuse(.nothingAwaited))
            }
        case .roll(let role, let urgent):
            if let refusal = roll(role, urgent: urgent) { actions.append(.refuse(refusal)) }
        case .discarded(let id): bury(id)
        }
        advance()
        if picture != before { actions.append(.serve) }
        for role in missingRoles { actions.append(.make(role, algorithm: policy.algorithm)) }
        for key in keys where key.isDead { actions.append(.discard(key.id)) }
        return actions
    }

    /// Ends the times of what is no longer served.
    private mutating func settle() {
        let timing = policy.timing
        keySets.settle(clock, reach: timing.propagation, margin: timing.publishSafety)
        signers.settle(clock, reach: timing.propagation, margin: timing.retireSafety)
    }

    /// As many keys as are remembered once they are gone.
    static let burialLimit = 256

    private mutating func bury(_ id: Int) {
        guard let index = keys.firstIndex(where: { $0.id == id && $0.isDead }) else { return }
        buried.append(keys.remove(at: index).key)
        if buried.count > Self.burialLimit { buried.removeFirst() }
    }

    private mutating func take(_ key: NewKey) {
        guard missingRoles.contains(key.role), key.algorithm == policy.algorithm,
            !buried.contains(key),
            !keys.contains(where: { $0.key.tag == key.tag && $0.key.algorithm == key.algorithm })
        else { return }
        add(key)
    }

    private mutating func add(_ key: NewKey) {
        keys.append(RolloverKey(id: nextNumber, key: key, created: clock))
        nextNumber += 1
    }

    private mutating func adopt(_ policy: KeyPolicy) {
        self.policy = policy
        let timing = policy.timing
        keySets.replace(by: keySets.current, ttl: timing.keyTTL)
        signers.replace(by: signers.current, ttl: timing.zoneTTL)
        // The parent's TTL is what it is: a length that was wrong is wrong for what was seen too.
        parents.ttl = max(parents.ttl, timing.parentTTL)
    }

    /// Takes what the parent gives out now.
    private mutating func see(_ set: Set<Int>) {
        let timing = policy.timing
        let known = set.intersection(keys.map(\.id))
        guard !known.isEmpty || submitted == [] else { return }
        parents.replace(by: known, ttl: timing.parentTTL)
        if known == submitted {
            // What was asked for earlier may have been there in between.
            for former in awaited where former != known {
                parents.replace(by: former, ttl: timing.parentTTL)
            }
            parents.replace(by: known, ttl: timing.parentTTL)
            awaited = []
            awaitedSince = nil
        }
        parents.settle(clock, reach: timing.parentPropagation, margin: timing.retireSafety)
    }

    private mutating func roll(_ role: KeyRole, urgent: Bool) -> Refusal? {
        guard isWanted, policy.scheme.roles.contains(role) else { return .noSuchRole }
        let isUnderWay = !isSettled(role)
        if isUnderWay, !urgent { return .underWay }
        if urgent {
            for index in keys.indices where keys[index].key.role == role {
                // While a successor is on its way, it is the predecessor that is to go at once.
                guard !isUnderWay || !wanted.contains(keys[index].id) else { continue }
                keys[index].isCompromised = true
            }
        }
        guard !isUnderWay else { return nil }
        for index in keys.indices
        where wanted.contains(keys[index].id) && keys[index].key.role == role {
            keys[index].isRetired = true
        }
        return nil
    }
}

/// What a server gives out of the keys of a zone.
public struct KeyPicture: Sendable, Equatable {
    /// The keys in the DNSKEY set.
    public var published: Set<Int>
    /// The keys that sign the zone.
    public var signing: Set<Int>
    /// The keys in the CDS and CDNSKEY sets; empty for their deletion form, nil for no such set.
    public var submitted: Set<Int>?
    /// The TTL of the DNSKEY set.
    public var ttl: Int64
}

extension RolloverMachine {
    /// What is to be given out now.
    public var picture: KeyPicture {
        KeyPicture(
            published: keySets.current,
            signing: signers.current,
            submitted: submitted,
            ttl: policy.timing.keyTTL
        )
    }
}
