// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// A zone that has changed beside the table of all: answers are those of a table made anew.
@Suite struct ChangedZoneTests {
    private static let outer = """
        $TTL 60
        @ SOA ns host 1 2 3 4 5
        @ NS ns
        ns A 192.0.2.53
        www A 192.0.2.1
        to CNAME www.in
        far CNAME www.other.test.
        in NS ns.in
        in DS 1 13 255 00
        *.wild TXT "old"
        """
    private static let inner = """
        $TTL 60
        @ SOA ns host 1 2 3 4 5
        @ NS ns
        ns A 192.0.2.54
        www A 192.0.2.2
        back CNAME to.outer.test.
        """
    private static let other = """
        $TTL 60
        @ SOA ns host 1 2 3 4 5
        @ NS ns
        ns A 192.0.2.55
        www CNAME back.in.outer.test.
        deep.er A 192.0.2.4
        """
    private static let zones = [
        ("outer.test", outer), ("in.outer.test", inner), ("other.test", other),
    ]
    private static let changes: [String: String] = [
        "outer.test": outer.replacing("192.0.2.1", with: "192.0.2.101")
            .replacing("\"old\"", with: "\"new\"").replacing("DS 1 13", with: "DS 2 13")
            + "\nnew A 192.0.2.9\nx.in A 192.0.2.66\n",
        "in.outer.test": inner.replacing("192.0.2.2", with: "192.0.2.102") + "\nnew MX 1 www\n",
        "other.test":
            "$TTL 9\n@ SOA ns host 2 2 3 4 5\n@ NS ns\nns A 192.0.2.55\n*.er A 192.0.2.5\n",
    ]

    private func snapshot(_ zones: ZoneTable, _ changed: ZoneTable) -> DNSSnapshot {
        let steer = SteerTable([], health: HealthTable(capacity: 1))
        return DNSSnapshot(zones: zones, changed: changed, steer: steer, generation: 1)
    }

    // Every set of zones that may have changed since.
    @Test(arguments: 0..<8)
    func `whichever zones have changed, the answers are those of all made anew`(which: Int) throws {
        var (now, changed): ([(String, String)], [(String, String)]) = ([], [])
        for (number, zone) in ChangedZoneTests.zones.enumerated() {
            guard which >> number & 1 == 1, let text = ChangedZoneTests.changes[zone.0] else {
                now.append(zone)
                continue
            }
            now.append((zone.0, text))
            changed.append((zone.0, text))
        }
        let beside = changed.isEmpty ? ZoneTable.empty : try ZoneFixture.table(changed)
        var one = ZoneFixture(snapshot(try ZoneFixture.table(ChangedZoneTests.zones), beside))
        var other = ZoneFixture(snapshot(try ZoneFixture.table(now), .empty))
        let labels = [
            "", "www.", "ns.", "to.", "far.", "in.", "www.in.", "new.", "x.in.", "back.", "new.in.",
            "a.wild.", "deep.er.", "q.er.", "er.", "nope.", "a.b.c.",
        ]
        for (name, _) in ChangedZoneTests.zones {
            for label in labels {
                for type in [RecordType.A, .SOA, .NS, .DS, .TXT, .MX, .CNAME] {
                    let query = ZoneFixture.query(label + name, type, edns: 4096)
                    let (found, wanted) = (one.respond(query), other.respond(query))
                    #expect(found == wanted, "\(label)\(name) \(type)")
                }
            }
        }
        let query = ZoneFixture.query("www.elsewhere.test", .A)
        #expect(DNSMessage(one.respond(query))?.code == .refused)
    }

    @Test func `an explanation looks where the answer is from`() throws {
        let (name, text) = ("other.test", try #require(ChangedZoneTests.changes["other.test"]))
        let snapshot = snapshot(
            try ZoneFixture.table(ChangedZoneTests.zones),
            try ZoneFixture.table([(name, text)])
        )
        let asked = try #require(DomainName("q.er.other.test"))
        let found = snapshot.explain(name: asked, type: .A, now: .start, seed: 1)
        #expect(found.answers == ["q.er.other.test. 9 IN A 192.0.2.5"])
        #expect(found.steps.first?.why == "covered by *.er.other.test.; 1 A records")
        let apex = try #require(DomainName("other.test"))
        #expect(snapshot.serial(of: apex) == 2)
        #expect(snapshot.serial(of: try #require(DomainName("outer.test"))) == 1)
    }

    // A file that gets what cannot stand beside what was changed of the zone.
    @Test(arguments: [
        ("x CNAME", "x A 192.0.2.7\nx TXT \"t\"", 2), ("x A", "x CNAME www", 1),
        ("x A", "x ALIAS www", 1), ("d DNAME", "a.d A 192.0.2.7\nd A 192.0.2.8", 0),
        ("a.b.d A", "d DNAME www\nb.d DNAME www", 0), ("x A", "y CNAME www", 0),
        ("x LUA", "x A 192.0.2.7\nx AAAA ::1\nx TXT t", 2), ("x LUA", "x CNAME www", 1),
        ("x LUA", "x ALIAS www", 1), ("x LUA", "x NS www", 1),
    ])
    func `changes win over what cannot stand beside them`(
        change: String,
        more: String,
        warnings: Int
    ) throws {
        let apex = try #require(DomainName("outer.test"))
        let parts = change.split(separator: " ").map(String.init)
        let owner = try #require(DomainName("\(parts[0]).outer.test"))
        let type = try #require(parts[1] == "LUA" ? .LUA : RecordType(parts[1]))
        let data = type == .A ? [192, 0, 2, 99] : apex.wire
        var builder = ZoneTableBuilder()
        builder.beginZone(apex, source: "outer.zone")
        builder.mask([RecordSetKey(owner, type)])
        builder.outdo([RecordSetKey(owner, type)])
        let text = ChangedZoneTests.outer + "\n\(more)\n"
        builder.read(ZoneFileReader(Array(text.utf8), file: "outer.zone", origin: apex))
        builder.unmask()
        let record = DNSMessage.Record(owner: owner, type: type, ttl: 5, data: data)
        builder.add([.record(record)]) { $0 }
        let build = builder.build()
        let table = try #require(build.table, "\(build.diagnostics)")
        #expect(build.diagnostics.count { $0.code == .outdone } == warnings, "\(build.diagnostics)")
        let zone = try #require(table.usableZone(apex))
        let kept = ZoneRecords(apex: apex, table.contents(ofZone: zone))
        #expect(kept[owner, type]?.data == [data])
        #expect(kept[DomainName("www.outer.test") ?? .root, .A] != nil)
    }
}
