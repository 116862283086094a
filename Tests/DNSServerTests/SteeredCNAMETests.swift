// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// Names whose CNAME a policy chooses, and names with a policy for each family.
@Suite struct SteeredCNAMETests {
    static let zone = """
        $TTL 300
        @ SOA ns1 hostmaster 7 3600 600 86400 60
        @ NS ns1
        ns1 A 192.0.2.53
        a A 192.0.2.1
        b A 192.0.2.2
        to CNAME dyn
        like ALIAS dyn
        both HTTPS 1 . alpn=h2
        both TXT "beside"
        mixed AAAA 2001:db8::9
        mixed HTTPS 1 . alpn=h2
        six HTTPS 1 . alpn=h2
        same ALIAS both
        half ALIAS mixed
        """

    struct Stage {
        var fixture: ZoneFixture
        let health = HealthTable(capacity: 8)
        let build: ZoneBuild

        init(
            _ zone: String = SteeredCNAMETests.zone,
            names: [(String, [RecordType], Int)] = [
                ("dyn", [.CNAME], 0), ("loop", [.CNAME], 3), ("both", [.A], 1),
                ("both", [.AAAA], 2), ("mixed", [.A], 1), ("six", [.AAAA], 2),
                ("*.wild", [.CNAME], 0),
            ]
        ) throws {
            var builder = ZoneTableBuilder()
            let apex = try #require(DomainName("example.com"))
            builder.beginZone(apex, source: "zone")
            builder.read(ZoneFileReader(Array(zone.utf8), file: "zone", origin: apex))
            for (name, types, policy) in names {
                let owner = try #require(DomainName("\(name).example.com"))
                builder.steer(owner: owner, ttl: 30, policy: policy, types: types)
            }
            build = builder.build()
            let targets = ["a.example.com", "far.example.net", "loop.example.com"].enumerated().map
            {
                SteerTarget(number: $0.offset, wire: DomainName($0.element)?.wire ?? [])
            }
            func name(_ number: Int, _ slot: Int) -> SteerPolicy {
                .address(SteerMember(name: "n\(slot)", slot: slot, target: targets[number]))
            }
            func address(_ slot: Int, _ text: String) throws -> SteerPolicy {
                let ip = try #require(IPAddress(text))
                return .address(SteerMember(name: text, slot: slot, address: ip))
            }
            let steer = SteerTable(
                [
                    // Two addresses of the first name: it is up while one of them is.
                    SteerDefinition(
                        name: "names",
                        policy: .failover([
                            .roundRobin([SteerBranch(name(0, 0)), SteerBranch(name(0, 1))]),
                            name(1, 2),
                        ])
                    ),
                    SteerDefinition(
                        name: "ipv4",
                        policy: .failover([try address(3, "192.0.2.40")])
                    ),
                    SteerDefinition(
                        name: "ipv6",
                        policy: .failover([try address(4, "2001:db8::60")])
                    ),
                    SteerDefinition(name: "loop", policy: .failover([name(2, 5)])),
                ],
                health: health
            )
            let table = try #require(build.table, "\(build.diagnostics)")
            fixture = ZoneFixture(DNSSnapshot(zones: table, steer: steer, generation: 1))
            for slot in 0..<6 { set(slot, .up) }
        }

        func set(_ slot: Int, _ state: Health) {
            health.publish(slot, HealthWord(health: state, administrative: .ready))
        }

        mutating func ask(_ name: String, _ type: RecordType = .A) throws -> [String] {
            try fixture.ask("\(name).example.com", type).answers.map {
                "\($0.ttl) \($0.type) \(RecordText.data($0.type, $0.data.span))"
            }
        }
    }

    @Test func `the alias that is chosen is followed, and by the health of its addresses`() throws {
        var stage = try Stage()
        let near = ["30 CNAME a.example.com.", "300 A 192.0.2.1"]
        #expect(try stage.ask("dyn") == near)
        #expect(try stage.ask("dyn", .CNAME) == Array(near.prefix(1)))
        #expect(try stage.ask("dyn", .AAAA) == Array(near.prefix(1)), "the end has none")
        #expect(try stage.ask("x.wild") == near)
        #expect(try stage.ask("to") == ["300 CNAME dyn.example.com."] + near)
        stage.set(0, .down)
        #expect(try stage.ask("dyn") == near, "the other address of it")
        stage.set(1, .down)
        #expect(try stage.ask("dyn") == ["30 CNAME far.example.net."])
        #expect(try stage.ask("loop") == ["30 CNAME loop.example.com."], "once round")
        // No ALIAS follows what each client is told anew.
        #expect(try stage.ask("like").isEmpty)
        #expect(stage.build.diagnostics.contains { $0.code == .aliasWithoutAddresses })
    }

    @Test func `an explanation has the names`() throws {
        let stage = try Stage()
        stage.set(0, .down)
        stage.set(1, .down)
        let told = stage.fixture.snapshot.explain(
            name: try #require(DomainName("dyn.example.com")),
            type: .A,
            now: .start,
            seed: 1
        )
        #expect(told.policy?.policy == "names")
        #expect(told.policy?.targets == [DomainName("far.example.net")?.wire ?? []])
        #expect(told.policy?.members.filter(\.isAnswered).map(\.name) == ["n2"])
        #expect(told.steps.first?.why.contains("an alias steered by names") == true)
        #expect(told.steps.count == 2)
    }

    @Test func `each family has its own policy, or none`() throws {
        var stage = try Stage()
        #expect(try stage.ask("both") == ["30 A 192.0.2.40"])
        #expect(try stage.ask("both", .AAAA) == ["30 AAAA 2001:db8::60"])
        #expect(try stage.ask("both", .TXT) == ["300 TXT \"beside\""])
        #expect(try stage.ask("mixed") == ["30 A 192.0.2.40"])
        #expect(try stage.ask("mixed", .AAAA) == ["300 AAAA 2001:db8::9"])
        #expect(try stage.ask("six").isEmpty)
        #expect(try stage.ask("six", .AAAA) == ["30 AAAA 2001:db8::60"])
        // What goes by the addresses of such a name.
        #expect(
            try stage.ask("both", .HTTPS) == [
                #"30 HTTPS 1 . alpn="h2" ipv4hint=192.0.2.40 ipv6hint=2001:db8::60"#
            ]
        )
        #expect(try stage.ask("mixed", .HTTPS) == [#"30 HTTPS 1 . alpn="h2" ipv4hint=192.0.2.40"#])
        #expect(try stage.ask("six", .HTTPS) == [#"30 HTTPS 1 . alpn="h2" ipv6hint=2001:db8::60"#])
        #expect(try stage.ask("same") == ["30 A 192.0.2.40"])
        #expect(try stage.ask("same", .AAAA) == ["30 AAAA 2001:db8::60"])
        #expect(try stage.ask("half") == ["30 A 192.0.2.40"])
        #expect(try stage.ask("half", .AAAA) == ["30 AAAA 2001:db8::9"])
    }

    @Test func `a table gives back what is steered, and takes other numbers`() throws {
        let stage = try Stage()
        let table = try #require(stage.build.table)
        let contents = table.contents(ofZone: 0)
        func name(_ text: String) throws -> DomainName {
            try #require(DomainName("\(text).example.com"))
        }
        #expect(
            contents.contains(.steer(owner: try name("dyn"), ttl: 30, policy: 0, types: [.CNAME]))
        )
        #expect(contents.contains(.steer(owner: try name("both"), ttl: 30, policy: 1, types: [.A])))
        #expect(
            contents.contains(.steer(owner: try name("both"), ttl: 30, policy: 2, types: [.AAAA]))
        )
        let other = try #require(table.renumbered([4, 5, 6, 7], except: []))
        let moved = other.contents(ofZone: 0)
        #expect(moved.contains(.steer(owner: try name("both"), ttl: 30, policy: 6, types: [.AAAA])))
        #expect(table.renumbered([0, 1, nil, 3], except: []) == nil)
    }

    @Test(arguments: [
        ("dyn TXT x", ZoneCode.conflictingCNAME), ("dyn CNAME a", .conflictingCNAME),
        ("dyn A 192.0.2.1", .conflictingCNAME), ("both A 192.0.2.1", .conflictingSteer),
        ("both AAAA 2001:db8::1", .conflictingSteer), ("six AAAA 2001:db8::1", .conflictingSteer),
    ])
    func `what cannot stand beside it is told`(line: String, code: ZoneCode) throws {
        var builder = ZoneTableBuilder()
        let apex = try #require(DomainName("example.com"))
        builder.beginZone(apex, source: "zone")
        let text = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.3\n\(line)\n"
        builder.read(
            ZoneFileReader(Array(text.utf8), file: "zone", origin: apex, defaultTTL: 60)
        )
        for (name, type) in [
            ("dyn", RecordType.CNAME), ("both", .A), ("both", .AAAA), ("six", .AAAA),
        ] {
            let owner = try #require(DomainName("\(name).example.com"))
            builder.steer(owner: owner, ttl: 30, policy: 0, types: [type])
        }
        let build = builder.build()
        #expect(build.table == nil)
        #expect(build.diagnostics.contains { $0.code == code }, "\(build.diagnostics)")
    }
}
