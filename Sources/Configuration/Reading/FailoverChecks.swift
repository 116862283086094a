// SPDX-License-Identifier: Apache-2.0

/// Policies whose failover may take longer than they say.
struct FailoverChecks {
    let reading: Reading
    let root: Section

    func run(_ settings: Settings, _ checks: OutsideChecks) {
        // With errors the settings are no more than the defaults of what is wrong.
        guard settings.steer.contains(where: { $0.failoverWithin != nil }),
            !reading.diagnostics.contains(where: { $0.severity == .error })
        else { return }
        for finding in checks.failover(settings) {
            guard let range = range(of: finding.policy) else { continue }
            reading.report(
                .slowFailover,
                range,
                option: "steer.\(finding.policy).failover-within",
                finding.message,
                finding.suggestion
            )
        }
    }

    /// Where the bound of a policy stands.
    private func range(of policy: String) -> SourceRange? {
        guard case .mapping(let policies)? = root.entries["steer"]?.value.content,
            case .mapping(let options)? = policies.first(where: { $0.key == policy })?.value.content
        else { return nil }
        return options.first { $0.key == "failover-within" }?.value.range
    }
}
