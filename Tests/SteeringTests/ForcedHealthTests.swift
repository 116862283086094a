// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

private func at(_ seconds: Int64) -> Instant {
    Instant(nanoseconds: (100 + seconds) * 1_000_000_000)
}

@Suite struct ForcedHealthTests {
    private func keeper(_ table: HealthTable) -> HealthKeeper {
        var keeper = HealthKeeper(table: table, load: LoadTable(capacity: 4, workers: 1))
        for slot in 0...1 {
            let registration = HealthRegistration(
                slot: slot,
                identity: EndpointIdentity(pool: "p", host: "h\(slot)", port: 80),
                name: "h\(slot)",
                checks: CheckSettings(rise: 1, fall: 1)
            )
            _ = keeper.register(registration, now: at(0))
            _ = keeper.record(slot, .success, now: at(0))
        }
        return keeper
    }

    private let failure = ProbeOutcome.failure(.connectRefused, detail: "")

    @Test func `forced up holds against probes until its end and not a moment longer`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        _ = keeper.record(0, failure, now: at(1))
        #expect(!table.word(0).takesNewWork)
        let wish = ForcedHealth(isUp: true, until: at(60))
        let begun = keeper.setForced(0, wish, now: at(2))
        #expect(
            begun.map(\.change) == [.forced(from: nil, to: wish), .health(from: .down, to: .up)]
        )
        #expect(table.word(0).takesNewWork && table.word(0).reason == .forcedUp)
        #expect(!table.word(0).isConnectFailing)
        // What probes say meanwhile is counted, not published.
        let passed = keeper.record(0, .success, now: at(3))
        let failed = keeper.record(0, failure, now: at(4))
        #expect(passed.isEmpty && failed.isEmpty)
        let left = Int64(table.word(0).secondsToChange)
        let deadline = keeper.nextDeadline
        #expect(deadline == at(60 - left) + Interval(nanoseconds: 1))
        let early = keeper.tick(now: at(59))
        #expect(early.isEmpty && table.word(0).takesNewWork)
        let over = keeper.tick(now: at(60))
        #expect(
            over.map(\.change) == [.forced(from: wish, to: nil), .health(from: .up, to: .down)]
        )
        #expect(table.word(0).reason == .connectRefused && table.word(0).isConnectFailing)
        let (next, rest) = (keeper.nextDeadline, keeper.forced)
        #expect(next == .never && rest.isEmpty)
    }

    @Test func `forced down holds against a passing probe and closes nothing`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        let events = keeper.setForced(1, ForcedHealth(isUp: false, until: at(9)), now: at(1))
        #expect(!table.word(1).takesNewWork && table.word(1).reason == .forcedDown)
        #expect(events.allSatisfy { !$0.closesConnections })
        let passed = keeper.record(1, .success, now: at(2))
        #expect(passed.isEmpty)
        _ = keeper.setForced(1, nil, now: at(3))
        #expect(table.word(1).takesNewWork && table.word(1).reason == .probePassed)
    }

    @Test(arguments: [true, false])
    func `answers live no longer than what is forced`(isUp: Bool) {
        let table = HealthTable(capacity: 4)
        var keeper = HealthKeeper(table: table, load: LoadTable(capacity: 4, workers: 1))
        let registration = HealthRegistration(
            slot: 0,
            identity: EndpointIdentity(pool: "p", host: "h", port: 80),
            name: "h",
            checks: CheckSettings(rise: 1, fall: 1, interval: .seconds(60))
        )
        _ = keeper.register(registration, now: at(0))
        _ = keeper.record(0, .success, now: at(0))
        #expect(table.word(0).secondsToChange == 60)
        let wish = ForcedHealth(isUp: isUp, until: at(100) + .milliseconds(500))
        let begun = keeper.setForced(0, wish, now: at(0))
        #expect(table.word(0).secondsToChange == 60 && !begun.isEmpty)
        // From when less is left than the probe's interval, time counts down by itself.
        var told: [UInt16] = []
        var now = at(0)
        let generation = table.word(0).generation
        while now < wish.until, told.count < 100 {
            now = keeper.nextDeadline
            let events = keeper.tick(now: now)
            let left = (wish.until - now).nanoseconds
            let seconds = Int64(table.word(0).secondsToChange) * 1_000_000_000
            guard left > 0 else { continue }
            #expect(events.isEmpty && seconds <= max(left, 1_000_000_000))
            told.append(table.word(0).secondsToChange)
        }
        #expect(told == Array((1...59).reversed()))
        #expect(now == wish.until && table.word(0).secondsToChange == 60)
        #expect(table.word(0).generation == generation + 1, "the end alone is a change of state")
        #expect(keeper.nextDeadline == .never)
    }

    @Test func `what would be in a while is as near to the end as that`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        _ = keeper.setForced(0, ForcedHealth(isUp: false, until: at(60)), now: at(1))
        var rehearsal = keeper.rehearsal()
        rehearsal.pass(until: at(57))
        #expect(rehearsal.picture.word(0).secondsToChange == 3)
        #expect(table.word(0).secondsToChange > 3)
    }

    @Test func `answers live no longer than an ejection`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        for _ in 1...3 { _ = keeper.recordPassive(0, .reset, now: at(1)) }
        // For 30 s, and the probe may change it sooner.
        #expect(table.word(0).isEjected && table.word(0).secondsToChange == 5)
        let end = at(31)
        var told: [UInt16] = []
        var now = at(1)
        for _ in 0..<100 where table.word(0).isEjected {
            now = keeper.nextDeadline
            _ = keeper.tick(now: now)
            guard table.word(0).isEjected else { break }
            told.append(table.word(0).secondsToChange)
            let left = (end - now).nanoseconds
            let isTold = Int64(table.word(0).secondsToChange) * 1_000_000_000
            #expect(isTold <= max(left, 1_000_000_000), "\(left) ns left")
        }
        #expect(now == end && !table.word(0).isEjected)
        #expect(told == [4, 3, 2, 1] && table.word(0).secondsToChange == 5)
    }

    @Test func `forced up hides an ejection, and maintenance still holds`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        for _ in 1...3 { _ = keeper.recordPassive(0, .reset, now: at(1)) }
        #expect(table.word(0).isEjected)
        _ = keeper.setForced(0, ForcedHealth(isUp: true, until: at(10)), now: at(2))
        #expect(table.word(0).takesNewWork && !table.word(0).isEjected)
        _ = keeper.setAdministrative(0, .maintenance, now: at(3))
        #expect(!table.word(0).takesNewWork)
        _ = keeper.setAdministrative(0, .ready, now: at(4))
        _ = keeper.tick(now: at(10))
        #expect(table.word(0).isEjected, "the ejection of 30 s goes on")
    }

    @Test func `the same wish again is no change, another one is`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        let wish = ForcedHealth(isUp: false, until: at(10))
        _ = keeper.setForced(0, wish, now: at(0))
        let near = ForcedHealth(isUp: false, until: at(10) + .milliseconds(300))
        let same = keeper.setForced(0, near, now: at(1))
        #expect(same.isEmpty)
        let later = ForcedHealth(isUp: false, until: at(20))
        let longer = keeper.setForced(0, later, now: at(1))
        let none = keeper.tick(now: at(10))
        #expect(longer.count == 1 && none.isEmpty)
        let late = ForcedHealth(isUp: true, until: at(5))
        _ = keeper.setForced(0, late, now: at(11))
        let held = keeper.forced
        #expect(held.isEmpty && table.word(0).takesNewWork)
        _ = keeper.setForced(0, later, now: at(12))
        keeper.unregister(0)
        let (next, rest) = (keeper.nextDeadline, keeper.forced)
        #expect(next == .never && rest.isEmpty)
    }

    @Test func `a calculated check sees what is forced`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        let member = CalculatedCheck.Member(.endpoints(slots: [0], least: 1), name: "pool p")
        keeper.setChecks([CalculatedCheck(name: "c", least: 1, members: [member])])
        var edge = HealthRegistration(
            slot: 2,
            identity: EndpointIdentity(pool: "e", host: "e", port: 80),
            name: "e",
            checks: nil
        )
        edge.condition = "c"
        _ = keeper.register(edge, now: at(0))
        _ = keeper.settle(now: at(0))
        #expect(table.word(2).takesNewWork)
        _ = keeper.setForced(0, ForcedHealth(isUp: false, until: at(5)), now: at(1))
        #expect(!table.word(2).takesNewWork)
        _ = keeper.tick(now: at(5))
        #expect(table.word(2).takesNewWork)
        _ = keeper.record(0, failure, now: at(6))
        _ = keeper.setForced(2, ForcedHealth(isUp: true, until: at(9)), now: at(7))
        #expect(table.word(2).takesNewWork && table.word(2).reason == .forcedUp)
    }
}
