// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// HTTPS and SVCB of steered names: the hints are the addresses of the same decision.
@Suite struct SteeredServiceTests {
    static let zone = """
        $TTL 300
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        ns1 A 192.0.2.53
        to CNAME www
        www HTTPS 1 . alpn=h3,h2 ech=AAEC/w== key667=x
            HTTPS 2 far.example.net. port=8443 ipv4hint=198.51.100.1
            SVCB 0 far.example.net.
        own HTTPS 1 OWN.example.com.
        *.any HTTPS 1 . port=443
        """

    struct Stage {
        var zone: ZoneFixture
        let health = HealthTable(capacity: 8)

        init(_ policy: SteerPolicy, _ allDown: SteerAllDown = .all) throws {
            let definition = SteerDefinition(name: "www", policy: policy, allDown: allDown)
            zone = try ZoneFixture(
                ["example.com": SteeredServiceTests.zone],
                steered: ["www", "*.any", "own"].map { ("\($0).example.com", 0) },
                steer: SteerTable([definition], health: health)
            )
            for slot in 0..<4 { set(slot, .up) }
        }

        func set(_ slot: Int, _ state: Health) {
            health.publish(slot, HealthWord(health: state, administrative: .ready))
        }

        mutating func services(
            _ name: String = "www.example.com",
            _ type: RecordType = .HTTPS
        ) throws -> [String] {
            try zone.ask(name, type).answers.filter { $0.type == type }.map {
                "\($0.ttl) \(RecordText.data($0.type, $0.data.span))"
            }
        }
    }

    static func pairs(weight: UInt32 = 1) throws -> [SteerBranch] {
        try [(0, "192.0.2.1"), (1, "2001:db8::1"), (2, "192.0.2.2"), (3, "2001:db8::2")].map {
            try SteeredAnswerTests.member($0.0, $0.1, weight: weight)
        }
    }

    static let elsewhere = "30 2 far.example.net. port=8443 ipv4hint=198.51.100.1"

    @Test func `hints stand in their places, with the TTL of the policy`() throws {
        var stage = try Stage(.roundRobin(Array(SteeredServiceTests.pairs().prefix(2))))
        let own =
            #"30 1 . alpn="h3,h2" ipv4hint=192.0.2.1 ech=AAEC/w== "#
            + #"ipv6hint=2001:db8::1 key667="x""#
        #expect(try stage.services() == [own, SteeredServiceTests.elsewhere])
        #expect(try stage.services("to.example.com") == [own, SteeredServiceTests.elsewhere])
        let covered = ["30 1 . port=443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"]
        #expect(try stage.services("x.any.example.com") == covered)
        let named = ["30 1 OWN.example.com. ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"]
        #expect(try stage.services("own.example.com") == named)
        let message = try stage.zone.ask("www.example.com", .HTTPS)
        #expect(message.isAuthoritative)
        #expect(message.answers.allSatisfy { $0.owner == DomainName("www.example.com") })
        // No service of the name itself is among these: nothing to steer.
        #expect(try stage.services("www.example.com", .SVCB) == ["300 0 far.example.net."])
    }

    @Test func `hints follow health as the addresses do`() throws {
        var stage = try Stage(.roundRobin(SteeredServiceTests.pairs()))
        #expect(try stage.services()[0].contains("ipv6hint=2001:db8::"))
        stage.set(0, .down)
        stage.set(3, .down)
        let seen = try stage.services()[0]
        #expect(seen.contains("ipv4hint=192.0.2.2 ") && seen.contains("ipv6hint=2001:db8::1 "))
        stage.set(1, .down)
        let less = try stage.services()
        #expect(less[0].contains("ipv4hint=192.0.2.2 ") && !less[0].contains("ipv6hint"))
        #expect(less[1] == SteeredServiceTests.elsewhere)
    }

    @Test func `both families of a weighted draw are of one place`() throws {
        var stage = try Stage(.weighted(SteeredServiceTests.pairs(weight: 3)))
        var seen: Set<String> = []
        for _ in 0..<200 { seen.insert(try stage.services("own.example.com")[0]) }
        #expect(
            seen == [
                "30 1 OWN.example.com. ipv4hint=192.0.2.1 ipv6hint=2001:db8::1",
                "30 1 OWN.example.com. ipv4hint=192.0.2.2 ipv6hint=2001:db8::2",
            ]
        )
    }

    @Test func `the draw is the one that A gets`() throws {
        var stage = try Stage(.roundRobin(SteeredServiceTests.pairs()))
        for seed in 0..<40 as Range<UInt64> {
            var addresses: [String] = []
            for type in [RecordType.A, .AAAA] {
                stage.zone.context.random = SeededRandom(seed: seed)
                addresses.append(
                    try stage.zone.ask("own.example.com", type).answers.map {
                        RecordText.data(type, $0.data.span)
                    }.joined(separator: ",")
                )
            }
            stage.zone.context.random = SeededRandom(seed: seed)
            let hints = "ipv4hint=\(addresses[0]) ipv6hint=\(addresses[1])"
            #expect(try stage.services("own.example.com")[0].hasSuffix(hints))
        }
    }

    @Test func `when all are down the policy says what is answered`() throws {
        func stage(_ allDown: SteerAllDown) throws -> Stage {
            let stage = try Stage(.roundRobin(SteeredServiceTests.pairs()), allDown)
            for slot in 0..<4 { stage.set(slot, .down) }
            return stage
        }
        var all = try stage(.all)
        #expect(try all.services().count == 2)
        var none = try stage(.none)
        let brief = AuthorityTests.soa.replacing(" 60 SOA", with: " 30 SOA")
        #expect(try none.zone.lines("www.example.com", .HTTPS) == ["NOERROR aa", brief])
        var servfail = try stage(.servfail)
        #expect(try servfail.zone.lines("www.example.com", .HTTPS) == ["SERVFAIL"])
    }

    @Test func `a set without room is not cut`() throws {
        let members = try (0..<16).map {
            try SteeredAnswerTests.member($0 % 4, "2001:db8::\($0)")
        }
        var policy = SteerPolicy.roundRobin(members)
        policy.most = 16
        var stage = try Stage(policy)
        let whole = try stage.zone.ask("www.example.com", .HTTPS, edns: 1232)
        #expect(whole.answers.count == 2)
        #expect(whole.answers[0].data.count > 16 * 16)
        let query = ZoneFixture.query("www.example.com", .HTTPS)
        for capacity in stride(from: 40, to: 420, by: 7) {
            let bytes = stage.zone.respond(query, capacity: capacity)
            let message = try #require(DNSMessage(bytes))
            #expect(message.answers.isEmpty == message.isTruncated)
        }
    }

    @Test func `hints of a steered name itself are refused`() throws {
        for text in ["1 . ipv4hint=192.0.2.1", "1 www alpn=h2 ipv6hint=::1"] {
            var builder = ZoneTableBuilder()
            let apex = try #require(DomainName("example.com"))
            builder.beginZone(apex, source: "z")
            let zone = ZoneTableBuilderTests.head + "www HTTPS \(text)\nx HTTPS \(text)\n"
            builder.read(ZoneFileReader(Array(zone.utf8), file: "z", origin: apex))
            builder.steer(owner: try #require(DomainName("www.example.com")), ttl: 1, policy: 0)
            let build = builder.build()
            #expect(build.table == nil)
            let message =
                "z:5:1: error M1608: www.example.com. is steered: its HTTPS record gets its hints "
                + "from the policy, and cannot have its own"
            #expect(build.diagnostics.map(\.description) == [message])
        }
    }
}
