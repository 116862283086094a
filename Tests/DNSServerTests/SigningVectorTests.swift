// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Foundation
import Runtime
import Testing

@testable import DNSServer

/// Signatures, digests and hashes as the RFCs print them.
@Suite struct SigningVectorTests {
    struct Vector: Sendable {
        var algorithm: SigningAlgorithm
        var secret: String
        var zone: String
        var key: String
        var tag: UInt16
        var digest: String
        var record: String
        var owner: String
        var type: RecordType
        var labels: UInt8
        var expiration: UInt32
        var inception: UInt32
        var signature: String
    }

    static let vectors = [
        // RFC 6605 §6.1: the times are 20100909100439 and 20100812100439.
        Vector(
            algorithm: .ecdsaP256,
            secret: "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
            zone: "example.net",
            key: "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
                + "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
            tag: 55648,
            digest: "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
            record: "www 3600 A 192.0.2.1",
            owner: "www.example.net",
            type: .A,
            labels: 3,
            expiration: 1_284_026_679,
            inception: 1_281_607_479,
            signature: "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXA"
                + "yGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw=="
        ),
        // RFC 8080 §6.1 with erratum 4935.
        Vector(
            algorithm: .ed25519,
            secret: "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
            zone: "example.com",
            key: "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            tag: 3613,
            digest: "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
            record: "@ 3600 MX 10 mail",
            owner: "example.com",
            type: .MX,
            labels: 2,
            expiration: 1_440_021_600,
            inception: 1_438_207_200,
            signature: "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeR"
                + "AvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg=="
        ),
    ]

    static func octets(_ base64: String) -> [UInt8] {
        Data(base64Encoded: base64).map(Array.init) ?? []
    }

    static func hex(_ bytes: some Collection<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test(arguments: vectors)
    func `a key file of other servers gives the key, its tag and its digest`(
        vector: Vector
    ) throws {
        let secret = SigningVectorTests.octets(vector.secret)
        let key = try #require(SigningKey(vector.algorithm, secret: secret))
        #expect(key.publicKey == SigningVectorTests.octets(vector.key))
        let zoneKey = ZoneKey(key)
        #expect(zoneKey.tag == vector.tag)
        let apex = try #require(DomainName(vector.zone.uppercased()))
        let delegation = zoneKey.delegation(apex)
        #expect(SigningVectorTests.hex(delegation.dropFirst(4)) == vector.digest)
        #expect(delegation[2] == vector.algorithm.rawValue)
    }

    // The bytes that are signed of an answer that the door gives.
    static func signed(_ vector: Vector) throws -> [UInt8] {
        let soa = "@ 3600 SOA ns h 1 1 1 1 1\n@ NS ns\n"
        var fixture = try ZoneFixture(pairs: [(vector.zone, soa + vector.record)])
        // Whatever case is asked for, the owner is signed in lower case.
        let query = ZoneFixture.query(vector.owner.uppercased(), vector.type)
        let message = fixture.respond(query)
        let head = SignatureHead(
            covered: vector.type,
            algorithm: vector.algorithm.rawValue,
            originalTTL: 3600,
            expiration: vector.expiration,
            inception: vector.inception,
            keyTag: vector.tag
        )
        let apex = try #require(DomainName(vector.zone))
        var set: CanonicalSet?
        let scratch = [UInt8](capacity: 4096) { (scratch: inout OutputSpan<UInt8>) in
            set = CanonicalSet(
                message.span,
                from: query.count,
                head: head,
                signer: apex.wire.span,
                into: &scratch
            )
        }
        let found = try #require(set)
        #expect(found.head.labels == vector.labels)
        return found.signedBytes(scratch.span)
    }

    @Test(arguments: vectors)
    func `what is signed of an answer is what the signature of the RFC is of`(
        vector: Vector
    ) throws {
        let bytes = try SigningVectorTests.signed(vector)
        let key = SigningVectorTests.octets(vector.key)
        let verifier = try #require(vector.algorithm.verifier(publicKey: key))
        let signature = SigningVectorTests.octets(vector.signature)
        let isGood = verifier.verifies(bytes.span, signature: signature)
        #expect(isGood)
        for place in [0, 3, 7, 11, 17, 19, bytes.count - 1] {
            var other = bytes
            other[place] ^= 1
            let isTaken = verifier.verifies(other.span, signature: signature)
            #expect(!isTaken, "\(place)")
        }
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `fresh keys sign, and come back from PEM`(algorithm: SigningAlgorithm) throws {
        let key = try #require(SigningKey.generate(algorithm))
        let text = try #require(key.pem)
        #expect(String(decoding: text, as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----"))
        let again = try #require(SigningKey(pem: text))
        #expect(again.publicKey == key.publicKey)
        #expect(again.algorithm == algorithm)
        #expect(try #require(SigningKey.generate(algorithm)).publicKey != key.publicKey)
        let bytes = Array("some bytes".utf8)
        let made = again.sign(bytes.span)
        let signature = try #require(made)
        let verifier = try #require(algorithm.verifier(publicKey: key.publicKey))
        let octets = signature.indices.map { signature[$0] }
        let isGood = verifier.verifies(bytes.span, signature: octets)
        #expect(isGood)
    }

    @Test func `Ed25519 signs alike every time, as RFC 8080 has it`() throws {
        let vector = SigningVectorTests.vectors[1]
        let secret = SigningVectorTests.octets(vector.secret)
        let key = try #require(SigningKey(.ed25519, secret: secret))
        let bytes = try SigningVectorTests.signed(vector)
        let made = key.sign(bytes.span)
        let signature = try #require(made)
        #expect(
            signature.indices.map { signature[$0] } == SigningVectorTests.octets(vector.signature)
        )
    }

    @Test(arguments: ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
    func `a text without a key is none`(text: String) {
        #expect(SigningKey(pem: Array(text.utf8)) == nil)
        #expect(SigningKey(.ed25519, secret: Array(text.utf8)) == nil)
        #expect(SigningKey(.ecdsaP256, secret: Array(text.utf8)) == nil)
    }

    // RFC 4034 §5.4, RFC 4509 §2.3.
    @Test func `digests of delegations are those of the RFCs`() throws {
        let key =
            "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYw"
            + "YqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmAD"
            + "jFDc2w/rljwvFw=="
        let data = [1, 0, 3, 5] + SigningVectorTests.octets(key)
        let tag = KeyTag.of(data.span)
        #expect(tag == 60485)
        let text = try #require(DomainName("dskey.example.com")).wire + data
        #expect(
            SigningVectorTests.hex(DelegationDigest.sha1.digest(text))
                == "2bb183af5f22588179a53b0a98631fad1a292118"
        )
        #expect(
            SigningVectorTests.hex(DelegationDigest.sha256.digest(text))
                == "d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"
        )
        #expect(DelegationDigest.sha384.digest(text).count == 48)
    }

    // RFC 4034 §6.1.
    @Test func `names are ordered from the right`() throws {
        let names = [
            "example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE",
            "z.example", "\\001.z.example", "*.z.example", "\\200.z.example",
        ].compactMap { DomainName($0) }
        #expect(names.count == 9)
        for (i, a) in names.enumerated() {
            for (j, b) in names.enumerated() {
                let order = CanonicalOrder.compare(a.wire.span, b.wire.span)
                #expect(order.signum() == (i - j).signum(), "\(a) \(b)")
            }
        }
    }

    // RFC 5155 Appendix A.
    @Test(arguments: [
        ("example", "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM"),
        ("a.example", "35MTHGPGCU1QG68FAB165KLNSNK3DPVL"),
        ("ai.example", "GJEQE526PLBF1G8MKLP59ENFD789NJGI"),
        ("ns1.example", "2T7B4G4VSA5SMI47K61MV5BV1A22BOJR"),
        ("ns2.example", "Q04JKCEVQVMU85R014C7DKBA38O0JI5R"),
        ("w.example", "K8UDEMVP1J2F7EG6JEBPS17VP3N8I58H"),
        ("*.w.example", "R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN"),
        ("x.w.example", "B4UM86EGHHDS6NEA196SMVMLO4ORS995"),
        ("xx.example", "T644EBQK9BIBCNA874GIVR6JOJ62MLHV"),
    ])
    func `hashes of names are those of the RFC`(name: String, expected: String) throws {
        let wire = try #require(DomainName(name)).wire
        let salt: [UInt8] = [0xaa, 0xbb, 0xcc, 0xdd]
        let hash = HashedOwner.hash(wire.span, salt: salt.span, iterations: 12)
        // The text as a zone file has it.
        let data = [1, 0, 0, 12, 4] + salt + [20] + hash.indices.map { hash[$0] }
        let text = RecordText.data(.NSEC3, data.span)
        #expect(text.split(separator: " ").last.map(String.init) == expected)
    }
}
