// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address as a value.
public struct IPAddress: Hashable, Sendable, BitwiseCopyable {
    /// The address in network order: an IPv4 address fills the low 32 bits.
    public let bits: UInt128
    /// True for IPv4.
    public let isIPv4: Bool

    /// An IPv4 address from its 32 bits (RFC 791).
    @inlinable public init(v4 bits: UInt32) {
        self.bits = UInt128(bits)
        isIPv4 = true
    }
    /// An IPv6 address from its 128 bits (RFC 4291).
    @inlinable public init(v6 bits: UInt128) {
        self.bits = bits
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
        guard bytes.count <= 45, let address = IPAddress.parse(bytes[...]) else { return nil }
        self = address
    }

    static func parse(_ text: ArraySlice<UInt8>) -> IPAddress? {
        if text.contains(UInt8(ascii: ":")) { return parseV6(text).map { IPAddress(v6: $0) } }
        return parseV4(text).map { IPAddress(v4: $0) }
    }

    static func parseV4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (0x30...0x39).contains($0) })
            else { return nil }
            if part.count > 1, part.first == 0x30 { return nil }
            let value = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - 0x30) }
            guard value < 256 else { return nil }
            bits = bits << 8 | value
        }
        return bits
    }

    static func parseV6(_ text: ArraySlice<UInt8>) -> UInt128? {
        let colon = UInt8(ascii: ":")
        var head: [UInt16] = []
        var tail: [UInt16]?
        var rest = text
        if rest.starts(with: [colon, colon]) {
            rest = rest.dropFirst(2)
            tail = []
        }
        while !rest.isEmpty {
            let end = rest.firstIndex(of: colon) ?? rest.endIndex
            let piece = rest[rest.startIndex..<end]
            var groups: [UInt16]
            if end == rest.endIndex, piece.contains(UInt8(ascii: ".")) {
                guard let v4 = parseV4(piece) else { return nil }
                groups = [UInt16(v4 >> 16), UInt16(truncatingIfNeeded: v4)]
            } else {
                guard let group = hexGroup(piece) else { return nil }
                groups = [group]
            }
            if tail == nil { head += groups } else { tail? += groups }
            rest = rest[end...]
            if rest.isEmpty { break }
            rest = rest.dropFirst()
            if rest.first == colon {
                guard tail == nil else { return nil }
                tail = []
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        let count = head.count + (tail?.count ?? 0)
        guard tail == nil ? count == 8 : count < 8 else { return nil }
        let groups = head + Array(repeating: 0, count: 8 - count) + (tail ?? [])
        return groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    private static func hexGroup(_ text: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var value: UInt16 = 0
        for byte in text {
            guard let digit = ASCII.hexDigit(byte) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
