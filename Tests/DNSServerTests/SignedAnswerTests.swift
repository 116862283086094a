// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Runtime
import Steering
import Testing

@testable import DNSServer

/// Every set of an answer of a signed zone has its signature, whatever wrote it.
@Suite struct SignedAnswerTests {
    static let zone = """
        $TTL 300
        @ 3600 SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        @ MX 10 Mail
        @ ALIAS host
        ns1 A 192.0.2.53
        mail A 192.0.2.25
        many A 192.0.2.9
        many A 192.0.2.1
        many A 192.0.2.5
        host A 192.0.2.7
        host TYPE65280 \\# 2 0102
        one CNAME two
        two CNAME Host
        away CNAME host.example.net.
        gone CNAME missing
        a.ent TXT "below"
        *.wild A 192.0.2.77
        *.wild TXT "wild"
        safe NS ns.safe
        safe DS 1 13 2 0102030405060708091011121314151617181920212223242526272829303132
        ns.safe A 192.0.2.61
        open NS ns.open
        ns.open A 192.0.2.62
        www HTTPS 1 . alpn=h2
        """
    static let second = """
        $TTL 100
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        host A 198.51.100.7
        """

    struct Way: Sendable {
        var algorithm: SigningAlgorithm
        var denial: DenialMethod
    }

    static let ways = SigningAlgorithm.allCases.flatMap { algorithm in
        DenialMethod.allCases.map { Way(algorithm: algorithm, denial: $0) }
    }

    static func fixture(_ way: Way) throws -> SigningFixture {
        let health = HealthTable(capacity: 8)
        let policy = try SteeredAnswerTests.roundRobin()
        let empty = SteerPolicy.roundRobin([try SteeredAnswerTests.member(3, "2001:db8::1")])
        let steer = SteerTable(
            [
                SteerDefinition(name: "www", policy: policy, allDown: .all),
                SteerDefinition(name: "six", policy: empty, allDown: .all),
            ],
            health: health
        )
        for slot in 0..<4 { health.publish(slot, HealthWord(health: .up)) }
        return try SigningFixture(
            [("example.com", zone), ("example.net", second)],
            signed: [
                "example.com": SigningFixture.keys(way.algorithm, way.denial),
                "example.net": SigningFixture.keys(way.algorithm, way.denial),
            ],
            steered: [("www.example.com", 0), ("six.example.com", 1)],
            steer: steer
        )
    }

    static let positive: [(String, RecordType, Int)] = [
        ("example.com", .SOA, 1), ("example.com", .NS, 1), ("eXample.com", .MX, 1),
        ("example.com", .A, 1), ("MANY.example.com", .A, 1), ("host.example.com", .A, 1),
        ("host.example.com", RecordType(65280), 1), ("one.example.com", .A, 3),
        ("away.example.com", .A, 2), ("x.Y.wild.example.com", .A, 1),
        ("*.wild.example.com", .TXT, 1), ("www.example.com", .A, 1), ("www.example.com", .AAAA, 1),
        ("www.example.com", .HTTPS, 1), ("example.com", .DNSKEY, 1), ("example.com", .CDS, 1),
        ("example.com", .CDNSKEY, 1), ("host.example.com", .ANY, 1), ("one.example.com", .ANY, 1),
    ]

    @Test(arguments: ways)
    func `answers are signed`(way: Way) throws {
        var zone = try SignedAnswerTests.fixture(way)
        for (name, type, sets) in SignedAnswerTests.positive {
            let message = try zone.ask(name, type)
            #expect(message.code == .noError)
            #expect(SigningFixture.sets(message.answers).count == sets, "\(name) \(type)")
            #expect(zone.faults(message.answers).isEmpty, "\(name) \(type)")
            #expect(message.authorities.isEmpty)
            #expect(message.flags & 0x30 == 0, "AD and CD are not set (RFC 4035 §3.1.6)")
        }
    }

    @Test(arguments: ways)
    func `without DO nothing changes`(way: Way) throws {
        var zone = try SignedAnswerTests.fixture(way)
        var plain = try SigningFixture(
            [("example.com", SignedAnswerTests.zone), ("example.net", SignedAnswerTests.second)],
            signed: [:]
        )
        for name in [
            "example.com", "host.example.com", "one.example.com", "no.example.com",
            "x.wild.example.com", "ent.example.com", "x.open.example.com", "x.safe.example.com",
        ] {
            for type in [RecordType.A, .TXT, .MX, .DS] {
                let found = try zone.ask(name, type, flags: 0)
                let expected = try plain.ask(name, type, flags: 0)
                #expect(found.answers == expected.answers, "\(name) \(type)")
                #expect(found.authorities == expected.authorities)
                #expect(found.additionals == expected.additionals)
                #expect(found.code == expected.code)
                #expect(found.option?.ttl == 0)
            }
        }
    }

    static let negative: [(String, RecordType)] = [
        ("no.example.com", .A), ("a.b.no.example.com", .A), ("x.host.example.com", .A),
        ("host.example.com", .TXT), ("example.com", .TXT), ("ent.example.com", .A),
        ("x.wild.example.com", .MX), ("*.wild.example.com", .MX), ("www.example.com", .TXT),
        ("six.example.com", .A), ("open.example.com", .DS), ("gone.example.com", .A),
    ]

    @Test(arguments: ways)
    func `negative answers are signed and proven`(way: Way) throws {
        var zone = try SignedAnswerTests.fixture(way)
        for (name, type) in SignedAnswerTests.negative {
            let message = try zone.ask(name, type)
            #expect(zone.faults(message.answers + message.authorities).isEmpty, "\(name) \(type)")
            let kinds = Set(message.authorities.map(\.type))
            #expect(
                kinds == [.SOA, .RRSIG, way.denial == .compact ? .NSEC : .NSEC3],
                "\(name) \(type)"
            )
            let proofs = message.authorities.filter { $0.type == .NSEC || $0.type == .NSEC3 }
            #expect(proofs.allSatisfy { $0.ttl == 60 }, "RFC 9077 §3")
            for proof in proofs where proof.type == .NSEC {
                #expect(!SigningFixture.types(proof).contains("\(type)"), "\(name) \(type)")
            }
        }
    }

    // RFC 9824 §3.
    @Test func `compact denial says that the name is there and has nothing`() throws {
        var zone = try SignedAnswerTests.fixture(Way(algorithm: .ed25519, denial: .compact))
        let message = try zone.ask("No.example.com")
        #expect(message.code == .noError)
        let proof = try #require(message.authorities.first { $0.type == .NSEC })
        #expect(proof.owner == DomainName("no.example.com"))
        #expect(
            RecordText.data(.NSEC, proof.data.span)
                == "\\000.no.example.com. RRSIG NSEC NXNAME"
        )
        #expect(message.option?.ttl == 0x8000)
        // §5.1: who knows this way of saying it gets the code as well.
        let restored = try zone.ask("no.example.com", flags: 0xc000)
        #expect(restored.code == .nameError)
        #expect(restored.option?.ttl == 0xc000)
        #expect(restored.authorities.contains { SigningFixture.types($0).contains("NXNAME") })
        let plain = try zone.ask("no.example.com", flags: 0x4000)
        #expect(plain.code == .nameError, "without DO nothing is compact")
        #expect(plain.option?.ttl == 0)
        #expect(plain.authorities.map(\.type) == [.SOA])
        #expect(try zone.ask("gone.example.com", flags: 0xc000).code == .nameError)
        #expect(try zone.ask("host.example.com", flags: 0xc000).option?.ttl == 0xc000)
        var other = try SignedAnswerTests.fixture(
            Way(algorithm: .ed25519, denial: .narrowNSEC3)
        )
        #expect(try other.ask("no.example.com", flags: 0xc000).option?.ttl == 0x8000)
    }

    static let bitmaps: [(String, RecordType, String)] = [
        ("example.com", .TXT, "A NS SOA MX AAAA RRSIG NSEC DNSKEY CDS CDNSKEY"),
        ("host.example.com", .TXT, "A RRSIG NSEC TYPE65280"),
        ("ent.example.com", .A, "RRSIG NSEC"),
        ("x.wild.example.com", .MX, "A TXT RRSIG NSEC"),
        ("www.example.com", .TXT, "A AAAA RRSIG NSEC HTTPS"),
        ("six.example.com", .A, "AAAA RRSIG NSEC"),
        ("open.example.com", .DS, "NS RRSIG NSEC"),
    ]

    @Test func `proofs name the types that are there`() throws {
        var zone = try SignedAnswerTests.fixture(Way(algorithm: .ed25519, denial: .compact))
        for (name, type, expected) in SignedAnswerTests.bitmaps {
            let message = try zone.ask(name, type)
            let proof = message.authorities.first { $0.type == .NSEC }
            #expect(SigningFixture.types(proof).joined(separator: " ") == expected, "\(name)")
        }
    }

    // RFC 4035 §3.1.4.
    @Test(arguments: ways)
    func `referrals say whether the zone below is signed`(way: Way) throws {
        var zone = try SignedAnswerTests.fixture(way)
        let safe = try zone.ask("x.safe.example.com")
        #expect(!safe.isAuthoritative)
        #expect(safe.authorities.map(\.type) == [.NS, .DS, .RRSIG])
        #expect(zone.faults(safe.authorities.filter { $0.type != .NS }).isEmpty)
        for type in [RecordType.A, .NS] {
            let open = try zone.ask("open.example.com", type)
            let proof = open.authorities.first { $0.type == .NSEC || $0.type == .NSEC3 }
            #expect(
                SigningFixture.types(proof)
                    == (way.denial == .compact ? ["NS", "RRSIG", "NSEC"] : ["NS"])
            )
            #expect(zone.faults(open.authorities.filter { $0.type != .NS }).isEmpty)
            #expect(open.additionals.map(\.type) == [.A], "glue is not signed")
        }
        let answer = try zone.ask("safe.example.com", .DS)
        #expect(answer.isAuthoritative)
        #expect(zone.faults(answer.answers).isEmpty)
    }

    // RFC 5155 §7.2.2, RFC 7129 Appendix B.
    @Test func `NSEC3 covers one hash each`() throws {
        var zone = try SignedAnswerTests.fixture(Way(algorithm: .ed25519, denial: .narrowNSEC3))
        let message = try zone.ask("a.b.host.example.com")
        #expect(message.code == .nameError)
        let proofs = message.authorities.filter { $0.type == .NSEC3 }
        #expect(proofs.count == 3)
        func span(_ proof: DNSMessage.Record) -> (from: String, to: String) {
            let label = proof.owner.wire.dropFirst().prefix(32)
            let words = RecordText.data(.NSEC3, proof.data.span).split(separator: " ")
            #expect(words.prefix(4) == ["1", "0", "0", "-"], "RFC 9276 §3.1")
            return (String(decoding: label, as: UTF8.self).uppercased(), String(words[4]))
        }
        func hash(_ name: String) throws -> String {
            let wire = try #require(DomainName(name)).wire
            let hash = HashedOwner.hash(wire.span, salt: Span(), iterations: 0)
            let data = [1, 0, 0, 0, 0, 20] + hash.indices.map { hash[$0] }
            return String(
                RecordText.data(.NSEC3, data.span).split(separator: " ").last ?? ""
            )
        }
        let spans = proofs.map(span)
        #expect(spans[0].from == (try hash("host.example.com")))
        #expect(SigningFixture.types(proofs[0]) == ["A", "RRSIG", "TYPE65280"])
        for (index, name) in [(1, "b.host.example.com"), (2, "*.host.example.com")] {
            let hash = try hash(name)
            #expect(spans[index].from < hash && hash < spans[index].to, "\(name)")
            #expect(SigningFixture.types(proofs[index]).isEmpty)
        }
        let param = try zone.ask("example.com", .NSEC3PARAM)
        #expect(param.answers.first?.data == [1, 0, 0, 0, 0])
        #expect(zone.faults(param.answers).isEmpty)
        var other = try SignedAnswerTests.fixture(Way(algorithm: .ed25519, denial: .compact))
        #expect(try other.ask("example.com", .NSEC3PARAM).answers.isEmpty)
    }

    @Test(arguments: ways)
    func `proofs and signatures are given to those who ask for them`(way: Way) throws {
        var zone = try SignedAnswerTests.fixture(way)
        for name in ["host.example.com", "one.example.com", "example.com"] {
            let found = try zone.ask(name, .RRSIG, flags: 0)
            #expect(found.answers.map(\.type) == [.RRSIG], "\(name)")
            #expect(found.answers.first?.owner == DomainName(name))
            guard way.denial == .compact else { continue }
            let proof = try zone.ask(name, .NSEC)
            #expect(proof.answers.map(\.type) == [.NSEC, .RRSIG])
            #expect(zone.faults(proof.answers).isEmpty)
        }
        #expect(try zone.ask("host.example.com", .NSEC3).answers.isEmpty)
        #expect(try zone.ask("host.example.com", .DNSKEY).answers.isEmpty)
    }

    @Test func `a set goes with its signatures or not at all`() throws {
        let zone = try SignedAnswerTests.fixture(Way(algorithm: .ed25519, denial: .narrowNSEC3))
        for (name, type) in [
            ("host.example.com", RecordType.A), ("no.example.com", .A), ("x.open.example.com", .A),
            ("one.example.com", .A),
        ] {
            var datagrams = zone
            datagrams.fixture.context.isStream = false
            var truncated = 0
            for size in stride(from: 512, through: 1232, by: 9) {
                let message = try datagrams.ask(name, type, size: UInt16(size))
                truncated += message.isTruncated ? 1 : 0
                let all = message.answers + message.authorities
                let unsigned = all.filter { !(type == .A && $0.type == .NS) }
                #expect(datagrams.faults(unsigned).isEmpty, "\(name) \(size)")
            }
            #expect(truncated < 81)
        }
    }

    @Test func `signatures are made once and known then`() throws {
        var zone = try SignedAnswerTests.fixture(Way(algorithm: .ecdsaP256, denial: .compact))
        func signatures() throws -> [[UInt8]] {
            try zone.ask("www.example.com").answers.filter { $0.type == .RRSIG }.map(\.data)
        }
        let first = try signatures()
        for _ in 0..<20 { #expect(try signatures() == first, "ECDSA differs each time it is made") }
        // Another window, another signature.
        zone.now += 10 * 86_400
        #expect(try signatures() != first)
    }

    @Test func `servers with the same keys agree on the times`() throws {
        let keys = try SigningFixture.keys(.ed25519)
        let zones = [("example.com", SignedAnswerTests.zone)].map { (key: $0.0, value: $0.1) }
        var one = try SigningFixture(zones, signed: ["example.com": keys])
        var two = try SigningFixture(zones, signed: ["example.com": keys])
        var ends: Set<UInt32> = []
        for step in 0..<40 {
            one.now += UInt32(step) * 3600
            two.now = one.now
            for name in ["host.example.com", "many.example.com", "no.example.com"] {
                let message = try one.ask(name)
                #expect(one.faults(message.answers + message.authorities).isEmpty)
                // The order of addresses is each server's own.
                let other = try two.ask(name)
                let made = message.answers.filter { $0.type == .RRSIG }
                #expect(made == other.answers.filter { $0.type == .RRSIG })
                for signature in made {
                    let end = signature.data[8..<12].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                    ends.insert(end)
                    #expect(end - one.now <= keys.lifetime && end - one.now >= keys.refresh)
                }
            }
        }
        #expect(ends.count > 3, "not all end at once")
    }

    @Test func `what cannot be signed is not answered without signature`() throws {
        var keys = try SigningFixture.keys()
        keys.keys[0].signsZone = false
        var zone = try SigningFixture(
            [("example.com", SignedAnswerTests.zone)],
            signed: ["example.com": keys]
        )
        let message = try zone.ask("host.example.com")
        #expect(message.code == .serverFailure)
        #expect(message.answers.isEmpty && message.authorities.isEmpty)
        #expect(message.option(15) == [0, 10])
        #expect(try zone.ask("example.com", .DNSKEY).answers.count == 2)
        #expect(try zone.ask("host.example.com", flags: 0).answers.count == 1)
    }

    @Test func `the validator of these tests sees what is wrong`() throws {
        var zone = try SignedAnswerTests.fixture(Way(algorithm: .ecdsaP256, denial: .compact))
        let good = try zone.ask("many.example.com").answers
        #expect(zone.faults(good).isEmpty)
        for place in good.indices {
            var bad = good
            bad[place].data[bad[place].data.count - 1] ^= 1
            #expect(zone.faults(bad).count == 1)
            bad = good
            bad[place].ttl += 1
            #expect(!zone.faults(bad).isEmpty)
            bad = good
            bad.remove(at: place)
            #expect(!zone.faults(bad).isEmpty)
        }
        var renamed = good
        for place in renamed.indices {
            renamed[place].owner = try #require(DomainName("other.example.com"))
        }
        #expect(!zone.faults(renamed).isEmpty)
        zone.now += 15 * 86_400
        #expect(!zone.faults(good).isEmpty)
    }

    @Test func `zones that have changed by themselves are signed as the others`() throws {
        let keys = [
            "example.com": try SigningFixture.keys(), "example.net": try SigningFixture.keys(),
        ]
        let old = try SigningFixture(
            [("example.com", SignedAnswerTests.zone), ("example.net", SignedAnswerTests.second)],
            signed: keys
        )
        let fresh = SignedAnswerTests.zone + "\nfresh A 192.0.2.200\nback CNAME away\n"
        let changed = try ZoneFixture(["example.com": fresh]).snapshot.zones
        var snapshot = DNSSnapshot(
            zones: old.fixture.snapshot.zones,
            changed: changed,
            steer: old.fixture.snapshot.steer,
            generation: 2
        )
        var all: [DomainName: ZoneKeys] = [:]
        for (name, keys) in keys { all[try #require(DomainName(name))] = keys }
        snapshot.signing = SigningTable(all, zones: snapshot.zones, changed: changed)
        var zone = old
        zone.fixture = ZoneFixture(snapshot)
        zone.fixture.context.isStream = true
        for (name, sets) in [("fresh.example.com", 1), ("back.example.com", 3)] {
            let message = try zone.ask(name)
            #expect(SigningFixture.sets(message.answers).count == sets)
            #expect(zone.faults(message.answers).isEmpty)
        }
        let denied = try zone.ask("no.example.com")
        #expect(zone.faults(denied.authorities).isEmpty && denied.authorities.count == 4)
    }

    @Test func `an explanation says how a zone is signed`() throws {
        let zone = try SignedAnswerTests.fixture(Way(algorithm: .ed25519, denial: .compact))
        let apex = try #require(DomainName("example.com"))
        let tag = try #require(zone.keys[apex]?.first).tag
        func why(_ name: String, _ type: RecordType) throws -> String {
            let name = try #require(DomainName(name))
            return zone.fixture.snapshot.explain(name: name, type: type, now: .start, seed: 1).why
        }
        let signed = "; signed as it is answered with key \(tag), denied by NSEC"
        #expect(try why("host.example.com", .A) == "NOERROR: the name exists; 1 A records" + signed)
        #expect(
            try why("example.com", .DNSKEY)
                == "NOERROR: the name exists; DNSKEY is made of the keys of the zone" + signed
        )
        let presigned = try PresignedAnswerTests.fixture("nsec").fixture.snapshot
        let found = presigned.explain(name: apex, type: .NS, now: .start, seed: 1)
        #expect(found.why.hasSuffix("; signed in the zone's file"))
    }

    // RFC 8078 §4.
    @Test func `a delegation ends by its own word`() throws {
        var keys = try SigningFixture.keys()
        keys.endsDelegation = true
        var zone = try SigningFixture(
            [("example.com", SignedAnswerTests.zone)],
            signed: ["example.com": keys]
        )
        #expect(try zone.ask("example.com", .CDS).answers.first?.data == [0, 0, 0, 0, 0])
        #expect(try zone.ask("example.com", .CDNSKEY).answers.first?.data == [0, 0, 3, 0, 0])
    }

    @Test func `the DS set of a zone inside another is the word of the outer one`() throws {
        let inner = "$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns A 192.0.2.4\n"
        let outer = SignedAnswerTests.zone + "\nsub NS ns.sub\nns.sub A 192.0.2.4\n"
        for way in SignedAnswerTests.ways {
            var zone = try SigningFixture(
                [("example.com", outer), ("sub.example.com", inner)],
                signed: [
                    "example.com": SigningFixture.keys(way.algorithm, way.denial),
                    "sub.example.com": SigningFixture.keys(way.algorithm, way.denial),
                ]
            )
            let message = try zone.ask("sub.example.com", .DS)
            #expect(zone.faults(message.authorities).isEmpty)
            let soa = message.authorities.first { $0.type == .SOA }
            #expect(soa?.owner == DomainName("example.com"))
            let proof = message.authorities.first { $0.type == .NSEC || $0.type == .NSEC3 }
            #expect(SigningFixture.types(proof).filter { $0 != "RRSIG" && $0 != "NSEC" } == ["NS"])
            #expect(zone.faults(try zone.ask("ns.sub.example.com").answers).isEmpty)
            var safe = try SigningFixture(
                [("safe.example.com", inner), ("example.com", SignedAnswerTests.zone)],
                signed: [
                    "example.com": SigningFixture.keys(way.algorithm, way.denial),
                    "safe.example.com": SigningFixture.keys(way.algorithm, way.denial),
                ]
            )
            let answer = try safe.ask("safe.example.com", .DS).answers
            #expect(safe.faults(answer).isEmpty)
            let outer = try #require(DomainName("example.com"))
            #expect(answer.map(\.type) == [.DS, .RRSIG])
            #expect(Array(answer[1].data.dropFirst(18).prefix(13)) == outer.wire)
        }
    }

    @Test func `the longest names have successors as well`() throws {
        var zone = try SignedAnswerTests.fixture(Way(algorithm: .ed25519, denial: .compact))
        let label = String(repeating: "a", count: 63)
        let long = String(repeating: "\\255", count: 63)
        for first in [
            String(repeating: "b", count: 47), String(repeating: "b", count: 48),
            String(repeating: "b", count: 49), String(repeating: "b", count: 48) + "@",
            String(repeating: "\\255", count: 49),
        ] {
            for rest in [label, long] {
                let name = "\(first).\(rest).\(rest).\(rest).example.com"
                guard let wire = DomainName(name)?.wire, wire.count > 250 else { continue }
                let message = try zone.ask(name)
                #expect(zone.faults(message.authorities).isEmpty)
                let proof = try #require(message.authorities.first { $0.type == .NSEC })
                let found = WireName.length(in: proof.data.span, at: 0)
                let length = try #require(found)
                let next = Array(proof.data.prefix(length))
                let order = CanonicalOrder.compare(wire.span, next.span)
                #expect(order < 0, "\(wire.count)")
            }
        }
    }
}
