// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address as a value.
public struct IPAddress: Hashable, Sendable, BitwiseCopyable {
    // Two words: one of 128 bits would have every value that holds an address begin at a multiple
    // of 16 octets, and take up to 15 more.
    @usableFromInline let high: UInt64
    @usableFromInline let low: UInt64
    /// True for IPv4.
    public let isIPv4: Bool

    /// The address in network order: an IPv4 address fills the low 32 bits.
    @inlinable public var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

    /// An IPv4 address from its 32 bits (RFC 791).
    @inlinable public init(v4 bits: UInt32) {
        high = 0
        low = UInt64(bits)
        isIPv4 = true
    }
    /// An IPv6 address from its 128 bits (RFC 4291).
    @inlinable public init(v6 bits: UInt128) {
        high = UInt64(truncatingIfNeeded: bits >> 64)
        low = UInt64(truncatingIfNeeded: bits)
        isIPv4 = false
    }

    /// 32 for IPv4, 128 for IPv6.
    @inlinable public var bitWidth: Int { isIPv4 ? 32 : 128 }
    /// 4 for IPv4, 16 for IPv6.
    @inlinable public var byteCount: Int { isIPv4 ? 4 : 16 }
    /// The octet at `index` in network order; zero when the index is out of range.
    @inlinable public func byte(_ index: Int) -> UInt8 {
        guard index >= 0, index < byteCount else { return 0 }
        return UInt8(truncatingIfNeeded: bits >> UInt128((byteCount - 1 - index) * 8))
    }
    /// An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) as the IPv4 address it stands for.
    @inlinable public var unmapped: IPAddress {
        guard !isIPv4, bits >> 32 == 0xffff else { return self }
        return IPAddress(v4: UInt32(truncatingIfNeeded: bits))
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or the canonical IPv6 form of RFC 5952.
    public var description: String {
        if isIPv4 { return (0..<4).map { String(byte($0)) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128((7 - $0) * 16)) }
        var best = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, groups[end] == 0 { end += 1 }
            if end - index > best.count { best = index..<end }
            index = Swift.max(end, index + 1)
        }
        let text = { (part: ArraySlice<UInt16>) in
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        // RFC 5952 §4.2.2: a single zero group is not shortened.
        guard best.count > 1 else { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }

    /// Reads dotted decimal or RFC 4291 text; nil for anything else, leading zeros included.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        self.init(bytes.span)
    }
}
