// SPDX-License-Identifier: Apache-2.0
internal import Configuration

/// Finds the probes whose verdicts bring a target down: its own, or those that a calculated one is
/// made of in the end.
///
/// A calculated probe asks nobody, so it has no rhythm: it follows its members at once. So many of
/// them must fail that too few are left, and any of them can be the last to be noticed: where the
/// others have failed before, the slowest of all decides.
struct DecidingProbes {
    /// A probe that can have the last word.
    struct Decider: Hashable {
        var probe: String
        /// True when it is its coming up that brings the target down: below a `not`.
        var comesUp = false
    }

    private let probes: [String: ProbeSettings]
    private let pools: [String: String?]
    private var known: [String: [Decider]] = [:]

    init(_ settings: Settings) {
        probes = Dictionary(settings.probes.map { ($0.name, $0) }) { first, _ in first }
        pools = Dictionary(settings.pools.map { ($0.name, $0.probe) }) { first, _ in first }
    }

    /// What the configuration says of a probe.
    func settings(_ name: String) -> ProbeSettings? { probes[name] }

    /// The probes that decide on what follows this one, each once; none where nothing is ever
    /// noticed.
    mutating func deciders(on name: String) -> [Decider] {
        if let found = known[name] { return found }
        // A file that is refused may have circles.
        known[name] = []
        let found = probes[name].map { find($0) } ?? []
        known[name] = found
        return found
    }

    private mutating func find(_ probe: ProbeSettings) -> [Decider] {
        guard let calculated = probe.calculated else { return [Decider(probe: probe.name)] }
        // How many may be unwell. What nobody probes is always well, and its opposite never is.
        var spare = calculated.of.count - (calculated.atLeast ?? calculated.of.count)
        var noticed: [[Decider]] = []
        for member in calculated.of {
            let asked = member.probe ?? member.pool.flatMap { pools[$0] ?? nil }
            let part = asked.map { deciders(on: $0) } ?? []
            if !part.isEmpty {
                noticed.append(member.not ? part.map(\.opposite) : part)
            } else if member.not {
                spare -= 1
            }
        }
        guard noticed.count > spare else { return [] }
        var seen: Set<Decider> = []
        return noticed.joined().filter { seen.insert($0).inserted }
    }
}

extension DecidingProbes.Decider {
    fileprivate var opposite: Self { Self(probe: probe, comesUp: !comesUp) }
}
