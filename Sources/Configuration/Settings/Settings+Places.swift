// SPDX-License-Identifier: Apache-2.0

/// A policy with rules that nothing it is told can ever meet.
public struct UnplacedPolicy: Sendable, Equatable {
    /// The key under `steer`.
    public var name: String
    /// It asks where clients are, and no source says so.
    public var missesPlaces: Bool
    /// It asks for autonomous systems, and no source says which.
    public var missesSystems: Bool
}

extension Settings {
    /// Policies that ask for places or autonomous systems of which `geo` knows none.
    public var unplacedPolicies: [UnplacedPolicy] {
        let hasPlaces = geo.database != nil || geo.networks.contains(where: \.hasPlace)
        let hasSystems = geo.asn != nil || geo.networks.contains { $0.asn != nil }
        guard !hasPlaces || !hasSystems else { return [] }
        return steer.compactMap { steer in
            let asks = steer.policy.asks
            let found = UnplacedPolicy(
                name: steer.name,
                missesPlaces: asks.places && !hasPlaces,
                missesSystems: asks.systems && !hasSystems
            )
            return found.missesPlaces || found.missesSystems ? found : nil
        }
    }
}

extension PolicySettings {
    /// What has to be known of clients; policies that it names are not looked into.
    var asks: (places: Bool, systems: Bool) {
        var asks = (places: false, systems: false)
        if case .proximity = kind { asks.places = true }
        for branch in kind.branches {
            for region in branch.regions {
                switch region {
                case .network: continue
                case .asn: asks.systems = true
                case .continent, .country, .subdivision, .city: asks.places = true
                }
            }
            let below = branch.policy.asks
            asks = (asks.places || below.places, asks.systems || below.systems)
        }
        return asks
    }
}
