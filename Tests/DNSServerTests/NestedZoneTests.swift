// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// Zones inside others that are served here too: who has what to say of the cut between them.
@Suite struct NestedZoneTests {
    static let inner =
        "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n@ NS ns.elsewhere.test.\n@ TXT inner\n"
        + "ns A 192.0.2.99\nx A 192.0.2.9\n"

    let tests = TransferTests()

    // MARK: Transfers (RFC 5936 §3.2, §3.5)

    @Test func `an outer zone goes out as its file has it, and an inner one without the DS`() throws
    {
        // Glue, names below the cut that nobody is answered with, and a zone in the zone inside.
        let outer = TransferTests.zone + "\nhid.sub TXT \"occluded\"\nns.sub AAAA 2001:db8::54\n"
        let snapshot = try tests.snapshot([
            "example.com": outer, "sub.example.com": Self.inner + "deep NS ns\ndeep TXT \"x\"\n",
            "deep.sub.example.com": Self.inner,
        ])
        var fixture = try DoorFixture.make(snapshot)
        for (apex, text) in [
            ("example.com", outer), ("deep.sub.example.com", Self.inner),
            ("sub.example.com", Self.inner + "deep NS ns\ndeep TXT \"x\"\n"),
        ] {
            let lines = TransferTests.lines(
                try tests.take(&fixture, TransferTests.request(apex))
            )
            let wanted = try TransferTests.expected(text, apex)
            #expect(lines.dropLast().sorted() == wanted.sorted(), "\(apex)")
        }
    }

    @Test func `an outer zone that does not delegate the inner one says nothing of it`() throws {
        let outer = "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        let snapshot = try tests.snapshot(["example.com": outer, "sub.example.com": Self.inner])
        var fixture = try DoorFixture.make(snapshot)
        let lines = TransferTests.lines(
            try tests.take(&fixture, TransferTests.request("example.com"))
        )
        let wanted = try TransferTests.expected(outer, "example.com")
        #expect(lines.dropLast().sorted() == wanted.sorted())
        var zone = ZoneFixture(snapshot)
        let message = try zone.ask("sub.example.com", .DS)
        #expect(message.code == .noError && message.answers.isEmpty)
        #expect(message.authorities.first?.owner == DomainName("example.com"))
    }

    @Test func `names of an outer zone below the cut are not found, nor used as addresses`() throws
    {
        let outer =
            TransferTests.zone + "\nhid.sub TXT \"occluded\"\nuses MX 1 ns.sub\n"
            + "other NS ns.sub\nali.sub ALIAS mail\n"
        var zone = try ZoneFixture(["example.com": outer, "sub.example.com": Self.inner])
        #expect(try zone.ask("hid.sub.example.com", .TXT).code == .nameError)
        #expect(try zone.ask("ali.sub.example.com").code == .nameError)
        #expect(try zone.ask("ns.sub.example.com").answers.first?.data == [192, 0, 2, 99])
        #expect(try zone.ask("uses.example.com", .MX).additionals.allSatisfy { $0.type == .OPT })
        #expect(try zone.ask("x.other.example.com").additionals.allSatisfy { $0.type == .OPT })
    }

    @Test func `contents of an outer zone have the delegation`() throws {
        let table = try ZoneFixture([
            "example.com": TransferTests.zone, "sub.example.com": Self.inner,
        ]).snapshot.zones
        let apex = try #require(DomainName("example.com"))
        let zone = try #require(table.usableZone(apex))
        let lines = table.contents(ofZone: zone).compactMap { content -> String? in
            if case .record(let record) = content { TransferTests.line(record) } else { nil }
        }
        let wanted = try TransferTests.expected(TransferTests.zone, "example.com")
        #expect(lines.sorted() == wanted.sorted())
    }

    @Test(arguments: ["", "low.mid DS 1 8 255 0a0b\nlow.mid NS ns\n", "x.low.mid A 192.0.2.9\n"])
    func `DS of a zone below another delegation is a matter of that one`(more: String) throws {
        let outer =
            "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nmid NS ns.mid\n"
            + "ns.mid A 192.0.2.2\n" + more
        var zone = try ZoneFixture([
            "example.com": outer, "low.mid.example.com": Self.inner + "@ DS 1 8 255 0c0d\n",
        ])
        let message = try zone.ask("low.mid.example.com", .DS)
        #expect(!message.isAuthoritative && message.answers.isEmpty)
        #expect(message.authorities.map(\.owner) == [DomainName("mid.example.com")])
        #expect(message.additionals.contains { $0.data == [192, 0, 2, 2] })
        #expect(try zone.ask("x.low.mid.example.com").answers.first?.data == [192, 0, 2, 9])
    }

    // MARK: Signatures (RFC 4035 §3.1.4.1)

    func signed(_ way: String) throws -> SigningFixture {
        let text = try PresignedAnswerTests.text(way)
        var zone = try SigningFixture(
            [
                ("example.com", text), ("safe.example.com", Self.inner),
                ("open.example.com", Self.inner),
            ],
            signed: [:]
        )
        zone.keys = try PresignedAnswerTests.fixture(way).keys
        return zone
    }

    @Test(arguments: PresignedAnswerTests.ways)
    func `DS below a zone that its file signs has the signature of the file`(way: String) throws {
        var zone = try signed(way)
        let message = try zone.ask("safe.example.com", .DS)
        #expect(message.answers.map(\.type) == [.DS, .RRSIG] && message.isAuthoritative)
        #expect(zone.faults(message.answers).isEmpty)
        // The zone inside itself is not signed, and says so with nothing.
        let inside = try zone.ask("x.safe.example.com")
        #expect(inside.answers.map(\.type) == [.A] && inside.authorities.isEmpty)
    }

    @Test(arguments: PresignedAnswerTests.ways)
    func `that there is no DS is proven as without the zone inside`(way: String) throws {
        var zone = try signed(way)
        var alone = try PresignedAnswerTests.fixture(way)
        for name in ["open.example.com", "no.example.com", "openx.example.com", "s.example.com"] {
            let message = try zone.ask(name, .DS)
            let wanted = try alone.ask(name, .DS)
            #expect(message.code == wanted.code, "\(name)")
            #expect(message.authorities == wanted.authorities, "\(name)")
            #expect(zone.faults(message.authorities).isEmpty, "\(name)")
        }
    }

    @Test(arguments: PresignedAnswerTests.ways)
    func `a zone that its file signs goes out with its signatures and proofs`(way: String) throws {
        let text = try PresignedAnswerTests.text(way)
        for zones in [
            ["example.com": text], ["example.com": text, "safe.example.com": Self.inner],
        ] as [KeyValuePairs<String, String>] {
            var fixture = try DoorFixture.make(tests.snapshot(zones))
            let lines = TransferTests.lines(
                try tests.take(&fixture, TransferTests.request("example.com"))
            )
            let wanted = try TransferTests.expected(text, "example.com")
            #expect(lines.dropLast().sorted() == wanted.sorted())
            #expect(lines.contains { $0.contains(way == "nsec" ? " NSEC " : " NSEC3 ") })
        }
    }
}
