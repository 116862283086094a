// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What a policy says to answer.
public enum SteerOutcome: UInt8, Sendable, BitwiseCopyable {
    /// The addresses in the set.
    case addresses
    /// The policy has members, but none of the family asked for: NODATA.
    case noData
    /// No member takes new work and the all-down policy says to answer none: NODATA.
    case none
    /// No member takes new work and the all-down policy says SERVFAIL.
    case servfail
}

/// One answer of a policy in fixed storage: no heap per query.
public struct AnswerSet: Sendable, BitwiseCopyable {
    /// The most addresses in one answer.
    public static var capacity: Int { 16 }

    @usableFromInline var addresses: InlineArray<16, IPAddress>
    @usableFromInline var slots: InlineArray<16, UInt32>
    /// Number of addresses.
    public internal(set) var count = 0
    /// What to answer.
    public internal(set) var outcome = SteerOutcome.none
    /// Which members were considered.
    public internal(set) var mode = ChoiceMode.healthy
    /// The earliest time in which a member consulted can change its state, in seconds.
    public internal(set) var secondsToChange = HealthWord.noChangeInSight
    /// The TTL below which health never brings the answer, in seconds.
    var leastTTL = AnswerSet.halfOfMost
    /// The highest health generation consulted.
    public internal(set) var generation: UInt32 = 0
    // The leaf of the policy that served; -1 for none.
    var leaf = -1

    /// An empty set.
    public init() {
        addresses = InlineArray(repeating: IPAddress(v4: 0))
        slots = InlineArray(repeating: 0)
    }

    /// The address at `index`; 0.0.0.0 when out of range.
    @inlinable public func address(_ index: Int) -> IPAddress {
        guard index >= 0, index < count else { return IPAddress(v4: 0) }
        return addresses[index]
    }
    /// The health slot of the address at `index`; 0 when out of range.
    @inlinable public func slot(_ index: Int) -> Int {
        guard index >= 0, index < count else { return 0 }
        return Int(slots[index])
    }

    /// Stands for half of the record's TTL.
    static var halfOfMost: UInt32 { .max }

    /// How long resolvers may keep the answer: no longer than health must stay as it is, within
    /// the policy's lower bound and `most`, the record's TTL.
    ///
    /// So the TTL shrinks with every failed check before the change itself, as gdnsd does it: what
    /// resolvers hold when an endpoint goes down is young.
    public func ttl(atMost most: UInt32) -> UInt32 {
        guard secondsToChange != HealthWord.noChangeInSight else { return most }
        let least = leastTTL == AnswerSet.halfOfMost ? most / 2 : leastTTL
        return min(most, max(UInt32(secondsToChange), least))
    }

    mutating func clear() {
        count = 0
        outcome = .none
        mode = .healthy
        secondsToChange = HealthWord.noChangeInSight
        leastTTL = AnswerSet.halfOfMost
        generation = 0
        leaf = -1
    }

    // Endpoints that differ by their ports alone share an address, and a set has no record twice
    // (RFC 2181 §5).
    mutating func append(_ member: MemberRecord) {
        guard count < AnswerSet.capacity, !holds(member.address) else { return }
        addresses[count] = member.address
        slots[count] = member.slot
        count += 1
    }

    func holds(_ address: IPAddress) -> Bool {
        for place in 0..<count where addresses[place] == address { return true }
        return false
    }

    mutating func consult(_ word: HealthWord) {
        secondsToChange = min(secondsToChange, word.secondsToChange)
        generation = max(generation, word.generation)
    }
}
