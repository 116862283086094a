// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Sets in whose place others stand: what lies over a zone hides what it has.
extension ZoneTableBuilder {
    /// What lies over the present zone, as far as other records cannot stand beside it.
    struct Outdone {
        /// The types by owner in lower case.
        var types: [[UInt8]: Set<RecordType>] = [:]
        /// Of names with LUA: the types that are chosen by it.
        var steered: [[UInt8]: Set<RecordType>] = [:]
    }

    /// Has some sets of the present zone not taken, wherever they come from.
    public mutating func mask(_ keys: some Sequence<RecordSetKey>) {
        maskedSOA = nil
        for key in keys { masked[key.owner.lowercased.wire, default: []].insert(key.type) }
    }

    /// Has records of the present zone not taken that cannot stand beside these sets.
    ///
    /// A CNAME and other data (RFC 1034 §3.6.2), other addresses of a steered name: each is told as a
    /// warning. `steered` are the sets that records of type LUA among them choose.
    public mutating func outdo(
        _ keys: some Sequence<RecordSetKey>,
        steered: [RecordSetKey] = []
    ) {
        for key in steered {
            outdone.steered[key.owner.lowercased.wire, default: []].insert(key.type)
        }
        for key in keys {
            outdone.types[key.owner.lowercased.wire, default: []].insert(key.type)
        }
    }

    /// Takes everything again.
    public mutating func unmask() {
        masked = [:]
        outdone = Outdone()
    }

    /// True for a record that is not taken; of an SOA it is noted what it said.
    mutating func isMasked(
        _ owner: [UInt8],
        _ type: RecordType,
        _ ttl: UInt32,
        _ bytes: [UInt8],
        at place: ZonePosition
    ) -> Bool {
        let name = owner.map(ASCII.lowercased)
        if masked[name]?.contains(type) == true {
            if type == .SOA { maskedSOA = (ttl, bytes) }
            return true
        }
        return isOutdone(name, type, at: place)
    }

    /// True for the record of a name that changes do not let stand.
    mutating func isOutdone(
        _ name: [UInt8],
        _ type: RecordType,
        at place: ZonePosition,
        isSteered: Bool = false
    ) -> Bool {
        guard clashes(name, type, isSteered) else { return false }
        let shown = DomainName(wire: name) ?? .root
        let what = isSteered ? "the policy" : "\(type)"
        let message =
            "\(what) at \(shown) cannot stand beside what was changed of the zone: it is left out; "
            + "'martlet zone discard' takes all changes back"
        note(.outdone, file: place.file, place, message)
        return true
    }

    private func clashes(_ name: [UInt8], _ type: RecordType, _ isSteered: Bool) -> Bool {
        if let there = outdone.types[name] {
            if there.contains(.CNAME), !Self.standsBesideAlias(type) { return true }
            if type == .CNAME, there.contains(where: { !Self.standsBesideAlias($0) }) {
                return true
            }
            if isSteered || type == .ALIAS, there.contains(.A) || there.contains(.AAAA) {
                return true
            }
            if there.contains(.ALIAS), isSteered || [.A, .AAAA, .LUA].contains(type) {
                return true
            }
            // It stands for the addresses of its name, and for nobody's below a delegation.
            if there.contains(.LUA) {
                let chosen = outdone.steered[name] ?? [.A, .AAAA]
                if chosen.contains(.CNAME), !Self.standsBesideAlias(type) { return true }
                if isSteered || [.CNAME, .ALIAS].contains(type) || chosen.contains(type) {
                    return true
                }
                if type == .NS, name != zones.last?.apexName { return true }
            }
        }
        return false
    }

    // What DNSSEC puts beside an alias (RFC 4035 §2.5).
    private static func standsBesideAlias(_ type: RecordType) -> Bool {
        [25, 46, 47].contains(type.rawValue)
    }
}
