// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// By what two versions of a zone are known to be the same: a sum over its records, in any order.
///
/// A record adds its digest, and takes it away when it goes, so that a change costs what it
/// changes. Against accidents alone: whoever chooses the records could find two zones of one sum.
public struct ZoneDigest: Sendable, Equatable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private static let key = SipKey(0x6d61_7274_6c65_7400, 0x7a6f_6e65_0000_0001)

    /// The digest of no records.
    public init() {}

    /// The digest of some records.
    public init(_ records: [DNSMessage.Record]) {
        for record in records { add(record) }
    }

    /// Reads ``bytes``; nil for what is none.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        low = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        high = bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// 16 octets that say it.
    public var bytes: [UInt8] {
        [low, high].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    mutating func add(_ record: DNSMessage.Record) {
        let digest = SipHash.digest(record.identity.span, key: ZoneDigest.key)
        low &+= digest.low
        high &+= digest.high
    }

    mutating func remove(_ record: DNSMessage.Record) {
        let digest = SipHash.digest(record.identity.span, key: ZoneDigest.key)
        low &-= digest.low
        high &-= digest.high
    }
}
