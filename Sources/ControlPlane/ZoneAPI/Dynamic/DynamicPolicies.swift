// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// The policies that dynamic records of the store stand for.
struct DynamicPolicies {
    /// Names that are steered by records of the store, of all zones.
    static let limit = 2000

    var policies: [SteerSettings] = []
    /// Records that no policy can be made of: their names have no addresses.
    var faults: [String] = []

    init(_ overlays: ZoneOverlays, _ settings: Settings) {
        let stored = overlays.zones.values.filter { zone in
            zone.kind != .transferred && zone.sets.keys.contains { $0.type == DynamicRecord.type }
        }
        guard !stored.isEmpty else { return }
        let wanted = Set(stored.map { "\($0.name)" })
        let configured = Dictionary(
            settings.zones.filter { wanted.contains($0.name) }.map { ($0.name, $0) }
        ) { first, _ in first }
        for zone in stored.sorted(by: { "\($0.name)" < "\($1.name)" }) {
            let isServed =
                configured["\(zone.name)"].map { overlays.stored($0, zone.name) != nil }
                ?? (zone.kind == .made)
            if isServed { add(zone, probe: settings.zoneAPI.probe) }
        }
    }

    private mutating func add(_ zone: StoredZone, probe: String?) {
        let names = zone.sets.filter { $0.key.type == DynamicRecord.type }
        for (key, set) in names.sorted(by: { "\($0.key.owner)" < "\($1.key.owner)" }) {
            guard let set else { continue }
            do throws(DynamicFault) {
                guard set.data.count == 1 else {
                    throw DynamicFault("\(set.data.count) records of type LUA at one name")
                }
                guard policies.count < DynamicPolicies.limit else {
                    throw DynamicFault("more than \(DynamicPolicies.limit) names are steered")
                }
                let record = try DynamicRecord(data: set.data[0])
                policies.append(
                    SteerSettings(
                        dynamic: DynamicRecord.policyName(key.owner),
                        policy: try record.rules.policy(probe: probe),
                        ttl: .seconds(Int64(set.ttl))
                    )
                )
            } catch {
                faults.append("\(key.owner) LUA: \(error.message): the name has no addresses")
            }
        }
    }
}

extension LoadedConfiguration {
    /// The same with the policies of dynamic records.
    func withDynamic(_ overlays: ZoneOverlays) -> LoadedConfiguration {
        let found = DynamicPolicies(overlays, settings).policies
        let present = settings.steer.filter(\.isDynamic)
        return found == present ? self : steering(settings.steer.filter { !$0.isDynamic } + found)
    }
}
