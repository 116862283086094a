// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials
import Testing

@testable import DNSProtocol

/// Dynamic update (RFC 2136).
@Suite struct UpdateMachineTests {
    static let text = """
        $TTL 300
        @     SOA ns1 hostmaster 7 3600 600 86400 60
              NS  ns1
        ns1   A   192.0.2.53
        www   A   192.0.2.1
              A   192.0.2.2
              TXT "t"
        alias CNAME www
        a.ent TXT "below"
        """

    static let key = DomainName("key.example.com") ?? .root
    static let asker = UpdateAsker(key: key, client: IPAddress(v4: 0x7f00_0001))
    static let all = [UpdateRule(key: key, types: [.ANY])]

    /// A zone, and messages to it.
    struct Fixture {
        var zone: ZoneRecords
        var machine = UpdateMachine(rules: UpdateMachineTests.all)

        init(_ text: String = UpdateMachineTests.text) throws {
            let fixture = try ZoneFixture(["example.com": text])
            let apex = try #require(DomainName("example.com"))
            let number = try #require(fixture.snapshot.zones.usableZone(apex))
            let contents = fixture.snapshot.zones.contents(ofZone: number)
            zone = ZoneRecords(apex: apex, contents)
        }

        mutating func send(
            _ prerequisites: [String] = [],
            _ updates: [String] = [],
            zone name: String = "example.com",
            by asker: UpdateAsker = UpdateMachineTests.asker,
            seconds: UInt32 = 1_000_000
        ) throws -> UpdateMachine.Outcome {
            let bytes = try UpdateMachineTests.message(prerequisites, updates, zone: name)
            let message = try #require(UpdateMessage(bytes))
            return machine.apply(message, by: asker, to: &zone, seconds: seconds)
        }

        func lines(_ owner: String, _ type: RecordType) -> [String] {
            let set = zone[DomainName(owner) ?? .root, type]
            return (set?.data ?? []).map { RecordText.data(type, $0.span) }.sorted()
        }
    }

    /// A message from lines of `owner TTL class type data`.
    static func message(
        _ prerequisites: [String],
        _ updates: [String],
        zone: String = "example.com"
    ) throws -> [UInt8] {
        let wire = try (prerequisites + updates).map { try record($0) }
        var bytes: [UInt8] = [0x12, 0x34, 5 << 3, 0, 0, 1]
        bytes += octets(UInt16(prerequisites.count)) + octets(UInt16(updates.count)) + [0, 0]
        bytes += try #require(DomainName(zone)).wire + [0, 6, 0, 1]
        return bytes + wire.flatMap { $0 }
    }

    static func record(_ line: String) throws -> [UInt8] {
        let parts = line.split(separator: " ", maxSplits: 4).map(String.init)
        let classes: [String: UInt16] = ["IN": 1, "NONE": 254, "ANY": 255, "CH": 3]
        let owner = try #require(DomainName(parts[0]))
        let type = try #require(RecordType(parts[3]))
        var data: [UInt8] = []
        if parts.count > 4 {
            var reader = ZoneFileReader(
                Array("\(parts[0]). 1 IN \(parts[3]) \(parts[4])\n".utf8),
                file: "",
                origin: .root
            )
            let isRead = reader.next()
            #expect(isRead, "\(line)")
            data = reader.data
        }
        var record = DNSMessage.Record(
            owner: owner,
            type: type,
            ttl: try #require(UInt32(parts[1])),
            data: data
        )
        record.recordClass = try #require(classes[parts[2]])
        return record.wire
    }

    // MARK: §3.2

    static let prerequisites: [(String, ResponseCode)] = [
        ("www.example.com 0 ANY ANY", .noError),
        ("no.example.com 0 ANY ANY", .nameError),
        ("www.example.com 0 ANY A", .noError),
        ("WWW.example.com 0 ANY MX", .setMissing),
        ("no.example.com 0 NONE ANY", .noError),
        ("www.example.com 0 NONE ANY", .nameExists),
        ("www.example.com 0 NONE MX", .noError),
        ("www.example.com 0 NONE A", .setExists),
        ("www.example.com 0 IN A 192.0.2.1", .setMissing),
        ("www.example.com 0 IN TXT t", .noError),
        ("www.example.com 0 IN TXT u", .setMissing),
        ("no.example.com 0 IN TXT t", .setMissing),
        ("alias.example.com 0 IN CNAME WWW.example.com.", .noError),
        // §2.4.4, §2.4.5: a name that others lie below alone is not in use.
        ("ent.example.com 0 ANY ANY", .nameError),
        ("ent.example.com 0 NONE ANY", .noError),
        // Malformed, or elsewhere.
        ("www.example.com 1 ANY ANY", .formatError),
        ("www.example.com 1 IN A 192.0.2.1", .formatError),
        ("www.example.com 0 ANY A 192.0.2.1", .formatError),
        ("www.example.com 0 NONE A 192.0.2.1", .formatError),
        ("www.example.com 0 CH A 192.0.2.1", .formatError),
        ("www.example.com 0 IN ANY", .formatError),
        ("www.example.com 0 IN A", .formatError),
        ("www.example.com 0 ANY AXFR", .formatError),
        ("www.example.org 0 ANY ANY", .notZone),
        ("com 0 ANY ANY", .notZone),
    ]

    @Test(arguments: prerequisites)
    func `prerequisites have their codes`(_ line: String, _ code: ResponseCode) throws {
        var fixture = try Fixture()
        let outcome = try fixture.send([line], ["new.example.com 60 IN A 192.0.2.9"])
        #expect(outcome.code == code)
        #expect((outcome.difference != nil) == (code == .noError))
        #expect(fixture.lines("new.example.com", .A).isEmpty == (code != .noError))
    }

    @Test func `a set that is wanted by value must be whole`() throws {
        var fixture = try Fixture()
        let both = ["www.example.com 0 IN A 192.0.2.2", "www.example.com 0 IN A 192.0.2.1"]
        #expect(try fixture.send(both).code == .noError)
        let more = both + ["www.example.com 0 IN A 192.0.2.3"]
        #expect(try fixture.send(more).code == .setMissing)
    }

    // MARK: §3.4.1

    @Test(arguments: [
        ("www.example.org 60 IN A 192.0.2.1", ResponseCode.notZone),
        ("www.example.com 60 IN ANY", .formatError),
        ("www.example.com 60 IN AXFR", .formatError),
        ("www.example.com 60 IN A", .formatError),
        ("www.example.com 1 ANY A", .formatError),
        ("www.example.com 0 ANY A 192.0.2.1", .formatError),
        ("www.example.com 0 ANY AXFR", .formatError),
        ("www.example.com 1 NONE A 192.0.2.1", .formatError),
        ("www.example.com 0 NONE ANY", .formatError),
        ("www.example.com 0 NONE A", .formatError),
        ("www.example.com 0 CH A 192.0.2.1", .formatError),
        ("www.example.com 60 IN TYPE65401 a.", .refused),
    ])
    func `what is malformed changes nothing`(_ line: String, _ code: ResponseCode) throws {
        var fixture = try Fixture()
        let outcome = try fixture.send([], ["a.example.com 60 IN A 192.0.2.9", line])
        #expect(outcome == UpdateMachine.Outcome(code))
        #expect(fixture.lines("a.example.com", .A).isEmpty)
        #expect(fixture.zone.serial == 7)
    }

    // MARK: §3.4.2

    @Test func `records are added, with the TTL of the latest for all of the set`() throws {
        var fixture = try Fixture()
        let outcome = try fixture.send([], ["www.example.com 60 IN A 192.0.2.3"])
        let difference = try #require(outcome.difference)
        #expect(fixture.lines("www.example.com", .A) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"])
        #expect(fixture.zone[DomainName("www.example.com") ?? .root, .A]?.ttl == 60)
        #expect(difference.from.rawValue == 7 && difference.to.rawValue == 8)
        #expect(difference.deleted.map(\.type) == [.SOA, .A, .A])
        #expect(difference.added.map(\.type) == [.SOA, .A, .A, .A])
    }

    @Test func `a TTL with its highest bit counts as 0`() throws {
        var fixture = try Fixture()
        let outcome = try fixture.send([], ["new.example.com 2147483648 IN A 192.0.2.3"])
        #expect(outcome.code == .noError)
        #expect(fixture.zone[DomainName("new.example.com") ?? .root, .A]?.ttl == 0)
    }

    @Test(arguments: ["DNSKEY 257 3 13 AAAA", "CDNSKEY 0 3 0 AA==", "NSEC3PARAM 1 0 0 -"])
    func `keys of a zone that is signed here are not brought`(data: String) throws {
        for isSigned in [false, true] {
            var fixture = try Fixture()
            fixture.machine.isSigned = isSigned
            let outcome = try fixture.send([], ["example.com 60 IN \(data)"])
            #expect(outcome.code == (isSigned ? .refused : .noError))
        }
        // RFC 8901 §2.1.2: those of other signers are, where they stand beside its own.
        var fixture = try Fixture()
        (fixture.machine.isSigned, fixture.machine.joinsSigners) = (true, true)
        let outcome = try fixture.send([], ["example.com 60 IN \(data)"])
        #expect(outcome.code == (data.hasPrefix("NSEC3PARAM") ? .refused : .noError))
    }

    @Test func `an update without an effect keeps the serial`() throws {
        var fixture = try Fixture()
        for line in [
            "www.example.com 300 IN A 192.0.2.1", "no.example.com 0 ANY ANY",
            "www.example.com 0 NONE A 192.0.2.77", "example.com 0 ANY SOA",
            "example.com 0 ANY NS", "example.com 0 NONE NS ns1.example.com.",
            "example.com 0 NONE SOA ns1.example.com. hostmaster.example.com. 7 3600 600 86400 60",
            // §3.4.2.2: nothing beside an alias, and no alias beside others.
            "alias.example.com 60 IN A 192.0.2.1", "www.example.com 60 IN CNAME a.",
            // An SOA that is not newer.
            "example.com 300 IN SOA a. b. 7 1 1 1 1", "www.example.com 300 IN SOA a. b. 9 1 1 1 1",
        ] {
            let outcome = try fixture.send([], [line])
            #expect(outcome == UpdateMachine.Outcome(.noError), "\(line)")
        }
        #expect(fixture.zone.serial == 7)
        #expect(fixture.lines("example.com", .NS) == ["ns1.example.com."])
    }

    @Test func `records, sets and names are deleted`() throws {
        var fixture = try Fixture()
        _ = try fixture.send([], ["www.example.com 0 NONE A 192.0.2.1"])
        #expect(fixture.lines("www.example.com", .A) == ["192.0.2.2"])
        _ = try fixture.send([], ["www.example.com 0 ANY A"])
        #expect(fixture.lines("www.example.com", .A).isEmpty)
        #expect(fixture.lines("www.example.com", .TXT).count == 1)
        _ = try fixture.send([], ["www.example.com 0 ANY ANY"])
        #expect(!fixture.zone.isInUse(DomainName("www.example.com") ?? .root))
        #expect(fixture.zone.serial == 10)
        // At the apex SOA and NS stay.
        _ = try fixture.send([], ["example.com 60 IN MX 1 a.", "example.com 0 ANY ANY"])
        #expect(fixture.lines("example.com", .NS).count == 1)
        #expect(fixture.lines("example.com", .MX).isEmpty)
    }

    @Test func `an alias takes the place of the former`() throws {
        var fixture = try Fixture()
        _ = try fixture.send([], ["alias.example.com 60 IN CNAME other.example.com."])
        #expect(fixture.lines("alias.example.com", .CNAME) == ["other.example.com."])
        // In one message: delete, then add.
        let lines = ["alias.example.com 0 ANY ANY", "alias.example.com 60 IN A 192.0.2.1"]
        #expect(try fixture.send([], lines).difference?.deleted.map(\.type) == [.SOA, .CNAME])
        #expect(fixture.lines("alias.example.com", .A) == ["192.0.2.1"])
    }

    @Test func `of WKS there is one for each address and protocol`() throws {
        var fixture = try Fixture()
        for data in ["c000020106 40", "c000020111 40", "c000020206 40", "c000020106 41"] {
            let outcome = try fixture.send([], ["www.example.com 60 IN WKS \\# 6 \(data)"])
            #expect(outcome.difference != nil)
        }
        #expect(
            fixture.lines("www.example.com", .WKS) == [
                "192.0.2.1 17 1", "192.0.2.1 6 1 7", "192.0.2.2 6 1",
            ]
        )
    }

    @Test func `a DNAME and a CNAME do not come to stand beside each other`() throws {
        var fixture = try Fixture()
        _ = try fixture.send([], ["d.example.com 60 IN DNAME new.example.com."])
        let former = fixture.zone.serial
        for update in [
            "d.example.com 60 IN CNAME www.example.com.",
            "alias.example.com 60 IN DNAME new.example.com.",
        ] {
            #expect(try fixture.send([], [update]).code == .noError, "passed over: RFC 6672 §5.2")
            #expect(fixture.zone.serial == former)
        }
        #expect(fixture.lines("d.example.com", .DNAME) == ["new.example.com."])
        #expect(fixture.lines("d.example.com", .CNAME).isEmpty)
        _ = try fixture.send([], ["d.example.com 60 IN DNAME other.example.com."])
        #expect(fixture.lines("d.example.com", .DNAME) == ["other.example.com."])
        #expect(fixture.lines("alias.example.com", .DNAME).isEmpty)
    }

    @Test(arguments: [
        "www.example.com 60 IN NSEC x.example.com. A", "www.example.com 0 ANY NSEC",
        "www.example.com 0 NONE NSEC x.example.com. A", "www.example.com 0 ANY RRSIG",
        "x.example.com 0 ANY NSEC3",
    ])
    func `proofs and signatures are not changed from outside`(update: String) throws {
        var fixture = try Fixture()
        #expect(try fixture.send([], [update]).code == .refused)
        #expect(fixture.zone.serial == 7)
    }

    @Test func `serials go by one, by time, or as they are told`() throws {
        var fixture = try Fixture()
        _ = try fixture.send([], ["example.com 300 IN SOA a. b. 100 1 1 1 1"])
        #expect(fixture.zone.serial == 100)
        fixture.machine.serialRule = .time
        _ = try fixture.send([], ["a.example.com 300 IN A 192.0.2.1"], seconds: 5000)
        #expect(fixture.zone.serial == 5000)
        _ = try fixture.send([], ["b.example.com 300 IN A 192.0.2.1"], seconds: 5000)
        #expect(fixture.zone.serial == 5001)
        _ = try fixture.send([], ["example.com 300 IN SOA a. b. 4294967295 1 1 1 1"])
        #expect(fixture.zone.serial == 5001, "2^31 away is not newer")
        #expect(UInt32.max.nextSerial == 1)
        #expect(UInt32(1).isLater(thanSerial: .max))
        #expect(!UInt32(0x8000_0001).isLater(thanSerial: 1))
    }

    @Test func `what was changed can be undone`() throws {
        var fixture = try Fixture()
        let before = fixture.zone.records.map { "\($0)" }.sorted()
        _ = try fixture.send(
            [],
            [
                "www.example.com 0 ANY ANY", "a.example.com 1 IN A 192.0.2.1",
                "www.example.com 1 IN MX 1 a.",
            ]
        )
        fixture.zone.rollBack()
        #expect(fixture.zone.records.map { "\($0)" }.sorted() == before)
    }

    // MARK: §3.3, and who is asked for

    @Test func `another zone or class is not authorised`() throws {
        var fixture = try Fixture()
        #expect(try fixture.send(zone: "example.org").code == .notAuthorized)
        #expect(try fixture.send(zone: "www.example.com").code == .notAuthorized)
    }

    static func rule(_ names: [UpdateNames], _ types: Set<RecordType>? = nil) -> UpdateRule {
        UpdateRule(key: key, names: names, types: types)
    }

    static let dyn = DomainName("dyn.example.com") ?? .root
    static let permissions: [(UpdateRule, String, Bool)] = [
        (rule([.zone]), "www.example.com 60 IN A 192.0.2.9", true),
        (rule([.zone]), "example.com 60 IN NS a.", false),
        (rule([.zone], [.NS]), "example.com 60 IN NS a.", true),
        (rule([.zone], [.TXT]), "www.example.com 60 IN A 192.0.2.9", false),
        (rule([.zone], [.TXT]), "www.example.com 0 ANY ANY", false),
        (rule([.zone]), "www.example.com 0 ANY ANY", true),
        (rule([.exactly(dyn)]), "dyn.example.com 60 IN A 192.0.2.9", true),
        (rule([.exactly(dyn)]), "a.dyn.example.com 60 IN A 192.0.2.9", false),
        (rule([.subtree(dyn)]), "DYN.example.com 60 IN A 192.0.2.9", true),
        (rule([.subtree(dyn)]), "b.a.dyn.example.com 60 IN A 192.0.2.9", true),
        (rule([.subtree(dyn)]), "xdyn.example.com 60 IN A 192.0.2.9", false),
        (rule([.below(dyn)]), "dyn.example.com 60 IN A 192.0.2.9", false),
        (rule([.below(dyn)]), "b.a.dyn.example.com 60 IN A 192.0.2.9", true),
        (rule([.own]), "key.example.com 60 IN A 192.0.2.9", true),
        (rule([.own]), "a.key.example.com 60 IN A 192.0.2.9", false),
        (rule([.ownSubtree]), "a.key.example.com 60 IN A 192.0.2.9", true),
        (rule([.ownSubtree]), "www.example.com 60 IN A 192.0.2.9", false),
    ]

    @Test(arguments: permissions)
    func `rules say who may change what`(
        _ rule: UpdateRule,
        _ line: String,
        _ isAllowed: Bool
    ) throws {
        var fixture = try Fixture()
        fixture.machine.rules = [rule]
        #expect(try fixture.send([], [line]).code == (isAllowed ? .noError : .refused))
        // One that is not allowed spoils all.
        let two = ["key.example.com 60 IN TXT x", line]
        if !isAllowed { #expect(try fixture.send([], two).code == .refused) }
        #expect(fixture.zone.serial == (isAllowed ? 8 : 7))
    }

    @Test func `without a signature only a rule for the network lets in`() throws {
        var fixture = try Fixture()
        let stranger = UpdateAsker(key: nil, client: IPAddress(v4: 0x7f00_0001))
        let other = UpdateAsker(key: DomainName("other"), client: stranger.client)
        let line = "a.example.com 60 IN A 192.0.2.9"
        #expect(try fixture.send([], [line], by: stranger).code == .refused)
        #expect(try fixture.send([], [line], by: other).code == .refused)
        // Not even what a prerequisite would tell.
        #expect(try fixture.send(["www.example.com 0 NONE ANY"], by: stranger).code == .refused)
        let loopback = try #require(Prefix("127.0.0.0/8"))
        fixture.machine.rules = [UpdateRule(key: nil, networks: [loopback])]
        #expect(try fixture.send([], [line], by: stranger).code == .noError)
        let away = UpdateAsker(key: nil, client: IPAddress(v4: 0x0a00_0001))
        #expect(try fixture.send([], [line], by: away).code == .refused)
        fixture.machine.rules = [UpdateRule(key: nil)]
        #expect(try fixture.send([], [line], by: stranger).code == .refused)
    }
}
