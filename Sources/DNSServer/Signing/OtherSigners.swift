// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Runtime

/// What a zone that is signed here has of other signers (RFC 8901 §2.1.2, model 2).
///
/// Each signer has keys of its own, and shows those of all others beside them, so that a validator that
/// has the keys from one takes signatures of another. They come as records of the zone: from its file,
/// the configuration, updates or the API.
struct OtherSigners {
    private var sets: [RecordType: [[UInt8]]] = [:]

    /// None.
    init() {}

    /// Those of a zone that takes them, by its number in a table.
    init(_ keys: ZoneKeys, ofZone zone: Int, in table: ZoneTable) {
        guard keys.joinsSigners, table.zones.indices.contains(zone) else { return }
        let apexLength = Int(table.zones[zone].apexLength)
        let node = Int(table.zones[zone].apex)
        guard let name = table.name(ofNode: node)?.wire else { return }
        let algorithms = Set(keys.keys.filter(\.signsZone).map(\.key.algorithm.rawValue))
        let view = table.view
        for type in [RecordType.DNSKEY, .CDS, .CDNSKEY] {
            guard let set = view.set(of: view.nodes[node], type: type) else { continue }
            sets[type] = table.records(set, name, apexLength).map(\.data).filter { data in
                // §4: where a key is of an algorithm that does not sign here, validators would miss
                // signatures by it. Of DNSKEY it is the fourth octet, and so of CDNSKEY.
                type == .CDS || data.count > 4 && algorithms.contains(data[3])
            }
        }
    }

    /// The records of a type: the zone's own, then those of others, each once.
    func joining(_ type: RecordType, _ own: [[UInt8]]) -> [[UInt8]] {
        own + (sets[type] ?? []).filter { !own.contains($0) }
    }
}
