// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The data fields of one entry, taken from left to right.
struct ZoneDataFields: ~Escapable {
    let bytes: Span<UInt8>
    let fields: Span<ZoneField>
    let origin: Span<UInt8>
    /// The first field of data.
    let first: Int
    /// The one that is taken next.
    private(set) var index: Int

    @_lifetime(copy bytes, copy fields, copy origin)
    init(_ bytes: Span<UInt8>, _ fields: Span<ZoneField>, from first: Int, origin: Span<UInt8>) {
        self.bytes = bytes
        self.fields = fields
        self.origin = origin
        self.first = first
        index = first
    }

    /// All fields of data.
    var count: Int { max(fields.count - first, 0) }
    /// True while there are more.
    var hasMore: Bool { index < fields.count }
    /// The number of the next field, counted from the first one of data, for findings.
    var number: Int { index - first }

    /// The text of the next field, which stays the next one.
    var text: Span<UInt8> {
        @_lifetime(copy self) get {
            guard index < fields.count else { return bytes.extracting(0..<0) }
            let field = fields[index]
            return bytes.extracting(field.start..<field.end)
        }
    }

    /// True when the next field stands in quotes.
    var isQuoted: Bool { index < fields.count && fields[index].isQuoted }

    /// Goes on to the field behind.
    mutating func advance() { index += 1 }

    /// Leaves out all fields that are left.
    mutating func finish() { index = fields.count }

    /// True for the mark of RFC 3597 §5.
    var marksOpaque: Bool {
        let text = text
        return !isQuoted && text.count == 2 && text[0] == UInt8(ascii: "\\")
            && text[1] == UInt8(ascii: "#")
    }

    /// The next field for people.
    var shown: String {
        String(decoding: Array(copying: text.extracting(first: 80)), as: UTF8.self)
    }

    /// What the fields that are left hold, one behind the other.
    var joined: [UInt8] {
        var joined: [UInt8] = []
        for place in index..<max(fields.count, index) {
            for octet in fields[place].start..<fields[place].end { joined.append(bytes[octet]) }
        }
        return joined
    }

    /// What each of the fields that are left holds.
    var words: [[UInt8]] {
        (index..<max(fields.count, index)).map { place in
            Array(copying: bytes.extracting(fields[place].start..<fields[place].end))
        }
    }
}
