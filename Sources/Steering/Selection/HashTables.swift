// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a hash table needs of one endpoint: who it is and how much it should get.
struct HashMember {
    // Follows the endpoint's identity, never its place in the file, so that reordering the
    // configuration moves no key.
    var seed: UInt64
    var weight: UInt32
    // Place in the tier.
    var position: Int
}

/// The lookup table of Maglev (Eisenbud et al., NSDI 2016, §3.4), with weights.
///
/// Every member walks its own permutation of the table and takes the next free place in its turn;
/// a member with half the greatest weight gets every other turn. Even to within a few places, and
/// a lookup is one load; removing a member moves a few keys more than a ring would.
public enum MaglevTable {
    /// The usual size: good for some 600 endpoints at one per cent of imbalance.
    public static var defaultSize: Int { 65_537 }
    /// The largest size.
    public static var maximumSize: Int { 5_000_011 }

    /// True when `size` is prime: only then is every member's walk a permutation.
    public static func isPrime(_ size: Int) -> Bool {
        guard size > 3 else { return size > 1 }
        guard size % 2 != 0 else { return false }
        var divisor = 3
        while divisor <= size / divisor {
            if size % divisor == 0 { return false }
            divisor += 2
        }
        return true
    }

    /// The smallest prime that is not below `size`, within ``maximumSize``.
    public static func prime(atLeast size: Int) -> Int {
        var candidate = min(max(size, 2), maximumSize)
        while !isPrime(candidate) { candidate += 1 }
        return candidate
    }

    // Positions in the tier, `size` of them; empty when no member has weight.
    static func build(_ members: [HashMember], size: Int) -> [UInt16] {
        let turns = members.filter { $0.weight > 0 }.sorted {
            ($0.seed, $0.position) < ($1.seed, $1.position)
        }
        guard let heaviest = turns.map(\.weight).max() else { return [] }
        var table = [UInt16](repeating: 0, count: size)
        var taken = [Bool](repeating: false, count: size)
        var next = turns.map { Int(Hash.mix($0.seed ^ 0x6d61_676c) % UInt64(size)) }
        let skips = turns.map { Int(Hash.mix($0.seed ^ 0x736b_6970) % UInt64(size - 1)) + 1 }
        var credits = [UInt64](repeating: 0, count: turns.count)
        var filled = 0
        while filled < size {
            for (place, member) in turns.enumerated() where filled < size {
                credits[place] += UInt64(member.weight)
                guard credits[place] >= UInt64(heaviest) else { continue }
                credits[place] -= UInt64(heaviest)
                while taken[next[place]] { next[place] = (next[place] + skips[place]) % size }
                taken[next[place]] = true
                table[next[place]] = UInt16(truncatingIfNeeded: member.position)
                filled += 1
            }
        }
        return table
    }
}

/// A hash ring: each member owns the arcs that end at its points.
///
/// The number of points is weight times `virtualNodes`, whatever the others have, so a change of
/// one member moves only keys of its own arcs. A point is 40 bits of hash above 24 bits of
/// position: sorting and searching work on plain words.
enum HashRing {
    static var maximumPoints: Int { 1 << 20 }

    static func build(_ members: [HashMember], virtualNodes: Int) -> [UInt64] {
        let weights = members.reduce(0.0) { $0 + Double($1.weight) }
        let wanted = weights * Double(max(virtualNodes, 1))
        // By powers of two, so that small changes of the whole seldom change everybody's points.
        var scale = 1.0
        while wanted * scale > Double(maximumPoints) { scale /= 2 }
        var points: [UInt64] = []
        for member in members where member.weight > 0 {
            let count = max(Double(member.weight) * Double(max(virtualNodes, 1)) * scale, 1)
            for node in 0..<UInt64(count) {
                let hash = Hash.mix(member.seed &+ Hash.mix(node &+ 1))
                points.append(hash & ~0xff_ffff | UInt64(member.position))
            }
        }
        points.sort()
        return points
    }
}
