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
        return try Catalog(records, apex: apex).members.map { "\($0.key) \($0.value.owner)" }
            .sorted()
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

    @Test func `members have groups, and one catalog to go over to`() throws {
        let apex = try #require(DomainName("cat.test"))
        let records = [
            try record("version.cat.test", .TXT, [1, 0x32]),
            try record("group.A1.zones.cat.test", .TXT, [2, 0x7a, 0x7a]),
            try pointer("a1.zones.cat.test", "one.test"),
            try record("Group.a1.zones.cat.test", .TXT, [1, 0x61, 1, 0x62]),
            try pointer("coo.a1.zones.cat.test", "Other.test"),
            try pointer("b2.zones.cat.test", "two.test"),
            try pointer("coo.b2.zones.cat.test", "third.test"),
            try record("group.a1.other.cat.test", .TXT, [1, 0x63]),
            try record("group.x.a1.zones.cat.test", .TXT, [1, 0x63]),
            try record("group.c3.zones.cat.test", .TXT, [1, 0x63]),
            try record("group.b2.zones.cat.test", .TXT, [9, 0x63]),
        ]
        let members = try Catalog(records, apex: apex).members
        let names = try ["one.test", "two.test"].map { try #require(DomainName($0)) }
        let one = try #require(members[names[0]])
        #expect(one.label == "a1" && one.groups == ["a", "b", "zz"])
        #expect(one.newOwner == DomainName("other.test"))
        let two = try #require(members[names[1]])
        #expect(two.newOwner == DomainName("third.test"))
        #expect(two.groups == ["c"])
    }

    @Test func `a catalog that is made reads as what it was made of`() throws {
        let apex = try #require(DomainName("cat.test"))
        let names = try ["one.test", "Two.test", "."].map { try #require(DomainName($0)) }
        var entries = names.map { Catalog.Entry(zone: $0) }
        entries[0].groups = ["b", "a"]
        entries[0].newOwner = names[1]
        let records = Catalog.records(of: entries, apex: apex, serial: 7)
        #expect(records.first?.serial == SerialNumber(7))
        #expect(records.allSatisfy { $0.ttl == 0 && $0.owner.isWithin(apex) })
        #expect(records.filter { $0.type == .NS }.map(\.data) == [[7] + "invalid".utf8 + [0]])
        let members = try Catalog(records, apex: apex).members
        #expect(Set(members.keys) == Set(names.map(\.lowercased)))
        #expect(members[names[0]]?.groups == ["a", "b"])
        #expect(members[names[0]]?.newOwner == names[1])
        #expect(members.values.allSatisfy { $0.label.utf8.count == 32 })
        // The same label for ever: consumers would drop what they have otherwise.
        #expect(Set(members.values.map(\.label)).count == 3)
        #expect(Catalog.records(of: entries, apex: apex, serial: 7) == records)
        let other = try Catalog(
            Catalog.records(of: [entries[0]], apex: names[1], serial: 9),
            apex: names[1]
        )
        #expect(other.members[names[0]]?.label == members[names[0]]?.label)
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
        // RFC 9432 §4.4.1: a member goes over to one other catalog, or the whole is broken.
        let other = try pointer("coo.a1.zones.cat.test", "other.test")
        #expect(try members([version, member, other]).count == 1)
        #expect(throws: Catalog.Fault.self) {
            try members([version, member, other, pointer("Coo.a1.zones.cat.test", "third.test")])
        }
    }
}
