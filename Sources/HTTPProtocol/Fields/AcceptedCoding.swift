// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What a client says of content codings (RFC 9110 §12.5.3).
public enum AcceptedCoding {
    /// The coding of `offered`, in order of preference, that the client likes best; nil when it
    /// wants none of them, likes the plain content more, or says nothing.
    ///
    /// What is malformed is passed over.
    public static func choose(
        _ offered: InlineArray<3, ContentCoding?>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> ContentCoding? {
        // Thousandths by coding; -1 for one that is not named.
        var weights = InlineArray<3, Int>(repeating: -1)
        var any = -1
        var plain = -1
        var place = fields.first(.acceptEncoding)
        while let index = place {
            var list = WeightedList(fields[index].value)
            while let (name, weight) = list.next(bytes) {
                let word = bytes.slice(name)
                if let coding = coding(word) {
                    weights[Int(coding.rawValue)] = max(weights[Int(coding.rawValue)], weight)
                } else if word.count == 1, word[0] == UInt8(ascii: "*") {
                    any = weight
                } else if isPlain(word) {
                    plain = weight
                }
            }
            place = fields.next(.acceptEncoding, from: index &+ 1)
        }
        var best: ContentCoding?
        var bestWeight = 0
        for place in 0..<3 {
            guard let coding = offered[place] else { continue }
            let named = weights[Int(coding.rawValue)]
            let weight = named >= 0 ? named : any
            if weight > bestWeight {
                best = coding
                bestWeight = weight
            }
        }
        return plain > bestWeight ? nil : best
    }

    /// `0`, `1`, and up to three digits behind a point (RFC 9110 §12.4.2).
    static func weight(_ text: Span<UInt8>, from start: Int) -> Int {
        guard text[start] == 0x30 || text[start] == 0x31 else { return -1 }
        var value = Int(text[start] &- 0x30) &* 1000
        guard text.count > start &+ 1 else { return value }
        guard text[start &+ 1] == UInt8(ascii: "."), text.count <= start &+ 5 else { return -1 }
        var unit = 100
        for index in start &+ 2..<text.count {
            guard case 0x30...0x39 = text[index] else { return -1 }
            value &+= Int(text[index] &- 0x30) &* unit
            unit /= 10
        }
        return value > 1000 ? -1 : value
    }

    private static func coding(_ word: Span<UInt8>) -> ContentCoding? {
        func lower(_ index: Int) -> UInt8 { ASCII.lowercased(word[index]) }
        switch word.count {
        case 2 where lower(0) == 0x62 && lower(1) == 0x72: return .brotli
        case 4 where lower(0) == 0x67 && lower(1) == 0x7a && lower(2) == 0x69 && lower(3) == 0x70:
            return .gzip
        case 4 where lower(0) == 0x7a && lower(1) == 0x73 && lower(2) == 0x74 && lower(3) == 0x64:
            return .zstd
        // RFC 9110 §8.4.1.3: another name for gzip.
        case 6
        where lower(0) == 0x78 && word[1] == 0x2d && lower(2) == 0x67 && lower(3) == 0x7a
            && lower(4) == 0x69 && lower(5) == 0x70:
            return .gzip
        default: return nil
        }
    }

    private static func isPlain(_ word: Span<UInt8>) -> Bool {
        guard word.count == 8 else { return false }
        var value: UInt64 = 0
        for index in 0..<8 { value = value << 8 | UInt64(ASCII.lowercased(word[index])) }
        return value == 0x6964_656e_7469_7479
    }

    static func skipBlanks(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count, text[index] == 0x20 || text[index] == 0x09 { index &+= 1 }
        return index
    }
}
