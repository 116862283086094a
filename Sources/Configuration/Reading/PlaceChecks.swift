// SPDX-License-Identifier: Apache-2.0

/// Policies that ask where clients are while nothing says so.
struct PlaceChecks {
    let reading: Reading
    let root: Section

    func run(_ settings: Settings) {
        // With errors a source may be missing only because what was written cannot be read.
        guard !reading.diagnostics.contains(where: { $0.severity == .error }) else { return }
        let unplaced = settings.unplacedPolicies
        guard !unplaced.isEmpty, case .mapping(let policies)? = root.entries["steer"]?.value.content
        else { return }
        let ranges = Dictionary(policies.map { ($0.key, $0.keyRange) }) { first, _ in first }
        for policy in unplaced {
            guard let range = ranges[policy.name] else { continue }
            reading.report(
                .unplacedPolicy,
                range,
                option: "steer.\(policy.name)",
                "policy `\(policy.name)` \(policy.question), and nothing says it: "
                    + "every client is answered as one of whom nothing is known",
                policy.source
            )
        }
    }
}

extension UnplacedPolicy {
    fileprivate var question: String {
        guard missesPlaces else { return "asks for autonomous systems" }
        return "asks where clients are" + (missesSystems ? " and for autonomous systems" : "")
    }

    fileprivate var source: String {
        guard missesPlaces else {
            return "name a database in `geo.asn`, or give `asn` in `geo.networks`"
        }
        let others = missesSystems ? " and one in `geo.asn`" : ""
        return "name a database in `geo.database`\(others), or places in `geo.networks`"
    }
}
