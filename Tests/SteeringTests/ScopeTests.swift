// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

/// The prefixes for which answers hold that depend on where the client is (RFC 7871 §7.2.1).
@Suite struct ScopeTests {
    /// How much of a random map is down.
    enum Damage: CaseIterable {
        /// One member in four: most clients have something live.
        case little
        /// Four of five: whole branches are down, and policies for some clients.
        case much
        /// All of them.
        case whole

        func hits(_ random: inout SeededRandom) -> Bool {
            switch self {
            case .little: random.next(below: 4) == 0
            case .much: random.next(below: 5) > 0
            case .whole: true
            }
        }
    }

    /// What a cache keeps.
    private struct Kept: Equatable {
        var outcome: SteerOutcome
        var slots: [Int]
        var scope: UInt8

        // A round robin begins anywhere.
        init(_ set: AnswerSet) {
            outcome = set.outcome
            slots = (0..<set.count).map { set.slot($0) }.sorted()
            scope = set.scope
        }
    }

    /// A cache that keeps answers for the scopes we give, asked by clients in turn, never has an
    /// answer for a client that we would not give it, no address and SERVFAIL included; and no two
    /// scopes overlap.
    @Test(arguments: 1...8 as ClosedRange<UInt64>, Damage.allCases)
    func `a cache that keeps to our scopes is never wrong`(seed: UInt64, damage: Damage) {
        for isIPv4 in [true, false] {
            var random = SeededRandom(seed: seed)
            let bench = Self.randomBench(&random, damage, isIPv4)
            var cache: [Prefix: Kept] = [:]
            for _ in 0..<1250 {
                let client = Self.randomClient(&random, isIPv4)
                let answer = Kept(bench.ask(client))
                guard let scope = Prefix(client, length: Int(answer.scope)) else {
                    Issue.record("scope \(answer.scope) of \(client)")
                    return
                }
                // Everybody inside gets the same answer for the same scope.
                for _ in 0..<4 {
                    let other = Self.randomClient(&random, isIPv4, inside: scope)
                    #expect(Kept(bench.ask(other)) == answer, "\(client) and \(other)")
                }
                // Shorter would be wrong somewhere, or the decision the same by chance alone.
                cache[scope] = answer
            }
            let scopes = cache.keys.sorted { $0.address.bits < $1.address.bits }
            for (one, next) in zip(scopes, scopes.dropFirst()) {
                #expect(!one.contains(next.address), "\(one) overlaps \(next)")
            }
        }
    }

    /// A system in 10.0.0.0/8, of which 10.0.2.0/24 is in Canada.
    private static func system(_ branches: [SteerBranch]) -> SteerPolicy {
        func table(_ text: String, _ value: UInt32) -> PrefixTable {
            PrefixTable(Prefix(text).map { [($0, value)] } ?? [], otherwise: 0)
        }
        let locations = LocationTable(
            locations: [.unknown, Location(country: "CA")],
            networks: table("10.0.2.0/24", 1),
            systems: table("10.0.0.0/8", 64_502)
        )
        let builder = RegionBuilder(locations)
        return SteerPolicy(
            .regional(branches, builder.geo([[.system(64_502)], [.country("CA")]]))
        )
    }

    /// Clients with no branch behind one that is down lie round those who have one.
    @Test(arguments: [SteerAllDown.all, .none, .servfail, .lastGood])
    func `that nothing is live holds for no wider network than it is known of`(
        word: SteerAllDown
    ) {
        var policy = Self.system([0, 1].map(RegionTests.branch))
        policy.allDown = word
        let bench = RegionTests.Bench(policy)
        // While it is up its border is all there is to know.
        #expect(bench.ask("10.0.1.1").scope == 8 && bench.ask("10.0.2.1").scope == 8)
        bench.health.publish(0, .failing)
        #expect(bench.slot("10.0.2.1") == 1 && bench.ask("10.0.2.1").scope == 24)
        #expect(bench.slot("10.0.1.1") != 1 && bench.ask("10.0.1.1").scope == 23)
        #expect(bench.ask("11.0.0.1").scope == 8, "no branch is for them, down or not")
    }

    @Test func `that a branch has none for a client inside holds for no wider network`() throws {
        let elsewhere = try #require(Prefix("11.0.0.0/8"))
        let inner = RegionTests.geo([[.network(elsewhere)]])
        let order = Self.system([SteerBranch(inner), RegionTests.branch(1)])
        for policy in [order, .failover([order]), .weighted([SteerBranch(order)])] {
            let bench = RegionTests.Bench(policy)
            #expect(bench.slot("10.0.2.1") == 1 && bench.ask("10.0.2.1").scope == 24)
            #expect(bench.slot("10.0.1.1") == -1 && bench.ask("10.0.1.1").scope == 23)
        }
    }

    @Test(arguments: [SteerAllDown.none, .servfail, .fallback("sorry"), .lastGood, nil])
    func `what is in a branch of weight 0 has no say, and so no scope`(word: SteerAllDown?) throws {
        var inner = RegionTests.geo([[.network(try #require(Prefix("10.0.0.0/8")))]])
        inner.allDown = word
        var branch = SteerBranch(inner)
        branch.weight = 0
        let bench = RegionTests.Bench([
            SteerDefinition(name: "www", policy: .weighted([branch])),
            SteerDefinition(name: "sorry", policy: .roundRobin([RegionTests.branch(9)])),
        ])
        for client in ["10.1.1.1", "11.1.1.1"] {
            let set = bench.ask(client)
            #expect(set.count == 0 && set.outcome != .servfail && set.scope == 0, "\(client)")
            #expect(!set.isForOthers)
        }
    }

    @Test func `the scope is the shortest on which the branch is the same`() {
        let inner = Prefix("10.1.2.0/24")
        let outer = Prefix("10.0.0.0/8")
        let rows = [[], [outer], [inner]].map { $0.compactMap { $0 }.map(GeoRegion.network) }
        let bench = RegionTests.Bench(RegionTests.geo(rows))
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
        #expect(RegionTests.Bench(.roundRobin([RegionTests.branch(1)])).ask("10.0.0.1").scope == 0)
        #expect(RegionTests.Bench(RegionTests.geo([[]])).ask("10.0.0.1").scope == 0)
    }

    // MARK: Random maps

    private static func randomBench(
        _ random: inout SeededRandom,
        _ damage: Damage,
        _ isIPv4: Bool
    ) -> RegionTests.Bench {
        let names = ["www", "other", "last"]
        let definitions = names.enumerated().map { number, name in
            SteerDefinition(
                name: name,
                policy: randomPolicy(&random, depth: 0, isIPv4, names: names[(number + 1)...])
            )
        }
        let bench = RegionTests.Bench(definitions)
        for slot in 0..<64 where damage.hits(&random) {
            bench.health.setChanged(slot, Instant(nanoseconds: Int64(random.next(below: 60)) << 30))
            bench.health.publish(
                slot,
                random.next(below: 8) == 0
                    ? HealthWord(health: .up, administrative: .maintenance) : .failing
            )
        }
        return bench
    }

    /// A policy that may name those in `names`, as a branch or to fall back to.
    private static func randomPolicy(
        _ random: inout SeededRandom,
        depth: Int,
        _ isIPv4: Bool,
        names: ArraySlice<String>
    ) -> SteerPolicy {
        // Only deep inside is there room for all addresses of round robins in each other.
        let isDeep = depth > 1
        let names = isDeep ? [] : names
        let count = 2 + Int(random.next(below: isDeep ? 1 : 4))
        let branches = (0..<count).map { _ -> SteerBranch in
            if depth < 3, random.next(below: 2) == 0 {
                return SteerBranch(randomPolicy(&random, depth: depth + 1, isIPv4, names: names))
            }
            guard let name = names.randomElement(using: &random), random.next(below: 4) == 0 else {
                return RegionTests.branch(Int(random.next(below: 64)))
            }
            return SteerBranch(SteerPolicy(.named(name)))
        }
        var policy = SteerPolicy(randomKind(&random, branches, depth: depth, isIPv4))
        policy.most = 16
        if random.next(below: 4) == 0 { policy.minimumUp = 1 + Int(random.next(below: 3)) }
        if random.next(below: 6) == 0 { policy.draw = .client } else { policy.draw = .name }
        let words = [SteerAllDown.all, .none, .servfail, .lastGood]
        if random.next(below: 3) == 0 {
            policy.allDown = names.randomElement(using: &random).map(SteerAllDown.fallback)
            if policy.allDown == nil || random.next(below: 2) == 0 {
                policy.allDown = words.randomElement(using: &random)
            }
        }
        return policy
    }

    private static func randomKind(
        _ random: inout SeededRandom,
        _ branches: [SteerBranch],
        depth: Int,
        _ isIPv4: Bool
    ) -> SteerPolicy.Kind {
        if depth > 0, random.next(below: 3) == 0 {
            switch random.next(below: 4) {
            case 0 where depth > 1: return .roundRobin(branches)
            case 1:
                // One of weight 0 is never taken; what is in it must not be looked at.
                let weighed = branches.map { branch in
                    var branch = branch
                    branch.weight = random.next(below: 2)
                    return branch
                }
                return .weighted(weighed)
            default: return .failover(branches)
            }
        }
        let count = branches.count
        if random.next(below: 3) == 0 {
            return .regional(branches, randomLatency(&random, count, isIPv4))
        }
        // Half of the maps have a branch for everybody, and half of them few networks.
        let isForAll = random.next(below: 2) == 0
        let most: UInt32 = random.next(below: 2) == 0 ? 160 : 4
        let rows = (0..<count).map { number -> [GeoRegion] in
            if number == 0, isForAll { return [] }
            var row: [GeoRegion] = (0..<Int(random.next(below: most))).compactMap { _ in
                randomNetwork(&random, isIPv4).map(GeoRegion.network)
            }
            for region in regions where random.next(below: 3) == 0 { row.append(region) }
            return row.isEmpty ? [.country("PE")] : row
        }
        let table = RegionBuilder(randomWorld(&random, isIPv4)).geo(
            rows,
            keeps: rows.map { _ in random.next(below: 8) == 0 }
        )
        return .regional(branches, table)
    }

    private static let regions: [GeoRegion] = [
        .country("DE"), .country("FR"), .city("Paris"), .continent("EU"), .system(1), .system(2),
    ]

    private static func randomNetwork(_ random: inout SeededRandom, _ isIPv4: Bool) -> Prefix? {
        let length = Int(random.next(below: isIPv4 ? 30 : 100)) + 2
        return Prefix(randomClient(&random, isIPv4), length: length)
    }

    /// Places and systems in each other: what is one to one branch is many to the next.
    private static func randomWorld(_ random: inout SeededRandom, _ isIPv4: Bool) -> LocationTable {
        func networks(_ kinds: UInt32) -> PrefixTable {
            let entries = (0..<Int(random.next(below: 40))).compactMap { _ in
                randomNetwork(&random, isIPv4).map {
                    (prefix: $0, value: random.next(below: kinds))
                }
            }
            return PrefixTable(entries, otherwise: 0)
        }
        return LocationTable(
            locations: [
                .unknown, Location(country: "DE"), Location(country: "FR", city: "Paris"),
                Location(country: "FR"),
            ],
            networks: networks(4),
            systems: networks(3)
        )
    }

    // Rows of networks in each other and of regions, for some of the targets.
    private static func randomLatency(
        _ random: inout SeededRandom,
        _ count: Int,
        _ isIPv4: Bool
    ) -> RegionTable {
        let points = [RegionTests.frankfurt, RegionTests.virginia, RegionTests.tokyo]
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
        let builder = RegionBuilder(RegionTests.world)
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
