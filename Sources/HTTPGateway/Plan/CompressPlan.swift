// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol

/// Which answers of a route are compressed, and how.
public struct CompressPlan: Sendable, Equatable {
    /// The codings that are offered, the best one first; at most three.
    public var codings: [ContentCoding] = [.zstd, .brotli, .gzip]
    /// Media types, `type/*` for all of a kind.
    public var types: [String] = CompressPlan.usualTypes
    /// Answers that are known to be shorter stay as they are.
    public var leastSize: UInt64 = 1024
    /// From 1, quick, to 9, small.
    public var level = 4

    /// What is text, and gets much shorter.
    public static let usualTypes = [
        "text/*", "application/json", "application/javascript", "application/xml",
        "application/xhtml+xml", "application/rss+xml", "application/atom+xml",
        "application/ld+json", "application/problem+json", "application/manifest+json",
        "application/graphql-response+json", "application/wasm", "image/svg+xml",
    ]

    /// The shipped choice.
    public init() {}
}

/// What the loops need of a route's compression.
struct CompressRule: Sendable, BitwiseCopyable {
    var codings = InlineArray<3, ContentCoding?>(repeating: nil)
    /// Places among the media types, in the action table.
    var types = ByteRange.empty
    var leastSize: UInt64 = 0
    var level = 0
    /// Names of fields that are wrong for another coding, in the action table.
    var digests = InlineArray<4, ByteRange>(repeating: .empty)

    // Words that are looked for in the head of an answer.
    var noTransform = ByteRange.empty
    var acceptEncoding = ByteRange.empty
    var anything = ByteRange.empty

    init(_ plan: CompressPlan, _ actions: inout ActionTable) {
        noTransform = actions.keep(Array("no-transform".utf8))
        acceptEncoding = actions.keep(Array("accept-encoding".utf8))
        anything = actions.keep(Array("*".utf8))
        for (place, coding) in plan.codings.prefix(3).enumerated() { codings[place] = coding }
        types = actions.add(mediaTypes: plan.types)
        leastSize = plan.leastSize
        level = plan.level
        let names = ["Content-Digest", "Repr-Digest", "Digest", "Content-MD5"]
        for (place, name) in names.enumerated() { digests[place] = actions.keep(Array(name.utf8)) }
    }
}

extension ActionTable {
    /// Takes the digests out that are for the bytes of the plain answer.
    func hideDigests(_ rule: CompressRule, in fields: inout FieldTable, of bytes: Span<UInt8>) {
        for place in 0..<4 { fields.hide(named: text.span.slice(rule.digests[place]), in: bytes) }
    }

    /// True when the type of an answer is one that a route compresses.
    ///
    /// A stream of events is so only when it is named itself: it comes in small pieces.
    func compresses(_ rule: CompressRule, _ value: Span<UInt8>) -> Bool {
        // gRPC compresses itself, message by message.
        guard !GRPC.isContentType(value) else { return false }
        var end = 0
        while end < value.count, value[end] != UInt8(ascii: ";"), value[end] > 0x20 { end &+= 1 }
        let given = value.extracting(0..<end)
        for place in Int(rule.types.start)..<rule.types.end {
            let type = mediaTypes[place]
            let wanted = text.span.slice(type.text)
            if type.isKind {
                guard given.count > wanted.count, !ActionTable.isEventStream(given) else {
                    continue
                }
                let kind = given.extracting(0..<wanted.count)
                if FieldSyntax.equalsIgnoringCase(kind, wanted) { return true }
            } else if FieldSyntax.equalsIgnoringCase(given, wanted) {
                return true
            }
        }
        return false
    }

    private static func isEventStream(_ type: Span<UInt8>) -> Bool {
        // `text/event-stream` is the one type of this length that begins so.
        guard type.count == 17 else { return false }
        var value: UInt64 = 0
        for index in 5..<13 { value = value << 8 | UInt64(ASCII.lowercased(type[index])) }
        return value == 0x6576_656e_742d_7374
    }
}
