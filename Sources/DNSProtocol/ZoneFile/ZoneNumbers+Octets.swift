// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Octets written as digits.
extension ZoneNumbers {
    /// Hexadecimal digits, two for each octet; nil for anything else.
    static func hex(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        for place in stride(from: 0, to: text.count, by: 2) {
            guard let high = ASCII.hexDigit(text[place]),
                let low = ASCII.hexDigit(text[place + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// A salt behind its length: hexadecimal, or `-` for none (RFC 5155 §3.3).
    static func salt(_ text: Span<UInt8>) -> [UInt8]? {
        if text.count == 1, text[0] == UInt8(ascii: "-") { return [0] }
        guard let bytes = hex(text), 1...255 ~= bytes.count else { return nil }
        return [UInt8(bytes.count)] + bytes
    }

    /// So many pairs of hexadecimal digits: `00-00-5e-00-53-2a`.
    static func pairs(_ text: Span<UInt8>, count: Int) -> [UInt8]? {
        guard text.count == count * 3 - 1 else { return nil }
        var joined: [UInt8] = []
        for place in text.indices {
            let isSeparator = place % 3 == 2
            guard isSeparator == (text[place] == UInt8(ascii: "-")) else { return nil }
            if !isSeparator { joined.append(text[place]) }
        }
        return hex(joined.span)
    }

    /// Four groups of up to four hexadecimal digits: `2001:db8:1140:1000` (RFC 6742 §2.3.3).
    static func locator(_ text: Span<UInt8>) -> [UInt8]? {
        let groups = Array(copying: text).split(
            separator: UInt8(ascii: ":"),
            omittingEmptySubsequences: false
        )
        guard groups.count == 4, groups.allSatisfy({ 1...4 ~= $0.count }) else { return nil }
        let digits = groups.flatMap { Array(repeating: 0x30, count: 4 - $0.count) + $0 }
        return hex(digits.span)
    }

    /// `0x47.0005.80`: dots stand wherever the writer likes them (RFC 1706 §7).
    static func dotted(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count > 2, text[0] == UInt8(ascii: "0"), text[1] | 0x20 == UInt8(ascii: "x")
        else { return nil }
        let digits = Array(copying: text).dropFirst(2).filter { $0 != UInt8(ascii: ".") }
        return hex(digits.span)
    }
}
