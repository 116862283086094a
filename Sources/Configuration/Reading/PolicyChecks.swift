// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Branches that never serve, and clients who can leave where they are to stay.
///
/// Both depend on policies by name, on pools and on the networks of `geo`, so they are judged when
/// everything is read.
struct PolicyChecks {
    let reading: Reading
    let settings: Settings
    let facts: PolicyFacts
    let shadows: PolicyShadows
    let clients: PolicyClients
    /// The policies that stand in one place of the file.
    let namedOnce: Set<String>

    init(reading: Reading, settings: Settings) {
        self.reading = reading
        self.settings = settings
        // Requests through a pool may eject its endpoints.
        let ejecting = Set(settings.pools.filter(\.passive.canEject).map(\.name))
        let routed = reading.references.filter { $0.kind == .pool && $0.policy.isEmpty }
        facts = PolicyFacts(settings, judgedPools: ejecting.intersection(routed.map(\.name)))
        shadows = PolicyShadows(facts)
        clients = PolicyClients(facts)
        namedOnce = PolicyChecks.namedOnce(reading)
    }

    private static func namedOnce(_ reading: Reading) -> Set<String> {
        // An anchor of YAML gives one place of the file several options.
        var places: [String: Set<String>] = [:]
        for reference in reading.references where reference.kind == .steer {
            let place = "\(reference.option) \(reference.range.start)"
            places[reference.name, default: []].insert(place)
        }
        return Set(places.filter { $0.value.count == 1 }.keys)
    }

    func run() {
        // With errors the settings are no more than the defaults of what is wrong.
        guard !reading.diagnostics.contains(where: { $0.severity == .error }) else { return }
        let roots = roots
        for (section, policy) in reading.policies {
            if roots.contains(section.name), section.path == "steer.\(section.name)" {
                warnUnserved(section, policy)
            }
            switch policy.kind {
            case .address, .name, .pool, .steer: break
            case .failover(let branches):
                warnUnreachable(section, branches)
                warnTwins(section, "failover", branches)
                warnShadowed(section, branches)
            case .roundRobin(let branches): warnTwins(section, "round-robin", branches)
            case .proximity(let branches): warnSamePlace(section, branches)
            case .geo(let branches):
                warnCovered(section, branches)
                warnOutside(section, branches)
                warnUnservedResidents(section, branches)
                warnLeaks(section, branches)
            case .weighted, .latency: break
            }
            warnDivided(section, policy)
            warnFallback(section, policy)
            warnIdleFallback(section, policy)
            warnShadowedFallback(section, policy)
        }
    }

    /// What follows a branch that cannot fail never serves.
    private func warnUnreachable(_ section: Section, _ branches: [BranchSettings]) {
        guard let first = branches.dropLast().firstIndex(where: { facts.neverFails($0.policy) })
        else { return }
        let place = "branch \(first + 1) of \(section.title)"
        if case .address = branches[first].policy.kind {
            section.fault(
                .unreachableBranch,
                "failover",
                "\(place) has no probe, so it never fails and what follows never serves",
                "name a `probe`, or put it last"
            )
        } else {
            section.fault(
                .unreachableBranch,
                "failover",
                "\(place) never fails, because no probe watches enough of it, and what follows "
                    + "never serves",
                "give what is in it a `probe`, or put it last"
            )
        }
    }

    /// Where a policy never fails, what it falls back to never serves.
    private func warnIdleFallback(_ section: Section, _ policy: PolicySettings) {
        guard let name = policy.fallback, facts.neverFails(policy) else { return }
        section.fault(
            .unreachableBranch,
            "fallback",
            "\(section.title) never fails, because no probe watches enough of it, and `\(name)`, "
                + "which it falls back to, never serves",
            "give what is in it a `probe`, or remove the `fallback`"
        )
    }

    /// The second of two that are the same adds nothing.
    private func warnTwins(_ section: Section, _ key: String, _ branches: [BranchSettings]) {
        var seen: [String: Int] = [:]
        for (index, branch) in branches.enumerated() {
            let name: String
            var judge = ""
            switch branch.policy.kind {
            case .address(let ip, let probe):
                name = "`\(ip)`"
                // Each is judged by its own probe.
                judge = probe ?? ""
            // Draws by weight in a round robin are one more each.
            case .pool(let pool) where key == "failover": name = "pool `\(pool)`"
            case .steer(let policy) where key == "failover": name = "policy `\(policy)`"
            default: continue
            }
            guard let first = seen["\(name) \(judge)"] else {
                seen["\(name) \(judge)"] = index
                continue
            }
            section.fault(
                .unreachableBranch,
                key,
                "branches \(first + 1) and \(index + 1) of \(section.title) are both \(name)",
                "the second is up when the first is, and adds nothing: remove it"
            )
        }
    }

    /// Where one stands that never fails, another one is never the nearest.
    private func warnSamePlace(_ section: Section, _ branches: [BranchSettings]) {
        for (index, branch) in branches.enumerated() {
            let first = branches[..<index].firstIndex { other in
                other.position == branch.position && other.bias >= branch.bias
                    && facts.neverFails(other.policy)
            }
            guard let first, branch.position != nil else { continue }
            section.fault(
                .unreachableBranch,
                "proximity",
                "branches \(first + 1) and \(index + 1) of \(section.title) are at one place, and "
                    + "the first never fails: the second never serves",
                "name a `probe` for the first, or divide its clients by `weighted`"
            )
        }
    }
}

extension PassiveSettings {
    /// True when traffic may take an endpoint out.
    fileprivate var canEject: Bool {
        failures > 0 || errorRate.percent > 0 || latency.factor != nil
    }
}
