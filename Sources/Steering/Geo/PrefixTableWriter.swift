// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Builds a ``PrefixTable`` from networks that come in order, without holding them.
///
/// For large sources: memory grows with the runs of the table, not with the networks.
public struct PrefixTableWriter {
    private var v4: OrderedRuns<UInt32>
    private var v6: OrderedRuns<UInt128>

    /// A writer for a table in which addresses of no network get `otherwise`.
    public init(otherwise: UInt32) {
        v4 = OrderedRuns(otherwise: otherwise)
        v6 = OrderedRuns(otherwise: otherwise)
    }

    /// Adds a network that lies behind all others of its family; false, and ignored, otherwise.
    public mutating func append(_ prefix: Prefix, _ value: UInt32) -> Bool {
        let (address, length) = (prefix.address, prefix.length)
        if address.isIPv4 {
            let first = UInt32(truncatingIfNeeded: address.bits)
            return v4.append(NetworkEntry(first: first, length: length, value: value, order: 0))
        }
        return v6.append(
            NetworkEntry(first: address.bits, length: length, value: value, order: 0)
        )
    }

    /// The table of what was added.
    public consuming func finish() -> PrefixTable {
        PrefixTable(v4: v4.finish(), v6: v6.finish())
    }
}

/// The runs of one family, written from its networks in order.
private struct OrderedRuns<Key: FixedWidthInteger & UnsignedInteger & Sendable> {
    private var runs = RunsWriter<Key>()
    private let otherwise: UInt32
    // The first address behind all networks so far; nil when there is none.
    private var next: Key? = 0

    init(otherwise: UInt32) { self.otherwise = otherwise }

    mutating func append(_ network: NetworkEntry<Key>) -> Bool {
        guard let free = next, network.first >= free else { return false }
        if network.first > free { runs.append(free, otherwise) }
        runs.append(network.first, network.value)
        next = network.last == .max ? nil : network.last + 1
        return true
    }

    consuming func finish() -> AddressRuns<Key> {
        if let next { runs.append(next, otherwise) }
        return runs.finish()
    }
}
