// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// What is known about a name.
struct ZoneMatch: BitwiseCopyable, Sendable, Equatable {
    enum Kind: BitwiseCopyable, Sendable {
        /// In none of the zones.
        case outside
        /// The node is the name.
        case exact
        /// The node is the wildcard that covers the name (RFC 4592 §3.3.1).
        case wildcard
        /// The name does not exist; the node is its closest encloser.
        case missing
        /// The node is the delegation at or above the name.
        case delegated
        /// The name does not exist; the node above it has a DNAME (RFC 6672 §2.1).
        case redirected
    }

    var kind: Kind
    var node: Int
    /// The zone whose data, or whose SOA, belongs into the answer.
    var zone: Int

    static let outside = ZoneMatch(kind: .outside, node: 0, zone: 0)
}

/// A ``ZoneTable`` as spans: bounds are checked, nothing is counted, nothing is owned.
struct ZoneView: ~Escapable {
    let slots: Span<UInt64>
    let nodes: Span<ZoneNode>
    let sets: Span<ZoneSet>
    let zones: Span<ZoneEntry>
    let bytes: Span<UInt8>
    let chains: Span<UInt32>
    let steered: Span<SteeredSet>
    let referrals: Span<Referral>
    let glue: Span<Glue>
    let aliases: Span<AliasEntry>
    let boards: Span<AliasBoard>
    let deepest: Int
    /// True when the names of a zone do not stand one behind the other.
    let isPatched: Bool
    /// True for zones that have changed since the table of all was made.
    let isChanged: Bool
    /// Which of the zones are signed, and how.
    let signing: SigningView

    @_lifetime(borrow table) init(_ table: borrowing ZoneTable) {
        self.init(table, SigningView(), isChanged: false)
    }

    @_lifetime(borrow table, copy signing)
    init(_ table: borrowing ZoneTable, _ signing: consuming SigningView, isChanged: Bool) {
        self.isChanged = isChanged
        self.signing = signing
        slots = table.slots.span
        nodes = table.nodes.span
        sets = table.sets.span
        zones = table.zones.span
        bytes = table.bytes.span
        chains = table.chains.span
        steered = table.steered.span
        referrals = table.referrals.span
        glue = table.glue.span
        aliases = table.aliases.span
        boards = table.boards.span
        deepest = table.deepest
        isPatched = table.kinship != nil
    }

    /// Finds what answers for the name of `length` octets at `start`.
    func find(
        _ name: Span<UInt8>,
        at start: Int,
        _ scanned: ScannedName,
        type: RecordType
    ) -> ZoneMatch {
        if let index = node(name, at: start, scanned.length, scanned.hash) {
            return exact(index, type: type)
        }
        return climb(name, at: start, scanned)
    }

    private func exact(_ index: Int, type: RecordType) -> ZoneMatch {
        let node = nodes[index]
        if type == .DS {
            // RFC 4035 §3.1.4.1: DS lives above the cut.
            if node.cut == UInt32(truncatingIfNeeded: index) {
                return ZoneMatch(kind: .exact, node: index, zone: Int(node.zone))
            }
            let zone = zones[Int(node.zone)]
            if node.flags.contains(.apex), zone.parent != absent {
                let place = zone.delegation == absent ? index : Int(zone.delegation)
                // Of what lies below another delegation the zone around this one knows nothing.
                let isBelow = nodes[place].nameLength < node.nameLength
                let kind: ZoneMatch.Kind = isBelow ? .delegated : .exact
                return ZoneMatch(kind: kind, node: place, zone: Int(zone.parent))
            }
        }
        guard node.cut == absent else {
            return ZoneMatch(kind: .delegated, node: Int(node.cut), zone: Int(node.zone))
        }
        return ZoneMatch(kind: .exact, node: index, zone: Int(node.zone))
    }

    // Up to the closest encloser: the longest suffix that exists. Label by label from the left, and
    // without lookups while the suffix has more labels than any name of the table: so a name of
    // 127 labels costs no more lookups than the zones are deep.
    private func climb(
        _ name: Span<UInt8>,
        at start: Int,
        _ scanned: ScannedName
    ) -> ZoneMatch {
        var hash = scanned.hash
        var labels = scanned.labelCount
        var position = start
        let end = start &+ scanned.length
        while labels > 0 {
            let next = position &+ Int(name[position]) &+ 1
            while position < next {
                hash.dropFirst(name[position])
                position &+= 1
            }
            labels &-= 1
            guard labels <= deepest,
                let index = node(name, at: position, end &- position, hash)
            else { continue }
            return below(index)
        }
        return .outside
    }

    private func below(_ encloser: Int) -> ZoneMatch {
        let node = nodes[encloser]
        let zone = Int(node.zone)
        if node.cut != absent {
            return ZoneMatch(kind: .delegated, node: Int(node.cut), zone: zone)
        }
        guard node.link != absent else {
            return ZoneMatch(kind: .missing, node: encloser, zone: zone)
        }
        let next = Int(node.link)
        return ZoneMatch(kind: next == encloser ? .redirected : .wildcard, node: next, zone: zone)
    }

    @inline(__always)
    private func node(
        _ name: Span<UInt8>,
        at start: Int,
        _ length: Int,
        _ hash: NameHash
    ) -> Int? {
        let value = hash.value
        let mask = slots.count &- 1
        var slot = Int(truncatingIfNeeded: value) & mask
        // The table is never full, so an empty slot ends every search.
        while true {
            let word = slots[slot]
            if word == 0 { return nil }
            if word >> 32 == value >> 32 {
                let index = Int(word & 0xffff_ffff) &- 1
                let offset = Int(nodes[index].nameOffset)
                if Int(nodes[index].nameLength) == length,
                    WireName.matches(name, at: start, bytes, at: offset, length: length)
                {
                    return index
                }
            }
            slot = (slot &+ 1) & mask
        }
    }

    /// The node's set of a type; nil when it has none.
    @inline(__always)
    func set(of node: ZoneNode, type: RecordType) -> ZoneSet? {
        var index = Int(node.firstSet)
        let end = index &+ Int(node.setCount)
        while index < end {
            let set = sets[index]
            if set.type == type { return set }
            index &+= 1
        }
        return nil
    }

    /// The place of the addresses that go along with a set; `absent` when none do.
    ///
    /// It stands behind the set's records: a field for it would make every set larger.
    func hosts(of set: ZoneSet) -> UInt32 {
        let start = Int(set.offset) &+ Int(set.length)
        guard set.namesHosts, start &+ 4 <= bytes.count else { return absent }
        return UInt32(bytes[start]) << 24 | UInt32(bytes[start &+ 1]) << 16
            | UInt32(bytes[start &+ 2]) << 8 | UInt32(bytes[start &+ 3])
    }
}
