// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// Answers that depend on where the client is, and the prefixes for which they hold.
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

    private static func branch(_ slot: Int) -> SteerBranch { SteerTableTests.member(slot) }

    private static func geo(_ regions: [[GeoRegion]], keeps: [Bool] = []) -> SteerPolicy {
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

    // MARK: Scope

    /// A cache that keeps answers for the scopes we give, asked by clients in turn, never has an
    /// answer for a client that we would not give it; and no two scopes overlap.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64], [true, false])
    func `a cache that keeps to our scopes is never wrong`(seed: UInt64, isIPv4: Bool) {
        var random = SeededRandom(seed: seed)
        let bench = Bench(Self.randomPolicy(&random, depth: 0, isIPv4))
        for slot in 0..<64 where random.next(below: 4) == 0 { bench.health.publish(slot, .failing) }
        var cache: [Prefix: [Int]] = [:]
        for _ in 0..<1250 {
            let client = Self.randomClient(&random, isIPv4)
            let set = bench.ask(client)
            let slots = (0..<set.count).map { set.slot($0) }
            guard let scope = Prefix(client, length: Int(set.scope)) else {
                Issue.record("scope \(set.scope) of \(client)")
                return
            }
            // Everybody inside gets the same answer for the same scope.
            for _ in 0..<4 {
                let other = Self.randomClient(&random, isIPv4, inside: scope)
                let found = bench.ask(other)
                #expect(found.scope == set.scope, "\(client) and \(other)")
                #expect((0..<found.count).map { found.slot($0) } == slots)
            }
            // Shorter would be wrong somewhere, or the decision the same by chance alone.
            cache[scope] = slots
        }
        let scopes = cache.keys.sorted { $0.address.bits < $1.address.bits }
        for (one, next) in zip(scopes, scopes.dropFirst()) {
            #expect(!one.contains(next.address), "\(one) overlaps \(next)")
        }
    }

    @Test func `the scope is the shortest on which the branch is the same`() {
        let inner = Prefix("10.1.2.0/24")
        let outer = Prefix("10.0.0.0/8")
        let rows = [[], [outer], [inner]].map { $0.compactMap { $0 }.map(GeoRegion.network) }
        let bench = Bench(Self.geo(rows))
        let scopes: [(String, UInt8)] = [
            ("10.1.2.9", 24), ("10.1.3.9", 24), ("10.1.0.1", 23), ("10.1.4.1", 22),
            ("10.128.0.1", 9), ("11.0.0.1", 8), ("192.0.2.1", 1),
        ]
        for (client, scope) in scopes { #expect(bench.ask(client).scope == scope, "\(client)") }
        // A branch that is down everywhere makes its border one that only the second choice knows.
        bench.health.publish(2, .failing)
        #expect(bench.ask("10.1.2.9").slot(0) == 1)
        #expect(bench.ask("10.1.2.9").scope == 24)
        // What does not look at the client holds for all.
        #expect(Bench(.roundRobin([Self.branch(1)])).ask("10.0.0.1").scope == 0)
        #expect(Bench(Self.geo([[]])).ask("10.0.0.1").scope == 0)
    }

    private static func randomPolicy(
        _ random: inout SeededRandom,
        depth: Int,
        _ isIPv4: Bool
    ) -> SteerPolicy {
        let count = 2 + Int(random.next(below: 4))
        let branches = (0..<count).map { _ -> SteerBranch in
            guard depth < 3, random.next(below: 2) == 0 else {
                return branch(Int(random.next(below: 64)))
            }
            return SteerBranch(randomPolicy(&random, depth: depth + 1, isIPv4))
        }
        if depth > 0, random.next(below: 3) == 0 {
            return SteerPolicy(.failover(branches))
        }
        if random.next(below: 3) == 0 {
            let table = randomLatency(&random, count, isIPv4)
            return SteerPolicy(.regional(branches, table))
        }
        let rows = (0..<count).map { number -> [GeoRegion] in
            number == 0
                ? []
                : (0..<Int(random.next(below: 160))).compactMap { _ in
                    let length = Int(random.next(below: isIPv4 ? 30 : 100)) + 2
                    return Prefix(randomClient(&random, isIPv4), length: length)
                        .map(GeoRegion.network)
                }
        }
        let table = RegionBuilder(world).geo(
            rows,
            keeps: rows.map { _ in random.next(below: 8) == 0 }
        )
        return SteerPolicy(.regional(branches, table))
    }

    // Rows of networks in each other and of regions, for some of the targets.
    private static func randomLatency(
        _ random: inout SeededRandom,
        _ count: Int,
        _ isIPv4: Bool
    ) -> RegionTable {
        let points = [frankfurt, virginia, tokyo]
        let targets = (0..<count).map { number in
            LatencyTarget(
                "t\(number)",
                at: number % 3 == 2 ? nil : points[Int(random.next(below: 3))]
            )
        }
        let regions: [GeoRegion] = [
            .country("DE"), .city("Paris"), .continent("EU"), .country("EU"), .system(64_500),
        ]
        var rows: [RTTRow] = []
        for _ in 0..<Int(random.next(below: 200)) {
            let length = Int(random.next(below: isIPv4 ? 30 : 100)) + 2
            let network = Prefix(randomClient(&random, isIPv4), length: length)
            let isNetwork = random.next(below: 8) > 0
            let place =
                isNetwork ? network.map(GeoRegion.network) : regions.randomElement(using: &random)
            guard let place else { continue }
            rows.append(
                RTTRow(
                    place: place,
                    target: "t\(random.next(below: UInt32(count) + 1))",
                    milliseconds: Double(random.next(below: 300)),
                    deviation: 1,
                    samples: 9,
                    last: .start
                )
            )
        }
        let builder = RegionBuilder(world)
        let picture = LatencyPicture(learned: rows, imported: [])
        let first = builder.latency(targets, picture, settings: RTTSettings())
        // Once more, as after a change that is too small to count.
        return builder.latency(
            targets,
            picture,
            settings: RTTSettings(),
            previous: first.orders
        ).table
    }

    // Near each other, so that networks lie in each other.
    private static func randomClient(
        _ random: inout SeededRandom,
        _ isIPv4: Bool,
        inside prefix: Prefix? = nil
    ) -> IPAddress {
        let width: UInt128 = isIPv4 ? 32 : 128
        var bits = UInt128(random.next()) << 64 | UInt128(random.next())
        if random.next(below: 2) == 0 { bits &= 0x0101_0101_0101_0101_0101_0101_0101_0101 }
        if isIPv4 { bits &= 0xffff_ffff } else { bits |= 0x3 << 124 }
        if let prefix, prefix.length > 0 {
            let free = width - UInt128(prefix.length)
            let mask: UInt128 = free == 128 ? .max : (1 << free) - 1
            bits = prefix.address.bits | bits & mask
        } else if prefix != nil, !isIPv4 {
            bits |= 0x3 << 124
        }
        return isIPv4 ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits)
    }
}
