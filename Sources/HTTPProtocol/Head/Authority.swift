// SPDX-License-Identifier: Apache-2.0

/// A `host[:port]` that was found valid (RFC 9110 §4.2, RFC 3986 §3.2.2).
///
/// Stricter than the RFC, because a host is a key for routes and caches and goes into log lines:
/// a name is letters, digits, `-`, `.` and `_`, with no empty label but one dot at the end;
/// neither percent-encoding nor sub-delimiters, neither userinfo nor an empty port.
struct Authority: BitwiseCopyable {
    /// All of it.
    var range = ByteRange.empty
    /// The host; an IPv6 literal with its brackets.
    var host = ByteRange.empty
    /// The port; 0 when there is none.
    var port: UInt16 = 0

    init() {}

    /// Reads all of `range`; nil when it is not valid.
    init?(_ bytes: Span<UInt8>, _ range: ByteRange) {
        let start = Int(range.start)
        let end = range.end
        guard start < end, end <= bytes.count else { return nil }
        let hostEnd =
            bytes[start] == 0x5b
            ? Authority.literalEnd(bytes, start, end) : Authority.nameEnd(bytes, start, end)
        guard let hostEnd else { return nil }
        self.range = range
        host = ByteRange(from: start, to: hostEnd)
        guard hostEnd < end else { return }
        guard bytes[hostEnd] == 0x3a, let port = Authority.port(bytes, hostEnd &+ 1, end) else {
            return nil
        }
        self.port = port
    }

    // End of a name or IPv4 address: at a colon or at `end`; nil when something else is there.
    @inline(__always)
    private static func nameEnd(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
        let stop = HeadScan.firstNonHost(bytes, from: start, to: end)
        // RFC 1035 §2.3.4: at most 253 octets of text, and a dot at the end.
        guard stop > start, stop &- start <= 254 else { return nil }
        guard stop == end || bytes[stop] == 0x3a else { return nil }
        return hasEmptyLabel(bytes, start, stop) ? nil : stop
    }

    // A dot first or after a dot (RFC 1035 §2.3.1).
    @inline(__always)
    private static func hasEmptyLabel(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard bytes[start] != 0x2e else { return true }
        var index = start
        while index < end {
            let dot = HeadScan.first(0x2e, in: bytes, from: index, to: end)
            guard dot &+ 1 < end else { return false }
            if bytes[dot &+ 1] == 0x2e { return true }
            index = dot &+ 1
        }
        return false
    }

    // Decimal, 1 to 65535, without leading zeros.
    private static func port(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt16? {
        guard start < end, end &- start <= 5, bytes[start] != 0x30 else { return nil }
        var value: UInt32 = 0
        for index in start..<end {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ UInt32(digit)
        }
        return UInt16(exactly: value)
    }

    // End of an IPv6 literal, past its bracket. IPvFuture and zones are refused: neither can be
    // the address of a site (RFC 9110 §4.2.1, RFC 6874 §1).
    private static func literalEnd(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
        var index = start &+ 1
        // The longest text of an address is 45 octets (RFC 4291 §2.2, form 3).
        let limit = Swift.min(end, start &+ 47)
        while index < limit, bytes[index] != 0x5d { index &+= 1 }
        guard index < limit, isIPv6(bytes, start &+ 1, index) else { return nil }
        return index &+ 1
    }

    /// True when `start..<end` is the text of an IPv6 address (RFC 4291 §2.2).
    static func isIPv6(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        var groups = 0
        var hasGap = false
        var index = start
        if end &- start >= 2, bytes[start] == 0x3a, bytes[start &+ 1] == 0x3a {
            hasGap = true
            index &+= 2
        }
        while index < end {
            let first = index
            while index < end, isHexDigit(bytes[index]) { index &+= 1 }
            if index < end, bytes[index] == 0x2e {
                guard isIPv4(bytes, first, end) else { return false }
                groups &+= 2
                break
            }
            guard index > first, index &- first <= 4 else { return false }
            groups &+= 1
            guard index < end else { break }
            guard bytes[index] == 0x3a else { return false }
            index &+= 1
            guard index < end else { return false }
            if bytes[index] == 0x3a {
                guard !hasGap else { return false }
                hasGap = true
                index &+= 1
            }
        }
        return hasGap ? groups < 8 : groups == 8
    }

    private static func isHexDigit(_ octet: UInt8) -> Bool {
        octet &- 0x30 < 10 || (octet | 0x20) &- 0x61 < 6
    }

    private static func isIPv4(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        var parts = 0
        var index = start
        while index < end {
            let first = index
            var value = 0
            while index < end, bytes[index] &- 0x30 < 10, index &- first < 3 {
                value = value &* 10 &+ Int(bytes[index] &- 0x30)
                index &+= 1
            }
            guard index > first, value < 256 else { return false }
            guard index &- first == 1 || bytes[first] != 0x30 else { return false }
            parts &+= 1
            guard index < end else { break }
            guard bytes[index] == 0x2e, index &+ 1 < end else { return false }
            index &+= 1
        }
        return parts == 4
    }
}
