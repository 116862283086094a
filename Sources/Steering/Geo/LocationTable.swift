// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Where networks are: an immutable value that policies are compiled against.
public struct LocationTable: Sendable {
    /// All places; the first one is ``Location/unknown``.
    public let locations: [Location]
    /// The number of the place of each network; 0 for unknown.
    public let networks: PrefixTable
    /// The number of the autonomous system of each network; 0 for unknown.
    ///
    /// Nil when there is no source for it.
    public let systems: PrefixTable?

    /// A table of networks whose values are places in `locations`.
    ///
    /// The first of `locations` has to be ``Location/unknown``. A value without a place is unknown.
    public init(locations: [Location], networks: PrefixTable, systems: PrefixTable? = nil) {
        self.locations = locations.isEmpty ? [.unknown] : locations
        self.networks = networks
        self.systems = systems
    }

    /// Nothing is known of any network.
    public static let empty = LocationTable(
        locations: [.unknown],
        networks: PrefixTable([], otherwise: 0)
    )

    /// Where an address is, for explanations and tests; policies use ``networks``.
    public func find(_ address: IPAddress) -> Location {
        let value = Int(networks.find(address).value)
        return locations.indices.contains(value) ? locations[value] : .unknown
    }

    /// The number of an address's autonomous system; 0 when it is unknown.
    public func system(_ address: IPAddress) -> UInt32 { systems?.find(address).value ?? 0 }
}
