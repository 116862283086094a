// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Configuration

@Suite struct `Settings from a file` {
    @Test func `the shape of the design is read`() throws {
        let settings = try settings(sample)
        let pool = try #require(settings.pools.first)
        #expect(pool.name == "api")
        #expect(pool.balance == .leastConnections)
        #expect(pool.probe == "web")
        #expect(pool.drain == .seconds(60))
        #expect(pool.endpoints.map(\.weight) == [3, 1])
        #expect(pool.endpoints.map(\.name) == ["10.0.1.1:8080", "10.0.1.2:8080"])
        #expect(settings.probes.map(\.interval) == [.seconds(2)])
        #expect(
            settings.routes == [
                RouteSettings.make("photos.example.com", "/api/", pool: "api", retry: 2)
            ]
        )
        #expect(settings.workers == nil)
        #expect(settings.admin.listen == ListenAddress(IPAddress(v4: 0x7f00_0001), port: 9180))
    }

    @Test func `defaults are those of the issue`() throws {
        let settings = try settings(
            """
            listeners: [{ http: ":80" }]
            probes: { p: { http: / } }
            pools: { a: { probe: p, endpoints: [{ address: "a:1" }] } }
            routes: [{ pool: a }]
            """
        )
        let probe = try #require(settings.probes.first)
        #expect([probe.interval, probe.timeout] == [.seconds(5), .seconds(2)])
        #expect([probe.rise, probe.fall] == [2, 3])
        let pool = try #require(settings.pools.first)
        #expect(pool.passive.failures == 3)
        #expect([pool.passive.window, pool.passive.ejection] == [.seconds(30), .seconds(30)])
        #expect(pool.timeouts.connect == .seconds(5))
        #expect(pool.timeouts.firstByte == .seconds(30))
        #expect(pool.timeouts.send == .seconds(10))
        #expect(pool.timeouts.tunnelIdle == .seconds(86_400))
        #expect(pool.retry.budget == Percentage(20))
        #expect(pool.retry.minimum == 3)
        #expect(pool.panic == Percentage(0))
        #expect(settings.shutdownGrace == .seconds(30))
        guard case .http(let listener)? = settings.listeners.first else {
            Issue.record("no listener")
            return
        }
        #expect(listener.requestID)
        #expect(listener.timeouts.request == nil)
    }

    @Test func `a scalar means what its option says`() throws {
        let settings = try settings(
            """
            listeners: [{ dns: ":53" }]
            zones:
              example.com:
                soa: { primary: ns1, mailbox: root@example.com }
                records:
                  no: { txt: yes }
                  "10": { ptr: 0x10.example.com }
            """
        )
        let records = try #require(settings.zones.first).records
        #expect(records.map(\.owner) == ["example.com.", "no.example.com.", "10.example.com."])
        #expect(records[1].data == [.txt(["yes"])])
        #expect(records[2].data == [.ptr("0x10.example.com.")])
    }

    @Test func `names in a zone are made absolute`() throws {
        let settings = try settings(
            """
            listeners: [{ dns: ":53" }]
            zones:
              Example.COM:
                soa: { primary: ns1, mailbox: root@example.com }
                records:
                  "@": { mx: [10 mail, 20 mx.example.net], ns: NS2.example.net. }
                  "*.dev": { cname: "@" }
                  x.example.com.: { a: 192.0.2.1 }
            """
        )
        let zone = try #require(settings.zones.first)
        #expect(zone.name == "example.com.")
        #expect(zone.soa?.primary == "ns1.example.com.")
        #expect(zone.soa?.mailbox == "root.example.com.")
        #expect(
            zone.records.map(\.owner) == ["example.com.", "*.dev.example.com.", "x.example.com."]
        )
        #expect(
            zone.records[0].data == [
                .ns("ns2.example.net."), .mx(preference: 10, exchange: "mail.example.com."),
                .mx(preference: 20, exchange: "mx.example.net."),
            ]
        )
        #expect(zone.records[1].data == [.cname("example.com.")])
    }

    @Test func `policies nest and hand their probe down`() throws {
        let settings = try settings(
            """
            listeners: [{ dns: ":53" }]
            probes: { p: { tcp: connect, port: 80 }, q: { tcp: connect, port: 81 } }
            zones:
              a.example:
                soa: { primary: ns1, mailbox: root }
                records: { w: { steer: w } }
            steer:
              w:
                probe: p
                failover:
                  - { weighted: { 192.0.2.1: 5, "2001:db8::1": 0 } }
                  - { round-robin: [192.0.2.3, { address: 192.0.2.4, probe: q }] }
                  - 192.0.2.5
            """
        )
        func ip(_ last: UInt32) -> IPAddress { IPAddress(v4: 0xc000_0200 + last) }
        let six = try #require(IPAddress("2001:db8::1"))
        let expected = PolicySettings(
            .failover([
                .make(
                    .weighted([
                        .make(.address(ip(1), probe: "p"), weight: 5),
                        .make(.address(six, probe: "p"), weight: 0),
                    ])
                ),
                .make(
                    .roundRobin([
                        .make(.address(ip(3), probe: "p")), .make(.address(ip(4), probe: "q")),
                    ])
                ), .make(.address(ip(5), probe: "p")),
            ])
        )
        #expect(settings.steer.first?.policy == expected)
        #expect(settings.steer.first?.policy.allDown == nil)
        #expect(settings.steer.first?.policy.addressCount == 5)
    }

    @Test(
        arguments: [
            ("", "", 15), ("", "ttl: 5m, ", 30), ("", "ttl: 31s, ", 30), ("", "ttl: 7s, ", 3),
            ("ttl: 20s, ", "", 20), ("ttl: 2m, ", "ttl: 5m, ", 120),
        ] as [(String, String, Int64)]
    )
    func `a migration lowers the TTL also where nobody says to what`(
        own: String,
        policy: String,
        seconds: Int64
    ) throws {
        let settings = try settings(
            """
            listeners: [{ dns: ":53" }]
            zones:
              a.example:
                soa: { primary: ns1, mailbox: root }
                records: { w: { steer: w } }
            steer:
              w: { \(policy)weighted: [ { address: 192.0.2.1, name: a } ] }
            migrations: { m: { \(own)steer: w, to: a } }
            """
        )
        #expect(settings.migrations.map(\.ttl) == [.seconds(seconds)])
    }

    @Test func `zone files are found from the folder of the configuration`() throws {
        let text =
            "listeners: [{ dns: ':53' }]\nzones: { a.b: { file: z/a.zone }, c: { file: /z } }"
        let result = ConfigurationReader().read(Array(text.utf8), file: "/etc/martlet/m.yaml")
        let files = try #require(result.configuration).settings.zones.map(\.file)
        #expect(files == ["/etc/martlet/z/a.zone", "/z"])
    }

    @Test func `off is no value, not false`() throws {
        let settings = try settings(
            """
            admin: { listen: off }
            listeners: [{ http: ":80", timeouts: { body-rate: off, request: 5s } }]
            """
        )
        #expect(settings.admin.listen == nil)
        guard case .http(let listener)? = settings.listeners.first else {
            Issue.record("no listener")
            return
        }
        #expect(listener.timeouts.bodyRate == nil)
        #expect(listener.timeouts.request == .seconds(5))
    }

    @Test(arguments: [
        "minimal", "pools-and-probes", "dns-steering", "steering", "changes", "latency", "alias",
        "command-probes", "observing", "routing", "dns-over-tls", "dnssec", "transfers",
        "updates", "full",
    ])
    func `an example is valid without a warning`(name: String) throws {
        let path = "Documentation/examples/\(name).yaml"
        let result = ConfigurationReader().read(try Repository.bytes(path), file: path)
        #expect(result.configuration != nil)
        #expect(result.diagnostics.isEmpty, "\(CheckReport.text(result))")
    }

    @Test("a reader for a service has the same settings, and what only a restart adopts")
    func forService() throws {
        let path = "Documentation/examples/full.yaml"
        let bytes = try Repository.bytes(path)
        let full = ConfigurationReader().read(bytes, file: path)
        let service = ConfigurationReader(isForService: true).read(bytes, file: path)
        let whole = try #require(full.configuration)
        #expect(service.configuration == whole.inService)
        #expect(service.configuration != whole)
        #expect(service.diagnostics == full.diagnostics)
    }

    @Test func `every example on disk is in the list above`() throws {
        let files = try Repository.files("Documentation/examples", ".yaml")
        #expect(files.count == 15)
    }
}

extension RouteSettings {
    static func make(_ host: String, _ path: String, pool: String, retry: Int?) -> RouteSettings {
        RouteSettings(
            name: "\(host)\(path)*",
            host: .exact(host),
            path: .prefix(path),
            when: nil,
            action: .pool(pool),
            allow: [],
            deny: [],
            rewrite: RewriteSettings(),
            requestHeaders: HeaderEditSettings(),
            responseHeaders: HeaderEditSettings(),
            priority: .normal,
            retry: retry,
            timeout: nil,
            bodyLimit: nil
        )
    }
}

extension BranchSettings {
    static func make(_ kind: PolicySettings.Kind, weight: Int = 1) -> BranchSettings {
        var branch = BranchSettings(PolicySettings(kind))
        branch.weight = weight
        return branch
    }
}
