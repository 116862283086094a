// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

/// A list of zones that is a zone itself (RFC 9432), as its consumer reads it.
///
///     version.CATALOG          TXT "2"
///     LABEL.zones.CATALOG      PTR member.zone.
public struct Catalog: Sendable, Equatable {
    /// Why a catalog must not be followed (RFC 9432 §4, §5.1): its former members stay.
    public enum Fault: Error, Equatable, Sendable {
        /// It is of no version that is known here, or says none.
        case version
        /// A label names more than one zone.
        case ambiguous(DomainName)
        /// Two labels name one zone.
        case repeated(DomainName)
    }

    /// The label of each member, by the member's name in lower case.
    public let members: [DomainName: DomainName]

    /// Reads the records of a catalog.
    public init(_ records: [DNSMessage.Record], apex: DomainName) throws(Fault) {
        let versions = records.filter { $0.type == .TXT && Catalog.isVersion($0.owner, of: apex) }
        guard versions.count == 1, versions[0].data == [1, UInt8(ascii: "2")] else {
            throw .version
        }
        var members: [DomainName: DomainName] = [:]
        var labels: Set<DomainName> = []
        for record in records where record.type == .PTR && Catalog.isMember(record.owner, of: apex)
        {
            guard let zone = DomainName(wire: record.data) else { continue }
            guard labels.insert(record.owner).inserted else { throw .ambiguous(record.owner) }
            let known = members.updateValue(record.owner.lowercased, forKey: zone.lowercased)
            guard known == nil else { throw .repeated(zone) }
        }
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
}
