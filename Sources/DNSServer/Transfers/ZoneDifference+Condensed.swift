// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Several versions in one step (RFC 1995 §4: "condensation").
///
/// What came and went again between the two is named no more:
///
///     1 -> 2   + a            1 -> 3   + b
///     2 -> 3   - a  + b
extension ZoneDifference {
    /// Up to so many octets of differences are condensed.
    ///
    /// That is done by a worker, which others wait for meanwhile: longer chains are sent as they are.
    public static let condenseLimit = 256 << 10

    /// One difference that does what the chain does; nil for a chain with a gap, or none.
    public static func condensed(_ chain: [ZoneDifference]) -> ZoneDifference? {
        guard let first = chain.first, let last = chain.last,
            zip(chain, chain.dropFirst()).allSatisfy({ $0.to == $1.from }),
            let oldSOA = first.deleted.first, let newSOA = last.added.first
        else { return nil }
        var changes = NetChanges()
        for difference in chain {
            for record in difference.deleted.dropFirst() { changes.take(record, isGone: true) }
            for record in difference.added.dropFirst() { changes.take(record, isGone: false) }
        }
        return ZoneDifference(
            oldSOA: oldSOA,
            deleted: changes.records(areGone: true),
            newSOA: newSOA,
            added: changes.records(areGone: false)
        )
    }

    /// What is sent of a chain to a peer: its octets in a message, with owners relative to the apex.
    func octets(inMessagesOf apexLength: Int) -> Int { wire.count - count * (apexLength - 2) }
}

/// What is left of changes that undo each other.
private struct NetChanges {
    private var found: [(record: DNSMessage.Record, isGone: Bool)?] = []
    private var places: [[UInt8]: Int] = [:]

    mutating func take(_ record: DNSMessage.Record, isGone: Bool) {
        let identity = record.identity
        if let place = places[identity] {
            // Twice the same says no more than once.
            guard found[place]?.isGone != isGone else { return }
            found[place] = nil
            places[identity] = nil
            return
        }
        places[identity] = found.count
        found.append((record, isGone))
    }

    func records(areGone: Bool) -> [DNSMessage.Record] {
        found.compactMap { $0 }.filter { $0.isGone == areGone }.map(\.record)
    }
}

extension ZoneView {
    /// True when all of a zone takes fewer octets in messages than `limit`: it is only looked at
    /// as far as that.
    func isSmaller(_ zone: Int, than limit: Int) -> Bool {
        let apexLength = Int(zones[zone].apexLength)
        var octets = 0
        var place = Int(zones[zone].apex)
        while place < nodes.count, isPatched || Int(nodes[place].zone) == zone {
            let node = nodes[place]
            guard Int(node.zone) == zone else {
                place &+= 1
                continue
            }
            octets &+= max(Int(node.nameLength) &- apexLength, 0)
            for number in 0..<Int(node.setCount) {
                octets &+= OutgoingTransfer.octets(of: sets[Int(node.firstSet) &+ number])
            }
            if octets >= limit { return false }
            place &+= 1
        }
        return true
    }
}

extension OutgoingTransfer {
    // What is steered is not known before it is asked.
    static func octets(of set: ZoneSet) -> Int { set.isSteered ? 32 : Int(set.length) }
}
