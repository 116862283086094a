// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Runtime
import Testing

@testable import DNSServer

/// Messages that come by HTTPS (RFC 8484).
@Suite struct MessageTests {
    private func answer(
        _ query: [UInt8],
        _ fixture: inout DoorFixture
    ) -> (bytes: [UInt8], answer: MessageAnswer) {
        let now = fixture.now
        let answer = fixture.door.answer(query.span, from: IPAddress(v4: 1), now: now)
        let bytes = fixture.door.answerBytes
        return ([UInt8](capacity: bytes.count) { _ = $0.write(bytes) }, answer)
    }

    private func fixture() throws -> DoorFixture {
        let zone = try ZoneFixture([
            "example.com": """
            @ 300 IN SOA ns hostmaster 1 2 3 4 77
            @ 300 IN NS ns
            ns 300 IN A 192.0.2.1
            quick 9 IN A 192.0.2.2
            alias 400 IN CNAME quick
            """
        ])
        return try DoorFixture.make(zone.snapshot)
    }

    @Test func `the answer is that of TCP, and is counted by its transport`() throws {
        var fixture = try fixture()
        let query = ZoneFixture.query("quick.example.com", edns: 1232)
        let socket = try fixture.connect()
        defer { socket.close() }
        _ = Socket.send(socket, framed(query).span)
        fixture.turn()
        #expect(framed(answer(query, &fixture).bytes) == received(socket))
        let counts = [fixture.count(.queriesHTTPS), fixture.count(.queriesTCP)]
        #expect(counts == [1, 1])
    }

    // RFC 8484 §6: there are no datagrams.
    @Test(arguments: [nil, 0, 512, 1232] as [UInt16?])
    func `what a query says of the size of datagrams is not minded`(size: UInt16?) throws {
        let zone = try ZoneFixture(["example.com": TruncationTests.zone])
        var fixture = try DoorFixture.make(zone.snapshot)
        let bytes = answer(ZoneFixture.query("many.example.com", edns: size), &fixture).bytes
        let message = try #require(DNSMessage(bytes))
        #expect(message.answers.count == 100 && !message.isTruncated)
        #expect(bytes.count > 1232)
    }

    @Test(
        arguments: [
            ("quick", 9), ("alias", 9), ("ns", 300), ("none", 77),
        ] as [(String, UInt32)]
    )
    func `an answer holds as long as its records do`(name: String, seconds: UInt32) throws {
        var fixture = try fixture()
        let answer = answer(ZoneFixture.query("\(name).example.com"), &fixture).answer
        #expect(answer.lifetime == seconds)
        #expect(!answer.isPersonal)
    }

    @Test func `what has no records is not to be kept, what is no query gets nothing`() throws {
        var fixture = try fixture()
        let refused = answer(ZoneFixture.query("else.test"), &fixture)
        #expect(refused.answer.lifetime == nil && refused.bytes.count >= 12)
        var response = ZoneFixture.query("quick.example.com")
        response[2] |= 0x80
        #expect(answer(response, &fixture).bytes.isEmpty)
        #expect(answer([0, 0, 1], &fixture).bytes.isEmpty)
    }

    @Test func `a message that is cut anywhere has a lifetime or none, and breaks nothing`() throws
    {
        var fixture = try fixture()
        let whole = answer(ZoneFixture.query("alias.example.com"), &fixture).bytes
        for count in 0...whole.count {
            _ = MessageLifetime.seconds(of: Array(whole.prefix(count)).span)
        }
        for place in whole.indices {
            for value in [0, 0x3f, 0x40, 0xc0, 0xff] as [UInt8] {
                var changed = whole
                changed[place] = value
                _ = MessageLifetime.seconds(of: changed.span)
            }
        }
        #expect(MessageLifetime.seconds(of: whole.span) == 9)
    }
}
