// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

@Suite struct SteeredAnswerTests {
    static let zone = """
        $TTL 300
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        ns1 A 192.0.2.53
        to CNAME www
        www TXT "beside"
        """

    static func member(_ slot: Int, _ address: String, weight: UInt32 = 1) throws -> SteerBranch {
        let ip = try #require(IPAddress(address))
        let member = SteerMember(name: "m\(slot)", slot: slot, address: ip)
        return SteerBranch(.address(member), weight: weight)
    }

    /// `www` is steered by the policy; slots 0 to 3 are up.
    struct Stage {
        var zone: ZoneFixture
        let health: HealthTable

        init(_ policy: SteerPolicy, allDown: SteerAllDown = .all) throws {
            health = HealthTable(capacity: 8)
            let definition = SteerDefinition(name: "www", policy: policy, allDown: allDown)
            zone = try ZoneFixture(
                ["example.com": SteeredAnswerTests.zone],
                steered: [("www.example.com", 0), ("*.any.example.com", 0)],
                steer: SteerTable([definition], health: health)
            )
            for slot in 0..<4 { set(slot, .up) }
        }

        func set(_ slot: Int, _ state: Health, _ administrative: AdministrativeState = .ready) {
            health.publish(slot, HealthWord(health: state, administrative: administrative))
        }

        mutating func addresses(
            _ type: RecordType = .A,
            _ name: String = "www.example.com"
        ) throws -> [String] {
            try zone.ask(name, type).answers.filter { $0.type == type }.map {
                RecordText.data($0.type, $0.data.span)
            }
        }
    }

    static func roundRobin() throws -> SteerPolicy {
        .roundRobin([
            try member(0, "192.0.2.1"), try member(1, "192.0.2.2"), try member(2, "192.0.2.3"),
            try member(3, "2001:db8::1"),
        ])
    }

    @Test func `healthy members are answered with the steered TTL, unhealthy ones are not`() throws
    {
        var stage = try Stage(SteeredAnswerTests.roundRobin())
        let message = try stage.zone.ask("www.example.com")
        #expect(message.answers.count == 3)
        #expect(message.answers.allSatisfy { $0.ttl == 30 && $0.type == .A })
        #expect(message.isAuthoritative)
        stage.set(1, .down)
        #expect(Set(try stage.addresses()) == ["192.0.2.1", "192.0.2.3"])
        stage.set(0, .up, .draining)
        #expect(try stage.addresses() == ["192.0.2.3"])
        stage.set(1, .up)
        #expect(Set(try stage.addresses()) == ["192.0.2.2", "192.0.2.3"])
    }

    @Test func `families are told apart, other types are plain`() throws {
        var stage = try Stage(SteeredAnswerTests.roundRobin())
        #expect(try stage.addresses(.AAAA) == ["2001:db8::1"])
        #expect(try stage.addresses(.TXT) == ["\"beside\""])
        #expect(try stage.zone.lines("www.example.com", .MX).last == AuthorityTests.soa)
    }

    @Test func `the first address changes from answer to answer`() throws {
        var stage = try Stage(SteeredAnswerTests.roundRobin())
        var firsts: Set<String> = []
        for _ in 0..<100 { firsts.insert(try stage.addresses().first ?? "") }
        #expect(firsts.count == 3)
    }

    @Test func `aliases and wildcards lead to steered names`() throws {
        var stage = try Stage(SteeredAnswerTests.roundRobin())
        #expect(try stage.addresses(.A, "to.example.com").count == 3)
        let message = try stage.zone.ask("x.any.example.com")
        #expect(message.answers.count == 3)
        #expect(message.answers.allSatisfy { $0.owner == DomainName("x.any.example.com") })
    }

    @Test func `weights are kept to, and zero is never answered`() throws {
        let members = [
            try SteeredAnswerTests.member(0, "192.0.2.1", weight: 3),
            try SteeredAnswerTests.member(1, "192.0.2.2", weight: 1),
            try SteeredAnswerTests.member(2, "192.0.2.3", weight: 0),
        ]
        var stage = try Stage(.weighted(members))
        var counts: [String: Int] = [:]
        for _ in 0..<4000 {
            let found = try stage.addresses()
            #expect(found.count == 1)
            counts[found.first ?? "", default: 0] += 1
        }
        #expect(counts["192.0.2.3"] == nil)
        #expect((2850...3150).contains(counts["192.0.2.1"] ?? 0), "\(counts)")
    }

    @Test func `failover takes the first branch with anything healthy`() throws {
        let policy = SteerPolicy.failover([
            .roundRobin([try SteeredAnswerTests.member(0, "192.0.2.1")]),
            .roundRobin([try SteeredAnswerTests.member(1, "192.0.2.2")]),
        ])
        var stage = try Stage(policy)
        #expect(try stage.addresses() == ["192.0.2.1"])
        stage.set(0, .down)
        #expect(try stage.addresses() == ["192.0.2.2"])
        stage.set(0, .up)
        #expect(try stage.addresses() == ["192.0.2.1"])
    }

    @Test func `when all are down the policy says what is answered`() throws {
        func stage(_ allDown: SteerAllDown) throws -> Stage {
            let stage = try Stage(SteeredAnswerTests.roundRobin(), allDown: allDown)
            for slot in 0..<4 { stage.set(slot, .down) }
            return stage
        }
        var all = try stage(.all)
        #expect(try all.addresses().count == 3)
        var none = try stage(.none)
        // Kept no longer than the addresses would have been: 30 s, not the 60 s of the zone.
        let brief = AuthorityTests.soa.replacing(" 60 SOA", with: " 30 SOA")
        #expect(try none.zone.lines("www.example.com") == ["NOERROR aa", brief])
        var servfail = try stage(.servfail)
        #expect(try servfail.zone.lines("www.example.com") == ["SERVFAIL"])
        var behindAlias = try stage(.servfail)
        #expect(try behindAlias.zone.ask("to.example.com").code == .serverFailure)
        var lastGood = try stage(.lastGood)
        #expect(try !lastGood.addresses().isEmpty)
    }

    /// Policies with the slots that are down, and the family that is missing in the answer then.
    static func missing() throws -> [(SteerPolicy, down: Set<Int>, RecordType)] {
        let pair = [try member(0, "192.0.2.1"), try member(3, "2001:db8::1")]
        return [
            (.roundRobin(pair), [3], .AAAA), (.roundRobin(pair), [0], .A),
            (.failover(pair.map(\.policy)), [], .AAAA),
            (.failover(pair.map(\.policy)), [0], .A),
            (.weighted([SteerBranch(.roundRobin(pair))]), [3], .AAAA),
        ]
    }

    @Test func `a family that is missing for now is missing for the TTL of an answer`() throws {
        let name = try #require(DomainName("www.example.com"))
        for (policy, down, type) in try SteeredAnswerTests.missing() {
            var stage = try Stage(policy)
            for slot in down { stage.set(slot, .down) }
            func lines(_ ttl: Int) -> [String] {
                ["NOERROR aa", AuthorityTests.soa.replacing(" 60 SOA", with: " \(ttl) SOA")]
            }
            #expect(try stage.zone.lines("www.example.com", type) == lines(30), "\(policy)")
            // It can change in two seconds now: half of the TTL is the least.
            for slot in [0, 3] {
                let health: Health = down.contains(slot) ? .down : .up
                stage.health.publish(slot, HealthWord(health: health, secondsToChange: 2))
            }
            #expect(try stage.zone.lines("www.example.com", type) == lines(15), "\(policy)")
            let snapshot = stage.zone.snapshot
            let told = snapshot.explain(name: name, type: type, now: .start, seed: 1)
            #expect(told.ttl == 15, "\(policy)")
        }
    }

    @Test func `a family that is nowhere in the policy is missing for as long as the zone says`()
        throws
    {
        let members = [
            try SteeredAnswerTests.member(0, "192.0.2.1"),
            try SteeredAnswerTests.member(1, "192.0.2.2"),
        ]
        var stage = try Stage(.roundRobin(members))
        stage.set(0, .down)
        let lasting = ["NOERROR aa", AuthorityTests.soa]
        #expect(try stage.zone.lines("www.example.com", .AAAA) == lasting)
        let name = try #require(DomainName("www.example.com"))
        let told = stage.zone.snapshot.explain(name: name, type: .AAAA, now: .start, seed: 1)
        #expect(told.ttl == nil)
    }

    @Test func `ANY does not ask the policy`() throws {
        var stage = try Stage(SteeredAnswerTests.roundRobin())
        let answers = try stage.zone.ask("www.example.com", .ANY).answers
        #expect(answers.map(\.type) == [.HINFO])
    }

    @Test func `an explanation agrees with the answer of the same draw`() throws {
        let stage = try Stage(SteeredAnswerTests.roundRobin())
        stage.set(1, .down)
        let name = try #require(DomainName("to.example.com"))
        for seed in 0..<20 as Range<UInt64> {
            let snapshot = stage.zone.snapshot
            let found = snapshot.explain(name: name, type: .A, now: .start, seed: seed)
            let policy = try #require(found.policy)
            #expect(found.code == .noError)
            #expect(found.steps.map { "\($0.name)" } == ["to.example.com.", "www.example.com."])
            #expect(
                found.steps.map(\.why) == [
                    "the name exists; an alias", "the name exists; steered by www",
                ]
            )
            let lines = policy.answers.map { "www.example.com. 30 IN A \($0)" }
            #expect(Array(found.answers.dropFirst()) == lines)
            #expect(policy.members.filter(\.isAnswered).count == 2)
        }
    }
}

@Suite struct DNSExplanationTests {
    static let table: [(String, RecordType, String)] = [
        ("mail.example.com", .A, "NOERROR: the name exists; 1 A records"),
        ("mail.example.com", .MX, "NOERROR: the name exists; it has records, but none of type MX"),
        ("b.c.example.com", .A, "NOERROR: the name exists; it has no records"),
        ("x.w.example.com", .A, "NOERROR: covered by *.w.example.com.; 1 A records"),
        (
            "no.mail.example.com", .A,
            "NXDOMAIN: the name does not exist; its closest encloser is mail.example.com."
        ),
        ("x.sub.example.com", .A, "NOERROR: delegated at sub.example.com."),
        ("far.example.com", .A, "NOERROR: no zone served here holds this name"),
        ("example.org", .A, "REFUSED: no zone served here holds this name"),
        (
            "example.com", .ANY,
            "NOERROR: the name exists; ANY is answered with as little as possible (RFC 8482)"
        ),
    ]

    @Test(arguments: table.indices)
    func `the reason is put in words`(index: Int) throws {
        let fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        let (text, type, why) = DNSExplanationTests.table[index]
        let name = try #require(DomainName(text))
        let found = fixture.snapshot.explain(name: name, type: type, now: .start, seed: 1)
        #expect(found.why == why)
        #expect(found.policy == nil)
    }

    @Test func `what needs TCP is said`() throws {
        let fixture = try ZoneFixture(["example.com": TruncationTests.zone])
        let name = try #require(DomainName("many.example.com"))
        let found = fixture.snapshot.explain(name: name, type: .A, now: .start, seed: 1)
        #expect(found.isTruncatedOverUDP)
        #expect(found.answers.count == 100)
    }
}
