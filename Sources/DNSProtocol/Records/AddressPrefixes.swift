// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The items of an APL record (RFC 3123): `1:192.0.2.0/24 !2:2001:db8::/32`.
enum AddressPrefixes {
    /// True when each item has an address that fits its family, without zeros at its end.
    static func isWellFormed(_ data: Span<UInt8>, from start: Int) -> Bool {
        var position = start
        while position < data.count {
            guard data.count - position >= 4 else { return false }
            let size = size(family: DNSQuery.word(data, position))
            let length = Int(data[position + 3] & 0x7f)
            guard data.count - position - 4 >= length,
                length == 0 || data[position + 3 + length] != 0
            else { return false }
            // Other families are opaque (RFC 3123 §4).
            if let size {
                guard length <= size, Int(data[position + 2]) <= size * 8 else { return false }
            }
            position += 4 + length
        }
        return true
    }

    /// The octets of an address; nil for families that are not known.
    private static func size(family: Int) -> Int? { family == 1 ? 4 : family == 2 ? 16 : nil }

    /// The wire form of one item; nil when the text is none.
    static func wire(_ text: Span<UInt8>) -> [UInt8]? {
        var position = 0
        let isNegated = text.count > 0 && text[0] == UInt8(ascii: "!")
        if isNegated { position = 1 }
        guard text.count - position > 2, text[position + 1] == UInt8(ascii: ":"),
            let slash = text.indices.last(where: { text[$0] == UInt8(ascii: "/") }),
            slash >= position + 2
        else { return nil }
        let address = text.extracting(position + 2..<slash)
        let length = text.extracting(slash + 1..<text.count)
        let octets: [UInt8]
        switch text[position] {
        case UInt8(ascii: "1"):
            guard let bits = ZoneNumbers.address4(address) else { return nil }
            octets = DNSProtocol.octets(bits)
        case UInt8(ascii: "2"):
            guard let bits = ZoneNumbers.address6(address) else { return nil }
            octets = DNSProtocol.octets(bits)
        default: return nil
        }
        guard let prefix = ZoneNumbers.decimal(length, limit: UInt64(octets.count * 8)) else {
            return nil
        }
        let kept = (octets.lastIndex { $0 != 0 } ?? -1) + 1
        let head = [0, text[position] &- 0x30, UInt8(truncatingIfNeeded: prefix)]
        return head + [UInt8(kept) | (isNegated ? 0x80 : 0)] + octets.prefix(kept)
    }

    /// The text of well-formed items; nil when one is of a family that has no text.
    static func text(_ data: Span<UInt8>) -> String? {
        var parts: [String] = []
        var position = 0
        while data.count - position >= 4 {
            let family = DNSQuery.word(data, position)
            guard let size = size(family: family) else { return nil }
            let end = min(position + 4 + Int(data[position + 3] & 0x7f), data.count)
            var bits = RecordText.number(data.extracting(position + 4..<end))
            bits <<= UInt128(max(size - (end - position - 4), 0) * 8)
            let address =
                size == 4
                ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits)
            let sign = data[position + 3] & 0x80 == 0 ? "" : "!"
            parts.append("\(sign)\(family):\(address)/\(data[position + 2])")
            position = end
        }
        return parts.joined(separator: " ")
    }
}
