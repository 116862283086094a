// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

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

    /// Since the process began, whichever zone had the place.
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
                let base = place < limit ? countedZones.base(place: place, code: code) : 0
                return (name, word, sum(place: place, code: code) &- base)
            }
        }
    }

    private func sum(place: Int, code: Int) -> UInt64 {
        books.reduce(0) { $0 &+ $1.questions.count(place: place, code: code) }
    }

    /// Gives places of zones that are gone to others, whose counts begin at zero; `zones` are those
    /// that have all places then.
    ///
    /// For one thread, once every worker has adopted a snapshot that is newer than the last time, and
    /// names none of the zones that are gone: what it counted of them later would be another zone's.
    public func reassignZones(_ zones: [DomainName], changed: [Int]) {
        countedZones.reassign(zones, changed: changed) { sum(place: $0, code: $1) }
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
