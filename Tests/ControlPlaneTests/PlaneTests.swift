// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Runtime
import Steering
import Testing

@testable import ControlPlane

/// A configuration file and a state folder of its own.
private struct Place {
    let temporary: TemporaryFolder
    var folder: String { temporary.path }
    var path: String { "\(folder)/martlet.yaml" }

    init() throws {
        temporary = try TemporaryFolder()
    }

    /// Writes a configuration whose listeners take ports that the system chooses.
    func write(_ rest: String) throws {
        let head = "state: \(folder)/state\nworkers: 1\nadmin: { listen: off }\n"
        try File.writeAtomically(path, Array((head + rest).utf8))
    }

    func plan() throws -> StartPlan { try StartPlan.make(path: path) }
}

/// A plane as the serving process has it, with its workers, and no supervisor.
private struct Stage: ~Copyable {
    let place: Place
    var plane: Plane
    var loop: EventLoop
    var now = Clock.monotonic()

    init(place: Place, plane: consuming Plane, loop: consuming EventLoop) {
        self.place = place
        self.plane = plane
        self.loop = loop
    }

    static func open(_ place: Place) throws -> Stage {
        let keeper = try ServiceKeeper(plan: try place.plan())
        var link = SupervisorLink(keeper)
        let found = link.setup()
        let setup = try #require(found)
        let loop = try EventLoop()
        return Stage(place: place, plane: try PlaneStart(setup).plane(link), loop: loop)
    }

    mutating func turn(_ wait: Interval = .zero) {
        now = now + wait
        plane.expire(now: now, loop: &loop)
    }

    /// Gives an order, and waits for the disk where that is waited for.
    mutating func perform(_ command: ControlCommand) throws -> ControlOutcome {
        let outcome = plane.perform(command, now: now)
        guard case .awaited(let number) = outcome else { return outcome }
        var disk = try EventLoop()
        disk.add(plane.store.results.descriptor, token: 0, interest: .read)
        for _ in 0..<100 {
            _ = disk.wait(timeoutMilliseconds: 100)
            plane.takeStateResults(now)
            if let end = plane.takeEnded().first(where: { $0.order == number }) {
                return end.outcome
            }
        }
        return outcome
    }

    mutating func end() {
        plane.obey(.stop, now)
    }

    func slots(_ pool: Int = 0) -> [String: Int] {
        Dictionary(
            plane.view.pools[pool].endpoints.map { ($0.name, $0.slot) },
            uniquingKeysWith: { first, _ in first }
        )
    }
}

@Suite struct PlaneTests {
    private static let unprobed = """
        listeners: [ { http: "127.0.0.1:0" } ]
        pools: { api: { endpoints: [ { address: 192.0.2.1:80 }, { address: 192.0.2.2:80 } ] } }
        routes: [ { host: "*", path: /, pool: api } ]
        """

    @Test func `the doors of unprobed pools open at once`() throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        let before = stage.plane.view.readiness
        stage.turn()
        let after = stage.plane.view.readiness
        let words = stage.slots().values.map { stage.plane.health.word($0) }
        stage.end()
        #expect(before == .starting(pending: 0))
        #expect(after == .ready)
        #expect(words.allSatisfy { $0.isUnchecked && $0.takesNewWork })
    }

    @Test(arguments: [true, false])
    func `the name of a collector is no reason for a snapshot, that of an endpoint is`(
        isCollector: Bool
    ) throws {
        let place = try Place()
        let name = "localhost:4318"
        let traced = Self.unprobed.replacing("0.1:0\"", with: "0.1:0\", tracing: true")
        try place.write(
            isCollector
                ? traced + "\ntracing: { otlp: { endpoint: 'http://\(name)' } }\n"
                : Self.unprobed.replacing("192.0.2.2:80", with: "'\(name)'")
        )
        var stage = try Stage.open(place)
        let before = stage.plane.view.snapshotNumber
        for _ in 0..<3 { stage.turn(.milliseconds(10)) }
        let after = stage.plane.view.snapshotNumber
        let key = ResolvedNames.Key(host: "localhost", server: nil)
        let isKnown = stage.plane.names.entry(key) != nil
        stage.end()
        #expect(isKnown)
        #expect((after == before) == isCollector)
    }

    private static let aliased = """
        listeners: [ { dns: "127.0.0.1:0" } ]
        alias: { resolvers: [ 255.255.255.255 ] }
        zones:
          here.test:
            soa: { primary: ns.here.test, mailbox: me@here.test }
            records: { ns: { a: 127.0.0.1 }, "@": { ns: ns, alias: far.test } }
        """

    private static func families(_ address: UInt32, _ now: Instant) -> FamilyAnswers {
        let addresses = [IPAddress(v4: address)]
        return FamilyAnswers(
            ipv4: .init(addresses: addresses, learned: now, life: .seconds(60)),
            ipv6: .init(addresses: [], learned: now, life: .seconds(60))
        )
    }

    @Test func `what the target of an alias has changed to is saved at the end, if not before`()
        throws
    {
        let place = try Place()
        try place.write(Self.aliased)
        let path = "\(place.folder)/state/health.json"
        func saved() -> String {
            String(decoding: (try? File.read(path, limit: 1 << 20)) ?? [], as: UTF8.self)
        }
        var stage = try Stage.open(place)
        stage.plane.takeAlias("far.test", Self.families(0xc000_0201, stage.now), stage.now)
        let limit = Clock.monotonic() + .seconds(5)
        while !saved().contains("192.0.2.1"), Clock.monotonic() < limit {
            stage.turn(.milliseconds(1))
            _ = stage.loop.wait(timeoutMilliseconds: 1)
        }
        let first = saved()
        stage.plane.takeAlias("far.test", Self.families(0xc000_0202, stage.now), stage.now)
        stage.turn(.seconds(1))
        let isDirty = stage.plane.healthSaving.isDirty
        stage.end()
        let last = saved()
        #expect(first.contains("192.0.2.1") && !isDirty)
        #expect(last.contains("192.0.2.2"))
    }

    @Test func `doors wait for a name whose saved addresses no longer hold`() throws {
        let second: Int64 = 1_000_000_000
        for (age, isReady) in [(30, true), (90, false)] as [(Int64, Bool)] {
            let learned = Clock.realtime() - age * second
            let family = SavedAlias.Family(
                addresses: [IPAddress(v4: 0xc000_0201)],
                learned: learned,
                freshUntil: learned + 60 * second
            )
            let place = try Place()
            try place.write(Self.aliased)
            let alias = SavedAlias(host: "far.test", ipv4: family, ipv6: family)
            var stage = try Stage.open(place)
            stage.plane.restoreAliases([alias])
            // Before anybody can have been asked.
            let isOpen = stage.plane.hasFirstVerdicts(stage.now)
            stage.end()
            #expect(isOpen == isReady)
        }
    }

    @Test func `a name that a reload brings, and that is known at once, has its address`() throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        stage.turn()
        try place.write(Self.unprobed.replacing("192.0.2.2:80", with: "'localhost:80'"))
        let outcome = stage.plane.perform(.reload, now: stage.now)
        for _ in 0..<3 { stage.turn(.milliseconds(10)) }
        let addresses = stage.plane.view.pools[0].endpoints.compactMap(\.address?.description)
        stage.end()
        #expect(outcome == .done)
        #expect(addresses.contains("127.0.0.1:80"), "\(addresses)")
    }

    @Test func `doors wait for first verdicts, but no longer than one timeout`() throws {
        let place = try Place()
        try place.write(
            Self.unprobed.replacing("api: { endpoints", with: "api: { probe: p, endpoints")
                + "\nprobes: { p: { tcp: connect, timeout: 500ms } }\n"
        )
        var stage = try Stage.open(place)
        stage.turn()
        let early = stage.plane.view.readiness
        stage.turn(.milliseconds(600))
        let late = stage.plane.view.readiness
        stage.end()
        #expect(early == .starting(pending: 2))
        #expect(late == .ready)
    }

    @Test func `a bad file changes nothing and every reason is told`() throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        stage.turn()
        let before = (stage.plane.view.generation, stage.plane.view.snapshotNumber)
        try place.write("listeners: 7\npolls: {}\n")
        let outcome = stage.plane.perform(.reload, now: stage.now)
        let view = stage.plane.view
        stage.end()
        guard case .refused(let problems) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(problems.count == 2)
        #expect(view.reloadProblems == problems)
        #expect((view.generation, view.snapshotNumber) == before)
        #expect(view.pools.count == 1)
    }

    @Test(arguments: ["", "# not yet\n", "user: nobody\n"])
    func `a file without listeners takes nobody's place`(text: String) throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        stage.turn()
        let before = stage.plane.view.generation
        try place.write(text)
        let refused = stage.plane.perform(.reload, now: stage.now)
        let view = stage.plane.view
        // Whoever means it says so.
        try place.write("listeners: []\n")
        let closed = stage.plane.perform(.reload, now: stage.now)
        // Nothing is served any more, so there is nothing to keep.
        try place.write(text)
        let kept = stage.plane.perform(.reload, now: stage.now)
        stage.end()
        guard case .refused(let problems) = refused else {
            Issue.record("\(refused)")
            return
        }
        #expect(problems.map(\.code) == ["M1329"])
        #expect(view.generation == before)
        #expect(view.pools.count == 1)
        #expect(closed == .done)
        #expect(kept == .done)
    }

    @Test func `a reload keeps the slots of what stays and gives new ones to what comes`() throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        stage.turn()
        let before = stage.slots()
        let generation = stage.plane.view.generation
        try place.write(
            Self.unprobed.replacing("{ address: 192.0.2.1:80 }", with: "{ address: 192.0.2.3:80 }")
        )
        let outcome = stage.plane.perform(.reload, now: stage.now)
        let after = stage.slots()
        let adopted = stage.plane.view.generation
        stage.end()
        #expect(outcome == .done)
        #expect(after["192.0.2.2:80"] == before["192.0.2.2:80"])
        #expect(after["192.0.2.3:80"] != before["192.0.2.1:80"], "its requests may still count")
        #expect(adopted == generation + 1)
    }

    @Test func `endpoints of which nothing is known yet do not take over a pool alone`() throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        stage.turn()
        let generation = stage.plane.view.generation
        try place.write(
            """
            listeners: [ { http: "127.0.0.1:0" } ]
            probes: { p: { tcp: connect, timeout: 500ms } }
            pools: { api: { probe: p, endpoints: [ { address: 192.0.2.7:80 } ] } }
            routes: [ { host: "*", path: /, pool: api } ]
            """
        )
        let outcome = stage.plane.perform(.reload, now: stage.now)
        stage.turn()
        let waiting = stage.plane.view.generation
        let early = stage.plane.takeEnded().map(\.order)
        stage.turn(.milliseconds(600))
        let adopted = stage.plane.view.generation
        let ended = stage.plane.takeEnded()
        stage.end()
        guard case .awaited(let order) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(waiting == generation && early == [])
        #expect(adopted == generation + 1)
        #expect(ended.map(\.order) == [order] && ended.first?.outcome == .done)
    }

    @Test func `whoever orders a reload is told before he gives up, or that it ends`() throws {
        for isStopped in [false, true] {
            let place = try Place()
            try place.write(Self.unprobed)
            var stage = try Stage.open(place)
            stage.turn()
            try place.write(
                Self.unprobed.replacing("192.0.2.1:80", with: "192.0.2.7:80")
                    .replacing("192.0.2.2:80", with: "192.0.2.8:80")
                    .replacing("api: { endpoints", with: "api: { probe: p, endpoints")
                    + "\nprobes: { p: { tcp: connect, timeout: 1h } }\n"
            )
            let outcome = stage.plane.perform(.reload, now: stage.now)
            if isStopped { stage.plane.obey(.stop, stage.now) }
            stage.turn(isStopped ? .zero : .seconds(21))
            let ended = stage.plane.takeEnded()
            stage.turn(.seconds(1))
            let later = stage.plane.takeEnded()
            stage.end()
            guard case .awaited(let order) = outcome else {
                Issue.record("\(outcome)")
                continue
            }
            #expect(ended.map(\.order) == [order] && later.isEmpty)
            let expected = isStopped ? .stopping : ControlOutcome.reloadPending(seconds: 3580)
            #expect(ended.first?.outcome == expected)
        }
    }

    @Test
    func `a change through the API is saved before it is confirmed, and outlives the process`()
        throws
    {
        let place = try Place()
        try place.write(Self.unprobed)
        var first = try Stage.open(place)
        first.turn()
        let change = EndpointChange(state: .draining, weight: .set(0))
        let command = ControlCommand.change(pool: "api", endpoint: "192.0.2.1:80", change)
        let outcome = try first.perform(command)
        let saved = try File.read("\(place.folder)/state/overlay.json", limit: 10_000)
        first.end()
        #expect(outcome == .done)
        #expect(String(decoding: saved, as: UTF8.self).contains("draining"))
    }

    @Test func `what is being kept when the process is told to end is kept and confirmed`() throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        stage.turn()
        let change = EndpointChange(state: .draining)
        let command = ControlCommand.change(pool: "api", endpoint: "192.0.2.1:80", change)
        let first = stage.plane.perform(command, now: stage.now)
        let second = stage.plane.perform(.discardOverlay, now: stage.now)
        stage.end()
        let ended = stage.plane.takeEnded()
        let isWriting = !stage.plane.stateOrders.flights.isEmpty
        guard case .awaited(let kept) = first, case .awaited(let late) = second else {
            Issue.record("\(first) \(second)")
            return
        }
        #expect(!isWriting)
        #expect(ended.first { $0.order == kept }?.outcome == .done)
        #expect(ended.first { $0.order == late }?.outcome == .stopping, "it had not begun")
        let saved = try File.read("\(place.folder)/state/overlay.json", limit: 10_000)
        #expect(String(decoding: saved, as: UTF8.self).contains("draining"))
    }

    @Test func `unknown pools and endpoints are told apart`() throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        stage.turn()
        let change = EndpointChange(state: .draining)
        let pool = try stage.perform(.change(pool: "none", endpoint: "x", change))
        let endpoint = try stage.perform(.change(pool: "api", endpoint: "x", change))
        let byAddress = try stage.perform(.change(pool: "api", endpoint: "192.0.2.2:80", change))
        let state = stage.plane.health.word(stage.slots()["192.0.2.2:80"] ?? -1).administrative
        stage.end()
        #expect(pool == .unknownPool)
        #expect(endpoint == .unknownEndpoint)
        #expect(byAddress == .done)
        #expect(state == .draining)
    }

    @Test func `nothing is changed any more once the process is on its way out`() throws {
        let place = try Place()
        try place.write(Self.unprobed)
        var stage = try Stage.open(place)
        stage.turn()
        stage.plane.obey(.stop, stage.now)
        let outcome = stage.plane.perform(.reload, now: stage.now)
        let readiness = stage.plane.view.readiness
        let isDone = stage.plane.isFinished(stage.now + .seconds(3600))
        #expect(outcome == .stopping)
        #expect(readiness == .stopping)
        #expect(isDone)
    }
}

@Suite struct ServiceKeeperTests {
    private func keeper(_ place: Place) throws -> ServiceKeeper {
        try place.write(
            """
            listeners: [ { http: "127.0.0.1:0" } ]
            pools: { api: { endpoints: [ { address: 192.0.2.1:80 } ] } }
            routes: [ { host: "*", path: /, pool: api } ]
            """
        )
        return try ServiceKeeper(plan: try place.plan())
    }

    @Test func `sockets are given for places in the configuration and for no others`() throws {
        let keeper = try keeper(try Place())
        let known = SocketKey(.http, ListenAddress(IPAddress(v4: 0x7f00_0001), port: 0))
        let given = keeper.answer(.open([known]))
        #expect(given.descriptors.count == 1)
        let other = SocketKey(.http, ListenAddress(IPAddress(v4: 0x7f00_0001), port: 22))
        let refused = keeper.answer(.open([known, other]))
        #expect(refused.descriptors.isEmpty)
        #expect(refused.json["error"] != nil)
    }

    @Test func `a place counts from the moment that the new file has been handed out`() throws {
        let place = try Place()
        let keeper = try keeper(place)
        try place.write(
            """
            listeners: [ { dns: "127.0.0.1:0" } ]
            zones: { example.com: { soa: { primary: ns1, mailbox: h }, records: { a: { a: 192.0.2.1 } } } }
            """
        )
        let dns = SocketKey(.dns, ListenAddress(IPAddress(v4: 0x7f00_0001), port: 0))
        let before = keeper.answer(.open([dns]))
        #expect(before.descriptors.isEmpty)
        let handed = keeper.answer(.configuration)
        #expect(handed.descriptors.count == 1)
        let after = keeper.answer(.open([dns]))
        #expect(after.descriptors.count == 2)
        _ = keeper.answer(.adopted(generation: 2, [dns]))
        let setup = keeper.answer(.setup)
        #expect(setup.json["generation"]?.integer == 2)
        let old = SocketKey(.http, ListenAddress(IPAddress(v4: 0x7f00_0001), port: 0))
        #expect(keeper.answer(.open([old])).descriptors.isEmpty, "what was dropped is gone")
    }

    @Test func `ends are told until somebody serves`() throws {
        let keeper = try keeper(try Place())
        keeper.noteEnd("was ended by SIGILL")
        #expect(keeper.answer(.setup).json["ends"]?[0]?.string == "was ended by SIGILL")
        _ = keeper.answer(.serving(handover: 1))
        #expect(keeper.answer(.setup).json["ends"]?.elements?.isEmpty == true)
    }
}

@Suite struct HealthSavingTests {
    @Test func `changes are written soon, bursts together, and now and then without a change`() {
        var saving = HealthSaving()
        let begin = Instant.start + .seconds(1000)
        let first = saving.isDue(begin)
        saving.isDirty = true
        let tooSoon = saving.isDue(begin + .milliseconds(100))
        let soon = saving.isDue(begin + .milliseconds(200))
        let clean = saving.isDue(begin + .seconds(10))
        let period = saving.isDue(begin + .milliseconds(60_200))
        #expect([first, tooSoon, soon, clean, period] == [true, false, true, false, true])
    }
}
