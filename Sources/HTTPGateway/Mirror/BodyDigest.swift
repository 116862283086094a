// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Tells contents apart that come in pieces: their length, and a hash of their beginning.
///
/// The hash takes eight bytes at a time wherever the pieces end. It is there to find differences
/// that nobody has made on purpose: who wants to can make two contents of one hash.
struct BodyDigest: BitwiseCopyable, Equatable {
    /// Bytes that are looked at; of those behind only the number counts.
    static let limit = 1 << 20

    /// Bytes so far.
    private(set) var count: UInt64 = 0
    private var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
    /// The bytes of a word that is not whole yet, the latest lowest.
    private var word: UInt64 = 0

    /// True when all of it was looked at.
    var isWhole: Bool { count <= UInt64(BodyDigest.limit) }

    /// Takes the next piece.
    mutating func add(_ bytes: Span<UInt8>) {
        let place = Int(min(count, UInt64(BodyDigest.limit)))
        let end = min(bytes.count, BodyDigest.limit &- place)
        var index = 0
        while index < end, (place &+ index) & 7 != 0 {
            word = word << 8 | UInt64(bytes[index])
            index &+= 1
            if (place &+ index) & 7 == 0 { mix() }
        }
        while end &- index >= 8 {
            for offset in 0..<8 { word = word << 8 | UInt64(bytes[index &+ offset]) }
            mix()
            index &+= 8
        }
        while index < end {
            word = word << 8 | UInt64(bytes[index])
            index &+= 1
        }
        count &+= UInt64(bytes.count)
    }

    @inline(__always) private mutating func mix() {
        hash = (hash ^ word) &* 0x9fb2_1c65_1e98_df25
        hash ^= hash >> 29
        word = 0
    }
}
