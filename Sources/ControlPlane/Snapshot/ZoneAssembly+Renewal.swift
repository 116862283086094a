// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// One zone read again, beside all others as they are.
extension ZoneAssembly {
    /// What came of reading one zone again.
    enum Renewal {
        /// The zones that have changed, this one among them, and what is noteworthy about it.
        case done(ZoneTable, [ZoneDiagnostic], RebasedZone?)
        /// Its file is faulty.
        case faulty(ZoneFault)
        /// It has to do with aliases, or too much has changed: all zones are to be read.
        case needsAll
    }

    /// As many sets as zones that have changed may hold before all are put together again: they
    /// are copied with each change, which takes a tenth of a second for so many.
    static let changedLimit = 500_000

    /// Reads one zone again, and puts it with those that have changed before.
    func renew(_ zone: ZoneSettings, changed: ZoneTable) -> Renewal {
        if let fault = unsignable(zone) { return .faulty(fault) }
        guard let apex = DomainName(zone.name)?.lowercased, let former else { return .needsAll }
        let others = changed.usableZone(apex) == nil || changed.zoneCount > 1
        if former.isAliased(zone.name) || others && changed.setCount > ZoneAssembly.changedLimit {
            return .needsAll
        }
        var builder = ZoneTableBuilder()
        var rebased: [DomainName: RebasedZone] = [:]
        let unreadable = begin(zone, apex, in: &builder, &rebased)
        if builder.hasAliases { return .needsAll }
        let build = builder.build()
        guard let fresh = build.table, unreadable == nil else {
            return .faulty(fault(zone, 0, build, unreadable))
        }
        let warnings = build.diagnostics(ofZone: 0)
        if let table = ZoneAssembly.joined(changed, with: fresh) {
            return .done(table, warnings, rebased[apex])
        }
        return rebuild(zone, apex, changed)
    }

    // Zones inside one another are made from their records, together.
    private func rebuild(
        _ zone: ZoneSettings,
        _ apex: DomainName,
        _ changed: ZoneTable
    ) -> Renewal {
        var builder = ZoneTableBuilder()
        builder.add(changed, without: [apex])
        let number = builder.zoneCount
        var rebased: [DomainName: RebasedZone] = [:]
        let unreadable = begin(zone, apex, in: &builder, &rebased)
        let build = builder.build()
        if let table = build.table, unreadable == nil {
            return .done(table, build.diagnostics(ofZone: number), rebased[apex])
        }
        guard build.faultyZones.subtracting([number]).isEmpty else { return .needsAll }
        // What lies over it may be in the way.
        if unreadable == nil, former?.has(zone.name) != true,
            overlays.stored(zone, apex.lowercased) != nil
        {
            return .needsAll
        }
        return .faulty(fault(zone, number, build, unreadable))
    }

    private func begin(
        _ zone: ZoneSettings,
        _ apex: DomainName,
        in builder: inout ZoneTableBuilder,
        _ rebased: inout [DomainName: RebasedZone]
    ) -> ReloadProblem? {
        builder.seconds = Clock.seconds
        builder.beginZone(apex, source: source(of: zone))
        if let signing = zone.dnssec {
            builder.markSignedHere(holding: ZoneAssembly.seconds(signing.signatureRefresh))
        }
        return read(zone, apex, into: &builder, &rebased)
    }

    /// Zones that have changed, with others in the place of their former versions; nil when they
    /// have to be made from their records.
    static func joined(_ changed: ZoneTable, with fresh: ZoneTable) -> ZoneTable? {
        ZoneTable.joined([
            ZonePart(changed, without: Set(fresh.zoneNames)), ZonePart(fresh),
        ])
    }
}

extension ZoneAssembly {
    /// A zone as the configuration and its file have it now, without what lies over it.
    static func configured(
        _ zone: ZoneSettings,
        _ settings: Settings,
        path: String
    ) throws(ReloadProblem) -> ZoneTable {
        let reader = ZoneAssembly(
            settings,
            path: path,
            former: FormerZones(all: .empty, changed: .empty, policies: [])
        )
        let unknown = ReloadProblem.start("M1518", "it is faulty", "'martlet check' says where")
        switch reader.renew(zone, changed: .empty) {
        case .done(let table, _, _): return table
        case .faulty(let fault): throw fault.problems.first ?? unknown
        case .needsAll:
            // Where its aliases lead does not matter: no answer is made of it.
            let result = try? reader.table([zone])
            guard let found = result, found.faults.isEmpty else {
                throw result?.faults.first?.problems.first ?? unknown
            }
            return found.table
        }
    }
}
