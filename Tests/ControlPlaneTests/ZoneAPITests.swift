// SPDX-License-Identifier: Apache-2.0
import Configuration
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
        ZoneAPITests.set("REPLACE", ["a"], type: "ALIAS"),
        ZoneAPITests.set("REPLACE", ["a. b."], type: "ALIAS"),
        ZoneAPITests.set("REPLACE", ["192.0.2.9"]).with("name", "www.example.com"),
        ZoneAPITests.set("REPLACE", ["192.0.2.9"]).with("name", "www.example.org."),
        ZoneAPITests.set("REPLACE", ["192.0.2.9"]).with("ttl", -1),
        ZoneAPITests.set("REPLACE", ["192.0.2.9"]).with("ttl", "60"),
        ZoneAPITests.set("REPLACE", ["192.0.2.9", "192.0.2.9"]),
        ZoneAPITests.set("REPLACE", ["ns. h. 1 2 3 4 5"], type: "SOA"),
        ZoneAPITests.set("EXTEND", ["ns. h. 1 2 3 4 5"], type: "SOA"),
        [:], 5,
    ])
    func `what makes no sense is refused`(_ set: JSONValue) throws {
        let fault = #expect(throws: ZoneAPIFault.self) { try ZoneAPITests.change(set) }
        #expect(fault?.status == 422)
    }

    @Test func `a set comes once in a request, but may go and come again`() throws {
        let set = ZoneAPITests.set("REPLACE", ["192.0.2.9"])
        let fault = #expect(throws: ZoneAPIFault.self) { try ZoneAPITests.change(set, set) }
        #expect(fault?.message.contains("Duplicate RRset www.example.com. IN A") == true)
    }

    @Test func `a new zone may come as the text of a zone file`() throws {
        func make(_ text: JSONValue) throws -> ZoneRecords {
            try ZoneAPIRequest.records(of: Self.apex, ["zone": text], serial: 5)
        }
        let zone = try make("$TTL 60\n@ SOA ns.x. h.x. 7 2 3 4 5\n@ NS ns.x.\nWWW A 192.0.2.1\n")
        #expect(zone.serial == 7 && zone[Self.www, .A]?.ttl == 60)
        for text: JSONValue in [
            5, "www A 192.0.2", "$INCLUDE /etc/passwd", "x.example.org. 1 A 192.0.2.1",
            "www 1 LUA A x", "www 1 RRSIG A 8 3 60 2 1 7 example.com. QUJD",
        ] {
            let fault = #expect(throws: ZoneAPIFault.self) { try make(text) }
            #expect(fault?.status == 422)
        }
    }

    @Test func `servers are named in one way`() throws {
        func make(_ more: JSONMember) throws -> ZoneRecords {
            let servers = JSONMember("nameservers", ["ns1.example.net."])
            return try ZoneAPIRequest.records(of: Self.apex, .object([servers, more]), serial: 5)
        }
        let set: JSONValue = [
            "name": "example.com.", "type": "NS", "ttl": 60,
            "records": [["content": "ns2.example.net."]],
        ]
        for more in [
            JSONMember("rrsets", [set]), JSONMember("zone", "@ 60 NS ns2.example.net.\n"),
        ] {
            let fault = #expect(throws: ZoneAPIFault.self) { try make(more) }
            #expect(fault?.status == 422)
            #expect(fault?.message.hasPrefix("Nameservers list MUST NOT be mixed") == true)
        }
        // Those of a delegation are other ones.
        let below = JSONMember("zone", "sub 60 NS ns2.example.net.\n")
        #expect(try make(below)[Self.apex, .NS]?.data.count == 1)
    }

    private static func standing(_ zone: String) throws -> ZoneAPIStanding {
        let text = "listeners: [ { dns: \"127.0.0.1:0\" } ]\nzones: { a.test: { \(zone) } }\n"
        let read = ConfigurationReader().read(Array(text.utf8), file: "t.yaml")
        let settings = try #require(read.configuration).settings
        return settings.zones.standing(of: DomainName("A.test") ?? .root)
    }

    private static let own = "soa: { primary: ns, mailbox: host@a.test }"

    @Test func `kinds, primaries and signatures are shown as they are`() throws {
        let secondary = try Self.standing(
            "transfer-from: [ { address: 192.0.2.1 }, { address: '[2001:db8::1]:54' } ]"
        )
        #expect(secondary.kind == .secondary && !secondary.isSigned)
        #expect(secondary.primaries == ["192.0.2.1:53", "[2001:db8::1]:54"])
        #expect(
            try Self.standing("\(Self.own), notify: [ { address: 192.0.2.1 } ]").kind == .primary
        )
        let signed = try Self.standing("\(Self.own), dnssec: {}")
        #expect(signed.kind == .native && signed.isSigned)
        #expect(ZoneAPIStanding(nil) == ZoneAPIStanding())
        var document = ZoneAPIDocument(name: Self.apex, serial: 1, records: [])
        document.standing = secondary
        #expect(document.summary["kind"]?.string == "Slave")
        #expect(document.summary["masters"]?.elements?.count == 2)
        document.standing = signed
        #expect(document.summary["dnssec"]?.bool == true)
    }

    @Test func `what would not be done is refused`() throws {
        let secondary = try Self.standing("transfer-from: [ { address: 192.0.2.1 } ]")
        func status(_ standing: ZoneAPIStanding, _ wanted: JSONValue) -> UInt16? {
            do throws(ZoneAPIFault) {
                try standing.check(wanted, Self.apex)
                return nil
            } catch {
                return error.status
            }
        }
        for fine: JSONValue in [
            [:], ["kind": "native"], ["masters": []], ["dnssec": false], ["kind": .null],
            ["account": "x", "soa_edit_api": "INCREASE", "api_rectify": true],
        ] { #expect(status(ZoneAPIStanding(), fine) == nil, "\(fine)") }
        for fine: JSONValue in [
            ["kind": "Slave"], ["kind": "SECONDARY"], ["masters": ["192.0.2.1"]],
            ["primaries": ["192.0.2.1:53"]],
        ] { #expect(status(secondary, fine) == nil, "\(fine)") }
        for bad: JSONValue in [
            ["kind": "Master"], ["kind": 5], ["kind": "Producer"], ["masters": ["192.0.2.1"]],
            ["masters": 5], ["dnssec": true],
        ] { #expect(status(ZoneAPIStanding(), bad) == 422, "\(bad)") }
        for bad: JSONValue in [
            ["kind": "Native"], ["masters": []], ["masters": ["192.0.2.1:54"]],
        ] { #expect(status(secondary, bad) == 422, "\(bad)") }
    }

    @Test func `what cannot be read is refused in the words of the API`() throws {
        var limits = ServiceLimits()
        limits.body = 8 << 20
        limits.errorForm = .error
        let moment = Moment(now: Instant(nanoseconds: 1_000_000_000), realtime: 0)
        var exchange = ServiceExchange(limits: limits, at: moment)
        var fields = FieldTable(limit: 100)
        let head = "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 8388609\r\n\r\n"
        exchange.receive(Array(head.utf8).span, at: moment)
        _ = exchange.next(fields: &fields, at: moment)
        let text = String(decoding: exchange.output, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 413 "), "\(text)")
        let body = try #require(text.split(separator: "\r\n\r\n").last)
        let error = try JSONReader.read(Array(body.utf8))["error"]?.string ?? ""
        #expect(error.contains("8388608 bytes") && !error.contains("MiB"), "\(error)")
        let told = exchange.takeTold()
        #expect(told?.method == .post && told?.status == 413)
    }

    @Test func `ids hold what paths cannot`() throws {
        #expect(ZoneAPIDocument.identifier(.root) == "=2E")
        #expect(ZoneAPIDocument.name(ofIdentifier: "=2E") == .root)
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
        for path in ["/api", "/api/v1/servers", base, "\(base)/config", "\(base)/statistics"] {
            #expect(status(.post, path) == 405, "\(path)")
            #expect(status(.head, path) == nil, "\(path)")
        }
        for bad in ["limit=x", "limit=-1", "offset=", "offset=1.5", "limit=9999999999999999999"] {
            #expect(status(.get, "\(base)/zones?\(bad)") == 422, "\(bad)")
        }
        #expect(status(.get, "\(base)/zones?limit=0&offset=7") == nil)
        #expect(status(.post, "\(base)/zones", #"{"name":"."}"#) == nil)
        #expect(status(.post, "\(base)/zones/a.") == 405)
        #expect(status(.patch, "\(base)/zones/a.", "[]") == 400)
        #expect(status(.patch, "\(base)/zones/a.", "{") == 400)
        #expect(status(.patch, "\(base)/zones/a.") == 422)
        #expect(status(.patch, "\(base)/zones/a.", #"{"rrsets":[]}"#) == nil)
        #expect(status(.post, "\(base)/zones", #"{"name":"a"}"#) == 422)
        #expect(status(.post, "\(base)/zones", #"{"name":"a.","kind":"Slave"}"#) == 422)
        #expect(status(.post, "\(base)/zones", #"{"name":"a.","kind":"Producer"}"#) == 422)
        #expect(status(.post, "\(base)/zones", #"{"name":"a.","kind":"Native"}"#) == nil)
    }

    @Test func `a quote inside of a text is escaped, or refused`() throws {
        for good in [
            "\"a\"", "\"a\" \"b\"", "\"say \\\"yes\\\" now\"", "\"a\"\t\"b\"", "\"\"",
        ] {
            _ = try ZoneAPIChange.data(good, ZoneAPITests.www, .TXT)
        }
        for bad in ["\"say \"yes\" now\"", "\"a\"b", "a\"b\"", "bare"] {
            #expect(throws: ZoneAPIFault.self, "\(bad)") {
                try ZoneAPIChange.data(bad, ZoneAPITests.www, .TXT)
            }
        }
    }

    @Test func `without records nothing is replaced, and an SOA is not pruned`() throws {
        let name = JSONValue.string("www.example.com.")
        let bare: JSONValue = ["name": name, "type": "A", "ttl": 60, "changetype": "REPLACE"]
        #expect(throws: ZoneAPIFault.self) { try ZoneAPITests.change(bare) }
        let wrong: JSONValue = [
            "name": name, "type": "A", "ttl": 60, "changetype": "REPLACE", "records": .null,
        ]
        #expect(throws: ZoneAPIFault.self) { try ZoneAPITests.change(wrong) }
        let comments: JSONValue = [
            "name": name, "type": "A", "ttl": 60, "changetype": "REPLACE",
            "comments": [["content": "a comment"]],
        ]
        #expect(try ZoneAPITests.change(comments) == ["192.0.2.1", "192.0.2.2"])
        let none: JSONValue = [
            "name": name, "type": "A", "ttl": 60, "changetype": "REPLACE", "records": [],
        ]
        #expect(try ZoneAPITests.change(none).isEmpty)
        let soa = "ns1.example.net. hostmaster.example.com. 5 10800 3600 604800 3600"
        let prune: JSONValue = [
            "name": "example.com.", "type": "SOA", "changetype": "PRUNE",
            "records": [["content": .string(soa)]],
        ]
        #expect(throws: ZoneAPIFault.self) { try ZoneAPITests.change(prune) }
    }

    @Test(arguments: [
        ("TXT", "v=DKIM1; k=rsa; p=abc"), ("TXT", "bare"), ("CNAME", "target"), ("CNAME", "@"),
        ("MX", "10 mail"), ("SRV", "1 2 3 target"), ("A", "192.0.2.1 ; a comment"),
    ])
    func `what would be kept as something else is refused`(type: String, content: String) throws {
        let kind = try #require(RecordType(type))
        #expect(throws: ZoneAPIFault.self) {
            try ZoneAPIChange.data(content, ZoneAPITests.www, kind)
        }
    }

    @Test(arguments: [
        ("TXT", "\"v=DKIM1; k=rsa\" \"p=a\\\"b;\""), ("CNAME", "target.example.com."),
        ("MX", "0 ."), ("TXT", "\\# 2 0141"), ("CAA", "0 issue \"ca.example; a=b\""),
        ("HTTPS", "1 . alpn=h2"),
    ])
    func `what says what it means is taken`(type: String, content: String) throws {
        let kind = try #require(RecordType(type))
        #expect(try !ZoneAPIChange.data(content, ZoneAPITests.www, kind).isEmpty)
    }

    @Test func `a list of a name that is none is refused`() throws {
        let request = ServiceRequest(
            method: .get,
            target: "/api/v1/servers/localhost/zones?zone=a..b"
        )
        #expect(throws: ZoneAPIFault.self) { try ZoneAPIRequest(request) }
    }
}

extension JSONValue {
    fileprivate func with(_ name: String, _ value: JSONValue) -> JSONValue {
        .object((members ?? []).filter { $0.name != name } + [JSONMember(name, value)])
    }
}
