// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Essentials
import Testing

@testable import ControlPlane

/// Dynamic CNAME, and several dynamic records of one name.
@Suite struct DynamicNameTests {
    static let pools = """
        {"one":{"fallback":"two","values":[{"status":"obey","value":"A.example.net.","weight":3},\
        {"status":"up","value":"b.example.net.","weight":1},\
        {"status":"down","value":"c.example.net.","weight":1}]},\
        "two":{"fallback":null,"values":[{"value":"d.example.net.","weight":1}]}}
        """

    static func record(_ json: String) throws(DynamicFault) -> DynamicRecord {
        try DynamicRecord(content: "CNAME \"\(DynamicRecordTests.marker(json))\"")
    }

    @Test func `the marker of a CNAME becomes branches that are names`() throws {
        let record = try DynamicNameTests.record(
            """
            {"pools":\(DynamicNameTests.pools),"rules":[{"pool":"two","geos":["EU"]},{"pool":"one"}]}
            """
        )
        #expect(record.answers == .CNAME)
        #expect(try DynamicRecord(data: record.data) == record)
        let policy = try record.rules.policy(probe: "p")
        guard case .geo(let branches) = policy.kind,
            case .failover(let pools) = branches[1].policy.kind,
            case .weighted(let first) = pools[0].policy.kind
        else {
            Issue.record("no pools below places")
            return
        }
        #expect(first.map(\.weight) == [3, 1], "what is down is none of them")
        #expect(
            first.map(\.policy.kind) == [
                .name("a.example.net.", probe: "p"), .name("b.example.net.", probe: nil),
            ]
        )
        #expect(pools[0].policy.sticky == .client)
        #expect(policy.checkedNames == ["a.example.net.", "d.example.net."])
        #expect(policy.addressCount == 4)
    }

    @Test(arguments: [
        ("192.0.2.1", "last dot"), ("192.0.2.1.", "192.0.2.1."), ("a.example.net", "last dot"),
        ("a..example.net.", "no name"), (".", "no name"),
        (String(repeating: "x", count: 64) + ".", "no name"),
    ])
    func `what is no name is refused`(value: String, part: String) {
        let json =
            "{\"pools\":{\"a\":{\"values\":[{\"value\":\"\(value)\"}]}},"
            + "\"rules\":[{\"pool\":\"a\"}]}"
        do throws(DynamicFault) {
            let record = try DynamicNameTests.record(json)
            // A whole name may look like an address.
            #expect(value == "192.0.2.1.", "\(record.rules) is taken")
        } catch {
            #expect(error.message.contains(part), "\(value): \(error.message)")
        }
    }

    @Test func `scripts name hosts as PowerDNS has them`() throws {
        let record = try DynamicRecord(
            content: """
                CNAME ";if continent('EU') then return 'eu.example.net' end return pickwhashed({\
                {3,'a.example.net.'},{1,'b.example.net.'}})"
                """
        )
        #expect(record.rules.rules.map { $0.pools[0].values.count } == [1, 2])
        #expect(record.rules.leads(to: try #require(DomainName("EU.example.net"))))
        #expect(!record.rules.leads(to: try #require(DomainName("example.net"))))
        #expect(DynamicRecordTests.fault("CNAME \"'192.0.2.1'\"")?.contains("no name") == true)
        #expect(
            DynamicRecordTests.fault("CNAME \"pickrandom({'x..y'})\"")?.contains("x..y") == true
        )
    }

    @Test func `data of any kind is read without a trap`() {
        var random = SeededRandom(seed: 9)
        for _ in 0..<2000 {
            let count = Int(random.next() % 40)
            let data = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() % 8) }
            _ = try? DynamicRecord(data: data)
            _ = DynamicRecord.ttl(data)
            _ = try? DynamicSet(RecordSet(ttl: 1, data: [data, [0, 5] + data]))
            let text = String(decoding: data.map { $0 + 0x2a }, as: UTF8.self)
            _ = try? DynamicRecord(content: "CNAME \"'\(text)'\"")
        }
    }

    // MARK: Several at one name

    static let ipv4 = "A \"pickrandom({'192.0.2.7'})\""
    static let ipv6 = "AAAA \"pickrandom({'2001:db8::7'})\""
    static let name = "CNAME \"'end.example.net.'\""

    static func lua(_ kind: String, _ contents: [String], ttl: Int64 = 60) -> JSONValue {
        guard case .object(let members) = ZoneAPITests.set(kind, contents, type: "LUA") else {
            return .null
        }
        return .object(
            members.filter { $0.name != "ttl" } + [JSONMember("ttl", .integer(ttl))]
        )
    }

    static func plain(_ kind: String, _ type: String, _ contents: [String]) -> JSONValue {
        ZoneAPITests.set(kind, contents, type: type)
    }

    /// The zone of the other tests, with its name free for anything.
    static func zone(_ sets: JSONValue...) throws -> ZoneRecords {
        var zone = try ZoneAPITests.zone()
        for type in zone.sets(of: ZoneAPITests.www).keys { zone[ZoneAPITests.www, type] = nil }
        try apply(sets, to: &zone)
        return zone
    }

    static func apply(
        _ sets: [JSONValue],
        to zone: inout ZoneRecords
    ) throws(ZoneAPIFault) {
        zone.begin()
        try ZoneAPIChange.apply(sets, to: &zone, needsChangeType: true)
        let text = "listeners: [ { dns: '127.0.0.1:0' } ]"
        let read = ConfigurationReader().read(Array(text.utf8), file: "t.yaml")
        try read.configuration?.settings.checkDynamic(zone)
    }

    static func types(_ zone: ZoneRecords) throws -> [RecordType: UInt32] {
        guard let set = zone[ZoneAPITests.www, .LUA] else { return [:] }
        let entries = try DynamicSet(set).entries
        return Dictionary(uniqueKeysWithValues: entries.map { ($0.record.answers, $0.ttl) })
    }

    @Test func `each family is changed by itself, and keeps its TTL`() throws {
        var zone = try DynamicNameTests.zone(
            DynamicNameTests.lua("REPLACE", [DynamicNameTests.ipv4], ttl: 20),
            DynamicNameTests.lua("REPLACE", [DynamicNameTests.ipv6], ttl: 40)
        )
        #expect(try DynamicNameTests.types(zone) == [.A: 20, .AAAA: 40])
        #expect(zone[ZoneAPITests.www, .LUA]?.ttl == 20, "one TTL for all of the set")
        let other = DynamicNameTests.ipv6.replacing("::7", with: "::8")
        try DynamicNameTests.apply(
            [DynamicNameTests.lua("REPLACE", [other], ttl: 10)],
            to: &zone
        )
        #expect(try DynamicNameTests.types(zone) == [.A: 20, .AAAA: 10])
        let document = ZoneAPIDocument(
            name: ZoneAPITests.apex,
            serial: 1,
            records: zone.records
        )
        let shown = document.whole(withSets: true)["rrsets"]?.elements ?? []
        let sets = shown.filter { $0["type"]?.string == "LUA" }
        #expect(sets.map { $0["ttl"]?.integer } == [20, 10])
        #expect(
            sets.map { $0["records"]?.elements?.first?["content"]?.string } == [
                DynamicNameTests.ipv4, other,
            ]
        )
        // Named, it is that one; with a plain set in its place, the one for that.
        var less = zone
        try DynamicNameTests.apply([DynamicNameTests.lua("DELETE", [other])], to: &less)
        #expect(try DynamicNameTests.types(less) == [.A: 20])
        less = zone
        let swap = [
            DynamicNameTests.lua("DELETE", []),
            DynamicNameTests.plain("REPLACE", "A", ["192.0.2.1"]),
        ]
        try DynamicNameTests.apply(swap, to: &less)
        #expect(try DynamicNameTests.types(less) == [.AAAA: 10])
        #expect(less[ZoneAPITests.www, .A]?.data.count == 1)
        less = zone
        try DynamicNameTests.apply([DynamicNameTests.lua("DELETE", [])], to: &less)
        #expect(try DynamicNameTests.types(less).isEmpty)
        less = zone
        try DynamicNameTests.apply([DynamicNameTests.lua("PRUNE", [other])], to: &less)
        #expect(try DynamicNameTests.types(less) == [.A: 20])
    }

    @Test func `a CNAME takes the place of addresses, and nothing stands beside it`() throws {
        var zone = try DynamicNameTests.zone(
            DynamicNameTests.lua("REPLACE", [DynamicNameTests.ipv4, DynamicNameTests.ipv6])
        )
        try DynamicNameTests.apply(
            [DynamicNameTests.lua("REPLACE", [DynamicNameTests.name])],
            to: &zone
        )
        #expect(try DynamicNameTests.types(zone) == [.CNAME: 60])
        let bad: [(sets: [JSONValue], part: String)] = [
            ([DynamicNameTests.plain("REPLACE", "TXT", ["\"x\""])], "stands alone"),
            ([DynamicNameTests.plain("REPLACE", "AAAA", ["2001:db8::1"])], "stands alone"),
            ([DynamicNameTests.plain("REPLACE", "CNAME", ["x.example.net."])], "steered"),
            (
                [
                    DynamicNameTests.lua("REPLACE", [DynamicNameTests.ipv4]),
                    DynamicNameTests.lua("REPLACE", [DynamicNameTests.name]),
                ], "another type"
            ),
            (
                [DynamicNameTests.lua("REPLACE", [DynamicNameTests.name, DynamicNameTests.ipv4])],
                "another type"
            ),
            (
                [DynamicNameTests.lua("REPLACE", ["CNAME \"'WWW.example.com.'\""])], "itself"
            ),
        ]
        for (sets, part) in bad {
            var changed = zone
            do throws(ZoneAPIFault) {
                try DynamicNameTests.apply(sets, to: &changed)
                Issue.record("taken: \(sets)")
            } catch {
                #expect(error.message.contains(part), "\(error.message)")
            }
        }
        var beside = try DynamicNameTests.zone()
        beside[ZoneAPITests.www, .TXT] = RecordSet(ttl: 1, data: [[1, 0x78]])
        #expect(throws: ZoneAPIFault.self) {
            try DynamicNameTests.apply(
                [DynamicNameTests.lua("REPLACE", [DynamicNameTests.name])],
                to: &beside
            )
        }
        try DynamicNameTests.apply(
            [DynamicNameTests.lua("REPLACE", [DynamicNameTests.ipv4])],
            to: &zone
        )
        #expect(try DynamicNameTests.types(zone) == [.A: 60], "and back")
    }

    @Test func `one family is steered, the other one is plain`() throws {
        var zone = try DynamicNameTests.zone(
            DynamicNameTests.lua("REPLACE", [DynamicNameTests.ipv4]),
            DynamicNameTests.plain("REPLACE", "AAAA", ["2001:db8::1"])
        )
        let steered = ZoneContent.steer(
            owner: ZoneAPITests.www,
            ttl: 60,
            policy: 0,
            types: [.A]
        )
        zone = ZoneRecords(apex: ZoneAPITests.apex, zone.contents + [steered])
        let other = [DynamicNameTests.plain("REPLACE", "AAAA", ["2001:db8::2"])]
        try DynamicNameTests.apply(other, to: &zone)
        #expect(throws: ZoneAPIFault.self) {
            try DynamicNameTests.apply(
                [DynamicNameTests.plain("REPLACE", "A", ["192.0.2.1"])],
                to: &zone
            )
        }
        try DynamicNameTests.apply(
            [
                DynamicNameTests.plain("DELETE", "AAAA", []),
                DynamicNameTests.lua("REPLACE", [DynamicNameTests.ipv6]),
            ],
            to: &zone
        )
        #expect(
            try DynamicNameTests.types(zone).keys.sorted { $0.rawValue < $1.rawValue } == [
                .A, .AAAA,
            ]
        )
        #expect(zone.isFixed(ZoneAPITests.www, .A) && !zone.isFixed(ZoneAPITests.www, .AAAA))
        try DynamicNameTests.apply(
            [DynamicNameTests.lua("DELETE", [DynamicNameTests.ipv4])],
            to: &zone
        )
        #expect(!zone.isFixed(ZoneAPITests.www), "steered no more")
        zone.rollBack()
        #expect(zone.isFixed(ZoneAPITests.www, .A), "as it was")
    }
}
