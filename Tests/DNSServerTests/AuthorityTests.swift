// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

@Suite struct AuthorityTests {
    static let zone = """
        $TTL 300
        @       SOA ns1 hostmaster 7 3600 600 86400 60
                NS  ns1
                NS  ns.example.net.
                MX  10 mail
                TXT "hello" "world"
                CAA 0 issue "ca.example.net"
        ns1     A   192.0.2.53
        mail    A   192.0.2.25
                AAAA 2001:db8::25
        www     A   192.0.2.1
                A   192.0.2.2
                A   192.0.2.3
        alias   CNAME www
        far     CNAME www.elsewhere.org.
        dangle  CNAME missing
        loop1   CNAME loop2
        loop2   CNAME loop1
        a.b.c   A   192.0.2.4
        *.w     A   192.0.2.5
                MX  10 mail
        *.wc    CNAME www
        *.wself CNAME x.wself
        sub     NS  ns.sub
                NS  ns1
                NS  ns.other.org.
        ns.sub  A   192.0.2.60
                AAAA 2001:db8::60
        deep.sub A  192.0.2.61
        tosub   CNAME host.sub
        sub2    NS  ns.elsewhere.org.
        sub2    DS  1 8 255 01020304
        _s._tcp SRV 1 2 443 www
        """

    static let soa =
        "au example.com. 60 SOA ns1.example.com. hostmaster.example.com. 7 3600 600 86400 60"
    static let mail = [
        "ad mail.example.com. 300 A 192.0.2.25", "ad mail.example.com. 300 AAAA 2001:db8::25",
    ]
    static let referral = [
        "NOERROR",
        "au sub.example.com. 300 NS ns.other.org.",
        "au sub.example.com. 300 NS ns.sub.example.com.",
        "au sub.example.com. 300 NS ns1.example.com.",
        "ad ns.sub.example.com. 300 A 192.0.2.60",
        "ad ns.sub.example.com. 300 AAAA 2001:db8::60",
        "ad ns1.example.com. 300 A 192.0.2.53",
    ]

    static let table: [(String, RecordType, [String])] = [
        ("mail.example.com", .A, ["NOERROR aa", "an mail.example.com. 300 A 192.0.2.25"]),
        ("mail.example.com", .AAAA, ["NOERROR aa", "an mail.example.com. 300 AAAA 2001:db8::25"]),
        ("mail.example.com", .MX, ["NOERROR aa", soa]),
        ("example.com", .MX, ["NOERROR aa", "an example.com. 300 MX 10 mail.example.com."] + mail),
        ("example.com", .TXT, ["NOERROR aa", #"an example.com. 300 TXT "hello" "world""#]),
        (
            "example.com", .CAA,
            ["NOERROR aa", #"an example.com. 300 CAA 0 issue "ca.example.net""#]
        ),
        (
            "example.com", .NS,
            [
                "NOERROR aa", "an example.com. 300 NS ns.example.net.",
                "an example.com. 300 NS ns1.example.com.",
                "ad ns1.example.com. 300 A 192.0.2.53",
            ]
        ),
        (
            "example.com", .SOA,
            [
                "NOERROR aa",
                soa.replacing("au example.com. 60", with: "an example.com. 300"),
            ]
        ),
        (
            "_s._tcp.example.com", .SRV,
            [
                "NOERROR aa", "an _s._tcp.example.com. 300 SRV 1 2 443 www.example.com.",
                "ad www.example.com. 300 A 192.0.2.1", "ad www.example.com. 300 A 192.0.2.2",
                "ad www.example.com. 300 A 192.0.2.3",
            ]
        ),
        // Negative answers.
        ("nothing.example.com", .A, ["NXDOMAIN aa", soa]),
        ("x.nothing.example.com", .A, ["NXDOMAIN aa", soa]),
        ("x.www.example.com", .A, ["NXDOMAIN aa", soa]),
        ("b.c.example.com", .A, ["NOERROR aa", soa]),  // an empty non-terminal
        ("c.example.com", .A, ["NOERROR aa", soa]),
        ("_tcp.example.com", .SRV, ["NOERROR aa", soa]),
        ("a.b.c.example.com", .A, ["NOERROR aa", "an a.b.c.example.com. 300 A 192.0.2.4"]),
        // Aliases.
        (
            "alias.example.com", .CNAME,
            [
                "NOERROR aa", "an alias.example.com. 300 CNAME www.example.com.",
            ]
        ),
        (
            "far.example.com", .A,
            [
                "NOERROR aa", "an far.example.com. 300 CNAME www.elsewhere.org.",
            ]
        ),
        (
            "dangle.example.com", .A,
            [
                "NXDOMAIN aa", "an dangle.example.com. 300 CNAME missing.example.com.", soa,
            ]
        ),
        (
            "alias.example.com", .MX,
            [
                "NOERROR aa", "an alias.example.com. 300 CNAME www.example.com.", soa,
            ]
        ),
        (
            "loop1.example.com", .A,
            [
                "NOERROR aa", "an loop1.example.com. 300 CNAME loop2.example.com.",
                "an loop2.example.com. 300 CNAME loop1.example.com.",
            ]
        ),
        (
            "tosub.example.com", .A,
            [
                "NOERROR aa", "an tosub.example.com. 300 CNAME host.sub.example.com.",
            ] + referral.dropFirst()
        ),
        // Wildcards.
        ("x.w.example.com", .A, ["NOERROR aa", "an x.w.example.com. 300 A 192.0.2.5"]),
        (
            "x.y.w.example.com", .MX,
            [
                "NOERROR aa", "an x.y.w.example.com. 300 MX 10 mail.example.com.",
            ] + mail
        ),
        ("x.w.example.com", .TXT, ["NOERROR aa", soa]),
        ("w.example.com", .A, ["NOERROR aa", soa]),
        ("*.w.example.com", .A, ["NOERROR aa", "an *.w.example.com. 300 A 192.0.2.5"]),
        (
            "x.wself.example.com", .A,
            [
                "NOERROR aa", "an x.wself.example.com. 300 CNAME x.wself.example.com.",
            ]
        ),
        // Delegations.
        ("sub.example.com", .A, referral),
        ("sub.example.com", .NS, referral),
        ("deep.sub.example.com", .A, referral),
        ("ns.sub.example.com", .A, referral),
        ("a.b.c.sub.example.com", .MX, referral),
        ("sub.example.com", .DS, ["NOERROR aa", soa]),
        ("x.sub.example.com", .DS, referral),
        (
            "sub2.example.com", .DS,
            ["NOERROR aa", ##"an sub2.example.com. 300 DS 1 8 255 01020304"##]
        ),
        ("sub2.example.com", .A, ["NOERROR", "au sub2.example.com. 300 NS ns.elsewhere.org."]),
        // Elsewhere.
        ("example.org", .A, ["REFUSED"]),
        ("com", .A, ["REFUSED"]),
        (".", .NS, ["REFUSED"]),
        ("badexample.com", .A, ["REFUSED"]),
        // What is not answered.
        ("example.com", .AXFR, ["REFUSED"]),
        // Over UDP, the serial alone (RFC 1995 §2).
        (
            "example.com", .IXFR,
            [
                "NOERROR aa",
                "an example.com. 300 SOA ns1.example.com. hostmaster.example.com. 7 3600 600 86400 60",
            ]
        ),
        ("example.com", .OPT, ["FORMERR"]),
        ("example.com", .TSIG, ["FORMERR"]),
        ("example.com", RecordType(128), ["FORMERR"]),
        ("example.com", RecordType(0), ["FORMERR"]),
        ("example.com", RecordType(249), ["NOTIMP"]),
        ("example.com", RecordType(65_535), ["NOERROR aa", soa]),
        (
            "www.example.com", .ANY,
            [
                "NOERROR aa", #"an www.example.com. 3600 HINFO "RFC8482" """#,
            ]
        ),
        (
            "alias.example.com", .ANY,
            [
                "NOERROR aa", "an alias.example.com. 300 CNAME www.example.com.",
            ]
        ),
        ("c.example.com", .ANY, ["NOERROR aa", soa]),
        ("nothing.example.com", .ANY, ["NXDOMAIN aa", soa]),
    ]

    @Test(arguments: table.indices)
    func `answers follow the algorithm of RFC 1034`(index: Int) throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        let (name, type, expected) = AuthorityTests.table[index]
        #expect(try fixture.lines(name, type) == expected, "\(name) \(type)")
        // And with another case of the name, which comes back as it was sent.
        let upper = try fixture.lines(name.uppercased(), type).map { $0.lowercased() }
        #expect(
            upper.sorted() == expected.map { $0.lowercased() }.sorted(),
            "\(name) \(type) in capitals"
        )
    }

    @Test func `MAILB and MAILA are answered with what there is of those types`() throws {
        let text =
            "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nbox MB host\nbox MG you\nbox MR he\nbox MX 1 m\n"
            + "box TXT t\nagent MX 1 m\nagent MX 2 n\nagent MF m\nagent A 192.0.2.1\nal CNAME agent\n"
        var fixture = try ZoneFixture(["example.com": text])
        func types(_ name: String, _ number: UInt16) throws -> [RecordType] {
            try fixture.ask(name + ".example.com", RecordType(number)).answers.map(\.type)
        }
        #expect(try types("box", 253).map(\.rawValue) == [7, 8, 9])
        #expect(try types("box", 254) == [.MX])
        #expect(try types("agent", 253) == [])
        #expect(try types("agent", 254).map(\.rawValue) == [4, 15, 15])
        #expect(try types("al", 254).map(\.rawValue) == [5, 4, 15, 15])
        let none = try fixture.ask("agent.example.com", RecordType(253))
        #expect(none.code == .noError && none.authorities.map(\.type) == [.SOA])
        #expect(try fixture.ask("nobody.example.com", RecordType(254)).code == .nameError)
    }

    @Test func `an alias brings the target's records, the alias first`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        for name in ["alias.example.com", "x.wc.example.com"] {
            let message = try fixture.ask(name)
            #expect(message.answers.map(\.type) == [.CNAME, .A, .A, .A])
            #expect(message.answers.first?.owner == DomainName(name))
            #expect(
                message.answers.dropFirst().allSatisfy { $0.owner == DomainName("www.example.com") }
            )
        }
    }

    @Test func `address sets are turned from answer to answer`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        var firsts: [UInt8: Int] = [:]
        for _ in 0..<3000 {
            let answers = try fixture.ask("www.example.com").answers
            #expect(Set(answers.map(\.data)).count == 3)
            firsts[answers[0].data[3], default: 0] += 1
        }
        #expect(firsts.count == 3)
        #expect(firsts.values.allSatisfy { (900...1100).contains($0) }, "\(firsts)")
    }

    @Test func `other classes are refused`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        #expect(try fixture.ask("version.bind", .TXT, class: 3).code == .refused)
        #expect(try fixture.ask("example.com", .A, class: 4).code == .refused)
        #expect(try fixture.ask("example.com", .AXFR, class: 255).code == .refused)
        #expect(try fixture.ask("elsewhere.test", .A, class: 255).code == .refused)
    }

    @Test func `any class is answered from the one there is, and never with authority`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        for (name, type) in [
            ("mail.example.com", RecordType.A), ("no.example.com", .A), ("example.com", .SOA),
            ("mail.example.com", .PTR), ("x.sub.example.com", .A),
        ] {
            let one = try fixture.ask(name, type)
            let any = try fixture.ask(name, type, class: 255)
            #expect(any.questions.first?.recordClass == 255)
            #expect(any.code == one.code && any.answers == one.answers, "\(name) \(type)")
            #expect(any.authorities == one.authorities && any.additionals == one.additionals)
            #expect(any.answers.allSatisfy { $0.recordClass == 1 })
            #expect(!any.isAuthoritative, "RFC 1034 §3.7.1")
        }
    }

    @Test func `refusals repeat the id, the opcode and RD`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        var query = ZoneFixture.query("example.com")
        query[2] = 0x29  // UPDATE, RD
        let response = fixture.respond(query)
        #expect(response == [0xab, 0xcd, 0xa9, 4, 0, 0, 0, 0, 0, 0, 0, 0])
        let cut = Array(ZoneFixture.query("example.com").dropLast())
        #expect(fixture.respond(cut) == [0xab, 0xcd, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(fixture.respond([0xab, 0xcd, 0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0]) == [])
        #expect(fixture.respond([1, 2, 3]) == [])
    }

    @Test func `EDNS comes back with our size, DO and version 0`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        var query = ZoneFixture.query("mail.example.com", edns: 4096)
        query[query.count - 4] = 0x80
        let option = try #require(DNSMessage(fixture.respond(query))?.option)
        #expect(option.owner.isRoot)
        #expect(option.recordClass == 1232)
        #expect(option.ttl == 0x8000)
        #expect(option.data == [])
        query[query.count - 5] = 7
        let message = try #require(DNSMessage(fixture.respond(query)))
        #expect(message.code == .badVersion)
        #expect(message.flags & 15 == 0)
        #expect(message.answers == [])
    }

    @Test func `a signature without its parts breaks the format`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        var query = ZoneFixture.query("mail.example.com")
        query[11] = 1
        query += [1, 107, 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0]
        #expect(DNSMessage(fixture.respond(query))?.code == .formatError)
    }

    @Test func `the deepest zone answers, and DS belongs to the outer one`() throws {
        let inner = """
            $TTL 60
            @ SOA ns h 1 2 3 4 5
            @ NS ns
            ns A 192.0.2.70
            www A 192.0.2.71
            back CNAME mail.example.com.
            """
        let outer = AuthorityTests.zone + "\nsub DS 1 8 255 0a0b0c0d\ninto CNAME www.sub\n"
        var fixture = try ZoneFixture(["example.com": outer, "sub.example.com": inner])
        #expect(
            try fixture.lines("www.sub.example.com")
                == ["NOERROR aa", "an www.sub.example.com. 60 A 192.0.2.71"]
        )
        #expect(try fixture.lines("deep.sub.example.com").first == "NXDOMAIN aa")
        #expect(
            try fixture.lines("sub.example.com", .DS)
                == ["NOERROR aa", ##"an sub.example.com. 300 DS 1 8 255 0a0b0c0d"##]
        )
        #expect(
            try fixture.lines("into.example.com")
                == [
                    "NOERROR aa", "an into.example.com. 300 CNAME www.sub.example.com.",
                    "an www.sub.example.com. 60 A 192.0.2.71",
                ]
        )
        #expect(
            try fixture.lines("back.sub.example.com")
                == [
                    "NOERROR aa", "an back.sub.example.com. 60 CNAME mail.example.com.",
                    "an mail.example.com. 300 A 192.0.2.25",
                ]
        )
        // NODATA at the end of a chain into the inner zone carries the inner SOA.
        #expect(
            try fixture.lines("into.example.com", .MX).last
                == "au sub.example.com. 5 SOA ns.sub.example.com. h.sub.example.com. 1 2 3 4 5"
        )
        #expect(
            try fixture.lines("back.sub.example.com", .MX).last == AuthorityTests.soa
        )
    }

    @Test func `DS at an inner apex without one is denied by the outer zone`() throws {
        let inner = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns.example.net.\n"
        var fixture = try ZoneFixture([
            "example.com": AuthorityTests.zone, "sub.example.com": inner,
        ])
        #expect(try fixture.lines("sub.example.com", .DS) == ["NOERROR aa", AuthorityTests.soa])
    }

    @Test func `an alias of its own apex leaves the inner zone when DS is asked for`() throws {
        let inner = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns.example.net.\nown CNAME @\n"
        var fixture = try ZoneFixture([
            "example.com": AuthorityTests.zone, "sub.example.com": inner,
        ])
        #expect(
            try fixture.lines("own.sub.example.com", .DS)
                == [
                    "NOERROR aa", "an own.sub.example.com. 60 CNAME sub.example.com.",
                    AuthorityTests.soa,
                ]
        )
    }

    @Test func `a root zone answers for everything`() throws {
        let root = """
            $TTL 60
            @ SOA a.root. h.root. 1 2 3 4 5
            @ NS a.root.
            com NS ns.com.
            ns.com A 192.0.2.9
            """
        var builder = ZoneTableBuilder()
        builder.beginZone(.root)
        builder.read(ZoneFileReader(Array(root.utf8), file: "root", origin: .root))
        let build = builder.build()
        let table = try #require(build.table)
        #expect(table.zoneName(0) == .root)
        var fixture = try ZoneFixture([".": root])
        #expect(try fixture.lines("nothing").first == "NXDOMAIN aa")
        #expect(try fixture.lines("www.example.com").first == "NOERROR")
        #expect(try fixture.lines(".", .NS) == ["NOERROR aa", "an . 60 NS a.root."])
    }

    @Test func `chains longer than the limit end without an error`() throws {
        var text = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        for number in 0..<40 { text += "c\(number) CNAME c\(number + 1)\n" }
        var fixture = try ZoneFixture(["example.com": text])
        let message = try fixture.ask("c0.example.com")
        #expect(message.code == .noError)
        #expect(message.answers.count == Authority.chainLimit)
    }

    @Test func `mutated queries never trap and always decode`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        var random = SeededRandom(seed: 3)
        let names = AuthorityTests.table.map { ($0.0, $0.1) }
        var answered = 0
        for round in 0..<50_000 {
            let (name, type) = names[round % names.count]
            var query = ZoneFixture.query(name, type, edns: round % 2 == 0 ? 1232 : nil)
            for _ in 0..<random.next(below: 4) {
                let place = Int(random.next(below: UInt32(query.count)))
                switch random.next(below: 4) {
                case 0: query[place] = UInt8(random.next(below: 256))
                case 1: query.remove(at: place)
                case 2: query.insert(UInt8(random.next(below: 256)), at: place)
                default: query.removeLast(Int(random.next(below: 3)))
                }
            }
            let response = fixture.respond(query, capacity: 1232)
            guard !response.isEmpty else { continue }
            answered += 1
            #expect(DNSMessage(response) != nil, "\(query)")
        }
        #expect(answered > 20_000)
    }
}
