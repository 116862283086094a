// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// What routing looks at: one parsed head and where it came from.
struct RequestView: ~Escapable {
    let head: RequestHead
    let fields: Span<FieldSlice>
    let bytes: Span<UInt8>
    /// The path in its plain form; empty for `http://host` and `*`, which mean the root.
    let path: Span<UInt8>
    let client: IPAddress
    let isTLS: Bool
    /// The beginning of the content; it means something only with ``knowsBody``.
    var body: Span<UInt8>
    /// True when there is more content than ``body``.
    var isBodyCut = false
    /// False while there is content that has not been looked at.
    var knowsBody: Bool

    @_lifetime(copy fields, copy bytes, copy path)
    init(
        head: RequestHead,
        fields: Span<FieldSlice>,
        bytes: Span<UInt8>,
        path: Span<UInt8>,
        client: IPAddress,
        isTLS: Bool
    ) {
        self.head = head
        self.fields = fields
        self.bytes = bytes
        self.path = path
        self.client = client
        self.isTLS = isTLS
        body = bytes.extracting(0..<0)
        knowsBody = head.framing.isEmpty
    }

    var host: Span<UInt8> {
        @_lifetime(copy self) get { bytes.slice(head.host) }
    }
}

/// The pairs `name=value` of a cookie field or a query.
struct PairReader: ~Escapable {
    private let text: Span<UInt8>
    private let separator: UInt8
    private var place = 0
    private(set) var name = ByteRange.empty
    private(set) var value = ByteRange.empty

    @_lifetime(copy text)
    init(_ text: Span<UInt8>, separator: UInt8) {
        self.text = text
        self.separator = separator
    }

    /// Moves to the next pair; its ranges lie in the text.
    ///
    /// A name without `=` has an empty value.
    @_lifetime(self: copy self)
    mutating func next() -> Bool {
        while place < text.count {
            while place < text.count, text[place] == 0x20 { place &+= 1 }
            let start = place
            var equals = -1
            while place < text.count, text[place] != separator {
                if equals < 0, text[place] == UInt8(ascii: "=") { equals = place }
                place &+= 1
            }
            let end = place
            place &+= 1
            guard end > start else { continue }
            name = ByteRange(from: start, to: equals < 0 ? end : equals)
            value = ByteRange(from: equals < 0 ? end : equals &+ 1, to: end)
            return true
        }
        return false
    }
}
