// SPDX-License-Identifier: Apache-2.0

/// Questions about single ASCII octets.
public enum ASCII {
    /// The value of a hexadecimal digit, else nil.
    @inlinable public static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }
    /// The octet with `A`-`Z` folded to `a`-`z`; others unchanged.
    @inlinable public static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
    /// True for `0`-`9`.
    @inlinable public static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    /// True for `a`-`z` and `A`-`Z`.
    @inlinable public static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
}
