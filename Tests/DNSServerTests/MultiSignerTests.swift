// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Runtime
import Testing

@testable import DNSServer

/// What RFC 8901 asks of a server among several that sign one zone.
@Suite struct MultiSignerTests {
    private static let zone = """
        $TTL 300
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        ns1 A 192.0.2.53

        """

    private static func key(_ algorithm: SigningAlgorithm) throws -> ZoneKey {
        ZoneKey(try #require(SigningKey.generate(algorithm)))
    }

    private static func fixture(
        _ keys: [ZoneKey],
        more: String = "",
        joinsSigners: Bool = false
    ) throws -> SigningFixture {
        var zone = ZoneKeys(keys: keys, denial: .compact)
        zone.joinsSigners = joinsSigners
        return try SigningFixture(
            [("example.com", MultiSignerTests.zone + more)],
            signed: ["example.com": zone]
        )
    }

    // §4, RFC 4035 §2.2.
    @Test func `each set has a signature by each algorithm among the keys`() throws {
        let keys = [try MultiSignerTests.key(.ecdsaP256), try MultiSignerTests.key(.ed25519)]
        var zone = try MultiSignerTests.fixture(keys)
        for (name, type) in [("ns1.example.com", RecordType.A), ("example.com", .DNSKEY)] {
            let message = try zone.ask(name, type)
            let signatures = message.answers.filter { $0.type == .RRSIG }
            #expect(signatures.map { $0.data[2] }.sorted() == [13, 15], "\(name)")
            #expect(zone.faults(message.answers).isEmpty)
        }
        let denial = try zone.ask("none.example.com")
        for set in SigningFixture.sets(denial.authorities) {
            #expect(set.signatures.map { $0.data[2] }.sorted() == [13, 15])
        }
    }

    // §2.1.2, §8: model 2.
    @Test func `keys of other signers stand beside its own where the zone takes them`() throws {
        let (own, other) = (
            try MultiSignerTests.key(.ecdsaP256), try MultiSignerTests.key(.ecdsaP256)
        )
        let foreign = try MultiSignerTests.key(.ed25519)
        let apex = try #require(DomainName("example.com"))
        func text(_ type: RecordType, _ data: [UInt8]) -> String {
            "@ \(type) \(RecordText.data(type, data.span))\n"
        }
        // A key twice is one, and of another algorithm it would ask for signatures that are not made.
        let more = [
            text(.DNSKEY, own.data), text(.DNSKEY, other.data), text(.DNSKEY, foreign.data),
            text(.CDNSKEY, other.data), text(.CDS, other.delegation(apex)),
        ]
        var zone = try MultiSignerTests.fixture([own], more: more.joined(), joinsSigners: true)
        zone.keys[apex] = [own]
        for (type, wanted) in [
            (RecordType.DNSKEY, [own.data, other.data]), (.CDNSKEY, [own.data, other.data]),
            (.CDS, [own.delegation(apex), other.delegation(apex)]),
        ] {
            let message = try zone.ask("example.com", type)
            #expect(Set(message.answers.filter { $0.type == type }.map(\.data)) == Set(wanted))
            #expect(message.answers.count { $0.type == .RRSIG } == 1)
            #expect(zone.faults(message.answers).isEmpty, "\(type)")
        }
        let plain = try zone.ask("ns1.example.com")
        #expect(zone.faults(plain.answers).isEmpty)
    }

    // §8, §9: unless the zone takes them, Martlet is not the signer among others of which the models
    // speak.
    @Test func `keys of other signers that stand in the zone are not shown as its own`() throws {
        let other = try MultiSignerTests.key(.ecdsaP256)
        let data = RecordText.data(.DNSKEY, other.data.span)
        let digits = String(repeating: "ab", count: 32)
        let more =
            "@ DNSKEY \(data)\n@ CDNSKEY \(data)\n@ CDS \(other.tag) 13 2 \(digits)\n"
        let own = try MultiSignerTests.key(.ecdsaP256)
        var zone = try MultiSignerTests.fixture([own], more: more)
        let keys = try zone.ask("example.com", .DNSKEY).answers.filter { $0.type == .DNSKEY }
        #expect(keys.map(\.data) == [own.data])
        let digests = try zone.ask("example.com", .CDS).answers.filter { $0.type == .CDS }
        let tag = [UInt8(other.tag >> 8), UInt8(other.tag & 255)]
        #expect(!digests.contains { Array($0.data.prefix(2)) == tag })
    }

    // §10.
    @Test func `a large set of keys is cut by UDP, and whole by TCP`() throws {
        let keys = try (0..<12).map { _ in try MultiSignerTests.key(.ecdsaP256) }
        var zone = try MultiSignerTests.fixture(keys)
        zone.fixture.context.isStream = false
        let short = try zone.ask("example.com", .DNSKEY)
        #expect(short.isTruncated && short.answers.isEmpty)
        zone.fixture.context.isStream = true
        let whole = try zone.ask("example.com", .DNSKEY)
        #expect(!whole.isTruncated)
        #expect(whole.answers.count { $0.type == .DNSKEY } == 12)
        #expect(zone.faults(whole.answers).isEmpty)
    }
}
