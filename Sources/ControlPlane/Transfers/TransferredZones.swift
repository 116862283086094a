// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Where the versions of zones are that have come from primaries.
struct TransferredZones: Sendable {
    /// The folder; nil when nothing is kept.
    var folder: String?
    /// Those that are no good any more: their primaries have been silent for too long.
    var expired: Set<String> = []
    /// Those of which this process has had a version: what cannot be read of them is lost.
    var known: Set<String> = []
    /// The latest versions, when there is no folder to keep them in.
    var versions: [String: [DNSMessage.Record]] = [:]
    /// More than any zone has.
    private static let sizeLimit = 1 << 33

    init(folder: String? = nil) { self.folder = folder.map { "\($0)/zones" } }

    /// The file of a zone.
    func path(_ zone: String) -> String? {
        folder.map { folder in
            let plain = zone.utf8.prefix(150).map { byte -> Character in
                let isPlain =
                    ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2d || byte == 0x2e
                return isPlain ? Character(Unicode.Scalar(byte)) : "_"
            }
            return "\(folder)/\(String(plain))\(String(Hash.text(zone), radix: 16)).zone"
        }
    }

    /// What is kept of a zone, good or not.
    func kept(_ zone: String) -> [DNSMessage.Record]? {
        guard let path = path(zone) else { return versions[zone] }
        guard let bytes = try? File.read(path, limit: TransferredZones.sizeLimit) else {
            return nil
        }
        return ZoneImage.records(in: bytes)
    }

    /// Removes what is kept of a zone.
    mutating func forget(_ zone: String) {
        versions[zone] = nil
        expired.remove(zone)
        known.remove(zone)
        if let path = path(zone) { File.remove(path) }
        if let path = historyPath(zone) { File.remove(path) }
    }

    /// True when there should be a version of a zone, good or not.
    func isLost(_ zone: String) -> Bool { known.contains(zone) && kept(zone) == nil }

    /// The records of a zone; nil when there are none that are good.
    func records(_ zone: String) -> [DNSMessage.Record]? {
        expired.contains(zone) ? nil : kept(zone)
    }
}
