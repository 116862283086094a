// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// A catalog as its producer writes it (RFC 9432 §4).
extension Catalog {
    /// What is said of one zone.
    public struct Entry: Sendable, Equatable {
        /// The zone.
        public var zone: DomainName
        /// How it is to be served.
        public var groups: [String]
        /// The catalog that it goes over to.
        public var newOwner: DomainName?

        /// Joins the parts.
        public init(zone: DomainName, groups: [String] = [], newOwner: DomainName? = nil) {
            self.zone = zone
            self.groups = groups
            self.newOwner = newOwner
        }
    }

    /// All records, the SOA first; the same for the same entries and serial.
    ///
    /// TTLs are 0, and nobody is the primary: a catalog is for transfers (§4.1, §4.2).
    public static func records(
        of entries: [Entry],
        apex: DomainName,
        serial: UInt32
    ) -> [DNSMessage.Record] {
        func record(_ owner: DomainName, _ value: RecordValue) -> DNSMessage.Record {
            DNSMessage.Record(owner: owner, type: value.type, ttl: 0, data: value.wire)
        }
        let nobody = DomainName("invalid.") ?? .root
        let start = StartOfAuthority(
            primary: nobody,
            mailbox: nobody,
            numbers: (serial: serial, refresh: 3600, retry: 600, expire: 2_147_483_646, minimum: 0)
        )
        var found = [record(apex, .soa(start)), record(apex, .ns(nobody))]
        let two = [UInt8(ascii: "2")]
        if let version = name("version", apex) { found.append(record(version, .txt([two]))) }
        for entry in entries {
            guard let zones = name("zones", apex), let owner = name(label(of: entry.zone), zones)
            else { continue }
            found.append(record(owner, .ptr(entry.zone)))
            for group in entry.groups.sorted() {
                guard let place = name("group", owner) else { continue }
                found.append(record(place, .txt([Array(group.utf8.prefix(255))])))
            }
            if let other = entry.newOwner, let place = name("coo", owner) {
                found.append(record(place, .ptr(other)))
            }
        }
        return found
    }

    /// The label of a member: the same for the same zone, on every server and for ever, so that
    /// consumers keep what they have of it, whoever produces the catalog (§4.1, §4.4.1).
    static func label(of zone: DomainName) -> String {
        let key = SipKey(0x6d61_7274_6c65_7400, 0x6361_7461_6c6f_6700)
        let digest = SipHash.digest(zone.lowercased.wire.span, key: key)
        return [digest.low, digest.high].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    // Nil for a name that would be too long.
    private static func name(_ label: String, _ parent: DomainName) -> DomainName? {
        DomainName(wire: [UInt8(label.utf8.count)] + Array(label.utf8) + parent.wire)
    }
}
