// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The regions of several branches, asked whether all of another region is in them.
struct RegionCover {
    private var owners: [RegionSettings: Int] = [:]
    private var networks: [OwnedNetwork] = []

    init(_ branches: [(regions: [RegionSettings], number: Int)]) {
        for (regions, number) in branches {
            for region in regions {
                owners[region.key] = owners[region.key] ?? number
                if case .network(let prefix) = region {
                    networks.append(OwnedNetwork(prefix: prefix, branch: number))
                }
            }
        }
        networks.sort()
    }

    /// The branches that a region is in, as far as names tell; nil when a part of it may be left.
    func branches(for region: RegionSettings) -> Set<Int>? {
        if let owner = owners[region.key] { return [owner] }
        if let owner = RegionCover.around(region).lazy.compactMap({ owners[$0] }).first {
            return [owner]
        }
        guard case .network(let prefix) = region else { return nil }
        let outer = OwnedNetwork(prefix: prefix, branch: -1)
        var (low, high) = (0, networks.count)
        while low < high {
            let middle = low + (high - low) / 2
            if networks[middle] < outer { low = middle + 1 } else { high = middle }
        }
        return OwnedNetwork.covering(outer, in: networks[low...])
    }

    /// The regions that all of a region is in.
    private static func around(_ region: RegionSettings) -> [RegionSettings] {
        switch region {
        case .continent, .city, .asn, .country("EU"): return []
        case .country(let code):
            let continent = Country.find(code).map { RegionSettings.continent($0.continent) }
            let union: [RegionSettings] =
                Country.europeanUnion.contains(code) ? [.country("EU")] : []
            return union + (continent.map { [$0] } ?? [])
        case .subdivision(let code):
            let country = RegionSettings.country(String(code.prefix(2)))
            return [country] + around(country)
        case .network(let prefix):
            return (0..<prefix.length).reversed().compactMap { length in
                Prefix(prefix.address, length: length).map(RegionSettings.network)
            }
        }
    }
}
