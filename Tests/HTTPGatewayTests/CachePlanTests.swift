// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct CachePlanTests {
    private func snapshot(_ caches: [CachePlan], _ routes: [Int?]) -> GatewaySnapshot {
        var plan = GatewayPlan()
        plan.caches = caches
        plan.routes = routes.map { cache in
            var route = RoutePlan(name: "r", host: .any, path: .prefix("/"), pool: 0)
            route.cache = cache
            return route
        }
        return GatewaySnapshot(plan, health: HealthTable(capacity: 1), generation: 1)
    }

    @Test func `routes know their cache by number`() {
        let snapshot = snapshot([CachePlan(name: "a"), CachePlan(name: "b")], [1, nil, 0])
        #expect(snapshot.routes.map(\.cache) == [1, -1, 0])
        #expect(snapshot.caches.count == 2)
        let again = self.snapshot([CachePlan(name: "b")], [0])
        #expect(again.caches[0].identity == snapshot.caches[1].identity)
        #expect(again.caches[0].identity != snapshot.caches[0].identity)
    }

    @Test func `no response takes more than an eighth of the memory`() {
        var plan = CachePlan(name: "a")
        #expect(CacheRecord(plan).objectLimit == 8 << 20)
        plan.memory = 32 << 20
        #expect(CacheRecord(plan).objectLimit == 4 << 20)
        (plan.memory, plan.objectLimit, plan.minUses) = (-1, -1, 0)
        let record = CacheRecord(plan)
        #expect([record.memory, record.objectLimit, Int(record.minUses)] == [0, 0, 1])
    }

    @Test func `a cache has its name in place, up to 128 octets`() {
        for count in [0, 1, 7, 128, 129, 1000] {
            var plan = CachePlan(name: "a")
            plan.statusName = String(repeating: "x", count: count)
            let name = CacheRecord(plan).statusName
            #expect(name.span.count == min(count, 128))
            for index in name.span.indices { #expect(name.span[index] == UInt8(ascii: "x")) }
        }
    }

    @Test func `nobody may purge unless it is said`() throws {
        var plan = CachePlan(name: "a")
        let client = try #require(IPAddress("192.0.2.9"))
        #expect(!CacheRecord(plan).mayPurge(client))
        plan.purgers = [
            try #require(Prefix("198.51.100.0/24")), try #require(Prefix("192.0.2.0/24")),
        ]
        #expect(CacheRecord(plan).mayPurge(client))
        #expect(!CacheRecord(plan).mayPurge(try #require(IPAddress("192.0.3.9"))))
    }

    @Test func `sixteen caches are told apart, and keep their numbers`() throws {
        let shared = try GatewayShared(
            workers: 1,
            health: HealthTable(capacity: 1),
            load: LoadTable(capacity: 1, workers: 1)
        )
        let names = (0..<18).map { "c\($0)" }
        let first = shared.cacheNumbers(snapshot([CachePlan(name: "c3")], []))
        #expect(first.map(\.name) == ["c3"])
        let all = shared.cacheNumbers(snapshot(names.map { CachePlan(name: $0) }, []))
        #expect(all.count == 17 && all.last?.name == "(other)")
        #expect(all.first { $0.name == "c3" }?.place == first.first?.place)
        #expect(Set(all.map(\.place)).count == 17)
        #expect(shared.cacheNumbers(snapshot([], [nil])).isEmpty)
    }

    @Test func `words are told apart`() {
        let words = CacheResult.allCases.map { "\($0.word)" }
        #expect(Set(words).count == words.count)
        #expect(Set(CacheMiss.allCases.map { "\($0.word)" }).count == CacheMiss.allCases.count)
        #expect(GatewayMetrics.cache(GatewayMetrics.cacheLimit) == GatewayMetrics.pool(0))
        // They are labels of one family.
        let refusals =
            NotStored.allCases.map { "\($0.word)" } + CacheRefusal.allCases.map { "\($0.word)" }
        #expect(Set(refusals).count == refusals.count)
    }
}
