// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Clients for whom there is nothing, however healthy all is.
extension PolicyChecks {
    /// The policies that clients come to first: those that names have, and those that none has.
    var roots: Set<String> {
        var inner: Set<String> = []
        var outer: Set<String> = []
        for reference in reading.references where reference.kind == .steer {
            if reference.policy.isEmpty {
                outer.insert(reference.name)
            } else {
                inner.insert(reference.name)
            }
        }
        let all = Set(settings.steer.map(\.name))
        return Set(all.subtracting(inner).union(outer).map(named))
    }

    // One that only names another is that one.
    private func named(_ name: String) -> String {
        var name = name
        while let policy = facts.policy(named: name), policy.fallback == nil,
            case .steer(let next) = policy.kind
        {
            name = next
        }
        return name
    }

    /// Clients whom a policy that names have, or may have, has nothing for.
    func warnUnserved(_ section: Section, _ policy: PolicySettings) {
        let served = clients.served(policy)
        guard !served.isEverybody, let key = policy.kind.key else { return }
        let word = clients.word(policy) == .servfail ? "SERVFAIL" : "NODATA"
        section.fault(
            .noDefaultRegion,
            key,
            "\(section.title) has nothing for \(served.others("clients")): they get \(word)",
            "add a branch without a region, unless that is what you want"
        )
    }

    /// Clients who are kept by a branch that has nothing for them.
    func warnUnservedResidents(_ section: Section, _ branches: [BranchSettings]) {
        for (index, branch) in branches.enumerated()
        where branch.isResident && !branch.isForEverybody {
            let served = clients.served(branch.policy)
            guard !served.isEverybody else { continue }
            let cover = RegionCover(served.areas.map { ($0.count == 1 ? Array($0) : [], 0) })
            guard branch.regions.contains(where: { cover.branches(for: $0) == nil }) else {
                continue
            }
            let word = clients.word(branch.policy) == .servfail ? "SERVFAIL" : "NODATA"
            section.fault(
                .noDefaultRegion,
                "geo",
                "branch \(index + 1) of \(section.title) keeps clients of "
                    + "\(RegionGroup(branch.regions)), and has nothing for "
                    + "\(served.others("those")): they get \(word)",
                "add a branch without a region inside it, unless that is what you want"
            )
        }
    }
}

extension PolicyClients.Served {
    /// All the others, by the first few areas that are served.
    fileprivate func others(_ whom: String) -> String {
        let texts = areas.prefix(4).map { area in
            area.map(\.description).sorted().joined(separator: " in ")
        }
        guard !texts.isEmpty else { return "any client" }
        return "\(whom) outside of \(texts.joined(separator: ", "))"
            + (areas.count > 4 ? ", ..." : "")
    }
}

extension PolicySettings.Kind {
    /// The key in the file; nil for what has no branches.
    var key: String? {
        switch self {
        case .address, .name, .pool, .steer: nil
        case .failover: "failover"
        case .roundRobin: "round-robin"
        case .weighted: "weighted"
        case .geo: "geo"
        case .proximity: "proximity"
        case .latency: "latency"
        }
    }
}
