// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// The latest differences of one zone, each beginning where the one before ends.
public struct ZoneHistory: Sendable, Equatable {
    /// From the oldest to the newest.
    public private(set) var differences: [ZoneDifference] = []
    /// Differences that are kept.
    public static let countLimit = 100
    /// Octets of all of them.
    public static let byteLimit = 4 << 20

    /// No past.
    public init() {}

    /// Takes the next difference; one that does not begin where the last ends begins a new history.
    public mutating func append(_ difference: ZoneDifference) {
        if differences.last?.to != difference.from { differences = [] }
        differences.append(difference)
        var bytes = differences.reduce(0) { $0 + $1.wire.count }
        while differences.count > ZoneHistory.countLimit || bytes > ZoneHistory.byteLimit,
            let first = differences.first
        {
            bytes -= first.wire.count
            differences.removeFirst()
        }
    }

    /// The differences of a chain that lead to a version without a gap, as many as are kept.
    public init(_ chain: [ZoneDifference], to present: SerialNumber) {
        for difference in chain { append(difference) }
        if differences.last?.to != present { differences = [] }
    }

    /// What leads from a serial to the present one; nil when that is not known any more.
    public func since(_ serial: SerialNumber, to present: SerialNumber) -> [ZoneDifference]? {
        guard differences.last?.to == present,
            let first = differences.firstIndex(where: { $0.from == serial })
        else { return nil }
        return Array(differences[first...])
    }
}
