// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// What leads from one version of a zone to the next, as an incremental transfer tells it
/// (RFC 1995 §4): the SOA of each side stands first in its list.
public struct ZoneStep: Sendable, Equatable {
    /// The version that it leads from.
    public var fromSerial: UInt32
    /// The version that it leads to.
    public var toSerial: UInt32
    /// The former SOA, then the records that are gone.
    public var deleted: [DNSMessage.Record]
    /// The new SOA, then the records that have come.
    public var added: [DNSMessage.Record]

    /// Joins the parts.
    public init(
        fromSerial: UInt32,
        toSerial: UInt32,
        deleted: [DNSMessage.Record],
        added: [DNSMessage.Record]
    ) {
        self.fromSerial = fromSerial
        self.toSerial = toSerial
        self.deleted = deleted
        self.added = added
    }

    /// Octets of the records in wire form.
    public var byteCount: Int {
        (deleted + added).reduce(0) { $0 + $1.owner.wire.count + 10 + $1.data.count }
    }
}

extension UInt32 {
    /// True when this serial is newer than another one (RFC 1982 §3.2).
    public func isLater(thanSerial other: UInt32) -> Bool {
        let distance = self &- other
        return distance > 0 && distance < 0x8000_0000
    }

    /// The serial behind this one; never 0, which some servers take for none.
    public var nextSerial: UInt32 { self == .max ? 1 : self + 1 }
}
