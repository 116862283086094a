// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@testable import DNSServer

/// Zones that are there to be answered SERVFAIL: askers and explanations are told why.
@Suite struct ZoneAbsenceTests {
    static func table(_ absence: ZoneAbsence) throws -> ZoneTable {
        var builder = ZoneTableBuilder()
        builder.beginZone(try #require(DomainName("gone.test")))
        builder.markUnusable(absence)
        return try #require(builder.build().table)
    }

    // RFC 8914 §4.15, §4.25.
    @Test(
        arguments: [
            (.faulty, 24, "the zone file is faulty", "the file of the zone is faulty"),
            (.awaited, 14, "the zone has not come from its primaries", "has not come"),
            (
                .expired, 24, "the zone has expired: its primaries have been silent for too long",
                "the zone has expired"
            ),
        ] as [(ZoneAbsence, UInt8, String, String)]
    )
    func `each has a reason of its own, which survives copies`(
        absence: ZoneAbsence,
        code: UInt8,
        text: String,
        words: String
    ) throws {
        let table = try Self.table(absence)
        let zone = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        let more = try ZoneFixture.table([("more.test", zone)])
        let joined = try #require(ZoneTable.joined([ZonePart(more), ZonePart(table)]))
        var builder = ZoneTableBuilder()
        builder.add(joined, without: [])
        for table in [table, joined, try #require(builder.build().table)] {
            var fixture = ZoneFixture(table)
            let message = try fixture.ask(EDNSQuestion { $0.name = "www.gone.test" })
            #expect(message.code == .serverFailure)
            #expect(message.option(15) == [0, code] + Array(text.utf8))
            let explained = fixture.snapshot.explain(
                name: try #require(DomainName("www.gone.test")),
                type: .A,
                now: .start,
                seed: 1
            )
            #expect(explained.steps.first?.why.contains(words) == true, "\(explained.steps)")
        }
    }
}
