// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// One zone whose answers are signed: its machine, and the keys in hand.
struct KeptZone: Sendable {
    /// What was last heard of the parent.
    enum Parent: Sendable, Equatable {
        /// Nothing yet.
        case notAsked
        /// It refers to the keys of these tags, and so many of its DS records to no key known here.
        case seen(tags: [UInt16], strangers: Int)
        /// It could not be asked, and why.
        case unknown(String)
    }

    var plan: KeyPlan
    var machine: RolloverMachine
    /// The private keys by the numbers of the machine.
    var keys: [Int: SigningKey] = [:]
    var parent = Parent.notAsked
    /// When the parent, or the file that is followed, is looked at next.
    var nextLook: Int64?
    /// When what could not be written is tried again.
    var retryAt: Int64?
    /// What is to be served has changed since it was last told to be.
    var mustApply = false
    /// The state was made from the keys that were found.
    var isRebuilt = false
    /// The state, or a former one, lies on disk.
    var isOnDisk = false
    /// What the followed file was when it was read.
    var stamp: Int64 = 0
    /// When it was last said that the parent is waited for.
    var remindedAt = Int64.min / 2
    var faultTold: String?
    /// Since when the clock is far behind the one that the state was written by.
    var behindSince: Int64?
    /// Keys that were made and are not yet in the machine's hands.
    private var fresh: [NewKey: SigningKey] = [:]

    init(_ plan: KeyPlan, _ found: KeyStore.Found, store: KeyStore, now: Int64) {
        self.plan = plan
        if let state = found.state,
            let machine = RolloverMachine(json: state, policy: plan.policy)
        {
            self.machine = machine
            isOnDisk = true
        } else if found.hasState || !found.keys.isEmpty {
            isRebuilt = true
            let keys = found.keys.keys.sorted { $0.name < $1.name }
                .compactMap { file in found.keys[file].map { file.newKey($0) } }
            machine = RolloverMachine(plan.policy, adopting: keys, now: now)
        } else {
            machine = RolloverMachine(plan.policy, now: now)
        }
        if plan.follows {
            stamp = File.stamp("\(store.folder(plan.zone))/\(KeyStore.stateName)")
        }
        nextLook = plan.source != nil || plan.follows ? now : nil
        take(machine, found.keys)
    }

    /// Takes a state, and the keys that belong to it.
    mutating func take(_ machine: RolloverMachine, _ found: [KeyFile: SigningKey]) {
        self.machine = machine
        var keys: [Int: SigningKey] = [:]
        for key in machine.keys {
            let known = self.keys[key.id].flatMap { $0.publicKey == key.key.publicKey ? $0 : nil }
            let file = found[KeyFile(key.key)]
            keys[key.id] = known ?? file.flatMap { $0.publicKey == key.key.publicKey ? $0 : nil }
        }
        self.keys = keys
    }

    /// The keys whose files are missing, or no use.
    var missing: [RolloverKey] {
        machine.keys.filter { !$0.isDead && keys[$0.id] == nil }
    }

    /// True when everything that is to be signed can be.
    var isServable: Bool { machine.canServe(with: Set(keys.keys)) }

    /// True while another server's state is waited for: a zone without keys is no unsigned one.
    var awaitsLeader: Bool { plan.follows && !isOnDisk }

    var nextDeadline: Int64? {
        // What could not be written is not written sooner for being due.
        if let retryAt { return retryAt }
        let change = mustApply || plan.follows ? nil : machine.nextChange
        let trust = behindSince.map { $0 + KeyKeeper.clockPatience }
        // Without anybody to ask, a look that is due would stay due for ever.
        let look = plan.source != nil || plan.follows ? nextLook : nil
        return [change, look, trust].compactMap(\.self).min()
    }

    /// Makes a key, or takes one that was brought into the folder, or that a crash has left there.
    mutating func make(
        _ role: KeyRole,
        _ algorithm: UInt8,
        _ store: KeyStore
    ) throws(KeyStore.Fault) -> NewKey {
        let known = Set(machine.keys.map { KeyFile($0.key) })
        let stored = store.load(plan.zone)
        let spare = stored.keys.filter { file, key in
            stored.own.contains(file) && file.role == role && file.algorithm == algorithm
                && !known.contains(file)
                // One that has served its time may be in other hands, and caches may know it.
                && !machine.buried.contains(file.newKey(key))
                && !machine.keys.contains { $0.key.tag == file.tag }
        }
        let found = spare.min { $0.key.tag < $1.key.tag }
        let others = machine.buried + Array(fresh.keys)
        let tags = Set(machine.keys.map(\.key.tag) + others.map(\.tag))
        let (file, key): (KeyFile, SigningKey)
        if let found {
            (file, key) = (found.key, found.value)
        } else {
            (file, key) = try store.make(role, algorithm, zone: plan.zone, avoiding: tags)
        }
        let new = file.newKey(key)
        fresh[new] = key
        return new
    }

    /// Gives keys that were made the numbers that the machine has given them.
    mutating func takeMade() {
        for key in machine.keys where keys[key.id] == nil {
            if let made = fresh[key.key] { keys[key.id] = made }
        }
        fresh = [:]
    }

    /// What answers are signed with now; nil when nothing is to be signed, or cannot be.
    func inForce(
        denial: DenialMethod,
        lifetime: UInt32,
        refresh: UInt32
    ) -> ZoneKeys? {
        let picture = machine.picture
        guard !awaitsLeader else { return nil }
        guard !picture.published.isEmpty || !picture.signing.isEmpty, isServable else { return nil }
        let listed = machine.keys.compactMap { key -> ZoneKey? in
            guard let secret = keys[key.id] else { return nil }
            let isPublished = picture.published.contains(key.id)
            return ZoneKey(
                secret,
                flags: key.key.role.flags,
                isPublished: isPublished,
                signsKeys: isPublished && key.key.role.signsKeys,
                signsZone: picture.signing.contains(key.id),
                isInCDS: picture.submitted?.contains(key.id) ?? false
            )
        }.filter { $0.isPublished || $0.signsZone }
        var zone = ZoneKeys(
            keys: listed,
            denial: denial,
            lifetime: lifetime,
            refresh: refresh,
            keyTTL: UInt32(clamping: picture.ttl)
        )
        zone.endsDelegation = picture.submitted == []
        return zone
    }

    /// The keys that DS records refer to.
    func match(
        _ records: [[UInt8]],
        _ apex: DomainName
    ) -> (ids: Set<Int>, tags: [UInt16], strangers: Int) {
        var ids: Set<Int> = []
        var known: Set<[UInt8]> = []
        for key in machine.keys where key.key.role.signsKeys {
            let digests = KeptZone.delegations(key.key, apex)
            let found = digests.filter { records.contains($0) }
            if !found.isEmpty { ids.insert(key.id) }
            known.formUnion(found)
        }
        let tags = machine.keys.filter { ids.contains($0.id) }.map(\.key.tag)
        return (ids, tags, records.count { !known.contains($0) })
    }

    /// The DS records that a key can have, the recommended first.
    static func delegations(_ key: NewKey, _ apex: DomainName) -> [[UInt8]] {
        let head = [UInt8(key.role.flags >> 8), UInt8(key.role.flags & 255), 3, key.algorithm]
        let data = head + key.publicKey
        return [DelegationDigest.sha256, .sha384, .sha1].map { digest in
            [UInt8(key.tag >> 8), UInt8(key.tag & 255), key.algorithm, digest.rawValue]
                + digest.digest(apex.lowercased.wire + data)
        }
    }
}
