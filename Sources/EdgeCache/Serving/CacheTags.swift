// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// The names under which origins group what they answer, so that a group can be taken out at once.
enum CacheTags {
    private static let surrogateKey = Array("surrogate-key".utf8)
    private static let cacheTag = Array("cache-tag".utf8)

    /// True when a stored head has a tag, as it was written: in `Surrogate-Key`, which divides them by
    /// blanks, or in `Cache-Tag`, which does so by commas.
    static func contains(_ tag: Span<UInt8>, head: Span<UInt8>) -> Bool {
        var start = 0
        while start < head.count {
            var end = start
            while end < head.count, head[end] != UInt8(ascii: "\n") { end &+= 1 }
            if isTagged(head.extracting(start..<end), tag) { return true }
            start = end &+ 1
        }
        return false
    }

    private static func isTagged(_ line: Span<UInt8>, _ tag: Span<UInt8>) -> Bool {
        var colon = 0
        while colon < line.count, line[colon] != UInt8(ascii: ":") { colon &+= 1 }
        guard colon < line.count else { return false }
        let name = line.extracting(0..<colon)
        let value = line.extracting((colon &+ 1)..<line.count)
        if FieldSyntax.equalsIgnoringCase(name, surrogateKey.span) {
            return has(value, tag) { isBlank($0) }
        }
        guard FieldSyntax.equalsIgnoringCase(name, cacheTag.span) else { return false }
        return has(value, tag) { $0 == UInt8(ascii: ",") }
    }

    private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 }

    /// True when one of the texts between the octets that divide is the tag; blanks round it do not count.
    private static func has(
        _ list: Span<UInt8>,
        _ tag: Span<UInt8>,
        dividedBy divides: (UInt8) -> Bool
    ) -> Bool {
        var start = 0
        while start < list.count {
            var end = start
            while end < list.count, !divides(list[end]) { end &+= 1 }
            var (first, last) = (start, end)
            while first < last, isBlank(list[first]) { first &+= 1 }
            while last > first, isBlank(list[last &- 1]) || list[last &- 1] == 0x0d { last &-= 1 }
            if Text.isSame(list.extracting(first..<last), tag) { return true }
            start = end &+ 1
        }
        return false
    }
}
