// SPDX-License-Identifier: Apache-2.0

/// What the fields say about framing, routing and the connection (RFC 9112 §6, §9).
extension HeadFacts {
    /// Takes note of a field that the codec acts upon, or refuses its value.
    mutating func note(
        _ known: KnownField,
        _ value: ByteRange,
        _ bytes: Span<UInt8>
    ) -> Refusal? {
        guard role != .trailer else { return nil }
        switch known {
        case .host: return role == .request ? noteHost(value, bytes) : nil
        case .connection: return noteConnection(value, bytes)
        case .contentLength: return noteContentLength(value, bytes)
        case .transferEncoding: return noteTransferEncoding(value, bytes)
        case .upgrade: return noteUpgrade(value)
        case .expect: return role == .request ? noteExpect(value, bytes) : nil
        case .te: return noteTE(value, bytes)
        default: return nil
        }
    }

    private mutating func noteHost(_ value: ByteRange, _ bytes: Span<UInt8>) -> Refusal? {
        guard !progress.seen.contains(.host) else { return .hostRepeated }
        progress.seen.insert(.host)
        guard let host = Authority(bytes, value) else { return .host }
        authority = host
        return nil
    }

    // RFC 9112 §6.3 lets equal duplicates through; two lines mean that two programs wrote them,
    // so they are refused here.
    private mutating func noteContentLength(
        _ value: ByteRange,
        _ bytes: Span<UInt8>
    ) -> Refusal? {
        guard !progress.seen.contains(.contentLength) else { return .contentLengthRepeated }
        guard !progress.seen.contains(.chunked) else { return .transferEncodingAndContentLength }
        progress.seen.insert(.contentLength)
        // 19 digits hold every number below 2^63 and cannot overflow 64 bits.
        guard value.count >= 1, value.count <= 19 else { return .contentLength }
        var length: UInt64 = 0
        var index = Int(value.start)
        while index < value.end, index < bytes.count {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return .contentLength }
            length = length &* 10 &+ UInt64(digit)
            index &+= 1
        }
        guard length <= UInt64(Int64.max) else { return .contentLength }
        contentLength = length
        return nil
    }

    private mutating func noteTransferEncoding(
        _ value: ByteRange,
        _ bytes: Span<UInt8>
    ) -> Refusal? {
        guard !progress.seen.contains(.version10) else { return .transferEncodingVersion }
        guard !progress.seen.contains(.contentLength) else {
            return .transferEncodingAndContentLength
        }
        guard !progress.seen.contains(.chunked) else { return .transferEncoding }
        progress.seen.insert(.chunked)
        guard value.count == 7, HeadScan.equals(bytes, value, 0x64656b6e756863 /* chunked */)
        else { return HeadFacts.transferRefusal(value, bytes) }
        return nil
    }

    // Why a list of codings is not the one that is taken: 501 for codings that exist elsewhere
    // with `chunked` in its place, 400 for everything that could be read in two ways.
    private static func transferRefusal(_ value: ByteRange, _ bytes: Span<UInt8>) -> Refusal {
        var list = ListReader(value)
        var others = 0
        var isChunked = false
        while let element = list.next(bytes) {
            guard !isChunked, FieldSyntax.isToken(bytes.slice(element)) else {
                return .transferEncoding
            }
            isChunked = HeadScan.equals(bytes, element, 0x64656b6e756863 /* chunked */)
            if !isChunked { others &+= 1 }
        }
        return others > 0 ? .transferCoding : .transferEncoding
    }

    private mutating func noteUpgrade(_ value: ByteRange) -> Refusal? {
        guard !progress.seen.contains(.upgrade) else { return .upgradeRepeated }
        guard !value.isEmpty else { return nil }
        progress.seen.insert(.upgrade)
        upgrade = value
        return nil
    }

    private mutating func noteExpect(_ value: ByteRange, _ bytes: Span<UInt8>) -> Refusal? {
        let isContinue =
            value.count == 12
            && HeadScan.equals(
                bytes,
                ByteRange(start: value.start, count: 8),
                0x746e_6f63_2d30_3031 /* 100-cont */
            )
            && HeadScan.equals(
                bytes,
                ByteRange(start: value.start &+ 8, count: 4),
                0x65756e69 /* inue */
            )
        guard isContinue, !progress.seen.contains(.expectContinue) else { return .expectation }
        progress.seen.insert(.expectContinue)
        return nil
    }

    private mutating func noteTE(_ value: ByteRange, _ bytes: Span<UInt8>) -> Refusal? {
        var list = ListReader(value)
        while let element = list.next(bytes) {
            if HeadScan.equals(bytes, element, 0x7372656c69617274 /* trailers */) {
                progress.seen.insert(.teTrailers)
            }
        }
        return nil
    }

    /// The end of a request's body (RFC 9112 §6.3).
    var requestFraming: BodyFraming {
        if progress.seen.contains(.chunked) { return .chunked }
        return progress.seen.contains(.contentLength) ? .length(contentLength) : .none
    }
}
