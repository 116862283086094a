// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Testing

/// Lists of zones (RFC 9432).
@Suite struct CatalogTests {
    func record(_ owner: String, _ type: RecordType, _ data: [UInt8]) throws -> DNSMessage.Record {
        try SecondaryTests.record(owner, type, data)
    }

    func pointer(_ owner: String, _ target: String) throws -> DNSMessage.Record {
        try record(owner, .PTR, try #require(DomainName(target)).wire)
    }

    func members(_ records: [DNSMessage.Record]) throws -> [String] {
        let apex = try #require(DomainName("Cat.test"))
        return try Catalog(records, apex: apex).members.map { "\($0.key) \($0.value)" }.sorted()
    }

    @Test func `a catalog names its members, and its properties are none`() throws {
        let version = try record("version.cat.test", .TXT, [1, 0x32])
        let records = [
            try SecondaryTests.soa(1, "cat.test"), version,
            try pointer("a1.Zones.cat.test", "One.Test"),
            try pointer("b2.zones.cat.test", "two.test"),
            try pointer("coo.a1.zones.cat.test", "other.test"),
            try pointer("a1.other.cat.test", "three.test"),
            try pointer("zones.cat.test", "four.test"),
            try record("group.a1.zones.cat.test", .TXT, [1, 0x61]),
        ]
        #expect(
            try members(records) == [
                "one.test. a1.zones.cat.test.", "two.test. b2.zones.cat.test.",
            ]
        )
        #expect(try members([version]).isEmpty)
    }

    @Test func `one of another version, or that contradicts itself, is not followed`() throws {
        let version = try record("version.cat.test", .TXT, [1, 0x32])
        let member = try pointer("a1.zones.cat.test", "one.test")
        for versions in [
            [], [try record("version.cat.test", .TXT, [1, 0x31])], [version, version],
            [try record("version.cat.test", .TXT, [1, 0x32, 1, 0x32])],
            [try record("x.version.cat.test", .TXT, [1, 0x32])],
        ] {
            #expect(throws: Catalog.Fault.version) { try members(versions + [member]) }
        }
        #expect(throws: Catalog.Fault.self) {
            try members([version, member, pointer("a1.zones.cat.test", "two.test")])
        }
        #expect(throws: Catalog.Fault.self) {
            try members([version, member, pointer("b2.zones.cat.test", "ONE.test")])
        }
    }
}
