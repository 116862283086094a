// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The checksum of IPv4, UDP and TCP (RFC 1071): a sum of 16-bit words in ones' complement.
///
/// Octets are summed as little-endian words: the sum is the same but for the order of its two
/// octets (RFC 1071 §2), which ``folded`` puts right.
struct InternetChecksum: BitwiseCopyable {
    private var sum: UInt64 = 0

    /// Adds octets; all pieces but the last must have an even number of them.
    @inline(__always)
    mutating func add(_ bytes: Span<UInt8>, from start: Int, count: Int) {
        guard start >= 0, count > 0, count <= bytes.count, start <= bytes.count &- count else {
            return
        }
        var place = start
        let end = start &+ count
        while place &+ 8 <= end, let word = bytes.word(at: place) {
            sum &+= (word & 0xffff_ffff) &+ (word >> 32)
            place &+= 8
        }
        var rest: UInt64 = 0
        var shift: UInt64 = 0
        while place < end {
            rest |= UInt64(bytes[place]) << shift
            place &+= 1
            shift &+= 8
        }
        sum &+= (rest & 0xffff_ffff) &+ (rest >> 32)
    }

    /// Adds a 16-bit number in network order.
    @inline(__always)
    mutating func add(_ number: UInt16) { sum &+= UInt64(number.byteSwapped) }

    /// The sum itself, as it stands in a packet.
    var folded: UInt16 {
        var value = sum
        while value >> 16 != 0 { value = (value & 0xffff) &+ (value >> 16) }
        return UInt16(truncatingIfNeeded: value).byteSwapped
    }

    /// What goes into the field: the complement of the sum.
    var value: UInt16 { ~folded }
}
