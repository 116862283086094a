// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Which health a policy hangs on, whatever the probes say: what can make it live, and what does.
///
/// A branch of a `failover` is asked when those before it are down. What hangs on the same health
/// is down then too, and never serves there.
///
/// A class, since policies by name are gone through once each however many others name them.
final class PolicyShadows {
    /// What is judged as one.
    enum Judged: Hashable {
        /// An address, by its probe.
        case address(IPAddress, probe: String)
        /// The endpoints of a pool.
        case pool(String)
        /// What answers without being judged, or though it is down.
        case steady
    }

    private let facts: PolicyFacts
    private var members: [String: Set<Judged>] = [:]
    private var carriers: [String: Set<Judged>] = [:]

    init(_ facts: PolicyFacts) { self.facts = facts }

    /// True when all that could make it live is down.
    func isShadowed(_ policy: PolicySettings, by down: Set<Judged>) -> Bool {
        let members = members(policy)
        return !members.isEmpty && members.isSubset(of: down)
    }

    /// Everything that could make it live; nothing for what never is.
    func members(_ policy: PolicySettings) -> Set<Judged> {
        if case .steer(let name) = policy.kind {
            if let known = members[name] { return known }
            let found = facts.policy(named: name).map(members) ?? []
            members[name] = found
            return found
        }
        return own(policy)
            ?? policy.candidates.reduce(into: []) { found, branch in
                found.formUnion(branch.isResident ? [.steady] : members(branch.policy))
            }
    }

    /// What each makes it live alone, for every client: while it is not live, all of them are down.
    func carriers(_ policy: PolicySettings) -> Set<Judged> {
        if case .steer(let name) = policy.kind {
            if let known = carriers[name] { return known }
            let found = facts.policy(named: name).map(carriers) ?? []
            carriers[name] = found
            return found
        }
        if let own = own(policy) { return own.subtracting([.steady]) }
        // Weights that change may leave any one of them out.
        guard policy.minimumUp <= 1, policy.minimumUpShare.percent == 0,
            !policy.hasChangingWeights
        else { return [] }
        return policy.candidates.reduce(into: []) { found, branch in
            // The others of a `geo` are for some clients only.
            if branch.isForEverybody { found.formUnion(carriers(branch.policy)) }
        }
    }

    /// What an end of the tree is judged as; nil for what has branches.
    private func own(_ policy: PolicySettings) -> Set<Judged>? {
        switch policy.kind {
        case .address(let ip, let probe?): [.address(ip, probe: probe)]
        case .pool(let name) where !facts.neverFails(policy): [.pool(name)]
        case .address, .pool: [.steady]
        default: nil
        }
    }
}

extension PolicySettings {
    /// The branches that it may ever answer with.
    var candidates: [BranchSettings] {
        guard case .weighted(let branches) = kind, !hasChangingWeights else { return kind.branches }
        return branches.filter { $0.weight > 0 }
    }
}

// MARK: - What is told

extension PolicyChecks {
    /// Branches that hang on what is down whenever they are asked.
    func warnShadowed(_ section: Section, _ branches: [BranchSettings]) {
        var down: Set<PolicyShadows.Judged> = []
        for (index, branch) in branches.enumerated() {
            let place = "branch \(index + 1) of \(section.title)"
            if !branches[..<index].contains(where: { isTwin($0.policy, branch.policy) }) {
                warnShadowed(section, branch, in: place, by: down)
            }
            down.formUnion(shadows.carriers(branch.policy))
        }
    }

    private func isTwin(_ one: PolicySettings, _ other: PolicySettings) -> Bool {
        switch (one.kind, other.kind) {
        case (.address, .address), (.pool, .pool), (.steer, .steer): one.kind == other.kind
        default: false
        }
    }

    private func warnShadowed(
        _ section: Section,
        _ branch: BranchSettings,
        in place: String,
        by down: Set<PolicyShadows.Judged>
    ) {
        guard !shadows.isShadowed(branch.policy, by: down) else {
            section.fault(
                .unreachableBranch,
                "failover",
                "`\(branch.label)`, \(place), hangs on the same health as what stands before it, "
                    + "and is down whenever it is asked",
                "remove it, or put something else there"
            )
            return
        }
        // What others name as well may be asked when more is up.
        if case .steer(let name) = branch.policy.kind, let named = facts.policy(named: name),
            namedOnce.contains(name)
        {
            for inner in named.candidates {
                warnShadowed(section, inner, in: "in policy `\(name)`, \(place)", by: down)
            }
            return
        }
        for inner in branch.policy.candidates {
            warnShadowed(
                section,
                inner,
                in: place.hasPrefix("in ") ? place : "in \(place)",
                by: down
            )
        }
    }

    /// A fallback that hangs on what is down whenever it is asked.
    func warnShadowedFallback(_ section: Section, _ policy: PolicySettings) {
        // One that has words of its own for when all is down still answers by them.
        guard let name = policy.fallback, let named = facts.policy(named: name),
            named.fallback == nil, named.allDown == nil,
            shadows.isShadowed(PolicySettings(.steer(name)), by: shadows.carriers(policy))
        else { return }
        section.fault(
            .unreachableBranch,
            "fallback",
            "`\(name)` hangs on the same health as \(section.title), which falls back to it, and is "
                + "down whenever it is asked",
            "name a policy that has other targets"
        )
    }
}
