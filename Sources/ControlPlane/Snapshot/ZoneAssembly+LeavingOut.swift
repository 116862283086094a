// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Sets of the store that cannot be laid over a zone as the configuration has it now: the rest of
/// the zone is served without them.
struct LeftOutSets: Sendable {
    var keys: Set<RecordSetKey>
    /// What is wrong with them, in the order of their names.
    var problems: [RecordSetKey: ReloadProblem]

    /// The fault of the zone.
    func fault(_ zone: String) -> ZoneFault {
        let order = problems.sorted { a, b in
            ("\(a.key.owner)", a.key.type.rawValue) < ("\(b.key.owner)", b.key.type.rawValue)
        }
        var fault = ZoneFault(
            zone: zone,
            keepsFormer: false,
            problems: order.map(\.value),
            diagnostics: []
        )
        fault.isPartial = true
        return fault
    }
}

/// One set of many must not take a whole zone down at a start: what is in the way is looked for by
/// halves, each laid over the zone as all would be.
extension ZoneAssembly {
    /// Tries for one zone; what has not been tried then is left out with the rest.
    static let fittingLimit = 64

    /// The sets that are in the way of a zone; nil when it cannot be served without them either.
    func leftOut(of zone: ZoneSettings, _ apex: DomainName) -> LeftOutSets? {
        // What is served is rather kept than cut down.
        guard former?.has(zone.name) != true, let stored = overlays.stored(zone, apex),
            !stored.sets.isEmpty
        else { return nil }
        let order = stored.sets.keys.sorted { isBefore($0, $1, apex) }
        // A zone of the API is nothing without these.
        let core = stored.kind.isWhole ? order.filter { isCore($0, apex) } : []
        var search = Search(kept: Set(core))
        guard reason(against: search.kept, zone, stored) == nil else { return nil }
        fit(order.dropFirst(core.count), zone, stored, &search)
        guard !search.left.isEmpty else { return nil }
        var left = LeftOutSets(keys: Set(search.left.keys), problems: [:])
        for (key, reason) in search.left {
            left.problems[key] = .start(
                "M3170",
                "what was changed of \(key.owner) \(key.type) in zone \(apex) cannot be served, and "
                    + "is left out: \(reason)",
                "change that set again, or mend what is beside it in the configuration and restart; "
                    + "'martlet zone discard \(apex)' takes all changes of the zone back"
            )
        }
        return left
    }

    private struct Search {
        var kept: Set<RecordSetKey>
        var left: [RecordSetKey: String] = [:]
        var tries = 0
    }

    private func fit(
        _ keys: ArraySlice<RecordSetKey>,
        _ zone: ZoneSettings,
        _ stored: StoredZone,
        _ search: inout Search
    ) {
        guard !keys.isEmpty else { return }
        search.tries += 1
        guard search.tries <= ZoneAssembly.fittingLimit else {
            for key in keys { search.left[key] = "too many others are in the way" }
            return
        }
        guard let reason = reason(against: search.kept.union(keys), zone, stored) else {
            search.kept.formUnion(keys)
            return
        }
        guard keys.count > 1 else {
            for key in keys { search.left[key] = reason }
            return
        }
        let middle = keys.startIndex + keys.count / 2
        fit(keys[..<middle], zone, stored, &search)
        fit(keys[middle...], zone, stored, &search)
    }

    // Why a zone cannot be served with these sets; nil when it can.
    private func reason(
        against keys: Set<RecordSetKey>,
        _ zone: ZoneSettings,
        _ stored: StoredZone
    ) -> String? {
        var trial = self
        trial.overlays.zones[stored.name]?.sets = stored.sets.filter { keys.contains($0.key) }
        let (build, unreadable) = trial.build([zone], without: [:])
        guard build.table == nil || !unreadable.isEmpty else { return nil }
        let found = build.diagnostics.first { $0.severity == .error }.map(\.message)
        return found ?? unreadable[0]?.text ?? "it has errors"
    }

    private func isCore(_ key: RecordSetKey, _ apex: DomainName) -> Bool {
        key.owner == apex && (key.type == .SOA || key.type == .NS)
    }

    // What the zone needs comes first, and then what is told of sooner.
    private func isBefore(_ a: RecordSetKey, _ b: RecordSetKey, _ apex: DomainName) -> Bool {
        let (isFirst, isSecond) = (isCore(a, apex), isCore(b, apex))
        if isFirst != isSecond { return isFirst }
        if a.owner != b.owner {
            return a.owner.wire.lexicographicallyPrecedes(b.owner.wire)
        }
        return a.type.rawValue < b.type.rawValue
    }
}

extension ZoneOverlays {
    /// Leaves sets out; what is kept on the disk stays there until it is changed again.
    mutating func leave(_ left: LeftOutSets, of apex: DomainName) {
        for key in left.keys { zones[apex]?.sets[key] = nil }
        leftOut[apex] = left
    }

    /// Sets that have been changed again are not left out any more.
    mutating func settle(_ commit: ZoneCommit) {
        let name = commit.zone.name
        guard var left = leftOut[name] else { return }
        left.keys.subtract(commit.sets.keys)
        for key in commit.sets.keys { left.problems[key] = nil }
        leftOut[name] = left.keys.isEmpty || commit.isRemoval || commit.replacesAll ? nil : left
    }

    /// The faults of zones that are served without some of their sets.
    var partialFaults: [ZoneFault] {
        leftOut.map { $0.value.fault("\($0.key)") }.sorted { $0.zone < $1.zone }
    }
}
