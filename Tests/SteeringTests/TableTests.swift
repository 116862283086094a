// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@Suite struct HealthWordTests {
    @Test func `every part survives packing beside every other`() {
        for health in Health.allCases {
            for administrative in AdministrativeState.allCases {
                for reason in HealthReason.allCases {
                    var word = HealthWord(health: health, administrative: administrative)
                    word.reason = reason
                    word.generation = 0xdead_beef
                    word.secondsToChange = 1_234
                    word.isEjected = reason.rawValue % 2 == 0
                    word.isUnchecked = reason.rawValue % 3 == 0
                    word.isConnectFailing = reason.rawValue % 5 == 0
                    word.closesConnections = reason.rawValue % 7 == 0
                    word.hasWeightOverride = reason.rawValue % 11 == 0
                    let read = HealthWord(bits: word.bits)
                    #expect(read.health == health)
                    #expect(read.administrative == administrative)
                    #expect(read.reason == reason)
                    #expect(read.generation == 0xdead_beef)
                    #expect(read.secondsToChange == 1_234)
                    #expect(read.isEjected == (reason.rawValue % 2 == 0))
                    #expect(read.isUnchecked == (reason.rawValue % 3 == 0))
                    #expect(read.isConnectFailing == (reason.rawValue % 5 == 0))
                    #expect(read.closesConnections == (reason.rawValue % 7 == 0))
                    #expect(read.hasWeightOverride == (reason.rawValue % 11 == 0))
                    let takes = health == .up && administrative == .ready && !read.isEjected
                    #expect(read.takesNewWork == takes)
                }
            }
        }
    }

    @Test func `words are stable and read back`() {
        for reason in HealthReason.allCases { #expect(HealthReason(word: reason.word) == reason) }
        #expect(Set(HealthReason.allCases.map(\.word)).count == HealthReason.allCases.count)
        #expect(HealthReason.status(500).word == "status-500")
        #expect(HealthReason.status(418).word == "status-unexpected")
        #expect(HealthReason(word: "no-such") == nil)
        for health in Health.allCases { #expect(Health(word: health.word) == health) }
        for state in AdministrativeState.allCases {
            #expect(AdministrativeState(word: state.word) == state)
        }
    }

    @Test func `seconds to change stop at the greatest`() {
        let word = HealthWord(health: .up, secondsToChange: .max)
        #expect(word.secondsToChange == HealthWord.noChangeInSight)
    }
}

@Suite struct SharedTableTests {
    @Test func `a generation comes with each change and only with a change`() {
        let table = HealthTable(capacity: 4)
        #expect(table.generation == 0)
        let first = table.publish(2, HealthWord(health: .up))
        #expect(first == 1 && table.word(2).generation == 1)
        #expect(table.publish(2, HealthWord(health: .up, secondsToChange: 3)) == 1)
        #expect(table.word(2).secondsToChange == 3)
        #expect(table.publish(1, HealthWord(health: .up)) == 2)
        #expect(table.publish(2, HealthWord(health: .up), isNews: true) == 3)
        #expect(table.generation == 3)
        #expect(table.word(99) == HealthWord(bits: 0))
    }

    @Test func `load is the sum over workers`() {
        let load = LoadTable(capacity: 3, workers: 3)
        load.begin(1, worker: 0)
        load.begin(1, worker: 2)
        load.begin(1, worker: 2)
        load.begin(2, worker: 1)
        load.end(1, worker: 2)
        #expect((0..<3).map { load.inFlight($0) } == [0, 2, 1])
        load.countSuccess(0, worker: 0)
        load.countSuccess(0, worker: 2)
        load.countFailure(0, worker: 1)
        #expect(load.successCount(0) == 2 && load.failureCount(0) == 1)
        load.begin(3, worker: 0)
        load.begin(-1, worker: 0)
        #expect(load.inFlight(3) == 0)
    }

    @Test func `reservations stop at the limit`() {
        let load = LoadTable(capacity: 1, workers: 1)
        #expect((0..<4).map { _ in load.reserve(0, limit: 3) } == [true, true, true, false])
        load.cancelReservation(0)
        #expect(load.reserve(0, limit: 3))
        #expect(load.reserved(0) == 3)
    }

    @Test(.timeLimit(.minutes(1)))
    func `reservations never exceed the limit between threads`() async {
        let load = LoadTable(capacity: 1, workers: 4)
        let excesses = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var excesses = 0
                    for _ in 0..<20_000 where load.reserve(0, limit: 2) {
                        if load.reserved(0) > 2 { excesses += 1 }
                        load.cancelReservation(0)
                    }
                    return excesses
                }
            }
            return await group.reduce(0, +)
        }
        #expect(excesses == 0)
        #expect(load.reserved(0) == 0)
    }

    @Test(arguments: [(0, 3), (1, 3), (15, 3), (19, 3), (20, 4), (99, 19), (100, 20), (1_005, 201)])
    func `retries stop at a fifth of the active, but not below three`(_ active: Int, _ most: Int) {
        let budget = RetryBudget(pools: 2, workers: 2)
        for request in 0..<active { budget.begin(1, worker: request % 2) }
        var granted = 0
        while granted < 1_000, budget.tryRetry(1) { granted += 1 }
        #expect(granted == most)
        #expect(budget.activeRetries(1) == most)
        #expect(budget.tryRetry(0), "pools have budgets of their own")
        budget.endRetry(1)
        #expect(budget.tryRetry(1))
        for request in 0..<active { budget.end(1, worker: request % 2) }
        #expect(budget.activeRequests(1) == 0)
    }

    @Test func `pending requests are bounded per pool`() {
        let pending = PendingLimit(pools: 2)
        #expect((0..<3).map { _ in pending.tryEnter(0, limit: 2) } == [true, true, false])
        #expect(pending.tryEnter(1, limit: 1))
        pending.leave(0)
        #expect(pending.count(0) == 1)
        #expect(pending.tryEnter(0, limit: 2))
        #expect(!pending.tryEnter(1, limit: 0))
    }
}

@Suite struct RegistryTests {
    private func identity(_ host: String) -> EndpointIdentity {
        EndpointIdentity(pool: "p", host: host, port: 80)
    }

    @Test func `an endpoint keeps its slot and a slot its endpoint`() {
        var registry = EndpointRegistry(capacity: 3)
        let a = registry.slot(for: identity("a"))
        let b = registry.slot(for: identity("b"))
        #expect([a, b] == [0, 1])
        let again = registry.slot(for: identity("a"))
        #expect(again == 0)
        #expect(registry.identity(of: 1) == identity("b"))
        #expect(registry.find(identity("c")) == nil)
        let other = registry.slot(for: EndpointIdentity(pool: "q", host: "a", port: 80))
        #expect(other == 2)
        let tooMany = registry.slot(for: identity("c"))
        #expect(tooMany == nil)
    }

    @Test func `a slot is reused only after release`() {
        var registry = EndpointRegistry(capacity: 2)
        _ = registry.slot(for: identity("a"))
        _ = registry.slot(for: identity("b"))
        let dropped = registry.retireAll(except: [1])
        #expect(dropped == [0])
        #expect(registry.retiring == [0])
        let blocked = registry.slot(for: identity("c"))
        // It comes back in time.
        let same = registry.slot(for: identity("a"))
        let inUse = registry.release(0)
        #expect(blocked == nil && same == 0 && !inUse)
        registry.retire(0)
        let freed = registry.release(0)
        #expect(freed)
        #expect(registry.identity(of: 0) == nil && registry.count == 1)
        let reused = registry.slot(for: identity("c"))
        #expect(reused == 0)
        #expect(registry.highWater == 2)
    }

    @Test func `slots that were given to others are told`() {
        var registry = EndpointRegistry(capacity: 9)
        for host in ["a", "b", "c", "d"] { _ = registry.slot(for: identity(host)) }
        for slot in [1, 2, 3] { registry.retire(slot) }
        // Free when the change is made, or freed by it.
        _ = registry.release(1)
        let old = registry
        _ = registry.release(2)
        _ = registry.release(3)
        for host in ["x", "y"] { _ = registry.slot(for: identity(host)) }
        _ = registry.slot(for: identity("z"))
        _ = registry.slot(for: identity("new"))
        #expect(Set(registry.given(since: old)) == [1, 2, 3] && registry.highWater == 5)
        #expect(registry.given(since: registry).isEmpty)
    }

    @Test func `pools keep their numbers`() {
        var pools = PoolRegistry(capacity: 2)
        let numbers = ["x", "y", "x", "z"].map { pools.slot(for: $0) }
        #expect(numbers == [0, 1, 0, nil])
    }

    @Test func `identities print as people write them`() {
        #expect("\(identity("10.0.0.1"))" == "p/10.0.0.1:80")
        #expect("\(identity("2001:db8::1"))" == "p/[2001:db8::1]:80")
    }
}
