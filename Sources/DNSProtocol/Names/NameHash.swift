// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A hash of a wire-format name that ignores case, and from which the hash of every suffix follows.
///
/// A polynomial over the octets from the left, modulo 2^64:
///
///     hash("\3www\7example\3com") = Σ (octet[i] + 1) · P^i
///
/// P is odd, so it has an inverse: taking the first octet off is one subtraction and one product.
/// An exact hit needs the one pass that checks the name anyway; walking up to the closest encloser
/// (RFC 4592 §3.3.1) needs no second table of label hashes. The root's zero octet is not hashed.
public struct NameHash: BitwiseCopyable, Sendable, Equatable {
    @usableFromInline var sum: UInt64 = 0
    @usableFromInline var power: UInt64 = 1

    /// The hash of the root.
    @inlinable public init() {}

    @inlinable static var factor: UInt64 { 0x9e37_79b9_7f4a_7c15 }
    @inlinable static var inverse: UInt64 { 0xf1de_83e1_9937_733d }

    /// Takes the next octet, length octets included; length octets (< 64) have no case to fold.
    @inlinable public mutating func append(_ octet: UInt8) {
        sum &+= (UInt64(ASCII.lowercased(octet)) &+ 1) &* power
        power &*= NameHash.factor
    }
    /// Takes the next eight octets, the first in the low byte: their products need not wait for
    /// each other.
    @inlinable @inline(__always)
    public mutating func append(word: UInt64) {
        let f1 = NameHash.factor
        let (f2, f3) = (f1 &* f1, f1 &* f1 &* f1)
        let f4 = f2 &* f2
        let octets = ASCII.lowercased(word: word)
        let low = octet(octets, 0) &+ octet(octets, 1) &* f1
        let high = octet(octets, 2) &* f2 &+ octet(octets, 3) &* f3
        let rest = octet(octets, 4) &+ octet(octets, 5) &* f1
        let last = octet(octets, 6) &* f2 &+ octet(octets, 7) &* f3
        sum &+= (low &+ high &+ (rest &+ last) &* f4) &* power
        power &*= f4 &* f4
    }
    @inlinable @inline(__always)
    func octet(_ word: UInt64, _ place: UInt64) -> UInt64 { (word &>> (place &* 8) & 0xff) &+ 1 }

    /// Takes the first octet off again.
    @inlinable public mutating func dropFirst(_ octet: UInt8) {
        sum = (sum &- (UInt64(ASCII.lowercased(octet)) &+ 1)) &* NameHash.inverse
    }
    /// The value for a table, with all bits stirred.
    @inlinable public var value: UInt64 { Hash.mix(sum) }
}

/// What one walk over a name finds.
public struct ScannedName: BitwiseCopyable, Sendable {
    /// Octets, root included.
    public var length = 0
    /// Labels, the root not counted.
    public var labelCount = 0
    /// The hash, case ignored.
    public var hash = NameHash()

    /// Nothing found.
    @inlinable public init() {}
}

/// Looks at names in wire form inside larger byte sequences.
public enum WireName {
    /// The most octets of a name, root included (RFC 1035 §3.1).
    @inlinable public static var maximumLength: Int { 255 }
    /// The most octets of a label.
    @inlinable public static var maximumLabel: Int { 63 }

    /// The length of the uncompressed name at `start`, root included; nil for anything malformed.
    @inlinable public static func length(in bytes: Span<UInt8>, at start: Int) -> Int? {
        var position = start
        guard start >= 0 else { return nil }
        while position < bytes.count {
            let label = Int(bytes[position])
            if label == 0 { return position &- start &+ 1 }
            guard label <= maximumLabel else { return nil }
            position &+= label &+ 1
            guard position &- start < maximumLength else { return nil }
        }
        return nil
    }

    /// Walks the uncompressed name at `start` once; nil for anything malformed.
    @inlinable public static func scan(_ bytes: Span<UInt8>, at start: Int) -> ScannedName? {
        var scanned = ScannedName()
        var position = start
        guard start >= 0 else { return nil }
        while position < bytes.count {
            let label = Int(bytes[position])
            if label == 0 {
                scanned.length = position &- start &+ 1
                scanned.hash = hash(bytes, from: start, to: position)
                return scanned
            }
            position &+= label &+ 1
            guard label <= maximumLabel, position &- start < maximumLength else { return nil }
            scanned.labelCount &+= 1
        }
        return nil
    }

    // The root's octet is not part of it.
    @inlinable static func hash(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> NameHash {
        var hash = NameHash()
        var position = start
        while position &+ 8 <= end, let word = bytes.word(at: position) {
            hash.append(word: word)
            position &+= 8
        }
        while position < end {
            hash.append(bytes[position])
            position &+= 1
        }
        return hash
    }

    /// True when `length` octets at the two places are the same but for ASCII case (RFC 4343).
    @inlinable public static func matches(
        _ a: Span<UInt8>,
        at aStart: Int,
        _ b: Span<UInt8>,
        at bStart: Int,
        length: Int
    ) -> Bool {
        guard length >= 0, aStart >= 0, bStart >= 0, aStart <= a.count &- length,
            bStart <= b.count &- length
        else { return false }
        var index = 0
        while index &+ 8 <= length, let x = a.word(at: aStart &+ index),
            let y = b.word(at: bStart &+ index)
        {
            guard ASCII.lowercased(word: x) == ASCII.lowercased(word: y) else { return false }
            index &+= 8
        }
        while index < length {
            let x = ASCII.lowercased(a[aStart &+ index])
            guard x == ASCII.lowercased(b[bStart &+ index]) else { return false }
            index &+= 1
        }
        return true
    }
}
