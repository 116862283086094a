// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Checks across the whole file: names that must exist, circles, things never used.
struct CrossChecks {
    let reading: Reading
    let root: Section
    let settings: Settings
    let checks: OutsideChecks

    func run() {
        resolveReferences()
        findPolicyLoops()
        checkPolicySizes()
        checkLoadMarks()
        checkSettles()
        checkAddressProbes()
        checkTLSProbes()
        checkCalculated()
        checkMirrors()
        checkCaches()
        warnUnused()
    }

    private var names: [ReferenceKind: [String]] {
        // What the file defines, also where the definition itself is wrong: one mistake, one error.
        func keys(_ key: String) -> [String] {
            guard case .mapping(let entries)? = root.entries[key]?.value.content else { return [] }
            return entries.map(\.key)
        }
        return [
            .probe: keys("probes"), .pool: keys("pools"), .steer: keys("steer"),
            .cache: keys("caches"),
        ]
    }

    private func resolveReferences() {
        let names = names
        let known = names.mapValues(Set.init)
        for reference in reading.references
        where known[reference.kind]?.contains(reference.name) != true && reading.hasRoom() {
            let (code, noun): (DiagnosticCode, String) =
                switch reference.kind {
                case .probe: (.unknownProbe, "probe")
                case .pool: (.unknownPool, "pool")
                case .steer: (.unknownPolicy, "policy")
                case .cache: (.unknownCache, "cache")
                }
            let all = names[reference.kind] ?? []
            let suggestion =
                Spelling.nearest(to: reference.name, among: all).map { "did you mean `\($0)`?" }
                ?? listed(all, noun)
            reading.report(
                code,
                reference.range,
                option: reference.option,
                "there is no \(noun) `\(reference.name)`",
                suggestion
            )
        }
    }

    private func listed(_ names: [String], _ noun: String) -> String {
        if names.isEmpty { return "no \(noun) is defined" }
        return "defined: " + names.prefix(8).joined(separator: ", ")
            + (names.count > 8 ? ", ..." : "")
    }

    /// Policies inside policies by name: those who follow them recurse once per level.
    static let policyDepth = 16

    /// Follows `steer` references; a circle is reported at the reference that closes it.
    private func findPolicyLoops() {
        var edges: [String: [Reading.Reference]] = [:]
        for reference in reading.references
        where reference.kind == .steer && !reference.policy.isEmpty {
            edges[reference.policy, default: []].append(reference)
        }
        var depths: [String: Int] = [:]
        for start in edges.keys.sorted() where depths[start] == nil {
            follow(start, edges, &depths)
        }
    }

    private func follow(
        _ start: String,
        _ edges: [String: [Reading.Reference]],
        _ depths: inout [String: Int]
    ) {
        var path = [start]
        var onPath: Set<String> = [start]
        // Each frame is what is left to follow from the policy at the same place of `path`.
        var frames = [edges[start] ?? []]
        while let last = frames.indices.last {
            guard let reference = frames[last].popLast() else {
                frames.removeLast()
                let policy = path.removeLast()
                onPath.remove(policy)
                settle(policy, edges[policy] ?? [], &depths)
                continue
            }
            if onPath.contains(reference.name) {
                let first = path.firstIndex(of: reference.name) ?? 0
                let circle = path[first...] + [reference.name]
                reading.report(
                    .policyLoop,
                    reference.range,
                    option: reference.option,
                    "policies in a circle: " + circle.prefix(12).joined(separator: " -> ")
                )
            } else if depths[reference.name] == nil {
                path.append(reference.name)
                onPath.insert(reference.name)
                frames.append(edges[reference.name] ?? [])
            }
        }
    }

    private func settle(
        _ policy: String,
        _ references: [Reading.Reference],
        _ depths: inout [String: Int]
    ) {
        let deepest = references.max { depths[$0.name] ?? 0 < depths[$1.name] ?? 0 }
        let depth = (deepest.flatMap { depths[$0.name] } ?? 0) + 1
        depths[policy] = depth
        // Only where the bound is passed: everything above would say the same.
        guard depth == Self.policyDepth + 1, let deepest else { return }
        reading.report(
            .policyTooDeep,
            deepest.range,
            option: deepest.option,
            "policies refer to each other more than \(Self.policyDepth) deep"
        )
    }

    private func checkAddressProbes() {
        let portless = Set(
            settings.probes.filter { $0.port == nil && $0.asksPort }.map(\.name)
        )
        var reported: Set<String> = []
        for use in reading.addressProbes
        where portless.contains(use.name) && reported.insert(use.name).inserted {
            reading.report(
                .probeWithoutPort,
                use.range,
                option: use.option,
                "the probe `\(use.name)` checks plain addresses here and has no port",
                "set `port` in the probe"
            )
        }
    }

    private func warnUnused() {
        let used = Set(reading.references.map { "\($0.kind) \($0.name)" })
        let kinds: [(ReferenceKind, String, String)] = [
            (.probe, "probes", "probe"), (.pool, "pools", "pool"), (.steer, "steer", "policy"),
            (.cache, "caches", "cache"),
        ]
        for (kind, key, noun) in kinds {
            guard case .mapping(let entries)? = root.entries[key]?.value.content else { continue }
            var seen: Set<String> = []
            for entry in entries
            where seen.insert(entry.key).inserted && !used.contains("\(kind) \(entry.key)") {
                reading.report(
                    .unused,
                    entry.keyRange,
                    option: "\(key).\(entry.key)",
                    "the \(noun) `\(entry.key)` is never used"
                )
            }
        }
    }
}
