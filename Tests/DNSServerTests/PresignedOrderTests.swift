// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// Where the proofs of names made from wildcards stand in a message (RFC 1035 §4.1).
@Suite struct PresignedOrderTests {
    private static func text(_ zone: String, _ records: String, last: String) -> String {
        let signature = "13 2 60 20400101000000 20250101000000 45948 \(zone). AAAA"
        return """
            $TTL 60
            @ SOA ns h 1 2 3 4 5
            @ NS ns
            @ DNSKEY 257 3 13 zMNrcpRdhR00SkuJpX++mgnNI8yptuD4UWxeKjby2D2m/PxPnrkz2W15 \
            Bv2aYe4bhsKbO1CiuHErHxAkr2R6Mg==
            @ RRSIG NSEC \(signature)
            @ NSEC \(last) NS SOA RRSIG NSEC DNSKEY
            \(records)

            """
    }

    private static let zone = text(
        "example.com",
        """
        *.cut CNAME x.sub
        *.cut NSEC *.far CNAME NSEC
        *.far CNAME q.m.other.test.
        *.far NSEC *.m CNAME NSEC
        *.m MX 10 mail
        *.m NSEC mail MX NSEC
        mail A 192.0.2.25
        mail NSEC ns A NSEC
        ns A 192.0.2.53
        ns NSEC sub A NSEC
        sub NS ns.sub
        sub NSEC @ NS NSEC
        ns.sub A 192.0.2.54
        """,
        last: "*.cut"
    )
    private static let other = text(
        "other.test",
        """
        *.m MX 10 mail
        *.m NSEC mail MX NSEC
        mail A 192.0.2.26
        mail NSEC ns A NSEC
        ns A 192.0.2.55
        ns NSEC @ A NSEC
        """,
        last: "*.m"
    )

    @Test func `they stand ahead of addresses that go along, and of glue`() throws {
        var zone = try SigningFixture([("example.com", Self.zone)], signed: [:])
        let mail = try zone.ask("q.m.example.com", .MX)
        #expect(mail.answers.map(\.type) == [.MX])
        #expect(mail.authorities.map(\.type) == [.NSEC])
        #expect(mail.authorities.first?.owner == DomainName("*.m.example.com"))
        #expect(
            mail.additionals.filter { $0.type == .A }.map(\.owner.description) == [
                "mail.example.com."
            ]
        )
        let cut = try zone.ask("q.cut.example.com")
        #expect(cut.answers.map(\.type) == [.CNAME])
        #expect(
            cut.authorities.map(\.type).sorted { $0.rawValue < $1.rawValue } == [.NS, .NSEC, .NSEC]
        )
        #expect(
            cut.additionals.filter { $0.type == .A }.map(\.owner.description) == [
                "ns.sub.example.com."
            ]
        )
    }

    // RFC 5155 §7.2.8: it is answered as if it were not there.
    @Test func `a name that only holds a hash is made from the wildcard of the apex`() throws {
        let label = "2t7b4g4vsa5smi47k61mv5bv1a22bojr"
        let hashed = Self.zone.replacing("@ NSEC *.cut", with: "@ NSEC3PARAM 1 0 0 - ;")
            .replacing("RRSIG NSEC 13", with: "RRSIG NSEC3PARAM 13")
        let proof = "\(label) NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG\n"
        var zone = try SigningFixture([("example.com", hashed + proof)], signed: [:])
        #expect(try zone.ask("\(label).example.com").code == .nameError)
        let more = hashed + proof + "* A 192.0.2.9\n"
        zone = try SigningFixture([("example.com", more)], signed: [:])
        let made = try zone.ask("\(label).example.com")
        #expect(made.code == .noError && made.answers.map(\.type) == [.A])
        #expect(made.answers.first?.data == [192, 0, 2, 9])
        let other = try zone.ask("\(label).example.com", .TXT)
        #expect(other.code == .noError && other.answers.isEmpty)
    }

    @Test(arguments: [[], ["example.com"], ["other.test"], ["example.com", "other.test"]])
    func `each has its own, whichever zones have changed`(changed: [String]) throws {
        let zones = [("example.com", Self.zone), ("other.test", Self.other)]
        let beside = zones.filter { changed.contains($0.0) }
        let snapshot = DNSSnapshot(
            zones: try ZoneFixture.table(zones),
            changed: beside.isEmpty ? .empty : try ZoneFixture.table(beside),
            steer: SteerTable([], health: HealthTable(capacity: 1)),
            generation: 1
        )
        var fixture = ZoneFixture(snapshot)
        fixture.context.isStream = true
        let message = try fixture.ask(
            EDNSQuestion {
                ($0.name, $0.type, $0.ednsFlags) = ("x.far.example.com", .MX, 0x8000)
            }
        )
        #expect(message.answers.map(\.type) == [.CNAME, .MX])
        #expect(
            Set(message.authorities.filter { $0.type == .NSEC }.map(\.owner.description))
                == ["*.far.example.com.", "*.m.other.test."]
        )
        #expect(message.additionals.contains { $0.type == .A })
    }
}
