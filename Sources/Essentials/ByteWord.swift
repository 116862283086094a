// SPDX-License-Identifier: Apache-2.0

/// Eight octets at a time: one load and one check of bounds in place of eight.
extension Span where Element == UInt8 {
    /// The eight octets from `start` on, the first in the low byte; nil where there are fewer.
    @inlinable @inline(__always)
    public func word(at start: Int) -> UInt64? {
        guard start >= 0, start <= count &- 8 else { return nil }
        return unsafe UInt64(
            littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
        )
    }
}

extension ASCII {
    /// All eight octets of a word with `A`-`Z` folded to `a`-`z`; others unchanged.
    ///
    /// Sums of seven bits tell who is at least `A` and who is beyond `Z` without a carry into the
    /// neighbour; octets of 128 and more are no letters.
    @inlinable @inline(__always)
    public static func lowercased(word: UInt64) -> UInt64 {
        let low = word & 0x7f7f_7f7f_7f7f_7f7f
        let isLeastA = low &+ 0x3f3f_3f3f_3f3f_3f3f
        let isBeyondZ = low &+ 0x2525_2525_2525_2525
        let isUpper = (isLeastA & ~isBeyondZ & ~word) & 0x8080_8080_8080_8080
        return word | isUpper >> 2
    }
}
