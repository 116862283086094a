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
    /// Records that no policy can be made of, or not as they say.
    var faults: [String] = []
    private var checkedNames: Set<String> = []

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
                for entry in try DynamicSet(set).entries { try add(entry, key.owner, probe) }
            } catch {
                faults.append("\(key.owner) LUA: \(error.message): the name has no addresses")
            }
        }
    }

    private mutating func add(
        _ entry: DynamicSet.Entry,
        _ owner: DomainName,
        _ probe: String?
    ) throws(DynamicFault) {
        guard policies.count < DynamicPolicies.limit else {
            throw DynamicFault("more than \(DynamicPolicies.limit) names are steered")
        }
        var policy = try entry.record.rules.policy(probe: probe)
        let checked = checkedNames.union(policy.checkedNames)
        if checked.count > SteerAssembly.checkedNameLimit {
            policy = try entry.record.rules.policy(probe: nil)
            faults.append(
                "\(owner) LUA: more than \(SteerAssembly.checkedNameLimit) names would be checked: "
                    + "the targets of this one count as up"
            )
        } else {
            checkedNames = checked
        }
        policies.append(
            SteerSettings(
                dynamic: DynamicRecord.policyName(owner, entry.record.answers),
                policy: policy,
                ttl: .seconds(Int64(entry.ttl))
            )
        )
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
