// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

/// Owners go to secondaries as their zone writes them (RFC 5936 §3.4), and cost nothing where no name
/// has capitals.
@Suite struct SpellingTests {
    let tests = TransferTests()
    static let zone = """
        $TTL 60
        @ SOA ns host 7 2 3 4 5
        @ NS Ns1
        Ns1 A 192.0.2.53
        WWW A 192.0.2.1
        www TXT "one name has one spelling"
        Big.Deep MX 1 big.deep
        big.deep MX 2 BIG.Deep.EXAMPLE.com.
        Alias CNAME wWw
        plain A 192.0.2.2
        Sub NS ns.Sub
        ns.Sub A 192.0.2.54
        """
    static let wanted = [
        "Alias.example.com. 60 IN CNAME wWw.example.com.",
        "Big.Deep.example.com. 60 IN MX 1 big.deep.example.com.",
        "Big.Deep.example.com. 60 IN MX 2 BIG.Deep.EXAMPLE.com.",
        "Ns1.example.com. 60 IN A 192.0.2.53", "Sub.example.com. 60 IN NS ns.Sub.example.com.",
        "WWW.example.com. 60 IN A 192.0.2.1",
        "WWW.example.com. 60 IN TXT \"one name has one spelling\"",
        "example.com. 60 IN NS Ns1.example.com.",
        "ns.Sub.example.com. 60 IN A 192.0.2.54", "plain.example.com. 60 IN A 192.0.2.2",
    ]

    private func lines(_ messages: [DNSMessage?]) -> [String] {
        messages.flatMap { $0?.answers ?? [] }.filter { $0.type != .SOA }.map { "\($0)" }.sorted()
    }

    private func lines(_ table: ZoneTable) throws -> [String] {
        let apex = try #require(DomainName("example.com"))
        let zone = try #require(table.usableZone(apex))
        return table.contents(ofZone: zone).compactMap(\.record).filter { $0.type != .SOA }
            .map { "\($0)" }.sorted()
    }

    private func table(_ text: String) throws -> ZoneTable {
        try ZoneFixture.table([("example.com", text)])
    }

    private func patch(_ table: ZoneTable, _ records: ZoneRecords) -> ZoneTable? {
        guard var patch = ZonePatch(table), patch.change(records, records.former.keys) else {
            return nil
        }
        return patch.table()
    }

    @Test(arguments: ["example.com", "EXAMPLE.com"])
    func `a transfer has every name as the zone writes it, however the zone is asked for`(
        _ asked: String
    ) throws {
        var fixture = try DoorFixture.make(tests.snapshot(["example.com": SpellingTests.zone]))
        let messages = try tests.take(&fixture, TransferTests.request(asked))
        #expect(lines(messages) == SpellingTests.wanted)
        let ends = messages.flatMap { $0?.answers ?? [] }.filter { $0.type == .SOA }.map { "\($0)" }
        let soa = "example.com. 60 IN SOA ns.example.com. host.example.com. 7 2 3 4 5"
        #expect(ends == [soa, soa])
    }

    @Test func `the zone's own name is written as in its file too`() throws {
        let text = "$TTL 60\nExample.COM. SOA ns host 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        var fixture = try DoorFixture.make(tests.snapshot(["example.com": text]))
        for asked in ["example.com", "Example.COM"] {
            let messages = try tests.take(&fixture, TransferTests.request(asked))
            let owners = messages.flatMap { $0?.answers ?? [] }.map { "\($0.owner)" }
            #expect(
                owners == ["Example.COM.", "Example.COM.", "ns.example.com.", "Example.COM."]
            )
        }
    }

    @Test func `sets that fill messages are sent whole in their spelling`() throws {
        let texts = (0..<280).map { "Full TXT \"\($0) \(String(repeating: "x", count: 200))\"" }
        let text = SpellingTests.zone + "\n" + texts.joined(separator: "\n")
        var fixture = try DoorFixture.make(tests.snapshot(["example.com": text]))
        let messages = try tests.take(&fixture, TransferTests.request("exAmple.com"))
        #expect(messages.count > 1)
        let found = lines(messages).filter { $0.hasPrefix("Full.example.com. ") }
        #expect(Set(found).count == 280 && found.count == 280)
    }

    @Test func `changes have the spelling of both versions`() throws {
        let apex = try #require(DomainName("example.com"))
        let old = try lines(table(SpellingTests.zone))
        let text = SpellingTests.zone.replacing("7 2 3", with: "8 2 3") + "\nNEW A 192.0.2.9\n"
        func all(_ table: ZoneTable) throws -> [DNSMessage.Record] {
            table.contents(ofZone: try #require(table.usableZone(apex))).compactMap(\.record)
        }
        let difference = try #require(
            ZoneDifference(from: try all(table(SpellingTests.zone)), to: try all(table(text)))
        )
        #expect(old.count == SpellingTests.wanted.count)
        #expect(difference.count == 3)
        var history = ZoneHistory()
        history.append(difference)
        var fixture = try DoorFixture.make(
            tests.snapshot(["example.com": text], histories: [apex: history])
        )
        for asked in ["example.com", "Example.com"] {
            let messages = try tests.take(&fixture, TransferTests.request(asked, since: 7))
            #expect(lines(messages) == ["NEW.example.com. 60 IN A 192.0.2.9"])
        }
    }

    @Test func `tables that are joined or patched keep spellings`() throws {
        let table = try table(SpellingTests.zone)
        #expect(try lines(table) == SpellingTests.wanted)
        let other = try ZoneFixture.table([("o.test", TransferTests.zone)])
        let joined = try #require(ZoneTable.joined([ZonePart(other), ZonePart(table)]))
        #expect(try lines(joined) == SpellingTests.wanted)
        let apex = try #require(DomainName("example.com"))
        let zone = try #require(table.usableZone(apex))
        var records = ZoneRecords(apex: apex, table.contents(ofZone: zone))
        records.add(
            DNSMessage.Record(
                owner: try #require(DomainName("Fresh.X.example.com")),
                type: .TXT,
                ttl: 60,
                data: [1, 65]
            )
        )
        let patched = try #require(patch(joined, records))
        let wanted = SpellingTests.wanted + ["Fresh.X.example.com. 60 IN TXT \"A\""]
        #expect(try lines(patched) == wanted.sorted())
        // A name that was one on the way to others gets a spelling: that is for the builder.
        records.begin()
        records.add(
            DNSMessage.Record(
                owner: try #require(DomainName("X.example.com")),
                type: .TXT,
                ttl: 60,
                data: [1, 65]
            )
        )
        #expect(patch(patched, records) == nil)
    }

    @Test func `a name that is there keeps its spelling in all that is told of a change`() throws {
        let apex = try #require(DomainName("example.com"))
        let table = try table(SpellingTests.zone)
        let zone = try #require(table.usableZone(apex))
        var records = ZoneRecords(apex: apex, table.contents(ofZone: zone))
        records.begin()
        for owner in ["PLAIN.example.com", "www.example.com"] {
            records.add(
                DNSMessage.Record(
                    owner: try #require(DomainName(owner)),
                    type: .HINFO,
                    ttl: 60,
                    data: [1, 65, 1, 66]
                )
            )
        }
        let added = try #require(records.difference()).added.filter { $0.type == .HINFO }
        #expect(added.map { "\($0.owner)" }.sorted() == ["WWW.example.com.", "plain.example.com."])
    }

    @Test func `names without capitals cost nothing, and those with them their own length`() throws
    {
        let small = try table(TransferTests.zone)
        let large = try table(TransferTests.zone.replacing("www A", with: "WwW A"))
        #expect(large.byteCount == small.byteCount + 8 + 17)
    }

    @Test func `names are found in any case, and answered in that of the question`() throws {
        var fixture = try ZoneFixture(["example.com": SpellingTests.zone])
        for name in ["www.example.com", "wwW.eXample.com", "BIG.DEEP.example.com"] {
            let answer = try fixture.ask(name, .ANY)
            #expect(answer.answers.map { "\($0.owner)" }.allSatisfy { $0 == "\(name)." })
            #expect(!answer.answers.isEmpty)
        }
    }
}
