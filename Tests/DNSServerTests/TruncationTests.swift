// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

@Suite struct TruncationTests {
    static let zone: String = {
        var text = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nto CNAME many\n"
        for number in 1...100 { text += "many A 192.0.2.\(number)\n" }
        for number in 1...20 { text += "some A 192.0.2.\(number)\n" }
        for number in 1...30 {
            text += "sub NS ns\(number).sub\nns\(number).sub A 192.0.2.\(number)\n"
        }
        for number in 1...8 { text += "far NS ns\(number).elsewhere\(number).org.\n" }
        return text
    }()

    @Test func `a set that does not fit is left out whole, and TC says so`() throws {
        var fixture = try ZoneFixture(["example.com": TruncationTests.zone])
        let message = try fixture.ask("many.example.com")
        #expect(message.isTruncated)
        #expect(message.answers == [])
        #expect(message.code == .noError)
        let alias = try fixture.ask("to.example.com")
        #expect(alias.isTruncated)
        #expect(alias.answers.map(\.type) == [.CNAME], "the set before it stays")
    }

    @Test func `the limit is 512 without EDNS, the lower of both sizes with it`() throws {
        var fixture = try ZoneFixture(["example.com": TruncationTests.zone])
        #expect(try fixture.ask("some.example.com", edns: nil).answers.count == 20)
        for (size, fits) in [(600, false), (512, false), (1631, false), (1645, false)] {
            let message = try fixture.ask("many.example.com", edns: UInt16(size))
            #expect(message.isTruncated != fits, "\(size)")
        }
        fixture.context.ednsSize = 4096
        #expect(try fixture.ask("many.example.com", edns: 4096).answers.count == 100)
        // 12 + 22 + 100 × 16 + 11 for OPT.
        #expect(try fixture.ask("many.example.com", edns: 1645).answers.count == 100)
        #expect(try fixture.ask("many.example.com", edns: 1644).isTruncated)
    }

    @Test func `TCP has room for everything`() throws {
        var fixture = try ZoneFixture(["example.com": TruncationTests.zone])
        fixture.context.isStream = true
        let message = try fixture.ask("many.example.com", edns: 512)
        #expect(!message.isTruncated)
        #expect(message.answers.count == 100)
        let referral = try fixture.ask("x.sub.example.com")
        #expect(referral.authorities.count == 30)
        #expect(referral.additionals.count == 30)
    }

    @Test func `glue that is needed and does not fit sets TC`() throws {
        var fixture = try ZoneFixture(["example.com": TruncationTests.zone])
        let message = try fixture.ask("x.sub.example.com", edns: 1232)
        #expect(!message.isTruncated)
        let small = try fixture.ask("x.sub.example.com", edns: 700)
        #expect(small.isTruncated)
        #expect(small.authorities.count == 30)
        #expect(try fixture.ask("x.far.example.com", edns: nil).isTruncated == false)
    }

    @Test func `glue that is needed goes before addresses that may be left out`() throws {
        // The server elsewhere in the zone comes first, and has more and more addresses.
        for count in 1...30 {
            var zone = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
            zone += "sub NS ns\nsub NS ns.sub\nns.sub A 192.0.2.9\nns.sub AAAA 2001:db8::9\n"
            for number in 1...count { zone += "ns AAAA 2001:db8::\(number)\n" }
            var fixture = try ZoneFixture(["example.com": zone])
            let message = try fixture.ask("x.sub.example.com", edns: nil)
            #expect(!message.isTruncated, "\(count)")
            let owners = message.additionals.map { "\($0.owner)" }
            #expect(owners.filter { $0 == "ns.sub.example.com." }.count == 2, "\(count)")
        }
    }

    @Test func `glue far into a long answer is sent over TCP`() throws {
        // A compression pointer reaches 16 KiB; what it points at stands before that.
        var zone = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
        for server in 1...30 {
            zone += "sub NS ns\(server).sub\n"
            for number in 1...40 { zone += "ns\(server).sub AAAA 2001:db8::\(number)\n" }
        }
        var fixture = try ZoneFixture(["example.com": zone])
        fixture.context.isStream = true
        let message = try fixture.ask("x.sub.example.com")
        #expect(!message.isTruncated)
        #expect(message.additionals.count == 30 * 40)
    }

    @Test func `an output without room gets nothing`() throws {
        var fixture = try ZoneFixture(["example.com": TruncationTests.zone])
        let query = ZoneFixture.query("some.example.com", edns: 1232)
        for capacity in 0...400 {
            let bytes = fixture.respond(query, capacity: capacity)
            #expect(bytes.count <= capacity)
            guard capacity >= query.count else { continue }
            #expect(DNSMessage(bytes) != nil, "\(capacity)")
        }
    }

    @Test func `an output has the whole head of a message or nothing`() throws {
        var fixture = try ZoneFixture(["example.com": TruncationTests.zone])
        // A record that takes less room than the question before it; and no record at all.
        let long = String(repeating: "x", count: 60) + ".invalid"
        for name in ["ns.example.com", long] {
            let query = ZoneFixture.query(name, edns: 1232)
            for capacity in 0...query.count + 40 {
                let bytes = fixture.respond(query, capacity: capacity)
                #expect(bytes.isEmpty == (capacity < query.count), "\(name) \(capacity)")
                guard !bytes.isEmpty else { continue }
                #expect(bytes.prefix(2) == query.prefix(2), "\(name) \(capacity)")
                #expect(DNSMessage(bytes)?.questions.count == 1, "\(name) \(capacity)")
            }
        }
    }
}
