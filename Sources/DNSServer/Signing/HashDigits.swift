// SPDX-License-Identifier: Apache-2.0

/// Hashes of names as labels have them.
enum HashDigits {
    /// Base32 with the extended hexadecimal alphabet, in lower case (RFC 4648 §7).
    static func of(_ hash: [20 of UInt8]) -> [32 of UInt8] {
        var digits = InlineArray<32, UInt8>(repeating: 0)
        var bits: UInt32 = 0
        var held: UInt32 = 0
        var place = 0
        for index in 0..<20 {
            bits = bits &<< 8 | UInt32(hash[index])
            held &+= 8
            while held >= 5 {
                held &-= 5
                let digit = UInt8(truncatingIfNeeded: bits &>> held & 31)
                digits[place] = digit < 10 ? digit &+ 0x30 : digit &+ 0x57
                place &+= 1
            }
        }
        return digits
    }
}
