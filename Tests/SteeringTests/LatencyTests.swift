// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

/// Answers by measured round trips.
@Suite struct LatencyTests {
    private static let targets = [
        LatencyTarget("fra", at: RegionTests.frankfurt),
        LatencyTarget("iad", at: RegionTests.virginia),
        LatencyTarget("nrt", at: RegionTests.tokyo),
        LatencyTarget("lab"),
    ]

    private static func row(_ place: String, _ target: String, _ milliseconds: Double) -> RTTRow {
        RTTRow(
            place: GeoRegion(measured: place) ?? .country("XX"),
            target: target,
            milliseconds: milliseconds,
            deviation: 1,
            samples: 12,
            last: .start
        )
    }

    private static func bench(_ rows: [RTTRow]) -> RegionTests.Bench {
        let (table, _) = RegionBuilder(RegionTests.world).latency(
            targets,
            LatencyPicture(learned: rows, imported: []),
            settings: RTTSettings()
        )
        let branches = targets.indices.map { SteerTableTests.member($0) }
        return RegionTests.Bench(SteerPolicy(.regional(branches, table)))
    }

    /// The order in which branches serve a client, by taking one after the other out.
    private static func order(_ bench: RegionTests.Bench, _ client: String) -> [Int] {
        var order: [Int] = []
        for _ in targets {
            let slot = bench.slot(client)
            order.append(slot)
            bench.health.publish(slot, .failing)
        }
        for slot in targets.indices { bench.health.publish(slot, .serving) }
        return order
    }

    @Test func `without measurements the nearest serves, and what has no place is last`() {
        let bench = Self.bench([])
        // Germany, California, Japan, and a client of whom nothing is known.
        #expect(Self.order(bench, "10.0.0.1").first == 0)
        #expect(Self.order(bench, "20.0.0.1") == [1, 2, 0, 3])
        #expect(Self.order(bench, "30.0.0.1").last == 3)
        #expect(Self.order(bench, "99.0.0.1") == [0, 1, 2, 3])
        #expect(bench.ask("99.0.0.1").scope > 0)
    }

    @Test func `what is measured goes before distance, each place by its smallest row`() {
        let bench = Self.bench([
            Self.row("10.1.0.0/16", "nrt", 4), Self.row("10.1.2.0/24", "lab", 3),
            Self.row("country:DE", "iad", 10), Self.row("continent:EU", "iad", 500),
            Self.row("asn:64500", "iad", 70), Self.row("99.0.0.0/24", "lab", 400),
        ])
        // From Germany: Virginia is measured at 10 ms, Frankfurt (300 km) is taken as 9 ms.
        #expect(Self.order(bench, "10.9.0.1") == [0, 1, 2, 3])
        // The system says 70 ms of Virginia, the network 4 ms of Tokyo.
        #expect(Self.order(bench, "10.1.9.1") == [2, 0, 1, 3])
        #expect(Self.order(bench, "10.1.2.1") == [3, 2, 0, 1])
        #expect(bench.ask("10.1.2.1").scope == 24)
        // France has only the row of the continent: by it Virginia is behind Tokyo's distance.
        #expect(Self.order(bench, "10.64.0.1") == [0, 2, 1, 3])
        // A place that is not known: what is measured, then the others in order.
        #expect(Self.order(bench, "99.0.0.1") == [3, 0, 1, 2])
        // Who carries an IPv4 address is where that is.
        #expect(bench.slot("2002:0a01:0203::1") == 3)
    }

    @Test func `the estimate by distance is what the documents say`() {
        #expect(RegionBuilder.estimate(0) == 5)
        #expect(abs(RegionBuilder.estimate(6_500) - 102.5) < 1e-9)
    }

    @Test func `an order stays until another branch is better by the margin`() {
        func order(_ costs: [Double?], before: [Int]?) -> [Int] {
            RegionBuilder.order([0, 1, 2], costs: costs, before: before, RTTSettings())
        }
        #expect(order([20, 10, 30], before: nil) == [1, 0, 2])
        // 5 ms or a tenth, whichever is more.
        #expect(order([20, 16, 30], before: [0, 1, 2]) == [0, 1, 2])
        #expect(order([20, 15, 30], before: [0, 1, 2]) == [1, 0, 2])
        #expect(order([200, 181, 300], before: [0, 1, 2]) == [0, 1, 2])
        #expect(order([200, 180, 300], before: [0, 1, 2]) == [1, 0, 2])
        #expect(order([20, nil, 30], before: [1, 0, 2]) == [0, 2, 1], "not known any more")
        // Each within the margin of the next, and the last better than the first by more.
        #expect(order([24, 20, 16], before: [0, 1, 2]) == [2, 0, 1])
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `no branch stands before a better one, and noise changes nothing`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let settings = RTTSettings()
        let count = 2 + Int(random.next(below: 9))
        let fallback = Array(0..<count).shuffled(using: &random)
        var before: [Int]?
        for _ in 0..<50 {
            let costs = (0..<count).map { _ -> Double? in
                random.next(below: 5) == 0 ? nil : Double(random.next(below: 2000)) / 10
            }
            let order = RegionBuilder.order(fallback, costs: costs, before: before, settings)
            #expect(order.sorted() == Array(0..<count))
            let known = order.compactMap { costs[$0] }
            #expect(order.prefix(known.count).allSatisfy { costs[$0] != nil })
            for (place, cost) in known.enumerated() {
                let best = known[place...].min() ?? cost
                #expect(best + settings.margin(cost) > cost, "\(known)")
            }
            // Noise below half of the least margin, in any direction, for each of them.
            for _ in 0..<10 {
                let noisy = costs.map { cost in
                    cost.map { max($0 + (Double(random.next(below: 100)) - 50) / 100, 0) }
                }
                let again = RegionBuilder.order(fallback, costs: costs, before: order, settings)
                #expect(again == order, "the same again")
                let settled = RegionBuilder.order(fallback, costs: noisy, before: order, settings)
                let changed = zip(settled, order).contains { $0 != $1 }
                // A pair that was at the edge of the margin may pass it; nothing else may.
                if changed {
                    let gaps = order.indices.flatMap { one in
                        order.indices.dropFirst(one + 1).compactMap { other -> Double? in
                            guard let a = costs[order[one]], let b = costs[order[other]] else {
                                return nil
                            }
                            return settings.margin(a) - (a - b)
                        }
                    }
                    #expect((gaps.min() ?? 99) < 1.2, "\(costs) \(order) \(settled)")
                }
            }
            before = order
        }
    }

    @Test func `round trips that swing within the margin change no answer, and a gain does`() {
        let builder = RegionBuilder(RegionTests.world)
        var orders = LatencyOrders()
        var firsts: [Int] = []
        var changes: UInt64 = 0
        for turn in 0..<20 {
            let swing = turn % 2 == 0 ? 2.0 : -2.0
            let rows = [
                Self.row("10.1.2.0/24", "fra", 50 + swing),
                Self.row("10.1.2.0/24", "iad", 50 - swing),
            ]
            let (table, next) = builder.latency(
                Self.targets,
                LatencyPicture(learned: rows, imported: []),
                settings: RTTSettings(),
                previous: orders
            )
            orders = next
            changes += next.changes
            let branches = Self.targets.indices.map { SteerTableTests.member($0) }
            let bench = RegionTests.Bench(SteerPolicy(.regional(branches, table)))
            firsts.append(bench.slot("10.1.2.9"))
        }
        #expect(Set(firsts).count == 1 && changes == 0)
        let rows = [Self.row("10.1.2.0/24", "fra", 50), Self.row("10.1.2.0/24", "iad", 45)]
        let first = firsts.first
        let gain = builder.latency(
            Self.targets,
            LatencyPicture(
                learned: first == 0 ? rows : [rows[0], Self.row("10.1.2.0/24", "iad", 60)],
                imported: []
            ),
            settings: RTTSettings(),
            previous: orders
        )
        #expect(gain.orders.changes == 1)
    }

    // The same world by another database: other numbers for the same places.
    private static let renumbered: LocationTable = {
        let networks = [("10.0.0.0/8", 2), ("30.0.0.0/8", 1)] as [(String, UInt32)]
        return LocationTable(
            locations: [.unknown, Location(country: "JP"), Location(country: "DE")],
            networks: PrefixTable(
                networks.compactMap { text, value in Prefix(text).map { ($0, value) } },
                otherwise: 0
            ),
            systems: RegionTests.world.systems
        )
    }()

    @Test(arguments: [
        [], ["asn:64500"], ["10.1.2.0/24"], ["10.1.0.0/16", "10.1.2.0/24", "asn:64500"],
    ])
    func `an order outlives another database, and rows of smaller places`(more: [String]) {
        func rows(_ places: [String], _ frankfurt: Double) -> LatencyPicture {
            LatencyPicture(
                learned: places.flatMap { place in
                    [Self.row(place, "fra", frankfurt), Self.row(place, "iad", 50)]
                },
                imported: []
            )
        }
        let before = RegionBuilder(RegionTests.world).latency(
            Self.targets,
            rows(["country:DE"], 70),
            settings: RTTSettings()
        )
        for world in [RegionTests.world, Self.renumbered] {
            for (frankfurt, first) in [(46.0, 1), (44.0, 0)] {
                let next = RegionBuilder(world).latency(
                    Self.targets,
                    rows(["country:DE"] + more, frankfurt),
                    settings: RTTSettings(),
                    previous: before.orders
                )
                let branches = Self.targets.indices.map { SteerTableTests.member($0) }
                let bench = RegionTests.Bench(SteerPolicy(.regional(branches, next.table)))
                #expect(bench.slot("10.1.2.9") == first, "\(more), \(frankfurt) ms")
            }
        }
    }

    @Test func `an explanation shows the row of each branch, or why there is none`() {
        let bench = Self.bench([
            Self.row("10.1.2.0/24", "lab", 3.25), Self.row("country:DE", "iad", 90),
        ])
        func why(_ client: String) -> String {
            let question = SteerQuestion(
                now: .start + .seconds(61),
                client: IPAddress(client) ?? IPAddress(v4: 0),
                families: .ipv4
            )
            return bench.table.explain(policy: 0, question, seed: 1).steps[0].why
        }
        let text = why("10.1.2.9")
        let rest = "learnt, 12 samples, 61 s old)"
        #expect(text.hasPrefix("10.1.2.0/24: m3 (lab 3.3 ms for 10.1.2.0/24, \(rest)"), "\(text)")
        #expect(text.contains("m1 (iad 90.0 ms for country:DE, \(rest)"), "\(text)")
        #expect(text.contains("m0 (fra, no measurement: by distance, "), "\(text)")
        #expect(why("99.0.0.1").contains("m0 (fra, no measurement), then m1 (iad, no measurement)"))
    }
}
