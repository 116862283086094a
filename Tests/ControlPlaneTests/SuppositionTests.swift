// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSServer
import Essentials
import HTTPProtocol
import Steering
import Testing

@testable import ControlPlane

/// What would be answered if: asked of the API, made of what serves.
@Suite struct SuppositionTests {
    private static let moment = Moment(
        now: Instant(nanoseconds: 160_000_000_000),
        realtime: 1_795_194_309_000_000_000
    )

    private func ask(
        _ query: String,
        _ surface: inout StillSurface,
        status: UInt16 = 200
    ) throws -> JSONValue {
        let desk = AdminDesk(listen: nil, events: EventLog(level: .info), log: nil)
        let request = ServiceRequest(
            method: .get,
            target: query.hasPrefix("/")
                ? query : "/api/v1/explain-dns?name=www.example.com\(query)",
            fields: [ServiceRequest.Field("host", "localhost")]
        )
        guard case .now(let response) = desk.answer(request, &surface, at: Self.moment),
            case .bytes(let bytes) = response.body
        else { return .null }
        #expect(response.status == status, "\(String(decoding: bytes, as: UTF8.self))")
        return try JSONReader.read(bytes)
    }

    private func eligible(_ document: JSONValue) -> [String] {
        (document["policy"]?["candidates"]?.elements ?? []).filter { $0["eligible"]?.bool == true }
            .compactMap { $0["address"]?.string }
    }

    private func records(_ document: JSONValue) -> [String] {
        (document["records"]?.elements ?? []).compactMap(\.string).map {
            String($0.split(separator: " ").last ?? "")
        }
    }

    @Test func `states of endpoints are replaced, and the doors see nothing of it`() throws {
        var surface = try StillSurface()
        let before = surface.view.health.generation
        #expect(try records(ask("", &surface)) == ["192.0.2.1"])
        let swapped = try ask("&assume=one%3Ddown&assume=web%2Ftwo%3Dup", &surface)
        #expect(records(swapped) == ["192.0.2.2"])
        let assumptions = swapped["supposition"]?["assumptions"]
        #expect(assumptions?[0]?["endpoints"]?[0] == "web/one")
        #expect(assumptions?[1]?["state"] == "up")
        let candidates = swapped["policy"]?["candidates"]?.elements ?? []
        #expect(candidates.map { $0["supposed"]?.string } == ["down", "up"])
        #expect(candidates[0]["reason"] == "supposed")
        let text = ExplanationText.query(swapped, usesColour: false)
        #expect(
            text.hasPrefix("suppose  one is down (web/one)\nsuppose  web/two is up (web/two)\n")
        )
        #expect(text.contains("answer   NOERROR, if it were so\n"))
        #expect(text.contains("SUPPOSED") && text.contains("down: supposed, for 0.0 s"))
        #expect(surface.view.health.generation == before)
        #expect(try records(ask("", &surface)) == ["192.0.2.1"])
        let plain = try ask("", &surface)
        #expect(plain["supposition"]?.isNull == true)
        #expect(!ExplanationText.query(plain, usesColour: false).contains("SUPPOSED"))
    }

    @Test(
        arguments: [
            ("192.0.2.1=down", []), ("192.0.2.1:80=drain", []),
            ("web=up", ["192.0.2.1", "192.0.2.2"]),
            ("pool:web=maintenance", []), ("192.0.2.2=up", ["192.0.2.1", "192.0.2.2"]),
        ] as [(String, [String])]
    )
    func `addresses, pools and probes stand for what is at or in them`(
        assumption: String,
        answered: [String]
    ) throws {
        var surface = try StillSurface()
        let document = try ask("&assume=\(PercentCoding.encode(assumption))", &surface)
        // Where nothing takes work, all of it that an operator has left in is answered.
        let isDown = answered.isEmpty
        #expect(document["policy"]?["mode"]?.string == (isDown ? "all-down" : "healthy"))
        #expect(eligible(document) == answered)
        #expect(isDown || answered.contains(records(document).first ?? ""))
    }

    @Test(arguments: [
        ("assume=one", "M3038"), ("assume==down", "M3038"), ("assume=one%3Dsick", "M3038"),
        ("assume=oen%3Ddown", "M3039"), ("assume=web%2Fthree%3Ddown", "M3039"),
        ("assume=192.0.2.9%3Ddown", "M3039"), ("assume=pool:%3Ddown", "M3039"),
        ("at=yesterday", "M3041"), ("at=%2B10", "M3041"), ("at=%2B400d", "M3041"),
        ("at=2020-01-01T00:00:00Z", "M3041"), ("at=2026-02-30T00:00:00Z", "M3041"),
    ])
    func `what means nothing is refused with what there is`(query: String, code: String) throws {
        var surface = try StillSurface()
        let problem = try ask("&\(query)", &surface, status: 422)
        #expect(problem["code"]?.string == code)
        let detail = problem["detail"]?.string ?? ""
        guard code == "M3039" else { return }
        #expect(detail.contains("web/one, web/two") && detail.contains("pools web"), "\(detail)")
        if query.contains("oen") { #expect(detail.contains("did you mean 'one'?")) }
    }

    @Test func `of two states that exclude each other the later counts, and it is said`() throws {
        var surface = try StillSurface()
        let document = try ask("&assume=web%3Ddown&assume=one%3Dup", &surface)
        #expect(records(document) == ["192.0.2.1"])
        let notes = document["supposition"]?["notes"]?.elements?.compactMap(\.string)
        #expect(notes == ["'one=up' counts for web/one, and the 'down' before it does not"])
        let candidates = document["policy"]?["candidates"]?.elements ?? []
        #expect(candidates.map { $0["supposed"]?.string } == ["up", "down"])
        #expect(ExplanationText.query(document, usesColour: false).contains("'one=up' counts"))

        let all = try ask("&assume=web%3Ddrain&assume=web%3Dmaintenance", &surface)
        #expect(
            all["supposition"]?["notes"]?[0]?.string
                == "'web=maintenance' counts for web/one and 1 more, "
                + "and the 'drain' before it does not"
        )
        // Some go together, and one said twice is no contradiction.
        for both in ["down,drain", "drain,down", "down,maintenance", "up,drain", "down,down"] {
            let query = both.split(separator: ",").map { "&assume=one%3D\($0)" }.joined()
            let notes = try ask(query, &surface)["supposition"]?["notes"]
            #expect(notes?.elements?.isEmpty == true, "\(both): \(String(describing: notes))")
        }
    }

    @Test func `a name with two meanings has neither`() throws {
        var surface = try StillSurface()
        // The pool has one endpoint more than the probe of the same name decides on.
        let more = EndpointView(
            name: "three",
            configuredName: "three",
            slot: 5,
            address: nil,
            weight: 1,
            tier: 0,
            zone: "",
            connectionLimit: 0
        )
        let other = PoolView(name: "api", isSteer: false, slot: 1, probe: nil, endpoints: [more])
        surface.view.pools.append(other)
        surface.view.pools[0].endpoints[1].configuredName = "three"
        let problem = try ask("&assume=three%3Ddown", &surface, status: 422)
        #expect(problem["code"] == "M3040")
        let detail = problem["detail"]?.string ?? ""
        #expect(detail.contains("'web/three', 'api/three'"), "\(detail)")
        #expect(try eligible(ask("&assume=web%2Fthree%3Dup", &surface)).count == 2)
    }

    @Test func `a probe stands for what it judges, and not for its address under another one`()
        throws
    {
        let text = """
            listeners: [ { dns: "127.0.0.1:0" } ]
            probes: { p1: { tcp: connect, port: 81 }, p2: { tcp: connect, port: 82 } }
            zones:
              example.com:
                soa: { primary: ns1.example.com, mailbox: h.example.com }
                records: { a: { steer: a } }
            steer:
              a:
                failover:
                  - { address: 203.0.113.1, probe: p1 }
                  - { address: 203.0.113.1, probe: p2 }
                  - { address: 203.0.113.2, probe: p2 }
            """
        let read = ConfigurationSource.read(Array(text.utf8), path: "test.yaml")
        var view = try StillSurface().view
        view.settings = try #require(read.configuration).settings
        let names = ["203.0.113.1@p1", "203.0.113.1@p2", "203.0.113.2"]
        let endpoints = names.enumerated().map { slot, name in
            let plain = String(name.prefix { $0 != "@" })
            return EndpointView(
                name: name,
                configuredName: plain,
                slot: slot,
                address: IPAddress(plain).map { SocketAddress($0, port: 0) },
                weight: 1,
                tier: 0,
                zone: "",
                connectionLimit: 0
            )
        }
        view.pools = [
            PoolView(name: "a", isSteer: true, slot: -1, probe: nil, endpoints: endpoints)
        ]
        let targets = SupposedTargets(view)
        #expect(try targets.slots(of: "probe:p1") == [0])
        #expect(try targets.slots(of: "p2") == [1, 2])
        #expect(try targets.slots(of: "steer:a/203.0.113.1") == [0, 1])
        #expect(try targets.slots(of: "203.0.113.1") == [0, 1])
        #expect(try targets.slots(of: "steer:a/203.0.113.1@p2") == [1])
        #expect(targets.name(of: 1) == "steer:a/203.0.113.1@p2")
    }

    /// Looked up one by one, that would be a thousand million looks.
    @Test(.timeLimit(.minutes(1)))
    func `thousands of endpoints are found and named in one go`() throws {
        var view = try StillSurface().view
        let count = 40_000
        view.pools[0].endpoints = (0..<count).map { slot in
            EndpointView(
                name: "e\(slot)",
                configuredName: "e\(slot)",
                slot: slot,
                address: SocketAddress(IPAddress(v4: 0x0a00_0000 + UInt32(slot)), port: 80),
                weight: 1,
                tier: 0,
                zone: "",
                connectionLimit: 0
            )
        }
        let targets = SupposedTargets(view)
        let slots = try targets.slots(of: "web")
        #expect(slots == Array(0..<count))
        #expect(targets.name(of: 39_999) == "web/e39999" && targets.name(of: -1) == "slot -1")
        #expect(slots.allSatisfy { targets.name(of: $0) == "web/e\($0)" })
        #expect(try targets.slots(of: "10.0.0.7") == [7])
        #expect(try targets.slots(of: "web/10.0.0.8:80") == [8])
        #expect(throws: Problem.self) { try targets.slots(of: "10.0.0.7:81") }
        #expect(throws: Problem.self) { try targets.slots(of: "web/") }
    }

    @Test func `time is supposed on both clocks, and ages count from it`() throws {
        var surface = try StillSurface()
        let later = try ask("&at=%2B10m&assume=one%3Ddrain", &surface)
        #expect(later["supposition"]?["time"] == "2026-11-20T17:15:09.000Z")
        #expect(later["supposition"]?["afterSeconds"]?.number == 600)
        let ages = (later["policy"]?["candidates"]?.elements ?? []).map { $0["ageSeconds"]?.number }
        // One is drained from now on; two went down a minute ago.
        #expect(ages == [600, 660])
        let text = ExplanationText.query(later, usesColour: false)
        #expect(text.contains("suppose  it is 2026-11-20T17:15:09.000Z, in 10 min 0 s\n"))
        let absolute = try ask("&at=2026-11-20T18:15:09.000%2B01:00", &surface)
        #expect(absolute["supposition"]?["time"] == later["supposition"]?["time"])
        let past = try ask("&at=2026-11-20T17:00:09Z", &surface)
        #expect(past["supposition"]?["notes"]?[0]?.string?.contains("that of now") == true)
        #expect(past["policy"]?["candidates"]?[1]?["ageSeconds"]?.number == 0)
    }

    private static let planned = """
        listeners: [ { dns: "127.0.0.1:5300" } ]
        zones:
          example.com:
            soa: { primary: ns1.example.com, mailbox: h.example.com }
            records: { www: { steer: a }, next: { steer: r } }
        steer:
          a:
            ttl: 6s
            min-ttl: 6s
            active: old
            weighted: [ { name: old, address: 203.0.113.1 }, { name: new, address: 203.0.113.2 } ]
          r:
            ttl: 30s
            sticky: name
            weighted:
              - { name: a, address: 203.0.113.3 }
              - { name: b, address: 203.0.113.4, weight: 0 }
            rollout: b
            rollout-steps: [ 100% ]
            rollout-hold: 10s
            rollout-start: 2026-11-20T17:10:00Z
        migrations:
          m:
            steer: a
            to: new
            ttl: 2s
            lower-at: 2026-11-20T17:10:00Z
            switch-at: 2026-11-20T17:20:00Z
        """

    @Test func `migrations and rollouts that are planned are played through`() throws {
        var surface = try StillSurface(Self.planned)
        func www(_ span: String) throws -> (answer: String?, ttl: Int64?, notes: [String]) {
            let document = try ask("&at=%2B\(span)", &surface)
            let notes = document["supposition"]?["notes"]?.elements ?? []
            return (
                records(document).first, document["ttl"]?.integer, notes.compactMap(\.string)
            )
        }
        let before = try www("4m")
        #expect(before.answer == "203.0.113.1" && before.ttl == 6)
        #expect(!before.notes.contains { $0.contains("migration m") })
        let capped = try ask("&at=%2B5m", &surface)["whyTTL"]
        #expect(capped == "the highest there is while a migration is under way")
        let lowered = try www("5m")
        #expect(lowered.answer == "203.0.113.1" && lowered.ttl == 2)
        #expect(lowered.notes.contains("at 2026-11-20T17:10:00Z, a: the migration m is lowered"))
        let moved = try www("15m")
        #expect(moved.answer == "203.0.113.2" && moved.ttl == 2)
        #expect(moved.notes.contains("at 2026-11-20T17:20:00Z, a: the migration m is moved"))
        let done = try www("2d")
        #expect(done.answer == "203.0.113.2" && done.ttl == 6)
        let next = "/api/v1/explain-dns?name=next.example.com"
        #expect(try records(ask("\(next)&at=%2B4m", &surface)) == ["203.0.113.3"])
        let rolled = try ask("\(next)&at=%2B5m", &surface)
        #expect(records(rolled) == ["203.0.113.4"])
        let notes = rolled["supposition"]?["notes"]?.elements?.compactMap(\.string) ?? []
        #expect(
            notes.contains("at 2026-11-20T17:10:00Z, r: the rollout is running at 100 %"),
            "\(notes)"
        )
        // One whose new side is down then does not go on.
        let halted = try ask("\(next)&at=%2B15m&assume=203.0.113.4%3Ddown", &surface)
        #expect(records(halted) == ["203.0.113.3"])
        // What is asked of the past is not played back, and it is said.
        let past = try ask("&at=2026-11-20T17:00:00Z", &surface)
        #expect(past["supposition"]?["notes"]?[1]?.string?.hasPrefix("how migrations") == true)
    }

    @Test func `a moment is carried to what is asked about`() {
        var supposition = Supposition()
        #expect(supposition.moment(from: Self.moment) == Self.moment && supposition.isEmpty)
        supposition.time = .after(.seconds(2))
        let moment = supposition.moment(from: Self.moment)
        #expect(moment.now - Self.moment.now == .seconds(2))
        #expect(moment.realtime - Self.moment.realtime == 2_000_000_000)
        supposition.time = .at(.min)
        _ = supposition.moment(from: Self.moment)
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000000001Z", 1),
            ("1969-12-31T23:59:59Z", -1_000_000_000),
            ("2000-02-29t12:00:00.5z", 951_825_600_500_000_000),
            ("2026-11-20T17:05:09.25+05:30", 1_795_174_509_250_000_000),
        ] as [(String, Int64)]
    )
    func `times by RFC 3339 are read`(text: String, nanoseconds: Int64) {
        #expect(WallTime(rfc3339: text)?.nanoseconds == nanoseconds)
    }

    @Test func `every day of 400 years is read as it is written`() {
        for day in stride(from: -80_000, through: 80_000, by: 7) {
            let nanoseconds = Int64(day) * 86_400_000_000_000 + 123_000_000
            let text = CivilTime(nanoseconds: nanoseconds).rfc3339
            #expect(WallTime(rfc3339: text)?.nanoseconds == nanoseconds, "\(text)")
        }
    }

    @Test(arguments: [
        "", "2026", "2026-11-20", "2026-11-20T17:05:09", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-20T24:00:00Z",
        "2026-11-20T17:60:00Z", "2026-11-20T17:05:60Z", "2026-11-20T17:05:09.Z",
        "2026-11-20T17:05:09+25:00", "2026-11-20T17:05:09ZZ", "2026-11-20X17:05:09Z",
        "9999-12-31T23:59:59Z", "2262-04-11T23:47:16.999999999Z", "+026-11-20T17:05:09Z",
    ])
    func `other times are not`(text: String) {
        #expect(WallTime(rfc3339: text)?.nanoseconds == nil)
    }
}
