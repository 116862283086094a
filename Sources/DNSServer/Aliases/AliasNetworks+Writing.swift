// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What one thread alone does.
extension AliasNetworks {
    /// Says how the answers of a name differ, and when to look again.
    ///
    /// Only one thread may do so.
    public func publish(
        _ target: Int,
        isIPv4: Bool,
        _ regard: Regard,
        checkAt: Instant
    ) {
        let seconds = UInt64(clamping: checkAt.nanoseconds / 1_000_000_000)
        targets.store(AliasNetworks.place(target, isIPv4), seconds << 2 | regard.rawValue)
    }

    /// Says what holds for a network; nil for nothing any more.
    ///
    /// Only one thread may do so. `isCoarse` is an answer that differs within the network: it is for
    /// askers who state no more of their client. False when all places that it may have are taken.
    @discardableResult
    public func publish(_ key: Key, _ answer: AliasAnswer?, isCoarse: Bool, now: Instant) -> Bool {
        let length = UInt8(clamping: key.network.length)
        guard isOn, (1...64).contains(length) else { return false }
        let isClientIPv4 = key.network.address.isIPv4
        let bits = key.network.address.bits
        let word = AliasNetworks.key(key.target, key.isIPv4, isClientIPv4, length)
        let known = find(word, bits)
        guard let answer else {
            if let known { write(known, word, bits, nil, isCoarse, key.isIPv4, isNew: false) }
            return true
        }
        guard let slot = known ?? free(word, bits, now) else { return false }
        write(slot, word, bits, answer, isCoarse, key.isIPv4, isNew: known == nil)
        let place = AliasNetworks.place(key.target, key.isIPv4) + (isClientIPv4 ? 1 : 2)
        targets.store(place, targets.load(place) | 1 << UInt64(length - 1))
        return true
    }

    private func free(_ key: UInt64, _ bits: UInt128, _ now: Instant) -> Int? {
        var place = home(key, bits)
        for _ in 0..<AliasNetworks.probeLimit {
            let slot = Int(truncatingIfNeeded: place) * Part.count
            if ttl(slot, slots.load(slot + Part.known), now) == nil { return slot }
            place = place + 1 == slotCount ? 0 : place + 1
        }
        return nil
    }

    private func write(
        _ slot: Int,
        _ key: UInt64,
        _ bits: UInt128,
        _ answer: AliasAnswer?,
        _ isCoarse: Bool,
        _ isIPv4: Bool,
        isNew: Bool
    ) {
        let version = slots.load(slot)
        slots.store(slot, version | 1)
        slots.store(slot + Part.key, key)
        slots.store(slot + Part.network, UInt64(truncatingIfNeeded: bits >> 64))
        slots.store(slot + Part.network + 1, UInt64(truncatingIfNeeded: bits))
        if isNew { slots.store(slot + Part.seen, 0) }
        let addresses = (answer?.addresses ?? []).filter { $0.isIPv4 == isIPv4 }
            .prefix(AliasNetworks.capacity(isIPv4))
        var known: UInt64 = 0
        if let answer {
            known = UInt64(answer.staleTTL) << 32 | UInt64(addresses.count) << 1 | 1
            if isCoarse { known |= 1 << 9 }
            slots.store(slot + Part.learned, UInt64(bitPattern: answer.learned.nanoseconds))
            slots.store(slot + Part.fresh, UInt64(bitPattern: answer.freshUntil.nanoseconds))
            slots.store(slot + Part.stale, UInt64(bitPattern: answer.staleUntil.nanoseconds))
        }
        slots.store(slot + Part.known, known)
        for (index, address) in addresses.enumerated() {
            let first = slot + Part.addresses
            if isIPv4 {
                slots.store(first + index, UInt64(truncatingIfNeeded: address.bits))
            } else {
                slots.store(first + index * 2, UInt64(truncatingIfNeeded: address.bits >> 64))
                slots.store(first + index * 2 + 1, UInt64(truncatingIfNeeded: address.bits))
            }
        }
        slots.store(slot, (version | 1) &+ 1)
    }

    /// When the network was last answered from; nil for never, or when it is not there.
    public func seen(_ key: Key) -> Instant? {
        let isClientIPv4 = key.network.address.isIPv4
        let length = UInt8(clamping: key.network.length)
        let word = AliasNetworks.key(key.target, key.isIPv4, isClientIPv4, length)
        guard isOn, let slot = find(word, key.network.address.bits) else { return nil }
        let seen = slots.load(slot + Part.seen)
        return seen == 0 ? nil : Instant(nanoseconds: Int64(bitPattern: seen))
    }
}
