// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// SVCB and HTTPS as they are answered, and what goes along with them (RFC 9460 §4.1).
@Suite struct ServiceTests {
    static let zone = """
        $TTL 300
        @       SOA ns1 hostmaster 7 3600 600 86400 60
                NS  ns1
                HTTPS 0 www
        ns1     A   192.0.2.53
        www     HTTPS 1 . alpn=h2,h3
                HTTPS 2 far.example.net. port=8443
                A   192.0.2.80
                AAAA 2001:db8::80
        svc     HTTPS 1 www alpn=h2
                HTTPS 2 WWW port=8443
                HTTPS 3 ns1
                HTTPS 4 svc
                A   192.0.2.81
        *.w     HTTPS 1 . alpn=h2
                A   192.0.2.90
        _dns.ns1 SVCB 1 ns1 alpn=dot,h2 key7=/q{?dns}
        chain   HTTPS 0 svc
                SVCB 0 svc
        gone    HTTPS 0 .
        bare    HTTPS 1 . alpn=h2
        outside HTTPS 0 www.example.net.
        to      CNAME www
        sub     NS  ns.sub
        ns.sub  A   192.0.2.60
                HTTPS 1 .
        below   HTTPS 0 ns.sub
        nothing HTTPS 0 no.such.name
        covered HTTPS 0 x.w
        """

    static let www = [
        "ad www.example.com. 300 A 192.0.2.80", "ad www.example.com. 300 AAAA 2001:db8::80",
    ]
    static let server = "ad ns1.example.com. 300 A 192.0.2.53"

    static let table: [(String, RecordType, [String])] = [
        ("www.example.com", .HTTPS, www), ("to.example.com", .HTTPS, www),
        (
            "example.com", .HTTPS,
            www + [
                #"ad www.example.com. 300 HTTPS 1 . alpn="h2,h3""#,
                "ad www.example.com. 300 HTTPS 2 far.example.net. port=8443",
            ]
        ),
        ("svc.example.com", .HTTPS, [server, "ad svc.example.com. 300 A 192.0.2.81"] + www),
        ("a.b.w.example.com", .HTTPS, ["ad a.b.w.example.com. 300 A 192.0.2.90"]),
        ("_dns.ns1.example.com", .SVCB, [server]),
        (
            "chain.example.com", .HTTPS,
            [
                "ad svc.example.com. 300 A 192.0.2.81",
                #"ad svc.example.com. 300 HTTPS 1 www.example.com. alpn="h2""#,
                "ad svc.example.com. 300 HTTPS 2 WWW.example.com. port=8443",
                "ad svc.example.com. 300 HTTPS 3 ns1.example.com.",
                "ad svc.example.com. 300 HTTPS 4 svc.example.com.",
            ]
        ),
        // Of the type that was asked for only.
        ("chain.example.com", .SVCB, ["ad svc.example.com. 300 A 192.0.2.81"]),
        ("gone.example.com", .HTTPS, []), ("bare.example.com", .HTTPS, []),
        ("outside.example.com", .HTTPS, []), ("nothing.example.com", .HTTPS, []),
        // What lies below a delegation is not ours to tell, but for its addresses.
        ("below.example.com", .HTTPS, ["ad ns.sub.example.com. 300 A 192.0.2.60"]),
        (
            "covered.example.com", .HTTPS,
            [
                "ad x.w.example.com. 300 A 192.0.2.90",
                #"ad x.w.example.com. 300 HTTPS 1 . alpn="h2""#,
            ]
        ),
        ("www.example.com", .SVCB, []), ("www.example.com", .A, []),
    ]

    @Test(arguments: table.indices)
    func `what a service names goes along with it`(index: Int) throws {
        let (name, type, expected) = ServiceTests.table[index]
        for isStream in [false, true] {
            var fixture = try ZoneFixture(["example.com": ServiceTests.zone])
            fixture.context.isStream = isStream
            let lines = try fixture.lines(name, type)
            #expect(lines.first == "NOERROR aa")
            #expect(lines.filter { $0.hasPrefix("ad") } == expected, "\(name) \(type)")
        }
    }

    @Test func `the target is never compressed`() throws {
        var fixture = try ZoneFixture(["example.com": ServiceTests.zone])
        let answer = try fixture.ask("svc.example.com", .HTTPS)
        let target = try #require(DomainName("www.example.com")).wire
        let data: [UInt8] = [0, 1] + target + [0, 1, 0, 3, 2, 0x68, 0x32]
        #expect(answer.answers.first?.data == data)
        let bytes = fixture.respond(ZoneFixture.query("svc.example.com", .HTTPS, edns: 1232))
        let isWhole = bytes.indices.contains { bytes[$0...].starts(with: data) }
        #expect(isWhole)
    }

    @Test func `without room what goes along is left out, and nothing is said`() throws {
        let many = (0..<60).map { "www AAAA 2001:db8::\($0)\n" }.joined()
        let text =
            "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\n@ HTTPS 0 www\nwww HTTPS 1 . port=1\n\(many)"
        var fixture = try ZoneFixture(["example.com": text])
        let small = try fixture.ask("example.com", .HTTPS, edns: nil)
        #expect(small.answers.count == 1)
        #expect(!small.isTruncated)
        #expect(small.additionals.map(\.type) == [.HTTPS], "a set goes whole or not at all")
        #expect(try fixture.ask("example.com", .HTTPS, edns: 1232).additionals.count == 1)
        fixture.context.isStream = true
        #expect(try fixture.ask("example.com", .HTTPS).additionals.count == 61)
    }

    static let faults: [(String, [String])] = [
        ("a HTTPS 0 a", ["M1610 the HTTPS record of a.example.com. is an alias of itself"]),
        (
            "a SVCB 0 A.Example.COM.",
            ["M1610 the SVCB record of a.example.com. is an alias of itself"]
        ),
        ("@ HTTPS 0 @", ["M1610 the HTTPS record of example.com. is an alias of itself"]),
        (
            "a HTTPS 0 b\na HTTPS 1 .",
            ["M1655 HTTPS of a.example.com. is an alias (priority 0): its services are ignored"]
        ),
        (
            "a HTTPS 0 b\na HTTPS 0 c",
            ["M1656 HTTPS of a.example.com. has several aliases: clients take any of them"]
        ),
        (
            "a HTTPS 0 b alpn=h2",
            ["M1657 the HTTPS record of a.example.com. is an alias: its parameters are ignored"]
        ),
        ("a HTTPS 1 a\na HTTPS 2 .\na SVCB 0 b\na HTTPS 3 b alpn=h2", []),
        ("a HTTPS 0 .", []),
        ("a CNAME b\na HTTPS 1 .", ["M1603 a.example.com. has a CNAME and other data"]),
    ]

    @Test(arguments: faults.indices)
    func `sets of services are checked`(index: Int) throws {
        let (text, expected) = ServiceTests.faults[index]
        let zone = ZoneTableBuilderTests.head + text
        #expect(try ZoneFixture.problems(["example.com": zone]) == expected, "\(text)")
    }

    @Test func `explain shows services as zone files have them`() throws {
        let fixture = try ZoneFixture(["example.com": ServiceTests.zone])
        let explanation = fixture.snapshot.explain(
            name: try #require(DomainName("www.example.com")),
            type: .HTTPS,
            now: .start,
            seed: 1
        )
        #expect(explanation.answers.first == #"www.example.com. 300 IN HTTPS 1 . alpn="h2,h3""#)
        #expect(explanation.additionals.count == 2)
    }
}
