// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A part of the world or of the address space, as a branch of a policy names it.
public enum GeoRegion: Hashable, Sendable {
    /// A continent by the two letters of databases.
    case continent(String)
    /// A country by ISO 3166-1 alpha-2; `EU` for the member states of the European Union.
    case country(String)
    /// A part of a country by ISO 3166-2.
    case subdivision(String)
    /// A city by its English name; capitals make no difference.
    case city(String)
    /// An autonomous system.
    case system(UInt32)
    /// A network.
    case network(Prefix)
}

/// Where a branch is, and how its distance counts.
public struct GeoTarget: Sendable, Hashable {
    /// Where it is.
    public var point: GeoPoint
    /// See ``GeoPoint/biased(_:bias:)``.
    public var bias: Int

    /// Joins the parts.
    public init(_ point: GeoPoint, bias: Int = 0) {
        self.point = point
        self.bias = bias
    }
}

/// Makes the tables of geographic policies from what is known of networks.
public struct RegionBuilder: Sendable {
    let locations: LocationTable

    /// A builder on this picture of the world.
    public init(_ locations: LocationTable) { self.locations = locations }

    // MARK: By region

    /// The table for branches that are each for some regions; one without regions is for everybody.
    ///
    /// A client's chain: the branches of its networks, longest prefix first; of its autonomous
    /// system, city, subdivision, country, the European Union, continent; and those for everybody.
    /// Of two branches for one region the first counts.
    public func geo(
        _ branches: [[GeoRegion]],
        keeps: [Bool] = [],
        labels: [String] = []
    ) -> RegionTable {
        let index = RegionIndex(branches)
        let networks = RegionNetworks(branches)
        var chains = ChainStore()
        var sources = [networks.table]
        let placed = sources.count
        if index.needsLocations { sources.append(locations.networks) }
        let numbered = sources.count
        if index.needsSystems, let systems = locations.systems { sources.append(systems) }
        let table = PrefixTable(
            refining: sources,
            combine: { values in
                var chain = networks.chains[Int(values[0])]
                if numbered < values.count { chain += index.branches(system: values[numbered]) }
                if placed < numbered {
                    let place = Int(values[placed])
                    let known = locations.locations.indices.contains(place)
                    chain += index.branches(of: known ? locations.locations[place] : .unknown)
                }
                return chains.number(of: chain + index.everywhere)
            },
            coarse: { _ in 0 }
        )
        return RegionTable(
            word: "geo",
            table: RegionBuilder.grouped(table, chains),
            chains: chains.all,
            keeps: keeps,
            labels: labels,
            unknown: unknown(places: index.needsLocations, systems: index.needsSystems)
        )
    }

    // What policies ask of clients and no source of ours tells.
    private func unknown(places: Bool, systems: Bool) -> String {
        let missesPlaces = places && locations.locations.count < 2
        let missesSystems = systems && locations.systems == nil
        guard missesPlaces || missesSystems else { return "" }
        return "nothing tells "
            + (missesPlaces ? "where clients are" : "the autonomous systems of clients")
    }

    // MARK: By distance

    /// The table for branches that are each somewhere: the nearest first.
    ///
    /// Clients whose place is not known get the order of the list.
    public func proximity(_ targets: [GeoTarget], labels: [String] = []) -> RegionTable {
        var chains = ChainStore()
        let table = PrefixTable(
            refining: [locations.networks],
            combine: { values in
                let place = Int(values[0])
                let known = locations.locations.indices.contains(place)
                let point = known ? locations.locations[place].approximatePoint : nil
                return chains.number(of: RegionBuilder.order(targets, from: point))
            },
            coarse: { _ in 0 }
        )
        return RegionTable(
            word: "proximity",
            table: RegionBuilder.grouped(table, chains),
            chains: chains.all,
            keeps: [],
            labels: labels,
            unknown: unknown(places: true, systems: false),
            targets: targets
        )
    }

    static func order(_ targets: [GeoTarget], from point: GeoPoint?) -> [Int] {
        guard let point else { return Array(targets.indices) }
        let distances = targets.map {
            GeoPoint.biased(point.distance(to: $0.point), bias: $0.bias)
        }
        return targets.indices.sorted {
            distances[$0] != distances[$1] ? distances[$0] < distances[$1] : $0 < $1
        }
    }

    // The coarse key is known only when all chains are: the first branch of each.
    static func grouped(_ table: PrefixTable, _ chains: ChainStore) -> PrefixTable {
        let firsts = chains.all.map { $0.first.map { UInt32($0) + 1 } ?? 0 }
        return PrefixTable(
            refining: [table],
            combine: { $0[0] },
            coarse: { Int($0) < firsts.count ? firsts[Int($0)] : 0 }
        )
    }
}

/// Chains of branches, each kept once.
struct ChainStore {
    private(set) var all: [[Int]] = []
    private var numbers: [[Int]: UInt32] = [:]

    /// The number of a chain, in which only the first place of each branch counts.
    mutating func number(of chain: [Int]) -> UInt32 {
        var seen: Set<Int> = []
        let chain = chain.filter { seen.insert($0).inserted }
        if let known = numbers[chain] { return known }
        let number = UInt32(clamping: all.count)
        numbers[chain] = number
        all.append(chain)
        return number
    }
}

/// Which branches are for which regions of the world.
struct RegionIndex {
    private var owners: [GeoRegion: Int] = [:]
    /// Branches for everybody.
    private(set) var everywhere: [Int] = []
    private(set) var needsLocations = false
    private(set) var needsSystems = false
    private var needsCities = false

    init(_ branches: [[GeoRegion]]) {
        for (number, regions) in branches.enumerated() {
            if regions.isEmpty { everywhere.append(number) }
            for region in regions {
                switch region {
                case .network: continue
                case .system: needsSystems = true
                case .city(let name):
                    (needsLocations, needsCities) = (true, true)
                    let key = GeoRegion.city(name.lowercased())
                    owners[key] = owners[key] ?? number
                    continue
                default: needsLocations = true
                }
                owners[region] = owners[region] ?? number
            }
        }
    }

    func branches(system number: UInt32) -> [Int] {
        number == 0 ? [] : owners[.system(number)].map { [$0] } ?? []
    }

    func branches(of location: Location) -> [Int] {
        var regions: [GeoRegion] = []
        if needsCities, let city = location.city { regions.append(.city(city.lowercased())) }
        if let subdivision = location.subdivision { regions.append(.subdivision(subdivision)) }
        if let country = location.country { regions.append(.country(country)) }
        if location.isInEuropeanUnion { regions.append(.country("EU")) }
        if let continent = location.continent { regions.append(.continent(continent)) }
        return regions.compactMap { owners[$0] }
    }
}

/// Which branches are for which networks; networks may lie in each other.
struct RegionNetworks {
    /// The number of the chain for each address; 0 for the empty one.
    let table: PrefixTable
    let chains: [[Int]]

    init(_ branches: [[GeoRegion]]) {
        var owned: [(prefix: Prefix, branch: Int)] = []
        for (number, regions) in branches.enumerated() {
            for case .network(let prefix) in regions { owned.append((prefix, number)) }
        }
        // Wider networks come before those inside, so that a stack holds the ones around.
        owned.sort { one, other in
            let (a, b) = (one.prefix, other.prefix)
            if a.address.isIPv4 != b.address.isIPv4 { return a.address.isIPv4 }
            if a.address.bits != b.address.bits { return a.address.bits < b.address.bits }
            return a.length != b.length ? a.length < b.length : one.branch > other.branch
        }
        var chains: [[Int]] = [[]]
        var entries: [(prefix: Prefix, value: UInt32)] = []
        var around: [(prefix: Prefix, chain: [Int])] = []
        for (prefix, branch) in owned {
            while let last = around.last,
                last.prefix.length > prefix.length || !last.prefix.contains(prefix.address)
            {
                around.removeLast()
            }
            let chain = [branch] + (around.last?.chain ?? [])
            around.append((prefix, chain))
            entries.append((prefix, UInt32(clamping: chains.count)))
            chains.append(chain)
        }
        self.chains = chains
        table = PrefixTable(entries, otherwise: 0)
    }
}
