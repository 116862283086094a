// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Walks over a list of tokens with weights (RFC 9110 §12.4.2), as `Accept-Encoding` and
/// `Accept-Language` have it; what is malformed is passed over.
public struct WeightedList: BitwiseCopyable, Sendable {
    private var list: ListReader
    /// True once something malformed was passed over.
    public private(set) var hasMalformed = false

    /// A walk over the value in `range`.
    public init(_ range: ByteRange) { list = ListReader(range) }

    /// The next token, and its weight in thousandths.
    public mutating func next(_ bytes: Span<UInt8>) -> (token: ByteRange, weight: Int)? {
        while let element = list.next(bytes) {
            let (length, weight) = WeightedList.read(bytes.slice(element))
            if weight >= 0 {
                let token = ByteRange(start: element.start, count: UInt32(length))
                return (token, weight)
            }
            hasMalformed = true
        }
        return nil
    }

    /// The length of the token, and its weight: -1 for a malformed one.
    private static func read(_ text: Span<UInt8>) -> (length: Int, weight: Int) {
        var end = 0
        while end < text.count, FieldSyntax.isTokenByte(text[end]) { end &+= 1 }
        guard end > 0 else { return (0, -1) }
        var index = AcceptedCoding.skipBlanks(text, from: end)
        if index == text.count { return (end, 1000) }
        guard text[index] == UInt8(ascii: ";") else { return (end, -1) }
        index = AcceptedCoding.skipBlanks(text, from: index &+ 1)
        guard index &+ 2 < text.count, ASCII.lowercased(text[index]) == UInt8(ascii: "q"),
            text[index &+ 1] == UInt8(ascii: "=")
        else { return (end, -1) }
        return (end, AcceptedCoding.weight(text, from: index &+ 2))
    }
}
