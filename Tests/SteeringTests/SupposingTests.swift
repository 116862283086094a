// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

private func at(_ seconds: Int64) -> Instant {
    Instant(nanoseconds: (100 + seconds) * 1_000_000_000)
}

/// A rehearsal of what keeps health: what is supposed reaches no door.
@Suite struct SupposingTests {
    /// Slots 0 and 1 are probed and up; 2 is up while any of them is.
    private func keeper(_ table: HealthTable) -> HealthKeeper {
        var keeper = HealthKeeper(table: table, load: LoadTable(capacity: 4, workers: 1))
        for slot in 0...2 {
            var passive = PassiveSettings()
            (passive.failures, passive.maximumPercent) = (1, 100)
            var registration = HealthRegistration(
                slot: slot,
                identity: EndpointIdentity(pool: "p\(slot / 2)", host: "h\(slot)", port: 80),
                name: "h\(slot)",
                checks: slot == 2
                    ? nil
                    : CheckSettings(
                        rise: 2,
                        fall: 3,
                        interval: .seconds(10),
                        fastInterval: .seconds(1)
                    ),
                passive: passive
            )
            if slot == 2 { registration.condition = "any" }
            _ = keeper.register(registration, now: at(0))
            _ = keeper.record(slot, .success, now: at(0))
        }
        let source = CalculatedCheck.Member(.endpoints(slots: [0, 1], least: 1), name: "pool p0")
        keeper.setChecks([CalculatedCheck(name: "any", least: 1, members: [source])])
        _ = keeper.settle(now: at(0))
        return keeper
    }

    @Test func `what is supposed is in the picture of the rehearsal alone`() {
        let table = HealthTable(capacity: 4)
        let keeper = keeper(table)
        let before = (0...2).map { table.word($0) }
        var rehearsal = keeper.rehearsal()
        #expect((0...2).map { rehearsal.picture.word($0) } == before)
        rehearsal.suppose([0], .down, now: at(5))
        let word = rehearsal.picture.word(0)
        #expect(word.health == .down && word.reason == .supposed && !word.takesNewWork)
        #expect(rehearsal.picture.changed(0) == at(5))
        #expect((0...2).map { table.word($0) } == before)
        #expect(table.changed(0) == at(0))
    }

    @Test func `checks that are made of it follow, as they would`() {
        let table = HealthTable(capacity: 4)
        var rehearsal = keeper(table).rehearsal()
        rehearsal.suppose([0], .down, now: at(5))
        #expect(rehearsal.picture.word(2).takesNewWork)
        rehearsal.suppose([1], .maintenance, now: at(5))
        let word = rehearsal.picture.word(2)
        #expect(word.health == .down && word.reason == .calculated)
        #expect(table.word(2).takesNewWork)
    }

    @Test func `what is supposed up takes work, whatever spoke against it`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        _ = keeper.recordPassive(1, .status(500), now: at(1))
        for second in 1...3 as ClosedRange<Int64> {
            _ = keeper.record(0, .failure(.connectRefused, detail: ""), now: at(second))
        }
        _ = keeper.setAdministrative(0, .draining, now: at(3))
        #expect(!table.word(0).takesNewWork && table.word(1).isEjected)
        var rehearsal = keeper.rehearsal()
        rehearsal.suppose([0, 1], .up, now: at(9))
        for slot in 0...1 {
            #expect(rehearsal.picture.word(slot).takesNewWork)
            #expect(rehearsal.picture.rampStart(slot) == at(9))
            // As of a probe that has settled: three failures in a row would bring it down.
            #expect(rehearsal.picture.word(slot).secondsToChange == 12)
        }
        rehearsal.suppose([0], .drain, now: at(9))
        #expect(rehearsal.picture.word(0).administrative == .draining)
        #expect(rehearsal.picture.word(0).health == .up)
    }

    @Test func `with time, forced health and ejections end, and suppositions do not`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        _ = keeper.recordPassive(1, .status(500), now: at(1))
        _ = keeper.setForced(0, ForcedHealth(isUp: false, until: at(60)), now: at(1))
        var rehearsal = keeper.rehearsal()
        rehearsal.suppose([2], .down, now: at(2))
        rehearsal.pass(until: at(30))
        #expect(!rehearsal.picture.word(0).takesNewWork && rehearsal.picture.word(1).isEjected)
        rehearsal.pass(until: at(3600))
        #expect(rehearsal.picture.word(0).takesNewWork && rehearsal.picture.changed(0) == at(60))
        #expect(!rehearsal.picture.word(1).isEjected)
        #expect(rehearsal.picture.word(2).reason == .supposed)
        #expect(!table.word(0).takesNewWork && table.word(1).isEjected)
    }

    /// A check of all of them: judged once for each endpoint, that would be 1,600 million looks.
    @Test(.timeLimit(.minutes(1)))
    func `thousands are supposed in one go`() {
        let count = 40_000
        let table = HealthTable(capacity: count)
        var keeper = HealthKeeper(table: table, load: LoadTable(capacity: count, workers: 1))
        for slot in 0..<count {
            let identity = EndpointIdentity(pool: "p", host: "h\(slot)", port: 80)
            let registration = HealthRegistration(
                slot: slot,
                identity: identity,
                name: "h",
                checks: nil
            )
            _ = keeper.register(registration, now: at(0))
        }
        let all = Array(0..<count)
        let source = CalculatedCheck.Member(.endpoints(slots: all, least: 1), name: "pool p")
        keeper.setChecks([CalculatedCheck(name: "any", least: 1, members: [source])])
        var rehearsal = keeper.rehearsal()
        rehearsal.suppose(all, .down, now: at(5))
        #expect(rehearsal.checkVerdicts["any"]?.health == .down)
        #expect(all.allSatisfy { !rehearsal.picture.word($0).takesNewWork })
    }

    @Test func `policies read what is supposed, and hold times count from it`() {
        let table = HealthTable(capacity: 4)
        var keeper = keeper(table)
        for second in 1...3 as ClosedRange<Int64> {
            _ = keeper.record(0, .failure(.connectRefused, detail: ""), now: at(second))
        }
        var policy = SteerPolicy.failover(
            (0...1).map { slot in
                let address = IPAddress(v4: UInt32(slot + 1))
                return .address(SteerMember(name: "m\(slot)", slot: slot, address: address))
            }
        )
        policy.hold = .seconds(300)
        let steer = SteerTable([SteerDefinition(name: "p", policy: policy)], health: table)
        var rehearsal = keeper.rehearsal()
        rehearsal.suppose([0], .up, now: at(10))
        let supposed = steer.reading(rehearsal.picture)
        func slots(_ steer: SteerTable, _ seconds: Int64) -> [Int] {
            var set = AnswerSet()
            var random = SeededRandom(seed: 1)
            let question = SteerQuestion(now: at(seconds), families: .ipv4)
            steer.answer(policy: 0, question, into: &set, random: &random)
            return (0..<set.count).map { set.slot($0) }
        }
        #expect(slots(steer, 10) == [1] && slots(steer, 900) == [1])
        #expect(slots(supposed, 10) == [1], "it has not been up for long enough")
        #expect(slots(supposed, 311) == [0])
        #expect(supposed.layoutMark == steer.layoutMark)
    }
}
