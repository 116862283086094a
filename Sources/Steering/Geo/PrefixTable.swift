// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Values of networks: a partition of all addresses into the largest prefixes with one value.
///
/// An answer that depends on the client's network has to say for which prefix it holds (the SCOPE
/// of EDNS Client Subnet, RFC 7871 §7.2.1), and these prefixes must not overlap. The prefix of a
/// match is the largest on which the value is uniform, so both follow.
///
/// IPv6 addresses that carry an IPv4 address are looked up by that: IPv4-mapped, NAT64, 6to4 and
/// Teredo. Entries for prefixes inside these ranges are not looked at.
public struct PrefixTable: Sendable {
    /// What is known of an address.
    public struct Match: BitwiseCopyable, Sendable, Equatable {
        /// The value of its network.
        public var value: UInt32
        /// Length of the largest prefix round the address on which the value is uniform.
        public var length: UInt8
        /// The same for the coarse key of the value; never longer than ``length``.
        public var coarseLength: UInt8

        /// Joins the parts.
        public init(value: UInt32, length: UInt8, coarseLength: UInt8) {
            self.value = value
            self.length = length
            self.coarseLength = coarseLength
        }
    }

    private var v4: AddressRuns<UInt32>
    // When IPv4 is not uniform, the ranges with IPv4 addresses inside are walls here.
    private var v6: AddressRuns<UInt128>

    /// The table of networks, which may lie in each other: the most specific one counts.
    ///
    /// Addresses in none get `otherwise`; of two entries for one network the later counts.
    public init(_ entries: [(prefix: Prefix, value: UInt32)], otherwise: UInt32) {
        var v4: [NetworkEntry<UInt32>] = []
        var v6: [NetworkEntry<UInt128>] = []
        for (order, entry) in entries.enumerated() {
            let (bits, length) = (entry.prefix.address.bits, entry.prefix.length)
            if entry.prefix.address.isIPv4 {
                let first = UInt32(truncatingIfNeeded: bits)
                v4.append(
                    NetworkEntry(first: first, length: length, value: entry.value, order: order)
                )
            } else {
                v6.append(
                    NetworkEntry(first: bits, length: length, value: entry.value, order: order)
                )
            }
        }
        self.init(
            v4: AddressRuns(v4, otherwise: otherwise),
            v6: AddressRuns(v6, otherwise: otherwise)
        )
    }

    /// The common refinement of tables.
    ///
    /// `combine` gives the value for the values of all tables at one address, in their order; it is
    /// asked once for each combination that occurs. What it makes equal is joined again.
    public init(refining tables: [PrefixTable], combine: ([UInt32]) -> UInt32) {
        self.init(v4: tables.map(\.v4), v6: tables.map(\.v6), combine: combine)
    }

    /// The common refinement of tables, with a coarser one beside it.
    ///
    /// `coarse` maps a value to a key, and `coarseLength` of a match is the length of the largest
    /// prefix on which that key is uniform.
    public init(
        refining tables: [PrefixTable],
        combine: ([UInt32]) -> UInt32,
        coarse: (UInt32) -> UInt32
    ) {
        self.init(refining: tables, combine: combine)
        group(by: coarse)
    }

    /// Runs of the families as they were read; those of IPv6 hide what IPv4 says of their ranges.
    init(v4: AddressRuns<UInt32>, v6: AddressRuns<UInt128>) {
        self.init(v4: [v4], v6: [v6]) { $0[0] }
    }

    private init(
        v4 tables4: [AddressRuns<UInt32>],
        v6 tables6: [AddressRuns<UInt128>],
        combine: ([UInt32]) -> UInt32
    ) {
        var results = TupleResults(count: tables4.count)
        v4 = results.join(tables4, combine)
        v6 = results.join(tables6, around: EmbeddedIPv4.ranges, v4, combine)
    }

    /// What is known of an address; allocates nothing.
    ///
    /// In an IPv6 address that carries an IPv4 address the lengths count from its first bit.
    public func find(_ address: IPAddress) -> Match {
        if address.isIPv4 { return v4.find(UInt32(truncatingIfNeeded: address.bits)) }
        // A uniform IPv4 is one value to the ranges, and may be part of a larger prefix.
        guard v4.count > 1, let inner = EmbeddedIPv4(address.bits) else {
            return v6.find(address.bits)
        }
        var match = v4.find(inner.address)
        match.length &+= inner.offset
        match.coarseLength =
            match.coarseLength == 0
            ? v6.find(address.bits).coarseLength : match.coarseLength &+ inner.offset
        return match
    }

    /// Number of runs of addresses with one value: what the table's memory grows with.
    public var runCount: Int { v4.count + v6.count }

    private mutating func group(by coarse: (UInt32) -> UInt32) {
        var known: [UInt32: UInt32] = [:]
        func key(_ value: UInt32) -> UInt32 {
            if let key = known[value] { return key }
            let key = coarse(value)
            known[value] = key
            return key
        }
        let (values4, values6, starts6) = (v4.values, v6.values, v6.starts)
        v4.group { key(values4[$0]) }
        let hasWalls = v4.count > 1
        let walls = Set(EmbeddedIPv4.ranges.map(\.lowerBound))
        let inner = v4.isCoarselyUniform ? key(values4[0]) : nil
        v6.group { place in
            hasWalls && walls.contains(starts6[place]) ? inner : key(values6[place])
        }
    }
}

extension PrefixTable {
    /// All blocks of the partition: IPv4, then IPv6, each in ascending order.
    ///
    /// The ranges of IPv6 that follow IPv4 are left out when IPv4 has more than one value.
    public var blocks: some Sequence<(prefix: Prefix, value: UInt32)> {
        let walls = v4.count > 1 ? Set(EmbeddedIPv4.ranges.map(\.lowerBound)) : []
        let (v4, v6) = (v4, v6)
        let first = (0..<v4.count).lazy.flatMap { place in
            v4.blocks(at: place).compactMap { block in
                Prefix(IPAddress(v4: block.start), length: block.length)
                    .map { (prefix: $0, value: v4.values[place]) }
            }
        }
        let second = (0..<v6.count).lazy.filter { !walls.contains(v6.starts[$0]) }.flatMap {
            place in
            v6.blocks(at: place).compactMap { block in
                Prefix(IPAddress(v6: block.start), length: block.length)
                    .map { (prefix: $0, value: v6.values[place]) }
            }
        }
        return [AnySequence(first), AnySequence(second)].joined()
    }
}
