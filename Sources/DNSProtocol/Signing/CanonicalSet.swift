// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What is signed of a record set (RFC 4034 §3.1.8.1), worked out from the set as it stands in a
/// message.
///
/// So whatever writes a set, the same code signs it: from a zone, from a policy, or made up. The
/// form is kept short, with the owner once:
///
///     RRSIG data without signature | owner | then for each record: length | data
///
/// with the data in canonical form (§6.2), in order and without copies (§6.3). The short form says
/// as much as the long one that is signed, so its digest stands for it; ``signedBytes(_:)`` makes the
/// long one, which only a signature that is not known yet needs.
public struct CanonicalSet: BitwiseCopyable, Sendable {
    /// Where the short form lies among the bytes that were written.
    public var range: Range<Int> { start..<max(start, end) }
    private var start = 0
    private var end = 0
    /// The head, with the labels of the owner.
    public private(set) var head: SignatureHead
    private var ownerStart = 0
    private var recordsStart = 0

    // So many records are put in order without memory of their own.
    private static let inlineLimit = 64

    /// Appends the short form of the records of one set, from `base` of a message to its end.
    ///
    /// `signer` is the apex in lower case. Nil when the records are malformed, or find no room.
    @_lifetime(scratch: copy scratch)
    public init?(
        _ message: Span<UInt8>,
        from base: Int,
        head: SignatureHead,
        signer: Span<UInt8>,
        into scratch: inout OutputSpan<UInt8>
    ) {
        self.head = head
        var starts = InlineArray<64, UInt32>(repeating: 0)
        let first = scratch.count
        guard
            let count = CanonicalSet.writeData(
                head.covered,
                message,
                from: base,
                &starts,
                into: &scratch
            ), count > 0
        else { return nil }
        start = scratch.count
        guard head.write(into: &scratch), scratch.write(signer) else { return nil }
        ownerStart = scratch.count
        guard let owner = WireName.expand(message, at: base, into: &scratch) else { return nil }
        recordsStart = scratch.count
        setLabels(owner.length, in: &scratch)
        let isDone =
            count <= CanonicalSet.inlineLimit
            ? CanonicalSet.writeOrdered(&starts, count, into: &scratch)
            : CanonicalSet.writeOrdered(from: first, count, into: &scratch)
        guard isDone else { return nil }
        end = scratch.count
    }

    // The data of all records, each behind its length; their number.
    @_lifetime(scratch: copy scratch)
    private static func writeData(
        _ type: RecordType,
        _ message: Span<UInt8>,
        from base: Int,
        _ starts: inout [64 of UInt32],
        into scratch: inout OutputSpan<UInt8>
    ) -> Int? {
        var position = base
        var count = 0
        while position < message.count {
            guard let record = AdditionalRecord(message, at: position), record.type == type else {
                return nil
            }
            let start = scratch.count
            guard scratch.write(uint16: 0),
                CanonicalData.write(type, message, record.dataStart..<record.end, into: &scratch)
            else { return nil }
            let length = scratch.count &- start &- 2
            guard length <= Int(UInt16.max) else { return nil }
            scratch[start] = UInt8(truncatingIfNeeded: length >> 8)
            scratch[start &+ 1] = UInt8(truncatingIfNeeded: length)
            if count < inlineLimit { starts[count] = UInt32(truncatingIfNeeded: start) }
            count &+= 1
            position = record.end
        }
        return count
    }

    @_lifetime(scratch: copy scratch)
    private mutating func setLabels(
        _ length: Int,
        in scratch: inout OutputSpan<UInt8>
    ) {
        var labels: UInt8 = 0
        var position = ownerStart
        while position < ownerStart &+ length, scratch[position] != 0 {
            let isWildcard = scratch[position] == 1 && scratch[position &+ 1] == UInt8(ascii: "*")
            if !(isWildcard && position == ownerStart) { labels &+= 1 }
            position &+= Int(scratch[position]) &+ 1
        }
        head.labels = labels
        scratch[start &+ 3] = labels
    }

    // Few records: each to its place among those before it.
    @_lifetime(scratch: copy scratch)
    private static func writeOrdered(
        _ starts: inout [64 of UInt32],
        _ count: Int,
        into scratch: inout OutputSpan<UInt8>
    ) -> Bool {
        var index = 1
        while index < count {
            let moved = starts[index]
            var place = index
            while place > 0, compare(Int(moved), Int(starts[place &- 1]), scratch) < 0 {
                starts[place] = starts[place &- 1]
                place &-= 1
            }
            starts[place] = moved
            index &+= 1
        }
        for index in 0..<count {
            let start = Int(starts[index])
            if index > 0, compare(start, Int(starts[index &- 1]), scratch) == 0 { continue }
            guard copy(start, into: &scratch) else { return false }
        }
        return true
    }

    // Many: sorted as a list.
    @inline(never) @_lifetime(scratch: copy scratch)
    private static func writeOrdered(
        from first: Int,
        _ count: Int,
        into scratch: inout OutputSpan<UInt8>
    ) -> Bool {
        var starts: [Int] = []
        var position = first
        for _ in 0..<count {
            starts.append(position)
            position &+= 2 &+ length(position, scratch)
        }
        starts.sort { compare($0, $1, scratch) < 0 }
        for (index, start) in starts.enumerated() {
            if index > 0, compare(start, starts[index - 1], scratch) == 0 { continue }
            guard copy(start, into: &scratch) else { return false }
        }
        return true
    }

    private static func length(_ start: Int, _ scratch: borrowing OutputSpan<UInt8>) -> Int {
        Int(scratch[start]) << 8 | Int(scratch[start &+ 1])
    }

    private static func compare(
        _ a: Int,
        _ b: Int,
        _ scratch: borrowing OutputSpan<UInt8>
    ) -> Int {
        let (x, y) = (a &+ 2, b &+ 2)
        return CanonicalOrder.compareData(
            scratch.span,
            x..<x &+ length(a, scratch),
            y..<y &+ length(b, scratch)
        )
    }

    @_lifetime(scratch: copy scratch)
    private static func copy(_ start: Int, into scratch: inout OutputSpan<UInt8>) -> Bool {
        let count = 2 &+ length(start, scratch)
        guard scratch.freeCapacity >= count else { return false }
        for index in start..<start &+ count { scratch.write(scratch[index]) }
        return true
    }

    /// What is signed, made from the bytes that ``init(_:from:head:signer:into:)`` wrote into.
    public func signedBytes(_ scratch: Span<UInt8>) -> [UInt8] {
        guard end <= scratch.count else { return [] }
        var bytes: [UInt8] = []
        func append(_ from: Int, _ to: Int) {
            for index in from..<to { bytes.append(scratch[index]) }
        }
        append(start, ownerStart)
        var position = recordsStart
        while position &+ 2 <= end {
            let length = Int(scratch[position]) << 8 | Int(scratch[position &+ 1])
            append(ownerStart, recordsStart)
            let type = head.covered.rawValue
            bytes += [UInt8(type >> 8), UInt8(type & 255), 0, 1]
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: head.originalTTL >> (24 - $0 * 8)) }
            append(position, position &+ 2 &+ length)
            position &+= 2 &+ length
        }
        return bytes
    }
}
