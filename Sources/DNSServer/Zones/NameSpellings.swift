// SPDX-License-Identifier: Apache-2.0

/// How names with capitals are written: names are looked up in lower case, and go to secondaries as
/// their zone has them (RFC 5936 §3.4).
///
/// A table of names without capitals has none: they cost nothing where nobody uses them. Answers need
/// no spelling, since their owners are those of the question, or stand in data.
struct NameSpellings: Sendable {
    private struct Entry: BitwiseCopyable {
        var node: UInt32
        var place: UInt32
    }

    // In ascending order of nodes.
    private var entries: [Entry] = []

    /// Octets of memory.
    var byteCount: Int { entries.count * MemoryLayout<Entry>.stride }

    /// Notes where the name of a node lies as it is written; nodes come in ascending order.
    mutating func add(_ node: UInt32, at place: UInt32) {
        entries.append(Entry(node: node, place: place))
    }

    /// Where the name of a node lies as it is written; nil for one without capitals.
    func place(ofNode node: Int) -> Int? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low &+ high) / 2
            if Int(entries[middle].node) < node { low = middle &+ 1 } else { high = middle }
        }
        guard low < entries.count, Int(entries[low].node) == node else { return nil }
        return Int(entries[low].place)
    }
}

extension ZoneTable {
    /// The name of a node as its zone writes it, in wire form.
    func spelledName(ofNode index: Int) -> [UInt8] {
        let start = spellings.place(ofNode: index) ?? Int(nodes[index].nameOffset)
        return Array(bytes[start..<start + Int(nodes[index].nameLength)])
    }
}

extension ZoneTableLayout {
    /// Has the last node written so, where that differs from its name in lower case.
    mutating func spell(_ name: some Collection<UInt8>) {
        guard name.contains(where: { $0 &- 0x41 < 26 }), let place = addBytes(name) else { return }
        spellings.add(UInt32(truncatingIfNeeded: nodes.count - 1), at: place)
    }

    /// True when a node is written so.
    func writes(_ node: Int, as name: [UInt8]) -> Bool {
        let start = spellings.place(ofNode: node) ?? Int(nodes[node].nameOffset)
        return bytes[start..<start + Int(nodes[node].nameLength)] == name[...]
    }
}
