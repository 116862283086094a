// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import HTTPProtocol

/// Groups of responses of one origin (RFC 9875), by which they are invalidated together.
///
/// A group is a text that an origin chose, octet by octet, and is that origin's alone: what stands for it is
/// made of scheme, host and port too.
public enum CacheGroups {
    /// The most groups of a field that count; the RFC asks for 32 (§2, §3).
    public static let limit = 64
    /// The most octets of a group; the RFC asks for 32.
    public static let longest = 256

    private static let surrogateKey = Array("surrogate-key".utf8)
    private static let cacheTag = Array("cache-tag".utf8)

    /// Keeps the fields from being copied on by which origins tag responses: `Surrogate-Key` and `Cache-Tag`.
    public static func hideTags(_ fields: inout FieldTable, _ bytes: Span<UInt8>) {
        fields.hide(named: surrogateKey.span, in: bytes)
        fields.hide(named: cacheTag.span, in: bytes)
    }

    static let field = Array("cache-groups".utf8)
    private static let invalidation = Array("cache-group-invalidation".utf8)

    /// Calls `body` with each group whose responses an answer makes invalid (§3), where it may.
    ///
    /// Of a field with a fault nothing counts.
    public static func forEachInvalidated(
        by fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ body: (Span<UInt8>) -> Void
    ) {
        for index in 0..<fields.count
        where FieldSyntax.equalsIgnoringCase(bytes.slice(fields[index].name), invalidation.span) {
            guard isWhole(fields[index].value, bytes) else { return }
        }
        var count = 0
        for index in 0..<fields.count
        where FieldSyntax.equalsIgnoringCase(bytes.slice(fields[index].name), invalidation.span) {
            forEach(fields[index].value, bytes, &count, body)
        }
    }

    /// The same of the groups that a stored head is in.
    static func forEach(of head: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
        var start = 0
        while let value = nextValue(head, from: &start) {
            guard isWhole(value, head) else { return }
        }
        var count = 0
        start = 0
        while let value = nextValue(head, from: &start) { forEach(value, head, &count, body) }
    }

    /// True for a head with the field, whatever it says.
    static func has(anyIn head: Span<UInt8>) -> Bool {
        var start = 0
        return nextValue(head, from: &start) != nil
    }

    /// True for a head that is in a group.
    static func has(_ group: Span<UInt8>, _ head: Span<UInt8>) -> Bool {
        var isIn = false
        forEach(of: head) { if Text.isSame($0, group) { isIn = true } }
        return isIn
    }

    private static func isWhole(_ value: ByteRange, _ bytes: Span<UInt8>) -> Bool {
        var list = StructuredStrings(value)
        while list.next(bytes) != nil {}
        return !list.isBroken
    }

    private static func forEach(
        _ value: ByteRange,
        _ bytes: Span<UInt8>,
        _ count: inout Int,
        _ body: (Span<UInt8>) -> Void
    ) {
        var list = StructuredStrings(value)
        while count < limit, let inside = list.next(bytes) {
            let text = bytes.slice(inside)
            guard !text.isEmpty, text.count <= longest else { continue }
            count &+= 1
            let isPlain = !hasEscape(text)
            guard !isPlain else {
                body(text)
                continue
            }
            let plain = [UInt8](capacity: text.count) { (output: inout OutputSpan<UInt8>) in
                _ = StructuredStrings.unescape(text, into: &output)
            }
            body(plain.span)
        }
    }

    private static func hasEscape(_ text: Span<UInt8>) -> Bool {
        for index in text.indices where text[index] == UInt8(ascii: "\\") { return true }
        return false
    }

    /// The value of the next line of a stored head that names groups.
    private static func nextValue(_ head: Span<UInt8>, from start: inout Int) -> ByteRange? {
        while start < head.count {
            let first = start
            var end = first
            while end < head.count, head[end] != UInt8(ascii: "\n") { end &+= 1 }
            start = end &+ 1
            if end > first, head[end &- 1] == UInt8(ascii: "\r") { end &-= 1 }
            let colon = first &+ field.count
            guard colon < end, head[colon] == UInt8(ascii: ":"),
                FieldSyntax.equalsIgnoringCase(head.extracting(first..<colon), field.span)
            else { continue }
            var value = colon &+ 1
            while value < end, head[value] == 0x20 || head[value] == 0x09 { value &+= 1 }
            return ByteRange(from: value, to: end)
        }
        return nil
    }
}
