// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Testing

/// The zone of RFC 4592 §2.2.1 and its examples.
@Suite struct WildcardTests {
    static let zone = """
        $ORIGIN example.
        $TTL 3600
        example.                 SOA   ns h 1 2 3 4 5
        example.                 NS    ns.example.com.
        example.                 NS    ns.example.net.
        *.example.               TXT   "this is a wildcard"
        *.example.               MX    10 host1.example.
        sub.*.example.           TXT   "this is not a wildcard"
        host1.example.           A     192.0.2.1
        _ssh._tcp.host1.example. SRV   0 0 22 host1.example.
        _ssh._tcp.host2.example. SRV   0 0 22 host2.example.
        subdel.example.          NS    ns.example.com.
        subdel.example.          NS    ns.example.net.
        """

    static let synthesized: [(String, RecordType, String)] = [
        ("host3.example", .MX, "an host3.example. 3600 MX 10 host1.example."),
        ("foo.bar.example", .TXT, #"an foo.bar.example. 3600 TXT "this is a wildcard""#),
        ("sub.*.example", .TXT, #"an sub.*.example. 3600 TXT "this is not a wildcard""#),
        ("*.example", .TXT, #"an *.example. 3600 TXT "this is a wildcard""#),
    ]

    @Test(arguments: synthesized.indices)
    func `records are made from the wildcard`(index: Int) throws {
        var fixture = try ZoneFixture(["example": WildcardTests.zone])
        let (name, type, line) = WildcardTests.synthesized[index]
        let lines = try fixture.lines(name, type)
        #expect(Array(lines.prefix(2)) == ["NOERROR aa", line])
        // The host that MX names brings its address along; the wildcard is no part of that.
        let others = type == .MX ? ["ad host1.example. 3600 A 192.0.2.1"] : []
        #expect(Array(lines.dropFirst(2)) == others)
    }

    static let others: [(String, RecordType, String)] = [
        ("host3.example", .A, "NOERROR aa"),  // the wildcard has no A
        ("host1.example", .MX, "NOERROR aa"),  // host1 exists
        ("sub.*.example", .MX, "NOERROR aa"),  // sub.*.example exists
        ("_telnet._tcp.host1.example", .SRV, "NXDOMAIN aa"),  // _tcp.host1 exists
        ("host.subdel.example", .A, "NOERROR"),  // below a zone cut
        ("ghost.*.example", .MX, "NXDOMAIN aa"),  // *.example is the closest encloser
    ]

    @Test(arguments: others.indices)
    func `nothing is made where the wildcard does not apply`(index: Int) throws {
        var fixture = try ZoneFixture(["example": WildcardTests.zone])
        let (name, type, head) = WildcardTests.others[index]
        let lines = try fixture.lines(name, type)
        #expect(lines.first == head)
        #expect(!lines.contains { $0.hasPrefix("an") })
    }

    @Test func `a wildcard without records of its own gives NODATA`() throws {
        // RFC 4592 §2.2.2: *.w exists because of x.*.w.
        let zone = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns.net.\nx.*.w A 192.0.2.1\n"
        var fixture = try ZoneFixture(["example": zone])
        let lines = try fixture.lines("q.w.example")
        #expect(lines.first == "NOERROR aa")
        #expect(lines.count == 2)
    }

    @Test func `an asterisk inside a label is no wildcard`() throws {
        let zone =
            "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns.net.\n**.w A 192.0.2.1\n*x.w A 192.0.2.1\n"
        var fixture = try ZoneFixture(["example": zone])
        #expect(try fixture.lines("q.w.example").first == "NXDOMAIN aa")
    }
}
