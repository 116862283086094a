// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// What is kept of one query that was answered, as plain words.
///
/// The response itself is kept, up to a bound: what a record shows is what was sent, octet by octet.
/// Plain words, so that keeping them takes no heap and any thread may read them; names follow from
/// numbers only when somebody asks.
public struct QueryRecord: Sendable, BitwiseCopyable {
    /// Words of one record; the first belongs to the ring.
    static let size = 128
    /// Octets of the response that are kept.
    static let responseLimit = (QueryRecord.size - Place.response) * 8

    /// Where the words are.
    enum Place {
        static let time = 1, snapshot = 2, layout = 3, generation = 4, asker = 5, subnet = 7
        static let facts = 9, policy = 10, decision = 11, slots = 12, nodes = 20, way = 36
        static let askedAt = 37, response = 38
    }

    /// A run of bits within a word.
    struct Part {
        let word: Int
        let shift: Int
        let width: Int

        static let askerIsIPv4 = Part(word: Place.facts, shift: 0, width: 1)
        static let subnetIsIPv4 = Part(word: Place.facts, shift: 1, width: 1)
        static let hasSubnet = Part(word: Place.facts, shift: 2, width: 1)
        static let hearsSubnet = Part(word: Place.facts, shift: 3, width: 1)
        static let isHighestTTL = Part(word: Place.facts, shift: 4, width: 1)
        static let isTruncated = Part(word: Place.facts, shift: 5, width: 1)
        static let transport = Part(word: Place.facts, shift: 6, width: 2)
        static let subnetLength = Part(word: Place.facts, shift: 8, width: 8)
        static let scope = Part(word: Place.facts, shift: 16, width: 8)
        static let code = Part(word: Place.facts, shift: 24, width: 12)
        static let length = Part(word: Place.facts, shift: 36, width: 16)
        static let worker = Part(word: Place.facts, shift: 52, width: 10)
        static let isLasting = Part(word: Place.facts, shift: 62, width: 1)
        static let isCapped = Part(word: Place.facts, shift: 63, width: 1)
        static let policy = Part(word: Place.policy, shift: 0, width: 32)
        static let slots = Part(word: Place.policy, shift: 32, width: 6)
        static let nodes = Part(word: Place.policy, shift: 38, width: 6)
        static let nodesLeft = Part(word: Place.policy, shift: 44, width: 8)
        static let outcome = Part(word: Place.policy, shift: 52, width: 4)
        static let mode = Part(word: Place.policy, shift: 56, width: 4)
        static let ttl = Part(word: Place.decision, shift: 0, width: 32)
        static let secondsToChange = Part(word: Place.decision, shift: 32, width: 16)
        static let dialChanges = Part(word: Place.decision, shift: 48, width: 16)
        static let askerPort = Part(word: Place.way, shift: 0, width: 16)
        // The number and one; 0 for none.
        static let listener = Part(word: Place.way, shift: 16, width: 16)
    }

    var words = InlineArray<128, UInt64>(repeating: 0)

    init() {}

    subscript(part: Part) -> Int {
        get { Int(words[part.word] >> UInt64(part.shift) & QueryRecord.mask(part)) }
        set {
            let mask = QueryRecord.mask(part)
            let value = newValue < 0 ? 0 : min(UInt64(newValue), mask)
            let kept = words[part.word] & ~(mask << UInt64(part.shift))
            words[part.word] = kept | value << UInt64(part.shift)
        }
    }

    private static func mask(_ part: Part) -> UInt64 { (1 << UInt64(part.width)) &- 1 }

    mutating func setAddress(_ address: IPAddress, at place: Int) {
        words[place] = UInt64(truncatingIfNeeded: address.bits >> 64)
        words[place &+ 1] = UInt64(truncatingIfNeeded: address.bits)
    }

    /// Two numbers of 32 bits to a word.
    mutating func setNumber(_ number: UInt32, at index: Int, from place: Int) {
        words[place &+ index / 2] |= UInt64(number) << UInt64(index % 2 &* 32)
    }

    func number(at index: Int, from place: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: words[place + index / 2] >> UInt64(index % 2 * 32))
    }

    mutating func set(_ decision: DecisionNote) {
        words[Place.generation] = decision.generation
        self[.slots] = decision.slotCount
        self[.nodes] = decision.nodeCount
        self[.nodesLeft] = decision.nodesLeft
        self[.outcome] = Int(decision.outcome.rawValue)
        self[.mode] = Int(decision.mode.rawValue)
        self[.secondsToChange] = Int(decision.secondsToChange)
        self[.dialChanges] = QueryRecord.short(decision.dialChanges)
        for index in 0..<decision.slotCount {
            setNumber(decision.slots[index], at: index, from: Place.slots)
        }
        for index in 0..<decision.nodeCount {
            setNumber(decision.nodes[index], at: index, from: Place.nodes)
        }
    }

    /// What is kept of ``SteerTable/dialChanges``.
    static func short(_ changes: UInt64) -> Int { Int(changes & mask(.dialChanges)) }

    /// Keeps the octets of the response that begins at `start`.
    mutating func setResponse(_ output: borrowing OutputSpan<UInt8>, from start: Int) {
        let length = output.count &- start
        self[.length] = length
        for index in 0..<min(max(length, 0), QueryRecord.responseLimit) {
            words[Place.response &+ index / 8] |=
                UInt64(output[start &+ index]) << UInt64(index % 8 &* 8)
        }
    }
}
