// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// How zones came to be what they are, from before a restart: the journal of those that change by
/// messages, and the file of those that come from elsewhere or are made here.
///
/// A history must lead to what is served, by the serial and by the digest of all records. Any other
/// is dropped, and secondaries get the whole zone: they never get a difference that is not one.
extension ZoneAssembly.Result {
    mutating func restoreHistories(
        _ zones: [ZoneSettings],
        _ store: ZoneStore,
        _ overlays: ZoneOverlays,
        _ transferred: TransferredZones
    ) {
        var journalled: [DomainName: ZoneAssembly.Place] = [:]
        for zone in zones where !zone.transferTo.isEmpty {
            guard let apex = DomainName(zone.name)?.lowercased, let place = place(of: apex),
                place.table.setCount <= Plane.differenceLimit
            else { continue }
            if zone.isKeptAsFile {
                let kept = transferred.history(zone.name)
                guard let serial = place.serial, !kept.versions.isEmpty else { continue }
                let history = kept.leading(to: serial, ZoneDigest(place.records)).history
                if !history.differences.isEmpty { histories[apex] = history }
            } else if overlays.zones[apex] != nil, rebased[apex] == nil {
                journalled[apex] = place
            }
        }
        for (apex, chain) in store.journals(of: Array(journalled.keys)) where !chain.isEmpty {
            guard let place = journalled[apex], let serial = place.serial,
                let digest = overlays.zones[apex].flatMap({ ZoneDigest($0.facts) }),
                chain.last?.to == serial, digest == ZoneDigest(place.records)
            else { continue }
            histories[apex] = ZoneHistory(chain, to: serial)
        }
    }
}

extension ZoneSettings {
    /// True when the zone is kept as one file in the state folder.
    var isKeptAsFile: Bool { !transferFrom.isEmpty || members != nil }
}

extension TransferredZones {
    private static let historyLimit = 2 * ZoneHistory.byteLimit

    /// The file of how a zone came about.
    func historyPath(_ zone: String) -> String? { path(zone).map(TransferredZones.historyPath) }

    /// The file beside that of a zone.
    static func historyPath(_ path: String) -> String { "\(path).ixfr" }

    /// How a zone came about; empty when that is not known.
    func history(_ zone: String) -> HistoryImage {
        historyPath(zone).map { TransferredZones.history(at: $0) } ?? HistoryImage()
    }

    static func history(at path: String) -> HistoryImage {
        (try? File.read(path, limit: historyLimit)).map { HistoryImage($0) } ?? HistoryImage()
    }

    /// Keeps how the next version comes about, before that itself is kept: a process that is
    /// killed between the two has one version too many, and leaves it out when it starts.
    static func keep(
        _ difference: ZoneDifference,
        from old: [DNSMessage.Record],
        to new: [DNSMessage.Record],
        beside path: String
    ) throws(SystemError) {
        let path = historyPath(path)
        var image = history(at: path).leading(to: difference.from, ZoneDigest(old))
        image.append(HistoryImage.Version(difference, ZoneDigest(new)))
        try File.writeAtomically(path, image.bytes)
    }
}
