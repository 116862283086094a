// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

/// A list of zones that is a zone itself (RFC 9432).
///
///     version.CATALOG          TXT "2"
///     LABEL.zones.CATALOG      PTR member.zone.
///     group.LABEL.zones.CATALOG   TXT "how it is to be served"
///     coo.LABEL.zones.CATALOG     PTR other.catalog.
public struct Catalog: Sendable, Equatable {
    /// Why a catalog must not be followed (RFC 9432 §4, §5.1): its former members stay.
    public enum Fault: Error, Equatable, Sendable {
        /// It is of no version that is known here, or says none.
        case version
        /// A name says more than one zone, or more than one catalog, where it must say one.
        case ambiguous(DomainName)
        /// Two labels name one zone.
        case repeated(DomainName)
    }

    /// What a catalog says of one zone.
    public struct Member: Sendable, Equatable {
        /// The owner of its PTR, in lower case: under another label it begins anew (§5.4).
        public var owner: DomainName
        /// The label alone, as text.
        public var label: String
        /// How it is to be served (§4.4.2), in order.
        public var groups: [String] = []
        /// The catalog that it goes over to (§4.4.1).
        public var newOwner: DomainName?
    }

    /// The members by their names in lower case.
    public let members: [DomainName: Member]

    /// Reads the records of a catalog.
    public init(_ records: [DNSMessage.Record], apex: DomainName) throws(Fault) {
        let versions = records.filter { $0.type == .TXT && Catalog.isVersion($0.owner, of: apex) }
        guard versions.count == 1, versions[0].data == [1, UInt8(ascii: "2")] else {
            throw .version
        }
        var members: [DomainName: Member] = [:]
        var zones: [DomainName: DomainName] = [:]
        for record in records where record.type == .PTR && Catalog.isMember(record.owner, of: apex)
        {
            guard let zone = DomainName(wire: record.data)?.lowercased else { continue }
            let owner = record.owner.lowercased
            guard zones.updateValue(zone, forKey: owner) == nil else { throw .ambiguous(owner) }
            let member = Member(owner: owner, label: Catalog.text(Catalog.first(owner)))
            guard members.updateValue(member, forKey: zone) == nil else { throw .repeated(zone) }
        }
        for record in records where Catalog.isMember(record.owner.parent, of: apex) {
            guard let zone = zones[record.owner.parent.lowercased] else { continue }
            switch (Catalog.text(Catalog.first(record.owner)), record.type) {
            case ("group", .TXT): members[zone]?.groups += Catalog.strings(record.data)
            case ("coo", .PTR):
                guard members[zone]?.newOwner == nil else { throw .ambiguous(record.owner) }
                members[zone]?.newOwner = DomainName(wire: record.data)
            default: break
            }
        }
        for zone in zones.values { members[zone]?.groups.sort() }
        self.members = members
    }

    private static func isVersion(_ owner: DomainName, of apex: DomainName) -> Bool {
        owner.parent == apex && first(owner) == Array("version".utf8)
    }

    // Properties of members stand below their labels, and those of the catalog elsewhere.
    private static func isMember(_ owner: DomainName, of apex: DomainName) -> Bool {
        owner.parent.parent == apex && first(owner.parent) == Array("zones".utf8)
    }

    private static func first(_ name: DomainName) -> [UInt8] {
        let wire = name.lowercased.wire
        return Array(wire.dropFirst().prefix(Int(wire.first ?? 0)))
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    // §4.4.2: one string; of several each is a value.
    private static func strings(_ data: [UInt8]) -> [String] {
        var found: [String] = []
        var rest = data[...]
        while let length = rest.first {
            found.append(text(Array(rest.dropFirst().prefix(Int(length)))))
            rest = rest.dropFirst(Int(length) + 1)
        }
        return found
    }
}
