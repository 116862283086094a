// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// What a table must know of its names to be changed in places: made once, and carried on.
struct ZoneKinship: Sendable {
    /// The node above each; absent at an apex, and for a node that stands for nothing any more.
    var parents: [UInt32]
    /// How many names stand right below each.
    var children: [UInt32]
    /// Hashes of the names that NS, MX, SRV and services name, and of those above them in the zone:
    /// addresses go along with such sets, or come from a wildcard as long as nothing nearer exists.
    var hosts: Set<UInt64> = []
    /// Nodes that stand for nothing any more, and octets that nobody looks at.
    var waste = 0

    /// Of a table without aliases and without zones inside one another.
    init(_ table: ZoneTable) {
        parents = [UInt32](repeating: absent, count: table.nodes.count)
        children = [UInt32](repeating: 0, count: table.nodes.count)
        for index in table.nodes.indices {
            let node = table.nodes[index]
            if !node.flags.contains(.apex),
                let parent = ZoneKinship.parent(of: node, table.slots, table.nodes, table.bytes)
            {
                parents[index] = parent
                children[Int(parent)] += 1
            }
            for place in Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)
            where table.sets[place].namesHosts {
                noteHosts(table.sets[place], node, table)
            }
        }
    }

    /// The node of a name in lower case that lies at `start`, by the slots of a table.
    static func node(
        _ name: Span<UInt8>,
        _ slots: [UInt64],
        _ nodes: [ZoneNode],
        _ bytes: [UInt8]
    ) -> (node: UInt32?, hash: UInt64)? {
        guard let scanned = WireName.scan(name, at: 0) else { return nil }
        let hash = scanned.hash.value
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let number = UInt32(truncatingIfNeeded: slots[slot] & 0xffff_ffff) - 1
            let node = nodes[Int(number)]
            if slots[slot] >> 32 == hash >> 32, Int(node.nameLength) == name.count,
                WireName.matches(
                    name,
                    at: 0,
                    bytes.span,
                    at: Int(node.nameOffset),
                    length: name.count
                )
            {
                return (number, hash)
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return (nil, hash)
    }

    private static func parent(
        of node: ZoneNode,
        _ slots: [UInt64],
        _ nodes: [ZoneNode],
        _ bytes: [UInt8]
    ) -> UInt32? {
        let start = Int(node.nameOffset)
        guard node.nameLength > 1 else { return nil }
        let above = start + Int(bytes[start]) + 1
        let end = start + Int(node.nameLength)
        guard above < end else { return nil }
        return self.node(bytes.span.extracting(above..<end), slots, nodes, bytes)?.node
    }

    private mutating func noteHosts(_ set: ZoneSet, _ node: ZoneNode, _ table: ZoneTable) {
        let start = Int(node.nameOffset)
        let name = Array(table.bytes[start..<start + Int(node.nameLength)])
        let apexLength = Int(table.zones[Int(node.zone)].apexLength)
        let skipped = ZoneSet.octets(aheadOfHost: set.type)
        for record in table.records(set, name, apexLength) {
            guard let length = WireName.length(in: record.data.span, at: skipped) else { continue }
            // A service whose target is its owner has the owner's addresses (RFC 9460 §2.5).
            if length == 1, set.type.isService, let owner = WireName.scan(name.span, at: 0) {
                hosts.insert(owner.hash.value)
            }
            let end = skipped + length
            var position = skipped
            while position + 1 < end, position == skipped || end - position > apexLength {
                if let scanned = WireName.scan(record.data.span, at: position) {
                    hosts.insert(scanned.hash.value)
                }
                position += Int(record.data[position]) + 1
            }
        }
    }
}
