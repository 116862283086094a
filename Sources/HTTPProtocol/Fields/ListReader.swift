// SPDX-License-Identifier: Apache-2.0

/// Walks over a comma-separated value (RFC 9110 §5.6.1).
///
/// Elements are cut at every comma: it is for lists of tokens, where no comma can be quoted.
public struct ListReader: BitwiseCopyable, Sendable {
    private var position: Int
    private let end: Int

    /// A walk over the value in `range`.
    public init(_ range: ByteRange) {
        position = Int(range.start)
        end = range.end
    }

    /// The next element without the blanks around it; empty elements are passed over.
    public mutating func next(_ bytes: Span<UInt8>) -> ByteRange? {
        while position < end {
            let comma = HeadScan.first(0x2c, in: bytes, from: position, to: end)
            let element = HeadScan.trimmed(bytes, from: position, to: comma)
            position = comma &+ 1
            if !element.isEmpty { return element }
        }
        return nil
    }
}
