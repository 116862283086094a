// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The grammar of names and values, for everything that is written to a peer.
public enum FieldSyntax {
    // tchar of RFC 9110 §5.6.2 as two words of bits: constants fold into the instruction, where
    // a global table would cost a `swift_once` check at each use.
    @inlinable static var tokenLow: UInt64 { 0x03ff_6cfa_0000_0000 }
    @inlinable static var tokenHigh: UInt64 { 0x57ff_ffff_c7ff_fffe }

    /// True for an octet that may stand in a token (RFC 9110 §5.6.2).
    @inlinable public static func isTokenByte(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        let word = byte < 64 ? tokenLow : tokenHigh
        return (word >> UInt64(byte & 63)) & 1 == 1
    }

    /// True for one or more token octets.
    public static func isToken(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices where !isTokenByte(bytes[index]) { return false }
        return !bytes.isEmpty
    }

    /// True for an octet that may stand in a field value: VCHAR, SP, HTAB and obs-text.
    @inlinable public static func isValueByte(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7f : byte == 0x09
    }

    /// True for a field value as it is written: no control octet, no blank at either end.
    public static func isFieldValue(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices where !isValueByte(bytes[index]) { return false }
        guard !bytes.isEmpty else { return true }
        return bytes[0] > 0x20 && bytes[bytes.count - 1] > 0x20
    }

    /// True when both hold the same bytes, ASCII letters compared without case.
    public static func equalsIgnoringCase(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices
        where ASCII.lowercased(left[index]) != ASCII.lowercased(right[index]) { return false }
        return true
    }

    /// True for a name itself, in any case, and for the name with `_` where it has `-`.
    static func isDisguise(_ given: Span<UInt8>, of name: Span<UInt8>) -> Bool {
        guard given.count == name.count else { return false }
        for index in given.indices
        where ASCII.lowercased(given[index]) != ASCII.lowercased(name[index]) {
            guard given[index] == UInt8(ascii: "_"), name[index] == UInt8(ascii: "-") else {
                return false
            }
        }
        return true
    }
}
