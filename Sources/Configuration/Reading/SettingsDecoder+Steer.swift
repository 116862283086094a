// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// Policies inside each other within one name: those who follow them recurse once per level.
    private static var nestingLimit: Int { 16 }

    func steer(_ section: Section) -> SteerSettings? {
        let policy = policy(section, PolicyPlace())
        let settings = SteerSettings(
            name: section.name,
            policy: policy ?? PolicySettings(.failover([])),
            ttl: section.interval("ttl"),
            minTTL: section.optionalInterval("min-ttl"),
            failoverWithin: section.optionalInterval("failover-within"),
            settle: section.interval("settle"),
            settleMost: section.interval("settle-most")
        )
        if settings.settle > settings.settleMost {
            section.fault(
                .wrongOrder,
                "settle-most",
                "`settle-most` \(settings.settleMost) is below `settle` \(settings.settle)"
            )
        }
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
    func policy(_ section: Section, _ place: PolicyPlace) -> PolicySettings? {
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
        guard place.depth < Self.nestingLimit else {
            section.fault(
                .policyTooDeep,
                kind,
                "policies stand inside each other more than \(Self.nestingLimit) deep",
                "give one of them a name of its own under `steer`"
            )
            return nil
        }
        checkMisplaced(section, place)
        let isReference = kind == "pool" || kind == "steer"
        if isReference, section.has("probe") {
            section.fault(
                .excludingKeys,
                "probe",
                "`probe` is for plain addresses, not for a `\(kind)`"
            )
        }
        let probe = section.text("probe") ?? place.probe
        let inner = PolicyPlace(probe: probe, parent: kind, depth: place.depth + 1)
        guard let kind = self.kind(section, kind, inner) else { return nil }
        let policy = rules(section, kind, isTop: place.depth == 0)
        if !kind.branches.isEmpty || policy.fallback != nil {
            reading.policies.append((section, policy))
        }
        return policy
    }

    private func rules(
        _ section: Section,
        _ kind: PolicySettings.Kind,
        isTop: Bool
    ) -> PolicySettings {
        var policy = PolicySettings(kind)
        policy.allDown = section.text("all-down").flatMap(AllDownAnswer.init(rawValue:))
        policy.fallback = section.text("fallback")
        if policy.allDown != nil, policy.fallback != nil {
            section.fault(
                .excludingKeys,
                "fallback",
                "`fallback` and `all-down` both say what is answered when nothing is healthy"
            )
        }
        policy.minimumUp = section.integer("minimum-up")
        policy.minimumUpShare = section.percentage("minimum-up-share")
        policy.answers = section.integer("answers")
        policy.isMultiple = section.bool("multiple")
        policy.sticky = section.text("sticky").flatMap(PolicySettings.Sticky.init(rawValue:))
        policy.hold = section.interval("hold")
        if case .weighted(let branches) = kind {
            changes(section, branches, isTop: isTop, into: &policy)
        }
        if policy.isMultiple, policy.sticky != nil {
            section.fault(
                .excludingKeys,
                "sticky",
                "`sticky` draws one branch, `multiple` draws each by itself"
            )
        }
        if kind.branchCount > 0, policy.minimumUp > kind.branchCount {
            section.fault(
                .outOfRange,
                "minimum-up",
                "`minimum-up` is \(policy.minimumUp), and there are \(kind.branchCount) branches",
                "it would never be live"
            )
        } else if case .weighted = kind, policy.weightedCount > 0,
            policy.weightedCount < policy.minimumUp
        {
            section.fault(
                .allWeightsZero,
                "minimum-up",
                "`minimum-up` is \(policy.minimumUp), and at times no more than "
                    + "\(policy.weightedCount) of the \(kind.branchCount) branches have a weight",
                "it is not live then"
            )
        }
        return policy
    }

    private func kind(
        _ section: Section,
        _ kind: String,
        _ place: PolicyPlace
    ) -> PolicySettings.Kind? {
        switch kind {
        case "address":
            guard let address = section.address(kind) else { return nil }
            checkMapped(section, address, section.entries[kind]?.value.range, kind)
            checkPort(section, place.probe)
            return .address(address, probe: place.probe)
        case "pool": return section.text(kind).map(PolicySettings.Kind.pool)
        case "steer": return section.text(kind).map(PolicySettings.Kind.steer)
        case "weighted": return weighted(section, place).map(PolicySettings.Kind.weighted)
        default: break
        }
        guard let branches = branches(section, kind, place) else { return nil }
        switch kind {
        case "round-robin": return .roundRobin(branches)
        case "failover": return .failover(branches)
        case "geo": return .geo(branches)
        case "latency":
            checkTargets(section, branches)
            return .latency(branches)
        default: return .proximity(branches)
        }
    }

    // MARK: Branches

    /// A list whose members are addresses or policies.
    private func branches(
        _ section: Section,
        _ key: String,
        _ place: PolicyPlace
    ) -> [BranchSettings]? {
        guard let nodes = list(section, key) else { return nil }
        let branches = nodes.enumerated().compactMap { index, node in
            branch(section, "\(key)[\(index)]", node, place)
        }
        if key == "geo" { checkRegions(section, branches) }
        return branches
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

    private func branch(
        _ section: Section,
        _ key: String,
        _ node: YAMLNode,
        _ place: PolicyPlace
    ) -> BranchSettings? {
        if case .mapping = node.content {
            let inner = section.policy(at: key, node)
            guard let policy = policy(inner, place) else { return nil }
            var branch = BranchSettings(policy)
            branch.weight = place.parent == "weighted" ? inner.integer("weight") : 1
            branch.name = inner.text("name")
            if place.parent == "weighted" {
                branch.schedule = schedule(inner, weight: branch.weight)
                branch.load = loadMarks(inner)
            }
            branch.domain = inner.text("domain")
            branch.regions = regions(inner)
            branch.isForEverybody = !hasRegion(inner)
            branch.isResident = inner.bool("resident")
            if place.parent == "proximity" {
                branch.position = position(inner)
                branch.bias = inner.integer("bias")
            }
            if place.parent == "latency" {
                branch.position = inner.has("at") ? position(inner) : nil
                branch.target = inner.text("target")
            }
            return branch
        }
        guard let value = section.read(node, .address, key: key), case .address(let ip) = value
        else { return nil }
        section.keep(key, value)
        checkMapped(section, ip, node.range, key)
        checkPort(section, place.probe)
        if place.parent == "proximity" {
            section.report(
                .missingKey,
                node.range,
                key: key,
                "`\(ip)` under `proximity` needs `at`",
                "`- { address: \(ip), at: \"50.11, 8.68\" }`"
            )
        }
        return BranchSettings(PolicySettings(.address(ip, probe: place.probe)))
    }

    // MARK: Weights

    private func weighted(_ section: Section, _ place: PolicyPlace) -> [BranchSettings]? {
        let branches: [BranchSettings]
        if case .mapping(let entries)? = section.entries["weighted"]?.value.content {
            consume("weighted")
            branches = weights(section, entries, place.probe)
            if entries.isEmpty {
                section.fault(
                    .emptyPolicy,
                    "weighted",
                    "`weighted` of \(section.title) has no members"
                )
            }
        } else {
            guard let list = self.branches(section, "weighted", place) else { return nil }
            branches = list
        }
        let isChanging = section.has("active") || section.has("rollout")
        if !branches.isEmpty, !isChanging,
            branches.allSatisfy({ $0.weight == 0 && $0.schedule.isEmpty })
        {
            section.fault(
                .allWeightsZero,
                "weighted",
                "every member has weight 0",
                "none is ever answered"
            )
        }
        return branches
    }

    private func weights(
        _ section: Section,
        _ entries: [YAMLEntry],
        _ probe: String?
    ) -> [BranchSettings] {
        guard let option = reading.schema.option("\(Schema.policy).weight") else { return [] }
        reading.consume(option)
        var seen: [IPAddress: Int] = [:]
        checkPort(section, probe)
        var branches: [BranchSettings] = []
        branches.reserveCapacity(entries.count)
        for entry in entries {
            let key = "weighted.\(entry.key)"
            guard let ip = IPAddress(entry.key) else {
                section.report(
                    .notAddress,
                    entry.keyRange,
                    key: key,
                    "`\(entry.key)` is no IP address",
                    "for pools and policies use a list: `- { pool: NAME, weight: 1 }`"
                )
                continue
            }
            if let first = seen.updateValue(entry.keyRange.start.line, forKey: ip) {
                section.report(
                    .duplicateKey,
                    entry.keyRange,
                    key: key,
                    "`\(ip)` is given twice",
                    "it stands in line \(first) already"
                )
                continue
            }
            guard let value = section.read(entry.value, option.type, key: key),
                case .integer(let weight) = value
            else { continue }
            section.keep(key, value)
            checkMapped(section, ip, entry.keyRange, key)
            var branch = BranchSettings(PolicySettings(.address(ip, probe: probe)))
            branch.weight = weight
            branches.append(branch)
        }
        return branches
    }

    private func consume(_ key: String) {
        if let option = reading.schema.option("\(Schema.policy).\(key)") { reading.consume(option) }
    }

    /// In an AAAA record no client could use it (RFC 4291 §2.5.5.2).
    private func checkMapped(
        _ section: Section,
        _ ip: IPAddress,
        _ range: SourceRange?,
        _ key: String
    ) {
        guard let range, ip.unmapped != ip else { return }
        section.report(
            .notAddress,
            range,
            key: key,
            "`\(ip)` is an IPv4 address written as one of IPv6",
            "did you mean `\(ip.unmapped)`?"
        )
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

/// Where a policy stands.
struct PolicyPlace {
    /// The probe of the policies around it.
    var probe: String?
    /// The kind that it is a branch of; empty for a policy by name.
    var parent = ""
    /// Policies around it.
    var depth = 0
}

extension PolicySettings.Kind {
    fileprivate var branchCount: Int { branches.count }
}
