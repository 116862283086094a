// SPDX-License-Identifier: Apache-2.0
public import Configuration
internal import Essentials
internal import Steering

/// How long it takes until resolvers leave a failed target, for every steered name.
///
/// A function of the configuration alone: `martlet check`, `martlet failover-time` and the API
/// say the same.
public struct FailoverReport: Sendable {
    /// One steered name.
    struct Name: Sendable {
        /// The owner, or the empty text for a policy that no name uses.
        var owner: String
        var policy: String
        /// The bound that the policy sets itself.
        var within: Interval?
        /// Targets that are probed alike, in the order of the policy.
        var groups: [Group]
        /// Targets whose failure is never noticed.
        var unchecked: [Unchecked]
        /// There is more than one that clients get without a switch by hand.
        var hasSpare: Bool
    }

    /// Targets of one name that are probed alike.
    struct Group: Sendable {
        var probe: String
        var targets: [String]
        /// Resolvers that keep answers longer are shown as well, with their clients' share.
        var floors: [ResolverFloor]
        var terms: FailoverTerms
        /// The option of the TTL, where it is none of the policy's.
        var ttlOption: String?
        /// The one whose terms these are, at worst, where the probe is calculated from others.
        var decider: DecidingProbes.Decider?
    }

    /// A target that nothing probes.
    struct Unchecked: Sendable {
        var target: String
        /// Its calculated probe, made of what nothing probes; nil for none at all.
        var probe: String?
    }

    /// The names, in the order of the file.
    let names: [Name]

    /// The report on all steered names, or on the one that is given.
    public init(_ settings: Settings, name: String? = nil) {
        var probes = DecidingProbes(settings)
        let leaves = PolicyLeaves(settings)
        let policies = Dictionary(settings.steer.map { ($0.name, $0) }) { first, _ in first }
        let wanted = name.map(FailoverReport.canonical)
        let ways = AliasWays(settings)
        let floors = settings.dns.resolverFloors
        var names: [Name] = []
        for zone in settings.zones {
            for record in zone.records where wanted == nil || record.owner == wanted {
                guard let end = ways.steered(record, zone), let policy = policies[end.policy] else {
                    continue
                }
                names.append(
                    FailoverReport.name(
                        record.owner,
                        policy,
                        end.ttl(atMost: policy.ttl),
                        leaves.all(of: policy.policy),
                        floors,
                        &probes
                    )
                )
            }
        }
        self.names = names
    }

    /// True when nothing is known of the name that was asked for.
    public var isEmpty: Bool { names.isEmpty }

    private static func canonical(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? lower : lower + "."
    }

    private static func name(
        _ owner: String,
        _ policy: SteerSettings,
        _ life: (ttl: Interval, option: String?),
        _ leaves: [PolicyLeaf],
        _ floors: [ResolverFloor],
        _ probes: inout DecidingProbes
    ) -> Name {
        var name = Name(
            owner: owner,
            policy: policy.name,
            within: policy.failoverWithin,
            groups: [],
            unchecked: [],
            hasSpare: Set(leaves.filter(\.isOffered).map(\.target)).count > 1
        )
        for leaf in leaves {
            if let known = name.groups.firstIndex(where: { $0.probe == leaf.probe }) {
                if !name.groups[known].targets.contains(leaf.target) {
                    name.groups[known].targets.append(leaf.target)
                }
            } else if let group = group(leaf, policy, life, floors, &probes) {
                name.groups.append(group)
            } else if !name.unchecked.contains(where: { $0.target == leaf.target }) {
                let probe = leaf.probe.flatMap { probes.settings($0) }?.name
                name.unchecked.append(Unchecked(target: leaf.target, probe: probe))
            }
        }
        return name
    }

    // By the slowest of the probes that decide; nil where none does.
    private static func group(
        _ leaf: PolicyLeaf,
        _ policy: SteerSettings,
        _ life: (ttl: Interval, option: String?),
        _ floors: [ResolverFloor],
        _ probes: inout DecidingProbes
    ) -> Group? {
        guard let name = leaf.probe else { return nil }
        let groups = probes.deciders(on: name).compactMap { decider -> Group? in
            guard let probe = probes.settings(decider.probe) else { return nil }
            let terms = FailoverTerms(
                interval: probe.interval,
                fastInterval: probe.fastInterval,
                timeout: probe.timeout,
                jitterPercent: probe.jitter.percent,
                fall: decider.comesUp ? probe.rise : probe.fall,
                ttl: ZoneAssembly.seconds(life.ttl),
                leastTTL: policy.minTTL.map(ZoneAssembly.seconds)
            )
            let isOther = decider.probe != name
            return Group(
                probe: name,
                targets: [leaf.target],
                floors: floors,
                terms: terms,
                ttlOption: life.option,
                decider: isOther ? decider : nil
            )
        }
        return groups.max { $0.worst < $1.worst }
    }

    // MARK: Findings

    /// Policies whose failover may take longer than their bound, one finding for each.
    static func findings(_ settings: Settings) -> [OutsideChecks.FailoverFinding] {
        var found: [OutsideChecks.FailoverFinding] = []
        for name in FailoverReport(settings).names {
            guard let within = name.within, !found.contains(where: { $0.policy == name.policy }),
                let finding = name.finding(within)
            else { continue }
            found.append(finding)
        }
        return found
    }
}

extension FailoverReport.Name {
    fileprivate func finding(_ within: Interval) -> OutsideChecks.FailoverFinding? {
        if let first = unchecked.first {
            let cause = first.probe.map { "nothing is probed that its probe `\($0)` is made of" }
            return OutsideChecks.FailoverFinding(
                policy: policy,
                message: "the failure of `\(first.target)` behind `\(owner)` is never noticed: "
                    + (cause ?? "it has no probe"),
                suggestion: first.probe == nil
                    ? "give it a `probe`" : "give its members' pools a `probe`"
            )
        }
        let slow = groups.filter { $0.terms.worst.total.worst > within }
        guard let group = slow.max(by: { $0.worst < $1.worst }) else { return nil }
        let time = group.terms.worst
        let parts = FailoverTime.Part.allCases.map { part in
            "\(FailoverText.span(time.span(part).worst)) \(part.word)"
        }
        return OutsideChecks.FailoverFinding(
            policy: policy,
            message: "failover of `\(owner)` may take \(FailoverText.span(time.total.worst)), "
                + "longer than \(within): \(parts.joined(separator: ", "))",
            suggestion: group.remedy(within)
        )
    }
}

extension FailoverReport.Group {
    var worst: Interval { terms.worst.total.worst }

    // The probe that asks: of a calculated one there is nothing to be set.
    private var asking: String { decider?.probe ?? probe }

    /// What to change, and to which value.
    fileprivate func remedy(_ within: Interval) -> String {
        let option = ttlOption ?? "ttl"
        switch terms.remedy(within: within) {
        case .ttl(let seconds):
            // A `min-ttl` above the `ttl` of its policy would not load.
            let isBound = ttlOption == nil && (terms.leastTTL.map { $0 > seconds } ?? false)
            return isBound
                ? "a `ttl` and a `min-ttl` of \(seconds)s keep within it"
                : "a `\(option)` of \(seconds)s keeps within it"
        case .interval(let interval):
            return "an `interval` of \(interval) in the probe `\(asking)` keeps within it"
        case .none:
            return
                "neither `\(option)` nor the `interval` of the probe `\(asking)` alone keeps within it"
        }
    }

    /// Which part of the worst case is the largest, and what makes it shorter.
    var advice: String {
        let time = terms.worst
        let largest = time.largest
        return "at worst \(FailoverText.span(time.total.worst)), of which "
            + "\(FailoverText.span(time.span(largest).worst)) \(largest.word): "
            + (largest == .ttl ? ttlAdvice(time) : detectionAdvice)
    }

    private var detectionAdvice: String {
        let isWait = terms.interval >= terms.timeout * Int64(terms.fall)
        if isWait || terms.fall == 1 { return "shorten `interval` of the probe `\(asking)`" }
        let pace = terms.timeout >= terms.fastInterval ? "timeout" : "fast-interval"
        return "shorten `\(pace)` of the probe `\(asking)`, or lower "
            + (decider?.comesUp == true ? "`rise`" : "`fall`")
    }

    private func ttlAdvice(_ time: FailoverTime) -> String {
        let least = terms.leastTTL ?? terms.ttl / 2
        if time.steadyTTL > least, time.steadyTTL < terms.ttl {
            // Between its bounds the TTL is the time in which health cannot change.
            return "shorten `interval` of the probe `\(asking)`, which the TTL follows"
        }
        let isLeast = terms.leastTTL != nil && least < terms.ttl && time.steadyTTL == least
        return isLeast ? "lower `min-ttl`" : "lower `\(ttlOption ?? "ttl")`"
    }
}

extension FailoverTime.Part {
    /// The word in texts.
    var word: String { self == .ttl ? "TTL" : rawValue }
}
