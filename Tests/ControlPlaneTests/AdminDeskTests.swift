// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSServer
import EdgeCache
import Essentials
import HTTPGateway
import HTTPProtocol
import Prober
import Runtime
import Steering
import Testing

@testable import ControlPlane

/// A control thread that stands still: two endpoints, one of them down, and commands written down.
struct StillSurface: ControlSurface, ~Copyable {
    var view: ControlView
    var keeper: HealthKeeper
    var outcome = ControlOutcome.done
    var commands: [ControlCommand] = []

    static let text = """
        listeners: [ { http: "127.0.0.1:8080" }, { dns: "127.0.0.1:5300" } ]
        probes: { web: { http: /, expect: 200, rise: 1, fall: 1 } }
        pools:
          web:
            probe: web
            endpoints:
              - { address: 192.0.2.1:80, name: one, weight: 3 }
              - { address: 192.0.2.2:80, name: two }
        caches: { site: { purge: 192.0.2.0/24 } }
        routes:
          - { host: www.example.com, path: /a/, pool: web, cache: site }
          - { host: "*.example.com", path: /, pool: web, mirror: { pool: web } }
        zones:
          example.com:
            soa: { primary: ns1.example.com, mailbox: h.example.com }
            records: { www: { steer: www } }
        steer: { www: { pool: web } }
        """

    init(_ text: String = Self.text) throws {
        let read = ConfigurationSource.read(Array(text.utf8), path: "test.yaml")
        let settings = try #require(read.configuration).settings
        let registries = Registries(
            endpoints: EndpointRegistry(capacity: 16),
            pools: PoolRegistry(capacity: 8)
        )
        var present = Assembly.Present(
            registries: registries,
            names: ResolvedNames(),
            running: [],
            zones: nil,
            fileLimit: 65_536
        )
        _ = present.geography.load(settings.geo) { .failed(path: $1, reason: "not here") }
        let assembly = try Assembly.make(settings, present: present)
        let health = HealthTable(capacity: 16)
        let load = LoadTable(capacity: 16, workers: 1)
        let now = Instant(nanoseconds: 100_000_000_000)
        let http = try Self.shared(health, load)
        var keeper = HealthKeeper(table: health, load: load)
        for registration in assembly.registrations { _ = keeper.register(registration, now: now) }
        _ = keeper.record(assembly.slots[0], .success, now: now)
        let failure = ProbeOutcome.failure(.dependency, detail: "db=fail")
        _ = keeper.record(assembly.slots[1], failure, now: now)
        load.begin(assembly.slots[0], worker: 0)
        let address = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 8080)
        let listeners = [DoorKind.http, .dns].map { door in
            ListenerView(
                door: door,
                configured: ListenAddress(address.ip, port: 8080),
                address: address,
                isOpen: true
            )
        }
        self.keeper = keeper
        view = ControlView(
            settings: settings,
            generation: 7,
            snapshotNumber: 7,
            adoptedAt: 0,
            configurationPath: "test.yaml",
            configurationText: [],
            reloadProblems: [],
            reloads: (adopted: 1, refused: 2),
            pools: assembly.pools.map(\.view),
            listeners: listeners,
            process: ProcessView(
                version: "1.2.3",
                identifier: 42,
                supervisor: 41,
                startedAt: 0,
                serviceStartedAt: 0,
                restarts: 3,
                lastEnd: "signal 9",
                workers: 1,
                fileLimit: 65_536
            ),
            readiness: .ready,
            health: health,
            load: load,
            counts: HealthCounts(capacity: 16),
            shared: DoorsShared(http: http, dns: DNSShared(workers: 1)),
            workers: WorkerWords(count: 1),
            snapshot: Plane.snapshot(assembly, number: 7, health: health)
        )
        view.locations = assembly.locations
        view.steering = Self.steering(assembly.steering.plan, now)
    }

    /// What the doors share, with a store for the cache.
    private static func shared(_ health: HealthTable, _ load: LoadTable) throws -> GatewayShared {
        let http = try GatewayShared(workers: 1, health: health, load: load)
        let plan = CacheStorePlan(memory: 4 << 20, objectLimit: 1 << 19)
        let stores = http.shelf.stores(for: [(name: "site", plan: plan)], generation: 1)
        withExtendedLifetime(stores) {}
        return http
    }

    private static func steering(_ plan: SteeringPlan, _ now: Instant) -> SteeringView? {
        guard !plan.isEmpty else { return nil }
        var keeper = SteeringKeeper()
        keeper.adopt(plan)
        return SteeringView(keeper, now: now, at: WallTime(nanoseconds: 0))
    }

    func status(slot: Int) -> EndpointStatus? { keeper.status(slot) }

    var page = RTTPage()
    func roundTrips(_ sketch: RTTPageSketch, now: Instant) -> RTTPage { page }

    func rehearsal() -> HealthKeeper { keeper.rehearsal() }

    mutating func perform(_ command: ControlCommand, now: Instant) -> ControlOutcome {
        commands.append(command)
        return outcome
    }

    var ended: [(order: UInt64, outcome: ControlOutcome)] = []
    mutating func takeEnded() -> [(order: UInt64, outcome: ControlOutcome)] {
        defer { ended = [] }
        return ended
    }
}

@Suite struct AdminDeskTests {
    private static let moment = Moment(
        now: Instant(nanoseconds: 160_000_000_000),
        realtime: 1_795_194_309_000_000_000
    )

    private func ask(
        _ method: Method,
        _ target: String,
        _ surface: inout StillSurface,
        body: String = "",
        host: String = "localhost"
    ) -> ServiceResponse {
        let desk = AdminDesk(listen: nil, events: EventLog(level: .info), log: nil)
        let fields = [
            ServiceRequest.Field("host", host),
            ServiceRequest.Field("content-type", "application/json"),
        ]
        let request = ServiceRequest(
            method: method,
            target: target,
            fields: fields,
            body: Array(body.utf8)
        )
        guard case .now(let response) = desk.answer(request, &surface, at: Self.moment) else {
            return .text("later", status: 599)
        }
        return response
    }

    private func json(_ response: ServiceResponse) throws -> JSONValue {
        guard case .bytes(let bytes) = response.body else { return .null }
        return try JSONReader.read(bytes)
    }

    @Test func `the snapshot shows health with reason, age and weights`() throws {
        var surface = try StillSurface()
        let response = ask(.get, "/api/v1/snapshot", &surface)
        let snapshot = try json(response)
        #expect(snapshot["generation"]?.integer == 7)
        #expect(snapshot["healthGeneration"]?.integer ?? 0 > 0)
        #expect(snapshot["process"]?["restarts"]?.integer == 3)
        let pool = snapshot["pools"]?[0]
        #expect(pool?["balance"] == "weighted-round-robin")
        let one = pool?["endpoints"]?[0]
        #expect(one?["health"] == "up")
        #expect(one?["weight"]?.integer == 3)
        #expect(one?["effectiveWeight"]?.number == 3)
        #expect(one?["inFlight"]?.integer == 1)
        #expect(one?["ageSeconds"]?.number == 60)
        #expect(one?["since"] == "2026-11-20T17:04:09.000Z")
        let two = pool?["endpoints"]?[1]
        #expect(two?["health"] == "down")
        #expect(two?["reason"] == "dependency")
        #expect(two?["detail"] == "db=fail")
        #expect(two?["takesWork"]?.bool == false)
        #expect(snapshot["routes"]?[1]?["host"] == "*.example.com")
        let text = SnapshotText.text(snapshot, usesColour: false)
        #expect(text.contains("web  weighted-round-robin  1 of 2 take work"), "\(text)")
        #expect(text.contains("dependency: db=fail"))
    }

    @Test func `of a request that nobody knows it is said whether it can have been here`() throws {
        var surface = try StillSurface()
        let response = ask(.get, "/api/v1/requests/abc", &surface)
        #expect(response.status == 404)
        let problem = try json(response)
        #expect(problem["code"] == "M3022")
        let detail = problem["detail"]?.string ?? ""
        #expect(detail.contains("Of the 0 requests kept") && detail.contains("1 % of the others"))
        #expect(ask(.get, "/api/v1/requests/a%22b", &surface).status == 422)
    }

    @Test func `explain tells the protocol, the coding and the fields of the answer`() throws {
        var surface = try StillSurface()
        let target = "/api/v1/explain?url=http%3A%2F%2Fwww.example.com%2Fa%2F"
        let document = try json(ask(.get, target, &surface))
        #expect(document["protocol"] == "HTTP/1.1 on plain TCP")
        #expect(document["compression"] == "none: the route compresses nothing")
        #expect(document["responseHeaders"]?.elements?.isEmpty == true)
        let text = ExplanationText.request(document, usesColour: false)
        #expect(text.contains("protocol HTTP/1.1 on plain TCP\n"))
    }

    @Test func `explain tells the key, and whether the cache may answer`() throws {
        var surface = try StillSurface()
        let target = "/api/v1/explain?url=http%3A%2F%2Fwww.example.com%2Fa%2F%257e%3Fb"
        let cache = try json(ask(.get, target, &surface))["cache"]
        #expect(cache?["name"] == "site" && cache?["mayAnswer"] == true)
        #expect(cache?["key"] == "http://www.example.com/a/~?b")
        for more in ["&method=POST", "&header=If-Match:%20x", "&header=Content-Length:%201"] {
            let document = try json(ask(.get, target + more, &surface))
            #expect(document["cache"]?["mayAnswer"] == false, "\(more)")
        }
        let other = "/api/v1/explain?url=http%3A%2F%2Fwww.example.com%2Fb"
        #expect(try json(ask(.get, other, &surface))["cache"] == .null)
    }

    @Test func `every answer forbids to be kept or guessed at`() throws {
        var surface = try StillSurface()
        for target in ["/", "/metrics", "/api/v1/nothing"] {
            let names = ask(.get, target, &surface).fields.map(\.name)
            #expect(names.contains("Cache-Control") && names.contains("X-Content-Type-Options"))
        }
    }

    @Test func `the page lets in its own script and nothing else, by a new number each time`()
        throws
    {
        var surface = try StillSurface()
        let policies = (0..<2).map { _ in
            ask(.get, "/", &surface).fields.first { $0.name == "Content-Security-Policy" }?.value
        }
        #expect(policies[0] != policies[1])
        let policy = try #require(policies[0])
        #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("unsafe"))
        guard case .bytes(let bytes) = ask(.get, "/", &surface).body else { return }
        let page = String(decoding: bytes, as: UTF8.self)
        #expect(!page.contains("{{") && page.contains("<script nonce=\""))
    }

    @Test func `a change is passed on, and the endpoint is shown as it is now`() throws {
        var surface = try StillSurface()
        let target = "/api/v1/pools/web/endpoints/192.0.2.2:80"
        let response = ask(.patch, target, &surface, body: #"{"administrative":"draining"}"#)
        let commands = surface.commands
        let change = EndpointChange(state: .draining)
        #expect(commands == [.change(pool: "web", endpoint: "192.0.2.2:80", change)])
        #expect(try json(response)["endpoints"]?[0]?["name"] == "two")
    }

    @Test(arguments: [
        (ControlOutcome.unknownPool, 404, "M3020"), (.unknownEndpoint, 404, "M3021"),
        (.stopping, 503, "M3032"), (.failed("no space"), 500, "M3034"),
    ])
    func `a change that cannot be made is a problem`(
        outcome: ControlOutcome,
        status: Int,
        code: String
    ) throws {
        var surface = try StillSurface()
        surface.outcome = outcome
        let target = "/api/v1/pools/web/endpoints/x"
        let response = ask(.patch, target, &surface, body: #"{"weight":1}"#)
        #expect(Int(response.status) == status)
        #expect(try json(response)["code"]?.string == code)
    }

    @Test func `a refused reload answers with every error`() throws {
        var surface = try StillSurface()
        let reasons = [1, 2].map { number in
            ReloadProblem(code: "M110\(number)", text: "x", json: ["line": .integer(number)])
        }
        surface.outcome = .refused(reasons)
        let response = ask(.post, "/api/v1/reload", &surface)
        let problem = try json(response)
        #expect(response.status == 422)
        #expect(problem["errors"]?.elements?.count == 2)
        #expect(problem["detail"]?.string?.hasPrefix("2 errors") == true)
    }

    @Test func `a name that was pointed at this machine opens nothing`() throws {
        var surface = try StillSurface()
        let response = ask(.post, "/api/v1/reload", &surface, host: "evil.example")
        let commands = surface.commands
        #expect(response.status == 421)
        #expect(commands.isEmpty)
    }

    @Test func `readiness follows the process and its listeners`() throws {
        var surface = try StillSurface()
        #expect(ask(.get, "/readyz", &surface).status == 200)
        surface.view.listeners[1].isOpen = false
        #expect(ask(.get, "/readyz", &surface).status == 503)
        surface.view.listeners[1].isOpen = true
        surface.view.readiness = .starting(pending: 2)
        #expect(ask(.get, "/readyz", &surface).status == 503)
        #expect(ask(.get, "/startupz", &surface).status == 503)
        surface.view.readiness = .stopping
        #expect(ask(.get, "/readyz", &surface).status == 503)
        #expect(ask(.get, "/startupz", &surface).status == 200)
        #expect(ask(.get, "/livez", &surface).status == 200)
    }

    // The last are those of keys and of signed files, which this desk's zones do not have.
    private static let absent = [
        "martlet_log_dropped_lines", "martlet_steer_top_network_share", "martlet_dnssec_keys",
        "martlet_dnssec_zones", "martlet_dnssec_parents_awaited",
        "martlet_dnssec_key_files_missing", "martlet_dnssec_next_change_seconds",
        "martlet_dns_signature_expires_seconds",
    ]

    private static let packets = [
        PacketView(interface: "eth0", mode: "generic", copying: "copy", queues: 1)
    ]

    private static var aliases: AliasesView {
        var entry = AliasKeeper.Entry()
        entry.ipv4 = AliasKeeper.Family(addresses: [], learned: .start, freshUntil: .never)
        let target = AliasesView.Target(host: "www.cdn.test", entry: entry)
        return AliasesView(targets: [target], count: 1)
    }

    @Test func `every family of the table is in the metrics`() throws {
        var surface = try StillSurface()
        surface.view.certificates = [
            CertificateView(
                file: "a.crt",
                names: ["a.example"],
                notAfter: 1_800_000_000,
                stapleEnds: 1_700_000_000
            )
        ]
        surface.view.ticketKeys = [TicketKeysView(file: "t.keys", loadedAt: 1_600_000_000)]
        surface.view.tracing = TracingView(
            endpoint: "http://c:4318/v1/traces",
            share: 1,
            exported: 9,
            dropped: [("queue-full", 3)],
            failedSends: 2,
            waiting: 4,
            lastSuccess: 1_600_000_000_000_000_000,
            problem: "gone"
        )
        surface.view.forced = [0: ForcedHealth(isUp: true, until: .never)]
        surface.view.checks = [CheckView(name: "site", health: .down, detail: "")]
        let probe = ProbeResult(slot: 0, outcome: .success, certificateEnds: 9_999, at: .start)
        surface.view.counts.count(probe)
        surface.view.geography = GeographyView(
            databases: [
                GeographyView.Database(
                    content: "places",
                    file: "a.mmdb",
                    kind: "Test-City",
                    builtAt: 1_790_000_000,
                    loadedAt: 1_790_000_100,
                    networks: 7,
                    loadSeconds: 0.5,
                    problem: "is damaged"
                )
            ],
            networks: 1,
            loads: (2, 3)
        )
        surface.view.steering = SteeringSample.view
        surface.view.aliases = Self.aliases
        (surface.view.latency, surface.view.packets) = (.example, Self.packets)
        guard case .bytes(let bytes) = ask(.get, "/metrics", &surface).body else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains(#"martlet_rtt_measurements_total{source="api"} 9"#))
        #expect(text.contains("martlet_rtt_file_current 0"))
        #expect(text.contains(#"martlet_geo_database_current{content="places"} 0"#))
        #expect(text.contains(#"martlet_geo_database_loads_total{result="failed"} 3"#))
        let shown = #"seconds{pool="web",endpoint="one"} 9999"#
        #expect(text.contains("martlet_probe_certificate_expiry_timestamp_" + shown))
        #expect(
            text.contains(
                #"certificate_expiry_timestamp_seconds{certificate="a.crt"} 1800000000"#
            )
        )
        #expect(text.contains(#"martlet_trace_spans_dropped_total{reason="queue-full"} 3"#))
        #expect(text.contains(#"martlet_steer_branch_weight{policy="www",branch="new"} 9"#))
        #expect(text.contains(#"rollout_share_ratio{policy="www",phase="running"} 0.05"#))
        // Lines dropped are those of a log thread, which this desk does not have.
        #expect(text.contains(#"martlet_dns_alias_unknown{target="www.cdn.test"} 1"#))
        // Nor has anybody asked for an answer.
        for family in MetricFamily.all where !Self.absent.contains(family.name) {
            #expect(text.contains("# TYPE \(family.sampleName) "), "\(family.name)")
        }
        let down = #"martlet_endpoint_health{pool="web",endpoint="two",state="down"} 1"#
        #expect(text.contains(down))
        #expect(text.contains(#"martlet_configuration_reloads_total{result="refused"} 2"#))
    }

    @Test func `explain says where a request goes and who was passed over`() throws {
        var surface = try StillSurface()
        let target = "/api/v1/explain?url=http://www.example.com/a/b"
        let answer = try json(ask(.get, target, &surface))
        #expect(answer["status"]?.isNull == true)
        #expect(answer["route"]?["path"] == "/a/")
        #expect(answer["passedOver"]?[0]?["host"] == "*.example.com")
        #expect(answer["pool"]?["chosen"] == "one")
        #expect(answer["pool"]?["candidates"]?[1]?["whyNot"] == "down: dependency")
        let text = ExplanationText.request(answer, usesColour: false)
        #expect(text.contains("chosen   one"), "\(text)")
        #expect(text.contains("not      *.example.com /"), "\(text)")
    }

    @Test(arguments: [
        ("http://other.example/", "no-route", 404),
        ("http://www.example.com/../x", "dot-segment", 400),
    ])
    func `explain says what the door answers itself`(
        url: String,
        reason: String,
        status: Int
    ) throws {
        var surface = try StillSurface()
        let target = "/api/v1/explain?url=\(PercentCoding.encode(url))"
        let answer = try json(ask(.get, target, &surface))
        #expect(answer["reason"]?.string == reason)
        #expect(answer["status"]?.integer == Int64(status))
        #expect(answer["route"]?.isNull == true)
    }

    @Test func `explain-dns shows the answer and every member with its health`() throws {
        var surface = try StillSurface()
        let answer = try json(ask(.get, "/api/v1/explain-dns?name=www.example.com", &surface))
        #expect(answer["rcode"] == "NOERROR")
        #expect(answer["records"]?.elements?.count == 1)
        #expect(answer["records"]?[0]?.string?.hasSuffix(" A 192.0.2.1") == true)
        let members = answer["policy"]?["candidates"]?.elements ?? []
        #expect(members.map { $0["health"]?.string } == ["up", "down"])
        #expect(members.map { $0["answered"]?.bool } == [true, false])
        let text = ExplanationText.query(answer, usesColour: false)
        #expect(text.contains("192.0.2.2") && text.contains("down"), "\(text)")
        let missing = try json(ask(.get, "/api/v1/explain-dns?name=no.example.com", &surface))
        #expect(missing["rcode"] == "NXDOMAIN")
    }

    @Test func `failover-time shows the steered names by the configuration in force`() throws {
        var surface = try StillSurface()
        let answer = try json(ask(.get, "/api/v1/failover-time", &surface))
        let names = answer["names"]?.elements ?? []
        #expect(names.map { $0["name"]?.string } == ["www.example.com."])
        #expect(names.first?["probes"]?[0]?["targets"] == ["web/one", "web/two"])
        // By default five seconds and a fifth by jitter, a timeout of two, and half of thirty.
        let time = names.first?["probes"]?[0]?["hangs"]
        #expect(time?["detection"]?["worst"]?.number == 8)
        #expect(time?["ttl"]?["worst"]?.number == 15)
        let one = try json(ask(.get, "/api/v1/failover-time?name=www.example.com", &surface))
        #expect(one == answer)
        let missing = try json(ask(.get, "/api/v1/failover-time?name=ns1.example.com", &surface))
        #expect(missing["code"] == "M3016")
    }

    @Test func `events can be read on from a number`() throws {
        var surface = try StillSurface()
        let events = EventLog(level: .info)
        for number in 1...3 { events.record(LogEvent(.notice, realtime: 0, "event \(number)")) }
        let desk = AdminDesk(listen: nil, events: events, log: nil)
        func opening(_ target: String) -> String {
            let fields = [ServiceRequest.Field("host", "localhost")]
            let request = ServiceRequest(method: .get, target: target, fields: fields)
            guard case .now(let response) = desk.answer(request, &surface, at: Self.moment),
                case .stream(_, let bytes) = response.body
            else { return "" }
            return String(decoding: bytes, as: UTF8.self)
        }
        let rest = opening("/api/v1/events/stream?after=2")
        #expect(rest.hasPrefix("retry: 1000\n\nid: 3\ndata: {") && rest.hasSuffix("}\n\n"))
        #expect(opening("/api/v1/events/stream") == "retry: 1000\n\n", "only what comes")
        let all = opening("/api/v1/events/stream?after=900")
        #expect(all.contains("event 1"), "a number of a former process")
    }
}
