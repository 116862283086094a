// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Zones inside the one that is sent, which are served here too: what the outer one has of them are
/// the delegation and DS (RFC 5936 §3.2).
///
/// The table keeps only the inner zone's own word. Both words of NS should be the same
/// (RFC 1034 §4.2.2), so the inner one is what is sent.
extension OutgoingTransfer {
    @_lifetime(output: copy output)
    func writeInner(
        _ number: Int,
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        into output: inout OutputSpan<UInt8>
    ) -> Step? {
        var number = number
        while number < view.zones.count, !isInner(view.zones[number]) { number &+= 1 }
        guard number < view.zones.count else { return .ending }
        let inner = view.zones[number]
        let base = output.count
        let counted = writer.answerCount
        guard writeDelegation(inner, view, &writer, into: &output) else {
            output.removeLast(output.count &- base)
            writer.answerCount = counted
            return nil
        }
        return .inner(number &+ 1)
    }

    private func isInner(_ other: ZoneEntry) -> Bool {
        other.parent != absent && Int(other.parent) == zone && !other.isUnusable
    }

    @_lifetime(output: copy output)
    private func writeDelegation(
        _ inner: ZoneEntry,
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let apex = view.nodes[Int(inner.apex)]
        let apexLength = Int(view.zones[zone].apexLength)
        for type in [RecordType.NS, .DS] {
            guard let set = view.set(of: apex, type: type), !set.isSteered else { continue }
            guard write(set, of: apex, from: apexLength, view, &writer, into: &output) else {
                return false
            }
            let hosts = view.hosts(of: set)
            guard type == .NS, hosts != absent else { continue }
            let referral = view.referrals[Int(hosts)]
            let first = Int(referral.firstGlue)
            for place in first..<first &+ Int(referral.glueCount) {
                let number = Int(view.glue[place].set)
                guard let node = node(ofSet: number, view),
                    view.nodes[node].zone == view.nodes[Int(inner.apex)].zone
                else { continue }
                let glue = view.sets[number]
                let owner = view.nodes[node]
                guard write(glue, of: owner, from: apexLength, view, &writer, into: &output) else {
                    return false
                }
            }
        }
        return true
    }

    // With the name of the owner in front: what the set takes for its apex is the inner zone's, and
    // that is a suffix of the owner.
    @_lifetime(output: copy output)
    private func write(
        _ set: ZoneSet,
        of node: ZoneNode,
        from apexLength: Int,
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let base = output.count
        let name = Int(node.nameOffset)
        let labels = Int(node.nameLength) &- apexLength
        let innerLength = Int(view.zones[Int(node.zone)].apexLength)
        guard labels > 0, writer.room(output) > labels,
            output.write(view.bytes.extracting(name..<name &+ labels))
        else { return false }
        let first = output.count
        let owner = base &- writer.start
        let isPlaced = writer.place(
            set.compiled,
            of: view.bytes,
            owner: owner,
            apex: owner &+ Int(node.nameLength) &- innerLength,
            section: .answer,
            into: &output
        )
        guard isPlaced, first &+ 1 < output.count else { return false }
        output[first] = 0xc0
        output[first &+ 1] = UInt8(truncatingIfNeeded: DNSQuery.headerLength)
        return true
    }

    // The sets of nodes follow each other as the nodes do.
    private func node(ofSet set: Int, _ view: ZoneView) -> Int? {
        var (low, high) = (0, view.nodes.count)
        while low < high {
            let middle = (low &+ high) / 2
            if Int(view.nodes[middle].firstSet) <= set { low = middle &+ 1 } else { high = middle }
        }
        var place = low &- 1
        while place >= 0, view.nodes[place].setCount == 0 { place &-= 1 }
        guard place >= 0 else { return nil }
        let node = view.nodes[place]
        return set < Int(node.firstSet) &+ Int(node.setCount) ? place : nil
    }
}
