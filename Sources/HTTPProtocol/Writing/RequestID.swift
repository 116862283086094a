// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A name for one request: 128 random bits, written as 32 hexadecimal digits.
///
/// It tells requests apart in logs. It is no secret and must never be used as one.
public struct RequestID: BitwiseCopyable, Sendable, Hashable {
    /// The bits.
    public let bits: UInt128

    /// A name from its bits.
    @inlinable public init(bits: UInt128) { self.bits = bits }

    /// A new name.
    @inlinable public init(random: inout SeededRandom) {
        bits = UInt128(random.next()) << 64 | UInt128(random.next())
    }

    /// True when a name that a trusted peer sent can be taken over: 1 to 128 visible octets
    /// without quotes, commas, semicolons or backslashes.
    public static func isAcceptable(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= 1, bytes.count <= 128 else { return false }
        for index in bytes.indices {
            switch bytes[index] {
            case 0x22, 0x27, 0x2c, 0x3b, 0x5c: return false
            case 0x21...0x7e: continue
            default: return false
            }
        }
        return true
    }
}

extension OutputSpan where Element == UInt8 {
    /// Appends the 32 digits of a request's name.
    @discardableResult @_lifetime(self: copy self)
    public mutating func write(_ id: RequestID) -> Bool {
        guard freeCapacity >= 32 else { return false }
        write(hexadecimal: UInt64(truncatingIfNeeded: id.bits >> 64), width: 16)
        return write(hexadecimal: UInt64(truncatingIfNeeded: id.bits), width: 16)
    }
}
