// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// What RFCs state of messages between servers, and of zones without signatures.
extension StatementTests {
    // MARK: Transfers

    // RFC 5936 §2.2.1, §2.2.2, §2.2.4.
    @Test func `messages of a transfer have no bits but their own, and nothing in authority`()
        throws
    {
        for (takers, flags) in [([TransferTests.anywhere], 0x8500), ([], 0x8105)]
            as [([TransferRules.Peer], UInt16)]
        {
            var fixture = try DoorFixture.make(
                tests.snapshot(["example.com": TransferTests.large(300)], takers: takers)
            )
            for serial in [nil, 3] as [UInt32?] {
                var request = TransferTests.request("example.com", since: serial)
                // RD, Z, AD and CD.
                (request[2], request[3]) = (0x01, 0x70)
                let messages = try tests.take(&fixture, request)
                #expect(messages.count > (takers.isEmpty ? 0 : 1))
                for message in messages {
                    let message = try #require(message)
                    #expect(message.flags == flags && message.id == 0xabcd)
                    #expect(message.authorities.isEmpty && message.additionals.isEmpty)
                    #expect(message.questions.map(\.type) == [serial == nil ? .AXFR : .IXFR])
                }
            }
        }
    }

    // RFC 5936 §2.2, §2.2.1.
    @Test func `a zone is taken in any order, with records twice and bits that say nothing`()
        throws
    {
        let (soa, a, b) = (
            try SecondaryTests.soa(7), try SecondaryTests.address("a.example.com", 1),
            try SecondaryTests.address("b.example.com", 2)
        )
        // RA, Z, AD and CD, with AA and without.
        for (records, flags) in [
            ([soa, a, b, soa], 0x8400), ([soa, b, a, soa], 0x80f0), ([soa, a, b, a, soa], 0x84f0),
        ] as [([DNSMessage.Record], UInt16)] {
            var transfer = try SecondaryTests.transfer()
            try transfer.take(SecondaryTests.message(records, flags: flags), octets: 1)
            #expect(transfer.isDone)
            var builder = ZoneTableBuilder()
            builder.beginZone(try #require(DomainName("example.com")))
            builder.add(transfer.records.map { .record($0) }) { _ in nil }
            var zone = ZoneFixture(try #require(builder.build().table))
            #expect(try zone.ask("a.example.com").answers.map(\.data) == [a.data])
            #expect(try zone.ask("b.example.com").answers.map(\.data) == [b.data])
        }
    }

    // RFC 5936 §4.1.2.
    @Test func `who closes the connection ends the transfers over it`() throws {
        var fixture = try DoorFixture.make(
            tests.snapshot(["example.com": TransferTests.large(100_000)])
        )
        let socket = try fixture.connect()
        fixture.turn()
        let request = framed(TransferTests.request("example.com"))
        let both = request + request
        #expect(Socket.send(socket, both.span) == .count(both.count))
        for _ in 0..<10 { fixture.handleEvents() }
        #expect(fixture.shared.runningTransfers == 2)
        socket.close()
        for _ in 0..<3000 where fixture.shared.runningTransfers > 0 {
            fixture.handleEvents()
            if fixture.door.isPolling { fixture.poll() }
        }
        #expect(fixture.shared.runningTransfers == 0)
        #expect(fixture.count(.transfersBroken) == 2 && fixture.count(.connectionsClosed) == 1)
    }

    // RFC 2181 §8.
    @Test func `a TTL with its highest bit set counts as none when a zone is taken`() throws {
        var records = [try SecondaryTests.soa(7), try SecondaryTests.address("a.example.com", 1)]
        records.append(try SecondaryTests.address("b.example.com", 2))
        (records[1].ttl, records[2].ttl) = (0x8000_0005, 0x7fff_ffff)
        var transfer = try SecondaryTests.transfer()
        try transfer.take(SecondaryTests.message(records + [records[0]]), octets: 1)
        #expect(transfer.isDone && transfer.records.map(\.ttl) == [60, 0, 0x7fff_ffff])
    }

    // RFC 5936 §3.5.
    @Test func `what a delegation hides is taken from a primary too, and passed on`() throws {
        let server = try #require(DomainName("ns.example.com")).wire
        let records = [
            try SecondaryTests.soa(7), try SecondaryTests.record("example.com", .NS, server),
            try SecondaryTests.record("sub.example.com", .NS, server),
            try SecondaryTests.record("x.sub.example.com", .TXT, [1, 0x78]),
            try SecondaryTests.address("ns.example.com", 1),
        ]
        var transfer = try SecondaryTests.transfer()
        try transfer.take(SecondaryTests.message(records + [records[0]]), octets: 1)
        let apex = try #require(DomainName("example.com"))
        var builder = ZoneTableBuilder()
        builder.beginZone(apex)
        builder.add(transfer.records.map { .record($0) }) { _ in nil }
        let table = try #require(builder.build().table)
        var zone = ZoneFixture(table)
        let referral = try zone.ask("x.sub.example.com", .TXT)
        #expect(referral.answers.isEmpty && referral.authorities.map(\.type) == [.NS])
        let number = try #require(table.usableZone(apex))
        let kept = table.contents(ofZone: number).compactMap { content -> String? in
            if case .record(let record) = content { TransferTests.line(record) } else { nil }
        }
        #expect(kept.sorted() == records.map { TransferTests.line($0) }.sorted())
    }

    // MARK: Notices

    // RFC 1996 §3.9, §4.7.
    @Test func `a notice comes back with QR, and other sections of it are not minded`() throws {
        var snapshot = try tests.snapshot(["example.com": TransferTests.zone])
        let apex = try #require(DomainName("example.com"))
        let primary = TransferRules.Peer(network: Prefix("192.0.2.1/32"), key: nil)
        snapshot.peers.rules.notifiers[apex] = [primary]
        var notice = ZoneFixture.query("Example.com", .SOA)
        (notice[2], notice[3]) = (0x24, 0)
        var crowded = notice
        (crowded[9], crowded[11]) = (1, 1)
        crowded += apex.wire + [0, 2, 0, 1, 0, 0, 0, 5, 0, 1, 0]
        crowded += apex.wire + [0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 192, 0, 2, 9]
        for (client, bytes, flags) in [
            ("192.0.2.1", notice, 0xa400), ("192.0.2.1", crowded, 0xa400),
            ("192.0.2.2", notice, 0xa005),
        ] as [(String, [UInt8], UInt16)] {
            for isStream in [false, true] {
                var fixture = ZoneFixture(snapshot)
                fixture.context.client = try #require(IPAddress(client))
                fixture.context.isStream = isStream
                let answer = try #require(DNSMessage(fixture.respond(bytes)))
                #expect(answer.flags == flags && answer.id == 0xabcd)
                #expect(answer.questions.map(\.type) == [.SOA])
                #expect(answer.questions.first?.name.wire == DomainName("Example.com")?.wire)
            }
        }
    }

    // MARK: Zones

    // RFC 3597 §8.
    @Test func `names in data of unknown types bring nothing along`() throws {
        let data = "046d61696c076578616d706c6503636f6d00"
        var zone = try ZoneFixture([
            "example.com": AuthorityTests.zone + "\nu TYPE65400 \\# 18 \(data)\nu MX 1 mail\n"
        ])
        let unknown = try zone.ask("u.example.com", RecordType(65_400))
        #expect(unknown.answers.count == 1)
        #expect(unknown.additionals.allSatisfy { $0.type == .OPT })
        let known = try zone.ask("u.example.com", .MX)
        #expect(known.additionals.contains { $0.type == .A })
    }

    // RFC 4592 §2.3.
    @Test func `an asterisk in data stands for itself`() throws {
        let text =
            "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n*.w A 192.0.2.2\n"
            + "a CNAME *.w\nm MX 1 *.w\n"
        var zone = try ZoneFixture(["example.com": text])
        let made = try zone.ask("a.example.com").answers
        #expect(made.map(\.owner) == ["a.example.com", "*.w.example.com"].map { DomainName($0) })
        #expect(try zone.lines("m.example.com", .MX).last == "ad *.w.example.com. 60 A 192.0.2.2")
    }

    // RFC 4592 §4.4.
    @Test func `a zone with a DNAME at a wildcard is not loaded`() throws {
        let text = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        #expect(try ZoneFixture.problems(["example.com": text + "*.w DNAME ns\n"]).count == 1)
        #expect(try ZoneFixture.problems(["example.com": text + "w DNAME ns\n"]).isEmpty)
    }

    // RFC 4592 §4.1.
    @Test func `a zone may begin at a name with an asterisk, and makes no names of it`() throws {
        let text = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        var zone = try ZoneFixture(["*.example.com": text])
        let found = try zone.lines("ns.*.example.com")
        #expect(found == ["NOERROR aa", "an ns.*.example.com. 60 A 192.0.2.1"])
        #expect(try zone.lines("x.*.example.com").first == "NXDOMAIN aa")
        #expect(try zone.lines("ns.x.example.com") == ["REFUSED"])
        #expect(try zone.lines("x.example.com", .SOA) == ["REFUSED"])
    }
}
