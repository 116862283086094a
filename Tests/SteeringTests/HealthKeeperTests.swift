// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@Suite struct HealthKeeperTests {
    /// Tables and a keeper with `count` probed endpoints in slots 0, 1, 2...
    final class Bench {
        let table = HealthTable(capacity: 64)
        let load = LoadTable(capacity: 64, workers: 2)
        var keeper: HealthKeeper
        var now = Instant(nanoseconds: 1_000_000_000_000)

        init(_ count: Int, checks: CheckSettings? = CheckSettings(rise: 2, fall: 3)) {
            keeper = HealthKeeper(table: table, load: load)
            for slot in 0..<count {
                _ = keeper.register(Bench.registration(slot, checks), now: now)
            }
        }

        static func registration(_ slot: Int, _ checks: CheckSettings?) -> HealthRegistration {
            HealthRegistration(
                slot: slot,
                identity: EndpointIdentity(pool: "p", host: "10.0.0.\(slot)", port: 80),
                name: "e\(slot)",
                checks: checks
            )
        }

        func register(_ registration: HealthRegistration) -> [HealthEvent] {
            keeper.register(registration, now: now)
        }

        func set(_ slot: Int, _ state: AdministrativeState) -> [HealthEvent] {
            keeper.setAdministrative(slot, state, now: now)
        }

        func tick(after seconds: Int64) -> [HealthEvent] {
            keeper.tick(now: now + .seconds(seconds))
        }

        func unregister(_ slot: Int) -> Bool { keeper.unregister(slot) }
        func status(_ slot: Int) -> EndpointStatus? { keeper.status(slot) }
        func export(_ realtime: Int64 = 1) -> [SavedEndpoint] {
            keeper.export(now: now, realtime: realtime)
        }
        func isChanging(_ slot: Int) -> Bool { keeper.isChanging(slot) }
        var hasVerdictForAll: Bool { keeper.hasVerdictForAll }
        var nextDeadline: Instant { keeper.nextDeadline }

        func pass(_ slot: Int, times: Int = 1) -> [HealthEvent] {
            (0..<times).flatMap { _ in keeper.record(slot, .success, now: now) }
        }

        func fail(
            _ slot: Int,
            times: Int = 1,
            _ reason: HealthReason = .status500,
            _ detail: String = ""
        ) -> [HealthEvent] {
            (0..<times).flatMap { _ in
                keeper.record(slot, .failure(reason, detail: detail), now: now)
            }
        }

        func hurt(_ slot: Int, times: Int = 3, _ failure: PassiveFailure = .reset)
            -> [HealthEvent]
        {
            (0..<times).flatMap { _ in keeper.recordPassive(slot, failure, now: now) }
        }
    }

    @Test func `the first verdict opens the endpoint and a fall closes it`() {
        let bench = Bench(1)
        #expect(bench.table.word(0).health == .unknown)
        #expect(!bench.hasVerdictForAll)
        let opened = bench.pass(0)
        #expect(opened.map(\.change) == [.health(from: .unknown, to: .up)])
        #expect(bench.table.word(0).takesNewWork)
        #expect(bench.hasVerdictForAll)
        let wobble = bench.fail(0, times: 2, .dependency, "db=fail")
        #expect(wobble.isEmpty)
        #expect(bench.table.word(0).takesNewWork)
        #expect(bench.isChanging(0))
        let generation = bench.table.generation
        let closed = bench.fail(0, .dependency, "db=fail")
        #expect(closed.map(\.change) == [.health(from: .up, to: .down)])
        #expect(closed.map(\.reason) == [.dependency])
        #expect(closed.map(\.detail) == ["db=fail"])
        #expect(closed.map(\.closesConnections) == [false])
        #expect(bench.table.generation == generation + 1)
        let word = bench.table.word(0)
        #expect(UInt64(word.generation) == bench.table.generation)
        #expect(closed.map(\.generation) == [word.generation])
        #expect(word.reason == .dependency && !word.takesNewWork)
        #expect(bench.status(0)?.detail == "db=fail")
        #expect(bench.status(0)?.since == bench.now)
    }

    @Test func `what a command says is shown, and another value in it is no event`() {
        let bench = Bench(1)
        _ = bench.fail(0, times: 3, .commandFailed, "exit status 2: load 5.1")
        #expect(bench.fail(0, .commandFailed, "exit status 2: load 5.2").isEmpty)
        #expect(bench.status(0)?.detail == "exit status 2: load 5.2")
        let other = bench.fail(0, .commandFailed, "exit status 3: load 5.2")
        #expect(other.map(\.change) == [.reason(from: .commandFailed, to: .commandFailed)])
        let another = bench.fail(0, .probeTimeout, "still running")
        #expect(another.map(\.change) == [.reason(from: .commandFailed, to: .probeTimeout)])
    }

    @Test func `a new time to change is no new generation`() {
        let bench = Bench(1)
        _ = bench.pass(0)
        let before = bench.table.word(0)
        let generation = bench.table.generation
        _ = bench.fail(0)
        #expect(bench.table.generation == generation)
        #expect(bench.table.word(0).generation == before.generation)
        #expect(bench.table.word(0).secondsToChange < before.secondsToChange)
    }

    @Test func `another reason while down is an event of its own`() {
        let bench = Bench(1)
        _ = bench.fail(0, .connectRefused)
        #expect(bench.table.word(0).isConnectFailing)
        let changed = bench.fail(0, .status503)
        #expect(changed.map(\.change) == [.reason(from: .connectRefused, to: .status503)])
        #expect(!bench.table.word(0).isConnectFailing)
        #expect(bench.fail(0, .status503).isEmpty)
    }

    @Test func `a liveness probe closes connections and a readiness probe does not`() {
        for kind in [CheckKind.liveness, .readiness] {
            let bench = Bench(1, checks: CheckSettings(rise: 1, fall: 1, kind: kind))
            _ = bench.pass(0)
            let events = bench.fail(0)
            #expect(events.map(\.closesConnections) == [kind == .liveness])
            #expect(bench.table.word(0).closesConnections == (kind == .liveness))
            _ = bench.pass(0)
            #expect(!bench.table.word(0).closesConnections)
        }
    }

    @Test func `no probe counts as up and unchecked`() {
        let bench = Bench(1, checks: nil)
        let word = bench.table.word(0)
        #expect(word.takesNewWork && word.isUnchecked && word.reason == .noProbe)
        #expect(word.secondsToChange == HealthWord.noChangeInSight)
        #expect(bench.fail(0, times: 9).isEmpty)
        #expect(bench.table.word(0).takesNewWork)
    }

    @Test func `the operator's wish and the verdict do not overwrite each other`() {
        let bench = Bench(1)
        _ = bench.pass(0)
        let drained = bench.set(0, .draining)
        #expect(drained.map(\.change) == [.administrative(from: .ready, to: .draining)])
        #expect(!bench.table.word(0).takesNewWork)
        #expect(bench.set(0, .draining).isEmpty)
        _ = bench.fail(0, times: 3)
        _ = bench.set(0, .ready)
        #expect(!bench.table.word(0).takesNewWork)
        _ = bench.pass(0, times: 2)
        #expect(bench.table.word(0).takesNewWork)
    }

    @Test func `passive failures eject and time brings back`() {
        let bench = Bench(3)
        for slot in 0..<3 { _ = bench.pass(slot) }
        let out = bench.hurt(1, .connectRefused)
        let until = bench.now + .seconds(30)
        #expect(out.map(\.change) == [.ejected(until: until, times: 1)])
        let word = bench.table.word(1)
        #expect(word.isEjected && word.isConnectFailing && !word.takesNewWork)
        #expect(word.reason == .passiveFailures)
        #expect(bench.status(1)?.detail == "3 in a row, the last connect-refused")
        // Before it ends, what is told of its time gets too long.
        #expect(bench.nextDeadline < until)
        #expect(bench.tick(after: 29).isEmpty)
        let back = bench.tick(after: 30)
        #expect(back.map(\.change) == [.halfOpen(.expired)])
        #expect(bench.table.word(1).takesNewWork && bench.table.word(1).circuit == .halfOpen)
        #expect(!bench.table.word(1).isConnectFailing)
        #expect(bench.nextDeadline == bench.now + .milliseconds(30_050))
        for _ in 0..<5 { bench.load.countSuccess(1, worker: 1) }
        #expect(bench.tick(after: 31).map(\.change) == [.restored(.proven)])
        #expect(bench.table.word(1).circuit == .closed)
        #expect(bench.nextDeadline == .never)
    }

    @Test func `an active pass ends an ejection`() {
        let bench = Bench(2)
        for slot in 0..<2 { _ = bench.pass(slot) }
        _ = bench.hurt(0)
        #expect(!bench.table.word(0).takesNewWork)
        #expect(bench.pass(0).map(\.change) == [.halfOpen(.probePassed)])
        #expect(bench.table.word(0).takesNewWork)
    }

    @Test func `successes that workers count break a row of failures`() {
        let bench = Bench(2, checks: nil)
        for _ in 0..<5 {
            _ = bench.hurt(0, times: 2)
            bench.load.countSuccess(0, worker: 1)
        }
        #expect(!bench.table.word(0).isEjected)
        _ = bench.hurt(0, times: 3)
        #expect(bench.table.word(0).isEjected)
    }

    @Test func `at most half of a pool is ejected and never the last that works`() {
        let bench = Bench(6, checks: nil)
        for slot in 0..<6 { _ = bench.hurt(slot, times: 5) }
        #expect((0..<6).count { bench.table.word($0).isEjected } == 3)
        let single = Bench(1, checks: nil)
        #expect(single.hurt(0, times: 9).isEmpty)
        let pair = Bench(2)
        _ = pair.pass(0)
        _ = pair.fail(1)
        #expect(pair.hurt(0, times: 9).isEmpty, "the other one is down")
    }

    @Test func `an unresolved name is down with that reason until it resolves`() {
        let bench = Bench(1)
        let detail = "origin.example: NXDOMAIN"
        let out = bench.keeper.setUnresolved(0, true, detail: detail, now: bench.now)
        #expect(out.map(\.reason) == [.unresolved])
        #expect(bench.table.word(0).health == .down)
        #expect(bench.table.word(0).isConnectFailing)
        #expect(bench.pass(0).isEmpty, "a late probe result says nothing now")
        let back = bench.keeper.setUnresolved(0, false, detail: "", now: bench.now)
        #expect(back.map(\.change) == [.health(from: .down, to: .unknown)])
        _ = bench.pass(0)
        #expect(bench.table.word(0).takesNewWork)
    }

    @Test func `slow start begins on return, not in the first round`() {
        let bench = Bench(1)
        _ = bench.pass(0)
        #expect(bench.table.rampStart(0) == .start)
        _ = bench.fail(0, times: 3)
        bench.now = bench.now + .seconds(60)
        _ = bench.pass(0, times: 2)
        #expect(bench.table.rampStart(0) == bench.now)
        var late = Bench.registration(5, CheckSettings())
        late.joinsRunningPool = true
        _ = bench.register(late)
        bench.now = bench.now + .seconds(1)
        _ = bench.pass(5)
        #expect(bench.table.rampStart(5) == bench.now)
        late = Bench.registration(6, nil)
        late.joinsRunningPool = true
        _ = bench.register(late)
        #expect(bench.table.rampStart(6) == bench.now)
    }

    @Test func `a reload keeps the state and takes the new settings`() {
        let bench = Bench(1)
        _ = bench.pass(0)
        _ = bench.fail(0, times: 2)
        _ = bench.set(0, .draining)
        _ = bench.keeper.setWeight(0, 7, now: bench.now)
        let stricter = CheckSettings(rise: 1, fall: 1)
        #expect(bench.register(Bench.registration(0, stricter)).isEmpty)
        #expect(bench.table.word(0).health == .up)
        #expect(bench.table.word(0).administrative == .draining)
        #expect(bench.table.weightOverride(0) == 7)
        #expect(bench.fail(0).map(\.change) == [.health(from: .up, to: .down)])
    }

    @Test func `taking the probe away means up and adding one keeps it up`() {
        let bench = Bench(1)
        _ = bench.fail(0)
        let without = bench.register(Bench.registration(0, nil))
        #expect(without.map(\.change) == [.health(from: .down, to: .up)])
        #expect(bench.table.word(0).isUnchecked)
        _ = bench.register(Bench.registration(0, CheckSettings()))
        #expect(bench.table.word(0).takesNewWork && !bench.table.word(0).isUnchecked)
    }

    @Test func `a slot that changes hands starts anew`() {
        let bench = Bench(1)
        _ = bench.pass(0)
        _ = bench.keeper.setWeight(0, 3, now: bench.now)
        #expect(bench.unregister(0))
        #expect(bench.status(0) == nil)
        #expect(bench.table.word(0).health == .unknown)
        #expect(bench.table.weightOverride(0) == nil)
        #expect(bench.pass(0).isEmpty)
        #expect(!bench.unregister(0))
        #expect(!bench.unregister(99))
    }

    @Test func `what one process exports the next begins with`() throws {
        let first = Bench(4)
        _ = first.pass(0)
        _ = first.fail(1, .dependency, "db=fail")
        for slot in 2..<4 { _ = first.pass(slot) }
        _ = first.hurt(2)
        _ = first.set(3, .draining)
        _ = first.keeper.setWeight(3, 0, now: first.now)
        let saved = first.export(5_000_000_000_000)
        // Ten seconds later, in a process whose monotonic clock may stand anywhere.
        let second = Bench(0)
        second.now = Instant(nanoseconds: 77_000_000_000)
        second.keeper.restore(saved, now: second.now, realtime: 5_010_000_000_000)
        for slot in 0..<4 {
            // Slots differ; identities count.
            var registration = Bench.registration(slot, CheckSettings())
            registration.slot = 10 + slot
            _ = second.register(registration)
        }
        #expect(second.table.word(10).takesNewWork)
        #expect(second.table.rampStart(10) == .start, "it served before: no slow start")
        #expect(second.table.word(11).health == .down)
        #expect(second.status(11)?.detail == "db=fail")
        let since = try #require(second.status(11)?.since)
        #expect(second.now - since == .seconds(10))
        #expect(second.table.word(12).isEjected)
        #expect(second.nextDeadline < second.now + .seconds(20))
        #expect(second.table.word(13).administrative == .draining)
        #expect(second.table.weightOverride(13) == 0)
        #expect(second.hasVerdictForAll)
        let again = second.export(5_010_000_000_000)
        #expect(again == saved)
    }

    @Test func `who has returned has returned for the next process too`() {
        let first = Bench(0)
        _ = first.register(Bench.registration(0, CheckSettings()))
        let returned = first.now
        first.table.setRampStart(0, returned)
        var saved = first.export(1_000_000_000_000)
        #expect(saved[0].returnedRealtime == 1_000_000_000_000)
        func restored(after seconds: Int64) -> Instant {
            let second = Bench(0)
            second.now = Instant(nanoseconds: 77_000_000_000)
            let realtime = 1_000_000_000_000 + seconds * 1_000_000_000
            second.keeper.restore(saved, now: second.now, realtime: realtime)
            _ = second.register(Bench.registration(0, CheckSettings()))
            return second.table.rampStart(0)
        }
        // Who is down or not known has not returned.
        #expect(restored(after: 1) == .start)
        saved[0].health = .up
        #expect(restored(after: 1) == Instant(nanoseconds: 76_000_000_000))
        // Longer ago than this clock runs, and a clock that was set back.
        #expect(restored(after: 100) == Instant(nanoseconds: 1))
        #expect(restored(after: -5) == Instant(nanoseconds: 77_000_000_000))
        saved[0].returnedRealtime = nil
        #expect(restored(after: 1) == .start)
    }

    @Test(arguments: [true, false])
    func `an endpoint with a new name has the state it had under the former`(isUp: Bool) {
        let bench = Bench(0)
        _ = bench.register(Bench.registration(0, CheckSettings(rise: 1, fall: 1)))
        _ = isUp ? bench.pass(0) : bench.fail(0, .dependency, "db=fail")
        let since = bench.status(0)?.since
        bench.now = bench.now + .seconds(7)
        var renamed = Bench.registration(0, CheckSettings(rise: 1, fall: 1))
        renamed.slot = 5
        renamed.identity = EndpointIdentity(
            pool: renamed.identity.pool,
            host: "another",
            port: 0
        )
        renamed.former = 0
        _ = bench.register(renamed)
        #expect(bench.table.word(5).health == (isUp ? .up : .down))
        #expect(bench.table.word(5).takesNewWork == isUp)
        #expect(
            bench.status(5)?.since == since && bench.status(5)?.detail == (isUp ? "" : "db=fail")
        )
        // Once only: what it learns itself is not overwritten by the next reload.
        _ = isUp ? bench.fail(5) : bench.pass(5)
        _ = bench.register(renamed)
        #expect(bench.table.word(5).takesNewWork == !isUp)
        // Of another pool, and of nobody, there is nothing to take over.
        for (slot, pool, former) in [(6, "other", 0), (7, renamed.identity.pool, 99)] {
            var stranger = renamed
            stranger.slot = slot
            stranger.identity = EndpointIdentity(pool: pool, host: "stranger", port: 0)
            stranger.former = Int32(former)
            _ = bench.register(stranger)
            #expect(bench.table.word(slot).health == .unknown)
        }
    }

    @Test func `states that nobody has claimed yet are exported on`() {
        let bench = Bench(0)
        var saved = SavedEndpoint(
            identity: EndpointIdentity(pool: "p", host: "late.example", port: 80),
            health: .up,
            reason: .probePassed
        )
        saved.administrative = .maintenance
        bench.keeper.restore([saved], now: bench.now, realtime: 1)
        #expect(bench.export() == [saved])
        bench.keeper.forgetUnclaimed()
        #expect(bench.export().isEmpty)
    }
}
