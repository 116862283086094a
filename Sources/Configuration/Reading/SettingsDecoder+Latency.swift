// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Round trips, and the policies that go by them.
extension SettingsDecoder {
    /// Branches of one `latency`: each order is made of comparisons between all of them.
    private static let targetLimit = 64

    func latency(_ section: Section) -> RoundTripSettings {
        var settings = RoundTripSettings()
        settings.file = section.text("file").map(resolve(path:))
        settings.site = section.text("site")
        settings.minSamples = section.integer("min-samples")
        settings.maxAge = section.interval("max-age")
        settings.margin = section.percentage("margin")
        settings.minGain = section.interval("min-gain")
        settings.interval = section.interval("interval")
        settings.rows = section.integer("rows")
        return settings
    }

    /// What the branches of one `latency` are called.
    func checkTargets(_ section: Section, _ branches: [BranchSettings]) {
        if branches.count > Self.targetLimit {
            section.fault(
                .tooMany,
                "latency",
                "`latency` of \(section.title) has \(branches.count) branches, at most "
                    + "\(Self.targetLimit) are compared"
            )
        }
        var owners: [String: Int] = [:]
        for (index, branch) in branches.enumerated() {
            let name = branch.targetName
            guard !name.isEmpty else {
                section.fault(
                    .unnamedTarget,
                    "latency",
                    "measurements cannot name branch \(index + 1) of \(section.title)",
                    "give it a `target`, such as `target: fra`"
                )
                continue
            }
            guard let first = owners.updateValue(index, forKey: name) else { continue }
            section.fault(
                .duplicateTarget,
                "latency",
                "branches \(first + 1) and \(index + 1) are both the target `\(name)`",
                "give each a `target` of its own, or use `failover` inside one branch"
            )
        }
    }

    /// What measurements and policies make of each other.
    func checkLatency(_ settings: Settings, _ root: Section) {
        let section = root.group("latency")
        let policies = settings.steer.map { ($0.name, $0.policy.latencyPolicies) }
            .filter { !$0.1.isEmpty }
        let names = Set(policies.flatMap { $0.1.flatMap { $0.map(\.targetName) } })
        checkSite(settings, section, names)
        checkFile(settings.latency, section, names)
        if names.isEmpty {
            for key in ["file", "site"] where section.has(key) {
                section.fault(
                    .idleMeasurements,
                    key,
                    "`latency.\(key)` is given, and no policy goes by `latency`"
                )
            }
        }
        let measures = settings.listeners.contains { $0.measuresRTT }
        guard settings.latency.file == nil, !measures || settings.latency.site == nil else {
            return
        }
        warnBlind(policies, root)
    }

    private func checkSite(_ settings: Settings, _ section: Section, _ names: Set<String>) {
        let measures = settings.listeners.contains { $0.measuresRTT }
        guard let site = settings.latency.site else {
            guard measures else { return }
            section.report(
                .measuredForNobody,
                section.nameRange,
                key: "site",
                "listeners have `measure-rtt`, and nothing says for which target",
                "set `latency.site` to the target that this process is"
            )
            return
        }
        if !names.isEmpty, !names.contains(site) {
            section.fault(
                .unknownTarget,
                "site",
                "no branch of a `latency` is the target `\(site)`",
                Spelling.nearest(to: site, among: names.sorted()).map { "did you mean `\($0)`?" }
                    ?? "targets: " + names.sorted().prefix(8).joined(separator: ", ")
            )
        }
        if !measures {
            section.fault(
                .idleMeasurements,
                "site",
                "`latency.site` is given, and no listener has `measure-rtt: true`"
            )
        }
    }

    /// The file as it is now; what is wrong with it is told by its own lines.
    private func checkFile(
        _ latency: RoundTripSettings,
        _ section: Section,
        _ names: Set<String>
    ) {
        guard let path = latency.file else { return }
        let found = checks.measurements(path)
        for fault in found.faults.prefix(20) {
            add(.badMeasurements, fault, path, nil)
        }
        guard found.faults.isEmpty, !names.isEmpty else { return }
        if found.isRead, found.targets.isEmpty {
            section.fault(
                .emptyMeasurements,
                "file",
                "`\(path)` has no row",
                "without measurements the nearest branch serves"
            )
        }
        for target in found.targets.filter({ !names.contains($0.name) }).prefix(20) {
            add(
                .unknownTarget,
                OutsideChecks.ZoneFileFault(
                    position: target.position,
                    message: "no branch of a `latency` is the target `\(target.name)`"
                ),
                path,
                Spelling.nearest(to: target.name, among: names.sorted())
                    .map { "did you mean `\($0)`?" } ?? "its rows are passed over"
            )
        }
    }

    private func add(
        _ code: DiagnosticCode,
        _ fault: OutsideChecks.ZoneFileFault,
        _ path: String,
        _ suggestion: String?
    ) {
        reading.add(
            Diagnostic(
                code: code,
                file: path,
                range: SourceRange(start: fault.position, end: fault.position),
                option: "latency.file",
                message: SourceLines.message(fault.message),
                suggestion: suggestion.map(SourceLines.message),
                excerpt: SourceLines.message(fault.excerpt)
            )
        )
    }

    /// Branches that nothing orders until somebody sends measurements.
    private func warnBlind(_ policies: [(String, [[BranchSettings]])], _ root: Section) {
        guard case .mapping(let ranges)? = root.entries["steer"]?.value.content else { return }
        for (name, lists) in policies {
            let labels = lists.flatMap { list in
                list.enumerated().filter { $1.position == nil }.map { place, branch in
                    branch.targetName.isEmpty ? "branch \(place + 1)" : "`\(branch.targetName)`"
                }
            }
            guard let first = labels.first,
                let range = ranges.first(where: { $0.key == name })?.keyRange
            else { continue }
            reading.report(
                .unplacedTarget,
                range,
                option: "steer.\(name)",
                "\(first) of policy \(name) has no `at`, and there are no measurements: "
                    + "it comes last for everybody",
                "give it `at`, or set `latency.file` or `latency.site`; measurements by the API "
                    + "count too"
            )
        }
    }
}

extension ListenerSettings {
    /// True when the round trips of its clients are measured.
    var measuresRTT: Bool {
        if case .http(let listener) = self { listener.measureRTT } else { false }
    }
}

extension PolicySettings {
    /// The branches of each `latency` in it, those of policies that it names not counted.
    var latencyPolicies: [[BranchSettings]] {
        let inner = kind.branches.flatMap { $0.policy.latencyPolicies }
        if case .latency(let branches) = kind { return [branches] + inner }
        return inner
    }
}

extension Settings {
    /// The targets that branches of `latency` have.
    public var latencyTargets: Set<String> {
        Set(steer.flatMap { $0.policy.latencyPolicies.flatMap { $0.map(\.targetName) } })
    }
}
