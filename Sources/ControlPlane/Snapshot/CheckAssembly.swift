// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Steering

/// From calculated probes to checks over slots, each behind those that it depends on.
struct CheckAssembly {
    private let probes: [String: ProbeSettings]
    private let pools: [String: AssembledPool]
    private var checks: [CalculatedCheck] = []
    private var seen: Set<String> = []

    static func checks(_ settings: [ProbeSettings], _ pools: [AssembledPool]) -> [CalculatedCheck] {
        var assembly = CheckAssembly(settings, pools)
        for probe in settings { assembly.add(probe) }
        return assembly.checks
    }

    private init(_ settings: [ProbeSettings], _ pools: [AssembledPool]) {
        probes = Dictionary(settings.map { ($0.name, $0) }) { first, _ in first }
        // Policies have pools of their own, which no member can name.
        self.pools = Dictionary(pools.filter { !$0.view.isSteer }.map { ($0.view.name, $0) }) {
            first,
            _ in first
        }
    }

    /// Circles and great depths were refused when the configuration was read.
    private mutating func add(_ probe: ProbeSettings) {
        guard let calculated = probe.calculated, seen.insert(probe.name).inserted else { return }
        for member in calculated.of {
            if let other = member.probe.flatMap({ probes[$0] }) { add(other) }
        }
        checks.append(
            CalculatedCheck(
                name: probe.name,
                least: calculated.atLeast ?? calculated.of.count,
                members: calculated.of.map(member)
            )
        )
    }

    private func member(_ settings: CheckMemberSettings) -> CalculatedCheck.Member {
        if let probe = settings.probe {
            return .init(.check(probe), name: "probe \(probe)", isInverted: settings.not)
        }
        let name = settings.pool ?? ""
        var endpoints = pools[name]?.view.endpoints ?? []
        var label = "pool \(name)"
        if let endpoint = settings.endpoint {
            endpoints = endpoints.filter { $0.answers(to: endpoint) }
            label = "\(name)/\(endpoint)"
        }
        return .init(
            .endpoints(slots: endpoints.map(\.slot), least: settings.endpoints),
            name: label,
            isInverted: settings.not
        )
    }
}
