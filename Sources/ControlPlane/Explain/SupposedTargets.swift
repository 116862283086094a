// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials

/// Finds the endpoints that a supposition means.
///
/// An address stands for every endpoint at it, the name of a pool or probe for all of it. A name that
/// could mean one thing or another means neither.
struct SupposedTargets {
    /// One thing that a name can stand for.
    private struct Meaning {
        /// How it is written so that it means nothing else.
        var word: String
        var slots: [Int]
    }

    private let pools: [PoolView]
    private let settings: Settings
    /// Names in one list of an error.
    private static let shown = 12

    init(_ view: ControlView) {
        pools = view.pools
        settings = view.settings
    }

    /// The slots, in order, each once.
    func slots(of what: String) throws(Problem) -> [Int] {
        let meanings = meanings(of: what)
        guard let first = meanings.first else { throw unknown(what) }
        let sets = Set(meanings.map { Set($0.slots) })
        guard sets.count == 1 else {
            let words = meanings.map { "'\($0.word)'" }
            throw Problem(
                .ambiguousName,
                "'\(what)' can mean \(list(words, SupposedTargets.shown)): write one of these."
            )
        }
        var seen: Set<Int> = []
        return first.slots.filter { seen.insert($0).inserted }
    }

    /// `POOL/ENDPOINT` of a slot.
    func name(of slot: Int) -> String {
        for pool in pools {
            if let endpoint = pool.endpoints.first(where: { $0.slot == slot }) {
                return "\(pool.label)/\(endpoint.name)"
            }
        }
        return "slot \(slot)"
    }

    private func meanings(of what: String) -> [Meaning] {
        if let address = IPAddress(what) {
            return meaning(what, all { $0.address?.ip == address })
        }
        if let place = SocketAddress(what) {
            let found = meaning(what, all { $0.address == place })
            if !found.isEmpty { return found }
        }
        if let name = what.suffix(behind: "pool:") { return pool(named: name) }
        if let name = what.suffix(behind: "probe:") { return probe(named: name) }
        for pool in pools {
            guard let name = what.suffix(behind: "\(pool.label)/") else { continue }
            let found = meaning(what, SupposedTargets.slots(in: pool, named: name))
            if !found.isEmpty { return found }
        }
        return pools.flatMap { pool in
            let slots = SupposedTargets.slots(in: pool, named: what)
            return meaning("\(pool.label)/\(what)", slots)
        } + pool(named: what) + probe(named: what)
    }

    private func meaning(_ word: String, _ slots: [Int]) -> [Meaning] {
        slots.isEmpty ? [] : [Meaning(word: word, slots: slots)]
    }

    private func all(_ fits: (EndpointView) -> Bool) -> [Int] {
        pools.flatMap { $0.endpoints.filter(fits).map(\.slot) }
    }

    private static func slots(in pool: PoolView, named name: String) -> [Int] {
        let address = IPAddress(name)
        return pool.endpoints.filter { endpoint in
            endpoint.name == name || endpoint.configuredName == name
                || endpoint.address?.description == name
                || address != nil && endpoint.address?.ip == address
        }.map(\.slot)
    }

    private func pool(named name: String) -> [Meaning] {
        pools.filter { $0.label == name }.flatMap { pool in
            meaning(
                pool.isSteer ? pool.label : "pool:\(name)",
                pool.endpoints.map(\.slot)
            )
        }
    }

    /// Everything that the probe decides on, as its own check or as a condition.
    private func probe(named name: String) -> [Meaning] {
        guard settings.probes.contains(where: { $0.name == name }) else { return [] }
        let names = Set([name] + settings.probes.filter { $0.requires == name }.map(\.name))
        var slots: [Int] = []
        for pool in pools where !pool.isSteer {
            let probe = settings.pools.first { $0.name == pool.name }?.probe
            if let probe, names.contains(probe) { slots += pool.endpoints.map(\.slot) }
        }
        for policy in settings.steer {
            let addresses = policy.policy.addresses(probes: names)
            let endpoints = pools.first { $0.isSteer && $0.name == policy.name }?.endpoints ?? []
            slots += endpoints.filter { endpoint in
                endpoint.address.map { addresses.contains($0.ip) } ?? false
            }.map(\.slot)
        }
        return meaning("probe:\(name)", slots)
    }

    // MARK: Errors

    private func unknown(_ what: String) -> Problem {
        let endpoints = pools.flatMap { pool in
            pool.endpoints.map { "\(pool.label)/\($0.name)" }
        }
        let short = pools.flatMap { $0.endpoints.map(\.configuredName) }
        let names = pools.map(\.label)
        let probes = settings.probes.map(\.name)
        let near = Spelling.nearest(to: what, among: short + names + probes + endpoints)
        let hint = near.map { "; did you mean '\($0)'?" } ?? "."
        var text = "Nothing that has a state is called '\(what)'\(hint)"
        for (kind, all) in [("endpoints", endpoints), ("pools", names), ("probes", probes)]
        where !all.isEmpty {
            text += " There are the \(kind) \(list(all, SupposedTargets.shown))."
        }
        return Problem(.unknownName, text)
    }

    private func list(_ names: [String], _ limit: Int) -> String {
        var seen: Set<String> = []
        let unique = names.filter { seen.insert($0).inserted }
        let rest = unique.count - limit
        return unique.prefix(limit).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }
}

extension String {
    /// What follows a beginning; nil when the text begins otherwise, or with nothing else.
    fileprivate func suffix(behind beginning: String) -> String? {
        guard hasPrefix(beginning), count > beginning.count else { return nil }
        return String(dropFirst(beginning.count))
    }
}

extension PolicySettings {
    /// The plain addresses that one of these probes decides on.
    fileprivate func addresses(probes: Set<String>) -> Set<IPAddress> {
        if case .address(let ip, let probe) = kind {
            return probe.map(probes.contains) ?? false ? [ip] : []
        }
        return kind.branches.reduce(into: []) {
            $0.formUnion($1.policy.addresses(probes: probes))
        }
    }
}
