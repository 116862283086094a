// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// A zone whose file is faulty.
struct ZoneFault: Sendable {
    /// Its name, as the configuration has it.
    var zone: String
    /// The version before is served on; otherwise all of the zone is answered SERVFAIL.
    var keepsFormer: Bool
    /// What is wrong, for the log and the API.
    var problems: [ReloadProblem]
    /// The same with its places, for a report.
    var diagnostics: [ZoneDiagnostic]
    /// It is served, without some of what was changed of it.
    var isPartial = false

    /// The word for what is answered.
    var state: String { isPartial ? "partial" : keepsFormer ? "former" : "unusable" }

    /// What is answered for the zone meanwhile.
    var consequence: String {
        guard !isPartial else { return "zone \(zone) is served without some of its changes" }
        return keepsFormer
            ? "zone \(zone) keeps its former version"
            : "zone \(zone) is answered SERVFAIL until its file is mended"
    }

    /// The object of the answer to a reload.
    var json: JSONValue {
        [
            "zone": .string(zone),
            "state": .string(state),
            "consequence": .string(consequence),
            "problems": .array(problems.map(\.json)),
        ]
    }
}

/// The zones in force, for those whose files have become faulty since.
struct FormerZones: Sendable {
    let all: ZoneTable
    /// Those that have changed since `all` was made.
    let changed: ZoneTable
    /// The names of the policies, by their numbers in the tables.
    let policies: [String]

    /// True when there is a version of the zone that was served.
    func has(_ zone: String) -> Bool { place(zone) != nil }

    /// What the zone holds; nil when it was not served.
    func contents(_ zone: String) -> [ZoneContent]? {
        place(zone).map { $0.table.contents(ofZone: $0.number) }
    }

    /// True when an alias begins in the zone or leads through it.
    func isAliased(_ zone: String) -> Bool {
        guard all.hasAliases else { return false }
        return DomainName(zone).flatMap { all.usableZone($0) }.map { all.hasAliases(zone: $0) }
            ?? true
    }

    private func place(_ zone: String) -> (table: ZoneTable, number: Int)? {
        guard let apex = DomainName(zone) else { return nil }
        for table in [changed, all] {
            if let number = table.usableZone(apex) { return (table, number) }
        }
        return nil
    }

    /// The number of a policy now, for its number then.
    func number(_ number: Int, in present: [String: (number: Int, ttl: Interval)]) -> Int? {
        guard policies.indices.contains(number) else { return nil }
        return present[policies[number]]?.number
    }

    /// The same for a policy of the configuration; nil for one of a record of the store.
    func configuredNumber(
        _ number: Int,
        in present: [String: (number: Int, ttl: Interval)]
    ) -> Int? {
        guard policies.indices.contains(number), !DynamicRecord.isPolicy(policies[number]) else {
            return nil
        }
        return present[policies[number]]?.number
    }
}
