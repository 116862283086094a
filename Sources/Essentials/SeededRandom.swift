// SPDX-License-Identifier: Apache-2.0

/// A small fast generator whose whole sequence follows from its seed: SplitMix64.
///
/// Not for secrets. Pure machines are handed one, so a run can be repeated from its seed.
public struct SeededRandom: RandomNumberGenerator, Sendable, BitwiseCopyable {
    @usableFromInline var state: UInt64

    /// A generator that yields the same sequence for the same seed.
    @inlinable public init(seed: UInt64) { state = seed }

    /// The next 64 bits of the sequence.
    @inlinable public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Hash.mix(state)
    }

    /// A number in `0..<bound`, unbiased enough for balancing (Lemire's multiply); 0 for bound 0.
    @inlinable public mutating func next(below bound: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: (next() >> 32 &* UInt64(bound)) >> 32)
    }
}

/// Hash functions with values fixed for ever: rings, tables and saved states depend on them.
public enum Hash {
    /// The SplitMix64 finaliser: every input bit changes about half of the output bits.
    @inlinable public static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// FNV-1a over the bytes, finished by ``mix(_:)`` so that short keys spread well.
    @inlinable public static func bytes(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ seed
        for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01b3 }
        return mix(hash)
    }

    /// ``bytes(_:seed:)`` of a text's UTF-8.
    public static func text(_ text: String, seed: UInt64 = 0) -> UInt64 {
        Hash.bytes(Array(text.utf8).span, seed: seed)
    }

    /// A hash of an address, for keys made from the client's source.
    @inlinable public static func address(_ ip: IPAddress, seed: UInt64 = 0) -> UInt64 {
        let low = UInt64(truncatingIfNeeded: ip.bits)
        let high = UInt64(truncatingIfNeeded: ip.bits >> 64)
        return mix(mix(low ^ seed) &+ high &+ (ip.isIPv4 ? 4 : 6))
    }
}
