// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Names in an answer that were made from wildcards, whose proofs stand behind all answers and
/// ahead of what goes along with them.
///
/// An answer with more of them than there is room for leads through as many wildcards as nobody
/// has one behind the other.
struct Expansions: BitwiseCopyable {
    private var places = InlineArray<4, UInt16>(repeating: 0)
    private var nodes = InlineArray<4, UInt32>(repeating: 0)
    private var count = 0
    // A bit for each: made from the table of zones that have changed.
    private var changed: UInt8 = 0

    var isEmpty: Bool { count == 0 }

    /// Notes the name at `place` of the message, made from a node of one of the two tables.
    mutating func add(_ place: Int, _ node: Int, isChanged: Bool) {
        guard count < places.count else { return }
        let bit: UInt8 = 1 &<< UInt8(truncatingIfNeeded: count)
        changed = isChanged ? changed | bit : changed & ~bit
        places[count] = UInt16(truncatingIfNeeded: place)
        nodes[count] = UInt32(truncatingIfNeeded: node)
        count &+= 1
    }

    /// Forgets the latest: its proof is part of another one.
    mutating func removeLast() { count = max(count &- 1, 0) }

    /// Takes the latest out; nil when there is none.
    mutating func takeLast() -> (place: Int, node: Int, isChanged: Bool)? {
        guard count > 0 else { return nil }
        count &-= 1
        let isChanged = changed &>> UInt8(truncatingIfNeeded: count) & 1 == 1
        return (Int(places[count]), Int(nodes[count]), isChanged)
    }
}

extension AnswerRun {
    /// Adds the proofs that the names made from wildcards are not there themselves.
    @inline(never) @_lifetime(output: copy output)
    mutating func proveExpansions(
        _ views: borrowing ZoneViews,
        into output: inout OutputSpan<UInt8>
    ) {
        while let (place, node, isChanged) = expansions.takeLast() {
            if isChanged {
                proveExpansion(at: place, of: node, views.changed, into: &output)
            } else {
                proveExpansion(at: place, of: node, views.all, into: &output)
            }
        }
    }

    /// What answers for a name that is there only to hold the hash of another one: the wildcard of
    /// the apex, if there is one (RFC 5155 §7.2.8).
    @inline(never)
    func wildcard(inPlaceOf match: ZoneMatch, _ view: ZoneView) -> ZoneMatch? {
        let apex = view.name(of: view.nodes[Int(view.zones[match.zone].apex)])
        var bytes = InlineArray<256, UInt8>(repeating: 0)
        (bytes[0], bytes[1]) = (1, UInt8(ascii: "*"))
        let count = min(apex.count, 253)
        for index in 0..<count { bytes[index &+ 2] = apex[index] }
        let name = bytes.span.extracting(0..<count &+ 2)
        guard let scanned = WireName.scan(name, at: 0) else { return nil }
        let found = view.find(name, at: 0, scanned, type: query.type)
        guard found.zone == match.zone else { return nil }
        // A DNAME at the apex stands in the same place.
        if found.kind == .redirected { return found }
        guard found.kind == .exact else { return nil }
        return ZoneMatch(kind: .wildcard, node: found.node, zone: match.zone)
    }

    /// Denies a name that is there only to hold the hash of another one (RFC 5155 §7.2.8).
    @inline(never) @_lifetime(output: copy output)
    mutating func denyHash(
        _ match: ZoneMatch,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        let apex = Int(view.zones[match.zone].apex)
        let missing = ZoneMatch(kind: .missing, node: apex, zone: match.zone)
        deny(missing, view, into: &output)
        return .nameError
    }
}
