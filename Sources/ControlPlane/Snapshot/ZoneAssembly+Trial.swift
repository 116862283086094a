// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer

extension ZoneAssembly {
    /// Lays changed zones out, beside those that have changed before.
    static func trial(
        _ zones: [(DomainName, ZoneRecords?)],
        changed: ZoneTable
    ) -> (table: ZoneTable?, faults: [ZoneDiagnostic]) {
        let gone = Set(zones.map(\.0))
        let alone = laidOut(zones, beside: .empty, without: [])
        guard let fresh = alone.table else { return (nil, alone.diagnostics) }
        let parts = [ZonePart(changed, without: gone), ZonePart(fresh)]
        if let table = ZoneTable.joined(parts) { return (table, []) }
        let build = laidOut(zones, beside: changed, without: gone)
        return (build.table, build.table == nil ? build.diagnostics : [])
    }

    private static func laidOut(
        _ zones: [(DomainName, ZoneRecords?)],
        beside changed: ZoneTable,
        without gone: Set<DomainName>
    ) -> ZoneBuild {
        var builder = ZoneTableBuilder()
        builder.add(changed, without: gone)
        for case (let apex, let records?) in zones {
            builder.beginZone(apex)
            builder.add(records.contents) { $0 }
        }
        return builder.build()
    }
}
