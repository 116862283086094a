// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Which clients a policy has something for, be everything healthy.
///
/// A `geo` without a branch for everybody has nothing for some. What is around it goes on to the
/// next branch for them, as it does for one that is down.
///
/// A class, since policies by name are gone through once each however many others name them.
final class PolicyClients {
    /// Clients who are in several regions at the same time.
    typealias Area = Set<RegionSettings>

    /// Clients for whom there is something.
    struct Served {
        /// There is something for each and every one.
        var isEverybody = false
        /// Else there is something for these, in the order of the file; the first of them, where
        /// they are many.
        private(set) var areas: [Area] = []
        private var seen: Set<Area> = []

        /// Nobody.
        init() {}

        mutating func insert(_ area: Area) {
            // Texts name a few of them.
            guard areas.count < Served.areaLimit, seen.insert(area).inserted else { return }
            areas.append(area)
        }

        mutating func formUnion(_ other: Served) {
            isEverybody = isEverybody || other.isEverybody
            for area in other.areas { insert(area) }
        }

        fileprivate static let areaLimit = 1000
    }

    private let facts: PolicyFacts
    private var policies: [String: Served] = [:]

    init(_ facts: PolicyFacts) { self.facts = facts }

    func served(_ policy: PolicySettings) -> Served {
        if case .steer(let name) = policy.kind, policy.fallback == nil {
            if let known = policies[name] { return known }
            let found = facts.policy(named: name).map(served) ?? Served()
            policies[name] = found
            return found
        }
        var found = Served()
        switch policy.kind {
        case .address, .name, .pool: found.isEverybody = true
        case .steer(let name): found = served(PolicySettings(.steer(name)))
        case .geo(let branches): found = served(branches)
        case .roundRobin, .weighted, .failover, .proximity, .latency:
            let branches = policy.candidates
            for branch in branches { found.formUnion(served(branch.policy)) }
            // That no branch has a weight is told by itself.
            if branches.isEmpty { found.isEverybody = true }
        }
        if !found.isEverybody, let fallback = policy.fallback {
            found.formUnion(served(PolicySettings(.steer(fallback))))
        }
        return found
    }

    private func served(_ branches: [BranchSettings]) -> Served {
        var found = Served()
        var networks: [OwnedNetwork] = []
        for (index, branch) in branches.enumerated() {
            let inner = served(branch.policy)
            if branch.isForEverybody {
                found.formUnion(inner)
            } else {
                found.formUnion(part(of: inner, in: branch.regions))
            }
            guard inner.isEverybody else { continue }
            for case .network(let prefix) in branch.regions {
                networks.append(OwnedNetwork(prefix: prefix, branch: index))
            }
        }
        if OwnedNetwork.areEverything(networks.sorted()) { found.isEverybody = true }
        return found
    }

    /// Those of the served who are in one of the regions.
    private func part(of served: Served, in regions: [RegionSettings]) -> Served {
        var found = Served()
        guard !served.isEverybody else {
            for region in regions { found.insert([region]) }
            return found
        }
        for region in regions.prefix(Served.areaLimit) {
            for area in served.areas where found.areas.count < Served.areaLimit {
                if area.contains(where: { region.key == $0.key || region.holds($0) }) {
                    found.insert(area)
                } else if !area.contains(where: region.isApart) {
                    found.insert(area.filter { !$0.holds(region) }.union([region]))
                }
            }
        }
        return found
    }

    /// What clients are told whom it has nothing for, by the innermost policy that has a word.
    func word(_ policy: PolicySettings) -> AllDownAnswer? {
        if case .steer(let name) = policy.kind {
            return facts.policy(named: name).flatMap(word) ?? policy.allDown
        }
        for branch in policy.candidates where !served(branch.policy).isEverybody {
            if let word = word(branch.policy) { return word }
        }
        return policy.allDown
    }
}

extension RegionSettings {
    /// True when nobody can be in both.
    fileprivate func isApart(from other: RegionSettings) -> Bool {
        switch (self, other) {
        case (.network(let one), .network(let two)):
            !one.contains(two.address) && !two.contains(one.address)
        case (.asn, .asn), (.city, .city): key != other.key
        default: excludes(other)
        }
    }
}

extension OwnedNetwork {
    /// True when every address is in one of them; they are in order.
    static func areEverything(_ networks: [OwnedNetwork]) -> Bool {
        ["0.0.0.0/0", "::/0"].compactMap { Prefix($0) }.allSatisfy { prefix in
            covering(
                OwnedNetwork(prefix: prefix, branch: -1),
                in: networks.filter { prefix.contains($0.prefix.address) }[...]
            ) != nil
        }
    }
}
