// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    private static let usualLeaders = ["leader", "primary", "master", "true"]

    /// How a probe's answer says who leads; nil when it does not.
    func role(_ probe: Section) -> RoleSettings? {
        guard probe.has("role") else { return nil }
        let section = probe.group("role")
        let statuses = section.statuses("status")
        let field = section.text("field")
        let given = section.texts("leader").map { $0.lowercased() }
        let leader = given.isEmpty ? Self.usualLeaders : given
        if section.has("status"), section.has("field") {
            section.fault(.excludingKeys, "field", "a role is told by `status` or by `field`")
        }
        if section.has("leader"), !section.has("field") {
            section.fault(.keyWithoutOther, "leader", "`leader` has no meaning without `field`")
        }
        if section.has("status") { return .status(statuses) }
        guard let field else {
            section.report(
                .missingKey,
                section.nameRange,
                "\(section.title) does not say how a role is told",
                "`status`, such as `status: 200`, or `field`, such as `field: role`"
            )
            return nil
        }
        if probe.word("method", ProbeMethod.get) == .head {
            section.fault(.excludingKeys, "field", "the answer to HEAD has no body to read")
        }
        return .field(field.split(separator: ".").map(String.init), leader: leader)
    }

    /// With `status` those who do not lead answer something else, and are down unless it is expected.
    func checkReplicas(_ http: HTTPProbeSettings, _ probe: Section) {
        guard case .status(let leaders)? = http.role else { return }
        let isOther = http.expect.ranges.contains { $0.contains { !leaders.contains($0) } }
        guard !isOther else { return }
        let key = probe.has("expect") ? "expect" : "role"
        probe.fault(
            .replicasDown,
            key,
            "\(probe.title) expects \(http.expect), which are the statuses of a leader: replicas "
                + "are down",
            "name what they answer in `expect` as well"
        )
    }

    /// Pools that go by roles need a probe that tells them, and no cookie that says otherwise.
    func checkRoles(_ pools: [(PoolSettings, Section)], _ probes: [ProbeSettings]) {
        let telling = Set(probes.filter(\.tellsRole).map(\.name))
        for (pool, section) in pools where pool.goesByRole {
            let key = pool.writes == .leader ? "writes" : "reads"
            if !telling.contains(pool.probe ?? "") {
                section.fault(
                    .roleWithoutProbe,
                    key,
                    "`\(key)` goes by roles, and no probe of \(section.title) tells them",
                    "give its probe a `role`"
                )
            }
            if pool.sticky != nil {
                section.fault(
                    .excludingKeys,
                    key,
                    "`sticky` keeps a client at one endpoint, and `\(key)` goes by the method"
                )
            }
        }
    }
}

extension ProbeSettings {
    fileprivate var tellsRole: Bool {
        guard case .http(let http) = check else { return false }
        return http.role != nil
    }
}

extension PoolSettings {
    fileprivate var goesByRole: Bool { writes == .leader || reads == .replicas }
}
