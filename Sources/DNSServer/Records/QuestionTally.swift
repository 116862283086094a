// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// Which zones are counted by themselves, and at which place: the same for all workers.
///
/// The control thread writes, before a zone serves; workers read one or two words a query. A zone
/// that has gone keeps its place until the process ends, so that no other one inherits its counts.
public final class CountedZones: Sendable {
    /// The most zones that are counted by themselves.
    public let limit: Int
    // An open table of two words an entry: the identity of a zone, and its place.
    private let words: SharedWords
    private let mask: Int
    private let given = SharedWords(count: 1)

    init(limit: Int) {
        self.limit = max(limit, 0)
        var capacity = 16
        while capacity < self.limit * 2 { capacity *= 2 }
        mask = capacity - 1
        words = SharedWords(count: capacity * 2)
    }

    /// Zones that have places.
    public var count: Int { Int(truncatingIfNeeded: given.load(0)) }

    /// Gives the next place to a zone; false when it has one, or there is none left.
    ///
    /// For one thread.
    public func add(_ zone: DomainName) -> Bool {
        let identity = CountedZones.identity(zone)
        guard count < limit, place(identity) == limit else { return false }
        var entry = Int(truncatingIfNeeded: identity) & mask
        while words.load(entry &* 2) != 0 { entry = (entry &+ 1) & mask }
        // The place first: who sees the identity sees the place.
        words.store(entry &* 2 &+ 1, UInt64(count))
        words.store(entry &* 2, identity)
        given.addOwned(0, 1)
        return true
    }

    /// The place of a zone; ``limit`` for one that is not counted by itself.
    func place(_ identity: UInt64) -> Int {
        var entry = Int(truncatingIfNeeded: identity) & mask
        // At most half of the entries are taken: the end of a run is near.
        for _ in 0...mask {
            let found = words.load(entry &* 2)
            if found == identity { return Int(truncatingIfNeeded: words.load(entry &* 2 &+ 1)) }
            if found == 0 { return limit }
            entry = (entry &+ 1) & mask
        }
        return limit
    }

    static func identity(_ zone: DomainName) -> UInt64 { identity(zone.lowercased.wire) }

    /// What stands for the name of a zone, in lower case: never zero.
    static func identity(_ wire: [UInt8]) -> UInt64 { max(Hash.bytes(wire.span), 1) }
}

/// Questions of one worker by zone with response code, and by type.
///
///     zones   four words a place: NOERROR, NXDOMAIN, SERVFAIL, other; behind the counted zones
///             all other ones, then names in no zone
///     types   one word for each number up to 262, and one for those above
struct QuestionTally: Sendable {
    /// The codes that are told apart, in the order of their words.
    static let codes = ["NOERROR", "NXDOMAIN", "SERVFAIL", "other"]
    /// The highest type with a word of its own.
    static let lastType = 262

    let zones: CountedZones
    private let byZone: SharedWords
    private let byType = SharedWords(count: QuestionTally.lastType + 2)

    init(_ zones: CountedZones) {
        self.zones = zones
        byZone = SharedWords(count: (zones.limit + 2) * 4)
    }

    @inline(__always)
    func add(_ type: RecordType, _ outcome: AnswerOutcome) {
        let place =
            outcome.zoneIdentity == 0 ? zones.limit &+ 1 : zones.place(outcome.zoneIdentity)
        let code =
            switch outcome.code.rawValue {
            case 0: 0
            case 3: 1
            case 2: 2
            default: 3
            }
        byZone.addOwned(place &* 4 &+ code, 1)
        byType.addOwned(min(Int(type.rawValue), QuestionTally.lastType &+ 1), 1)
    }

    func count(place: Int, code: Int) -> UInt64 { byZone.load(place * 4 + code) }
    func count(type: Int) -> UInt64 { byType.load(type) }
}

extension DNSShared {
    /// Which zones are counted by themselves.
    public var countedZones: CountedZones { books[0].questions.zones }

    /// Queries by zone and response code, over all workers: each counted zone, by the names of their
    /// places, then `other` for the other ones, and `none` for names in no zone.
    public func zoneCounts(
        _ counted: [String]
    ) -> [(zone: String, code: String, count: UInt64)] {
        let limit = countedZones.limit
        let places = counted.enumerated().map { ($0.element, $0.offset) }
        let all = places + [("other", limit), ("none", limit + 1)]
        return all.flatMap { name, place in
            QuestionTally.codes.enumerated().map { code, word in
                let count = books.reduce(0) { $0 &+ $1.questions.count(place: place, code: code) }
                return (name, word, count)
            }
        }
    }

    /// Queries by type, over all workers: each type that has a mnemonic here and was asked for, and
    /// `other`.
    public var typeCounts: [(type: String, count: UInt64)] {
        var others: UInt64 = 0
        var found: [(type: String, count: UInt64)] = []
        for type in 0...QuestionTally.lastType + 1 {
            let count = books.reduce(0) { $0 &+ $1.questions.count(type: type) }
            let word = "\(RecordType(UInt16(type)))"
            if type > QuestionTally.lastType || word.hasPrefix("TYPE") {
                others &+= count
            } else if count > 0 {
                found.append((word, count))
            }
        }
        return found + [("other", others)]
    }
}
