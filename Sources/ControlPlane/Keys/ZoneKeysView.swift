// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// What there is to see of the keys of one zone.
struct ZoneKeysView: Sendable {
    var zone: String
    var plan: KeyPlan
    var machine: RolloverMachine
    var missing: Set<Int>
    var parent: KeptZone.Parent
    var isServable: Bool

    init(_ kept: KeptZone) {
        zone = kept.plan.zone
        plan = kept.plan
        machine = kept.machine
        missing = Set(kept.missing.map(\.id))
        parent = kept.parent
        isServable = kept.isServable
    }

    /// The DS records for the parent, as they stand in its zone file.
    var delegations: [String] {
        guard let apex = DomainName(zone) else { return [] }
        return machine.keys.filter { key in
            key.key.role.signsKeys && machine.wanted.contains(key.id)
        }.compactMap { key in
            KeptZone.delegations(key.key, apex).first.map { data in
                let digest = data.dropFirst(4).map { byte in
                    (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
                }.joined()
                return "\(zone) IN DS \(key.key.tag) \(key.key.algorithm) 2 \(digest)"
            }
        }
    }

    var json: JSONValue {
        let waits = machine.waits
        return [
            "zone": .string(zone),
            "standing": .string(machine.standing.rawValue),
            "scheme": .string(plan.policy.scheme.rawValue),
            "algorithm": .string(NewKey.mnemonic(plan.policy.algorithm)),
            "follows": .bool(plan.follows),
            "servable": .bool(isServable),
            "keys": .array(machine.keys.map(json)),
            "ds": .array(delegations.map { .string($0) }),
            "submitted": submitted,
            "awaitsParent": .bool(machine.awaitsParent),
            "parent": parentJSON,
            "nextChange": machine.nextChange.map { .string(ZoneKeysView.time($0)) } ?? .null,
            "waits": .array(waits.map { .string(words($0)) }),
        ]
    }

    private var submitted: JSONValue {
        guard let ids = machine.submitted else { return .null }
        let tags = machine.keys.filter { ids.contains($0.id) }.map(\.key.tag)
        return ids.isEmpty ? "delete" : .array(tags.map { .integer(Int64($0)) })
    }

    private var parentJSON: JSONValue {
        switch parent {
        case .notAsked: .null
        case .unknown(let reason): ["problem": .string(reason)]
        case .seen(let tags, let strangers):
            [
                "keys": .array(tags.map { .integer(Int64($0)) }),
                "strangers": .integer(Int64(strangers)),
            ]
        }
    }

    private func json(_ key: RolloverKey) -> JSONValue {
        func time(_ time: Int64?) -> JSONValue {
            time.map { .string(ZoneKeysView.time($0)) } ?? .null
        }
        return [
            "tag": .integer(Int64(key.key.tag)),
            "role": .string(key.key.role.rawValue),
            "algorithm": .string(NewKey.mnemonic(key.key.algorithm)),
            "state": .string(machine.state(of: key).rawValue),
            "isWanted": .bool(machine.wanted.contains(key.id)),
            "isCompromised": .bool(key.isCompromised),
            "file": .string(KeyFile(key.key).name),
            "hasFile": .bool(!missing.contains(key.id)),
            "created": time(key.created),
            "published": time(key.published),
            "active": time(key.active),
            "retired": time(key.retired),
            "withdrawn": time(key.withdrawn),
        ]
    }

    /// Why nothing happens until then.
    private func words(_ wait: KeyWait) -> String {
        switch wait {
        case .signatures(let until):
            "until \(ZoneKeysView.time(until)) caches may have answers signed otherwise"
        case .keySet(let until):
            "until \(ZoneKeysView.time(until)) caches may have the former DNSKEY set"
        case .parentCaches(let until):
            "until \(ZoneKeysView.time(until)) caches may have the former DS set"
        case .parent(let since):
            "since \(ZoneKeysView.time(since)) the parent is expected to take over the DS set"
        case .keys(let roles):
            "keys are to be made: \(roles.map { $0.rawValue.uppercased() }.joined(separator: ", "))"
        case .succession(let role, let at):
            "the \(role.rawValue.uppercased()) is replaced from \(ZoneKeysView.time(at)) on"
        }
    }

    static func time(_ seconds: Int64) -> String {
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? "never" : "\(WallTime(nanoseconds: nanoseconds))"
    }
}

extension ControlView {
    /// What there is to see of the keys of signed zones, by name.
    var zoneKeys: [ZoneKeysView] {
        keptKeys.values.map { ZoneKeysView($0) }.sorted { $0.zone < $1.zone }
    }
}
