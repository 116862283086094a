// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPGateway
import Prober
import Steering
import Testing

@testable import ControlPlane

@Suite struct ListenerNumberTests {
    private func place(_ port: UInt16, _ door: DoorKind = .dns) -> SocketKey {
        SocketKey(door, ListenAddress(nil, port: port))
    }

    @Test func `a place keeps its number, and a freed one is reused one reload later`() {
        var numbers = ListenerNumbers()
        numbers.adopt([place(1), place(2)])
        #expect(numbers.number(of: place(2)) == 1)
        numbers.adopt([place(3), place(2)])
        #expect(numbers.number(of: place(2)) == 1)
        #expect(numbers.number(of: place(3)) == 2, "connections of the first may still live")
        #expect(numbers.number(of: place(1)) == nil)
        numbers.adopt([place(3), place(2), place(4)])
        #expect(numbers.number(of: place(4)) == 0)
    }

    @Test func `an address that changes its protocol has another number`() {
        var numbers = ListenerNumbers()
        numbers.adopt([place(1)])
        numbers.adopt([place(1, .dot)])
        #expect(numbers.number(of: place(1)) == nil)
        #expect(numbers.number(of: place(1, .dot)) == 1, "both are open for a moment")
    }
}

@Suite struct AssemblyTests {
    private func settings(_ text: String) throws -> Settings {
        let result = ConfigurationSource.read(Array(text.utf8), path: "test.yaml")
        let problems = result.errors.map(\.description)
        #expect(problems.isEmpty)
        return try #require(result.configuration).settings
    }

    private func present(
        _ names: ResolvedNames = ResolvedNames(),
        _ registries: Registries? = nil
    ) -> Assembly.Present {
        Assembly.Present(
            registries: registries
                ?? Registries(
                    endpoints: EndpointRegistry(capacity: 64),
                    pools: PoolRegistry(capacity: 8)
                ),
            names: names,
            running: [],
            zones: nil,
            fileLimit: 65_536
        )
    }

    private static let text = """
        listeners: [ { http: "127.0.0.1:8080" }, { dns: "127.0.0.1:5300" } ]
        probes: { web: { http: /, expect: 200 }, edge: { tcp: connect, port: 8443 } }
        pools:
          api:
            probe: web
            endpoints: [ { address: 192.0.2.1:80 }, { address: "app.internal:80", weight: 3 } ]
        routes: [ { host: a.example, path: /, pool: api } ]
        zones:
          example.com:
            soa: { primary: ns1.example.com, mailbox: h.example.com }
            records: { www: { steer: www } }
        steer:
          www: { failover: [ { weighted: { 203.0.113.1: 2, 203.0.113.2: 1 }, probe: edge }, { pool: api } ] }
        """

    @Test func `slots stay the same across assemblies and names add endpoints without addresses`()
        throws
    {
        let settings = try settings(Self.text)
        let first = try Assembly.make(settings, present: present())
        let pool = first.pools[0]
        #expect(pool.definition.endpoints.map(\.name) == ["192.0.2.1:80"])
        #expect(pool.view.endpoints.map(\.address) == [SocketAddress("192.0.2.1:80"), nil])
        #expect(pool.unresolved.count == 1)
        var names = ResolvedNames()
        let key = ResolvedNames.Key(host: "app.internal", server: nil)
        _ = names.succeed(key, [IPAddress(v4: 0xc000_0207)])
        let second = try Assembly.make(settings, present: present(names, first.registries))
        let endpoints = second.pools[0].definition.endpoints
        #expect(endpoints.map(\.name) == ["192.0.2.1:80", "app.internal:80@192.0.2.7"])
        #expect(endpoints[0].slot == pool.definition.endpoints[0].slot)
        #expect(endpoints[1].weight == 3)
        #expect(second.pools[0].unresolved.isEmpty)
        #expect(second.targets.count == 4)
        #expect(Set(second.registrations.map(\.slot)).count == 4)
    }

    @Test func `checked addresses of a policy are endpoints of a pool of their own`() throws {
        let assembly = try Assembly.make(try settings(Self.text), present: present())
        let steer = assembly.pools[1]
        #expect(steer.view.label == "steer:www")
        #expect(steer.view.endpoints.map(\.name) == ["203.0.113.1", "203.0.113.2"])
        #expect(steer.registrations.allSatisfy { $0.checks != nil })
        #expect(steer.targets.map(\.address.port) == [8443, 8443])
    }

    @Test func `an address under several probes is an endpoint for each of them`() throws {
        let text = """
            listeners: [ { dns: "127.0.0.1:5300" } ]
            probes: { p1: { tcp: connect, port: 81 }, p2: { tcp: connect, port: 82 } }
            zones:
              example.com:
                soa: { primary: ns1.example.com, mailbox: h.example.com }
                records: { a: { steer: a }, b: { steer: b } }
            steer:
              a:
                geo:
                  - { country: DE, address: 203.0.113.1 }
                  - failover:
                      - { address: 203.0.113.1, probe: p2 }
                      - { address: 203.0.113.1, probe: p1 }
                      - { round-robin: [ { address: 203.0.113.1, probe: p2 }, 203.0.113.2 ] }
              b: { weighted: [ { address: 203.0.113.1, probe: p1 }, { address: 203.0.113.2, probe: p2 } ] }
            """
        let first = try Assembly.make(try settings(text), present: present())
        let pool = first.pools[0]
        let names = ["203.0.113.1@-", "203.0.113.1@p2", "203.0.113.1@p1", "203.0.113.2"]
        #expect(pool.view.endpoints.map(\.name) == names)
        // A change by the address alone is one of them all.
        #expect(Set(pool.view.endpoints.map(\.configuredName)) == ["203.0.113.1", "203.0.113.2"])
        #expect(pool.registrations.map(\.identity.host) == names)
        #expect(pool.registrations.map { $0.checks != nil } == [false, true, true, false])
        let slots = pool.view.endpoints.map(\.slot)
        try #require(Set(slots).count == 4)
        #expect(pool.targets.map(\.slot) == Array(slots[1...2]))
        #expect(pool.targets.map(\.address.port) == [82, 81])
        let policy = first.steering.definitions[0].policy
        let inner = policy.kind.branches[1].policy.kind.branches
        #expect(inner[0].policy.slots + inner[1].policy.slots == Array(slots[1...2]))
        #expect(inner[2].policy.slots == [slots[1], slots[3]])
        // Each policy has endpoints of its own, and one probe needs no telling apart.
        #expect(first.pools[1].view.endpoints.map(\.name) == ["203.0.113.1", "203.0.113.2"])
        #expect(first.pools[1].targets.map(\.address.port) == [81, 82])
        // Places in the file are no names: the slots stay with their probes.
        let other = text.replacing("probe: p2 }\n", with: "probe: p0 }\n")
            .replacing("probe: p1 }\n", with: "probe: p2 }\n")
            .replacing("probe: p0 }\n", with: "probe: p1 }\n")
        let second = try Assembly.make(
            try settings(other),
            present: present(ResolvedNames(), first.registries)
        )
        let kept = second.pools[0]
        #expect(kept.view.endpoints.map(\.name) == [names[0], names[2], names[1], names[3]])
        #expect(kept.view.endpoints.map(\.slot) == [slots[0], slots[2], slots[1], slots[3]])
        #expect(kept.registrations.allSatisfy { $0.former == -1 }, "nobody has another name")
    }

    @Test func `an address that comes under a second probe, or loses it, takes its state along`()
        throws
    {
        func text(_ branches: String) -> String {
            """
            listeners: [ { dns: "127.0.0.1:5300" } ]
            probes: { p1: { tcp: connect, port: 81 }, p2: { tcp: connect, port: 82 } }
            zones:
              example.com:
                soa: { primary: ns1.example.com, mailbox: h.example.com }
                records: { a: { steer: a } }
            steer: { a: { failover: [ \(branches) ] } }
            """
        }
        var registries = present().registries
        func assemble(_ branches: String) throws -> [HealthRegistration] {
            let made = try Assembly.make(
                try settings(text(branches)),
                present: present(ResolvedNames(), registries)
            )
            registries = made.registries
            return made.pools[0].registrations
        }
        let one = "{ address: 203.0.113.1, probe: p1 }"
        let alone = try assemble(one)
        #expect(alone.map(\.former) == [-1])
        let both = try assemble("\(one), { address: 203.0.113.1, probe: p2 }")
        #expect(both.map(\.former) == [Int32(alone[0].slot), Int32(alone[0].slot)])
        // As if the slot had been released since.
        registries.endpoints.retire(alone[0].slot)
        registries.endpoints.release(alone[0].slot)
        let again = try assemble(one)
        #expect(again.map(\.former) == [Int32(both[0].slot)], "of the two the one of its probe")
    }

    @Test func `a table that is full refuses instead of leaving endpoints out`() throws {
        let settings = try settings(Self.text)
        var small = present()
        small.registries.endpoints = EndpointRegistry(capacity: 1)
        var codes: [String] = []
        do {
            _ = try Assembly.make(settings, present: small)
        } catch {
            codes = error.problems.map(\.code)
        }
        #expect(codes == ["M3120"])
    }

    @Test func `the limit of open files bounds client connections`() {
        #expect(GatewayAssembly.connections(65_536, fileLimit: 1 << 20) == 65_536)
        #expect(GatewayAssembly.connections(65_536, fileLimit: 20_000) == 9_744)
        #expect(GatewayAssembly.connections(65_536, fileLimit: 256) == 64)
    }

    @Test func `copies of requests have descriptors of their own, where there are any`() throws {
        let text = """
            limits: { mirrored-requests: 1000 }
            listeners: [ { http: 127.0.0.1:8080 } ]
            pools:
              a: { endpoints: [ { address: 192.0.2.1:80 } ] }
              b: { endpoints: [ { address: 192.0.2.2:80 } ] }
            routes: [ { pool: a }, { host: b.example, pool: b } ]
            """
        let mirrored = text.replacing("{ pool: a }", with: "{ pool: a, mirror: { pool: b } }")
        var present = present()
        present.fileLimit = 20_000
        let limits = try [text, mirrored].map {
            try Assembly.make(try settings($0), present: present).gateway.limits.connections
        }
        #expect(limits == [9_744, 9_244])
    }
}

extension SteerPolicy {
    /// The slots at the ends of the tree, in its order.
    fileprivate var slots: [Int] {
        if case .address(let member) = kind { return [member.slot] }
        return kind.branches.flatMap(\.policy.slots)
    }
}
