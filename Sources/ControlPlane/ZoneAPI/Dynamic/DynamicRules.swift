// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials

/// Why the record of a steered name is refused: which part of it cannot be expressed.
struct DynamicFault: Error, Equatable {
    var message: String

    /// A fault with what is to be done about it; nil where the sentence says it.
    init(_ message: String, _ remedy: String? = nil) {
        // Scripts may be as long as records are.
        self.message = ZoneAPIFault.cut(message, 400) + (remedy.map { "; \($0)" } ?? "")
    }
}

/// What a dynamic record says, whichever way it was written.
///
/// The first rule that is for a client counts. Of its pools the first counts that has a healthy
/// value, and of those one is drawn by weight.
struct DynamicRules: Sendable, Equatable {
    /// What may be answered: an address, or the name that a CNAME leads to.
    enum Target: Sendable, Equatable {
        case address(IPAddress)
        case name(DomainName)
    }

    struct Value: Sendable, Equatable {
        var target: Target
        var weight: Int
        /// False for one that counts as up whatever happens.
        var isChecked = true
    }

    struct Pool: Sendable, Equatable {
        var name: String
        var values: [Value]
        /// A client draws the same value as long as that is healthy.
        var isSticky: Bool
    }

    struct Rule: Sendable, Equatable {
        /// Empty for everybody.
        var regions: [RegionSettings]
        var pools: [Pool]
    }

    /// Values of one record.
    static let valueLimit = 500

    var rules: [Rule]

    /// True when it asks where clients are.
    var asksPlaces: Bool {
        rules.contains { rule in
            rule.regions.contains { if case .network = $0 { false } else { true } }
        }
    }

    /// True when some value is the name.
    func leads(to name: DomainName) -> Bool {
        rules.contains { rule in
            rule.pools.contains { $0.values.contains { $0.target == .name(name.lowercased) } }
        }
    }

    /// The rules as a policy; `probe` checks its addresses, and those of its names.
    func policy(probe: String?) throws(DynamicFault) -> PolicySettings {
        guard rules.last?.regions.isEmpty == true else {
            throw DynamicFault("there is no rule for everybody, which must come last")
        }
        let count = rules.reduce(0) { sum, rule in
            sum + rule.pools.reduce(0) { $0 + $1.values.count }
        }
        guard count <= DynamicRules.valueLimit else {
            throw DynamicFault(
                "\(count) values, fallbacks counted for each rule: at most "
                    + "\(DynamicRules.valueLimit) are steered"
            )
        }
        var branches: [BranchSettings] = []
        var taken: Set<RegionSettings> = []
        for rule in rules {
            guard !rule.regions.isEmpty else {
                branches.append(BranchSettings(try policy(rule.pools, probe)))
                // What follows can serve nobody.
                break
            }
            // The first rule for a region counts.
            let regions = rule.regions.filter { taken.insert($0).inserted }
            guard !regions.isEmpty else { continue }
            var branch = BranchSettings(try policy(rule.pools, probe))
            branch.name = rule.pools.first?.name
            branch.regions = regions
            branches.append(branch)
        }
        guard branches.count > 1 else { return branches[0].policy }
        branches[branches.count - 1].name = rules.last?.pools.first?.name
        return PolicySettings(.geo(branches))
    }

    private func policy(
        _ pools: [Pool],
        _ probe: String?
    ) throws(DynamicFault) -> PolicySettings {
        var branches: [BranchSettings] = []
        for pool in pools {
            var members: [BranchSettings] = []
            for value in pool.values where value.weight > 0 {
                let end = PolicySettings(value.target.kind(value.isChecked ? probe : nil))
                if let known = members.firstIndex(where: { $0.policy == end }) {
                    members[known].weight += value.weight
                    continue
                }
                var branch = BranchSettings(end)
                branch.weight = value.weight
                members.append(branch)
            }
            guard !members.isEmpty else { continue }
            var policy = PolicySettings(.weighted(members))
            if pool.isSticky { policy.sticky = .client }
            var branch = BranchSettings(policy)
            branch.name = pool.name
            branches.append(branch)
        }
        guard let first = branches.first else {
            throw DynamicFault(
                "pool '\(pools.first?.name ?? "")' has no value that may be answered"
            )
        }
        return branches.count == 1 ? first.policy : PolicySettings(.failover(branches))
    }

    // MARK: Parts that both forms have

    /// A value of a record that answers for a type.
    static func target(_ text: String, _ answers: RecordType) throws(DynamicFault) -> Target {
        guard answers == .CNAME else {
            guard let ip = IPAddress(text), ip.isIPv4 == (answers == .A) else {
                throw DynamicFault("'\(text)' is no address of \(answers == .A ? "IPv4" : "IPv6")")
            }
            return .address(ip)
        }
        guard IPAddress(text) == nil, let name = DomainName(text), name != .root else {
            throw DynamicFault(
                "'\(text)' is no name that a CNAME can lead to",
                "give the name of a host, or addresses as a dynamic A or AAAA"
            )
        }
        return .name(name.lowercased)
    }

    static func network(_ text: String) throws(DynamicFault) -> RegionSettings {
        guard let prefix = Prefix(text) else { throw DynamicFault("'\(text)' is no network") }
        return .network(prefix)
    }

    static func continent(_ code: String) throws(DynamicFault) -> RegionSettings {
        guard Country.Continent(rawValue: code) != nil else {
            throw DynamicFault("there is no continent '\(code)'")
        }
        return .continent(code)
    }

    static func country(_ code: String) throws(DynamicFault) -> RegionSettings {
        guard Country.find(code) != nil else {
            throw DynamicFault("there is no country '\(code)'")
        }
        return .country(code)
    }
}

extension DynamicRules.Target {
    /// The end of a policy that answers with it.
    fileprivate func kind(_ probe: String?) -> PolicySettings.Kind {
        switch self {
        case .address(let ip): .address(ip, probe: probe)
        case .name(let name): .name("\(name)", probe: probe)
        }
    }
}
