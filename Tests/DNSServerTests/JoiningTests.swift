// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// Zones put side by side answer as if they had been built together.
@Suite struct JoiningTests {
    private static let more = """
        $TTL 60
        @ SOA ns host 7 2 3 4 5
        @ NS ns
        @ NS ns.elsewhere.test.
        @ MX 10 mail
        ns A 192.0.2.53
        mail A 192.0.2.25
        mail AAAA 2001:db8::25
        to CNAME mail
        *.wild TXT "any"
        d DNAME mail
        sub NS ns.sub
        sub DS 1 13 255 00
        ns.sub A 192.0.2.54
        a.b.c TXT "deep"
        svc HTTPS 1 . alpn=h2
        """
    private static let zones: [(String, String)] = [
        ("example.com", AuthorityTests.zone),
        ("hosts.test", AdditionalTests.zone.replacing("example.com", with: "hosts.test")),
        ("services.test", ServiceTests.zone.replacing("example.com", with: "services.test")),
        ("big.test", TruncationTests.zone), ("more.test", more),
    ]

    private static let questions =
        AuthorityTests.table.map { ($0.0, $0.1) }
        + AdditionalTests.table.map { ($0.0.replacing("example.com", with: "hosts.test"), $0.1) }
        + ServiceTests.table.map { ($0.0.replacing("example.com", with: "services.test"), $0.1) }
        + [
            "many.big.test", "more.test", "to.more.test", "x.wild.more.test", "x.d.more.test",
            "x.sub.more.test", "sub.more.test", "c.more.test", "svc.more.test", "q.more.test",
        ]
        .flatMap { name in
            [RecordType.A, .NS, .MX, .DS, .TXT, .HTTPS].map { (name, $0) }
        }

    private func expectSame(_ one: ZoneTable, _ other: ZoneTable) {
        var (found, wanted) = (ZoneFixture(one), ZoneFixture(other))
        for (name, type) in JoiningTests.questions {
            for edns in [nil, 4096] as [UInt16?] {
                let query = ZoneFixture.query(name, type, edns: edns)
                #expect(found.respond(query) == wanted.respond(query), "\(name) \(type)")
            }
        }
        #expect(one.nameCount == other.nameCount)
        #expect(one.setCount == other.setCount)
        for zone in other.usableZones {
            let counts = [one, other].map { table in
                table.usableZone(zone).flatMap { table.nameCount(ofZone: $0) }
            }
            #expect(counts[0] == counts[1], "\(zone)")
        }
    }

    @Test func `tables of one zone each make the table of all of them`() throws {
        let parts = try JoiningTests.zones.map { ZonePart(try ZoneFixture.table([$0])) }
        let joined = try #require(ZoneTable.joined(parts))
        expectSame(joined, try ZoneFixture.table(JoiningTests.zones))
        // And once more: what was put together is as good as what was built.
        expectSame(try #require(ZoneTable.joined([ZonePart(joined)])), joined)
        let apex = try #require(DomainName("more.test"))
        #expect(joined.usableZone(apex).flatMap { joined.serial(ofZone: $0) } == 7)
        for (name, _) in JoiningTests.zones {
            let zone = try #require(DomainName(name))
            let alone = try ZoneFixture.table(JoiningTests.zones.filter { $0.0 == name })
            let number = try #require(joined.usableZone(zone))
            #expect(joined.contents(ofZone: number) == alone.contents(ofZone: 0))
        }
    }

    @Test func `a zone takes the place of its former version, and others stay`() throws {
        let name = try #require(DomainName("big.test"))
        let all = try ZoneFixture.table(JoiningTests.zones)
        let fresh = try ZoneFixture.table([("big.test", TruncationTests.zone)])
        let joined = try #require(
            ZoneTable.joined([ZonePart(all, without: [name]), ZonePart(fresh)])
        )
        expectSame(joined, all)
        let part = try #require(ZonePart(all, only: name))
        let alone = try #require(ZoneTable.joined([part]))
        #expect(alone.zoneCount == 1)
        #expect(alone.contents(ofZone: 0) == fresh.contents(ofZone: 0))
    }

    @Test func `what cannot be served stays that`() throws {
        var builder = ZoneTableBuilder()
        builder.beginZone(try #require(DomainName("gone.test")))
        builder.markUnusable(.awaited)
        let awaited = try #require(builder.build().table)
        let more = try ZoneFixture.table([("more.test", JoiningTests.more)])
        let joined = try #require(ZoneTable.joined([ZonePart(awaited), ZonePart(more)]))
        var fixture = ZoneFixture(joined)
        #expect(try fixture.ask("www.gone.test").code == .serverFailure)
        #expect(fixture.snapshot.nameCount(of: try #require(DomainName("gone.test"))) == nil)
        #expect(try fixture.ask("mail.more.test").answers.count == 1)
    }

    @Test func `zones that have to do with each other are not copied`() throws {
        let inner = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        let outer = try ZoneFixture.table([("more.test", JoiningTests.more)])
        let nested = try ZoneFixture.table([("sub.more.test", inner)])
        #expect(ZoneTable.joined([ZonePart(outer), ZonePart(nested)]) == nil)
        #expect(ZoneTable.joined([ZonePart(outer), ZonePart(outer)]) == nil)
        let both = try ZoneFixture.table([
            ("more.test", JoiningTests.more), ("sub.more.test", inner),
        ])
        #expect(ZoneTable.joined([ZonePart(both)]) == nil)
        let aliased = try ZoneFixture.table([("more.test", JoiningTests.more + "\nal ALIAS mail\n")]
        )
        #expect(ZoneTable.joined([ZonePart(aliased)]) == nil)
    }

    @Test func `steered names and services keep their policies`() throws {
        let apex = try #require(DomainName("s.test"))
        func build(_ policy: Int) throws -> ZoneTable {
            var builder = ZoneTableBuilder()
            builder.beginZone(apex)
            let text =
                "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
                + "www HTTPS 1 . alpn=h2\nwww HTTPS 2 ns\n"
            builder.read(ZoneFileReader(Array(text.utf8), file: "s", origin: apex))
            builder.steer(owner: try #require(DomainName("www.s.test")), ttl: 9, policy: policy)
            return try #require(builder.build().table)
        }
        let other = try ZoneFixture.table([("more.test", JoiningTests.more)])
        let steered = try build(3)
        let joined = try #require(ZoneTable.joined([ZonePart(other), ZonePart(steered)]))
        let zone = try #require(joined.usableZone(apex))
        #expect(joined.contents(ofZone: zone) == steered.contents(ofZone: 0))
    }

    @Test func `policies get other numbers, and only those that are asked must be there`() throws {
        let (one, two) = (
            try #require(DomainName("one.test")), try #require(DomainName("two.test"))
        )
        var builder = ZoneTableBuilder()
        for (apex, policy) in [(one, 0), (two, 1)] {
            builder.beginZone(apex)
            let text = Array("$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n".utf8)
            builder.read(ZoneFileReader(text, file: "z", origin: apex))
            let owner = try #require(DomainName("www.\(apex)"))
            builder.steer(owner: owner, ttl: 9, policy: policy)
        }
        let table = try #require(builder.build().table)
        func policies(_ table: ZoneTable) -> [Int] {
            [one, two].flatMap { apex in
                table.usableZone(apex).map { table.contents(ofZone: $0) } ?? []
            }.compactMap { content in
                if case .steer(_, _, let policy, _) = content { policy } else { nil }
            }
        }
        let moved = try #require(table.renumbered([4, 2], except: []))
        #expect(policies(moved) == [4, 2])
        #expect(policies(try #require(table.renumbered([0, 1], except: []))) == [0, 1])
        // A policy that is gone, and a zone that asks it: only when another table stands for that.
        #expect(table.renumbered([3, nil], except: []) == nil)
        #expect(policies(try #require(table.renumbered([3, nil], except: [two]))).first == 3)
        #expect(table.hasOnlyRecords(zone: 0) == false)
        #expect(try ZoneFixture.table([("more.test", JoiningTests.more)]).hasOnlyRecords(zone: 0))
    }
}
