// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// What RFCs state in a sentence, where no other suite comes by.
@Suite struct StatementTests {
    let tests = TransferTests()

    // MARK: Transfers

    @Test func `what a request brings of a version is an SOA, or all is sent`() throws {
        var fixture = try DoorFixture.make(
            tests.snapshot(["example.com": TransferTests.zone])
        )
        let wanted = try TransferTests.expected(TransferTests.zone, "example.com")
        var none = TransferTests.request("example.com", since: 7)
        none = Array(none.prefix(12 + 13 + 4))
        none[9] = 0
        var other = TransferTests.request("example.com", since: 7)
        other[12 + 13 + 4 + 13 + 1] = 16
        for request in [none, other] {
            let found = TransferTests.lines(try tests.take(&fixture, request))
            #expect(found.dropLast().sorted() == wanted.sorted())
        }
        var two = TransferTests.request("example.com", since: 7)
        two += two.dropFirst(12 + 13 + 4)
        two[9] = 2
        let refused = try tests.take(&fixture, two)
        #expect(refused.map { $0?.code } == [.formatError])
    }

    @Test(arguments: [false, true])
    func `each message of a transfer has OPT as the request, and none is truncated`(
        hasEDNS: Bool
    ) throws {
        var fixture = try DoorFixture.make(
            tests.snapshot(["example.com": TransferTests.large(1000)])
        )
        let request = EDNSQuestion { ($0.type, $0.hasEDNS, $0.size) = (.AXFR, hasEDNS, 512) }
        let messages = try tests.take(&fixture, request.bytes)
        #expect(messages.count > 5)
        #expect(messages.allSatisfy { ($0?.option != nil) == hasEDNS })
        #expect(messages.allSatisfy { $0?.isTruncated == false })
    }

    @Test func `names that a delegation or a redirection hides are sent too`() throws {
        let text = TransferTests.zone + "\nx.y.sub TXT \"below\"\nns MX 1 mail\n"
        var fixture = try DoorFixture.make(tests.snapshot(["example.com": text]))
        let lines = TransferTests.lines(
            try tests.take(&fixture, TransferTests.request("example.com"))
        )
        #expect(lines.contains { $0.hasPrefix("x.y.sub.example.com. ") })
        #expect(
            lines.dropLast().sorted() == (try TransferTests.expected(text, "example.com")).sorted()
        )
    }

    @Test func `names in data keep their case where they are compressed`() throws {
        let text =
            "$TTL 5\n@ SOA Ns1 hOst 1 2 3 4 5\n@ NS NS1\n@ MX 1 MaIl.EXAMPLE.com.\n"
            + "x MX 1 mail.eXample.Com.\nx MX 2 mail\nns1 A 192.0.2.1\n"
        var fixture = try DoorFixture.make(tests.snapshot(["example.com": text]))
        let messages = try tests.take(&fixture, TransferTests.request("example.com"))
        let data = messages.flatMap { $0?.answers ?? [] }.filter { $0.type == .MX }.map {
            RecordText.data(.MX, $0.data.span)
        }
        #expect(
            data.sorted() == [
                "1 MaIl.EXAMPLE.com.", "1 mail.eXample.Com.", "2 mail.example.com.",
            ]
        )
        var zone = try ZoneFixture(["example.com": text])
        #expect(
            try zone.lines("example.com", .MX).contains("an example.com. 5 MX 1 MaIl.EXAMPLE.com.")
        )
    }

    @Test func `an answer about another zone is given up`() throws {
        var transfer = try SecondaryTests.transfer()
        var message = try SecondaryTests.message([try SecondaryTests.soa(7)])
        let other = try #require(DNSMessage(TransferTests.request("example.net")))
        message.questions = other.questions
        #expect(throws: IncomingTransfer.Fault.self) { try transfer.take(message, octets: 1) }
        message.questions = try #require(DNSMessage(TransferTests.request("example.com"))).questions
        var another = try SecondaryTests.transfer()
        try another.take(message, octets: 1)
        #expect(!another.isDone)
    }

    // MARK: Notices

    @Test func `a notice that lies has the zone looked at, and changes nothing`() {
        func at(_ seconds: Int64) -> Instant { .start + .seconds(seconds) }
        var machine = RefreshMachine(now: at(0))
        _ = machine.begin(now: at(0))
        machine.succeed(SerialNumber(7), SecondaryTests.timers, now: at(0), draw: 0)
        machine.notice(SerialNumber(99), now: at(10))
        let isLooking = machine.begin(now: at(10))
        #expect(isLooking)
        // The primary has what it had: what was told is forgotten.
        machine.succeed(SerialNumber(7), SecondaryTests.timers, now: at(11), draw: 0)
        #expect(machine.nextCheck == at(1011) && machine.expiresAt == at(5011))
        machine.notice(SerialNumber(8), now: at(20))
        #expect(machine.nextCheck == at(20), "a higher one than is served is news still")
    }

    @Test func `notices of strangers are told, a few of them`() throws {
        let notices = try DNSNotices()
        let zone = try #require(DomainName("example.com"))
        for second in [100, 101, 105, 110, 111, 125] as [UInt32] {
            notices.postStray(zone, from: IPAddress(v4: second), seconds: second)
        }
        let told = notices.drain().map { notice -> String in
            guard case .stray(_, let client, let others) = notice else { return "" }
            return "\(client) \(others)"
        }
        #expect(told == ["0.0.0.100 0", "0.0.0.110 2", "0.0.0.125 1"])
    }

    // MARK: Data

    @Test func `data of unknown types are compared octet by octet`() throws {
        var zone = try ZoneFixture([
            "example.com": AuthorityTests.zone
                + "\nu TYPE65400 \\# 1 41\nu TYPE65400 \\# 1 61\nu TYPE65400 \\# 1 41\n"
        ])
        let found = try zone.ask("u.example.com", RecordType(65_400)).answers
        #expect(found.map(\.data) == [[0x41], [0x61]])
    }

    // MARK: DNAME

    @Test func `the target of a DNAME is not compressed`() throws {
        var zone = try ZoneFixture(["example.net": RedirectionTests.zone])
        let target = try #require(DomainName("new.example.net")).wire
        for name in ["d.example.net", "www.d.example.net"] {
            let bytes = zone.respond(ZoneFixture.query(name, RecordType(39)))
            let starts = bytes.indices.filter { bytes[$0...].starts(with: target) }
            #expect(!starts.isEmpty, "\(name)")
        }
    }

    @Test func `a CNAME that a DNAME makes has no signature, and the DNAME has`() throws {
        var zone = try SigningFixture(
            [("example.net", RedirectionTests.zone)],
            signed: ["example.net": try SigningFixture.keys()]
        )
        let answers = try zone.ask("www.d.example.net").answers
        let owner = DomainName("www.d.example.net")
        #expect(answers.contains { $0.type == .CNAME && $0.owner == owner })
        #expect(!answers.contains { $0.type == .RRSIG && $0.owner == owner })
        let rest = answers.filter { $0.owner != owner }
        #expect(rest.contains { $0.type == RecordType(39) } && zone.faults(rest).isEmpty)
    }
}
