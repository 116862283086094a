// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

private let now = Instant(nanoseconds: 1_000_000_000)

/// A keeper of probed endpoints in pools, by slot, in virtual time.
private struct Yard: ~Copyable {
    let table = HealthTable(capacity: 16)
    var keeper: HealthKeeper
    var events: [HealthEvent] = []

    init() { keeper = HealthKeeper(table: table, load: LoadTable(capacity: 16, workers: 1)) }

    mutating func add(
        _ slot: Int,
        _ pool: String,
        isProbed: Bool = true,
        condition: String? = nil
    ) {
        var checks = CheckSettings()
        checks.rise = 1
        checks.fall = 1
        var registration = HealthRegistration(
            slot: slot,
            identity: EndpointIdentity(pool: pool, host: "h\(slot)", port: 80),
            name: "h\(slot)",
            checks: isProbed ? checks : nil,
            passive: nil
        )
        registration.condition = condition
        events += keeper.register(registration, now: now)
    }

    mutating func probe(_ slot: Int, _ isWell: Bool) {
        let outcome: ProbeOutcome = isWell ? .success : .failure(.connectRefused, detail: "")
        events += keeper.record(slot, outcome, now: now)
    }
}

private func hasNews(_ events: [HealthEvent]) -> Bool { !events.isEmpty }
private func takes(_ table: HealthTable, _ slot: Int) -> Bool { table.word(slot).takesNewWork }

private func pool(_ name: String, _ slots: [Int], least: Int = 1, not: Bool = false)
    -> CalculatedCheck.Member
{
    .init(.endpoints(slots: slots, least: least), name: "pool \(name)", isInverted: not)
}

@Suite struct CalculatedCheckTests {
    /// Every state of three members against every number of them: by counting, with unknown open.
    @Test func `k of n in three values`() {
        let table = HealthTable(capacity: 4)
        let states: [Health] = [.unknown, .up, .down]
        for a in states {
            for b in states {
                for c in states {
                    for (slot, health) in [a, b, c].enumerated() {
                        table.publish(slot, HealthWord(health: health))
                    }
                    for least in 1...3 {
                        let members = (0...2).map { pool("p\($0)", [$0]) }
                        let check = CalculatedCheck(name: "c", least: least, members: members)
                        let ups = [a, b, c].count { $0 == .up }
                        let downs = [a, b, c].count { $0 == .down }
                        let wanted: Health =
                            ups >= least ? .up : 3 - downs >= least ? .unknown : .down
                        #expect(check.judge(table, [:]).health == wanted, "\(a) \(b) \(c) \(least)")
                    }
                }
            }
        }
    }

    @Test func `not turns up and down, never unknown`() {
        let table = HealthTable(capacity: 2)
        let check = CalculatedCheck(name: "c", least: 1, members: [pool("x", [0], not: true)])
        #expect(check.judge(table, [:]).health == .unknown)
        table.publish(0, HealthWord(health: .up))
        let verdict = check.judge(table, [:])
        #expect(verdict.health == .down)
        #expect(verdict.detail == "c: 0 of 1, 1 needed, failing: not pool x")
        table.publish(0, HealthWord(health: .down))
        #expect(check.judge(table, [:]).health == .up)
    }

    @Test func `an endpoint without a probe of its own follows the check at once`() {
        var yard = Yard()
        let table = yard.table
        yard.add(0, "web")
        yard.add(1, "db")
        let site = CalculatedCheck(
            name: "site",
            least: 2,
            members: [pool("web", [0]), pool("db", [1])]
        )
        yard.keeper.setChecks([site])
        yard.add(2, "edge", isProbed: false, condition: "site")
        let isComplete = yard.keeper.hasVerdictForAll
        #expect(!takes(table, 2) && !isComplete)
        yard.probe(0, true)
        #expect(table.word(2).health == .unknown)
        yard.probe(1, true)
        #expect(takes(table, 2) && !table.word(2).isUnchecked)
        #expect(table.word(2).reason == .probePassed)
        yard.events = []
        yard.probe(1, false)
        #expect(!takes(table, 2))
        #expect(table.word(2).reason == .calculated)
        #expect(yard.events.count == 2)
        #expect(yard.events.last?.slot == 2)
        #expect(yard.events.last?.detail == "site: 1 of 2, 2 needed, failing: pool db")
        // Draining takes no new work either.
        yard.probe(1, true)
        #expect(takes(table, 2))
        _ = yard.keeper.setAdministrative(0, .draining, now: now)
        #expect(!takes(table, 2))
    }

    @Test func `a condition beside a probe needs both`() {
        var yard = Yard()
        let table = yard.table
        yard.add(0, "db")
        yard.keeper.setChecks([CalculatedCheck(name: "c", least: 1, members: [pool("db", [0])])])
        yard.add(1, "web", condition: "c")
        yard.probe(0, true)
        #expect(table.word(1).health == .unknown)
        yard.probe(1, true)
        #expect(takes(table, 1))
        yard.probe(1, false)
        #expect(table.word(1).reason == .connectRefused)
        yard.probe(1, true)
        yard.probe(0, false)
        #expect(!takes(table, 1) && table.word(1).reason == .calculated)
        // Its own failure says more than that of others.
        yard.probe(1, false)
        #expect(table.word(1).reason == .connectRefused)
    }

    @Test func `changes go through pools and checks to the last one`() {
        var yard = Yard()
        let table = yard.table
        yard.add(0, "a")
        yard.keeper.setChecks([
            CalculatedCheck(name: "x", least: 1, members: [pool("a", [0])]),
            CalculatedCheck(name: "y", least: 1, members: [pool("b", [1])]),
            CalculatedCheck(
                name: "z",
                least: 1,
                members: [.init(.check("y"), name: "probe y", isInverted: true)]
            ),
        ])
        yard.add(1, "b", isProbed: false, condition: "x")
        yard.add(2, "c", isProbed: false, condition: "z")
        yard.add(3, "d", isProbed: false, condition: "y")
        yard.probe(0, true)
        #expect([1, 2, 3].map { takes(table, $0) } == [true, false, true])
        yard.probe(0, false)
        #expect([1, 2, 3].map { takes(table, $0) } == [false, true, false])
    }

    @Test func `a reload that adds a condition takes nobody down before it is judged`() {
        var yard = Yard()
        let table = yard.table
        yard.add(0, "db")
        yard.add(1, "web")
        yard.probe(0, true)
        yard.probe(1, true)
        yard.keeper.setChecks([CalculatedCheck(name: "c", least: 1, members: [pool("db", [0])])])
        yard.events = []
        yard.add(1, "web", condition: "c")
        #expect(takes(table, 1) && !hasNews(yard.events))
        yard.events += yard.keeper.settle(now: now)
        #expect(takes(table, 1) && !hasNews(yard.events))
        yard.probe(0, false)
        #expect(!takes(table, 1))
        // Without the condition it is as its own probe says.
        yard.keeper.setChecks([])
        yard.events = []
        yard.add(1, "web")
        #expect(takes(table, 1))
        #expect(yard.events.map(\.change) == [.health(from: .down, to: .up)])
    }

    @Test func `an answer lives no longer than the members let it`() {
        var yard = Yard()
        let table = yard.table
        yard.add(0, "db")
        yard.keeper.setChecks([CalculatedCheck(name: "c", least: 1, members: [pool("db", [0])])])
        yard.add(1, "web", isProbed: false, condition: "c")
        yard.probe(0, true)
        let own = table.word(0).secondsToChange
        #expect(own < HealthWord.noChangeInSight)
        #expect(table.word(1).secondsToChange == own)
    }
}
