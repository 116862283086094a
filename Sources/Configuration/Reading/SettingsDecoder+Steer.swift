// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    func steer(_ section: Section) -> SteerSettings? {
        let policy = policy(section, probe: nil, hasWeight: false)
        let settings = SteerSettings(
            name: section.name,
            policy: policy ?? .failover([]),
            allDown: section.word("all-down", AllDownAnswer.all),
            ttl: section.interval("ttl"),
            minTTL: section.optionalInterval("min-ttl")
        )
        if let least = settings.minTTL, least > settings.ttl {
            section.fault(
                .wrongOrder,
                "min-ttl",
                "`min-ttl` \(least) is above `ttl` \(settings.ttl)"
            )
        }
        return policy == nil ? nil : settings
    }

    /// A mapping that is exactly one kind of policy.
    private func policy(
        _ section: Section,
        probe outer: String?,
        hasWeight: Bool
    ) -> PolicySettings? {
        let given = Schema.policyKinds.filter(section.has)
        guard given.count == 1, let kind = given.first else {
            if given.count > 1 {
                section.fault(
                    .excludingKeys,
                    given[1],
                    "a policy has one kind, here are `\(given.joined(separator: "` and `"))`"
                )
            } else {
                section.report(
                    .missingKey,
                    section.nameRange,
                    "\(section.title) needs a kind of policy",
                    "one of " + Schema.policyKinds.joined(separator: ", ")
                )
            }
            return nil
        }
        if section.has("weight"), !hasWeight {
            section.fault(
                .keyWithoutOther,
                "weight",
                "`weight` belongs to members of a `weighted` list"
            )
        }
        let isReference = kind == "pool" || kind == "steer"
        if isReference, section.has("probe") {
            section.fault(
                .excludingKeys,
                "probe",
                "`probe` is for plain addresses, not for a `\(kind)`"
            )
        }
        let probe = section.text("probe") ?? outer
        return policy(section, kind, probe)
    }

    private func policy(_ section: Section, _ kind: String, _ probe: String?) -> PolicySettings? {
        switch kind {
        case "address":
            guard let address = section.address(kind) else { return nil }
            checkPort(section, probe)
            return .address(address, probe: probe)
        case "pool": return section.text(kind).map(PolicySettings.pool)
        case "steer": return section.text(kind).map(PolicySettings.steer)
        case "round-robin": return members(section, kind, probe).map(PolicySettings.roundRobin)
        case "failover": return members(section, kind, probe).map(PolicySettings.failover)
        default: return weighted(section, probe).map(PolicySettings.weighted)
        }
    }

    /// A list whose members are addresses or policies.
    private func members(
        _ section: Section,
        _ key: String,
        _ probe: String?
    ) -> [PolicySettings]? {
        guard let nodes = list(section, key) else { return nil }
        return nodes.enumerated().compactMap { index, node in
            member(section, "\(key)[\(index)]", node, probe, hasWeight: false)?.policy
        }
    }

    private func list(_ section: Section, _ key: String) -> [YAMLNode]? {
        consume(key)
        guard let node = section.entries[key]?.value else { return nil }
        guard case .sequence(let nodes) = node.content else {
            section.fault(.wrongKind, key, "`\(key)` must be a list, not \(node.kind)")
            return nil
        }
        guard !nodes.isEmpty else {
            section.fault(.emptyPolicy, key, "`\(key)` of \(section.title) has no members")
            return nil
        }
        return nodes
    }

    private func member(
        _ section: Section,
        _ place: String,
        _ node: YAMLNode,
        _ probe: String?,
        hasWeight: Bool
    ) -> WeightedPolicySettings? {
        if case .mapping = node.content {
            let inner = section.policy(at: place, node)
            let policy = policy(inner, probe: probe, hasWeight: hasWeight)
            let weight = hasWeight ? inner.integer("weight") : 1
            return policy.map { WeightedPolicySettings(weight: weight, policy: $0) }
        }
        guard let value = section.read(node, .address, key: place), case .address(let ip) = value
        else { return nil }
        section.keep(place, value)
        checkPort(section, probe)
        return WeightedPolicySettings(weight: 1, policy: .address(ip, probe: probe))
    }

    // MARK: Weights

    private func weighted(_ section: Section, _ probe: String?) -> [WeightedPolicySettings]? {
        let members: [WeightedPolicySettings]
        if case .mapping(let entries)? = section.entries["weighted"]?.value.content {
            consume("weighted")
            members = weights(section, entries, probe)
            if entries.isEmpty {
                section.fault(
                    .emptyPolicy,
                    "weighted",
                    "`weighted` of \(section.title) has no members"
                )
            }
        } else {
            guard let nodes = list(section, "weighted") else { return nil }
            members = nodes.enumerated().compactMap { index, node in
                member(section, "weighted[\(index)]", node, probe, hasWeight: true)
            }
        }
        if !members.isEmpty, members.allSatisfy({ $0.weight == 0 }) {
            section.fault(
                .allWeightsZero,
                "weighted",
                "every member has weight 0",
                "none is ever answered"
            )
        }
        return members
    }

    private func weights(
        _ section: Section,
        _ entries: [YAMLEntry],
        _ probe: String?
    ) -> [WeightedPolicySettings] {
        guard let option = reading.schema.option("\(Schema.policy).weight") else { return [] }
        reading.consume(option)
        var seen: [IPAddress: Int] = [:]
        checkPort(section, probe)
        return entries.compactMap { entry in
            let key = "weighted.\(entry.key)"
            guard let ip = IPAddress(entry.key) else {
                section.report(
                    .notAddress,
                    entry.keyRange,
                    key: key,
                    "`\(entry.key)` is no IP address",
                    "for pools and policies use a list: `- { pool: NAME, weight: 1 }`"
                )
                return nil
            }
            if let first = seen.updateValue(entry.keyRange.start.line, forKey: ip) {
                section.report(
                    .duplicateKey,
                    entry.keyRange,
                    key: key,
                    "`\(ip)` is given twice",
                    "it stands in line \(first) already"
                )
                return nil
            }
            guard let value = section.read(entry.value, option.type, key: key),
                case .integer(let weight) = value
            else { return nil }
            section.keep(key, value)
            return WeightedPolicySettings(weight: weight, policy: .address(ip, probe: probe))
        }
    }

    private func consume(_ key: String) {
        if let option = reading.schema.option("\(Schema.policy).\(key)") { reading.consume(option) }
    }

    /// A plain address has no port of its own: its probe must bring one.
    ///
    /// Noted here and judged once all probes are known.
    private func checkPort(_ section: Section, _ probe: String?) {
        guard let probe else { return }
        reading.addressProbes.append(
            Reading.AddressProbe(name: probe, range: section.nameRange, option: section.path)
        )
    }
}
