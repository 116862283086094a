// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Branches of `geo` that no client comes to first.
extension PolicyChecks {
    // MARK: Networks

    /// A network of which every part is in a longer one of another branch.
    func warnCovered(_ section: Section, _ branches: [BranchSettings]) {
        var owned: [OwnedNetwork] = []
        for (index, branch) in branches.enumerated() {
            for case .network(let prefix) in branch.regions {
                owned.append(OwnedNetwork(prefix: prefix, branch: index))
            }
        }
        owned.sort { $0 < $1 }
        var found: Set<Int> = []
        for (place, outer) in owned.enumerated() where !found.contains(outer.branch) {
            guard let others = OwnedNetwork.covering(outer, in: owned[(place + 1)...]) else {
                continue
            }
            found.insert(outer.branch)
            let numbers = others.sorted().map { "\($0 + 1)" }.joined(separator: ", ")
            section.fault(
                .unreachableBranch,
                "geo",
                "the smaller networks of branch \(numbers) make up all of \(outer.prefix), so "
                    + "branch \(outer.branch + 1) only serves it when they are down",
                "for that use `failover` inside one branch"
            )
        }
        warnAllNetworks(section, branches, owned)
    }

    /// Networks come before everything else that is known of a client.
    private func warnAllNetworks(
        _ section: Section,
        _ branches: [BranchSettings],
        _ owned: [OwnedNetwork]
    ) {
        guard OwnedNetwork.areEverything(owned) else { return }
        let idle = branches.indices.filter { index in
            !branches[index].regions.contains { if case .network = $0 { true } else { false } }
        }
        guard !idle.isEmpty else { return }
        let numbers = idle.map { "\($0 + 1)" }.joined(separator: ", ")
        section.fault(
            .unreachableBranch,
            "geo",
            "every address is in a `network`, so branch \(numbers) of \(section.title) only serves "
                + "when the branches of those are down",
            "a branch without a region is for everybody else, without `0.0.0.0/0` and `::/0`"
        )
    }

    // MARK: Regions inside regions

    /// A `geo` inside a branch for somewhere sees the clients of that branch alone.
    func warnOutside(_ section: Section, _ branches: [BranchSettings]) {
        for (index, branch) in branches.enumerated() where !branch.regions.isEmpty {
            let outer = RegionGroup(branch.regions)
            let place = "branch \(index + 1) is for \(outer)"
            warnOutside(section, branch.policy, of: outer, place, "the `geo` inside it")
        }
    }

    private func warnOutside(
        _ section: Section,
        _ policy: PolicySettings,
        of outer: RegionGroup,
        _ place: String,
        _ geo: String
    ) {
        // What others name as well may have clients of theirs.
        if case .steer(let name) = policy.kind, let named = facts.policy(named: name),
            namedOnce.contains(name)
        {
            return warnOutside(section, named, of: outer, place, "the `geo` in policy `\(name)`")
        }
        var isGeo = false
        if case .geo = policy.kind { isGeo = true }
        if isGeo { warnCoveredDefault(section, policy.kind.branches, of: outer, place, geo) }
        for (index, branch) in policy.kind.branches.enumerated() {
            let isInside =
                !isGeo || branch.isForEverybody || branch.regions.contains(where: outer.meets)
            if isInside {
                warnOutside(section, branch.policy, of: outer, place, geo)
                continue
            }
            let inner = RegionGroup(branch.regions)
            section.fault(
                .unreachableBranch,
                "geo",
                "\(place), and branch \(index + 1) of \(geo) for \(inner): no client of "
                    + "the one is in the other",
                "move it to the outer `geo`"
            )
        }
    }

    /// The branch for everybody else, where no client of a branch around it is anybody else.
    private func warnCoveredDefault(
        _ section: Section,
        _ branches: [BranchSettings],
        of outer: RegionGroup,
        _ place: String,
        _ geo: String
    ) {
        guard let open = branches.firstIndex(where: \.isForEverybody) else { return }
        let numbered = branches.enumerated().filter { _, branch in
            !branch.isForEverybody && clients.served(branch.policy).isEverybody
        }
        let cover = RegionCover(numbered.map { ($0.element.regions, $0.offset) })
        var owners: Set<Int> = []
        for region in outer.regions {
            guard let found = cover.branches(for: region) else { return }
            owners.formUnion(found)
        }
        let isSteady = owners.allSatisfy { facts.neverFails(branches[$0].policy) }
        let numbers = owners.sorted().map { "\($0 + 1)" }.joined(separator: ", ")
        section.fault(
            .unreachableBranch,
            "geo",
            "\(place), and all of its clients are in branch \(numbers) of \(geo): branch "
                + "\(open + 1) of it, for everybody else, "
                + (isSteady ? "never serves" : "only serves when that is down"),
            isSteady ? "remove it" : "for that use `failover` inside one branch"
        )
    }
}
