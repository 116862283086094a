// SPDX-License-Identifier: Apache-2.0
import Configuration
import EdgeCache
import Essentials
import HTTPGateway
import HTTPProtocol
import Steering
import Testing

@testable import ControlPlane

@Suite struct CacheAssemblyTests {
    private func plan(_ caches: String) throws -> GatewayPlan {
        let text = """
            listeners: [ { http: 127.0.0.1:8080 } ]
            pools: { a: { endpoints: [ { address: 192.0.2.1:80 } ] } }
            caches: { first: {}, \(caches) }
            routes: [ { pool: a, cache: second }, { host: b.example, pool: a, cache: first } ]
            """
        let result = ConfigurationSource.read(Array(text.utf8), path: "test.yaml")
        let settings = try #require(result.configuration, "\(CheckReport.text(result))").settings
        let registries = Registries(
            endpoints: EndpointRegistry(capacity: 8),
            pools: PoolRegistry(capacity: 8)
        )
        let present = Assembly.Present(
            registries: registries,
            names: ResolvedNames(),
            running: [],
            zones: nil,
            fileLimit: 65_536
        )
        return try Assembly.make(settings, present: present).gateway
    }

    @Test func `a cache without options is the door's own`() throws {
        let plan = try plan("second: {}")
        #expect(plan.routes.map(\.cache) == [1, 0])
        #expect(plan.caches == [CachePlan(name: "first"), CachePlan(name: "second")])
    }

    @Test func `every option of a cache reaches the door`() throws {
        let plan = try plan(
            """
            second: { memory: 512MiB, object-limit: 16MiB, min-uses: 2, query-limit: 4KiB, wait: 1s,
              pass-lifetime: 3s,
              pinned-limit: 32MiB, disk: 1GiB, disk-folder: /x,
              status-header: false, tags-to-clients: false, name: fra1,
              purge: 192.0.2.0/24, lifetimes: { 404: 4s, 5xx: 5s },
              override: true, heuristic-percent: 20%, heuristic-limit: 6s, lifetime-limit: 7s,
              refresh-ahead: 10%, jitter: 5%, stale-while-revalidate: 8s, stale-if-error: 9s, allow-stale-with-s-maxage: true,
              heed-clients: true, keep-cookies: true, targets: [X-Cache-Control],
              key: { host: false, without: ['utm_*', b], headers: X-Lang, cookies: Theme } }
            """
        )
        var wanted = CachePlan(name: "second")
        (wanted.memory, wanted.objectLimit, wanted.minUses) = (512 << 20, 16 << 20, 2)
        wanted.queryLimit = 4_096
        wanted.pinnedLimit = 32 << 20
        wanted.disk = DiskPlan(folder: "/x", size: 1 << 30)
        (wanted.waitLimit, wanted.passLifetime) = (.seconds(1), .seconds(3))
        wanted.tellsTags = false
        (wanted.hasStatusField, wanted.statusName) = (false, "fra1")
        wanted.purgers = [try #require(Prefix("192.0.2.0/24"))]
        wanted.rules.lifetimes = [
            CacheLifetime(404...404, .seconds(4)), CacheLifetime(500...599, .seconds(5)),
        ]
        wanted.rules.lifetimesWin = true
        wanted.rules.heuristicPercent = 20
        wanted.rules.heuristicLimit = .seconds(6)
        wanted.rules.lifetimeLimit = .seconds(7)
        (wanted.rules.refreshAheadPercent, wanted.rules.jitterPercent) = (10, 5)
        wanted.rules.staleWhileRevalidate = .seconds(8)
        wanted.rules.staleIfError = .seconds(9)
        wanted.rules.allowsStaleBesideSharedMaxAge = true
        wanted.rules.heedsClients = true
        wanted.rules.keepsCookies = true
        wanted.rules.targets = TargetList(["X-Cache-Control"])
        wanted.key.hasHost = false
        wanted.key.query = .without([Array("utm_*".utf8), Array("b".utf8)])
        wanted.key.fields = [Array("x-lang".utf8)]
        wanted.key.cookies = [Array("Theme".utf8)]
        #expect(plan.caches[1] == wanted)
    }

    @Test func `the pool that a cache fetches through is chosen from by the key`() throws {
        let plan = try plan("second: { through: a }")
        #expect(plan.caches.map(\.through) == [nil, 0])
        #expect(plan.pools[0].balance == .boundedLoad(percent: 125))
        #expect(plan.pools[0].leastLoad == 64)
        let other = try self.plan("second: {}")
        #expect(!other.pools[0].balance.usesKey && other.pools[0].leastLoad == 0)
    }

    @Test(arguments: [
        ("query: all", CacheKeyRule.Query.all), ("query: sorted", .sorted), ("query: none", .none),
        ("only: [a, b]", .only([Array("a".utf8), Array("b".utf8)])),
    ])
    func `the query counts as it is said`(key: String, query: CacheKeyRule.Query) throws {
        #expect(try plan("second: { key: { \(key) } }").caches[1].key.query == query)
    }

    @Test func `the memory of the machine is what the kernel says`() throws {
        let total = try #require(MachineMemory.total())
        #expect(total.bytes > 64 << 20)
        func parse(_ text: String) -> Int? { MachineMemory.total(Array(text.utf8))?.bytes }
        #expect(parse("MemFree: 1 kB\nMemTotal:       2048 kB\nX: 1 kB\n") == 2 << 20)
        #expect(parse("MemTotal: \(Int.max) kB\n") == nil)
        #expect(parse("MemTotal: x kB\n") == nil)
    }
}
