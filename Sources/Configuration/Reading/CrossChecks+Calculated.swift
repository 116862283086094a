// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension ProbeSettings {
    /// How it is made of the states of others; nil for one that asks.
    public var calculated: CalculatedProbeSettings? {
        if case .calculated(let settings) = check { settings } else { nil }
    }

    /// True when it asks at a port: programs and the states of others need none.
    var asksPort: Bool {
        switch check {
        case .tcp, .tls, .http, .grpc, .dns: true
        case .command, .calculated: false
        }
    }
}

/// Probes that are made of the states of others: what they name must be there, and come to an end.
extension CrossChecks {
    func checkCalculated() {
        let calculated = settings.probes.filter { $0.calculated != nil }
        checkRequired(Set(calculated.map(\.name)))
        guard !calculated.isEmpty else { return }
        checkMemberEndpoints(calculated)
        findCheckLoops(calculated)
    }

    /// Only a calculated probe has a state of its own; another has one for each endpoint it asks.
    private func checkRequired(_ calculated: Set<String>) {
        let asking = Set(settings.probes.map(\.name)).subtracting(calculated)
        for use in reading.references
        where use.kind == .probe && use.option.hasPrefix("probes.") && asking.contains(use.name) {
            reading.report(
                .notCalculated,
                use.range,
                option: use.option,
                "the probe `\(use.name)` asks endpoints and has no state of its own",
                "name a probe with `of` here, or a pool that it checks"
            )
        }
    }

    private func checkMemberEndpoints(_ calculated: [ProbeSettings]) {
        let pools = Dictionary(settings.pools.map { ($0.name, $0) }) { first, _ in first }
        for probe in calculated {
            for (place, member) in (probe.calculated?.of ?? []).enumerated() {
                guard let pool = member.pool.flatMap({ pools[$0] }) else { continue }
                let option = "probes.\(probe.name).of[\(place)]"
                if let endpoint = member.endpoint, !pool.has(endpoint) {
                    report(
                        .unknownMember,
                        "\(option).pool",
                        "the pool `\(pool.name)` has no endpoint `\(endpoint)`"
                    )
                } else if member.endpoints > pool.endpoints.count, !pool.hasNames {
                    report(
                        .unknownMember,
                        "\(option).pool",
                        "the pool `\(pool.name)` has only \(pool.endpoints.count) of the "
                            + "\(member.endpoints) endpoints that must take work"
                    )
                }
            }
        }
    }

    private func report(_ code: DiagnosticCode, _ option: String, _ message: String) {
        guard let use = reading.references.first(where: { $0.option == option }) else { return }
        reading.report(code, use.range, option: option, message)
    }

    /// Follows members to the probes that decide of them, by way of pools too.
    private func findCheckLoops(_ calculated: [ProbeSettings]) {
        let conditions = Dictionary(settings.probes.map { ($0.name, $0) }) { first, _ in first }
            .compactMapValues { $0.calculated != nil ? $0.name : $0.requires }
        let pools = Dictionary(settings.pools.map { ($0.name, $0.probe) }) { first, _ in first }
        var edges: [String: [(name: String, option: String)]] = [:]
        for probe in calculated {
            for (place, member) in (probe.calculated?.of ?? []).enumerated() {
                let option = "probes.\(probe.name).of[\(place)]"
                if let name = member.probe {
                    edges[probe.name, default: []].append((name, "\(option).probe"))
                } else if let pool = member.pool, let asked = pools[pool] ?? nil,
                    let name = conditions[asked]
                {
                    edges[probe.name, default: []].append((name, "\(option).pool"))
                }
            }
        }
        var depths: [String: Int] = [:]
        for start in calculated.map(\.name) where depths[start] == nil {
            var path: [String] = []
            follow(start, edges, &path, &depths)
        }
    }

    private func follow(
        _ name: String,
        _ edges: [String: [(name: String, option: String)]],
        _ path: inout [String],
        _ depths: inout [String: Int]
    ) {
        path.append(name)
        defer { path.removeLast() }
        var deepest = 0
        for edge in edges[name] ?? [] {
            if let first = path.firstIndex(of: edge.name) {
                let circle = path[first...] + [edge.name]
                report(
                    .checkLoop,
                    edge.option,
                    "calculated probes in a circle: " + circle.joined(separator: " -> ")
                )
                continue
            }
            // The recursion is bounded by the depth that is allowed.
            guard path.count < Self.policyDepth else {
                report(
                    .checkTooDeep,
                    edge.option,
                    "calculated probes depend on each other more than \(Self.policyDepth) deep"
                )
                continue
            }
            if depths[edge.name] == nil { follow(edge.name, edges, &path, &depths) }
            deepest = max(deepest, depths[edge.name] ?? 0)
        }
        depths[name] = deepest + 1
        guard deepest >= Self.policyDepth, path.count == 1 else { return }
        report(
            .checkTooDeep,
            edges[name]?.first?.option ?? "",
            "calculated probes depend on each other more than \(Self.policyDepth) deep"
        )
    }
}

extension PoolSettings {
    fileprivate func has(_ endpoint: String) -> Bool {
        endpoints.contains { $0.name == endpoint || $0.address.description == endpoint }
    }
    fileprivate var hasNames: Bool {
        endpoints.contains { if case .name = $0.address { true } else { false } }
    }
}
