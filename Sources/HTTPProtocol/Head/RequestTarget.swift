// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Judging a request target (RFC 9112 §3.2) and taking it apart.
struct RequestTarget: BitwiseCopyable {
    var form = TargetForm.origin
    var range = ByteRange.empty
    var path = ByteRange.empty
    var query = ByteRange.empty
    var hasQuery = false
    /// Of an absolute or authority form.
    var authority = Authority()

    /// Judges the octets of `range`, which are not empty and hold no control octet but HTAB.
    @inline(__always)
    mutating func judge(
        _ bytes: Span<UInt8>,
        _ range: ByteRange,
        _ method: Method
    ) -> Refusal? {
        self.range = range
        let start = Int(range.start)
        if method != .connect, bytes[start] == 0x2f {
            return judgePath(bytes, start, range.end)
        }
        return judgeOther(bytes, start, range.end, method)
    }

    private mutating func judgeOther(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int,
        _ method: Method
    ) -> Refusal? {
        if let refusal = RequestTarget.octetRefusal(bytes, start, end) { return refusal }
        if method == .connect { return judgeAuthorityForm(bytes) }
        if bytes[start] == 0x2a, end &- start == 1 {
            form = .asterisk
            return method == .options ? nil : .target
        }
        return judgeAbsolute(bytes, start, end)
    }

    // CONNECT takes host and port and nothing else (RFC 9112 §3.2.3).
    private mutating func judgeAuthorityForm(_ bytes: Span<UInt8>) -> Refusal? {
        form = .authority
        guard let authority = Authority(bytes, range), authority.port != 0 else { return .target }
        self.authority = authority
        return nil
    }

    private mutating func judgeAbsolute(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> Refusal? {
        form = .absolute
        let hostStart: Int
        let word = HeadScan.shortWord(bytes, start, Swift.min(8, end &- start))
        if word & 0x00ff_ffff_ffff_ffff == 0x2f_2f3a_7074_7468 {
            hostStart = start &+ 7  // http://
        } else if word == 0x2f2f_3a73_7074_7468 {
            hostStart = start &+ 8  // https://
        } else {
            return RequestTarget.hasScheme(bytes, start, end) ? .scheme : .target
        }
        var hostEnd = hostStart
        while hostEnd < end, bytes[hostEnd] != 0x2f, bytes[hostEnd] != 0x3f { hostEnd &+= 1 }
        let range = ByteRange(from: hostStart, to: hostEnd)
        guard let authority = Authority(bytes, range) else { return .host }
        self.authority = authority
        return judgePath(bytes, hostEnd, end)
    }

    // Path and query (RFC 3986 §3.3, §3.4); an absolute form may have neither.
    @inline(__always)
    private mutating func judgePath(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> Refusal? {
        var index = start
        var pathEnd = end
        while true {
            index = HeadScan.firstSpecial(bytes, from: index, to: end)
            guard index < end else { break }
            switch bytes[index] {
            case 0x3f:
                if !hasQuery {
                    hasQuery = true
                    pathEnd = index
                }
                index &+= 1
            case 0x25:
                guard RequestTarget.isEscape(bytes, index, end) else { return .targetPercent }
                index &+= 3
            case let octet: return RequestTarget.refusal(octet)
            }
        }
        path = ByteRange(from: start, to: pathEnd)
        if hasQuery { query = ByteRange(from: pathEnd &+ 1, to: end) }
        return nil
    }

    // `%` and two digits, which must not make NUL: many origins end a text there.
    private static func isEscape(_ bytes: Span<UInt8>, _ index: Int, _ end: Int) -> Bool {
        guard index &+ 2 < end else { return false }
        guard let high = ASCII.hexDigit(bytes[index &+ 1]),
            let low = ASCII.hexDigit(bytes[index &+ 2])
        else {
            return false
        }
        return high | low != 0
    }

    // A target that is no path: look at its octets first, so that a space is called a space.
    private static func octetRefusal(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> Refusal? {
        var index = start
        while true {
            index = HeadScan.firstSpecial(bytes, from: index, to: end)
            guard index < end else { return nil }
            let octet = bytes[index]
            guard octet == 0x3f || octet == 0x25 else { return refusal(octet) }
            index &+= 1
        }
    }

    private static func refusal(_ octet: UInt8) -> Refusal {
        switch octet {
        case 0x20: .requestLine
        case 0x23: .targetFragment
        default: .targetByte
        }
    }

    // RFC 3986 §3.1: letters, digits and `+-.` before a colon and two slashes.
    private static func hasScheme(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        let colon = HeadScan.first(0x3a, in: bytes, from: start, to: end)
        guard colon > start, colon &+ 2 < end else { return false }
        return bytes[colon &+ 1] == 0x2f && bytes[colon &+ 2] == 0x2f
            && FieldSyntax.isToken(bytes.slice(ByteRange(from: start, to: colon)))
    }
}
