// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Ways out of a branch that is to keep its clients.
extension PolicyChecks {
    /// What the branches of one `geo` do with residents of each other.
    func warnLeaks(_ section: Section, _ branches: [BranchSettings]) {
        for (index, branch) in branches.enumerated() where branch.isResident {
            let known = branch.regions.map { NetworkGroup(networks(of: $0)) }
            for (other, inner) in branches.enumerated() where other != index && !inner.isResident {
                guard let leak = leak(branch.regions, known, to: inner.regions) else { continue }
                section.fault(
                    .residencyLeak,
                    "geo",
                    "clients of \(leak.from) are to stay with branch \(index + 1), but those of "
                        + "\(leak.to) go to branch \(other + 1)" + leak.to.doubt,
                    "make that branch `resident` too, if its addresses lie inside"
                )
            }
            let ways = facts.fallbacks(branch.policy).sorted()
            guard let way = ways.first else { continue }
            section.fault(
                .residencyLeak,
                "geo",
                "branch \(index + 1) keeps its clients, and a `fallback` in it, to `\(way)`, may take "
                    + "them elsewhere",
                "use `all-down`, unless the fallback lies inside too"
            )
        }
    }

    /// The networks that `geo` says are in a region.
    private func networks(of region: RegionSettings) -> [Prefix] {
        settings.geo.networks.filter(region.holds).map(\.prefix)
    }

    private func leak(
        _ regions: [RegionSettings],
        _ known: [NetworkGroup],
        to others: [RegionSettings]
    ) -> (from: RegionSettings, to: RegionSettings)? {
        for (region, networks) in zip(regions, known) {
            if let other = others.first(where: { canTake($0, from: region, networks) }) {
                return (region, other)
            }
        }
        return nil
    }

    /// True when a client of `region` may be in `smaller` too, which then goes before.
    private func canTake(
        _ smaller: RegionSettings,
        from region: RegionSettings,
        _ networks: NetworkGroup
    ) -> Bool {
        if region.holds(smaller) { return true }
        return switch (region, smaller) {
        case (.network, _): false
        case (_, .network(let prefix)): networks.meets(prefix)
        // A city or a system is in no region that its name would tell.
        case (.asn, _): false
        case (_, .asn): true
        case (.city, _): false
        case (_, .city): true
        default: false
        }
    }

    /// What falls back to a policy that keeps clients has given them addresses of its own before.
    func warnFallback(_ section: Section, _ policy: PolicySettings) {
        guard let name = policy.fallback else { return }
        let kept = facts.residents(PolicySettings(.steer(name)))
        let lost = kept.subtracting(facts.residents(policy))
        guard let region = lost.min(by: { "\($0)" < "\($1)" }) else { return }
        section.fault(
            .residencyLeak,
            "fallback",
            "`\(name)` keeps clients of \(region), and \(section.title), which falls back to it, "
                + "answers them before",
            "put the `geo` outside, and this inside its branches"
        )
    }

    /// What divides clients before, or other than, by where they are divides residents too.
    func warnDivided(_ section: Section, _ policy: PolicySettings) {
        let branches = policy.kind.branches.filter { branch in
            guard case .weighted = policy.kind, !policy.hasChangingWeights else { return true }
            return branch.weight > 0
        }
        let residents = branches.map { facts.residents($0.policy) }
        guard residents.contains(where: { !$0.isEmpty }) else { return }
        let key: String
        switch policy.kind {
        case .address, .name, .pool, .steer, .geo: return
        case .failover: key = "failover"
        case .roundRobin: key = "round-robin"
        case .weighted: key = "weighted"
        case .proximity: key = "proximity"
        case .latency: key = "latency"
        }
        if policy.minimumUp > 1 || policy.minimumUpShare.percent > 0 {
            section.fault(
                .residencyLeak,
                key,
                "\(section.title) has a branch that keeps its clients, and with too few branches up "
                    + "it gives all of them up",
                "put the `geo` outside, and this inside its branches"
            )
        }
        for (index, kept) in residents.enumerated() where !kept.isEmpty {
            let others =
                key == "failover" ? Array(residents.indices[..<index]) : Array(residents.indices)
            guard let other = others.first(where: { !kept.isSubset(of: residents[$0]) }),
                let region = kept.subtracting(residents[other]).min(by: { "\($0)" < "\($1)" })
            else { continue }
            section.fault(
                .residencyLeak,
                key,
                "`\(branches[index].label)` in \(section.title) keeps clients of \(region), and "
                    + "`\(key)` may give them to `\(branches[other].label)`",
                "put the `geo` outside, and `\(key)` inside its branches"
            )
            return
        }
    }
}

extension RegionSettings {
    fileprivate var doubt: String {
        switch self {
        case .city, .asn: ", wherever they are"
        default: ""
        }
    }

    /// True when a network of `geo` is said to be in it.
    fileprivate func holds(_ network: GeoNetworkSettings) -> Bool {
        let country = network.country
        return switch self {
        case .continent(let code):
            code == network.continent ?? country.flatMap(Country.find)?.continent
        case .country("EU"): country.map(Country.europeanUnion.contains) ?? false
        case .country(let code): code == country
        case .subdivision(let code): code == network.subdivision
        case .city(let name): name.lowercased() == network.city?.lowercased()
        case .asn(let number): network.asn.map(Int.init) == number
        case .network: false
        }
    }
}
