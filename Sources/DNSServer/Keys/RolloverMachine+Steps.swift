// SPDX-License-Identifier: Apache-2.0

/// The steps from the keys there are to those that are wanted.
extension RolloverMachine {
    /// Takes every step that can be taken now.
    mutating func advance() {
        // Each round takes a step of some key; nothing goes back within one moment.
        for _ in 0..<(8 + 8 * keys.count) {
            keySets.forget(clock, hurried: isHurried)
            signers.forget(clock, hurried: isHurried)
            parents.forget(clock, hurried: isHurried)
            retireAged()
            let wanted = wanted
            markTimes(wanted)
            guard missingRoles.isEmpty else { break }
            guard
                sign(wanted) || publish(wanted) || submit(wanted) || withdraw(wanted)
                    || stopSigning(wanted)
            else { break }
        }
        markTimes(wanted)
        markDead()
        // Nothing is left to be asked of the parent, nor to sign it with.
        if !isWanted, keySets.current.isEmpty, awaited.isEmpty { submitted = nil }
    }

    /// Margins are left out while a key that others may have is still of any use to them.
    var isHurried: Bool {
        keys.contains { $0.isCompromised && (isUsed($0.id) || isRemembered($0.id)) }
    }

    /// Has wanted keys sign the zone: at once with a new algorithm, else in place of the former.
    private mutating func sign(_ wanted: Set<Int>) -> Bool {
        for id in keys.map(\.id) where wanted.contains(id) && !signers.current.contains(id) {
            guard let key = key(id), key.key.role.signsZone else { continue }
            let others = signers.current.filter { algorithm($0) != key.key.algorithm }
            let proposal = others.union([id])
            guard fits(signers: proposal) else { continue }
            signers.replace(by: proposal, ttl: policy.timing.zoneTTL)
            return true
        }
        return false
    }

    private mutating func publish(_ wanted: Set<Int>) -> Bool {
        let proposal = keySets.current.union(wanted)
        guard proposal != keySets.current, fits(keySets: proposal) else { return false }
        keySets.replace(by: proposal, ttl: policy.timing.keyTTL)
        return true
    }

    /// Asks the parent for the DS set of the wanted keys, once any of its answers would fit.
    private mutating func submit(_ wanted: Set<Int>) -> Bool {
        let target = Set(wanted.filter { key($0)?.key.role.signsKeys == true })
        guard submitted != target, !target.isEmpty || submitted != nil,
            target.isSubset(of: keySets.current), fits(parents: futures(with: target))
        else { return false }
        submitted = target
        if parents.current == target, awaited.isEmpty {
            awaitedSince = nil
        } else {
            awaited.insert(target)
            awaitedSince = clock
        }
        return true
    }

    /// Takes keys that are not wanted out of the DNSKEY set: those of an algorithm together.
    private mutating func withdraw(_ wanted: Set<Int>) -> Bool {
        for proposal in removals(from: keySets.current, wanted) where fits(keySets: proposal) {
            keySets.replace(by: proposal, ttl: policy.timing.keyTTL)
            return true
        }
        return false
    }

    private mutating func stopSigning(_ wanted: Set<Int>) -> Bool {
        for proposal in removals(from: signers.current, wanted) where fits(signers: proposal) {
            signers.replace(by: proposal, ttl: policy.timing.zoneTTL)
            return true
        }
        return false
    }

    /// What may be left: without all that is not wanted, without that of one algorithm, of one key.
    private func removals(from current: Set<Int>, _ wanted: Set<Int>) -> [Set<Int>] {
        let surplus = current.subtracting(wanted)
        guard !surplus.isEmpty else { return [] }
        let algorithms = Set(surplus.compactMap(algorithm)).sorted()
        let groups = algorithms.map { number in surplus.filter { algorithm($0) == number } }
        return [current.subtracting(surplus)] + groups.map { current.subtracting($0) }
            + surplus.sorted().map { current.subtracting([$0]) }
    }
}

/// The rule of the chain of trust.
extension RolloverMachine {
    /// True when everything that caches may hold after a step fits together.
    ///
    /// What is broken already, for the loss of a key or by the parent, forbids no step that does
    /// not make it worse.
    func fits(
        keySets newKeys: Set<Int>? = nil,
        signers newSigners: Set<Int>? = nil,
        parents newParents: Set<Set<Int>> = []
    ) -> Bool {
        let keySetsHeld = newKeys.map { [$0] } ?? keySets.possible
        let signersHeld = newSigners.map { [$0] } ?? signers.possible
        let parentsHeld = newParents.isEmpty ? possibleParents : newParents
        for parent in parentsHeld {
            for keySet in keySetsHeld {
                for signer in signersHeld where !isChain(parent, keySet, signer) {
                    let before = isChain(
                        newParents.isEmpty ? parent : parents.current,
                        newKeys == nil ? keySet : keySets.current,
                        newSigners == nil ? signer : signers.current
                    )
                    if before { return false }
                }
            }
        }
        return true
    }

    /// Whatever DS set a cache may hold, or get.
    var possibleParents: Set<Set<Int>> {
        awaited.reduce(into: parents.possible) { all, set in
            all.formUnion(futures(with: set))
        }
    }

    /// A parent may go from one DS set to another at once, or have both for a while.
    private func futures(with target: Set<Int>) -> Set<Set<Int>> {
        guard !target.isEmpty else { return [target] }
        return [target, target.union(parents.current)]
    }

    /// True when a DS set, a DNSKEY set and a set signed by `signers` make a chain for the
    /// strictest of validators, which insists on every algorithm it is told of.
    ///
    /// RFC 4035 §2.2: each algorithm of the DS set signs the DNSKEY set, and each of the DNSKEY
    /// set signs it and the zone.
    func isChain(_ parent: Set<Int>, _ keySet: Set<Int>, _ signers: Set<Int>) -> Bool {
        // Without a DS the zone is insecure: nothing is checked.
        guard !parent.isEmpty else { return true }
        let trusted = parent.intersection(keySet).filter { key($0)?.key.role.signsKeys == true }
        guard Set(parent.map(algorithm)) == Set(trusted.map(algorithm)) else { return false }
        let signing = signers.intersection(keySet)
        let heads = keySet.filter { key($0)?.key.role.signsKeys == true }
        let stated = Set(keySet.map(algorithm))
        return stated == Set(heads.map(algorithm)) && stated == Set(signing.map(algorithm))
    }

    func key(_ id: Int) -> RolloverKey? { keys.first { $0.id == id } }

    func algorithm(_ id: Int) -> UInt8? { key(id)?.key.algorithm }
}
