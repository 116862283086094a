// SPDX-License-Identifier: Apache-2.0

/// An entity tag (RFC 9110 §8.8.3): where it lies, and whether it is weak.
public struct EntityTag: BitwiseCopyable, Sendable, Equatable {
    /// What stands between the quotes.
    public var opaque: ByteRange
    /// True for `W/"…"`.
    public var isWeak: Bool

    /// Reads a tag that fills a range; nil for anything else.
    public init?(_ bytes: Span<UInt8>, _ range: ByteRange) {
        var place = Int(range.start)
        let end = min(range.end, bytes.count)
        guard let tag = EntityTag.next(bytes, &place, end), place == end else { return nil }
        self = tag
    }

    private init(_ opaque: ByteRange, isWeak: Bool) {
        self.opaque = opaque
        self.isWeak = isWeak
    }

    /// Reads a tag at a place, and moves behind it.
    private static func next(_ bytes: Span<UInt8>, _ place: inout Int, _ end: Int) -> EntityTag? {
        var start = place
        // "W/" is case-sensitive (RFC 9110 §8.8.3).
        let isWeak =
            start &+ 1 < end && bytes[start] == UInt8(ascii: "W")
            && bytes[start &+ 1] == UInt8(ascii: "/")
        if isWeak { start &+= 2 }
        guard start < end, bytes[start] == UInt8(ascii: "\"") else { return nil }
        var index = start &+ 1
        while index < end, isTagByte(bytes[index]) { index &+= 1 }
        guard index < end, bytes[index] == UInt8(ascii: "\"") else { return nil }
        place = index &+ 1
        return EntityTag(ByteRange(from: start &+ 1, to: index), isWeak: isWeak)
    }

    /// `etagc`: no control octet, no blank, no quote; a backslash escapes nothing.
    private static func isTagByte(_ byte: UInt8) -> Bool {
        byte == 0x21 || byte >= 0x23 && byte != 0x7f
    }

    /// True when a list of `If-None-Match` or `If-Match` has the tag, by the weak or by the strong
    /// comparison (RFC 9110 §8.8.3.2).
    ///
    /// Behind an element that is no tag nothing is read: where the next one begins is a guess.
    /// `*` is for the caller to look for.
    public static func isListed(
        _ list: ByteRange,
        _ bytes: Span<UInt8>,
        tag: EntityTag,
        of tagBytes: Span<UInt8>,
        weakly: Bool
    ) -> Bool {
        guard weakly || !tag.isWeak else { return false }
        let end = min(list.end, bytes.count)
        var place = Int(list.start)
        while true {
            while place < end, isSeparator(bytes[place]) { place &+= 1 }
            guard place < end, let listed = next(bytes, &place, end) else { return false }
            guard place == end || isSeparator(bytes[place]) else { return false }
            guard weakly || !listed.isWeak else { continue }
            if isEqual(bytes.slice(listed.opaque), tagBytes.slice(tag.opaque)) { return true }
        }
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == 0x20 || byte == 0x09
    }

    private static func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }
}
