// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// What must not come to a name whose addresses are chosen, or taken from another name: steering
/// would go off without a word.
enum SteeredNames {
    private static let remedy =
        "take the name out of `records` of the configuration, or delete its LUA in the same request"

    /// Looks at the sets of a zone that have changed since it was begun.
    static func check(_ zone: ZoneRecords) throws(ZoneAPIFault) {
        for key in zone.former.keys where zone[key.owner, key.type] != nil {
            let (owner, type) = (key.owner, key.type)
            switch type {
            case .A, .AAAA:
                // The addresses of names that are steered already are refused as they come.
                guard zone[owner, .LUA] != nil else { continue }
                throw fault(key, "beside a record of type LUA stand no addresses")
            case .CNAME, .DNAME:
                guard zone.isSteered(owner) else { continue }
                throw fault(key, "the addresses of this name are steered")
            case .NS:
                guard zone.isSteered(atOrBelow: owner) else { continue }
                throw fault(key, "a delegation would hide a name whose addresses are steered")
            case .LUA:
                try checkPlace(of: key, in: zone)
            default: continue
            }
        }
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

    private static func fault(_ key: RecordSetKey, _ reason: String) -> ZoneAPIFault {
        ZoneAPIFault(422, "RRset \(key.owner) IN \(key.type): \(reason)", remedy)
    }
}
