// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// A zone taken out of a table and built again answers as it did.
@Suite struct ZoneContentTests {
    private static let zones: KeyValuePairs<String, String> = [
        "example.com": AuthorityTests.zone,
        "hosts.test": AdditionalTests.zone.replacing("example.com", with: "hosts.test"),
        "services.test": ServiceTests.zone.replacing("example.com", with: "services.test"),
        "alias.test": AliasTests.zone.replacing("example.com", with: "alias.test"),
        "big.test": TruncationTests.zone,
        "sub.big.test": "$TTL 5\n@ SOA a b 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n",
    ]

    private static let questions =
        AuthorityTests.table.map { ($0.0, $0.1) }
        + AdditionalTests.table.map { ($0.0.replacing("example.com", with: "hosts.test"), $0.1) }
        + ServiceTests.table.map { ($0.0.replacing("example.com", with: "services.test"), $0.1) }
        + ["alias.test", "far.alias.test", "four.alias.test", "to.alias.test", "x.both.alias.test"]
        .flatMap { name in [RecordType.A, .AAAA, .MX].map { (name, $0) } }
        + ["many.big.test", "sub.big.test", "x.sub.big.test", "ns.sub.big.test"]
        .flatMap { name in [RecordType.A, .NS, .DS, .SOA].map { (name, $0) } }

    @Test func `a zone that is built from what a table holds answers alike`() throws {
        let first = try ZoneFixture(ZoneContentTests.zones).snapshot.zones
        var builder = ZoneTableBuilder()
        for (name, _) in ZoneContentTests.zones {
            let apex = try #require(DomainName(name))
            builder.beginZone(apex, source: name)
            let number = try #require(first.usableZone(apex))
            let contents = first.contents(ofZone: number)
            #expect(contents.count > 2)
            builder.add(contents) { $0 }
        }
        let second = try #require(builder.build().table)
        #expect(second.nameCount == first.nameCount && second.setCount == first.setCount)
        var (before, after) = (ZoneFixture(first), ZoneFixture(second))
        for (name, type) in ZoneContentTests.questions {
            let query = ZoneFixture.query(name, type, edns: 4096)
            let (one, other) = (before.respond(query), after.respond(query))
            #expect(
                DNSMessage(one).map(Essence.init) == DNSMessage(other).map(Essence.init),
                "\(name) \(type)"
            )
        }
    }

    @Test func `steered names come out with their policies, services without the hints`() throws {
        let text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nwww HTTPS 1 . alpn=h2\n"
        let apex = try #require(DomainName("example.com"))
        let www = try #require(DomainName("www.example.com"))
        let fixture = try ZoneFixture(["example.com": text], steered: [("www.example.com", 3)])
        let table = fixture.snapshot.zones
        let contents = table.contents(ofZone: try #require(table.usableZone(apex)))
        #expect(contents.contains(.steer(owner: www, ttl: 30, policy: 3)))
        let services = contents.compactMap { content -> String? in
            guard case .record(let record) = content, record.type == .HTTPS else { return nil }
            return record.description
        }
        #expect(services == ["www.example.com. 30 IN HTTPS 1 . alpn=\"h2\""])
        var builder = ZoneTableBuilder()
        builder.beginZone(apex)
        builder.add(contents) { $0 == 3 ? 5 : nil }
        let again = try #require(builder.build().table)
        let found = again.contents(ofZone: try #require(again.usableZone(apex)))
        #expect(found.contains(.steer(owner: www, ttl: 30, policy: 5)), "by its number now")
    }

    @Test func `a zone that cannot be served is SERVFAIL in all of it, and only there`() throws {
        var builder = ZoneTableBuilder()
        for name in ["good.test", "bad.test", "in.bad.test"] {
            builder.beginZone(try #require(DomainName(name)), source: name)
            if name == "bad.test" {
                builder.markUnusable()
            } else {
                let text =
                    "$TTL 5\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\nto CNAME x.bad.test.\n"
                let origin = try #require(DomainName(name))
                builder.read(ZoneFileReader(Array(text.utf8), file: name, origin: origin))
            }
        }
        let table = try #require(builder.build().table)
        #expect(table.usableZone(try #require(DomainName("bad.test"))) == nil)
        var zone = ZoneFixture(table)
        for (name, type) in [
            ("bad.test", RecordType.SOA), ("x.y.bad.test", .A), ("bad.test", .ANY),
        ] {
            #expect(try zone.lines(name, type) == ["SERVFAIL"], "\(name)")
        }
        #expect(try zone.ask("a.in.bad.test", .A).answers.count == 1)
        let chain = try zone.lines("to.good.test", .A)
        #expect(chain == ["NOERROR aa", "an to.good.test. 5 CNAME x.bad.test."])
    }

    @Test func `errors name the zones that they are in`() throws {
        var builder = ZoneTableBuilder()
        let good = "$TTL 5\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n"
        let texts = [
            good, good + "x A nonsense\n", good, "@ 5 A 192.0.2.1\n", good + "a CNAME b\n",
        ]
        for (number, text) in texts.enumerated() {
            let apex = try #require(DomainName("z\(number).test"))
            builder.beginZone(apex, source: "z\(number)")
            builder.read(ZoneFileReader(Array(text.utf8), file: "z\(number)", origin: apex))
            builder.beginRecords(source: "configuration")
        }
        let build = builder.build()
        #expect(build.table == nil && build.faultyZones == [1, 3, 4])
        #expect(build.diagnostics(ofZone: 0).isEmpty)
        #expect(build.diagnostics(ofZone: 1).map { "\($0.code)" } == ["M1515"])
        #expect(build.diagnostics(ofZone: 3).contains { $0.code == .badSOA })
        #expect(build.diagnostics(ofZone: 4).contains { $0.code == .conflictingCNAME })
    }
}
