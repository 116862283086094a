// SPDX-License-Identifier: Apache-2.0

/// A secret of 128 bits that digests are made with.
public struct SipKey: Sendable, BitwiseCopyable, Equatable {
    let first: UInt64
    let second: UInt64

    /// A key from two random words.
    public init(_ first: UInt64, _ second: UInt64) {
        self.first = first
        self.second = second
    }

    /// The key that 16 bytes are; nil for another number of them.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        func word(_ part: ArraySlice<UInt8>) -> UInt64 {
            part.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(word(bytes[..<8]), word(bytes[8...]))
    }
}

/// A digest of 128 bits.
public struct Digest128: Sendable, BitwiseCopyable, Equatable {
    /// The first eight bytes, little-endian.
    public var low: UInt64
    /// The last eight bytes, little-endian.
    public var high: UInt64

    /// A digest from its halves.
    public init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012) of 128 or 64 bits: a keyed digest of short texts.
///
/// Who does not know the key cannot find two texts of one digest, nor a text for a digest, other
/// than by asking 2^64 and 2^128 times.
public enum SipHash {
    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        @inline(__always) mutating func round() {
            v0 = v0 &+ v1
            v1 = v1 &<< 13 | v1 &>> 51
            v1 ^= v0
            v0 = v0 &<< 32 | v0 &>> 32
            v2 = v2 &+ v3
            v3 = v3 &<< 16 | v3 &>> 48
            v3 ^= v2
            v0 = v0 &+ v3
            v3 = v3 &<< 21 | v3 &>> 43
            v3 ^= v0
            v2 = v2 &+ v1
            v1 = v1 &<< 17 | v1 &>> 47
            v1 ^= v2
            v2 = v2 &<< 32 | v2 &>> 32
        }

        @inline(__always) mutating func take(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }
    }

    /// The digest of some bytes, or of the eight bytes of a word and what follows it.
    public static func digest(
        _ bytes: Span<UInt8>,
        after word: UInt64? = nil,
        key: SipKey
    ) -> Digest128 {
        var state = State(
            v0: key.first ^ 0x736f_6d65_7073_6575,
            v1: key.second ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            v2: key.first ^ 0x6c79_6765_6e65_7261,
            v3: key.second ^ 0x7465_6462_7974_6573
        )
        if let word { state.take(word) }
        var index = 0
        while bytes.count &- index >= 8 {
            state.take(SipHash.word(bytes, from: index, count: 8))
            index &+= 8
        }
        let length = UInt64(truncatingIfNeeded: bytes.count &+ (word == nil ? 0 : 8))
        let rest = SipHash.word(bytes, from: index, count: bytes.count &- index)
        state.take(length &<< 56 | rest)
        state.v2 ^= 0xee
        let low = state.finish()
        state.v1 ^= 0xdd
        return Digest128(low: low, high: state.finish())
    }

    /// The digest of some bytes in 64 bits, as DNS cookies have it (RFC 9018 §4.4).
    public static func shortDigest(_ bytes: Span<UInt8>, key: SipKey) -> UInt64 {
        var state = State(
            v0: key.first ^ 0x736f_6d65_7073_6575,
            v1: key.second ^ 0x646f_7261_6e64_6f6d,
            v2: key.first ^ 0x6c79_6765_6e65_7261,
            v3: key.second ^ 0x7465_6462_7974_6573
        )
        var index = 0
        while bytes.count &- index >= 8 {
            state.take(SipHash.word(bytes, from: index, count: 8))
            index &+= 8
        }
        let rest = SipHash.word(bytes, from: index, count: bytes.count &- index)
        state.take(UInt64(truncatingIfNeeded: bytes.count) &<< 56 | rest)
        state.v2 ^= 0xff
        return state.finish()
    }

    @inline(__always)
    private static func word(_ bytes: Span<UInt8>, from start: Int, count: Int) -> UInt64 {
        var word: UInt64 = 0
        var place = 0
        while place < count {
            word |= UInt64(bytes[start &+ place]) &<< UInt64(place &* 8)
            place &+= 1
        }
        return word
    }
}
