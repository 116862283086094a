// SPDX-License-Identifier: Apache-2.0

extension ZoneTable {
    /// The greatest TTL, in seconds, that anything of a zone is answered with, by the zone's
    /// number: for so long caches may have signatures of it.
    public var greatestTTLs: [UInt32] {
        var greatest = [UInt32](repeating: 0, count: zones.count)
        for node in nodes where greatest.indices.contains(Int(node.zone)) {
            let first = Int(node.firstSet)
            for set in sets[first..<first + Int(node.setCount)] {
                greatest[Int(node.zone)] = max(greatest[Int(node.zone)], ttl(of: set))
            }
        }
        return greatest
    }

    // RFC 1035 §3.2.1: behind the owner, here a pointer, type and class; those of a set are alike.
    private func ttl(of set: ZoneSet) -> UInt32 {
        let place = Int(set.offset)
        guard !set.isSteered else {
            return steered.indices.contains(place) ? steered[place].ttl : 0
        }
        guard set.count > 0, place + 10 <= bytes.count else { return 0 }
        return bytes[place + 6..<place + 10].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
