// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials
import Runtime
import TestSupport
import Testing

@testable import DNSProtocol

/// Options of EDNS beside zones that go out and come in (RFC 9103 §6.3.4, §7.8, §7.9, §7.10).
@Suite struct TransferOptionsTests {
    let tests = TransferTests()
    static let cookie: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

    /// A request for the zone with these options.
    static func request(_ options: [(UInt16, [UInt8])]) -> [UInt8] {
        EDNSQuestion {
            $0.type = .AXFR
            $0.options = options.map { (code: $0.0, data: $0.1) }
        }.bytes
    }

    static let all = request([(12, [5, 5]), (10, cookie), (3, [])])

    func snapshot(
        _ count: Int,
        takers: [TransferRules.Peer] = [TransferTests.anywhere],
        keys: [TransactionKey] = []
    ) throws -> DNSSnapshot {
        let zones: KeyValuePairs = ["example.com": TransferTests.large(count)]
        var snapshot = try tests.snapshot(zones, takers: takers, keys: keys)
        snapshot.conduct = DNSConduct(identity: "ns1")
        snapshot.conduct.cookies = CookieSecrets([SipKey(7, 9)])
        return snapshot
    }

    /// The messages of a stream as they are.
    static func frames(_ bytes: [UInt8]) -> [[UInt8]] {
        var rest = bytes[...]
        var found: [[UInt8]] = []
        while rest.count > 2 {
            let length = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
            found.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return found
    }

    @Test func `each message of a zone has what the request asked for`() throws {
        var fixture = try DoorFixture.make(snapshot(1000))
        let found = try tests.take(&fixture, TransferOptionsTests.all)
        #expect(found.count > 5)
        for message in found {
            #expect(message?.options.map(\.code) == [3, 10, 12])
            #expect(message?.option(12) == [], "in the clear it has no octets")
            #expect(message?.option(10)?.prefix(8) == TransferOptionsTests.cookie[...])
        }
        let bare = try tests.take(&fixture, TransferOptionsTests.request([]))
        #expect(bare.count > 5 && bare.allSatisfy { $0?.option != nil })
        #expect(bare.allSatisfy { $0?.options.isEmpty == true })
        let plain = try tests.take(&fixture, TransferTests.request("example.com"))
        #expect(plain.count > 5 && plain.allSatisfy { $0 != nil && $0?.option == nil })
    }

    @Test func `by TLS each message is padded, and so is a refusal, which says why`() throws {
        let key = try TransactionTests.key()
        let taker = TransferRules.Peer(network: Prefix("127.0.0.0/8"), key: key.name)
        let parts = try SecureParts()
        var fixture = try DoorFixture.make(
            snapshot(1000, takers: [taker], keys: [key]),
            security: DNSListenerSecurity(parts.context())
        )
        var client = try SecureClient(fixture, parts.client())
        #expect(client.shakeHands(&fixture) == .established)
        client.send(framed(TransferOptionsTests.all), &fixture)
        let refused = TransferOptionsTests.frames(client.stream)
        #expect(refused.count == 1 && refused[0].count % 468 == 0)
        let reason = try #require(refused.first.flatMap { DNSMessage($0) })
        #expect(reason.code == .refused && reason.option(15) == [0, 18])
        #expect(reason.options.map(\.code) == [3, 10, 15, 12])

        client.stream = []
        let seconds = UInt64(Clock.realtime() / 1_000_000_000)
        let signed = TransactionPeer(key).sign(TransferOptionsTests.all, seconds: seconds)
        client.send(framed(signed), &fixture)
        for _ in 0..<100 {
            fixture.turn()
            client.read()
        }
        let found = TransferOptionsTests.frames(client.stream)
        #expect(found.count > 5)
        for frame in found {
            guard case .found(let record) = TSIGRecord.read(frame.span) else {
                Issue.record("a message is not signed")
                continue
            }
            // What is signed is padded; the signature stands behind it.
            #expect(record.start % 468 == 0)
        }
    }

    @Test func `messages that are padded are taken, and those of padding alone`() throws {
        var fixture = try DoorFixture.make(snapshot(1000))
        let socket = try fixture.connect()
        defer { socket.close() }
        var frames = TransferOptionsTests.frames(
            try tests.exchange(&fixture, socket, [TransferOptionsTests.all])
        )
        let padding: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 8, 0, 12, 0, 4, 0, 0, 0, 0]
        let empty = [0xab, 0xcd, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 1] + padding
        for place in [1, 3, frames.count - 1] { frames.insert(empty, at: place) }
        let apex = try #require(DomainName("example.com"))
        var transfer = IncomingTransfer(apex, id: 0xabcd, known: nil, limit: 1 << 22)
        for frame in frames {
            try transfer.take(try #require(DNSMessage(frame)), octets: frame.count)
        }
        #expect(transfer.isDone && transfer.records.count > 1000 && transfer.dropped == 0)

        let (first, second) = (try SecondaryTests.soa(1), try SecondaryTests.soa(2))
        let address = try SecondaryTests.address("a.example.com", 1)
        var changes = try SecondaryTests.transfer(known: 1)
        var nothing = try #require(DNSMessage(empty))
        nothing.id = 9
        for records in [[second, first], [address, second], [second]] {
            try changes.take(SecondaryTests.message(records), octets: 1)
            if !changes.isDone { try changes.take(nothing, octets: 1) }
        }
        #expect(changes.isDone && changes.changes.count == 1)
    }

    // RFC 6891 §6.1.1, RFC 8945 §4.1.
    @Test func `what is no data of a zone is left out of what comes`() throws {
        let soa = try SecondaryTests.soa(7)
        let others = try [RecordType.OPT, .TSIG, .ANY, .AXFR].map {
            try SecondaryTests.record("a.example.com", $0, [])
        }
        var transfer = try SecondaryTests.transfer()
        let message = try SecondaryTests.message([soa] + others + [soa])
        try transfer.take(message, octets: 1)
        #expect(transfer.isDone && transfer.records == [soa] && transfer.dropped == 4)
    }

    // RFC 7766 §7, RFC 7858 §3.3.
    @Test func `an answer to another question is given up`() throws {
        let soa = try SecondaryTests.soa(7)
        let names = try ["example.com", "example.net"].map { try #require(DomainName($0)) }
        for (known, name, type, number, isTaken) in [
            (nil, names[0], .AXFR, 1, true), (nil, names[0], .IXFR, 1, false),
            (nil, names[1], .AXFR, 1, false), (nil, names[0], .AXFR, 3, false),
            (nil, names[0], .SOA, 1, false), (6, names[0], .IXFR, 1, true),
            (6, names[0], .AXFR, 1, false),
        ] as [(UInt32?, DomainName, RecordType, UInt16, Bool)] {
            var message = try SecondaryTests.message([soa])
            message.questions = [.init(name: name, type: type, recordClass: number)]
            var transfer = try SecondaryTests.transfer(known: known)
            var fault: IncomingTransfer.Fault?
            do throws(IncomingTransfer.Fault) {
                try transfer.take(message, octets: 1)
            } catch {
                fault = error
            }
            #expect((fault == nil) == isTaken, "\(type) of \(name)")
        }
    }
}
