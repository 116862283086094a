// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import Steering

/// What names outside are answered with for clients of single networks: written by the control
/// thread, read by workers at every answer of such a name.
///
///     regard    one per name and family: what is known of how its answers differ
///     lengths   two per name and family: which lengths of IPv4 and IPv6 networks are in the table
///     slot      one per network: version, key, network, ends, when it was last answered from,
///               addresses
///     wish      networks that were missed: see ``AliasWishes``
///
/// A network is looked for by the lengths there are, the longest first, a hash each. A writer makes
/// the version of a slot odd while it writes; a reader that sees that, or another version than
/// before, goes on as if the network were unknown. Nobody ever waits for anybody.
public final class AliasNetworks: Sendable {
    /// The most networks at a time.
    public static let networkLimit = 100_000
    /// The TTL, at most, of an answer to a network that a resolver is being asked for, in seconds.
    public static let unknownTTL: UInt32 = 5

    /// What is known of how the answers of a name differ.
    public enum Regard: UInt64, Sendable, Equatable {
        /// Nothing yet.
        case unknown
        /// They are the same for everybody, or the resolver cannot tell.
        case uniform
        /// They differ by networks.
        case networks
    }

    /// One network of one family of a name.
    public struct Key: Sendable, Equatable, Hashable {
        /// The number of the name on the ``AliasBoard``.
        public var target: Int
        /// True for A, false for AAAA.
        public var isIPv4: Bool
        /// The network.
        public var network: Prefix

        /// Joins the parts.
        public init(target: Int, isIPv4: Bool, network: Prefix) {
            self.target = target
            self.isIPv4 = isIPv4
            self.network = network
        }
    }

    // Words of a slot.
    enum Part {
        static let version = 0
        static let key = 1
        static let network = 2
        static let fresh = 4
        static let stale = 5
        static let known = 6
        static let seen = 7
        static let learned = 8
        static let addresses = 9
        static let count = 25
    }

    static let probeLimit = 8
    private static let targetWords = 6

    let limits: AliasNetworkLimits
    /// Networks that were asked for and not found.
    public let wishes: AliasWishes
    let targets: SharedWords
    let slots: SharedWords
    let slotCount: UInt64

    /// A table for so many names, of which nothing is known.
    public init(targets count: Int, limits: AliasNetworkLimits = AliasNetworkLimits()) {
        let networks = count > 0 ? limits.networks : 0
        self.limits = limits
        wishes = AliasWishes(isEmpty: networks == 0)
        targets = SharedWords(count: networks > 0 ? count * AliasNetworks.targetWords : 0)
        // Half full at most: a slot is near its place then.
        slotCount = UInt64(networks > 0 ? networks * 2 : 0)
        slots = SharedWords(count: Int(slotCount) * Part.count)
    }

    /// False when nobody is asked by networks.
    public var isOn: Bool { slotCount > 0 }

    // MARK: Reading

    /// What is known of how the answers of a name differ.
    public func regard(_ target: Int, isIPv4: Bool) -> Regard {
        Regard(rawValue: targets.load(AliasNetworks.place(target, isIPv4)) & 3) ?? .unknown
    }

    /// True when that is to be looked at again.
    func isDue(_ target: Int, isIPv4: Bool, now: Instant) -> Bool {
        let word = targets.load(AliasNetworks.place(target, isIPv4))
        return Int64(bitPattern: word >> 2) <= now.nanoseconds / 1_000_000_000
    }

    /// Answers from the longest network that holds the client; false when there is none.
    func read(
        _ target: Int,
        isIPv4: Bool,
        _ asker: AliasAsker,
        now: Instant,
        marks: Bool,
        into answers: inout AnswerSet
    ) -> Bool {
        var lengths = lengths(target, isIPv4, asker)
        while let length = AliasNetworks.takeLongest(of: &lengths) {
            let bits = asker.bits(length)
            let key = AliasNetworks.key(target, isIPv4, asker.address.isIPv4, length)
            guard let slot = find(key, bits),
                copy(slot, key, bits, isIPv4, asker, now, into: &answers)
            else { continue }
            if marks { mark(slot, now) }
            return true
        }
        return false
    }

    /// How old what is known of the client's network is, and for how long it holds; nil for nothing.
    func age(
        _ target: Int,
        isIPv4: Bool,
        _ asker: AliasAsker,
        now: Instant
    ) -> (age: Interval, left: Interval)? {
        var lengths = lengths(target, isIPv4, asker)
        while let length = AliasNetworks.takeLongest(of: &lengths) {
            let key = AliasNetworks.key(target, isIPv4, asker.address.isIPv4, length)
            guard let slot = find(key, asker.bits(length)), isUsable(slot, length, asker),
                ttl(slot, slots.load(slot + Part.known), now) != nil
            else { continue }
            let learned = Instant(nanoseconds: Int64(bitPattern: slots.load(slot + Part.learned)))
            let fresh = Instant(nanoseconds: Int64(bitPattern: slots.load(slot + Part.fresh)))
            return (now - learned, fresh - now)
        }
        return nil
    }

    // Which lengths the client's network may have here: length n is bit n - 1.
    private func lengths(_ target: Int, _ isIPv4: Bool, _ asker: AliasAsker) -> UInt64 {
        let place = AliasNetworks.place(target, isIPv4) &+ (asker.address.isIPv4 ? 1 : 2)
        return targets.load(place) & AliasNetworks.lengths(upTo: asker.length)
    }

    private static func takeLongest(of lengths: inout UInt64) -> UInt8? {
        guard lengths != 0 else { return nil }
        let length = UInt8(truncatingIfNeeded: 64 &- lengths.leadingZeroBitCount)
        lengths ^= 1 << UInt64(length &- 1)
        return length
    }

    // An answer that differs within its network is for those who say no more of theirs.
    private func isUsable(_ slot: Int, _ length: UInt8, _ asker: AliasAsker) -> Bool {
        let isCoarse = slots.load(slot &+ Part.known) >> 9 & 1 == 1
        return !isCoarse || asker.length == length
    }

    func find(_ key: UInt64, _ bits: UInt128) -> Int? {
        var place = home(key, bits)
        for _ in 0..<AliasNetworks.probeLimit {
            let slot = Int(truncatingIfNeeded: place) &* Part.count
            if slots.load(slot &+ Part.key) == key, holds(slot, bits) { return slot }
            place = place &+ 1 == slotCount ? 0 : place &+ 1
        }
        return nil
    }

    private func holds(_ slot: Int, _ bits: UInt128) -> Bool {
        slots.load(slot &+ Part.network) == UInt64(truncatingIfNeeded: bits >> 64)
            && slots.load(slot &+ Part.network &+ 1) == UInt64(truncatingIfNeeded: bits)
    }

    private func copy(
        _ slot: Int,
        _ key: UInt64,
        _ bits: UInt128,
        _ isIPv4: Bool,
        _ asker: AliasAsker,
        _ now: Instant,
        into answers: inout AnswerSet
    ) -> Bool {
        let version = slots.load(slot)
        let known = slots.load(slot &+ Part.known)
        let length = UInt8(truncatingIfNeeded: key & 0x7f)
        guard version & 1 == 0, isUsable(slot, length, asker), let ttl = ttl(slot, known, now)
        else { return false }
        let count = Int(truncatingIfNeeded: known >> 1 & 0xff)
        answers.settle(
            count == 0 ? .noData : .addresses,
            ttl: ttl,
            isStale: Instant(nanoseconds: Int64(bitPattern: slots.load(slot &+ Part.fresh))) <= now
        )
        let first = slot &+ Part.addresses
        for index in 0..<min(count, AliasNetworks.capacity(isIPv4)) {
            answers.add(address(first, index, isIPv4))
        }
        answers.hold(scope: length &+ asker.offset)
        return slots.load(slot) == version && slots.load(slot &+ Part.key) == key
            && holds(slot, bits)
    }

    private func address(_ first: Int, _ index: Int, _ isIPv4: Bool) -> IPAddress {
        guard !isIPv4 else {
            return IPAddress(v4: UInt32(truncatingIfNeeded: slots.load(first &+ index)))
        }
        let high = UInt128(slots.load(first &+ index &* 2))
        return IPAddress(v6: high << 64 | UInt128(slots.load(first &+ index &* 2 &+ 1)))
    }

    func ttl(_ slot: Int, _ known: UInt64, _ now: Instant) -> UInt32? {
        guard known & 1 == 1 else { return nil }
        let fresh = Instant(nanoseconds: Int64(bitPattern: slots.load(slot &+ Part.fresh)))
        if now < fresh { return UInt32(clamping: (fresh - now).nanoseconds / 1_000_000_000) }
        let stale = Instant(nanoseconds: Int64(bitPattern: slots.load(slot &+ Part.stale)))
        return now < stale ? UInt32(truncatingIfNeeded: known >> 32) : nil
    }

    // Once a second at most: workers share the word.
    private func mark(_ slot: Int, _ now: Instant) {
        let seen = Int64(bitPattern: slots.load(slot &+ Part.seen))
        guard now.nanoseconds &- seen >= 1_000_000_000 else { return }
        slots.store(slot &+ Part.seen, UInt64(bitPattern: now.nanoseconds))
    }

    // MARK: Places

    // As many of IPv6 take the room of twice as many of IPv4.
    static func capacity(_ isIPv4: Bool) -> Int { isIPv4 ? 16 : 8 }

    static func place(_ target: Int, _ isIPv4: Bool) -> Int {
        (target &* 2 &+ (isIPv4 ? 0 : 1)) &* 3
    }

    private static func lengths(upTo length: UInt8) -> UInt64 {
        length >= 64 ? .max : (1 << UInt64(length)) &- 1
    }

    // Never 0, which a slot without a network has.
    static func key(
        _ target: Int,
        _ isIPv4: Bool,
        _ isClientIPv4: Bool,
        _ length: UInt8
    ) -> UInt64 {
        let families: UInt64 = (isIPv4 ? 1 << 8 : 0) | (isClientIPv4 ? 1 << 9 : 0)
        return 1 << 63 | UInt64(truncatingIfNeeded: target) << 16 | families | UInt64(length)
    }

    func home(_ key: UInt64, _ bits: UInt128) -> UInt64 {
        var hash = limits.key ^ key
        for word in [UInt64(truncatingIfNeeded: bits >> 64), UInt64(truncatingIfNeeded: bits)] {
            hash = Hash.mix(hash ^ word)
        }
        return slotCount == 0 ? 0 : hash.multipliedFullWidth(by: slotCount).high
    }
}
