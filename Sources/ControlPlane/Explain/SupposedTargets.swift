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

    /// An endpoint in a list of pools.
    private struct Place {
        var pool: Int
        var slot: Int
        var address: SocketAddress?
    }

    private let pools: [PoolView]
    private let settings: Settings
    // Looked through once: a question may suppose something of thousands.
    private let names: [Int: String]
    private var named: [String: [Place]] = [:]
    private var labelled: [String: [Int]] = [:]
    private var addressed: [IPAddress: [Place]] = [:]
    /// Names in one list of an error.
    private static let shown = 12

    init(_ view: ControlView) {
        pools = view.pools
        settings = view.settings
        names = view.endpointNames
        for (number, pool) in pools.enumerated() {
            labelled[pool.label, default: []].append(number)
            for endpoint in pool.endpoints { add(endpoint, in: number) }
        }
    }

    private mutating func add(_ endpoint: EndpointView, in pool: Int) {
        let address = endpoint.address
        let place = Place(pool: pool, slot: endpoint.slot, address: address)
        let words = [endpoint.name, endpoint.configuredName] + (address.map { ["\($0)"] } ?? [])
        for word in Set(words) { named[word, default: []].append(place) }
        if let address { addressed[address.ip, default: []].append(place) }
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
        names[slot] ?? "slot \(slot)"
    }

    private func meanings(of what: String) -> [Meaning] {
        if let address = IPAddress(what) {
            return meaning(what, (addressed[address] ?? []).map(\.slot))
        }
        if let address = SocketAddress(what) {
            let all = (addressed[address.ip] ?? []).filter { $0.address == address }
            let found = meaning(what, all.map(\.slot))
            if !found.isEmpty { return found }
        }
        if let name = what.suffix(behind: "pool:") { return pool(named: name) }
        if let name = what.suffix(behind: "probe:") { return probe(named: name) }
        for slash in what.indices where what[slash] == "/" {
            let name = String(what[slash...].dropFirst())
            for number in labelled[String(what[..<slash])] ?? [] {
                let found = meaning(what, slots(in: number, named: name))
                if !found.isEmpty { return found }
            }
        }
        let numbers = Set((named[what] ?? []).map(\.pool)).sorted()
        return numbers.flatMap { number in
            meaning("\(pools[number].label)/\(what)", slots(in: number, named: what))
        } + pool(named: what) + probe(named: what)
    }

    private func meaning(_ word: String, _ slots: [Int]) -> [Meaning] {
        slots.isEmpty ? [] : [Meaning(word: word, slots: slots)]
    }

    private func slots(in pool: Int, named name: String) -> [Int] {
        let byName = named[name] ?? []
        let byAddress = IPAddress(name).flatMap { addressed[$0] } ?? []
        return (byName + byAddress).filter { $0.pool == pool }.map(\.slot)
    }

    private func pool(named name: String) -> [Meaning] {
        (labelled[name] ?? []).flatMap { number in
            let pool = pools[number]
            return meaning(
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
        for pool in settings.pools {
            guard let probe = pool.probe, names.contains(probe) else { continue }
            slots += endpoints(pool.name).map(\.slot)
        }
        for policy in settings.steer {
            let decided = policy.policy.addresses(PolicyAddresses(policy.policy), probes: names)
            slots += endpoints("steer:\(policy.name)").filter { decided.contains($0.name) }
                .map(\.slot)
        }
        return meaning("probe:\(name)", slots)
    }

    private func endpoints(_ label: String) -> [EndpointView] {
        labelled[label]?.first.map { pools[$0].endpoints } ?? []
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
    /// The plain addresses that one of these probes decides on, as endpoints are called.
    fileprivate func addresses(
        _ addresses: PolicyAddresses,
        probes: Set<String>
    ) -> Set<String> {
        if case .address(let ip, let probe) = kind {
            let isDecided = probe.map(probes.contains) ?? false
            return isDecided ? [addresses.name(ip, probe: probe)] : []
        }
        return kind.branches.reduce(into: []) {
            $0.formUnion($1.policy.addresses(addresses, probes: probes))
        }
    }
}
