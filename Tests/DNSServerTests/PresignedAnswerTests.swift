// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Foundation
import Runtime
import Testing

/// Zones that are signed in their files: proofs of RFC 4035 §3.1.3 and RFC 5155 §7.2.
@Suite struct PresignedAnswerTests {
    static let ways = ["nsec", "nsec3", "optout"]

    static func text(_ way: String) throws -> String {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(2)
        let path = "/" + parts.joined(separator: "/") + "/Captures/dns/presigned-\(way).zone"
        return try String(contentsOfFile: path, encoding: .utf8)
    }

    static func fixture(_ way: String, text: String? = nil) throws -> SigningFixture {
        let text = try text ?? Self.text(way)
        var zone = try SigningFixture([("example.com", text)], signed: [:])
        let secret = SigningVectorTests.octets("yQt/gArOOiHLrPh7DIqv1+YLN5Lz41Z/QBnz9KLglc4=")
        let key = try #require(SigningKey(.ecdsaP256, secret: secret))
        zone.keys = [try #require(DomainName("example.com")): [ZoneKey(key)]]
        zone.takesExpansions = true
        return zone
    }

    @Test(arguments: ways)
    func `answers have the signatures of the file`(way: String) throws {
        var zone = try PresignedAnswerTests.fixture(way)
        for (name, type, sets) in [
            ("example.com", RecordType.SOA, 1), ("example.com", .DNSKEY, 1),
            ("Host.example.com", .A, 1), ("one.example.com", .A, 2), ("x.wild.example.com", .A, 1),
            ("a.b.wild.example.com", .TXT, 1), ("x.cw.example.com", .A, 2),
            ("safe.example.com", .DS, 1), ("host.example.com", .ANY, 1),
        ] {
            let message = try zone.ask(name, type)
            #expect(SigningFixture.sets(message.answers).count == sets, "\(name) \(type)")
            #expect(zone.faults(message.answers + message.authorities).isEmpty, "\(name) \(type)")
            let isMade = name.contains("wild") || name.contains("cw")
            #expect(message.authorities.isEmpty != isMade, "\(name) \(type)")
        }
        let mail = try zone.ask("example.com", .MX)
        #expect(zone.faults(mail.additionals).isEmpty)
        #expect(mail.additionals.contains { $0.type == .RRSIG })
    }

    @Test(arguments: ways)
    func `without DO only what is asked for is shown`(way: String) throws {
        var zone = try PresignedAnswerTests.fixture(way)
        for (name, type) in [
            ("host.example.com", RecordType.A), ("no.example.com", .A), ("open.example.com", .A),
            ("x.wild.example.com", .A), ("host.example.com", .MX),
        ] {
            let message = try zone.ask(name, type, flags: 0)
            let all = message.answers + message.authorities + message.additionals
            #expect(!all.contains { [.RRSIG, .NSEC, .NSEC3].contains($0.type) }, "\(name)")
        }
        #expect(try zone.ask("host.example.com", .RRSIG, flags: 0).answers.count >= 2)
        let proof = try zone.ask("one.example.com", .NSEC, flags: 0).answers
        #expect(proof.map(\.type) == (way == "nsec" ? [.NSEC] : []))
    }

    // MARK: NSEC

    private static func covers(_ proof: DNSMessage.Record, _ name: String) -> Bool {
        guard let wire = DomainName(name)?.wire,
            let length = WireName.length(in: proof.data.span, at: 0)
        else { return false }
        let next = Array(proof.data.prefix(length))
        let owner = proof.owner.wire
        let isAfter = CanonicalOrder.compare(owner.span, wire.span) < 0
        let isBefore = CanonicalOrder.compare(wire.span, next.span) < 0
        let isLast = CanonicalOrder.compare(next.span, owner.span) <= 0
        return isLast ? isAfter || isBefore : isAfter && isBefore
    }

    @Test func `a name that is not there is covered, and so is the wildcard`() throws {
        var zone = try PresignedAnswerTests.fixture("nsec")
        for (name, wildcard) in [
            ("no.example.com", "*.example.com"), ("zz.example.com", "*.example.com"),
            ("x.y.host.example.com", "*.host.example.com"), ("b.ent.example.com.", ""),
            ("0.example.com", "*.example.com"),
        ] where !wildcard.isEmpty {
            let message = try zone.ask(name)
            #expect(message.code == .nameError)
            #expect(zone.faults(message.authorities).isEmpty)
            let proofs = message.authorities.filter { $0.type == .NSEC }
            #expect(proofs.contains { PresignedAnswerTests.covers($0, name) }, "\(name)")
            #expect(proofs.contains { PresignedAnswerTests.covers($0, wildcard) }, "\(wildcard)")
            #expect(proofs.count <= 2)
            #expect(Set(proofs.map(\.owner)).count == proofs.count, "none twice")
        }
    }

    @Test func `a type that is not there is denied by the name's own proof`() throws {
        var zone = try PresignedAnswerTests.fixture("nsec")
        for (name, type, owner) in [
            ("host.example.com", RecordType.MX, "host.example.com"),
            ("example.com", .TXT, "example.com"), ("open.example.com", .DS, "open.example.com"),
        ] {
            let message = try zone.ask(name, type)
            #expect(message.code == .noError)
            #expect(zone.faults(message.authorities).isEmpty)
            let proofs = message.authorities.filter { $0.type == .NSEC }
            #expect(proofs.map(\.owner) == [DomainName(owner)])
            #expect(!SigningFixture.types(proofs.first).contains("\(type)"))
        }
        // A name with nothing of its own lies between two others.
        let empty = try zone.ask("ent.example.com")
        let proofs = empty.authorities.filter { $0.type == .NSEC }
        #expect(proofs.count == 1)
        #expect(PresignedAnswerTests.covers(proofs[0], "ent.example.com"))
        // Of a wildcard: what it has, and that the name itself is not there.
        let made = try zone.ask("x.wild.example.com", .MX).authorities.filter { $0.type == .NSEC }
        #expect(made.count == 2 || made.count == 1)
        #expect(made.contains { $0.owner == DomainName("*.wild.example.com") })
        #expect(made.contains { PresignedAnswerTests.covers($0, "x.wild.example.com") })
    }

    @Test func `a name made from a wildcard is shown not to be there itself`() throws {
        var zone = try PresignedAnswerTests.fixture("nsec")
        for name in ["x.wild.example.com", "a.b.wild.example.com", "q.cw.example.com"] {
            let message = try zone.ask(name)
            let proofs = message.authorities.filter { $0.type == .NSEC }
            #expect(proofs.count == 1)
            #expect(proofs.allSatisfy { PresignedAnswerTests.covers($0, name) })
        }
    }

    @Test(arguments: ways)
    func `referrals say whether the zone below is signed`(way: String) throws {
        var zone = try PresignedAnswerTests.fixture(way)
        let safe = try zone.ask("x.safe.example.com")
        #expect(safe.authorities.map(\.type) == [.NS, .DS, .RRSIG])
        let open = try zone.ask("x.open.example.com")
        #expect(zone.faults(open.authorities.filter { $0.type != .NS }).isEmpty)
        let proofs = open.authorities.filter { $0.type == .NSEC || $0.type == .NSEC3 }
        #expect(proofs.count == (way == "optout" ? 2 : 1))
        if way != "optout" {
            #expect(
                SigningFixture.types(proofs.first).filter { $0 != "RRSIG" && $0 != "NSEC" } == [
                    "NS"
                ]
            )
        }
    }

    // MARK: NSEC3

    private struct Hash {
        var proofs: [DNSMessage.Record]
        var salt: [UInt8]
        var iterations: UInt16

        func digits(_ name: String) -> String {
            let wire = DomainName(name)?.wire ?? []
            let hash = HashedOwner.hash(wire.span, salt: salt.span, iterations: iterations)
            let data = [1, 0, 0, 0, 0, 20] + hash.indices.map { hash[$0] }
            return RecordText.data(.NSEC3, data.span).split(separator: " ").last.map(String.init)
                ?? ""
        }

        private func ends(_ proof: DNSMessage.Record) -> (String, String) {
            let label = proof.owner.wire.dropFirst().prefix(32)
            let words = RecordText.data(.NSEC3, proof.data.span).split(separator: " ")
            return (String(decoding: label, as: UTF8.self).uppercased(), String(words[4]))
        }

        func matching(_ name: String) -> DNSMessage.Record? {
            proofs.first { ends($0).0 == digits(name) }
        }

        func isCovered(_ name: String) -> Bool {
            let hash = digits(name)
            return proofs.contains { proof in
                let (from, to) = ends(proof)
                return from < to ? from < hash && hash < to : hash > from || hash < to
            }
        }
    }

    private func proofs(_ message: DNSMessage, _ way: String) -> Hash {
        Hash(
            proofs: message.authorities.filter { $0.type == .NSEC3 },
            salt: way == "nsec3" ? [0xaa, 0xbb] : [],
            iterations: way == "nsec3" ? 5 : 0
        )
    }

    @Test(arguments: ["nsec3", "optout"])
    func `a name that is not there has an encloser, and no wildcard there`(way: String) throws {
        var zone = try PresignedAnswerTests.fixture(way)
        for (name, encloser, next, wildcard) in [
            ("no.example.com", "example.com", "no.example.com", "*.example.com"),
            (
                "x.y.host.example.com", "host.example.com", "y.host.example.com",
                "*.host.example.com"
            ),
            (
                "q.b.ent.example.com", "b.ent.example.com", "q.b.ent.example.com",
                "*.b.ent.example.com"
            ),
        ] {
            let message = try zone.ask(name)
            #expect(message.code == .nameError)
            #expect(zone.faults(message.authorities).isEmpty)
            let found = proofs(message, way)
            #expect(found.matching(encloser) != nil, "\(name)")
            #expect(found.isCovered(next), "\(name)")
            #expect(found.isCovered(wildcard), "\(name)")
            #expect(found.proofs.count <= 3)
            #expect(Set(found.proofs.map(\.owner)).count == found.proofs.count, "none twice")
        }
    }

    @Test(arguments: ["nsec3", "optout"])
    func `types are denied by hashes`(way: String) throws {
        var zone = try PresignedAnswerTests.fixture(way)
        for name in ["host.example.com", "ent.example.com", "example.com"] {
            let found = proofs(try zone.ask(name, .PTR), way)
            #expect(found.proofs.count == 1)
            #expect(found.matching(name) != nil)
        }
        let made = proofs(try zone.ask("x.wild.example.com", .MX), way)
        #expect(made.matching("*.wild.example.com") != nil)
        #expect(made.matching("wild.example.com") != nil)
        #expect(made.isCovered("x.wild.example.com"))
        let answer = proofs(try zone.ask("a.b.wild.example.com", .A), way)
        #expect(answer.proofs.count == 1 && answer.isCovered("b.wild.example.com"))
        // Opted out: no proof of its own, but of what is above it.
        let open = proofs(try zone.ask("open.example.com", .DS), way)
        if way == "optout" {
            #expect(open.matching("example.com") != nil && open.isCovered("open.example.com"))
            let deep = proofs(try zone.ask("d.deep.example.com", .DS), way)
            #expect(deep.matching("example.com") != nil && deep.isCovered("deep.example.com"))
        } else {
            #expect(open.proofs.count == 1 && open.matching("open.example.com") != nil)
        }
    }

    // RFC 5155 §7.2.8.
    @Test func `names of hashes are not there`() throws {
        var zone = try PresignedAnswerTests.fixture("nsec3")
        let proof = try zone.ask("no.example.com").authorities.first { $0.type == .NSEC3 }
        let owner = try #require(proof).owner
        for type in [RecordType.A, .NSEC3, .RRSIG] {
            #expect(try zone.ask("\(owner)", type).code == .nameError)
        }
    }

    @Test func `NSEC3PARAM with flags is not minded`() throws {
        let text = try PresignedAnswerTests.text("nsec3")
        let head = "example.com. 0 IN NSEC3PARAM 1 1 9 -\n"
        var zone = try PresignedAnswerTests.fixture("nsec3", text: head + text)
        let message = try zone.ask("no.example.com")
        let wanted = try zone.ask("no.example.com").authorities
        var plain = try PresignedAnswerTests.fixture("nsec3")
        #expect(wanted == (try plain.ask("no.example.com").authorities))
        #expect(zone.faults(message.authorities).isEmpty)
        // One without flags is wanted: else there are no proofs to be had.
        let flagged = text.replacingOccurrences(
            of: "NSEC3PARAM\t1 0 5 ",
            with: "NSEC3PARAM\t1 1 5 "
        )
        var none = try PresignedAnswerTests.fixture("nsec3", text: flagged)
        #expect(try none.ask("no.example.com").authorities.map(\.type) == [.SOA])
    }

    @Test func `two names with one hash are answered SERVFAIL`() throws {
        let text = try PresignedAnswerTests.text("nsec3")
        let name = try #require(DomainName("no.example.com")).wire
        let hash = HashedOwner.hash(name.span, salt: [0xaa, 0xbb].span, iterations: 5)
        let data = [1, 0, 0, 0, 0, 20] + hash.indices.map { hash[$0] }
        let digits = RecordText.data(.NSEC3, data.span).split(separator: " ").last ?? ""
        let more = "\(digits).example.com. 60 IN NSEC3 1 0 5 AABB \(digits) A\n"
        var zone = try PresignedAnswerTests.fixture("nsec3", text: text + more)
        let message = try zone.ask("no.example.com")
        #expect(message.code == .serverFailure)
        #expect(message.answers.isEmpty && message.authorities.isEmpty)
        #expect(try zone.ask("host.example.com").code == .noError, "others are not met by it")
        #expect(try zone.ask("no.example.com", flags: 0).code == .nameError)
    }

    @Test func `a policy cannot choose in a zone that its file signs`() throws {
        let text = try PresignedAnswerTests.text("nsec")
        for (more, isSigned) in [("alias ALIAS host\n", true), ("", false)] {
            let found = try ZoneFixture.problems(["example.com": text + more])
            #expect(found.contains { $0.hasPrefix("M1460") } == isSigned)
        }
        for (iterations, code) in [(100, nil), (150, "M1670"), (151, "M1533"), (65_535, "M1533")]
            as [(Int, String?)]
        {
            let hashed = try PresignedAnswerTests.text("nsec3")
                .replacingOccurrences(
                    of: "NSEC3PARAM\t1 0 5 ",
                    with: "NSEC3PARAM\t1 0 \(iterations) "
                )
            let problems = try ZoneFixture.problems(["example.com": hashed])
            let found = problems.compactMap { problem in
                ["M1670", "M1533"].first { problem.hasPrefix($0) }
            }
            #expect(found == (code.map { [$0] } ?? []), "\(iterations)")
        }
    }
}
