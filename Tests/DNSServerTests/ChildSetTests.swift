// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Runtime
import Testing

@testable import DNSServer

/// What a signed zone says to its parent (RFC 7344, RFC 8078), and how its sets go along.
@Suite struct ChildSetTests {
    static let zone = """
        $TTL 300
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        ns1 A 192.0.2.53

        """

    static func key() throws -> SigningKey {
        try #require(SigningKey.generate(.ecdsaP256))
    }

    static func data(_ message: DNSMessage, _ type: RecordType) -> [[UInt8]] {
        message.answers.filter { $0.type == type }.map(\.data)
    }

    // RFC 7344 §4, §4.1, §5.
    @Test func `CDS and CDNSKEY are about one key, that of the DS, which signs them`() throws {
        let head = ZoneKey(try ChildSetTests.key(), signsZone: false)
        let body = ZoneKey(try ChildSetTests.key(), flags: 256, signsKeys: false, isInCDS: false)
        let next = ZoneKey(try ChildSetTests.key(), signsZone: false, isInCDS: false)
        var zone = try SigningFixture(
            [("example.com", ChildSetTests.zone)],
            signed: ["example.com": ZoneKeys(keys: [head, body, next])]
        )
        let apex = try #require(DomainName("example.com"))
        let keys = try zone.ask("example.com", .CDNSKEY)
        #expect(ChildSetTests.data(keys, .CDNSKEY) == [head.data])
        let digests = try zone.ask("example.com", .CDS)
        #expect(ChildSetTests.data(digests, .CDS) == [head.delegation(apex)])
        for message in [keys, digests] {
            #expect(zone.faults(message.answers).isEmpty)
            // RFC 4034 §3.1.6: the tag of the key that signed.
            let tags = ChildSetTests.data(message, .RRSIG).map {
                UInt16($0[16]) << 8 | UInt16($0[17])
            }
            #expect(tags.contains(head.tag) && !tags.contains(body.tag))
        }
        let published = ChildSetTests.data(try zone.ask("example.com", .DNSKEY), .DNSKEY)
        #expect(published.contains(head.data), "it is a key of the zone")
        for type in [RecordType.CDS, .CDNSKEY] {
            #expect(try zone.ask("ns1.example.com", type).answers.isEmpty, "at the apex alone")
        }
    }

    // RFC 8078 §4.
    @Test func `that a delegation ends is said by one record of each type, and by no other`() throws
    {
        var keys = ZoneKeys(keys: [ZoneKey(try ChildSetTests.key())])
        keys.endsDelegation = true
        var zone = try SigningFixture(
            [("example.com", ChildSetTests.zone)],
            signed: ["example.com": keys]
        )
        for (type, data) in [(RecordType.CDS, [0, 0, 0, 0, 0]), (.CDNSKEY, [0, 0, 3, 0, 0])]
            as [(RecordType, [UInt8])]
        {
            let message = try zone.ask("example.com", type)
            #expect(ChildSetTests.data(message, type) == [data])
            #expect(zone.faults(message.answers).isEmpty)
        }
    }

    // RFC 9077 §3.
    @Test(arguments: [(3600, 60), (60, 3600), (300, 300)])
    func `a proof holds as long as the SOA or its minimum, whichever is less`(
        ttl: UInt32,
        minimum: UInt32
    ) throws {
        let text = ChildSetTests.zone.replacing("@ SOA", with: "@ \(ttl) SOA")
            .replacing("86400 60", with: "86400 \(minimum)")
        for denial in DenialMethod.allCases {
            var zone = try SigningFixture(
                [("example.com", text)],
                signed: ["example.com": SigningFixture.keys(.ed25519, denial)]
            )
            for (name, type) in [("none.example.com", RecordType.A), ("ns1.example.com", .TXT)] {
                let message = try zone.ask(name, type)
                #expect(message.authorities.count { $0.type == .NSEC || $0.type == .NSEC3 } > 0)
                #expect(message.authorities.allSatisfy { $0.ttl == min(ttl, minimum) })
                #expect(zone.faults(message.authorities).isEmpty)
            }
        }
    }

    // RFC 9460 §4.3.
    @Test func `what goes along with a service is signed as an answer is`() throws {
        for denial in DenialMethod.allCases {
            var zone = try SigningFixture(
                [("example.com", ServiceTests.zone)],
                signed: ["example.com": SigningFixture.keys(.ed25519, denial)]
            )
            for name in ["example.com", "svc.example.com", "chain.example.com"] {
                let message = try zone.ask(name, .HTTPS)
                #expect(message.additionals.contains { $0.type == .RRSIG }, "\(name)")
                #expect(zone.faults(message.additionals).isEmpty, "\(name)")
                let plain = try zone.ask(name, .HTTPS, flags: 0)
                #expect(!plain.additionals.isEmpty)
                #expect(plain.additionals.allSatisfy { $0.type != .RRSIG })
            }
        }
    }
}
