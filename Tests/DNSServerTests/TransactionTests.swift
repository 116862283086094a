// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// One that asks, as a reference: what cannot be copied cannot stand in an expectation.
final class TransactionPeer {
    private var client: TransactionClient

    init(_ key: TransactionKey) { client = TransactionClient(key) }

    var isSettled: Bool { client.isSettled }

    func sign(_ request: [UInt8], seconds: UInt64) -> [UInt8] {
        client.sign(request, seconds: seconds)
    }

    func take(_ message: [UInt8], seconds: UInt64) throws -> Int {
        try client.take(message.span, seconds: seconds)
    }
}

/// Signed messages (RFC 8945): what is believed, what is refused, and how that is told.
@Suite struct TransactionTests {
    static let secret = Array("0123456789abcdefghijklmnopqrstuv".utf8)
    static let now: UInt64 = 0x6b0d_8222

    /// Queries for www.example.com as BIND's dig signs them with that secret at that time.
    static let captures: [(TSIGAlgorithm, String)] = [
        (
            .sha1,
            "b4e00120000100000000000103777777076578616d706c6503636f6d0000010001036b657907657861"
                + "6d706c650000fa00ff00000000002f09686d61632d736861310000006b0d8222012c0014267a9cc111e6"
                + "e4d5f76071e7ae5e63e3bb610b72b4e000000000"
        ),
        (
            .sha224,
            "fa6c0120000100000000000103777777076578616d706c6503636f6d0000010001036b6579076578"
                + "616d706c650000fa00ff0000000000390b686d61632d7368613232340000006b0d8222012c001c5c672e"
                + "503f87053a5d50efd71f28dfed7d64d5735eedd1d92f6a465afa6c00000000"
        ),
        (
            .sha256,
            "b9fe0120000100000000000103777777076578616d706c6503636f6d0000010001036b6579076578"
                + "616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b0d8222012c00203d2fcd"
                + "f7d15d01cd567becdefff7e9eedf7d060d2a95729d0f5666551696c43db9fe00000000"
        ),
        (
            .sha384,
            "a3b20120000100000000000103777777076578616d706c6503636f6d0000010001036b6579076578"
                + "616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006b0d8222012c00301b1dcb"
                + "9a78ac12bb7c5d7574e74c029cbf806f4d2a7bc39118e87ea26ba97dce4f3d2618517cf947f2e2bd9a5a"
                + "f08443a3b200000000"
        ),
        (
            .sha512,
            "53c20120000100000000000103777777076578616d706c6503636f6d0000010001036b6579076578"
                + "616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006b0d8222012c00400d83de"
                + "2a9eeff574d12a5f335c1ff1a90ee4fb5f290f8eec7ec8ed932bf0ffc2a0b3070b926fb463c1c83a113d"
                + "04efa9e9e1002cd4233b1de2a10a8ad2b9f6a953c200000000"
        ),
    ]

    static func octets(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap(ASCII.hexDigit)
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            digits[$0] << 4 | digits[$0 + 1]
        }
    }

    static func key(
        _ algorithm: TSIGAlgorithm = .sha256,
        name: String = "key.example",
        least: Int? = nil,
        secret: [UInt8] = TransactionTests.secret
    ) throws -> TransactionKey {
        TransactionKey(
            name: try #require(DomainName(name)),
            algorithm: algorithm,
            secret: secret,
            leastLength: least
        )
    }

    enum Verdict: Equatable {
        case unsigned, malformed, accepted(Int)
        case refused(TSIGError)
    }

    static func verdict(
        _ message: [UInt8],
        _ keys: [TransactionKey],
        now: UInt64 = TransactionTests.now
    ) -> Verdict {
        switch TransactionKeys(keys).check(message.span, seconds: now) {
        case .unsigned: .unsigned
        case .malformed: .malformed
        case .accepted(_, let length): .accepted(length)
        case .refused(let refusal): .refused(refusal.error)
        }
    }

    /// A zone, answered to those with the key as to all others.
    func fixture(_ keys: [TransactionKey]) throws -> ZoneFixture {
        let plain = try ZoneFixture(["example.com": AuthorityTests.zone])
        var snapshot = plain.snapshot
        snapshot.peers.keys = TransactionKeys(keys)
        var fixture = ZoneFixture(snapshot)
        fixture.context.timestamp = UInt32(TransactionTests.now)
        return fixture
    }

    // MARK: Judging

    @Test(arguments: captures)
    func `what dig signs is believed, and nothing that differs from it`(
        _ capture: (TSIGAlgorithm, String)
    ) throws {
        let message = TransactionTests.octets(capture.1)
        let keys = [try TransactionTests.key(capture.0)]
        #expect(TransactionTests.verdict(message, keys) == .accepted(33))
        for index in message.indices {
            var other = message
            other[index] ^= 1
            let verdict = TransactionTests.verdict(other, keys)
            // The id alone is not signed: forwarders change it (§5.3).
            let isFree = index < 2
            #expect((verdict == .accepted(33)) == isFree, "octet \(index): \(verdict)")
            for count in [index] {
                let cut = TransactionTests.verdict(Array(message.prefix(count)), keys)
                #expect(cut != .accepted(33))
            }
        }
    }

    @Test func `names of keys and algorithms have no case`() throws {
        var message = TransactionTests.octets(TransactionTests.captures[2].1)
        message[34] = UInt8(ascii: "K")
        let start = try #require(Array("hmac".utf8).first)
        let place = try #require(message.firstIndex(of: start))
        message[place] = UInt8(ascii: "H")
        let keys = [try TransactionTests.key(name: "KEY.Example.")]
        #expect(TransactionTests.verdict(message, keys) == .accepted(33))
    }

    @Test func `a key is known by name and algorithm, and time is looked at last`() throws {
        let message = TransactionTests.octets(TransactionTests.captures[2].1)
        let good = try TransactionTests.key()
        let other = try TransactionTests.key(secret: Array("another secret".utf8))
        #expect(TransactionTests.verdict(message, []) == .refused(.badKey))
        let named = try TransactionTests.key(name: "other.example")
        #expect(TransactionTests.verdict(message, [named]) == .refused(.badKey))
        let sha384 = try TransactionTests.key(.sha384)
        #expect(TransactionTests.verdict(message, [sha384]) == .refused(.badKey))
        #expect(TransactionTests.verdict(message, [other]) == .refused(.badSignature))
        let now = TransactionTests.now
        for (time, verdict) in [
            (now + 300, Verdict.accepted(33)), (now - 300, .accepted(33)),
            (now + 301, .refused(.badTime)), (now - 301, .refused(.badTime)),
        ] {
            #expect(TransactionTests.verdict(message, [good], now: time) == verdict)
        }
        // Who does not have the key learns nothing of our clock.
        let late = TransactionTests.verdict(message, [other], now: now + 5000)
        #expect(late == .refused(.badSignature))
    }

    /// The message with another MAC, and its lengths made good.
    static func remade(_ message: [UInt8], mac count: Int) throws -> [UInt8] {
        guard case .found(var record) = TSIGRecord.read(message.span) else {
            throw Missing()
        }
        let whole = record.mac
        record.mac = Array((whole + [UInt8](repeating: 0, count: 64)).prefix(count))
        return [UInt8](capacity: 600) { output in
            output.write(message.span.extracting(0..<record.start))
            record.write(into: &output)
        }
    }

    struct Missing: Error {}

    @Test func `a signature is cut short no further than the rules and the policy allow`() throws {
        let message = TransactionTests.octets(TransactionTests.captures[2].1)
        for (count, least, verdict) in [
            (33, nil, Verdict.malformed), (32, nil, .accepted(33)),
            (31, nil, .refused(.badTruncation)),
            (16, nil, .refused(.badTruncation)), (15, nil, .malformed), (0, nil, .malformed),
            (16, 16, .accepted(33)), (20, 24, .refused(.badTruncation)), (24, 24, .accepted(33)),
            (15, 10, .malformed),
        ] as [(Int, Int?, Verdict)] {
            let keys = [try TransactionTests.key(least: least)]
            let remade = try TransactionTests.remade(message, mac: count)
            #expect(TransactionTests.verdict(remade, keys) == verdict, "\(count) of \(least ?? 32)")
        }
        // Half of SHA-1 is 10 octets.
        let old = TransactionTests.octets(TransactionTests.captures[0].1)
        let keys = [try TransactionTests.key(.sha1, least: 10)]
        for (count, verdict) in [(10, Verdict.accepted(33)), (9, .malformed)] {
            let remade = try TransactionTests.remade(old, mac: count)
            #expect(TransactionTests.verdict(remade, keys) == verdict)
        }
    }

    @Test func `a signature stands alone at the end, in class ANY, with a TTL of 0`() throws {
        let message = TransactionTests.octets(TransactionTests.captures[2].1)
        let keys = [try TransactionTests.key()]
        let start = 33
        let signature = Array(message[start...])
        func with(_ change: (inout [UInt8]) -> Void) -> Verdict {
            var other = message
            change(&other)
            return TransactionTests.verdict(other, keys)
        }
        let fixed = start + 13
        #expect(
            with {
                $0[fixed + 2] = 0; $0[fixed + 3] = 1
            } == .malformed,
            "class IN"
        )
        #expect(with { $0[fixed + 7] = 1 } == .malformed, "a TTL")
        #expect(
            with {
                $0 += signature; $0[11] = 2
            } == .malformed,
            "twice"
        )
        #expect(
            with {
                $0 += [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0]; $0[11] = 2
            } == .malformed
        )
        #expect(
            with {
                $0[11] = 0; $0[7] = 1
            } == .malformed,
            "in the answer section"
        )
        #expect(with { $0.removeLast() } == .malformed)
        #expect(
            with {
                $0.removeLast(signature.count); $0[11] = 0
            } == .unsigned
        )
    }

    // MARK: Answers

    @Test func `a signed query of any kind is answered signed`() throws {
        for algorithm in TSIGAlgorithm.allCases {
            let key = try TransactionTests.key(algorithm)
            var fixture = try fixture([key])
            for (name, type, group, edns) in [
                ("www.example.com", RecordType.A, 1, 1232), ("none.example.com", .A, 1, nil),
                ("www.example.com", .TXT, 1, nil), ("elsewhere.test", .A, 1, 1232),
                ("www.example.com", .ANY, 1, nil), ("id.server", .TXT, 3, nil),
                ("www.example.com", .AXFR, 1, 1232), ("www.example.com", RecordType(250), 1, nil),
            ] as [(String, RecordType, UInt16, UInt16?)] {
                let query = ZoneFixture.query(name, type, class: group, edns: edns)
                let plain = try #require(DNSMessage(fixture.respond(query)))
                let client = TransactionPeer(key)
                let signed = client.sign(query, seconds: TransactionTests.now)
                let response = fixture.respond(signed)
                let length = try client.take(response, seconds: TransactionTests.now)
                #expect(client.isSettled)
                var bare = Array(response.prefix(length))
                bare[11] -= 1
                let message = try #require(DNSMessage(bare))
                #expect(message.code == plain.code, "\(name) \(type)")
                // Sets of addresses are turned.
                #expect(
                    Set(message.answers.map(\.description)) == Set(plain.answers.map(\.description))
                )
                #expect(message.authorities == plain.authorities)
                // A signature holds for its own request.
                let another = TransactionPeer(key)
                _ = another.sign(query, seconds: TransactionTests.now - 1)
                #expect(throws: TransactionClient.Fault.badSignature) {
                    _ = try another.take(response, seconds: TransactionTests.now)
                }
            }
        }
    }

    @Test func `what is refused says why, signed where the peer has the key`() throws {
        let key = try TransactionTests.key(least: 32)
        var fixture = try fixture([key])
        let query = ZoneFixture.query("www.example.com", .A, edns: 1232)
        func answer(
            _ message: [UInt8]
        ) throws -> (message: DNSMessage, record: TSIGRecord?) {
            let response = fixture.respond(message)
            let decoded = try #require(DNSMessage(response))
            guard case .found(let record) = TSIGRecord.read(response.span) else {
                return (decoded, nil)
            }
            return (decoded, record)
        }
        let strange = try TransactionTests.key(name: "strange.example")
        var client = TransactionPeer(strange)
        let now = TransactionTests.now
        let badKey = try answer(client.sign(query, seconds: now))
        #expect(badKey.message.code == .notAuthorized && badKey.message.answers.isEmpty)
        #expect(badKey.record?.error == TSIGError.badKey.rawValue)
        #expect(badKey.record?.mac == [] && badKey.record?.key == strange.name)

        let wrong = try TransactionTests.key(secret: Array("another secret".utf8))
        client = TransactionPeer(wrong)
        let badSignature = try answer(client.sign(query, seconds: now))
        #expect(badSignature.message.code == .notAuthorized)
        #expect(badSignature.record?.error == TSIGError.badSignature.rawValue)
        #expect(badSignature.record?.mac == [])

        client = TransactionPeer(key)
        let late = fixture.respond(client.sign(query, seconds: now - 1000))
        guard case .found(let record) = TSIGRecord.read(late.span) else { throw Missing() }
        #expect(record.error == TSIGError.badTime.rawValue && record.timeSigned == now - 1000)
        #expect(record.mac.count == 32, "it is signed")
        #expect(record.other == [0, 0, 0x6b, 0x0d, 0x82, 0x22], "and tells the server's time")
        #expect(throws: TransactionClient.Fault.refused(18)) {
            _ = try client.take(late, seconds: now)
        }

        client = TransactionPeer(key)
        let cut = try TransactionTests.remade(client.sign(query, seconds: now), mac: 16)
        let badTruncation = try answer(cut)
        #expect(badTruncation.message.code == .notAuthorized)
        #expect(badTruncation.record?.error == TSIGError.badTruncation.rawValue)
        #expect(badTruncation.record?.mac.count == 32)

        let short = try answer(TransactionTests.remade(client.sign(query, seconds: now), mac: 8))
        #expect(short.message.code == .formatError && short.record == nil)
    }

    @Test func `a response leaves room for its signature`() throws {
        let key = try TransactionTests.key(.sha512, name: "a.rather.long.name.of.a.key.example")
        var fixture = try fixture([key])
        for edns in [nil, 512, 600, 1232] as [UInt16?] {
            let query = ZoneFixture.query("many.example.com", .TXT, edns: edns)
            let client = TransactionPeer(key)
            let signed = client.sign(query, seconds: TransactionTests.now)
            let response = fixture.respond(signed, capacity: 1232)
            #expect(response.count <= Int(edns ?? 512))
            _ = try client.take(response, seconds: TransactionTests.now)
        }
    }

    // MARK: Streams

    /// Messages of a response, of which every `step`th is signed.
    func stream(
        _ key: TransactionKey,
        _ signed: [UInt8],
        count: Int,
        step: Int
    ) throws -> [[UInt8]] {
        let check = TransactionKeys([key]).check(signed.span, seconds: TransactionTests.now)
        guard case .accepted(var transaction, _) = check else { throw Missing() }
        var unsigned: [UInt8] = []
        return (0..<count).map { number in
            let head: [UInt8] = [0xab, 0xcd, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            guard number % step == 0, unsigned.isEmpty else {
                unsigned = head
                return head
            }
            return [UInt8](capacity: 512) { output in
                output.write(head.span)
                transaction.sign(&output, from: 0, seconds: TransactionTests.now)
            }
        }
    }

    @Test func `each message of a stream is bound to the one before it`() throws {
        let key = try TransactionTests.key()
        let query = ZoneFixture.query("example.com", .AXFR)
        var client = TransactionPeer(key)
        let messages = try stream(
            key,
            client.sign(query, seconds: TransactionTests.now),
            count: 5,
            step: 1
        )
        for message in messages {
            _ = try client.take(message, seconds: TransactionTests.now)
            #expect(client.isSettled)
        }
        for left in 1..<4 {
            client = TransactionPeer(key)
            _ = client.sign(query, seconds: TransactionTests.now)
            for message in messages.prefix(left) {
                _ = try client.take(message, seconds: TransactionTests.now)
            }
            #expect(throws: TransactionClient.Fault.badSignature, "\(left) is left out") {
                _ = try client.take(messages[left + 1], seconds: TransactionTests.now)
            }
        }
    }

    @Test func `99 unsigned messages may stand between signed ones, and none at the start`() throws
    {
        let key = try TransactionTests.key()
        let query = ZoneFixture.query("example.com", .AXFR)
        let head: [UInt8] = [0xab, 0xcd, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let client = TransactionPeer(key)
        let signed = client.sign(query, seconds: TransactionTests.now)
        let first = try stream(key, signed, count: 1, step: 1)[0]
        #expect(throws: TransactionClient.Fault.unsigned) {
            _ = try client.take(head, seconds: TransactionTests.now)
        }
        _ = try client.take(first, seconds: TransactionTests.now)
        for _ in 0..<99 { _ = try client.take(head, seconds: TransactionTests.now) }
        #expect(!client.isSettled, "a response ends with a signature")
        #expect(throws: TransactionClient.Fault.unsigned) {
            _ = try client.take(head, seconds: TransactionTests.now)
        }
    }

    @Test func `what is between two signatures is signed by the second`() throws {
        let key = try TransactionTests.key()
        let query = ZoneFixture.query("example.com", .AXFR)
        let client = TransactionPeer(key)
        let signed = client.sign(query, seconds: TransactionTests.now)
        let first = try stream(key, signed, count: 1, step: 1)[0]
        guard case .found(let record) = TSIGRecord.read(first.span) else { throw Missing() }
        let head: [UInt8] = [0xab, 0xcd, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        guard var digest = key.digest() else { throw Missing() }
        for part in [[0, 32], record.mac, head, head, head, record.timers] { digest.add(part) }
        var last = record
        last.mac = digest.finish()
        let other: [UInt8] = Array(head.prefix(11)) + [1]
        let end = [UInt8](capacity: 512) { output in
            output.write(other.span)
            last.write(into: &output)
        }
        _ = try client.take(first, seconds: TransactionTests.now)
        _ = try client.take(head, seconds: TransactionTests.now)
        _ = try client.take(head, seconds: TransactionTests.now)
        #expect(try client.take(end, seconds: TransactionTests.now) == 12)
        #expect(client.isSettled)
    }

    @Test func `a secret is in no text`() throws {
        let key = try TransactionTests.key()
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped] {
            #expect(!text.contains("48") && !text.contains("secret"))
        }
    }
}
