// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Reads the tags of a head, by which objects are forgotten together.
///
/// They are what `Surrogate-Key` names, divided by spaces, and `Cache-Tag`, divided by commas; their case
/// counts. Of one head the first 64 count; one of more than 256 octets is passed over.
struct TagReader {
    /// The most tags of a head.
    static let limit = 64
    /// The most octets of a tag.
    static let longest = 256

    private static let surrogateKey = Array("surrogate-key".utf8)
    private static let cacheTag = Array("cache-tag".utf8)
    private static let space = UInt8(ascii: " ")
    private static let tab = UInt8(ascii: "\t")

    // What is left of the value that is being read, and what divides it.
    private var place = 0
    private var end = 0
    private var divider = TagReader.space
    private var count = 0

    /// The next tag; nil behind the last one.
    mutating func next(_ head: Span<UInt8>) -> ByteRange? {
        while count < TagReader.limit {
            if let tag = nextOfLine(head) {
                count &+= 1
                return tag
            }
            guard findLine(head) else { return nil }
        }
        return nil
    }

    /// True for a head with this tag.
    static func has(_ tag: Span<UInt8>, _ head: Span<UInt8>) -> Bool {
        var reader = TagReader()
        while let found = reader.next(head) {
            if Text.isSame(head.slice(found), tag) { return true }
        }
        return false
    }

    private mutating func nextOfLine(_ head: Span<UInt8>) -> ByteRange? {
        while place < end {
            guard !isDivider(head[place]), !TagReader.isBlank(head[place]) else {
                place &+= 1
                continue
            }
            let start = place
            while place < end, !isDivider(head[place]) { place &+= 1 }
            var last = place
            while last > start, TagReader.isBlank(head[last &- 1]) { last &-= 1 }
            if last &- start <= TagReader.longest { return ByteRange(from: start, to: last) }
        }
        return nil
    }

    /// Goes to the value of the next line that may have tags.
    private mutating func findLine(_ head: Span<UInt8>) -> Bool {
        var start = end
        while true {
            start = TagReader.end(of: head, from: start) &+ 1
            guard start < head.count else { return false }
            let names = (TagReader.surrogateKey.span, TagReader.cacheTag.span)
            let isKey = TagReader.isField(names.0, head, start)
            guard isKey || TagReader.isField(names.1, head, start) else { continue }
            divider = isKey ? TagReader.space : UInt8(ascii: ",")
            place = start &+ (isKey ? names.0.count : names.1.count) &+ 1
            end = TagReader.end(of: head, from: place)
            if end > place, head[end &- 1] == UInt8(ascii: "\r") { end &-= 1 }
            return true
        }
    }

    /// Where the line ends that a place is in.
    private static func end(of head: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < head.count, head[index] != UInt8(ascii: "\n") { index &+= 1 }
        return index
    }

    private static func isField(_ name: Span<UInt8>, _ head: Span<UInt8>, _ start: Int) -> Bool {
        let end = start &+ name.count
        guard end < head.count, head[end] == UInt8(ascii: ":") else { return false }
        return FieldSyntax.equalsIgnoringCase(head.extracting(start..<end), name)
    }

    private func isDivider(_ byte: UInt8) -> Bool {
        byte == divider || divider == TagReader.space && byte == TagReader.tab
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
}

/// The tags and groups of one head as digests, none of them twice.
struct TagList {
    /// The most of them.
    static let limit = 128

    private var digests = InlineArray<128, UInt64>(repeating: 0)
    /// How many there are.
    private(set) var count = 0

    /// Those of a head.
    init(_ head: Span<UInt8>, key: SipKey) {
        var reader = TagReader()
        while let tag = reader.next(head) {
            add(TagList.digest(head.slice(tag), key: key))
        }
    }

    /// Adds one that is not there; nothing where there is no room.
    mutating func add(_ digest: UInt64) {
        guard count < digests.count, !contains(digest) else { return }
        digests[count] = digest
        count &+= 1
    }

    subscript(index: Int) -> UInt64 { digests[index] }

    /// True when a tag is among them.
    func contains(_ digest: UInt64) -> Bool {
        for index in 0..<count where digests[index] == digest { return true }
        return false
    }

    /// What stands for a tag.
    static func digest(_ tag: Span<UInt8>, key: SipKey) -> UInt64 {
        SipHash.digest(tag, key: key).low
    }
}
