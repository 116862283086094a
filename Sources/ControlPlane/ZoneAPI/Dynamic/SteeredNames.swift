// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// What must not come to a name whose addresses or CNAME are chosen, or taken from another name:
/// steering would go off without a word.
enum SteeredNames {
    private static let remedy =
        "take the name out of `records` of the configuration, or delete its LUA in the same request"

    /// Looks at the sets of a zone that have changed since it was begun.
    static func check(_ zone: ZoneRecords) throws(ZoneAPIFault) {
        for key in zone.former.keys where zone[key.owner, key.type] != nil {
            let (owner, type) = (key.owner, key.type)
            switch type {
            case .A, .AAAA:
                if zone[owner, .ALIAS] != nil { try checkAlias(key, in: zone) }
                // The addresses of names that are steered already are refused as they come.
                let chosen = zone.chosenTypes(owner)
                if chosen.contains(.CNAME) { throw standsAlone(key) }
                guard chosen.contains(type) else { continue }
                throw fault(key, "a record of type LUA stands for the addresses of this name")
            case .ALIAS: try checkAlias(key, in: zone)
            case .CNAME, .DNAME:
                guard zone.isSteered(owner) else { continue }
                throw fault(key, "the addresses of this name are steered")
            case .NS:
                guard zone.isSteered(atOrBelow: owner) else { continue }
                throw fault(key, "a delegation would hide a name whose addresses are steered")
            case .LUA:
                if zone[owner, .ALIAS] != nil { try checkAlias(key, in: zone) }
                try checkPlace(of: key, in: zone)
            default:
                guard zone.chosenTypes(owner).contains(.CNAME), !standsBesideAlias(type) else {
                    continue
                }
                throw standsAlone(key)
            }
        }
    }

    // It stands for the addresses of its name, as a policy does.
    private static func checkAlias(
        _ key: RecordSetKey,
        in zone: ZoneRecords
    ) throws(ZoneAPIFault) {
        let others = zone.sets(of: key.owner)
        if let other = [.A, .AAAA, .CNAME, .LUA].first(where: { others[$0] != nil }) {
            throw ZoneAPIFault(
                422,
                "RRset \(key.owner): an ALIAS stands for the addresses of its name, and has \(other) "
                    + "beside it",
                "delete one of them in the same request"
            )
        }
        guard !zone.isPolicySteered(key.owner) else {
            throw fault(key, "the addresses of this name are steered")
        }
        guard others[.ALIAS]?.data.count == 1 else {
            throw ZoneAPIFault(
                422,
                "RRset \(key.owner) IN ALIAS: a name has the addresses of one other name",
                "send one record"
            )
        }
    }

    /// A type that the name has already and that cannot stand beside what is chosen; nil for none.
    static func beside(
        _ chosen: RecordType,
        _ owner: DomainName,
        _ zone: ZoneRecords
    ) -> RecordType? {
        let there = zone.sets(of: owner).keys.filter { type in
            guard chosen != .CNAME else { return type != .LUA && !standsBesideAlias(type) }
            return type == chosen || type == .CNAME
        }
        return there.min { $0.rawValue < $1.rawValue }
    }

    // What DNSSEC puts beside an alias (RFC 4035 §2.5).
    private static func standsBesideAlias(_ type: RecordType) -> Bool {
        [25, 46, 47].contains(type.rawValue)
    }

    // It would be hidden from the beginning.
    private static func checkPlace(
        of key: RecordSetKey,
        in zone: ZoneRecords
    ) throws(ZoneAPIFault) {
        if zone[key.owner, .DNAME] != nil {
            throw ZoneAPIFault(
                422,
                "RRset \(key.owner) IN LUA: the name has a record of type DNAME beside it",
                "delete it in the same request"
            )
        }
        let wire = key.owner.wire
        var place = 0
        while place < wire.count, let name = DomainName(wire: Array(wire[place...])),
            name.isWithin(zone.apex), name != zone.apex
        {
            if zone[name, .NS] != nil {
                throw ZoneAPIFault(
                    422,
                    "RRset \(key.owner) IN LUA: \(name) is delegated to other servers (NS)",
                    "delete that in the same request, or steer the name there"
                )
            }
            place += Int(wire[place]) + 1
        }
    }

    private static func standsAlone(_ key: RecordSetKey) -> ZoneAPIFault {
        fault(key, "a record of type LUA makes the name an alias, which stands alone")
    }

    private static func fault(_ key: RecordSetKey, _ reason: String) -> ZoneAPIFault {
        ZoneAPIFault(422, "RRset \(key.owner) IN \(key.type): \(reason)", remedy)
    }
}
