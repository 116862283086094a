// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Essentials
import Testing

@testable import ControlPlane

/// LUA records of the zone API: octoDNS's marker, and the scripts that are understood.
@Suite struct DynamicRecordTests {
    /// A marker as octoDNS writes it, without the script that it says the same by.
    static func marker(_ json: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let bytes = Array(json.utf8)
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            bits &= 0xff_ffff
            for place in 0...group.count { text.append(alphabet[bits >> (18 - 6 * place) & 63]) }
            for _ in group.count..<3 { text.append("=") }
        }
        return ";-- octodns-dynamic:v1:\(text)\nreturn pickwhashed({{1, '192.0.2.1'}})"
    }

    static func rules(_ json: String) throws(DynamicFault) -> DynamicRules {
        try DynamicRecord(content: "A \"\(marker(json))\"").rules
    }

    static func fault(_ content: String) -> String? {
        do throws(DynamicFault) {
            _ = try DynamicRecord(content: content)
            return nil
        } catch {
            return error.message
        }
    }

    static let pools = """
        {"one":{"fallback":"two","values":[{"status":"obey","value":"192.0.2.1","weight":3},\
        {"status":"up","value":"192.0.2.2","weight":1}]},\
        "two":{"fallback":null,"values":[{"value":"192.0.2.9","weight":1}]}}
        """

    @Test func `a marker becomes branches by place, then pools in their order, then weights`()
        throws
    {
        let rules = try DynamicRecordTests.rules(
            """
            {"pools":\(DynamicRecordTests.pools),"rules":[{"pool":"two","subnets":["198.51.100.0/24"]},\
            {"pool":"one","geos":["EU","NA-US","NA-US-CA"]},{"pool":"two"}]}
            """
        )
        #expect(rules.asksPlaces)
        guard case .geo(let branches) = try rules.policy(probe: "p").kind else {
            Issue.record("no geo policy")
            return
        }
        #expect(branches.map(\.name) == ["two", "one", "two"])
        #expect(branches[1].regions == [.continent("EU"), .country("US"), .subdivision("US-CA")])
        #expect(branches[0].regions == [Prefix("198.51.100.0/24").map { .network($0) }])
        guard case .failover(let pools) = branches[1].policy.kind,
            case .weighted(let first) = pools[0].policy.kind
        else {
            Issue.record("no failover of weighted pools")
            return
        }
        #expect(pools.map(\.name) == ["one", "two"])
        #expect(pools[0].policy.sticky == .client)
        // The fallback's value is none of the first pool, as it is in the script.
        #expect(first.map(\.weight) == [3, 1])
        #expect(
            first.map(\.policy.kind) == [
                .address(IPAddress(v4: 0xc000_0201), probe: "p"),
                .address(IPAddress(v4: 0xc000_0202), probe: nil),
            ]
        )
    }

    @Test func `what cannot be expressed is refused by its name`() {
        let pools = DynamicRecordTests.pools
        let bad: [(json: String, part: String)] = [
            ("{\"pools\":\(pools)}", "lacks pools or rules"),
            ("{\"pools\":\(pools),\"rules\":[],\"x\":1}", "'x'"),
            ("{\"pools\":\(pools),\"rules\":[{\"pool\":\"three\"}]}", "no pool 'three'"),
            ("{\"pools\":\(pools),\"rules\":[{\"pool\":\"one\",\"geos\":[\"EU\"]}]}", "everybody"),
            ("{\"pools\":\(pools),\"rules\":[{\"pool\":\"one\",\"geos\":[\"XX\"]}]}", "'XX'"),
            ("{\"pools\":\(pools),\"rules\":[{\"pool\":\"one\",\"geos\":[\"EU-QQ\"]}]}", "'QQ'"),
            ("{\"pools\":\(pools),\"rules\":[{\"pool\":\"one\",\"subnets\":[\"x\"]}]}", "'x'"),
            (
                "{\"pools\":{\"a\":{\"fallback\":\"a\",\"values\":[{\"value\":\"192.0.2.1\"}]}},"
                    + "\"rules\":[{\"pool\":\"a\"}]}", "itself"
            ),
            (
                "{\"pools\":{\"a\":{\"values\":[{\"value\":\"2001:db8::1\"}]}},"
                    + "\"rules\":[{\"pool\":\"a\"}]}", "2001:db8::1"
            ),
            (
                "{\"pools\":{\"a\":{\"values\":[{\"value\":\"192.0.2.1\",\"status\":\"down\"}]}},"
                    + "\"rules\":[{\"pool\":\"a\"}]}", "pool 'a'"
            ),
        ]
        for (json, part) in bad {
            let script = DynamicRecordTests.marker(json)
            let message = DynamicRecordTests.fault("A \"\(script)\"")
            #expect(message?.contains(part) == true, "\(json): \(message ?? "taken")")
        }
        #expect(DynamicRecordTests.fault("MX \"x\"")?.contains("A, AAAA and CNAME") == true)
        #expect(DynamicRecordTests.fault("A x")?.contains("quotes") == true)
        #expect(DynamicRecordTests.fault("A \";-- octodns-dynamic:v2:x\"")?.contains("v1") == true)
        #expect(
            DynamicRecordTests.fault("A \";-- octodns-dynamic:v1:*\"")?.contains("base64") == true
        )
    }

    @Test func `well-known scripts are understood`() throws {
        let record = try DynamicRecord(
            content: """
                A ";if (country('DE') or continent({'NA','SA'})) then return pickrandom({'192.0.2.1', \
                '192.0.2.2'}) elseif netmask({'10.0.0.0/8'}) then return '192.0.2.3' end return \
                pickwhashed({{3,'192.0.2.4'},{1,'192.0.2.5'}})"
                """
        )
        let rules = record.rules.rules
        #expect(rules.count == 3)
        #expect(rules[0].regions == [.country("DE"), .continent("NA"), .continent("SA")])
        #expect(rules[0].pools[0].values.map(\.weight) == [1, 1])
        #expect(!rules[0].pools[0].isSticky)
        #expect(rules[2].regions.isEmpty)
        #expect(rules[2].pools[0].values.map(\.weight) == [3, 1])
        #expect(rules[2].pools[0].isSticky)
        let other = try DynamicRecord(content: "AAAA \"pickrandom({'2001:db8::1'})\"")
        #expect(other.answers == .AAAA)
        #expect(try DynamicRecord(data: record.data) == record)
        #expect(try DynamicRecord(data: other.data) == other)
    }

    @Test func `half of a script is none`() {
        for (script, part) in [
            ("ifportup(443, {'192.0.2.1'})", "ifportup"),
            ("pickclosest({'192.0.2.1'})", "pickclosest"),
            ("os.execute('x')", "os"),
            ("pickrandom({'192.0.2.1'}) .. 'x'", "'.'"),
            ("pickrandom({'192.0.2.1'", "its end"),
            ("pickrandom({'192.0.2.1})", "quote"),
            (";if country('DE') then return '192.0.2.1' end", "its end"),
            (";if asnum(1) then return '192.0.2.1' end return '192.0.2.1'", "asnum"),
            (";if " + String(repeating: "(", count: 100), "too deep"),
            ("pickwrandom({{99999999999, '192.0.2.1'}})", "99999999999"),
            ("", "its end"),
        ] {
            let message = DynamicRecordTests.fault("A \"\(script)\"")
            #expect(message?.contains(part) == true, "\(script): \(message ?? "taken")")
        }
    }

    @Test func `data of any kind is read without a trap`() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2000 {
            let count = Int(random.next() % 40)
            let data = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? DynamicRecord(data: [0, 1] + data)
            let text = String(decoding: data.map { $0 & 0x7f }, as: UTF8.self)
            _ = try? DynamicRecord(content: "A \"\(text)\"")
            _ = try? DynamicRecord(content: "A \";-- octodns-dynamic:v1:\(text)\"")
        }
    }

    @Test func `a steered name takes no addresses beside, and gives way when it goes`() throws {
        var zone = try ZoneAPITests.zone()
        func set(_ kind: String, _ type: String, _ contents: [String]) -> JSONValue {
            ZoneAPITests.set(kind, contents, type: type)
        }
        zone.begin()
        let lua = "A \"pickrandom({'192.0.2.7'})\""
        let sets = [set("DELETE", "A", []), set("REPLACE", "LUA", [lua])]
        try ZoneAPIChange.apply(sets, to: &zone, needsChangeType: true)
        #expect(zone[ZoneAPITests.www, DynamicRecord.type]?.data.count == 1)
        let steered = ZoneRecords(
            apex: ZoneAPITests.apex,
            zone.contents + [.steer(owner: ZoneAPITests.www, ttl: 60, policy: 0)]
        )
        var served = steered
        #expect(throws: ZoneAPIFault.self) {
            try ZoneAPIChange.apply(
                [set("REPLACE", "A", ["192.0.2.1"])],
                to: &served,
                needsChangeType: true
            )
        }
        served = steered
        let back = [set("DELETE", "LUA", []), set("REPLACE", "A", ["192.0.2.1"])]
        try ZoneAPIChange.apply(back, to: &served, needsChangeType: true)
        #expect(!served.isFixed(ZoneAPITests.www))
        #expect(served[ZoneAPITests.www, .A]?.data == [[192, 0, 2, 1]])
        // Twice in one request: the second would put itself in the place of the first.
        served = steered
        let twice = set("REPLACE", "LUA", [lua])
        #expect(throws: ZoneAPIFault.self) {
            try ZoneAPIChange.apply([twice, twice], to: &served, needsChangeType: true)
        }
    }
}
