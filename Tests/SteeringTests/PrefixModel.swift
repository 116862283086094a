// SPDX-License-Identifier: Apache-2.0
import Essentials

/// Networks as a plain list: slow, right by its looks, and what ``PrefixTable`` is held against.
struct PrefixModel {
    private var find: (IPAddress) -> UInt32 = { _ in 0 }
    /// Where the value may change, with the value there: the ends of all networks.
    private var changes4: [(at: UInt128, value: UInt32)] = []
    private var changes6: [(at: UInt128, value: UInt32)] = []

    /// The ranges with an IPv4 address inside, the place of its first bit, and whether it is
    /// inverted.
    static let ranges: [(prefix: Prefix, offset: Int, inverted: Bool)] = [
        ("::ffff:0:0/96", 96, false), ("64:ff9b::/96", 96, false), ("2002::/16", 16, false),
        ("2001::/32", 96, true),
    ].compactMap { text, offset, inverted in Prefix(text).map { ($0, offset, inverted) } }

    init(_ entries: [(prefix: Prefix, value: UInt32)], otherwise: UInt32) {
        find = { address in
            var best = (length: -1, value: otherwise)
            for entry in entries where entry.prefix.contains(address) {
                if entry.prefix.length >= best.length { best = (entry.prefix.length, entry.value) }
            }
            return best.value
        }
        var ends: Set<UInt128> = [0]
        for entry in entries where entry.prefix.address.isIPv4 {
            ends.formUnion(Self.ends(entry.prefix).filter { $0 < 1 << 32 })
        }
        changes4 = ends.sorted().map { ($0, find(Self.address($0, isIPv4: true))) }
        ends = [0]
        for prefix in entries.map(\.prefix) + Self.ranges.map(\.prefix)
        where !prefix.address.isIPv4 {
            ends.formUnion(Self.ends(prefix))
        }
        changes6 = ends.sorted().map { ($0, find(Self.address($0, isIPv4: false))) }
    }

    /// Several lists as one, with the combination of their values.
    init(joining models: [PrefixModel], _ combine: @escaping ([UInt32]) -> UInt32) {
        let find = { (address: IPAddress) in combine(models.map { $0.find(address) }) }
        self.find = find
        changes4 = Set(models.flatMap { $0.changes4.map(\.at) }).sorted().map {
            ($0, find(Self.address($0, isIPv4: true)))
        }
        changes6 = Set(models.flatMap { $0.changes6.map(\.at) }).sorted().map {
            ($0, find(Self.address($0, isIPv4: false)))
        }
    }

    /// The value of the longest prefix that holds an address, or the address inside it.
    func value(_ address: IPAddress) -> UInt32 {
        guard let range = Self.ranges.first(where: { $0.prefix.contains(address) }) else {
            return find(address)
        }
        let bits = UInt32(truncatingIfNeeded: address.bits >> UInt128(96 - range.offset))
        return find(IPAddress(v4: range.inverted ? ~bits : bits))
    }

    /// All values that addresses of a prefix have.
    func values(in prefix: Prefix) -> Set<UInt32> {
        if prefix.address.isIPv4 { return values(changes4, in: prefix) }
        for range in Self.ranges where range.prefix.contains(prefix.address) {
            guard prefix.length > range.prefix.length else { break }
            let length = max(prefix.length - range.offset, 0)
            let bits = UInt32(
                truncatingIfNeeded: prefix.address.bits >> UInt128(96 - range.offset)
            )
            let inner = Prefix(IPAddress(v4: range.inverted ? ~bits : bits), length: length)
            return inner.map { values(changes4, in: $0) } ?? []
        }
        let inside = Self.ranges.filter { prefix.contains($0.prefix.address) }
        let own = changes6.filter { change in
            !inside.contains { $0.prefix.contains(IPAddress(v6: change.at)) }
        }
        var found = values(own, in: prefix)
        if !inside.isEmpty { found.formUnion(changes4.map(\.value)) }
        return found
    }

    private func values(_ changes: [(at: UInt128, value: UInt32)], in prefix: Prefix)
        -> Set<UInt32>
    {
        let isIPv4 = prefix.address.isIPv4
        var found = Set(
            changes.filter { prefix.contains(Self.address($0.at, isIPv4: isIPv4)) }.map(\.value)
        )
        found.insert(value(prefix.address))
        return found
    }

    private static func address(_ bits: UInt128, isIPv4: Bool) -> IPAddress {
        isIPv4 ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits)
    }

    /// The first address, and the one behind the last when there is one.
    private static func ends(_ prefix: Prefix) -> [UInt128] {
        let first = prefix.address.bits
        let free = prefix.address.bitWidth - prefix.length
        let size: UInt128 = free == 128 ? 0 : 1 << UInt128(free)
        let (next, overflow) = first.addingReportingOverflow(size)
        return overflow || next == 0 ? [first] : [first, next]
    }
}

extension PrefixModel {
    /// Networks that lie in each other and beside each other, with few values.
    static func random(_ random: inout SeededRandom, count: Int, values: UInt32, v4: Bool = true)
        -> [(prefix: Prefix, value: UInt32)]
    {
        var prefixes: [Prefix] = []
        while prefixes.count < count {
            let isIPv4 = v4 && random.next(below: 2) == 0
            let width = isIPv4 ? 32 : 128
            var bits = UInt128(random.next()) << 64 | UInt128(random.next())
            var length = Int(random.next(below: UInt32(width))) + 1
            let near = prefixes.randomElement(using: &random)
            if let near, near.address.isIPv4 == isIPv4, random.next(below: 4) > 0 {
                // Inside, round or beside one that is there.
                length = min(max(near.length + Int(random.next(below: 9)) - 3, 0), width)
                let mask: UInt128 = .max >> UInt128(128 - width + near.length)
                let step: UInt128 = 1 << UInt128(width - max(near.length, 1))
                bits = near.address.bits | (bits & mask)
                if random.next(below: 3) == 0 { bits ^= step }
            } else if !isIPv4, random.next(below: 3) > 0 {
                bits = bits >> 3 | 1 << 125
                length = min(length, 64)
            }
            let ip = address(bits, isIPv4: isIPv4)
            if let prefix = Prefix(ip, length: length) { prefixes.append(prefix) }
        }
        return prefixes.map { ($0, random.next(below: values)) }
    }

    /// Addresses at the ends of the networks, a little beside them, within them, and the same
    /// inside IPv6 addresses.
    func probes(_ random: inout SeededRandom) -> [IPAddress] {
        var found: [IPAddress] = []
        for (changes, isIPv4) in [(changes4, true), (changes6, false)] {
            for change in changes {
                for bits in [change.at, change.at &- 1, change.at &+ UInt128(random.next() >> 40)] {
                    found.append(Self.address(bits, isIPv4: isIPv4))
                }
            }
        }
        let inner = found.filter(\.isIPv4)
        for address in inner {
            let range = Self.ranges[Int(random.next(below: 4))]
            let bits = range.inverted ? ~address.bits & 0xffff_ffff : address.bits
            let noise = UInt128(random.next() >> 16)
            let outer = bits << UInt128(96 - range.offset)
            found.append(
                IPAddress(
                    v6: range.prefix.address.bits | outer
                        | (range.offset == 16 ? noise : range.inverted ? noise << 40 : 0)
                )
            )
        }
        return found
    }
}
