// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Zones that have changed, and have the serial that they had before.
extension Plane {
    /// As much is read for that at a time, so that a reload waits for no large zones: sets of a
    /// table, and zones times sets.
    private static let silentSets = 20_000
    private static let silentLimit = 1_000_000

    /// Tells of zones whose serial was forgotten: secondaries keep what they have.
    mutating func noteSilentChanges(since old: ZoneAssembly.Result, of zones: [ZoneSettings]) {
        let given = zones.filter { zone in
            zone.transferFrom.isEmpty && !(zone.transferTo.isEmpty && zone.notify.isEmpty)
        }
        let sets = max(old.table.setCount, assembly.zoneResult.table.setCount, 1)
        guard sets <= Plane.silentSets, given.count <= Plane.silentLimit / sets else { return }
        for zone in given {
            guard let apex = DomainName(zone.name), let former = old.place(of: apex),
                let present = assembly.zoneResult.place(of: apex),
                former.serial == present.serial, former.contents != present.contents
            else { continue }
            note(
                .notice,
                .warning,
                "zone \(zone.name) has changed, and its serial has not: secondaries keep what they "
                    + "have, so raise it",
                [JSONMember("zone", .string(zone.name))]
            )
        }
    }
}

extension ZoneAssembly.Place {
    /// Its records in no order.
    fileprivate var contents: Set<[UInt8]> { Set(records.map(\.wire)) }
}
