// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

@Suite struct ZoneTableBuilderTests {
    static let head = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

    static let faults: [(String, String)] = [
        ("www.example.org. A 192.0.2.1", "M1601 www.example.org. is outside of zone example.com."),
        ("badexample.com. A 192.0.2.1", "M1601 badexample.com. is outside of zone example.com."),
        ("@ SOA ns h 9 2 3 4 5", "M1602 zone example.com. has 2 SOA records"),
        ("x SOA ns h 9 2 3 4 5", "M1612 x.example.com. has an SOA and is not the zone's own name"),
        ("a CNAME b\na A 192.0.2.1", "M1603 a.example.com. has a CNAME and other data"),
        ("a CNAME b\na CNAME c", "M1603 a.example.com. has two CNAMEs"),
        ("@ CNAME b", "M1603 example.com. has a CNAME and other data"),
        ("*.a NS ns", "M1607 NS at a wildcard delegates nothing (RFC 4592 §4.2)"),
        (
            "a 5 A 192.0.2.1\na 6 A 192.0.2.2",
            "M1650 the A records of a.example.com. differ in TTL; 5 is used"
        ),
        (
            "sub NS ns.sub",
            "M1652 sub.example.com. is delegated to ns.sub.example.com., which has no address here"
        ),
        (
            "sub NS ns.other.\nx.sub TXT y",
            "M1653 TXT of x.sub.example.com. is never answered: sub.example.com. is delegated"
        ),
        ("a CNAME ns\n@ MX 10 a", "M1654 MX leads to a.example.com., which is an alias"),
        ("a CNAME ns\n@ NS a", "M1654 NS leads to a.example.com., which is an alias"),
        ("a CNAME ns\n_x._tcp SRV 0 0 1 a", "M1654 SRV leads to a.example.com., which is an alias"),
        (
            "@ MX 10 192.0.2.1",
            "M1658 MX of example.com. names 192.0.2.1.example.com., which looks like an address"
        ),
        (
            "@ NS 192.0.2.1.",
            "M1658 NS of example.com. names 192.0.2.1., which looks like an address"
        ),
        (
            "_x._tcp SRV 0 0 1 2001:db8::1",
            "M1658 SRV of _x._tcp.example.com. names 2001:db8::1.example.com., which looks like an "
                + "address"
        ),
        (
            "@ MX 10 mail",
            "M1659 MX of example.com. leads to mail.example.com., which has no address here"
        ),
        (
            "@ MX 10 ns.example.com",
            "M1659 MX of example.com. leads to ns.example.com.example.com., which has no address "
                + "here: is a final dot missing?"
        ),
        (
            "sub NS ns.other\nsub NS ns.sub\nns.sub A 192.0.2.2",
            "M1659 NS of sub.example.com. leads to ns.other.example.com., which has no address here"
        ),
        (
            "a MX 10 ns\na MX 10 NS",
            "M1660 a.example.com. has the same MX record twice; one is kept"
        ),
        ("a DS 1 8 255 00", "M1662 a.example.com. has DS and is not delegated: it has no NS"),
        (
            "@ DS 1 8 255 00",
            "M1662 DS of example.com. belongs into the zone around it: nobody asks here"
        ),
        (
            "a RRSIG TXT 8 3 60 2 1 7 @ QUJD",
            "M1663 RRSIG of a.example.com. signs TXT, which is not there"
        ),
        (
            "ns RRSIG A 8 3 60 2 1 7 ns QUJD",
            "M1663 RRSIG of ns.example.com. is signed by another name than the zone's"
        ),
        (
            "a DNSKEY 256 3 8 QUJD",
            "M1663 DNSKEY of a.example.com. has no meaning: it is not the zone's own name"
        ),
        (
            "@ DNSKEY 0 3 8 QUJD",
            "M1663 a DNSKEY of example.com. is no key of a zone: bit 7 and protocol 3"
        ),
        (
            "a CDS 7 8 2 \(String(repeating: "ab", count: 32))",
            "M1663 CDS of a.example.com. has no meaning: it is not the zone's own name"
        ),
        (
            "@ CDS 0 0 0 00\n@ CDS 7 8 2 \(String(repeating: "ab", count: 32))",
            "M1663 CDS of example.com. ends the delegation, and says more than that"
        ),
        (
            "@ CDNSKEY 0 3 0 AA==\n@ CDNSKEY 257 3 8 QUJD",
            "M1663 CDNSKEY of example.com. ends the delegation, and says more than that"
        ),
        (
            "@ CDNSKEY 257 3 0 AA==",
            "M1663 CDNSKEY of example.com. ends the delegation, and says more than that"
        ),
        (
            "@ CDNSKEY 257 3 8 QUJD\n@ CDS 7 8 2 \(String(repeating: "ab", count: 32))",
            "M1663 CDS and CDNSKEY of example.com. are about different keys"
        ),
        (
            "@ CDNSKEY 257 3 8 QUJD\n@ CDS 0 0 0 00",
            "M1663 CDS and CDNSKEY of example.com. are about different keys"
        ),
        (
            "@ TXT \"v=spf1 -all\"\n@ TXT \"v=spf1\"",
            "M1664 example.com. has 2 SPF policies: receivers take none"
        ),
        (
            "@ SPF \"v=spf1 -all\"\n@ TXT \"v=spf10\"",
            "M1664 example.com. has a policy of type SPF, and none of type TXT that is read"
        ),
        (
            "@ MX 0 .\n@ MX 10 ns",
            "M1665 example.com. has the null MX and another one (RFC 7505 §3)"
        ),
        (
            "bad_host A 192.0.2.1",
            "M1666 A of bad_host.example.com.: names of hosts have letters, digits and inner "
                + "hyphens alone"
        ),
        (
            "-x AAAA 2001:db8::1",
            "M1666 AAAA of -x.example.com.: names of hosts have letters, digits and inner "
                + "hyphens alone"
        ),
        (
            "x-.y MX 10 ns",
            "M1666 MX of x-.y.example.com.: names of hosts have letters, digits and inner "
                + "hyphens alone"
        ),
        (
            "a.*.b TXT x",
            "M1667 the asterisk inside of a.*.b.example.com. stands for nothing but itself"
        ),
    ]

    @Test(arguments: faults.indices)
    func `content is checked`(index: Int) throws {
        let (text, problem) = ZoneTableBuilderTests.faults[index]
        let problems = try ZoneFixture.problems(["example.com": ZoneTableBuilderTests.head + text])
        #expect(problems == [problem])
    }

    // What looks like a fault and is none.
    static let fine = [
        "*.x-1.3com A 192.0.2.1\n_x TXT a\n_y CNAME ns",
        "@ MX 0 .", "_x._tcp SRV 0 0 0 .", "@ MX 10 mail.other.", "*.w A 192.0.2.1\n@ MX 10 x.w",
        "m ALIAS a.other.\n@ MX 10 m", "sub NS ns.other.\nsub DS 1 8 255 00",
        "sub NS ns.other.\n@ MX 10 mail.sub", "@ SPF \"v=spf1\"\n@ TXT \"v=spf1\"",
        "@ TXT \"v=spf1\"\n@ TXT \"v=spf1x\"", "@ DNSKEY 257 3 8 QUJD\n@ CDS 0 0 0 00",
        "@ CDNSKEY 0 3 0 AA==\n@ CDS 0 0 0 00",
        "@ CDNSKEY 257 3 8 QUJD\n@ CDS \(KeyTag.of([1, 1, 3, 8, 0x41, 0x42, 0x43].span)) 8 2 "
            + String(repeating: "ab", count: 32),
        "ns RRSIG A 8 3 60 2 1 7 EXAMPLE.com. QUJD", "1.2.3 A 192.0.2.1\n@ MX 1 1.2.3",
    ]

    @Test(arguments: fine)
    func `good content is not warned about`(text: String) throws {
        let zone = ZoneTableBuilderTests.head + text
        #expect(try ZoneFixture.problems(["example.com": zone]) == [])
    }

    @Test func `signatures hold for longer than what they are of is kept`() {
        for (seconds, isTold) in [(UInt32(59), true), (60, false)] {
            var builder = ZoneTableBuilder()
            let apex = DomainName("example.com") ?? .root
            builder.beginZone(apex, source: "z")
            builder.markSignedHere(holding: seconds)
            let text = ZoneTableBuilderTests.head
            builder.read(ZoneFileReader(Array(text.utf8), file: "z", origin: apex))
            let codes = builder.build().diagnostics.map(\.code)
            #expect(codes == (isTold ? [.shortSignatures] : []))
        }
    }

    @Test func `times of an SOA that do harm are told`() throws {
        let zone = "$TTL 1\n@ SOA ns h 1 2h 3 1h 1w\n@ NS ns\nns A 192.0.2.1\n"
        let problems = try ZoneFixture.problems(["example.com": zone])
        #expect(problems.map { $0.prefix(5) } == ["M1661", "M1661"])
        #expect(problems.first?.contains("after 3600 s (expire), before they look") == true)
    }

    @Test func `a finding without a line names its zone instead`() throws {
        var builder = ZoneTableBuilder()
        let apex = try #require(DomainName("made.test"))
        builder.beginZone(apex)
        let soa = StartOfAuthority(
            primary: apex,
            mailbox: apex,
            numbers: (1, 7200, 60, 3600, 60)
        )
        builder.add(.soa(soa), owner: apex, ttl: 60)
        let found = builder.build().diagnostics
        #expect(
            found.map(\.description) == [
                "warning M1651: zone made.test. has no NS records at its apex",
                "warning M1661: zone made.test.: secondaries give up after 3600 s (expire), before "
                    + "they look again after 7200 s (refresh)",
            ]
        )
        #expect(found.allSatisfy { $0.position == .none })
    }

    @Test func `names are counted zone by zone`() throws {
        let inner = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        let outer = inner + "a.b.c A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\n"
        let table = try ZoneFixture.table([("t.test", outer), ("sub.t.test", inner)])
        let counts = try ["t.test", "sub.t.test"].map { name in
            table.usableZone(try #require(DomainName(name))).flatMap { zone in
                table.nameCount(ofZone: zone)
            }
        }
        // The inner zone answers for its apex and what is below it.
        #expect(counts == [5, 2])
    }

    @Test func `a zone needs an SOA, and should have NS`() throws {
        let problems = try ZoneFixture.problems(["example.com": "$TTL 1\na A 192.0.2.1\n"])
        #expect(
            problems == [
                "M1602 zone example.com. has no SOA"
            ]
        )
        let lone = try ZoneFixture.problems(["example.com": "$TTL 1\n@ SOA a b 1 2 3 4 5\n"])
        #expect(lone == ["M1651 zone example.com. has no NS records at its apex"])
    }

    @Test func `errors of text and of content are reported together`() throws {
        let text = """
            $TTL 1
            @ NS ns
            ns A 1.2.3
            a CNAME b
            a A 192.0.2.1
            x.org. A 192.0.2.1
            sub NS ns.sub
            x.sub TXT y

            """
        let codes = try ZoneFixture.problems(["example.com": text]).map { $0.prefix(5) }
        let all = ["M1515", "M1601", "M1602", "M1603", "M1652", "M1653", "M1659"]
        #expect(codes.map { "\($0)" }.sorted() == all)
    }

    @Test func `the second SOA is told with its place`() {
        var builder = ZoneTableBuilder()
        let apex = DomainName("example.com") ?? .root
        builder.beginZone(apex, source: "z")
        let text = ZoneTableBuilderTests.head + "@ SOA ns h 9 2 3 4 5\n"
        builder.read(ZoneFileReader(Array(text.utf8), file: "z", origin: apex))
        #expect(
            builder.build().diagnostics.map { "\($0)" } == [
                "z:5:1: error M1602: zone example.com. has 2 SOA records"
            ]
        )
    }

    @Test func `a message repeats no octets that a terminal obeys`() {
        let fault = ZoneDiagnostic(.badField, file: "z", at: .none, "'\u{1b}[31m\u{9b}\u{7f}é\n'")
        #expect(fault.message == "'\\027[31m\\155\\127é\\010'")
    }

    @Test func `a zone is there once`() throws {
        let zone = ZoneTableBuilderTests.head
        let problems = try ZoneFixture.problems(["example.com": zone, "EXAMPLE.com": zone])
        #expect(problems == ["M1604 zone EXAMPLE.com. is there twice"])
    }

    @Test func `a record that is there twice is answered once`() throws {
        let zone = ZoneTableBuilderTests.head + "a A 192.0.2.1\na A 192.0.2.1\n"
        var fixture = try ZoneFixture(["example.com": zone])
        #expect(try fixture.ask("a.example.com").answers.count == 1)
    }

    @Test func `records can be added as values`() throws {
        let apex = try #require(DomainName("example.com"))
        let primary = try #require(DomainName("ns.example.com"))
        var builder = ZoneTableBuilder()
        builder.beginZone(apex)
        let soa = StartOfAuthority(
            primary: primary,
            mailbox: primary,
            numbers: (serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5)
        )
        builder.add(.soa(soa), owner: apex, ttl: 60)
        builder.add(.ns(primary), owner: apex, ttl: 60)
        let address = try #require(IPAddress("192.0.2.1"))
        builder.add(.address(address), owner: primary, ttl: 60)
        builder.add(.txt([Array("x".utf8)]), owner: primary, ttl: 60)
        let build = builder.build()
        let table = try #require(build.table)
        #expect(build.diagnostics == [])
        #expect(table.zoneCount == 1)
        #expect(table.nameCount == 2)
        #expect(table.setCount == 4)
    }

    @Test func `every name of a large zone is found, and no other`() throws {
        var text = ZoneTableBuilderTests.head
        for number in 0..<20_000 { text += "h\(number) A 10.0.\(number / 256).\(number % 256)\n" }
        var fixture = try ZoneFixture(["example.com": text])
        #expect(fixture.snapshot.zones.nameCount == 20_002)
        for number in stride(from: 0, to: 20_000, by: 37) {
            let message = try fixture.ask("h\(number).example.com")
            #expect(
                message.answers.map(\.data) == [[10, 0, UInt8(number / 256), UInt8(number % 256)]]
            )
            #expect(try fixture.ask("g\(number).example.com").code == .nameError)
        }
    }
}
