// SPDX-License-Identifier: Apache-2.0

/// Base32 with the extended hexadecimal alphabet (RFC 4648 §7), not filled up, as NSEC3 has it.
enum Base32 {
    /// The bytes that a text stands for, in any case; nil when it is none.
    static func bytes(_ text: Span<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for index in text.indices {
            guard let value = value(text[index]) else { return nil }
            bits = bits &<< 5 | value
            held += 5
            guard held >= 8 else { continue }
            held -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits &>> held))
        }
        // Bits that belong to no byte are zero and fewer than a digit, or two texts would be one.
        return held < 5 && bits & (1 &<< held &- 1) == 0 ? bytes : nil
    }

    /// The text of some bytes, in capital letters.
    static func text(_ bytes: Span<UInt8>) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for index in bytes.indices {
            bits = bits &<< 8 | UInt32(bytes[index])
            held += 8
            while held >= 5 {
                held -= 5
                text.append(digit(bits &>> held))
            }
        }
        if held > 0 { text.append(digit(bits &<< (5 &- held))) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func digit(_ bits: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: bits & 31)
        return value < 10 ? value + 0x30 : value - 10 + 0x41
    }

    private static func value(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x56: UInt32(byte - 0x41 + 10)
        case 0x61...0x76: UInt32(byte - 0x61 + 10)
        default: nil
        }
    }
}
