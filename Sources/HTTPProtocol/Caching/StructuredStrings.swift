// SPDX-License-Identifier: Apache-2.0

/// Walks over a list of strings of structured fields (RFC 9651 §3.1, §3.3.3), such as groups of a cache.
///
/// Parameters are passed over. Whoever finds it broken, or with a member of another type, has to pass over
/// all of the field.
public struct StructuredStrings {
    private var items: StructuredDictionary
    /// True once something does not follow the grammar, or is no string.
    public private(set) var isBroken = false

    /// The list in one value of a field.
    public init(_ range: ByteRange) { items = StructuredDictionary(range) }

    /// The inside of the next string, with its escapes; nil at the end, and where it is broken.
    public mutating func next(_ bytes: Span<UInt8>) -> ByteRange? {
        guard !isBroken, let value = items.nextItem(bytes) else {
            isBroken = isBroken || items.isBroken
            return nil
        }
        guard case .string(let inside) = value else {
            isBroken = true
            return nil
        }
        return inside
    }

    /// Appends the text that the inside of a string stands for; false when it does not fit.
    @_lifetime(output: copy output)
    public static func unescape(_ inside: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool
    {
        var index = 0
        while index < inside.count {
            // What follows is one of the two that are escaped.
            if inside[index] == UInt8(ascii: "\\") { index &+= 1 }
            guard index < inside.count, output.freeCapacity > 0 else { return false }
            output.append(inside[index])
            index &+= 1
        }
        return true
    }
}
