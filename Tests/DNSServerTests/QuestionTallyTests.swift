// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@testable import DNSServer

@Suite struct QuestionTallyTests {
    static func outcome(_ zone: String?, _ code: ResponseCode) -> AnswerOutcome {
        var outcome = AnswerOutcome()
        outcome.zoneIdentity =
            zone.flatMap { DomainName($0) }.map { CountedZones.identity($0) } ?? 0
        outcome.code = code
        return outcome
    }

    static func names(_ texts: [String]) -> [DomainName] { texts.compactMap { DomainName($0) } }

    @Test func `zones get places in their order, and those beyond the limit none`() {
        let zones = CountedZones(limit: 2)
        let added = QuestionTallyTests.names(["B.test", "a.test", "b.test", "c.test", "a.test"])
            .map { zones.add($0) }
        #expect(added == [true, true, false, false, false])
        #expect(zones.count == 2)
        let places = QuestionTallyTests.names(["b.test", "a.test", "c.test"]).map {
            zones.place(CountedZones.identity($0))
        }
        #expect(places == [0, 1, 2])
    }

    @Test func `a query counts for its zone and code, for others, or for none`() {
        let shared = DNSShared(workers: 2, countedZones: 1)
        let added = QuestionTallyTests.names(["a.test", "b.test"]).map {
            shared.countedZones.add($0)
        }
        #expect(added == [true, false])
        shared.books[0].count(.A, QuestionTallyTests.outcome("a.test", .noError))
        shared.books[1].count(.A, QuestionTallyTests.outcome("A.test", .noError))
        shared.books[0].count(.TXT, QuestionTallyTests.outcome("a.test", .nameError))
        shared.books[0].count(.A, QuestionTallyTests.outcome("b.test", .serverFailure))
        shared.books[0].count(RecordType(4711), QuestionTallyTests.outcome(nil, .refused))
        var dropped = QuestionTallyTests.outcome("a.test", .noError)
        dropped.isDropped = true
        shared.books[0].count(.A, dropped)
        let seen = shared.zoneCounts(["a.test."]).filter { $0.count > 0 }.map {
            "\($0.zone) \($0.code) \($0.count)"
        }
        #expect(
            seen == ["a.test. NOERROR 2", "a.test. NXDOMAIN 1", "other SERVFAIL 1", "none other 1"]
        )
        #expect(shared.zoneCounts(["a.test."]).count == 12)
        let types = shared.typeCounts.map { "\($0.type) \($0.count)" }
        #expect(types == ["A 3", "TXT 1", "other 1"])
    }

    @Test func `a place that changes hands counts from zero, for its new zone alone`() {
        let shared = DNSShared(workers: 2, countedZones: 2)
        let first = QuestionTallyTests.names(["a.test", "b.test"])
        #expect(first.map { shared.countedZones.add($0) } == [true, true])
        func ask(_ zone: String, _ worker: Int) {
            shared.books[worker].count(.A, QuestionTallyTests.outcome(zone, .noError))
        }
        func seen(_ zones: [String]) -> [String] {
            shared.zoneCounts(zones).filter { $0.count > 0 }.map { "\($0.zone) \($0.count)" }
        }
        for zone in ["a.test", "b.test", "c.test"] {
            ask(zone, 0)
            ask(zone, 1)
        }
        #expect(seen(["a.test", "b.test"]) == ["a.test 2", "b.test 2", "other 2"])
        let second = QuestionTallyTests.names(["c.test", "b.test"])
        shared.reassignZones(second, changed: [0])
        #expect(seen(["c.test", "b.test"]) == ["b.test 2", "other 2"], "it begins at zero")
        for zone in ["a.test", "b.test", "c.test"] { ask(zone, 1) }
        #expect(seen(["c.test", "b.test"]) == ["c.test 1", "b.test 3", "other 3"])
        #expect(shared.countedZones.count == 2)
    }

    @Test func `places can change hands for ever`() {
        let shared = DNSShared(workers: 1, countedZones: 3)
        var zones = QuestionTallyTests.names(["keep.test", "z0.test", "y0.test"])
        #expect(zones.map { shared.countedZones.add($0) } == [true, true, true])
        for round in 1...200 {
            let fresh = QuestionTallyTests.names(["z\(round).test", "y\(round).test"])
            let former = zones[1...]
            zones[1...] = fresh[...]
            shared.reassignZones(zones, changed: [1, 2])
            let places = (zones + former).map {
                shared.countedZones.place(CountedZones.identity($0))
            }
            #expect(places == [0, 1, 2, 3, 3])
        }
    }

    @Test func `without room for zones all count together`() {
        let shared = DNSShared(workers: 1, countedZones: 0)
        #expect(QuestionTallyTests.names(["a.test"]).map { shared.countedZones.add($0) } == [false])
        shared.books[0].count(.A, QuestionTallyTests.outcome("a.test", .noError))
        #expect(shared.zoneCounts([]).first { $0.count > 0 }?.zone == "other")
    }
}
