// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Sets in whose place others stand: what lies over a zone hides what it has.
extension ZoneTableBuilder {
    /// Has some sets of the present zone not taken, wherever they come from.
    public mutating func mask(_ keys: some Sequence<RecordSetKey>) {
        maskedSOA = nil
        for key in keys { masked[key.owner.lowercased.wire, default: []].insert(key.type) }
    }

    /// Takes everything again.
    public mutating func unmask() { masked = [:] }

    /// True for a record that is not taken; of an SOA it is noted what it said.
    mutating func isMasked(
        _ owner: [UInt8],
        _ type: RecordType,
        _ ttl: UInt32,
        _ bytes: [UInt8]
    ) -> Bool {
        guard masked[owner.map(ASCII.lowercased)]?.contains(type) == true else { return false }
        if type == .SOA { maskedSOA = (ttl, bytes) }
        return true
    }
}
