// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// What RFCs state of signed zones, where no other suite comes by.
extension StatementTests {
    /// Zones that are signed in each way, here and in their files.
    static let signedWays =
        DenialMethod.allCases.map { "\($0)" } + PresignedAnswerTests.ways

    static func signed(_ way: String) throws -> SigningFixture {
        guard let denial = DenialMethod.allCases.first(where: { "\($0)" == way }) else {
            return try PresignedAnswerTests.fixture(way)
        }
        return try SignedAnswerTests.fixture(
            SignedAnswerTests.Way(algorithm: .ecdsaP256, denial: denial)
        )
    }

    // RFC 4035 §3.1.1.
    @Test(arguments: signedWays)
    func `addresses that go along have signatures, and for want of room there is no TC`(
        way: String
    ) throws {
        var zone = try StatementTests.signed(way)
        let whole = try zone.ask("example.com", .MX)
        #expect(whole.additionals.map(\.type) == [.A, .RRSIG])
        #expect(zone.faults(whole.additionals).isEmpty)
        let question = EDNSQuestion {
            ($0.name, $0.type, $0.ednsFlags) = ("example.com", .MX, 0x8000)
        }
        let size = zone.fixture.respond(question.bytes).count
        var counts: Set<Int> = []
        for capacity in size - 120...size {
            let bytes = zone.fixture.respond(question.bytes, capacity: capacity)
            let message = try #require(DNSMessage(bytes), "\(capacity)")
            #expect(message.answers == whole.answers && !message.isTruncated, "\(capacity)")
            #expect(zone.faults(message.additionals).isEmpty, "\(capacity)")
            counts.insert(message.additionals.count)
        }
        #expect(counts == [0, 2])
    }

    // RFC 4035 §3.1.4, §2.2.
    @Test(arguments: signedWays)
    func `servers of a referral stand ahead of what is said of the DS, and are not signed`(
        way: String
    ) throws {
        var zone = try StatementTests.signed(way)
        for name in ["x.safe.example.com", "x.open.example.com"] {
            let message = try zone.ask(name)
            let types = message.authorities.map(\.type)
            let servers = types.prefix { $0 == .NS }.count
            #expect(servers > 0 && !types.dropFirst(servers).contains(.NS), "\(name)")
            #expect(types.count > servers, "\(name)")
            let covered = message.authorities.filter { $0.type == .RRSIG }.map {
                Array($0.data.prefix(2))
            }
            #expect(!covered.isEmpty && !covered.contains([0, 2]), "\(name)")
        }
    }

    // RFC 4035 §3.1.4.1.
    @Test(arguments: signedWays)
    func `DS of a zone whose parent is elsewhere is denied by the zone itself`(way: String) throws {
        var zone = try StatementTests.signed(way)
        let message = try zone.ask("example.com", .DS)
        #expect(message.code == .noError && message.isAuthoritative && message.answers.isEmpty)
        #expect(zone.faults(message.authorities).isEmpty)
        let soa = message.authorities.first { $0.type == .SOA }
        #expect(soa?.owner == DomainName("example.com"))
        let proof = message.authorities.first { $0.type == .NSEC || $0.type == .NSEC3 }
        let types = SigningFixture.types(proof)
        #expect(types.contains("SOA") && !types.contains("DS"))
    }

    // RFC 4034 §3.1.7, §4.1.1.
    @Test(arguments: signedWays)
    func `names in signatures and proofs are not compressed`(way: String) throws {
        var zone = try StatementTests.signed(way)
        zone.fixture.context.timestamp = zone.now
        let question = EDNSQuestion {
            ($0.name, $0.type, $0.ednsFlags) = ("host.example.com", .PTR, 0x8000)
        }
        let bytes = zone.fixture.respond(question.bytes)
        let found = try #require(DNSMessage(bytes)).authorities.filter { $0.type != .SOA }
        #expect(found.count > 2)
        for record in found {
            #expect(bytes.firstRange(of: record.data) != nil, "\(record)")
        }
    }

    // RFC 4034 §2.1.1, §2.1.2, RFC 4035 §2.1.
    @Test func `keys are of a zone and protocol 3, and one is for the parent`() throws {
        let (ksk, zsk) = (
            ZoneKey(try #require(SigningKey.generate(.ed25519)), signsZone: false),
            ZoneKey(
                try #require(SigningKey.generate(.ed25519)),
                flags: 256,
                signsKeys: false,
                isInCDS: false
            )
        )
        var zone = try SigningFixture(
            [("example.com", SignedAnswerTests.zone)],
            signed: ["example.com": ZoneKeys(keys: [ksk, zsk], denial: .compact)]
        )
        let keys = try zone.ask("example.com", .DNSKEY)
        #expect(zone.faults(keys.answers).isEmpty)
        let heads = keys.answers.filter { $0.type == .DNSKEY }.map { Array($0.data.prefix(3)) }
        #expect(heads.count == 2 && Set(heads) == [[1, 0, 3], [1, 1, 3]])
        let digests = try zone.ask("example.com", .CDS).answers.filter { $0.type == .CDS }
        let tags = Set(digests.map { UInt16($0.data[0]) << 8 | UInt16($0.data[1]) })
        #expect(tags == [ksk.tag])
        #expect(zone.faults(try zone.ask("host.example.com").answers).isEmpty)
    }

    // RFC 5155 §10.2, §7.2.8.
    @Test func `NSEC3 stands below a DNAME at an apex, and is redirected as all else`() throws {
        let wire = try #require(DomainName("example.com")).wire
        let hash = HashedOwner.hash(wire.span, salt: Span(), iterations: 0)
        let data = [1, 0, 0, 0, 0, 20] + hash.indices.map { hash[$0] }
        let digits = RecordText.data(.NSEC3, data.span).split(separator: " ").last ?? ""
        let times = "60 20400101000000 20250101000000 45948 example.com. AAAA"
        let text = """
            $TTL 60
            @ SOA ns.example.org. h.example.org. 1 2 3 4 5
            @ NS ns.example.org.
            @ DNAME example.org.
            @ RRSIG DNAME 13 2 \(times)
            @ DNSKEY 257 3 13 zMNrcpRdhR00SkuJpX++mgnNI8yptuD4UWxeKjby2D2m/PxPnrkz2W15 \
            Bv2aYe4bhsKbO1CiuHErHxAkr2R6Mg==
            @ NSEC3PARAM 1 0 0 -
            \(digits) NSEC3 1 0 0 - \(digits) NS SOA RRSIG DNAME DNSKEY NSEC3PARAM
            \(digits) RRSIG NSEC3 13 3 \(times)

            """
        #expect(try ZoneFixture.problems(["example.com": text]) == [])
        var zone = try SigningFixture([("example.com", text)], signed: [:])
        for name in ["www.example.com", "\(digits).example.com"] {
            let message = try zone.ask(name)
            #expect(message.code == .noError, "\(name)")
            #expect(message.answers.map(\.type) == [.DNAME, .RRSIG, .CNAME], "\(name)")
        }
        let denied = try zone.ask("example.com", .MX)
        #expect(denied.authorities.contains { $0.type == .NSEC3 })
        // All else that stands there is hidden, and so is NSEC3 below another DNAME.
        for more in [
            "\(digits) A 192.0.2.1\n", "x.\(digits) A 192.0.2.1\n",
            "d DNAME a.\n\(digits).d NSEC3 1 0 0 - \(digits)\n",
        ] {
            let found = try ZoneFixture.problems(["example.com": text + more])
            #expect(found.contains { $0.hasPrefix("M1653") }, "\(more)")
        }
    }

    // RFC 4035 §3.1.3, §3.1.4.
    @Test(arguments: signedWays)
    func `without room for a proof there is TC`(way: String) throws {
        var zone = try StatementTests.signed(way)
        for (name, type) in [
            ("no.example.com", RecordType.A), ("host.example.com", .PTR),
            ("x.wild.example.com", .A), ("x.wild.example.com", .MX), ("x.open.example.com", .A),
            ("x.safe.example.com", .A),
        ] {
            let question = EDNSQuestion {
                ($0.name, $0.type, $0.ednsFlags) = (name, type, 0x8000)
            }
            let whole = zone.fixture.respond(question.bytes)
            let types = try #require(DNSMessage(whole)).authorities.map(\.type)
            var truncated = 0
            for capacity in stride(from: 100, through: whole.count, by: 7) {
                let bytes = zone.fixture.respond(question.bytes, capacity: capacity)
                let message = try #require(DNSMessage(bytes), "\(capacity)")
                truncated += message.isTruncated ? 1 : 0
                #expect(message.isTruncated || message.authorities.map(\.type) == types, "\(name)")
            }
            #expect(truncated > 0, "\(name)")
        }
    }

    // RFC 6672 §2.2.
    @Test func `a name that becomes too long is answered with its DNAME, signed`() throws {
        var zone = try SigningFixture(
            [("example.com", RedirectionTests.zone)],
            signed: ["example.com": try SigningFixture.keys()]
        )
        let label = String(repeating: "a", count: 50)
        let message = try zone.ask("\(label).deep.example.com")
        #expect(message.code == .nameExists)
        #expect(message.answers.map(\.type) == [.DNAME, .RRSIG])
        #expect(zone.faults(message.answers).isEmpty)
    }

    // RFC 5155 §7.1, RFC 6840 §6.4.
    @Test(arguments: ["\(DenialMethod.narrowNSEC3)", "nsec3", "optout"])
    func `the hash of an empty name has no types`(way: String) throws {
        var zone = try StatementTests.signed(way)
        let message = try zone.ask("ent.example.com", .A)
        let proofs = message.authorities.filter { $0.type == .NSEC3 }
        #expect(message.code == .noError && proofs.count == 1)
        #expect(zone.faults(message.authorities).isEmpty)
        // All but the bitmap: five octets, salt, and the next hash with its length.
        #expect(proofs.first?.data.count == 26 + (way == "nsec3" ? 2 : 0))
    }

    // RFC 5155 §7.2, §7.3.
    @Test func `of two chains of hashes in a zone one is used`() throws {
        let texts = try ["nsec3", "optout"].map { try PresignedAnswerTests.text($0) }
        let chains = texts.map { text in
            text.split(separator: "\n").filter { $0.contains("NSEC3") }.joined(separator: "\n")
        }
        var plain = try ["nsec3", "optout"].map { try PresignedAnswerTests.fixture($0) }
        for text in [texts[0] + "\n" + chains[1] + "\n", texts[1] + "\n" + chains[0] + "\n"] {
            var zone = try PresignedAnswerTests.fixture("nsec3", text: text)
            var used: Set<Int> = []
            for name in ["no", "zz", "x.y.host", "ent", "q.b.ent", "0", "a.b.wild", "x.open"] {
                let found = try zone.ask("\(name).example.com").authorities
                let proofs = found.filter { $0.type == .NSEC3 }
                #expect(!proofs.isEmpty && zone.faults(found.filter { $0.type != .NS }).isEmpty)
                for chain in 0...1 {
                    let wanted = try plain[chain].ask("\(name).example.com").authorities
                    if proofs == wanted.filter({ $0.type == .NSEC3 }) { used.insert(chain) }
                }
                #expect(used.count == 1, "\(name)")
            }
            // Owners of the other chain are no more there than those of this one.
            for chain in 0...1 {
                let found = try plain[chain].ask("no.example.com").authorities
                for proof in found where proof.type == .NSEC3 {
                    #expect(try zone.ask("\(proof.owner)").code == .nameError)
                }
            }
        }
    }
}
