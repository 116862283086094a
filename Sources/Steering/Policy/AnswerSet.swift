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
    // Nodes whose choice is noted, for explanations.
    static var pathLimit: Int { 64 }

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
    // What the answer is made of is known for so many seconds at most.
    var life = UInt32.max
    /// The highest health generation consulted.
    public internal(set) var generation: UInt32 = 0
    /// The leading bits of the client's address on which the decision is the same for all: the
    /// scope of RFC 7871; 0 when no branch looks at the client.
    public internal(set) var scope: UInt8 = 0
    /// The TTL above which answers are not cached for now, in seconds.
    var highestTTL: UInt32 = .max
    /// True when members that have returned wait for the answers to rest.
    public internal(set) var isResting = false
    /// True for NODATA that no change of health, weights or places ends: the policy has no member of
    /// the family.
    public internal(set) var isLasting = false
    /// True when nothing is answered since no branch is for this client, however healthy all are.
    public internal(set) var isForOthers = false
    /// True when nothing is answered though health is not asked for: what there is weighs 0, is
    /// drained or in maintenance.
    public internal(set) var isWithheld = false
    /// True when it is older than it should be, and nothing younger is known.
    public private(set) var isStale = false
    // A node on the way says so for its part.
    var saysNone = false
    var saysServfail = false
    // Words are listened for, and a part of the way has none.
    var wantsWord = false
    // The failure domains in the answer, and from which address on.
    var domains = InlineArray<32, UInt16>(repeating: 0)
    var domainPlaces = InlineArray<32, UInt8>(repeating: 0)
    var domainCount = 0
    // The nodes that chose, in order.
    var path = InlineArray<64, UInt32>(repeating: 0)
    var pathCount = 0

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
        let most = min(most, min(highestTTL, life))
        guard secondsToChange != HealthWord.noChangeInSight else { return most }
        let least = leastTTL == AnswerSet.halfOfMost ? most / 2 : leastTTL
        return min(most, max(UInt32(secondsToChange), least))
    }

    /// True when this TTL is what a migration allows for now.
    public func isCapped(at ttl: UInt32) -> Bool { ttl == highestTTL }

    mutating func clear() {
        count = 0
        outcome = .none
        mode = .healthy
        secondsToChange = HealthWord.noChangeInSight
        leastTTL = AnswerSet.halfOfMost
        life = .max
        generation = 0
        scope = 0
        highestTTL = .max
        isResting = false
        isLasting = false
        isForOthers = false
        isStale = false
        isWithheld = false
        saysNone = false
        saysServfail = false
        wantsWord = false
        domainCount = 0
        pathCount = 0
    }

    /// Makes this an answer without a policy: of a name that has its addresses from elsewhere.
    ///
    /// `ttl` is for how many seconds it holds. Addresses are added one by one.
    public mutating func settle(_ outcome: SteerOutcome, ttl: UInt32, isStale: Bool = false) {
        clear()
        self.outcome = outcome
        self.isStale = isStale
        life = ttl
    }

    /// Makes this the answer of a family that no policy is asked for: there is none, and none comes.
    public mutating func settleLasting() {
        settle(.noData, ttl: .max)
        isLasting = true
    }

    /// Says for whom an answer without a policy holds, and for how many seconds at most.
    public mutating func hold(scope: UInt8, atMost seconds: UInt32 = .max) {
        self.scope = scope
        life = min(life, seconds)
    }

    /// Adds an address that is no endpoint's; what is too much, or there already, is left out.
    public mutating func add(_ address: IPAddress) {
        append(address, 0)
    }

    // Endpoints that differ by their ports alone share an address, and a set has no record twice
    // (RFC 2181 §5).
    mutating func append(_ address: IPAddress, _ slot: UInt32) {
        guard count < AnswerSet.capacity, !holds(address) else { return }
        addresses[count] = address
        slots[count] = slot
        count &+= 1
    }

    mutating func cut(to most: Int) {
        count = min(count, most)
        // In the order of their places, as addresses are.
        while domainCount > 0, Int(domainPlaces[domainCount &- 1]) >= count { domainCount &-= 1 }
    }

    func holds(_ address: IPAddress) -> Bool {
        for place in 0..<count where addresses[place] == address { return true }
        return false
    }

    mutating func consult(_ word: HealthWord) {
        secondsToChange = min(secondsToChange, word.secondsToChange)
        generation = max(generation, word.generation)
    }

    // The decision is only known to be the same for who shares so many bits.
    mutating func narrow(to length: UInt8) { scope = max(scope, length) }

    mutating func note(_ node: Int) {
        guard pathCount < AnswerSet.pathLimit else { return }
        path[pathCount] = UInt32(truncatingIfNeeded: node)
        pathCount &+= 1
    }

    func chose(_ node: Int) -> Bool {
        for place in 0..<pathCount where path[place] == UInt32(truncatingIfNeeded: node) {
            return true
        }
        return false
    }
}
