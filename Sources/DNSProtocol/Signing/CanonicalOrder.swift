// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The order of names and of data in signed zones (RFC 4034 §6.1, §6.3).
public enum CanonicalOrder {
    /// Less than zero, zero or more as the first name comes before, is, or comes after the second.
    ///
    /// Both in wire form and uncompressed: label by label from the right, case ignored, a missing
    /// octet before any other.
    public static func compare(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Int {
        var aStarts = Labels(a)
        var bStarts = Labels(b)
        while true {
            guard let x = aStarts.popLast() else { return bStarts.count == 0 ? 0 : -1 }
            guard let y = bStarts.popLast() else { return 1 }
            let order = compare(a, label: x, b, label: y)
            if order != 0 { return order }
        }
    }

    private static func compare(_ a: Span<UInt8>, label x: Int, _ b: Span<UInt8>, label y: Int)
        -> Int
    {
        let (m, n) = (Int(a[x]), Int(b[y]))
        var index = 1
        while index <= min(m, n) {
            let (p, q) = (ASCII.lowercased(a[x &+ index]), ASCII.lowercased(b[y &+ index]))
            if p != q { return p < q ? -1 : 1 }
            index &+= 1
        }
        return m &- n
    }

    /// The same for data: octets from the left, a missing octet before any other.
    @inline(__always)
    public static func compareData(
        _ bytes: Span<UInt8>,
        _ a: Range<Int>,
        _ b: Range<Int>
    ) -> Int {
        let count = min(a.count, b.count)
        var index = 0
        while index < count {
            let (p, q) = (bytes[a.lowerBound &+ index], bytes[b.lowerBound &+ index])
            if p != q { return p < q ? -1 : 1 }
            index &+= 1
        }
        return a.count &- b.count
    }

    // Where the labels of a name begin, the root not counted.
    private struct Labels {
        private var starts = InlineArray<127, UInt8>(repeating: 0)
        private(set) var count = 0

        init(_ name: Span<UInt8>) {
            var position = 0
            while position < name.count, name[position] != 0, count < starts.count,
                position &+ Int(name[position]) < name.count
            {
                starts[count] = UInt8(truncatingIfNeeded: position)
                count &+= 1
                position &+= Int(name[position]) &+ 1
            }
        }

        mutating func popLast() -> Int? {
            guard count > 0 else { return nil }
            count &-= 1
            return Int(starts[count])
        }
    }
}
