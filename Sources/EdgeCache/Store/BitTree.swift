// SPDX-License-Identifier: Apache-2.0

/// A set of small numbers that knows its least member in a few steps.
///
/// Each bit of an upper level says whether a word of the level below has any bit at all.
struct BitTree: Sendable {
    private var words: [UInt64]
    // Where each level begins; level 0 holds the members.
    private var starts = InlineArray<6, Int>(repeating: 0)
    private let levels: Int
    private let count: Int

    /// An empty set of numbers below `count`.
    init(count: Int) {
        let count = min(max(count, 1), 1 << 36)
        var (size, level, total) = (count, 0, 0)
        repeat {
            size = (size + 63) / 64
            starts[level] = total
            total += size
            level += 1
        } while size > 1
        levels = level
        self.count = count
        words = [UInt64](repeating: 0, count: total)
    }

    /// True for a member.
    func contains(_ number: Int) -> Bool {
        guard number >= 0, number < count else { return false }
        return (words[number >> 6] >> UInt64(number & 63)) & 1 == 1
    }

    /// Takes a number in.
    mutating func insert(_ number: Int) {
        guard number >= 0, number < count else { return }
        var place = number
        for level in 0..<levels {
            let word = starts[level] + place >> 6
            let isKnown = words[word] != 0
            words[word] |= 1 << UInt64(place & 63)
            if isKnown { return }
            place >>= 6
        }
    }

    /// Takes a number out.
    mutating func remove(_ number: Int) {
        guard number >= 0, number < count else { return }
        var place = number
        for level in 0..<levels {
            let word = starts[level] + place >> 6
            words[word] &= ~(1 << UInt64(place & 63))
            if words[word] != 0 { return }
            place >>= 6
        }
    }

    /// The least member.
    var first: Int? {
        var place = 0
        for level in (0..<levels).reversed() {
            let word = words[starts[level] + place]
            guard word != 0 else { return nil }
            place = place << 6 | word.trailingZeroBitCount
        }
        return place
    }
}
