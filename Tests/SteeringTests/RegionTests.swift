// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// Answers that depend on where the client is.
@Suite struct RegionTests {
    static let frankfurt = GeoPoint(latitude: 50.1, longitude: 8.7) ?? .origin
    static let virginia = GeoPoint(latitude: 38.9, longitude: -77.5) ?? .origin
    static let tokyo = GeoPoint(latitude: 35.7, longitude: 139.7) ?? .origin

    /// 10/8 is in Germany, 10.64/10 in France, 20/8 in California, 30/8 in Japan, 40/8 in Peru.
    static let world: LocationTable = {
        let locations = [
            .unknown, Location(country: "DE"), Location(country: "FR", city: "Paris"),
            Location(
                country: "US",
                subdivision: "US-CA",
                point: GeoPoint(latitude: 37.2, longitude: -119.5)
            ), Location(country: "JP"),
            Location(country: "PE"),
        ]
        let networks =
            [
                ("10.0.0.0/8", 1), ("10.64.0.0/10", 2), ("20.0.0.0/8", 3),
                ("30.0.0.0/8", 4), ("40.0.0.0/8", 5), ("2001:db8::/32", 1),
            ] as [(String, UInt32)]
        return LocationTable(
            locations: locations,
            networks: PrefixTable(
                networks.compactMap { text, value in Prefix(text).map { ($0, value) } },
                otherwise: 0
            ),
            systems: PrefixTable(
                [Prefix("10.1.0.0/16").map { ($0, 64_500) }].compactMap { $0 },
                otherwise: 0
            )
        )
    }()

    final class Bench {
        let health = HealthTable(capacity: 64)
        let table: SteerTable
        var random = SeededRandom(seed: 3)

        convenience init(_ policy: SteerPolicy) {
            self.init([SteerDefinition(name: "www", policy: policy)])
        }
        init(_ definitions: [SteerDefinition]) {
            table = SteerTable(definitions, health: health)
            for slot in 0..<64 { health.publish(slot, .serving) }
        }

        func ask(_ client: String) -> AnswerSet { ask(IPAddress(client) ?? IPAddress(v4: 0)) }
        func ask(_ client: IPAddress) -> AnswerSet {
            var set = AnswerSet()
            let question = SteerQuestion(now: .start, client: client, families: .ipv4)
            table.answer(policy: 0, question, into: &set, random: &random)
            return set
        }
        func slot(_ client: String) -> Int {
            let set = ask(client)
            return set.count == 0 ? -1 : set.slot(0)
        }
    }

    static func branch(_ slot: Int) -> SteerBranch { SteerTableTests.member(slot) }

    static func geo(_ regions: [[GeoRegion]], keeps: [Bool] = []) -> SteerPolicy {
        let table = RegionBuilder(world).geo(regions, keeps: keeps)
        return SteerPolicy(.regional(regions.indices.map(branch), table))
    }

    @Test func `the smallest region wins, and each gives way to the next larger`() throws {
        let office = try #require(Prefix("10.1.2.0/24"))
        let bench = Bench(
            Self.geo([
                [], [.continent("EU")], [.country("EU")], [.country("FR")], [.city("pARIS")],
                [.subdivision("US-CA")], [.system(64_500)], [.network(office)],
            ])
        )
        let homes = [
            ("10.1.2.3", 7), ("10.1.3.3", 6), ("10.2.0.0", 2), ("10.64.0.1", 4), ("20.1.1.1", 5),
            ("30.0.0.1", 0), ("99.0.0.1", 0), ("2001:db8::5", 2), ("2002:1401::1", 5),
            ("::ffff:10.64.0.1", 4), ("64:ff9b::1401:101", 5),
        ]
        for (client, slot) in homes { #expect(bench.slot(client) == slot, "\(client)") }
        // The office's branch, then its system, the Union, the continent, everybody.
        for (down, next) in [(7, 6), (6, 2), (2, 1), (1, 0)] {
            bench.health.publish(down, .failing)
            #expect(bench.slot("10.1.2.3") == next)
        }
        // Paris: the city, the country, and what is left.
        #expect(bench.slot("10.64.0.1") == 4)
        bench.health.publish(4, .failing)
        #expect(bench.slot("10.64.0.1") == 3)
        bench.health.publish(3, .failing)
        #expect(bench.slot("10.64.0.1") == 0)
    }

    @Test func `no region and nobody for all others is no answer`() {
        let bench = Bench(Self.geo([[.country("DE")], [.country("JP")]]))
        #expect(bench.slot("10.0.0.1") == 0 && bench.slot("30.1.1.1") == 1)
        let set = bench.ask("40.0.0.1")
        #expect(set.count == 0 && set.outcome == .none)
    }

    @Test(
        arguments: [
            (.fallback("sorry"), .servfail, .addresses), (.fallback("sorry"), .all, .addresses),
            (SteerAllDown.none, .servfail, .none), (.servfail, nil, .servfail),
            (.servfail, .fallback("sorry"), .servfail), (nil, .servfail, .servfail),
            (nil, .fallback("sorry"), .addresses), (.all, .servfail, .none),
        ] as [(SteerAllDown?, SteerAllDown?, SteerOutcome)]
    )
    func `where no branch is for a client the innermost word says what it gets`(
        inner: SteerAllDown?,
        outer: SteerAllDown?,
        outcome: SteerOutcome
    ) {
        var geo = Self.geo([[.country("DE")], [.country("JP")]])
        geo.allDown = inner
        var top = SteerPolicy.failover([geo])
        top.allDown = outer
        let bench = Bench([
            SteerDefinition(name: "www", policy: top),
            SteerDefinition(name: "sorry", policy: .roundRobin([Self.branch(9)])),
        ])
        let set = bench.ask("40.0.0.1")
        #expect(set.outcome == outcome)
        #expect(set.count == (outcome == .addresses ? 1 : 0))
        if set.count > 0 { #expect(set.slot(0) == 9 && set.mode == .fallback) }
        #expect(set.isForOthers == (outcome != .addresses))
        let question = SteerQuestion(
            now: .start,
            client: IPAddress("40.0.0.1") ?? IPAddress(v4: 0),
            families: .ipv4
        )
        let told = bench.table.explain(policy: 0, question, answered: set).why
        #expect(told.contains("for this client") && !told.contains(":  "), "\(told)")
        #expect(bench.slot("10.0.0.1") == 0, "others are served")
    }

    @Test func `residents go nowhere else, even when all of their branch is down`() {
        let bench = Bench(
            .failover([
                Self.geo([[], [.country("EU")]], keeps: [false, true]),
                .roundRobin([Self.branch(9)]),
            ])
        )
        bench.health.publish(1, .failing)
        #expect(bench.slot("10.0.0.1") == 1)
        #expect(bench.ask("10.0.0.1").mode == .allDown)
        #expect(bench.slot("30.0.0.1") == 0)
        bench.health.publish(0, .failing)
        #expect(bench.slot("30.0.0.1") == 9)
        #expect(bench.slot("10.0.0.1") == 1)
    }

    /// For Germany slot 1, which keeps its clients; for all others slot 0; slot 9 to fall back to.
    private static func residents(
        _ word: SteerAllDown?,
        own: SteerAllDown? = nil,
        around: (SteerPolicy) -> SteerPolicy = { $0 }
    ) -> Bench {
        var kept = SteerPolicy.failover([.roundRobin([branch(1)])])
        kept.allDown = own
        let table = RegionBuilder(world).geo([[], [.country("DE")]], keeps: [false, true])
        var policy = around(SteerPolicy(.regional([branch(0), SteerBranch(kept)], table)))
        policy.allDown = word
        let bench = Bench(
            [
                SteerDefinition(name: "www", policy: policy),
                SteerDefinition(name: "us", policy: .roundRobin([branch(9)])),
            ]
        )
        bench.health.publish(1, .failing)
        return bench
    }

    @Test func `no fallback around a branch takes its residents along`() {
        let fallback = SteerAllDown.fallback("us")
        for bench in [
            Self.residents(fallback),
            Self.residents(fallback) { .failover([$0, .roundRobin([Self.branch(2)])]) },
            Self.residents(.servfail) { inner in
                var inner = inner
                inner.allDown = fallback
                return .failover([inner])
            },
        ] {
            let set = bench.ask("10.0.0.1")
            #expect(set.count == 1 && set.slot(0) == 1 && set.mode == .allDown)
            #expect(bench.slot("30.0.0.1") == 0)
        }
        // Clients without such a branch do fall back.
        let bench = Self.residents(fallback)
        bench.health.publish(0, .failing)
        #expect(bench.slot("30.0.0.1") == 9 && bench.slot("10.0.0.1") == 1)
    }

    @Test func `another word around a branch holds for residents, and what it says itself before`()
    {
        #expect(Self.residents(.servfail).ask("10.0.0.1").outcome == .servfail)
        #expect(Self.residents(SteerAllDown.none).ask("10.0.0.1").outcome == .none)
        let own = Self.residents(.servfail, own: SteerAllDown.none)
        #expect(own.ask("10.0.0.1").outcome == .none)
        #expect(
            Self.residents(.fallback("us"), own: .servfail).ask("10.0.0.1").outcome == .servfail
        )
        #expect(Self.residents(.servfail, own: .fallback("us")).slot("10.0.0.1") == 9)
    }

    @Test func `the nearest serves, a bias moves the border, the next nearest follows`() {
        func bench(_ bias: Int) -> Bench {
            let targets = [
                GeoTarget(Self.frankfurt), GeoTarget(Self.virginia, bias: bias),
                GeoTarget(Self.tokyo),
            ]
            let table = RegionBuilder(Self.world).proximity(targets)
            return Bench(SteerPolicy(.regional((0..<3).map(Self.branch), table)))
        }
        let plain = bench(0)
        for (client, slot) in [
            ("10.0.0.1", 0), ("20.0.0.1", 1), ("30.0.0.1", 2), ("40.0.0.1", 1), ("99.0.0.1", 0),
        ] { #expect(plain.slot(client) == slot, "\(client)") }
        plain.health.publish(1, .failing)
        // From California Tokyo is nearer than Frankfurt by a little, from Peru it is not.
        #expect(plain.slot("20.0.0.1") == 2 && plain.slot("40.0.0.1") == 0)
        #expect(bench(-99).slot("40.0.0.1") == 0 && bench(-99).slot("20.0.0.1") == 1)
        #expect(bench(99).slot("30.0.0.1") == 1)
    }
}
