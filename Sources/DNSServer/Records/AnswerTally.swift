// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Answers of one worker by policy and target: exact, and bounded by the endpoints that there can be.
///
/// An open table of two words an entry, a digest of policy and target and its count. One thread
/// writes, any may read.
struct AnswerTally: Sendable {
    /// What stands in place of a target for all answers of a family.
    static let allIPv4 = UInt64(UInt32.max) - 4
    static let allIPv6 = UInt64(UInt32.max) - 6
    /// Entries looked at for one count.
    private static let probes = 64

    private let words: SharedWords
    private let mask: Int
    // Entries in use, and counts that found no room.
    private let state = SharedWords(count: 2, stride: 8)

    /// Room for a target of every endpoint, and as many again.
    init(endpoints: Int) {
        var capacity = 64
        while capacity < max(endpoints, 0) * 2 { capacity *= 2 }
        mask = capacity - 1
        words = SharedWords(count: capacity * 2)
    }

    static func key(_ policy: UInt64, _ target: UInt64) -> UInt64 {
        max(Hash.mix(policy ^ Hash.mix(target &+ 1)), 1)
    }

    func add(_ policy: UInt64, _ target: UInt64) {
        let key = AnswerTally.key(policy, target)
        var place = Int(truncatingIfNeeded: key) & mask
        for _ in 0..<AnswerTally.probes {
            let found = words.load(place &* 2)
            if found == key { return words.addOwned(place &* 2 &+ 1, 1) }
            if found == 0 {
                // The count first: who sees the key sees the count.
                words.store(place &* 2 &+ 1, 1)
                words.store(place &* 2, key)
                return state.addOwned(0, 1)
            }
            place = (place &+ 1) & mask
        }
        state.addOwned(1, 1)
    }

    func count(_ policy: UInt64, _ target: UInt64) -> UInt64 {
        let key = AnswerTally.key(policy, target)
        var place = Int(truncatingIfNeeded: key) & mask
        for _ in 0..<AnswerTally.probes {
            let found = words.load(place &* 2)
            if found == key { return words.load(place &* 2 &+ 1) }
            if found == 0 { return 0 }
            place = (place &+ 1) & mask
        }
        return 0
    }

    /// Counts that found no room, ever.
    var missed: UInt64 { state.load(1) }

    /// True when so much of it is taken, by names that are gone perhaps, that counts may be lost.
    var isCrowded: Bool { state.load(0) > UInt64(mask + 1) / 4 * 3 }

    /// Begins anew; called by the worker, between batches.
    func clear() {
        for place in 0..<words.count { words.store(place, 0) }
        state.store(0, 0)
    }
}
