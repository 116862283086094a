// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering

/// Policies of a service in three regions: by network, then the first site that is up, then by
/// weight; every fourth site is down, so that health decides.
struct SteeredNames {
    static let policies = 100
    static let names = 10_000
    private static let sites = 3
    private static let members = 4

    let health = HealthTable(
        capacity: SteeredNames.policies * SteeredNames.sites * 2 * SteeredNames.members
    )

    func definitions() -> [SteerDefinition] {
        (0..<SteeredNames.policies).map { policy in
            let branches = (0..<SteeredNames.sites).map { site -> SteerBranch in
                let first = (policy * SteeredNames.sites + site) * 2
                return SteerBranch(.failover([weighted(first), weighted(first + 1)]))
            }
            let table = RegionBuilder(.empty).geo([
                SteeredNames.networks("10.0.0.0/10", "10.200.0.0/16"),
                SteeredNames.networks("10.64.0.0/10", "192.0.2.0/24"),
                [],
            ])
            return SteerDefinition(
                name: "p\(policy)",
                policy: SteerPolicy(.regional(branches, table))
            )
        }
    }

    private static func networks(_ texts: String...) -> [GeoRegion] {
        texts.compactMap { Prefix($0).map { .network($0) } }
    }

    private func weighted(_ number: Int) -> SteerPolicy {
        let isDown = number % 4 == 0
        return .weighted(
            (0..<SteeredNames.members).map { member in
                let slot = number * SteeredNames.members + member
                health.publish(slot, HealthWord(health: isDown ? .down : .up, secondsToChange: 6))
                let address = IPAddress(v4: 0x0a00_0000 | UInt32(slot))
                return SteerBranch(
                    .address(SteerMember(name: "m\(slot)", slot: slot, address: address)),
                    weight: UInt32(member + 1) * 10
                )
            }
        )
    }
}

/// Runs a DNS door with 10,000 steered names on a counted thread; returns its port.
func startSteered(isSigned: Bool = false, stop: Stop) throws -> UInt16 {
    let text = "$ORIGIN bench.test.\n$TTL 300\n@ SOA ns1 root 1 3600 600 86400 60\n@ NS ns1\n"
    guard let apex = DomainName("bench.test.") else { return 0 }
    var builder = ZoneTableBuilder()
    builder.beginZone(apex)
    builder.read(ZoneFileReader(Array((text + "ns1 A 192.0.2.1\n").utf8), file: "b", origin: apex))
    for number in 0..<SteeredNames.names {
        guard let owner = DomainName("h\(number).bench.test.") else { continue }
        builder.steer(owner: owner, ttl: 30, policy: number % SteeredNames.policies)
    }
    guard let zones = builder.build().table else { return 0 }
    let names = SteeredNames()
    let steer = SteerTable(names.definitions(), health: names.health)
    return try serveDNS(
        zones,
        steer,
        endpoints: names.health.capacity,
        isSigned: isSigned,
        stop
    )
}
