// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// Which zones are counted by themselves, and at which place: the same for all workers.
///
/// The control thread writes, workers read three words a query. A zone keeps its place for as long as
/// it is there; afterwards another one may have it, whose counts begin at zero.
public final class CountedZones: Sendable {
    /// The most zones that are counted by themselves.
    public let limit: Int
    // Two open tables behind each other, of two words an entry: the identity of a zone, and its place. One
    // is in use, and gains entries; the other one is filled when places change hands. Two objects would
    // have their references counted at each query.
    private let words: SharedWords
    // Which table is in use: 0 or 1.
    private let active = SharedWords(count: 1)
    private let mask: Int
    private let given = SharedWords(count: 1)
    // What stood at a place when its zone got it, by the numbers of `QuestionTally`.
    private let bases: SharedWords

    init(limit: Int) {
        self.limit = max(limit, 0)
        var capacity = 16
        while capacity < self.limit * 2 { capacity *= 2 }
        mask = capacity - 1
        words = SharedWords(count: capacity * 4)
        bases = SharedWords(count: self.limit * QuestionTally.codes.count)
    }

    /// Zones that have places.
    public var count: Int { Int(truncatingIfNeeded: given.load(0)) }

    /// Gives the next place to a zone; false when it has one, or there is none left.
    ///
    /// For one thread.
    public func add(_ zone: DomainName) -> Bool {
        let identity = CountedZones.identity(zone)
        guard count < limit, place(identity) == limit else { return false }
        insert(identity, count, into: start(Int(truncatingIfNeeded: active.load(0))))
        given.addOwned(0, 1)
        return true
    }

    /// Has the places as they are among `zones` now: for those of `changed` counts begin anew, at what
    /// `counts` has of them.
    func reassign(
        _ zones: [DomainName],
        changed: [Int],
        counts: (_ place: Int, _ code: Int) -> UInt64
    ) {
        for place in changed where place < limit {
            for code in QuestionTally.codes.indices {
                bases.store(place * QuestionTally.codes.count + code, counts(place, code))
            }
        }
        let next = 1 - Int(truncatingIfNeeded: active.load(0) & 1)
        let start = start(next)
        for word in 0..<(mask + 1) * 2 { words.store(start + word, 0) }
        for (place, zone) in zones.prefix(limit).enumerated() {
            insert(CountedZones.identity(zone), place, into: start)
        }
        active.store(0, UInt64(next))
    }

    // Where a table begins.
    private func start(_ table: Int) -> Int { (table & 1) &* (mask &+ 1) &* 2 }

    private func insert(_ identity: UInt64, _ place: Int, into start: Int) {
        var entry = Int(truncatingIfNeeded: identity) & mask
        for _ in 0...mask where words.load(start &+ entry &* 2) != 0 {
            entry = (entry &+ 1) & mask
        }
        // The place first: who sees the identity sees the place.
        words.store(start &+ entry &* 2 &+ 1, UInt64(place))
        words.store(start &+ entry &* 2, identity)
    }

    /// The place of a zone; ``limit`` for one that is not counted by itself.
    func place(_ identity: UInt64) -> Int {
        let start = start(Int(truncatingIfNeeded: active.load(0)))
        var entry = Int(truncatingIfNeeded: identity) & mask
        // At most half of the entries are taken: the end of a run is near.
        for _ in 0...mask {
            let found = words.load(start &+ entry &* 2)
            if found == identity {
                return Int(truncatingIfNeeded: words.load(start &+ entry &* 2 &+ 1))
            }
            if found == 0 { return limit }
            entry = (entry &+ 1) & mask
        }
        return limit
    }

    /// What had been counted at a place before its zone got it.
    func base(place: Int, code: Int) -> UInt64 {
        bases.load(place * QuestionTally.codes.count + code)
    }

    static func identity(_ zone: DomainName) -> UInt64 { identity(zone.lowercased.wire) }

    /// What stands for the name of a zone, in lower case: never zero.
    static func identity(_ wire: [UInt8]) -> UInt64 { max(Hash.bytes(wire.span), 1) }
}
