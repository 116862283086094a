// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

/// DNAME (RFC 6672).
@Suite struct RedirectionTests {
    static let long = String(repeating: "l", count: 63)

    static let zone = """
        $TTL 300
        @       SOA ns1 hostmaster 7 3600 600 86400 60
                NS  ns1
        ns1     A   192.0.2.53
        d  77   DNAME new
                TXT "its own"
        www.new A   192.0.2.1
        new     TXT "not redirected to"
        al.new  CNAME www.new
        sub.new NS  ns.sub.new
        ns.sub.new A 192.0.2.60
        away    DNAME elsewhere.org.
        other   DNAME d.example.net.
        to      CNAME www.d
        me      DNAME me
        more    DNAME x.more
        one     DNAME two
        two     DNAME one
        deep    DNAME \(long).\(long).\(long)
        root    DNAME .
        back    DNAME @
        """

    static let inner = """
        $TTL 60
        @       SOA ns.example.org. h.example.org. 1 2 3 4 5
                NS  ns.example.org.
        www.d   A   192.0.2.9
        cut.d   NS  ns.example.org.
        """

    static let soa =
        "au example.com. 60 SOA ns1.example.com. hostmaster.example.com. 7 3600 600 86400 60"
    static let dname = "an d.example.com. 77 DNAME new.example.com."

    static let table: [(String, RecordType, [String])] = [
        // RFC 6672 §2.3: the owner itself is not redirected.
        ("d.example.com", .DNAME, ["NOERROR aa", dname]),
        ("d.example.com", .TXT, ["NOERROR aa", #"an d.example.com. 300 TXT "its own""#]),
        ("d.example.com", .A, ["NOERROR aa", soa]),
        // §3.1: the CNAME has the TTL of the DNAME.
        (
            "www.d.example.com", .A,
            [
                "NOERROR aa", dname, "an www.d.example.com. 77 CNAME www.new.example.com.",
                "an www.new.example.com. 300 A 192.0.2.1",
            ]
        ),
        (
            "www.d.example.com", .CNAME,
            ["NOERROR aa", dname, "an www.d.example.com. 77 CNAME www.new.example.com."]
        ),
        (
            "www.d.example.com", .DNAME,
            ["NOERROR aa", dname, "an www.d.example.com. 77 CNAME www.new.example.com.", soa]
        ),
        (
            "al.d.example.com", .A,
            [
                "NOERROR aa", "an al.d.example.com. 77 CNAME al.new.example.com.",
                "an al.new.example.com. 300 CNAME www.new.example.com.", dname,
                "an www.new.example.com. 300 A 192.0.2.1",
            ]
        ),
        // RFC 6604 §3: the code is that of the last name.
        (
            "a.b.d.example.com", .A,
            [
                "NXDOMAIN aa", "an a.b.d.example.com. 77 CNAME a.b.new.example.com.", dname, soa,
            ]
        ),
        (
            "x.sub.d.example.com", .A,
            [
                "NOERROR aa", dname, "an x.sub.d.example.com. 77 CNAME x.sub.new.example.com.",
                "au sub.new.example.com. 300 NS ns.sub.new.example.com.",
                "ad ns.sub.new.example.com. 300 A 192.0.2.60",
            ]
        ),
        (
            "to.example.com", .A,
            [
                "NOERROR aa", dname, "an to.example.com. 300 CNAME www.d.example.com.",
                "an www.d.example.com. 77 CNAME www.new.example.com.",
                "an www.new.example.com. 300 A 192.0.2.1",
            ]
        ),
        (
            "x.away.example.com", .A,
            [
                "NOERROR aa", "an away.example.com. 300 DNAME elsewhere.org.",
                "an x.away.example.com. 300 CNAME x.elsewhere.org.",
            ]
        ),
        (
            "com.root.example.com", .A,
            [
                "NOERROR aa", "an com.root.example.com. 300 CNAME com.",
                "an root.example.com. 300 DNAME .",
            ]
        ),
        // Into another zone, and to a delegation there.
        (
            "www.other.example.com", .A,
            [
                "NOERROR aa", "an other.example.com. 300 DNAME d.example.net.",
                "an www.d.example.net. 60 A 192.0.2.9",
                "an www.other.example.com. 300 CNAME www.d.example.net.",
            ]
        ),
        (
            "q.cut.other.example.com", .A,
            [
                "NOERROR aa", "an other.example.com. 300 DNAME d.example.net.",
                "an q.cut.other.example.com. 300 CNAME q.cut.d.example.net.",
                "au cut.d.example.net. 60 NS ns.example.org.",
            ]
        ),
        // One that leads to its own owner is there once, whatever is asked for there.
        (
            "back.back.example.com", .DNAME,
            [
                "NOERROR aa", "an back.back.example.com. 300 CNAME back.example.com.",
                "an back.example.com. 300 DNAME example.com.",
            ]
        ),
        (
            "back.back.example.com", .A,
            [
                "NOERROR aa", "an back.back.example.com. 300 CNAME back.example.com.",
                "an back.example.com. 300 DNAME example.com.", soa,
            ]
        ),
        // Loops end, and each DNAME is there once.
        (
            "x.me.example.com", .A,
            [
                "NOERROR aa", "an me.example.com. 300 DNAME me.example.com.",
                "an x.me.example.com. 300 CNAME x.me.example.com.",
            ]
        ),
        (
            "x.one.example.com", .A,
            [
                "NOERROR aa", "an one.example.com. 300 DNAME two.example.com.",
                "an two.example.com. 300 DNAME one.example.com.",
                "an x.one.example.com. 300 CNAME x.two.example.com.",
                "an x.two.example.com. 300 CNAME x.one.example.com.",
            ]
        ),
    ]

    @Test(arguments: table)
    func `names below a DNAME are redirected`(
        _ name: String,
        _ type: RecordType,
        _ expected: [String]
    ) throws {
        var fixture = try ZoneFixture([
            "example.com": RedirectionTests.zone, "example.net": RedirectionTests.inner,
        ])
        #expect(try fixture.lines(name, type) == expected)
    }

    @Test func `a name that becomes too long is YXDOMAIN`() throws {
        var fixture = try ZoneFixture(["example.com": RedirectionTests.zone])
        // 3 labels of 64 octets, example.com. of 13: 205; 50 octets are left.
        let fits = String(repeating: "a", count: 49)
        #expect(try fixture.ask("\(fits).deep.example.com").code == .nameError)
        let answer = try fixture.ask("a\(fits).deep.example.com")
        #expect(answer.code == .nameExists)
        #expect(answer.isAuthoritative)
        #expect(answer.answers.map(\.type) == [.DNAME])
    }

    @Test func `a DNAME that leads below itself ends with the limit of chains`() throws {
        var fixture = try ZoneFixture(["example.com": RedirectionTests.zone])
        let answer = try fixture.ask("a.more.example.com", edns: 4096)
        #expect(answer.code == .noError)
        #expect(answer.answers.count { $0.type == .CNAME } == Authority.chainLimit)
        #expect(answer.answers.count { $0.type == .DNAME } == 1)
    }

    @Test func `a DNAME at an apex redirects all of the zone but the apex`() throws {
        let text = """
            $TTL 60
            @ SOA ns.example.org. h.example.org. 1 2 3 4 5
              NS ns.example.org.
              DNAME example.org.
              MX 10 mail.example.org.
            """
        var fixture = try ZoneFixture(["example.com": text])
        #expect(
            try fixture.lines("a.b.example.com") == [
                "NOERROR aa", "an a.b.example.com. 60 CNAME a.b.example.org.",
                "an example.com. 60 DNAME example.org.",
            ]
        )
        #expect(try fixture.ask("example.com", .MX).answers.map(\.type) == [.MX])
        #expect(try fixture.ask("example.com", .NS).answers.map(\.type) == [.NS])
    }

    @Test func `without room for the DNAME or its CNAME there is TC`() throws {
        var fixture = try ZoneFixture(["example.com": RedirectionTests.zone])
        let whole = ZoneFixture.query("www.d.example.com")
        for limit in 12...200 {
            let bytes = fixture.respond(whole, capacity: limit)
            guard let message = DNSMessage(bytes) else {
                #expect(limit < whole.count)
                continue
            }
            #expect(message.isTruncated || message.answers.count == 3)
        }
    }

    @Test func `what may not stand with a DNAME is refused, and what it hides is told`() throws {
        let hidden = "is never answered: it lies below"
        let start = "$TTL 1\n@ SOA a. b. 1 2 3 4 5\n NS a.\n"
        let cases: [(String, [String])] = [
            ("d DNAME a.\nd DNAME b.", ["M1611 d.x. has two DNAMEs"]),
            ("d DNAME a.\nd CNAME b.", ["M1603 d.x. has a CNAME and other data"]),
            (
                "d DNAME a.\nd NS b.",
                ["M1611 d.x. has a DNAME and is delegated: only an apex may have both"]
            ),
            ("d DNAME a.\nb.d A 192.0.2.1", ["M1653 b.d.x. \(hidden) d.x., which has a DNAME"]),
            ("a.b.d A 192.0.2.1\nd DNAME a.", ["M1653 b.d.x. \(hidden) d.x., which has a DNAME"]),
            ("*.d A 192.0.2.1\nd DNAME a.", ["M1653 *.d.x. \(hidden) d.x., which has a DNAME"]),
            ("@ DNAME a.\nd A 192.0.2.1", ["M1653 d.x. \(hidden) x., which has a DNAME"]),
            ("*.d DNAME a.", ["M1611 DNAME at a wildcard redirects nothing (RFC 4592 §4.4)"]),
            (
                "d DNAME a.\nb.d ALIAS b.",
                [
                    "M1653 b.d.x. \(hidden) d.x., which has a DNAME",
                    "M1611 b.d.x. is steered or an ALIAS, and lies below a DNAME",
                ]
            ),
            ("d DNAME a.\nd DNAME A.", ["M1660 d.x. has the same DNAME record twice; one is kept"]),
            (
                "c NS a.\nd.c DNAME a.",
                ["M1653 DNAME of d.c.x. is never answered: c.x. is delegated"]
            ),
            ("d DNAME a.\n@ MX 1 m.d", ["M1654 MX leads to m.d.x., which is an alias"]),
        ]
        for (text, expected) in cases {
            #expect(try ZoneFixture.problems(["x": start + text]) == expected)
        }
    }

    @Test func `names below a DNAME are the zone's, and never answered`() throws {
        let plain = "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nd DNAME t\n"
        let extra =
            "x.d A 192.0.2.9\n*.d TXT wild\ny.x.d NS n.d\nn.d A 192.0.2.8\nz.d DNAME ns\n"
            + "al ALIAS x.d\n@ MX 1 x.d\nx.t A 192.0.2.7\n"
        var (with, without) = (
            try ZoneFixture(["example.com": plain + extra]),
            try ZoneFixture(["example.com": plain + "al ALIAS x.d\n@ MX 1 x.d\nx.t A 192.0.2.7\n"])
        )
        for name in ["x.d", "d", "q.d", "y.x.d", "a.y.x.d", "n.d", "z.d", "a.z.d", "*.d", "al"] {
            for type in [RecordType.A, .TXT, .NS, .DNAME, .ANY, .DS] {
                let full = name + ".example.com"
                #expect(try with.lines(full, type) == without.lines(full, type), "\(full) \(type)")
            }
        }
        #expect(try with.lines("al.example.com").contains("an al.example.com. 5 A 192.0.2.7"))
        #expect(try with.lines("example.com", .MX) == without.lines("example.com", .MX))
        // It is there all the same, for secondaries and for changes.
        let tests = TransferTests()
        let text = plain + extra.replacing("al ALIAS x.d\n", with: "")
        var fixture = try DoorFixture.make(tests.snapshot(["example.com": text]))
        let sent = TransferTests.lines(
            try tests.take(&fixture, TransferTests.request("example.com"))
        )
        for owner in ["x.d", "*.d", "y.x.d", "n.d", "z.d"] {
            #expect(sent.count { $0.hasPrefix("\(owner).example.com. ") } == 1, "\(owner)")
        }
        let apex = try #require(DomainName("example.com"))
        let table = try ZoneFixture.table([("example.com", text)])
        #expect(
            table.contents(ofZone: try #require(table.usableZone(apex))).count == sent.count - 1
        )
    }

    @Test func `an ALIAS goes on at a DNAME`() throws {
        let text = "al ALIAS www.d\n"
        var fixture = try ZoneFixture(["example.com": RedirectionTests.zone + "\n" + text])
        #expect(
            try fixture.lines("al.example.com") == [
                "NOERROR aa", "an al.example.com. 77 A 192.0.2.1",
            ]
        )
    }

    @Test func `a table gives its DNAMEs back`() throws {
        let fixture = try ZoneFixture(["example.com": RedirectionTests.zone])
        let apex = try #require(DomainName("example.com"))
        let zone = try #require(fixture.snapshot.zones.usableZone(apex))
        let found = fixture.snapshot.zones.contents(ofZone: zone).filter {
            if case .record(let record) = $0 { record.type == .DNAME } else { false }
        }
        #expect(found.count == 10)
    }
}
