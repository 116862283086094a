// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// The latest versions of a zone as one file beside its ``ZoneImage``, oldest first.
///
///     "martlet history 1\n" | per version:
///       digest of the version (16 octets) | octets of what is gone, with the old SOA (32 bits)
///       | octets of what is new, with the new SOA (32 bits) | both
///
/// A file that is cut short is worth what is whole of it.
public struct HistoryImage: Sendable, Equatable {
    /// One version.
    public struct Version: Sendable, Equatable {
        /// How it came about.
        public let difference: ZoneDifference
        /// The digest of all of its records.
        public let digest: ZoneDigest

        /// Joins the two.
        public init(_ difference: ZoneDifference, _ digest: ZoneDigest) {
            self.difference = difference
            self.digest = digest
        }
    }

    private static let mark = Array("martlet history 1\n".utf8)

    /// The versions.
    public private(set) var versions: [Version] = []

    /// No versions.
    public init() {}

    /// Reads a file.
    public init(_ bytes: [UInt8]) {
        guard bytes.starts(with: HistoryImage.mark) else { return }
        var position = HistoryImage.mark.count
        func number(_ place: Int) -> Int {
            bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        while position + 24 <= bytes.count {
            let middle = position + 24 + number(position + 16)
            let end = middle + number(position + 20)
            guard end <= bytes.count,
                let digest = ZoneDigest(Array(bytes[position..<position + 16])),
                let difference = ZoneDifference(
                    deletedWire: Array(bytes[position + 24..<middle]),
                    addedWire: Array(bytes[middle..<end])
                )
            else { return }
            append(Version(difference, digest))
            position = end
        }
    }

    /// The file.
    public var bytes: [UInt8] {
        func octets(_ count: Int) -> [UInt8] {
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) }
        }
        var bytes = HistoryImage.mark
        for version in versions {
            let (gone, new) = (version.difference.deletedWire, version.difference.addedWire)
            bytes += version.digest.bytes + octets(gone.count) + octets(new.count) + gone + new
        }
        return bytes
    }

    /// Takes the next version; the oldest go as in a ``ZoneHistory``.
    public mutating func append(_ version: Version) {
        if versions.last?.difference.to != version.difference.from { versions = [] }
        versions.append(version)
        var octets = versions.reduce(0) { $0 + $1.difference.wire.count }
        while versions.count > ZoneHistory.countLimit || octets > ZoneHistory.byteLimit,
            let first = versions.first
        {
            octets -= first.difference.wire.count
            versions.removeFirst()
        }
    }

    /// What leads to a version that has this serial and these records; later ones, which were
    /// written and never served, are left out.
    public func leading(to serial: SerialNumber, _ digest: ZoneDigest) -> HistoryImage {
        var found = self
        while let last = found.versions.last, last.difference.to != serial || last.digest != digest
        {
            found.versions.removeLast()
        }
        return found
    }

    /// The same, for answers.
    public var history: ZoneHistory {
        var history = ZoneHistory()
        for version in versions { history.append(version.difference) }
        return history
    }
}
