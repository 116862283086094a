// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

/// A table that was changed in places answers as one that was built of the same records.
@Suite struct ZonePatchTests {
    private static let zone = """
        $TTL 60
        @ SOA ns host 1 2 3 4 5
        @ NS ns
        @ MX 10 mail
        ns A 192.0.2.53
        mail A 192.0.2.25
        www A 192.0.2.1
        www TXT "one" "two"
        alias CNAME www
        a.b.c TXT "deep"
        *.wild A 192.0.2.9
        d DNAME www
        sub NS ns.sub
        ns.sub A 192.0.2.54
        self A 192.0.2.80
        self HTTPS 1 .
        deep.*.star TXT "below"
        """
    private static let other = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
    private static let labels = [
        "", "ns", "mail", "www", "alias", "c", "b.c", "a.b.c", "x.c", "wild", "q.wild", "new",
        "deep.new", "x.y.new", "d", "x.d", "sub", "x.sub", "gone", "z",
        "self", "star", "*.star", "q.star", "deep.*.star",
    ]

    private let apex: DomainName
    private let table: ZoneTable

    init() throws {
        apex = try #require(DomainName("p.test"))
        table = try ZoneFixture.table([
            ("p.test", ZonePatchTests.zone), ("o.test", ZonePatchTests.other),
        ])
    }

    private func records(_ table: ZoneTable) throws -> ZoneRecords {
        let zone = try #require(table.usableZone(apex))
        return ZoneRecords(apex: apex, table.contents(ofZone: zone))
    }

    private func name(_ label: String) throws -> DomainName {
        try #require(DomainName(label.isEmpty ? "p.test" : "\(label).p.test"))
    }

    private func patched(_ table: ZoneTable, _ records: ZoneRecords) -> ZoneTable? {
        guard var patch = ZonePatch(table), patch.change(records, records.former.keys) else {
            return nil
        }
        return patch.table()
    }

    private func expectSame(_ patched: ZoneTable, _ records: ZoneRecords) throws {
        var builder = ZoneTableBuilder()
        builder.beginZone(apex)
        builder.add(records.contents) { $0 }
        builder.add(table, without: [apex])
        let built = try #require(builder.build().table)
        var (found, wanted) = (ZoneFixture(patched), ZoneFixture(built))
        for label in ZonePatchTests.labels {
            for type in [RecordType.A, .TXT, .MX, .NS, .SOA, .CNAME, .AAAA, .HTTPS, .ANY] {
                let text = "\(try name(label))"
                let (one, other) = (try found.lines(text, type), try wanted.lines(text, type))
                #expect(one == other, "\(label) \(type)")
            }
        }
        var outside = ZoneFixture(patched)
        #expect(try outside.ask("ns.o.test").answers.count == 1)
        let zone = try #require(patched.usableZone(apex))
        let all = Set(patched.contents(ofZone: zone).map { "\($0)" })
        #expect(all == Set(records.contents.map { "\($0)" }))
        let number = try #require(built.usableZone(apex))
        #expect(patched.nameCount(ofZone: zone) == built.nameCount(ofZone: number))
    }

    private func set(
        _ records: inout ZoneRecords,
        _ label: String,
        _ type: RecordType,
        _ data: [UInt8]?
    )
        throws
    {
        let set = data.map { RecordSet(ttl: 30, data: [$0]) }
        records[try name(label), type] = set
        records.setSerial((records.serial ?? 0) + 1)
    }

    @Test func `what a DNAME hides stays hidden however much is added`() throws {
        let text =
            "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nd DNAME www\nx.d A 192.0.2.9\n"
        var table = try ZoneFixture.table([("p.test", text)])
        var zone = try records(table)
        for number in 0..<60 {
            zone.begin()
            try set(&zone, "n\(number)", .TXT, [1, 0x61])
            table = try #require(patched(table, zone))
        }
        var fixture = ZoneFixture(table)
        let answer = try fixture.ask("x.d.p.test", .A)
        #expect(answer.answers.map(\.type) == [.DNAME, .CNAME])
        #expect(try fixture.ask("n59.p.test", .TXT).answers.count == 1)
    }

    @Test func `sets and names come, change and go`() throws {
        var (table, zone) = (table, try records(table))
        let address: [UInt8] = [192, 0, 2, 77]
        let steps: [(String, RecordType, [UInt8]?)] = [
            ("new", .A, address), ("www", .A, address), ("www", .TXT, [2, 0x68, 0x69]),
            ("www", .TXT, nil), ("deep.new", .A, address), ("x.y.new", .TXT, [1, 0x61]),
            ("new", .A, nil), ("deep.new", .A, nil), ("x.y.new", .TXT, nil), ("a.b.c", .TXT, nil),
            ("alias", .CNAME, try name("new").wire), ("alias", .CNAME, nil), ("alias", .A, address),
            ("z", .CNAME, try name("www").wire), ("z", .CNAME, nil), ("new", .AAAA, Array(1...16)),
            ("b.c", .A, address), ("gone", .A, nil),
        ]
        for (label, type, data) in steps {
            zone.begin()
            try set(&zone, label, type, data)
            table = try #require(patched(table, zone), "\(label) \(type)")
            try expectSame(table, zone)
        }
        // Put side by side again it leaves out what is nobody's.
        let joined = try #require(ZoneTable.joined([ZonePart(table)]))
        #expect(joined.nameCount < table.nameCount)
        try expectSame(joined, zone)
    }

    @Test func `many changes in one patch, over and over`() throws {
        var (table, zone) = (table, try records(table))
        for round in 0..<40 {
            zone.begin()
            for number in 0..<50 {
                let data: [UInt8]? =
                    (round + number) % 3 == 0 ? nil : [10, 0, UInt8(round), UInt8(number)]
                try set(&zone, "h\(number)", .A, data)
            }
            table = try #require(patched(table, zone))
        }
        try expectSame(table, zone)
        #expect(table.nameCount < 2000, "what nobody looks at is left out now and then")
    }

    @Test func `what points to other names is built`() throws {
        let address: [UInt8] = [192, 0, 2, 77]
        let host = try name("www").wire
        let steps: [(String, RecordType, [UInt8]?)] = [
            ("mail", .A, address), ("ns", .AAAA, Array(1...16)), ("new", .NS, host),
            ("new", .MX, [0, 1] + host), ("*.wild", .A, address), ("x.sub", .A, address),
            ("x.d", .A, address), ("d", .DNAME, nil), ("www", .CNAME, host), ("sub", .NS, nil),
            // Addresses of a service that names itself go along with it.
            ("self", .A, address), ("self", .AAAA, Array(1...16)),
            // A wildcard on the way to other names is one, too (RFC 4592 §2.2.2).
            ("deep.*.star", .TXT, nil), ("foo.*.c", .A, address),
        ]
        for (label, type, data) in steps {
            var zone = try records(table)
            try set(&zone, label, type, data)
            #expect(patched(table, zone) == nil, "\(label) \(type)")
        }
        // A zone that is not there, and one inside another.
        var strange = ZoneRecords(apex: try #require(DomainName("q.test")))
        strange.begin()
        #expect(patched(table, strange) == nil)
        let nested = ["o.test", "in.o.test"].map { ($0, ZonePatchTests.other) }
        #expect(ZonePatch(try ZoneFixture.table(nested)) == nil)
    }
}
