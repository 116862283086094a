// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import HTTPProtocol
import Testing

@testable import ControlPlane

@Suite struct ZoneAPITests {
    static let apex = DomainName("example.com") ?? .root
    static let www = DomainName("www.example.com") ?? .root

    static func zone() throws -> ZoneRecords {
        try ZoneAPIRequest.records(
            of: apex,
            [
                "nameservers": ["ns1.example.net."],
                "rrsets": [
                    [
                        "name": "www.example.com.", "type": "A", "ttl": 60,
                        "records": [["content": "192.0.2.1"], ["content": "192.0.2.2"]],
                    ]
                ],
            ],
            serial: 5
        )
    }

    static func set(_ kind: String, _ contents: [String], type: String = "A") -> JSONValue {
        [
            "name": "WWW.example.com.", "type": .string(type), "ttl": 60,
            "changetype": .string(kind),
            "records": .array(contents.map { ["content": .string($0), "disabled": false] }),
        ]
    }

    static func change(_ sets: JSONValue...) throws -> [String] {
        var zone = try zone()
        zone.begin()
        try ZoneAPIChange.apply(sets, to: &zone, needsChangeType: true)
        let data = zone[www, .A]?.data ?? []
        return data.map { RecordText.data(.A, $0.span) }.sorted()
    }

    @Test func `a new zone has an SOA, its servers and its sets`() throws {
        let zone = try ZoneAPITests.zone()
        #expect(zone.serial == 5)
        #expect(zone[ZoneAPITests.apex, .NS]?.data.count == 1)
        #expect(zone[ZoneAPITests.www, .A]?.data.count == 2)
    }

    @Test func `sets are replaced, deleted, extended and pruned`() throws {
        #expect(
            try ZoneAPITests.change(ZoneAPITests.set("REPLACE", ["192.0.2.9"])) == ["192.0.2.9"]
        )
        #expect(try ZoneAPITests.change(ZoneAPITests.set("DELETE", [])).isEmpty)
        let more = try ZoneAPITests.change(ZoneAPITests.set("EXTEND", ["192.0.2.9", "192.0.2.1"]))
        #expect(more == ["192.0.2.1", "192.0.2.2", "192.0.2.9"])
        let less = try ZoneAPITests.change(ZoneAPITests.set("PRUNE", ["192.0.2.1"]))
        #expect(less == ["192.0.2.2"])
        let both = try ZoneAPITests.change(
            ZoneAPITests.set("DELETE", []),
            ZoneAPITests.set("REPLACE", ["192.0.2.7"])
        )
        #expect(both == ["192.0.2.7"])
    }

    @Test(arguments: [
        ZoneAPITests.set("", ["192.0.2.9"]), ZoneAPITests.set("REPLACE", ["x"]),
        ZoneAPITests.set("REPLACE", ["192.0.2.9\n@ 1 IN A 192.0.2.1"]),
        ZoneAPITests.set("REPLACE", ["192.0.2.9 ; x"]).with("records", [["content": 5]]),
        ZoneAPITests.set("REPLACE", ["a."], type: "ALIAS"),
        ZoneAPITests.set("REPLACE", ["192.0.2.9"]).with("name", "www.example.com"),
        ZoneAPITests.set("REPLACE", ["192.0.2.9"]).with("name", "www.example.org."),
        ZoneAPITests.set("REPLACE", ["192.0.2.9"]).with("ttl", -1),
        ZoneAPITests.set("REPLACE", ["192.0.2.9"]).with("ttl", "60"),
        ZoneAPITests.set("REPLACE", ["192.0.2.9", "192.0.2.9"]),
        [:], 5,
    ])
    func `what makes no sense is refused`(_ set: JSONValue) throws {
        let fault = #expect(throws: ZoneAPIFault.self) { try ZoneAPITests.change(set) }
        #expect(fault?.status == 422)
    }

    @Test func `ids hold what paths cannot`() throws {
        let name = try #require(DomainName("0/25.2.0.192.in-addr.arpa"))
        #expect(ZoneAPIDocument.identifier(name) == "0=2F25.2.0.192.in-addr.arpa.")
        #expect(ZoneAPIDocument.name(ofIdentifier: "0=2F25.2.0.192.in-addr.arpa.") == name)
        #expect(ZoneAPIDocument.name(ofIdentifier: "0=2") == nil)
    }

    @Test func `paths and methods lead where they should`() throws {
        func status(_ method: Method, _ path: String, _ body: String = "{}") -> UInt16? {
            let request = ServiceRequest(method: method, target: path, body: Array(body.utf8))
            do throws(ZoneAPIFault) {
                _ = try ZoneAPIRequest(request)
                return nil
            } catch {
                return error.status
            }
        }
        let base = "/api/v1/servers/localhost"
        for path in ["/api", "/api/v1/servers", base, "\(base)/config", "\(base)/zones"] {
            #expect(status(.get, path) == nil, "\(path)")
        }
        #expect(status(.get, "/") == 404)
        #expect(status(.get, "/api/v1/servers/other") == 404)
        #expect(status(.get, "\(base)/zones/a.") == nil)
        #expect(status(.get, "\(base)/zones/a./cryptokeys") == 404)
        #expect(status(.delete, "\(base)/zones") == 405)
        #expect(status(.post, "\(base)/zones/a.") == 405)
        #expect(status(.patch, "\(base)/zones/a.", "[]") == 400)
        #expect(status(.patch, "\(base)/zones/a.", "{") == 400)
        #expect(status(.patch, "\(base)/zones/a.") == 422)
        #expect(status(.patch, "\(base)/zones/a.", #"{"rrsets":[]}"#) == nil)
        #expect(status(.post, "\(base)/zones", #"{"name":"a"}"#) == 422)
        #expect(status(.post, "\(base)/zones", #"{"name":"a.","kind":"Slave"}"#) == 422)
        #expect(status(.post, "\(base)/zones", #"{"name":"a.","kind":"Native"}"#) == nil)
    }

    @Test func `a quote inside of a text is escaped, or refused`() throws {
        for good in [
            "\"a\"", "\"a\" \"b\"", "\"say \\\"yes\\\" now\"", "bare", "\"a\"\t\"b\"", "\"\"",
        ] {
            _ = try ZoneAPIChange.data(good, ZoneAPITests.www, .TXT)
        }
        for bad in ["\"say \"yes\" now\"", "\"a\"b", "a\"b\""] {
            #expect(throws: ZoneAPIFault.self, "\(bad)") {
                try ZoneAPIChange.data(bad, ZoneAPITests.www, .TXT)
            }
        }
    }
}

extension JSONValue {
    fileprivate func with(_ name: String, _ value: JSONValue) -> JSONValue {
        .object((members ?? []).filter { $0.name != name } + [JSONMember(name, value)])
    }
}
