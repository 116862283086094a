// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// ALIAS inside: what the target is answered with is what the alias is answered with.
@Suite struct AliasTests {
    static let zone = """
        $TTL 300
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        @ ALIAS www
        @ MX 10 mail
        @ TXT "kept"
        ns1 A 192.0.2.53
        mail A 192.0.2.25
        www A 192.0.2.1
            AAAA 2001:db8::1
        far 20 ALIAS one
        one 90 CNAME two
        two 40 CNAME www
        chain ALIAS far
        wild ALIAS a.b.any
        *.any A 192.0.2.9
        *.both ALIAS www
        four ALIAS mail
        to CNAME @
        other ALIAS host.example.net.
        """
    static let second = """
        $TTL 100
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        host A 198.51.100.7
        """

    private func fixture() throws -> ZoneFixture {
        try ZoneFixture(["example.com": AliasTests.zone, "example.net": AliasTests.second])
    }

    @Test func `an alias is answered with the addresses of its target, and its other records stay`()
        throws
    {
        var zone = try fixture()
        #expect(
            try zone.lines("Example.com") == ["NOERROR aa", "an Example.com. 300 A 192.0.2.1"]
        )
        #expect(
            try zone.lines("example.com", .AAAA)
                == ["NOERROR aa", "an example.com. 300 AAAA 2001:db8::1"]
        )
        #expect(try zone.ask("example.com", .MX).answers.count == 1)
        #expect(try zone.ask("example.com", .TXT).answers.count == 1)
        #expect(try zone.ask("example.com", .SOA).answers.count == 1)
        let denied = try zone.lines("example.com", .HTTPS)
        #expect(denied.count == 2 && denied[1].hasPrefix("au example.com. 60 SOA"))
        // It is no type that anybody could ask for.
        #expect(try zone.ask("example.com", .ALIAS).answers.isEmpty)
    }

    @Test(arguments: [
        ("far.example.com", 20, "192.0.2.1"), ("chain.example.com", 20, "192.0.2.1"),
        ("wild.example.com", 300, "192.0.2.9"), ("x.both.example.com", 300, "192.0.2.1"),
        ("other.example.com", 100, "198.51.100.7"),
    ])
    func `the TTL is the lowest on the way`(name: String, ttl: Int, address: String) throws {
        var zone = try fixture()
        #expect(try zone.lines(name) == ["NOERROR aa", "an \(name). \(ttl) A \(address)"])
    }

    @Test func `a CNAME leads to an alias`() throws {
        var zone = try fixture()
        #expect(
            try zone.lines("to.example.com") == [
                "NOERROR aa", "an example.com. 300 A 192.0.2.1",
                "an to.example.com. 300 CNAME example.com.",
            ]
        )
    }

    @Test func `a family that the target has not is NODATA, and so is a target that is not there`()
        throws
    {
        var zone = try fixture()
        let denied = try zone.lines("four.example.com", .AAAA)
        #expect(denied.count == 2 && denied[0] == "NOERROR aa")
        var dangling = try ZoneFixture([
            "example.com": AliasTests.zone + "\nnone ALIAS missing\nempty ALIAS any\n"
        ])
        for name in ["none.example.com", "empty.example.com"] {
            let lines = try dangling.lines(name)
            #expect(lines.count == 2 && lines[0] == "NOERROR aa", "\(name): \(lines)")
            #expect(lines[1].hasPrefix("au example.com. 60 SOA"))
        }
    }

    @Test func `all addresses come, turned at random, however many there are`() throws {
        let many = (1...40).map { "www A 192.0.2.\($0)\n" }.joined()
        var zone = try ZoneFixture([
            "example.com": "$TTL 9\n@ SOA a b 1 2 3 4 5\n@ NS a\n@ ALIAS www\n" + many
        ])
        let message = try zone.ask("example.com", edns: 1232)
        #expect(message.answers.count == 40)
        #expect(Set(message.answers.map(\.data)).count == 40)
        #expect(message.answers.allSatisfy { $0.owner == DomainName("example.com") })
        let firsts = try Set((0..<60).map { _ in try zone.ask("example.com").answers[0].data })
        #expect(firsts.count > 10)
        #expect(try zone.ask("example.com", edns: nil).isTruncated)
    }

    @Test func `what is wrong is told with its place`() throws {
        let head = "$TTL 9\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n"
        func found(_ text: String) throws -> [String] {
            try ZoneFixture.problems(["example.com": head + text])
        }
        let com = "example.com."
        #expect(
            try found("x ALIAS y\ny CNAME z\nz ALIAS x\n") == [
                "M1421 an ALIAS leads in a circle: "
                    + "x.\(com) -> y.\(com) -> z.\(com) -> x.\(com)",
                "M1421 an ALIAS leads in a circle: "
                    + "z.\(com) -> x.\(com) -> y.\(com) -> z.\(com)",
            ]
        )
        #expect(
            try found("x ALIAS X\n") == [
                "M1421 an ALIAS leads in a circle: x.\(com) -> x.\(com)"
            ]
        )
        // Not a part of the circle, and caught in it all the same.
        #expect(
            try found("w ALIAS x\nx CNAME y\ny CNAME x\n") == [
                "M1421 an ALIAS leads in a circle: "
                    + "w.\(com) -> x.\(com) -> y.\(com) -> x.\(com)"
            ]
        )
        #expect(
            try found("x ALIAS a\n A 192.0.2.1\n")
                == ["M1420 x.\(com) has an ALIAS and other addresses"]
        )
        #expect(
            try found("x ALIAS a\nx ALIAS b.test.\n") == ["M1420 x.\(com) has two ALIAS records"]
        )
        #expect(try found("x ALIAS a\nx ALIAS a\n") == [])
        #expect(
            try found("x ALIAS a\n CNAME b.test.\n")
                == ["M1603 x.\(com) has a CNAME and other data"]
        )
        #expect(
            try found("x ALIAS .\n")
                == ["M1423 x.\(com) is an ALIAS of the root, which has no addresses"]
        )
        #expect(
            try found("x ALIAS y\n") == [
                "M1430 an ALIAS leads to a name that is not there: x.\(com) -> y.\(com)"
            ]
        )
        #expect(
            try found("x ALIAS y\ny TXT t\n") == [
                "M1431 an ALIAS leads to a name without addresses: x.\(com) -> y.\(com)"
            ]
        )
        #expect(
            try found("x ALIAS a\n HTTPS 1 . ipv4hint=192.0.2.1\n") == [
                "M1420 x.\(com) has an ALIAS: its HTTPS record gets its hints from there, and "
                    + "cannot have its own"
            ]
        )
        let long = (0..<16).map { "n\($0) CNAME n\($0 + 1)\n" }.joined()
        #expect(
            try found("x ALIAS n0\n" + long + "n16 A 192.0.2.2\n")
                == ["M1422 the ALIAS of x.\(com) leads through more than 16 names"]
        )
        #expect(try found("x ALIAS n1\n" + long + "n16 A 192.0.2.2\n") == [])
        #expect(try found("x ALIAS b.test. c\n").first?.hasPrefix("M1514") == true)
    }

    @Test func `a delegated target is asked for elsewhere, and an alias below a delegation never`()
        throws
    {
        var builder = ZoneTableBuilder()
        let apex = try #require(DomainName("example.com"))
        builder.beginZone(apex)
        let text = """
            $TTL 9
            @ SOA a b 1 2 3 4 5
            @ NS a
            a A 192.0.2.1
            sub NS ns.test.
            x ALIAS www.SUB
            y ALIAS sub
            z ALIAS www.sub
            below.sub ALIAS a
            """
        builder.read(ZoneFileReader(Array(text.utf8), file: "z", origin: apex))
        let build = builder.build()
        #expect(build.diagnostics.map(\.code) == [.occludedData])
        let table = try #require(build.table)
        #expect(
            table.outsideTargets.map(\.description) == ["www.sub.example.com.", "sub.example.com."]
        )
    }

    @Test func `hints of services at an alias are its addresses`() throws {
        var zone = try ZoneFixture([
            "example.com": AliasTests.zone + "\nfar HTTPS 1 . alpn=h2\nnone ALIAS any\n"
                + "none HTTPS 1 .\n"
        ])
        let message = try zone.ask("far.example.com", .HTTPS)
        #expect(
            message.answers.map { "\($0.ttl) \(RecordText.data($0.type, $0.data.span))" }
                == [#"20 1 . alpn="h2" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"#]
        )
        // Services that hold for a shorter time than the way do so still.
        var short = try ZoneFixture(["example.com": AliasTests.zone + "\nfar 5 HTTPS 1 .\n"])
        #expect(try short.ask("far.example.com", .HTTPS).answers.map(\.ttl) == [5])
        #expect(try short.ask("far.example.com").answers.map(\.ttl) == [20])
        let none = try zone.lines("none.example.com", .HTTPS)
        #expect(none.count == 2 && none[0] == "NOERROR aa", "\(none)")
    }
}

/// ALIAS of steered names: the policy of the target, as if that had been asked.
@Suite struct SteeredAliasTests {
    static let zone = """
        $TTL 300
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        @ ALIAS www
        @ HTTPS 1 . alpn=h2
        short 7 ALIAS www
        www 5 HTTPS 1 .
        ns1 A 192.0.2.53
        """

    private func stage(_ policy: SteerPolicy) throws -> (ZoneFixture, HealthTable) {
        let health = HealthTable(capacity: 8)
        for slot in 0..<4 {
            health.publish(slot, HealthWord(health: .up, administrative: .ready))
        }
        let definition = SteerDefinition(name: "www", policy: policy, allDown: .servfail)
        let fixture = try ZoneFixture(
            ["example.com": SteeredAliasTests.zone],
            steered: [("www.example.com", 0)],
            steer: SteerTable([definition], health: health)
        )
        return (fixture, health)
    }

    @Test func `the policy of the target answers, with the lowest TTL`() throws {
        let (fixture, health) = try stage(.roundRobin(SteeredServiceTests.pairs()))
        var zone = fixture
        for (name, ttl) in [("example.com", 30), ("short.example.com", 7)] as [(String, UInt32)] {
            let message = try zone.ask(name)
            #expect(message.answers.map(\.ttl) == [ttl, ttl])
            #expect(message.answers.allSatisfy { $0.owner == DomainName(name) })
        }
        let services = try zone.ask("example.com", .HTTPS).answers.map {
            RecordText.data($0.type, $0.data.span)
        }
        #expect(services.count == 1 && services[0].contains("ipv4hint=192.0.2."), "\(services)")
        #expect(try zone.ask("www.example.com", .HTTPS).answers.map(\.ttl) == [5], "its own")
        for slot in 0..<4 {
            health.publish(slot, HealthWord(health: .down, administrative: .ready))
        }
        #expect(try zone.ask("example.com").code == .serverFailure)
        #expect(try zone.ask("example.com", .HTTPS).code == .serverFailure)
    }

    @Test func `draws are those of the target: sticky by name as well`() throws {
        var policy = try SteerPolicy(.weighted(SteeredServiceTests.pairs(weight: 3)))
        policy.draw = .name
        var (zone, _) = try stage(policy)
        let wanted = try zone.ask("www.example.com").answers.map(\.data)
        for _ in 0..<20 {
            #expect(try zone.ask("example.com").answers.map(\.data) == wanted)
        }
    }

    @Test func `the same seed draws the same at the alias and at the target`() throws {
        var (zone, _) = try stage(.weighted(SteeredServiceTests.pairs(weight: 3)))
        for seed in 0..<40 as Range<UInt64> {
            var seen: [[[UInt8]]] = []
            for name in ["www.example.com", "example.com"] {
                zone.context.random = SeededRandom(seed: seed)
                seen.append(try zone.ask(name).answers.map(\.data))
            }
            #expect(seen[0] == seen[1])
        }
    }
}

/// ALIAS of names outside: what the board says, and for how long.
@Suite struct OutsideAliasTests {
    static let zone = """
        $TTL 300
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        @ ALIAS www.example.net.
        @ HTTPS 1 . alpn=h2
        hop 9 CNAME www.example.net.
        near ALIAS hop
        ns1 A 192.0.2.53
        """

    private func at(_ seconds: Int64) -> Instant { .start + .seconds(1000 + seconds) }

    private func answer(_ addresses: [IPAddress], life: Int64 = 60) -> AliasAnswer {
        AliasAnswer(
            addresses: addresses,
            learned: at(0),
            freshUntil: at(life),
            staleUntil: at(life + 100),
            staleTTL: 5
        )
    }

    private func fixture() throws -> ZoneFixture {
        let zone = try ZoneFixture(["example.com": OutsideAliasTests.zone])
        #expect(zone.snapshot.zones.outsideTargets.map(\.description) == ["www.example.net."])
        return zone
    }

    @Test func `SERVFAIL before anything is known, and after the limit of stale answers`() throws {
        var zone = try fixture()
        let board = zone.snapshot.zones.board
        zone.context.now = at(0)
        for type in [RecordType.A, .AAAA, .HTTPS] {
            let message = try zone.ask("example.com", type)
            #expect(message.code == .serverFailure && !message.isAuthoritative)
        }
        #expect(try zone.ask("example.com", .TXT).code == .noError)
        board.publish(0, isIPv4: true, answer([IPAddress(v4: 0xc000_0201)]))
        #expect(try zone.ask("example.com", .AAAA).code == .serverFailure, "each family for itself")
        zone.context.now = at(161)
        #expect(try zone.ask("example.com").code == .serverFailure)
    }

    @Test(arguments: [(0, 60), (1, 59), (59, 1), (60, 5), (159, 5)] as [(Int64, UInt32)])
    func `the TTL counts down, and is short once stale`(seconds: Int64, ttl: UInt32) throws {
        var zone = try fixture()
        zone.snapshot.zones.board.publish(0, isIPv4: true, answer([IPAddress(v4: 0xc000_0201)]))
        zone.context.now = at(seconds)
        #expect(
            try zone.lines("example.com")
                == ["NOERROR aa", "an example.com. \(ttl) A 192.0.2.1"]
        )
        #expect(
            try zone.lines("near.example.com")
                == ["NOERROR aa", "an near.example.com. \(min(ttl, 9)) A 192.0.2.1"]
        )
    }

    @Test func `whole seconds are counted, never more than are left`() throws {
        var zone = try fixture()
        zone.snapshot.zones.board.publish(0, isIPv4: true, answer([IPAddress(v4: 1)]))
        zone.context.now = at(10) + .milliseconds(1)
        #expect(try zone.ask("example.com").answers.map(\.ttl) == [49])
    }

    @Test func `a target without addresses is NODATA for no longer than that is known`() throws {
        var zone = try fixture()
        zone.context.now = at(30)
        zone.snapshot.zones.board.publish(0, isIPv4: false, answer([], life: 40))
        let lines = try zone.lines("example.com", .AAAA)
        #expect(lines.count == 2 && lines[1].hasPrefix("au example.com. 10 SOA"), "\(lines)")
    }

    @Test func `services get hints of the families that are known`() throws {
        var zone = try fixture()
        zone.context.now = at(1)
        let board = zone.snapshot.zones.board
        board.publish(0, isIPv4: true, answer([IPAddress(v4: 0xc000_0201)]))
        func services() throws -> [String] {
            try zone.ask("example.com", .HTTPS).answers.map {
                "\($0.ttl) \(RecordText.data($0.type, $0.data.span))"
            }
        }
        #expect(try services() == [#"59 1 . alpn="h2" ipv4hint=192.0.2.1"#])
        board.publish(0, isIPv4: false, answer([IPAddress(v6: 1)], life: 11))
        #expect(try services() == [#"10 1 . alpn="h2" ipv4hint=192.0.2.1 ipv6hint=::1"#])
    }

    @Test func `what is published later holds, and what is too much is left out`() throws {
        var zone = try fixture()
        zone.context.now = at(0)
        let board = zone.snapshot.zones.board
        for count in [1, 3, 40, 2] {
            let addresses = (1...count).map { IPAddress(v4: UInt32($0)) }
            board.publish(0, isIPv4: true, answer(addresses))
            let message = try zone.ask("example.com")
            #expect(message.answers.count == min(count, AliasBoard.addressLimit))
            #expect(Set(message.answers.map(\.data)).count == message.answers.count)
        }
        board.publish(0, isIPv4: true, nil)
        #expect(try zone.ask("example.com").code == .serverFailure)
        board.publish(7, isIPv4: true, answer([IPAddress(v4: 1)]))
        board.publish(-1, isIPv4: true, answer([IPAddress(v4: 1)]))
    }

    @Test func `readers see whole answers while others are published`() async throws {
        let zone = try fixture()
        let board = zone.snapshot.zones.board
        let writer = Task.detached {
            for round in 1...20_000 as ClosedRange<UInt32> {
                let count = round % 16 + 1
                let addresses = (0..<count).map { IPAddress(v4: round << 8 | $0) }
                board.publish(0, isIPv4: true, self.answer(addresses))
            }
        }
        let query = ZoneFixture.query("example.com", edns: 1232)
        var seen = 0
        while seen < 20_000 {
            var context = AnswerContext(now: at(0), random: SeededRandom(seed: 1))
            let bytes = [UInt8](capacity: 4096) { (output: inout OutputSpan<UInt8>) in
                _ = Authority.answer(query.span, from: zone.snapshot, &context, into: &output)
            }
            seen += 1
            let answers = try #require(DNSMessage(bytes)).answers
            let rounds = Set(answers.map { $0.data.prefix(3) })
            guard answers.count > 0 else { continue }
            #expect(rounds.count == 1, "torn: \(answers.map(\.data))")
            let bits = answers[0].data.prefix(3).reduce(0) { $0 << 8 | UInt32($1) }
            #expect(answers.count == Int(bits % 16 + 1))
        }
        await writer.value
    }

    @Test func `an explanation goes the way of the alias`() throws {
        let zone = try fixture()
        let name = try #require(DomainName("near.example.com"))
        func explain(_ seconds: Int64) -> DNSExplanation {
            zone.snapshot.explain(name: name, type: .A, now: at(seconds), seed: 1)
        }
        #expect(explain(0).steps.last?.why.contains("nothing") == true)
        #expect(explain(0).alias?.age == nil)
        zone.snapshot.zones.board.publish(0, isIPv4: true, answer([IPAddress(v4: 1)]))
        let fresh = explain(12)
        #expect(
            fresh.steps.map(\.name.description)
                == ["near.example.com.", "hop.example.com.", "www.example.net."]
        )
        #expect(
            fresh.steps.last?.why
                == "served elsewhere: the same for everybody, learned 12.0 s ago, good for 48.0 s"
        )
        #expect(fresh.alias?.isOutside == true)
        #expect(fresh.alias?.age == .seconds(12) && fresh.alias?.left == .seconds(48))
        #expect(explain(70).steps.last?.why.hasSuffix("stale for 10.0 s") == true)
        #expect(fresh.why.hasPrefix("NOERROR: served elsewhere"))
    }

    @Test func `an explanation of an alias inside ends at the policy`() throws {
        let health = HealthTable(capacity: 8)
        let policy = try SteerPolicy.roundRobin(SteeredServiceTests.pairs())
        let definition = SteerDefinition(name: "web", policy: policy, allDown: .all)
        let zone = try ZoneFixture(
            ["example.com": SteeredAliasTests.zone],
            steered: [("www.example.com", 0)],
            steer: SteerTable([definition], health: health)
        )
        let name = try #require(DomainName("short.example.com"))
        let told = zone.snapshot.explain(name: name, type: .A, now: .start, seed: 1)
        #expect(told.steps.map(\.name.description) == ["short.example.com.", "www.example.com."])
        #expect(told.steps.last?.why == "the name exists; steered by web")
        #expect(told.policy?.policy == "web")
        #expect(told.alias?.isOutside == false)
        #expect(told.alias?.target == DomainName("www.example.com"))
    }
}
