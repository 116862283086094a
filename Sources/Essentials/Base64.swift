// SPDX-License-Identifier: Apache-2.0

/// Base64 as credentials and tokens have it (RFC 4648 §4, §5), read strictly: one text for each
/// run of bytes, and written in the standard form.
public enum Base64 {
    /// Which of the two alphabets, and whether the last group is filled up.
    public enum Form: Sendable, BitwiseCopyable {
        /// `+` and `/`, filled up with `=`.
        case standard
        /// `-` and `_`, not filled up (RFC 7515 §2).
        case url
    }

    /// Appends the bytes that a text stands for; false, with a part of them written, when it is
    /// none or there is no room.
    @_lifetime(output: copy output)
    public static func decode(
        _ text: Span<UInt8>,
        _ form: Form,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        var count = text.count
        if form == .standard {
            guard count % 4 == 0 else { return false }
            if count > 0, text[count &- 1] == UInt8(ascii: "=") { count &-= 1 }
            if count > 0, text[count &- 1] == UInt8(ascii: "=") { count &-= 1 }
        }
        guard count % 4 != 1, output.freeCapacity >= count / 4 &* 3 &+ 2 else { return false }
        var bits: UInt32 = 0
        var held: UInt32 = 0
        var index = 0
        while index < count {
            guard let value = value(text[index], form) else { return false }
            bits = bits &<< 6 | value
            held &+= 6
            if held >= 8 {
                held &-= 8
                output.append(UInt8(truncatingIfNeeded: bits &>> held))
            }
            index &+= 1
        }
        // Bits that belong to no byte are zero, or two texts would be one.
        return bits & (1 &<< held &- 1) == 0
    }

    /// The bytes that a text stands for; nil when it is none.
    public static func bytes(_ text: Span<UInt8>, _ form: Form) -> [UInt8]? {
        var isWhole = false
        let bytes = [UInt8](capacity: text.count &+ 4) { (output: inout OutputSpan<UInt8>) in
            isWhole = decode(text, form, into: &output)
        }
        return isWhole ? bytes : nil
    }

    /// Appends the text of some bytes in the standard form; false, with a part of it written, when
    /// there is no room.
    @_lifetime(output: copy output)
    public static func encode(_ bytes: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        var index = 0
        while index < bytes.count {
            let left = bytes.count &- index
            var group = UInt32(bytes[index]) &<< 16
            if left > 1 { group |= UInt32(bytes[index &+ 1]) &<< 8 }
            if left > 2 { group |= UInt32(bytes[index &+ 2]) }
            for place in 0..<4 {
                let sign = place > left ? UInt8(ascii: "=") : letter(group &>> shift(place) & 63)
                guard output.write(sign) else { return false }
            }
            index &+= 3
        }
        return true
    }

    private static func shift(_ place: Int) -> UInt32 { UInt32(18 &- place &* 6) }

    private static func letter(_ value: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: value)
        return switch value {
        case 0..<26: value &+ 0x41
        case 26..<52: value &- 26 &+ 0x61
        case 52..<62: value &- 52 &+ 0x30
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }

    private static func value(_ byte: UInt8, _ form: Form) -> UInt32? {
        switch byte {
        case 0x41...0x5a: UInt32(byte &- 0x41)
        case 0x61...0x7a: UInt32(byte &- 0x61 &+ 26)
        case 0x30...0x39: UInt32(byte &- 0x30 &+ 52)
        case UInt8(ascii: "+") where form == .standard, UInt8(ascii: "-") where form == .url: 62
        case UInt8(ascii: "/") where form == .standard, UInt8(ascii: "_") where form == .url: 63
        default: nil
        }
    }
}
