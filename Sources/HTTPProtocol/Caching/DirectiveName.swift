// SPDX-License-Identifier: Apache-2.0

/// The name of a directive of `Cache-Control` that a cache acts upon.
///
/// Names are compared as ``KnownField`` compares those of fields: in whole words with bit 5 of each octet
/// set, which is exact for the octets of a token. A test derives the words again from ``text``.
enum DirectiveName: UInt8, BitwiseCopyable, CaseIterable {
    /// A name that nothing here acts upon.
    case other
    /// `max-age`: for how many seconds it is fresh (RFC 9111 §5.2.2.1); in a request, how old it may be (§5.2.1.1).
    case maxAge
    /// `s-maxage`: the same for shared caches alone (§5.2.2.10).
    case sharedMaxAge
    /// `no-cache`: nothing without asking the origin (§5.2.1.4, §5.2.2.4).
    case noCache
    /// `no-store`: nothing is to be kept (§5.2.1.5, §5.2.2.5).
    case noStore
    /// `no-transform`: content stays as it is (§5.2.1.6, §5.2.2.6).
    case noTransform
    /// `private`: not for shared caches (§5.2.2.7).
    case isPrivate
    /// `public`: for shared caches too (§5.2.2.9).
    case isPublic
    /// `must-revalidate`: never stale (§5.2.2.2).
    case mustRevalidate
    /// `proxy-revalidate`: never stale from a shared cache (§5.2.2.8).
    case proxyRevalidate
    /// `must-understand`: kept only where the status is understood (§5.2.2.3).
    case mustUnderstand
    /// `immutable`: does not change while it is fresh (RFC 8246).
    case immutable
    /// `stale-while-revalidate`: for so long it may be stale while it is asked for anew (RFC 5861 §3).
    case staleWhileRevalidate
    /// `stale-if-error`: for so long it may be stale when the origin fails (RFC 5861 §4).
    case staleIfError
    /// `max-stale`: so stale the client takes it (RFC 9111 §5.2.1.2).
    case maxStale
    /// `min-fresh`: for so long it must stay fresh (§5.2.1.3).
    case minFresh
    /// `only-if-cached`: from the cache or not at all (§5.2.1.7).
    case onlyIfCached

    /// The name that fills a range, in any case.
    static func recognize(_ bytes: Span<UInt8>, _ range: ByteRange) -> DirectiveName {
        let start = Int(range.start)
        let count = Int(range.count)
        if count <= 8 { return short(HeadScan.shortWord(bytes, start, count)) }
        guard count <= 22, let first = HeadScan.word(bytes, start),
            let last = HeadScan.word(bytes, start &+ count &- 8)
        else { return .other }
        switch (count, first | HeadScan.fold, last | HeadScan.fold) {
        case (12, 0x736e_6172_742d_6f6e, 0x6d72_6f66_736e_6172):
            return .noTransform
        case (15, 0x7665_722d_7473_756d, 0x6574_6164_696c_6176):
            return .mustRevalidate
        case (16, 0x6572_2d79_786f_7270, 0x6574_6164_696c_6176):
            return .proxyRevalidate
        case (15, 0x646e_752d_7473_756d, 0x646e_6174_7372_6564):
            return .mustUnderstand
        case (9, 0x6c62_6174_756d_6d69, 0x656c_6261_7475_6d6d):
            return .immutable
        case (22, 0x6877_2d65_6c61_7473, 0x6574_6164_696c_6176):
            guard let middle = HeadScan.word(bytes, start &+ 8) else { return .other }
            return middle | HeadScan.fold == 0x6176_6572_2d65_6c69 ? .staleWhileRevalidate : .other
        case (14, 0x6669_2d65_6c61_7473, 0x726f_7272_652d_6669):
            return .staleIfError
        case (9, 0x6c61_7473_2d78_616d, 0x656c_6174_732d_7861):
            return .maxStale
        case (9, 0x7365_7266_2d6e_696d, 0x6873_6572_662d_6e69):
            return .minFresh
        case (14, 0x2d66_692d_796c_6e6f, 0x6465_6863_6163_2d66):
            return .onlyIfCached
        default: return .other
        }
    }

    private static func short(_ word: UInt64) -> DirectiveName {
        switch word {
        case 0x65_6761_2d78_616d: .maxAge
        case 0x6567_6178_616d_2d73: .sharedMaxAge
        case 0x6568_6361_632d_6f6e: .noCache
        case 0x6572_6f74_732d_6f6e: .noStore
        case 0x65_7461_7669_7270: .isPrivate
        case 0x6369_6c62_7570: .isPublic
        default: .other
        }
    }

    /// The name as it is written; empty for ``other``.
    var text: StaticString {
        switch self {
        case .other: ""
        case .maxAge: "max-age"
        case .sharedMaxAge: "s-maxage"
        case .noCache: "no-cache"
        case .noStore: "no-store"
        case .noTransform: "no-transform"
        case .isPrivate: "private"
        case .isPublic: "public"
        case .mustRevalidate: "must-revalidate"
        case .proxyRevalidate: "proxy-revalidate"
        case .mustUnderstand: "must-understand"
        case .immutable: "immutable"
        case .staleWhileRevalidate: "stale-while-revalidate"
        case .staleIfError: "stale-if-error"
        case .maxStale: "max-stale"
        case .minFresh: "min-fresh"
        case .onlyIfCached: "only-if-cached"
        }
    }
}
