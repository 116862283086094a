// SPDX-License-Identifier: Apache-2.0

/// Finding out which field a name is, by its length and a few whole words.
///
/// A name is read as 64-bit little-endian words with bit 5 of every octet set. That folds the
/// case of letters and leaves digits and the hyphen alone; of the octets that fold onto those,
/// only CR (onto the hyphen) is no token octet, and CR never gets here. So equality of words is
/// equality of names, and a name that is found needs no check of its octets.
///
/// The constants are the names' own bytes; a test derives them again from ``KnownField/name``.
extension KnownField {
    /// The field whose name fills `count` bytes from `start`, none of them a control octet.
    ///
    /// `word` is the first eight octets, with whatever follows a shorter name.
    @inline(__always)
    static func recognize(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ count: Int,
        _ word: UInt64
    ) -> KnownField {
        if count <= 8 {
            return count > 0
                ? short((word | HeadScan.fold) & (UInt64.max >> UInt64(64 &- count &* 8))) : .other
        }
        guard count <= 24, let last = HeadScan.word(bytes, start &+ count &- 8) else {
            return .other
        }
        if count <= 16 { return medium(word | HeadScan.fold, last | HeadScan.fold, count) }
        guard let middle = HeadScan.word(bytes, start &+ 8) else { return .other }
        return long(
            word | HeadScan.fold,
            middle | HeadScan.fold,
            last | HeadScan.fold,
            count
        )
    }

    /// The field whose name fills `range`, wherever it stands.
    public static func recognize(_ bytes: Span<UInt8>, _ range: ByteRange) -> KnownField {
        let start = Int(range.start)
        let count = Int(range.count)
        guard count > 8 else { return short(HeadScan.shortWord(bytes, start, count)) }
        guard let word = HeadScan.word(bytes, start) else { return .other }
        return recognize(bytes, start, count, word)
    }

    /// True for a known name that is spelled with `_` for `-`.
    ///
    /// CGI and its heirs make one variable of both spellings (RFC 3875 §4.1.18), so that
    /// `X_Forwarded_For` would say what only we may say in `X-Forwarded-For`.
    @inline(__always)
    static func isDisguised(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        HeadScan.first(0x5f, in: bytes, from: start, to: end) < end
            && isKnownWithHyphens(bytes, start, end)
    }

    private static func isKnownWithHyphens(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> Bool {
        var name = InlineArray<24, UInt8>(repeating: 0)
        guard start >= 0, end &- start <= 24, end <= bytes.count else { return false }
        for index in start..<end {
            name[index &- start] = bytes[index] == 0x5f ? 0x2d : bytes[index]
        }
        return recognize(name.span, ByteRange(from: 0, to: end &- start)) != .other
    }

    // Names of up to 8 octets, in one word; octets past the name are zero.
    @inline(__always)
    private static func short(_ word: UInt64) -> KnownField {
        switch word {
        case 0x6574: .te
        case 0x616976: .via
        case 0x656761: .age
        case 0x74736f68: .host
        case 0x65746164: .date
        case 0x67617465: .etag
        case 0x79726176: .vary
        case 0x65676e6172: .range
        case 0x776f6c6c61: .allow
        case 0x746365707865: .expect
        case 0x65696b6f6f63: .cookie
        case 0x726576726573: .server
        case 0x6e696769726f: .origin
        case 0x747065636361: .accept
        case 0x616d67617270: .pragma
        case 0x72656c69617274: .trailer
        case 0x65646172677075: .upgrade
        case 0x72657265666572: .referer
        case 0x73657269707865: .expires
        case 0x6e6f697461636f6c: .location
        case 0x706f6f6c2d6e6463: .cdnLoop
        case 0x65676e61722d6669: .ifRange
        case 0x686374616d2d6669: .ifMatch
        default: .other
        }
    }

    // Names of 9 to 16 octets: the first and the last eight, which may overlap.
    @inline(__always)
    private static func medium(_ first: UInt64, _ last: UInt64, _ count: Int) -> KnownField {
        switch count {
        case 9:
            if first == 0x6564726177726f66, last == 0x646564726177726f { return .forwarded }
            if first == 0x692d6c6165722d78, last == 0x70692d6c6165722d { return .xRealIP }
        case 10:
            if first == 0x697463656e6e6f63, last == 0x6e6f697463656e6e { return .connection }
            if first == 0x6567612d72657375, last == 0x746e6567612d7265 { return .userAgent }
            if first == 0x696c612d7065656b, last == 0x6576696c612d7065 { return .keepAlive }
            if first == 0x6174736563617274, last == 0x6574617473656361 { return .tracestate }
            if first == 0x6b6f6f632d746573, last == 0x65696b6f6f632d74 { return .setCookie }
        case 11:
            if first == 0x7261706563617274, last == 0x746e657261706563 { return .traceparent }
            if first == 0x66612d7972746572, last == 0x72657466612d7972 { return .retryAfter }
            if first == 0x632d746e65696c63, last == 0x747265632d746e65 { return .clientCert }
        case 12:
            if first == 0x2d746e65746e6f63, last == 0x657079742d746e65 { return .contentType }
            if first == 0x77726f662d78616d, last == 0x7364726177726f66 { return .maxForwards }
            if first == 0x7365757165722d78, last == 0x64692d7473657571 { return .xRequestID }
        case 13:
            if first == 0x6f632d6568636163, last == 0x6c6f72746e6f632d { return .cacheControl }
            if first == 0x7a69726f68747561, last == 0x6e6f6974617a6972 { return .authorization }
            if first == 0x646f6d2d7473616c, last == 0x6465696669646f6d { return .lastModified }
            if first == 0x2d656e6f6e2d6669, last == 0x686374616d2d656e { return .ifNoneMatch }
            if first == 0x722d747065636361, last == 0x7365676e61722d74 { return .acceptRanges }
            if first == 0x2d746e65746e6f63, last == 0x65676e61722d746e { return .contentRange }
        case 14:
            if first == 0x2d746e65746e6f63, last == 0x6874676e656c2d74 { return .contentLength }
            if first == 0x65732d3270747468, last == 0x73676e6974746573 { return .http2Settings }
            if first == 0x2d74656c7472616d, last == 0x726f7272696d2d74 { return .martletMirror }
        case 15:
            if first == 0x652d747065636361, last == 0x676e69646f636e65 { return .acceptEncoding }
            if first == 0x6c2d747065636361, last == 0x65676175676e616c { return .acceptLanguage }
            if first == 0x726177726f662d78, last == 0x726f662d64656472 { return .xForwardedFor }
            if first == 0x65746f706d656469, last == 0x79656b2d79636e65 { return .idempotencyKey }
        case 16:
            if first == 0x6f632d79786f7270, last == 0x6e6f697463656e6e { return .proxyConnection }
            if first == 0x726177726f662d78, last == 0x74736f682d646564 { return .xForwardedHost }
            if first == 0x726177726f662d78, last == 0x74726f702d646564 { return .xForwardedPort }
            if first == 0x687475612d777777, last == 0x6574616369746e65 { return .wwwAuthenticate }
            if first == 0x2d746e65746e6f63, last == 0x676e69646f636e65 { return .contentEncoding }
        default: break
        }
        return .other
    }

    // Names of 17 to 24 octets.
    private static func long(
        _ first: UInt64,
        _ middle: UInt64,
        _ last: UInt64,
        _ count: Int
    ) -> KnownField {
        switch (count, first, middle, last) {
        case (17, 0x726566736e617274, 0x6e69646f636e652d, 0x676e69646f636e65): .transferEncoding
        case (17, 0x632d746e65696c63, 0x696168632d747265, 0x6e696168632d7472): .clientCertChain
        case (17, 0x726177726f662d78, 0x746f72702d646564, 0x6f746f72702d6465): .xForwardedProto
        case (17, 0x6669646f6d2d6669, 0x636e69732d646569, 0x65636e69732d6465): .ifModifiedSince
        case (18, 0x75612d79786f7270, 0x616369746e656874, 0x6574616369746e65): .proxyAuthenticate
        case (19, 0x646f6d6e752d6669, 0x69732d6465696669, 0x65636e69732d6465): .ifUnmodifiedSince
        case (19, 0x75612d79786f7270, 0x74617a69726f6874, 0x6e6f6974617a6972): .proxyAuthorization
        default: .other
        }
    }
}
