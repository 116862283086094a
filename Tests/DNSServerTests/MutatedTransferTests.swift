// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

/// Whatever bytes peers send: nothing traps, and nothing that is not signed is believed.
@Suite struct MutatedTransferTests {
    static func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom, most: UInt32 = 4) {
        for _ in 0..<random.next(below: most) {
            guard !bytes.isEmpty else { return }
            let place = Int(random.next(below: UInt32(bytes.count)))
            switch random.next(below: 4) {
            case 0: bytes[place] = UInt8(random.next(below: 256))
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(UInt8(random.next(below: 256)), at: place)
            default: bytes.removeLast(min(Int(random.next(below: 3)), bytes.count))
            }
        }
    }

    @Test func `mutated signed requests are never taken for signed ones`() throws {
        var random = SeededRandom(seed: 11)
        let key = try TransactionTests.key(.sha512)
        let keys = [key, try TransactionTests.key(.sha1, name: "other.example")]
        var snapshot = try ZoneFixture(["example.com": TransferTests.zone]).snapshot
        snapshot.peers.keys = TransactionKeys(keys)
        let apex = try #require(DomainName("example.com"))
        snapshot.peers.rules.notifiers[apex] = [.init(network: nil, key: key.name)]
        var fixture = ZoneFixture(snapshot)
        fixture.context.timestamp = UInt32(TransactionTests.now)
        var (accepted, refused) = (0, 0)
        for round in 0..<20_000 {
            var query = ZoneFixture.query(
                "www.example.com",
                round % 3 == 0 ? .SOA : .A,
                edns: round % 2 == 0 ? 1232 : nil
            )
            if round % 5 == 0 { query[2] = 0x24 }
            let signed = TransactionPeer(key).sign(query, seconds: TransactionTests.now)
            var mutated = signed
            MutatedTransferTests.mutate(&mutated, &random)
            _ = fixture.respond(mutated, capacity: 1232)
            switch TransactionTests.verdict(mutated, keys) {
            case .accepted:
                accepted += 1
                #expect(mutated.dropFirst(2) == signed.dropFirst(2))
            case .unsigned, .malformed, .refused: refused += 1
            }
        }
        #expect(accepted > 1000 && refused > 1000)
    }

    // Whatever is left out, changed or without its signature: what comes behind is not believed.
    @Test func `a stream of signed answers is believed as far as it is whole`() throws {
        var random = SeededRandom(seed: 13)
        let (now, key) = (TransactionTests.now, try TransactionTests.key(.sha256))
        let question = ZoneFixture.query("example.com", .AXFR)
        var (whole, broken) = (0, 0)
        for round in 0..<3000 {
            let peer = TransactionPeer(key)
            let signed = peer.sign(question, seconds: now)
            let check = TransactionKeys([key]).check(signed.span, seconds: now)
            guard case .accepted(var transaction, _) = check else {
                throw TransactionTests.Missing()
            }
            let fault = Int(random.next(below: 8))
            var isWhole = true
            for number in 0..<6 {
                var body = question
                body[2] = 0x84
                var message = [UInt8](capacity: 400) { output in
                    output.write(body.span)
                    _ = transaction.sign(&output, from: 0, seconds: now)
                }
                if number == fault {
                    switch round % 3 {
                    case 0: continue
                    case 1: message = body
                    default: message[2 + Int(random.next(below: 27))] ^= 0x81
                    }
                }
                let isLate = number > fault || number == fault && round % 3 == 2
                let length = try? peer.take(message, seconds: now)
                if isLate {
                    #expect(length == nil, "\(round) \(number)")
                    isWhole = false
                    break
                }
                #expect((length == body.count) == (number != fault || number > 0))
                if length == nil { break }
            }
            if isWhole { whole += 1 } else { broken += 1 }
        }
        #expect(whole > 500 && broken > 1000)
    }

    @Test func `mutated answers of primaries never trap, and are not believed with a key`() throws {
        var random = SeededRandom(seed: 12)
        let key = try TransactionTests.key()
        let apex = try #require(DomainName("example.com"))
        let records = [
            try SecondaryTests.soa(7), try SecondaryTests.address("a.example.com", 1),
            try SecondaryTests.soa(7),
        ]
        var body: [UInt8] = [0, 9, 0x84, 0, 0, 1, 0, 3, 0, 0, 0, 0] + apex.wire + [0, 252, 0, 1]
        for record in records { body += record.wire }
        var taken = 0
        for round in 0..<20_000 {
            var bytes = body
            MutatedTransferTests.mutate(&bytes, &random, most: 6)
            var transfer = try SecondaryTests.transfer(known: round % 2 == 0 ? 3 : nil)
            if let message = DNSMessage(bytes) {
                _ = try? transfer.take(message, octets: bytes.count)
                if transfer.isDone { taken += 1 }
                _ = transfer.applied(to: records)
            }
            _ = ZoneImage.records(in: bytes)
            let peer = TransactionPeer(key)
            _ = peer.sign(ZoneFixture.query("example.com", .AXFR), seconds: TransactionTests.now)
            let length = try? peer.take(bytes, seconds: TransactionTests.now)
            #expect(length == nil)
        }
        #expect(taken > 1000)
    }
}
