// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// Addresses that go along with NS, MX and SRV (RFC 1034 §4.3.2 step 6).
@Suite struct AdditionalTests {
    static let zone = """
        $TTL 300
        @       SOA ns1 hostmaster 7 3600 600 86400 60
                NS  ns1
                NS  ns.sub
                NS  ns.example.net.
                MX  10 mail
                MX  20 mail
                MX  30 mx.alias
        ns1     A   192.0.2.53
        mail    A   192.0.2.25
                A   192.0.2.26
                AAAA 2001:db8::25
        mx.alias CNAME mail
        _s._tcp SRV 1 2 443 mail
                SRV 1 2 444 ns1
        *.w     MX  10 mail
        any     MX  1 x.hosts
        *.hosts A   192.0.2.77
        to      CNAME example.com.
        deep.to.nothing MX 1 host.sub
        far     MX  1 mail.elsewhere.org.
        null    MX  0 .
        moving  MX  1 www
        sub     NS  ns.sub
        ns.sub  A   192.0.2.60
        host.sub A  192.0.2.61
        """

    static let mail = [
        "ad mail.example.com. 300 A 192.0.2.25", "ad mail.example.com. 300 A 192.0.2.26",
        "ad mail.example.com. 300 AAAA 2001:db8::25",
    ]
    static let server = "ad ns1.example.com. 300 A 192.0.2.53"

    static let table: [(String, RecordType, [String])] = [
        ("example.com", .MX, mail), ("x.w.example.com", .MX, mail), ("to.example.com", .MX, mail),
        ("example.com", .NS, ["ad ns.sub.example.com. 300 A 192.0.2.60", server]),
        ("_s._tcp.example.com", .SRV, mail + [server]),
        ("deep.to.nothing.example.com", .MX, ["ad host.sub.example.com. 300 A 192.0.2.61"]),
        ("any.example.com", .MX, ["ad x.hosts.example.com. 300 A 192.0.2.77"]),
        ("far.example.com", .MX, []),
        ("null.example.com", .MX, []), ("example.com", .TXT, []), ("mail.example.com", .A, []),
    ]

    @Test(arguments: table.indices)
    func `addresses of the zone go along with those who name them`(index: Int) throws {
        let (name, type, expected) = AdditionalTests.table[index]
        for isStream in [false, true] {
            var fixture = try ZoneFixture(["example.com": AdditionalTests.zone])
            fixture.context.isStream = isStream
            let lines = try fixture.lines(name, type)
            #expect(lines.first == "NOERROR aa")
            #expect(lines.filter { $0.hasPrefix("ad") } == expected, "\(name) \(type)")
        }
    }

    // RFC 1035 §3.3.3 to §3.3.6: MB, MD and MF name hosts, MG does not.
    @Test func `older types for mail bring addresses along too`() throws {
        let more = "\nbox MB mail\nbox MD ns1\nbox MF mail\nbox MG mail\n"
        var fixture = try ZoneFixture(["example.com": AdditionalTests.zone + more])
        for (type, expected) in [
            (7, AdditionalTests.mail), (3, [AdditionalTests.server]), (4, AdditionalTests.mail),
            (8, []),
        ] as [(UInt16, [String])] {
            let lines = try fixture.lines("box.example.com", RecordType(type))
            #expect(lines.contains { $0.hasPrefix("an") })
            #expect(lines.filter { $0.hasPrefix("ad") } == expected, "\(type)")
        }
    }

    @Test func `what a policy chooses does not go along`() throws {
        let zone = AdditionalTests.zone
        var fixture = try ZoneFixture(["example.com": zone], steered: [("www.example.com", 0)])
        #expect(try fixture.ask("moving.example.com", .MX).additionals == [])
        // RFC 9460 §4.4: it may be for other networks than that of the client subnet.
        let services = zone + "\nfront HTTPS 0 www\nwww HTTPS 1 . port=443\nstill HTTPS 0 mail\n"
        var other = try ZoneFixture(["example.com": services], steered: [("www.example.com", 0)])
        #expect(try other.ask("front.example.com", .HTTPS).additionals == [])
        #expect(try other.ask("still.example.com", .HTTPS).additionals.count == 3)
    }

    @Test func `RFC 2181 section 9 addresses without room are left out, and nothing is said`()
        throws
    {
        let many = (0..<20).map { "h AAAA 2001:db8::\($0)\nh A 192.0.2.\($0)\n" }.joined()
        let text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS h\n@ MX 1 h\nbig MX 1 g\n\(many)"
        var fixture = try ZoneFixture(["example.com": text + "g A 192.0.2.99\n"])
        let small = try fixture.ask("example.com", .MX, edns: nil)
        #expect(small.answers.count == 1)
        #expect(!small.isTruncated)
        #expect(Set(small.additionals.map(\.type)) == [.A], "a set goes whole or not at all")
        #expect(try fixture.ask("example.com", .MX, edns: 4096).additionals.count == 40)
    }
}
