// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Regions of one branch, told apart so that many of them are quickly compared with many others.
struct RegionGroup {
    let regions: [RegionSettings]
    private let named: Set<RegionSettings>
    private let networks: NetworkGroup
    private let systems: Int
    private let cities: Int
    private let countries: [RegionSettings]

    init(_ regions: [RegionSettings]) {
        self.regions = regions
        named = Set(regions.map(\.key))
        networks = NetworkGroup(
            regions.compactMap { if case .network(let prefix) = $0 { prefix } else { nil } }
        )
        systems = regions.count { if case .asn = $0 { true } else { false } }
        cities = regions.count { if case .city = $0 { true } else { false } }
        countries = regions.filter { region in
            switch region {
            case .continent, .country, .subdivision: true
            case .network, .asn, .city: false
            }
        }
    }

    /// True when somebody may be in one of them and in the other region, as far as names tell.
    func meets(_ other: RegionSettings) -> Bool {
        switch other {
        case .network(let prefix):
            return networks.count < regions.count || networks.meets(prefix)
        case .asn: return systems < regions.count || named.contains(other)
        case .city: return cities < regions.count || named.contains(other.key)
        case .continent, .country, .subdivision:
            return countries.count < regions.count || countries.contains { !$0.excludes(other) }
        }
    }
}

extension RegionGroup: CustomStringConvertible {
    /// The first few of them.
    var description: String {
        regions.prefix(4).map(\.description).joined(separator: ", ")
            + (regions.count > 4 ? ", ..." : "")
    }
}

/// Networks, in order.
struct NetworkGroup {
    private let sorted: [OwnedNetwork]
    private let exact: Set<Prefix>

    init(_ prefixes: [Prefix]) {
        sorted = prefixes.map { OwnedNetwork(prefix: $0, branch: 0) }.sorted()
        exact = Set(prefixes)
    }

    var count: Int { sorted.count }

    /// True when one of them is in the network, or the network in one of them.
    func meets(_ prefix: Prefix) -> Bool {
        guard !sorted.isEmpty else { return false }
        for length in 0...prefix.length {
            guard let outer = Prefix(prefix.address, length: length) else { continue }
            if exact.contains(outer) { return true }
        }
        let key = OwnedNetwork(prefix: prefix, branch: 0)
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = low + (high - low) / 2
            if sorted[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && prefix.contains(sorted[low].prefix.address)
    }
}

/// A network and the branch that it is for; outer ones come before those inside.
struct OwnedNetwork: Comparable {
    var prefix: Prefix
    var branch: Int

    static func < (one: Self, other: Self) -> Bool {
        let (a, b) = (one.prefix, other.prefix)
        if a.address.isIPv4 != b.address.isIPv4 { return a.address.isIPv4 }
        if a.address.bits != b.address.bits { return a.address.bits < b.address.bits }
        return a.length != b.length ? a.length < b.length : one.branch < other.branch
    }

    private var last: UInt128 {
        let free = UInt128(prefix.address.bitWidth) - UInt128(prefix.length)
        return prefix.address.bits | (free >= 128 ? .max : (UInt128(1) << free) - 1)
    }

    /// The other branches whose networks make up all of this one; nil when a part is left.
    ///
    /// `rest` is in order, and begins with what is inside.
    static func covering(_ outer: Self, in rest: ArraySlice<Self>) -> Set<Int>? {
        var branches: Set<Int> = []
        var next = outer.prefix.address.bits
        for inner in rest {
            // Seen to first: thousands of neighbours of one branch are passed by their first.
            guard outer.prefix.contains(inner.prefix.address) else { return nil }
            guard inner.branch != outer.branch else { continue }
            guard inner.prefix.address.bits <= next else { return nil }
            let last = inner.last
            // Inside one that was counted already.
            guard last >= next else { continue }
            branches.insert(inner.branch)
            if last >= outer.last { return branches }
            next = last + 1
        }
        return nil
    }
}
