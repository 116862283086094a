// SPDX-License-Identifier: Apache-2.0

/// Reading addresses from bytes; nothing is allocated.
extension IPAddress {
    /// The longest text of an address, an IPv4 address inside an IPv6 one (RFC 4291 §2.2).
    static let textLimit = 45

    /// Reads dotted decimal or RFC 4291 text; nil for anything else, leading zeros included.
    public init?(_ text: Span<UInt8>) {
        guard text.count <= IPAddress.textLimit else { return nil }
        for index in text.indices where text[index] == UInt8(ascii: ":") {
            guard let bits = IPAddress.readV6(text) else { return nil }
            self.init(v6: bits)
            return
        }
        guard let bits = IPAddress.readV4(text, from: 0, to: text.count) else { return nil }
        self.init(v4: bits)
    }

    /// Four numbers from 0 to 255 with dots between them.
    private static func readV4(_ text: Span<UInt8>, from start: Int, to end: Int) -> UInt32? {
        var bits: UInt32 = 0
        var (value, digits, parts) = (UInt32(0), 0, 1)
        var index = start
        while index < end {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                guard digits > 0, parts < 4 else { return nil }
                bits = bits << 8 | value
                (value, digits, parts) = (0, 0, parts &+ 1)
            } else {
                guard byte >= 0x30, byte <= 0x39, digits < 3 else { return nil }
                // No leading zeros: some readers take them for octal.
                guard digits == 0 || value > 0 else { return nil }
                value = value &* 10 &+ UInt32(byte &- 0x30)
                guard value < 256 else { return nil }
                digits &+= 1
            }
            index &+= 1
        }
        return digits > 0 && parts == 4 ? bits << 8 | value : nil
    }

    /// Up to eight groups, one gap `::` of zeros, and dotted decimal in place of the last two.
    private static func readV6(_ text: Span<UInt8>) -> UInt128? {
        let colon = UInt8(ascii: ":")
        guard text.count >= 2 else { return nil }
        var bits: UInt128 = 0
        var groups = 0
        var gap: Int?  // groups before it
        var index = 0
        if text[0] == colon, text[1] == colon { (gap, index) = (0, 2) }
        while index < text.count {
            let start = index
            var group: UInt128 = 0
            while index < text.count, index &- start < 4, let digit = ASCII.hexDigit(text[index]) {
                group = group << 4 | UInt128(digit)
                index &+= 1
            }
            if index < text.count, text[index] == UInt8(ascii: ".") {
                guard let v4 = readV4(text, from: start, to: text.count) else { return nil }
                (bits, groups) = (bits << 32 | UInt128(v4), groups &+ 2)
                break
            }
            guard index > start, groups < 8 else { return nil }
            (bits, groups) = (bits << 16 | group, groups &+ 1)
            guard index < text.count else { break }
            guard text[index] == colon, index &+ 1 < text.count else { return nil }
            index &+= 1
            guard text[index] == colon else { continue }
            guard gap == nil else { return nil }
            (gap, index) = (groups, index &+ 1)
        }
        guard let before = gap else { return groups == 8 ? bits : nil }
        guard groups < 8 else { return nil }
        // What stood before the gap moves up; what stood behind it is in its place already.
        let behind = (groups &- before) &* 16
        let low: UInt128 = behind == 0 ? 0 : bits & ((1 << UInt128(behind)) &- 1)
        let high: UInt128 =
            before == 0 ? 0 : (bits >> UInt128(behind)) << UInt128((8 &- before) &* 16)
        return high | low
    }
}
