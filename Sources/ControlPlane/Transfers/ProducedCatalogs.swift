// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Catalogs that are made of the configuration (RFC 9432).
///
/// One serial never stands for two contents, over restarts and crashes too: what was made last is
/// kept in the state folder, and what differs from it gets a newer serial, before it is served.
extension TransferredZones {
    /// The records of a catalog, the SOA first; `former` are the zones in force.
    func produced(_ zone: ZoneSettings, _ former: FormerZones?) -> [DNSMessage.Record] {
        guard let apex = DomainName(zone.name), let members = zone.members else { return [] }
        let entries = members.compactMap { member in
            DomainName(member.zone).map { name in
                Catalog.Entry(
                    zone: name,
                    groups: member.groups,
                    newOwner: member.newOwner.flatMap { DomainName($0) }
                )
            }
        }
        let known = kept(zone.name) ?? former?.records(zone.name)
        let before = known?.first { $0.type == .SOA }?.serial?.rawValue
        if let known, let before {
            let same = Catalog.records(of: entries, apex: apex, serial: before)
            if ZoneDigest(same) == ZoneDigest(known) { return same }
        }
        let seconds = UInt32(truncatingIfNeeded: Clock.realtime() / 1_000_000_000)
        let serial = before.map { SerialRule.time.next($0, seconds: seconds) } ?? seconds
        let fresh = Catalog.records(of: entries, apex: apex, serial: serial)
        if let folder, let path = path(zone.name) {
            try? File.makeFolder(folder)
            if let known, let difference = ZoneDifference(from: known, to: fresh) {
                try? TransferredZones.keep(difference, from: known, to: fresh, beside: path)
            }
            try? File.writeAtomically(path, ZoneImage.bytes(of: fresh))
        }
        return fresh
    }
}

extension FormerZones {
    /// The records of a zone that was served; nil when it was not.
    func records(_ zone: String) -> [DNSMessage.Record]? {
        contents(zone)?.compactMap { content in
            if case .record(let record) = content { record } else { nil }
        }
    }
}
