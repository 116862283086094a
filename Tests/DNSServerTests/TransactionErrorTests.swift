// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// What RFC 8945 asks of the signatures of answers, to the octet.
@Suite struct TransactionErrorTests {
    struct Unsigned: Error {}

    static func record(_ message: [UInt8]) throws -> TSIGRecord {
        guard case .found(let record) = TSIGRecord.read(message.span) else { throw Unsigned() }
        return record
    }

    /// The MAC of a message, over what stands before it.
    static func mac(
        _ message: [UInt8],
        _ record: TSIGRecord,
        _ key: TransactionKey,
        behind prior: [UInt8] = []
    ) throws -> [UInt8] {
        guard var digest = key.digest() else { throw Unsigned() }
        if !prior.isEmpty {
            digest.add([UInt8(prior.count >> 8), UInt8(prior.count & 255)])
            digest.add(prior)
        }
        digest.add(record.signedHeader(message.span))
        digest.add(Array(message[12..<record.start]))
        digest.add(record.variables)
        return digest.finish()
    }

    /// A signed request whose clock may be so many seconds apart.
    static func request(
        _ query: [UInt8],
        _ key: TransactionKey,
        fudge: UInt16,
        at now: UInt64
    ) throws -> [UInt8] {
        let signed = TransactionPeer(key).sign(query, seconds: now)
        var record = try record(signed)
        record.fudge = fudge
        record.mac = try mac(signed, record, key)
        return [UInt8](capacity: 600) { output in
            output.write(signed.span.extracting(0..<record.start))
            record.write(into: &output)
        }
    }

    // §5.2.3.
    @Test func `who is late is told so with its own time and its own fudge, signed`() throws {
        let key = try TransactionTests.key()
        var fixture = try TransactionTests().fixture([key])
        let query = ZoneFixture.query("www.example.com", edns: 1232)
        let now = TransactionTests.now
        for (fudge, seconds, error) in [
            (60, now - 61, TSIGError.badTime), (60, now - 60, .none), (900, now - 901, .badTime),
            (900, now - 900, .none),
        ] as [(UInt16, UInt64, TSIGError)] {
            let request = try Self.request(query, key, fudge: fudge, at: seconds)
            let response = fixture.respond(request)
            let record = try Self.record(response)
            #expect(record.error == error.rawValue, "\(fudge) \(seconds)")
            let isLate = error == .badTime
            #expect(record.fudge == (isLate ? fudge : 300))
            #expect(record.timeSigned == (isLate ? seconds : now))
            #expect(record.other == (isLate ? [0, 0, 0x6b, 0x0d, 0x82, 0x22] : []))
            let sent = try Self.record(request).mac
            #expect(record.mac == (try Self.mac(response, record, key, behind: sent)))
        }
    }

    // §5.3, §5.4.1.
    @Test func `an answer is signed by the key of the request, and by none where there is none`()
        throws
    {
        let keys = try ["one.key", "two.key"].map { try TransactionTests.key(name: $0) }
        var fixture = try TransactionTests().fixture(keys)
        let query = ZoneFixture.query("www.example.com", edns: 1232)
        #expect(TSIGRecord.read(fixture.respond(query).span) == .absent)
        let (one, two) = (TransactionPeer(keys[0]), TransactionPeer(keys[1]))
        let now = TransactionTests.now
        let request = one.sign(query, seconds: now)
        #expect(try Self.record(request).error == 0 && Self.record(request).other == [])
        let response = fixture.respond(request)
        #expect(try Self.record(response).key == keys[0].name)
        _ = two.sign(query, seconds: now)
        #expect(throws: TransactionClient.Fault.strangeKey) {
            _ = try two.take(response, seconds: now)
        }
        _ = try one.take(response, seconds: now)
    }

    // §4.2.
    @Test func `names in a signature are not compressed, and not read when they are`() throws {
        let key = try TransactionTests.key(name: "hmac-sha256.example.com")
        var fixture = try TransactionTests().fixture([key])
        let query = ZoneFixture.query("www.example.com", edns: 1232)
        let request = TransactionPeer(key).sign(query, seconds: TransactionTests.now)
        let response = fixture.respond(request)
        let record = try Self.record(response)
        let head = key.name.wire + [0, 250, 0, 255, 0, 0, 0, 0]
        let rest = Array(response[record.start...])
        #expect(rest.starts(with: head))
        #expect(rest.dropFirst(head.count + 2).starts(with: key.algorithm.name.wire))

        let sent = try Self.record(request)
        let data = request[(sent.start + head.count + 2)...].dropFirst(sent.algorithm.wire.count)
        // A pointer at the first label of the key, which is the name of the algorithm.
        let pointed = [0xc0, UInt8(sent.start)] + data
        let other =
            Array(request[..<(sent.start + head.count)])
            + [UInt8(pointed.count >> 8), UInt8(pointed.count & 255)] + pointed
        #expect(TransactionTests.verdict(other, [key]) == .malformed)
        #expect(DNSMessage(fixture.respond(other))?.code == .formatError)
    }

    // §5.2: key, MAC, time, length.
    @Test func `of several things that are wrong the first is told`() throws {
        let key = try TransactionTests.key(least: 32)
        let wrong = try TransactionTests.key(secret: Array("another secret".utf8))
        let strange = try TransactionTests.key(name: "strange.key")
        let query = ZoneFixture.query("www.example.com")
        let late = TransactionTests.now - 5000
        for (signer, count, seconds, error) in [
            (strange, 16, late, TSIGError.badKey), (wrong, 16, late, .badSignature),
            (key, 16, late, .badTime), (key, 16, TransactionTests.now, .badTruncation),
        ] as [(TransactionKey, Int, UInt64, TSIGError)] {
            let signed = TransactionPeer(signer).sign(query, seconds: seconds)
            let cut = try TransactionTests.remade(signed, mac: count)
            #expect(TransactionTests.verdict(cut, [key]) == .refused(error))
        }
    }
}
