// SPDX-License-Identifier: Apache-2.0

/// About how often keys were asked for lately, in an octet a counter, whatever their number.
///
/// A count-min sketch (Cormode and Muthukrishnan, 2005): each key has a counter in each of four rows, and
/// counts as often as the smallest of them says. Every so many additions all counters are halved, so that
/// what was popular once is not for ever (Einziger, Friedman and Manes, "TinyLFU", 2017).
public struct FrequencySketch: Sendable {
    // Eight counters a word; a key's four lie in a block of eight words, which is one cache line. Four
    // bits are too few: what is about to be kept or not, at a hundredth of all keys, would be counted as
    // often as can be.
    private var words: [UInt64]
    private let mask: Int
    private let period: Int
    private var additions = 0

    /// The greatest count.
    public static let greatest = 255

    /// A sketch for about so many keys that matter; counts are halved every `age` times as many additions.
    public init(keys: Int, age: Int) {
        var blocks = 1
        while blocks < max(keys, 1), blocks < 1 << 25 { blocks *= 2 }
        words = [UInt64](repeating: 0, count: blocks * 8)
        mask = blocks - 1
        period = max(min(max(keys, 1), 1 << 40) * min(max(age, 1), 1 << 10), 16)
    }

    private func place(_ hash: UInt64, _ row: Int) -> (word: Int, shift: UInt64) {
        let block = Int(truncatingIfNeeded: hash) & mask
        let bits = hash &* 0x9e37_79b9_7f4a_7c15
        let part = bits >> UInt64(24 &+ row &* 8)
        let word = block &* 8 &+ row &* 2 &+ Int(truncatingIfNeeded: part & 1)
        return (word, ((part >> 1) & 7) &* 8)
    }

    /// Counts a key once more.
    public mutating func add(_ hash: UInt64) {
        for row in 0..<4 {
            let (word, shift) = place(hash, row)
            guard words.indices.contains(word), (words[word] >> shift) & 255 < 255 else { continue }
            words[word] &+= 1 << shift
        }
        additions &+= 1
        if additions >= period { halve() }
    }

    /// How often a key was counted, up to ``greatest``.
    public func count(_ hash: UInt64) -> Int {
        var least: UInt64 = 255
        for row in 0..<4 {
            let (word, shift) = place(hash, row)
            guard words.indices.contains(word) else { return 0 }
            least = min(least, (words[word] >> shift) & 255)
        }
        return Int(least)
    }

    private mutating func halve() {
        for index in words.indices { words[index] = (words[index] >> 1) & 0x7f7f_7f7f_7f7f_7f7f }
        additions = 0
    }
}
