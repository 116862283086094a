// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

@Suite struct LatencySumTests {
    @Test(arguments: [1, 2, 3, 999, 1_000_000, 20_000_000, 123_456_789, 30_000_000_000, .max])
    func `one time is its own mean, within the rounding of the logarithm`(_ time: Int64) {
        let sum = LatencySum(bits: LatencySum.word(of: Interval(nanoseconds: time)))
        #expect(sum.count == 1)
        let mean = Double(sum.mean.nanoseconds)
        #expect(mean <= Double(time) && mean >= Double(time) * 0.99 - 1)
    }

    @Test func `no time and a negative one count as the least`() {
        #expect(LatencySum(bits: 0).mean == .zero)
        #expect(LatencySum(bits: LatencySum.word(of: .zero)).mean.nanoseconds == 1)
        #expect(LatencySum(bits: LatencySum.word(of: Interval(nanoseconds: -5))).count == 1)
    }

    @Test func `the one that took half a minute hardly moves the mean`() {
        var bits: UInt64 = 0
        for _ in 0..<19 { bits &+= LatencySum.word(of: .milliseconds(5)) }
        bits &+= LatencySum.word(of: .seconds(30))
        let mean = LatencySum(bits: bits).mean
        #expect(mean > .milliseconds(5) && mean < .milliseconds(9))
    }

    @Test func `a difference is what came in between, whatever has overflowed before`() {
        var before: UInt64 = .max &- 12_345
        let earlier = LatencySum(bits: before)
        for _ in 0..<1_000 { before &+= LatencySum.word(of: .milliseconds(64)) }
        let sample = LatencySum(bits: before).since(earlier)
        #expect(sample.count == 1_000)
        #expect(abs(sample.mean.nanoseconds - 64_000_000) < 500_000)
    }
}

@Suite struct LatencyMachineTests {
    private let settings = LatencySettings(factor: 4, difference: .milliseconds(50))

    /// Looks twice, with so many answers of each endpoint in between.
    private func judge(
        _ times: [Int64],
        answers: [Int]? = nil,
        serving: [Bool]? = nil
    ) -> [LatencyMachine.Verdict] {
        var machine = LatencyMachine()
        func members(_ isLate: Bool) -> [LatencyMachine.Member] {
            times.enumerated().map { slot, time in
                let count = isLate ? answers?[slot] ?? 100 : 0
                let word = LatencySum.word(of: .milliseconds(time))
                return LatencyMachine.Member(
                    slot: slot,
                    sum: LatencySum(bits: UInt64(count) &* word),
                    isServing: serving?[slot] ?? true
                )
            }
        }
        let now = Instant(nanoseconds: 1_000_000_000)
        let first = machine.judge(members(false), now: now, memory: .seconds(30), settings)
        #expect(first.isEmpty)
        let later = now + .seconds(1)
        return machine.judge(members(true), now: later, memory: .seconds(30), settings)
    }

    @Test func `the one far above the median is named`() {
        #expect(judge([20, 21, 19, 20, 300]).map(\.slot) == [4])
        #expect(judge([20, 20, 20, 20, 400, 900]).map(\.slot) == [5, 4], "the slowest first")
        #expect(judge([20, 21, 19, 20, 65]).isEmpty, "below the factor and the difference")
        #expect(judge([1, 1, 1, 1, 40]).isEmpty, "far above, but by a trifle")
        #expect(judge([100, 100, 100, 350]).isEmpty, "much above, but below the factor")
    }

    @Test func `with half of them slow the quick half is the measure`() {
        #expect(judge([20, 20, 20, 300, 300, 300]).map(\.slot).sorted() == [3, 4, 5])
    }

    @Test func `too few answers or endpoints are no ground`() {
        #expect(judge([20, 20, 20, 300], answers: [100, 100, 100, 19]).isEmpty)
        #expect(judge([20, 300]).isEmpty)
        #expect(judge([20, 20, 300], answers: [100, 5, 100]).isEmpty)
        #expect(judge([20, 20, 20, 300], serving: [true, true, true, false]).isEmpty)
    }
}

/// A pool under load in virtual time: the keeper and a chooser per worker, as in the process.
private final class Simulation {
    let table = HealthTable(capacity: 16)
    let load = LoadTable(capacity: 16, workers: 2)
    var keeper: HealthKeeper
    var choosers: [Int: Int] = [:]
    var first: Chooser
    var second: Chooser
    var now = Instant(nanoseconds: 1_000_000_000)
    var random = SeededRandom(seed: 11)
    var flying: [(end: Instant, slot: Int, worker: Int, latency: Interval)] = []
    var events: [HealthEvent.Change] = []
    /// The time that an endpoint takes; replaced by tests.
    var latency: (Int, inout SeededRandom) -> Interval = { _, _ in .milliseconds(20) }

    init(_ count: Int, _ balance: Balance = .weightedRoundRobin) {
        keeper = HealthKeeper(table: table, load: load)
        var passive = PassiveSettings()
        passive.ejection = .seconds(5)
        passive.latency = LatencySettings(factor: 4, difference: .milliseconds(50))
        for slot in 0..<count {
            let registration = HealthRegistration(
                slot: slot,
                identity: EndpointIdentity(pool: "p", host: "10.0.0.\(slot)", port: 80),
                name: "e\(slot)",
                checks: nil,
                passive: passive
            )
            _ = keeper.register(registration, now: now)
        }
        var pool = PoolDefinition(name: "p", balance: balance)
        pool.trialLimit = UInt32(passive.trialLimit)
        pool.endpoints = (0..<count).map { slot in
            let ip = IPAddress(v4: 0x0a00_0000 + UInt32(slot))
            return EndpointDefinition(
                name: "e\(slot)",
                slot: slot,
                address: SocketAddress(ip, port: 80)
            )
        }
        first = Chooser(pools: [pool], health: table, load: load, worker: 0, seed: 3)
        second = Chooser(pools: [pool], health: table, load: load, worker: 1, seed: 4)
    }

    /// Serves 1,000 requests a second for so long; returns who got how many.
    func run(seconds: Int) -> [Int: Int] {
        var picks: [Int: Int] = [:]
        for _ in 0..<seconds * 1_000 {
            now = now + .milliseconds(1)
            land()
            if keeper.nextDeadline <= now { events += keeper.tick(now: now).map(\.change) }
            let worker = Int(random.next(below: 2))
            let choice =
                worker == 0
                ? first.choose(pool: 0, key: 0, tried: Tried(), now: now)
                : second.choose(pool: 0, key: 0, tried: Tried(), now: now)
            guard case .endpoint(let slot) = choice else { continue }
            guard worker == 0 ? first.begin(slot: slot) : second.begin(slot: slot) else { continue }
            picks[slot, default: 0] += 1
            let time = latency(slot, &random)
            flying.append((now + time, slot, worker, time))
        }
        return picks
    }

    private func land() {
        for place in flying.indices.reversed() where flying[place].end <= now {
            let done = flying.remove(at: place)
            load.countLatency(done.slot, done.latency, worker: done.worker)
            load.countSuccess(done.slot, worker: done.worker)
            if done.worker == 0 {
                first.end(slot: done.slot, latency: done.latency, now: now)
            } else {
                second.end(slot: done.slot, latency: done.latency, now: now)
            }
        }
    }
}

@Suite struct OutlierSimulationTests {
    /// 20 ms with a long tail: one in a hundred takes two seconds.
    private static func noisy(_ random: inout SeededRandom) -> Interval {
        if random.next(below: 100) == 0 { return .seconds(2) }
        return .microseconds(5_000 + Int64(random.next(below: 30_000)))
    }

    @Test
    func `one slow endpoint of ten is below 2 % of the requests within 5 s, and returns well`() {
        let stage = Simulation(10)
        var isSlow = false
        stage.latency = { slot, random in
            slot == 7 && isSlow ? .milliseconds(800) : OutlierSimulationTests.noisy(&random)
        }
        let before = stage.run(seconds: 10)
        #expect(before.values.allSatisfy { 900...1_100 ~= $0 }, "\(before)")
        isSlow = true
        _ = stage.run(seconds: 5)
        let during = stage.run(seconds: 60)
        #expect(during[7] ?? 0 < 1_200, "2 % of 60,000: \(during[7] ?? 0)")
        #expect(during[7] ?? 0 > 10, "it is tried again and again")
        isSlow = false
        // The longest wait is that of an ejection that has grown meanwhile.
        _ = stage.run(seconds: 60)
        let after = stage.run(seconds: 10)
        #expect(after.values.allSatisfy { 900...1_100 ~= $0 }, "\(after)")
        #expect(stage.keeper.status(7)?.word.circuit == .closed)
    }

    @Test func `ten alike stay alike, and none is ejected`() {
        for balance in [Balance.weightedRoundRobin, .leastConnections] {
            let stage = Simulation(10, balance)
            stage.latency = { _, random in OutlierSimulationTests.noisy(&random) }
            let picks = stage.run(seconds: 60)
            #expect(stage.events.isEmpty)
            // How evenly fewest in flight shares is its own matter; here no ejection counts.
            guard balance == .weightedRoundRobin else { continue }
            let (least, most) = (picks.values.min() ?? 0, picks.values.max() ?? 0)
            #expect(least * 110 >= most * 100, "\(balance): \(picks)")
        }
    }
}

@Suite struct HalfOpenTests {
    private struct Stage: ~Copyable {
        let health: HealthTable
        let load: LoadTable
        var chooser: Chooser

        /// Chooses and begins; -1 when nobody can be chosen, -2 when the place was taken.
        mutating func pick() -> Int {
            let now = Instant(nanoseconds: 1)
            let choice = chooser.choose(pool: 0, key: 0, tried: Tried(), now: now)
            guard case .endpoint(let slot) = choice else { return -1 }
            return chooser.begin(slot: slot) ? slot : -2
        }
    }

    private func stage(_ circuits: [Circuit], limit: UInt32 = 2) -> Stage {
        let health = HealthTable(capacity: 8)
        let load = LoadTable(capacity: 8, workers: 1)
        for (slot, circuit) in circuits.enumerated() {
            var word = HealthWord(health: .up)
            word.isEjected = circuit == .open
            word.isHalfOpen = circuit == .halfOpen
            health.publish(slot, word)
        }
        var pool = PoolDefinition(name: "p", balance: .firstAvailable)
        pool.trialLimit = limit
        pool.endpoints = circuits.indices.map { slot in
            let address = SocketAddress(IPAddress(v4: UInt32(slot)), port: 80)
            return EndpointDefinition(name: "e\(slot)", slot: slot, address: address)
        }
        let chooser = Chooser(pools: [pool], health: health, load: load, worker: 0, seed: 1)
        return Stage(health: health, load: load, chooser: chooser)
    }

    @Test func `a half-open endpoint gets so many requests at a time`() {
        var stage = self.stage([.halfOpen, .closed])
        let picks = (0..<5).map { _ in stage.pick() }
        #expect(picks == [0, 0, 1, 1, 1])
        #expect(stage.load.trials(0) == 2)
        let why = stage.chooser.explain(pool: 0, key: 0, now: Instant(nanoseconds: 1)).candidates[0]
        #expect(why.whyNot == "half-open: its trial requests are under way")
        stage.chooser.abandon(slot: 0)
        #expect(stage.load.trials(0) == 1)
        let next = stage.pick()
        #expect(next == 0)
        stage.chooser.fail(slot: 0, now: Instant(nanoseconds: 1))
        stage.chooser.end(slot: 0, latency: .zero, now: Instant(nanoseconds: 1))
        #expect(stage.load.trials(0) == 0 && stage.load.inFlight(0) == 0)
    }

    @Test func `another worker may have taken the last place`() {
        var stage = self.stage([.halfOpen, .closed], limit: 1)
        let now = Instant(nanoseconds: 1)
        let choice = stage.chooser.choose(pool: 0, key: 0, tried: Tried(), now: now)
        #expect(choice == .endpoint(0))
        let isTaken = stage.load.beginTrial(0, limit: 1)
        let isBegun = stage.chooser.begin(slot: 0)
        #expect(isTaken && !isBegun)
        let next = stage.pick()
        #expect(next == 1)
    }

    @Test func `where nobody else serves it serves as if it were well`() {
        for others in [[Circuit.open], [], [.halfOpen]] {
            var stage = self.stage([.halfOpen] + others)
            for round in 0..<20 {
                let slot = stage.pick()
                #expect(slot >= 0, "\(round)")
            }
            #expect(stage.load.inFlight(0) >= 16)
        }
    }

    @Test func `a tunnel is a trial only until it is agreed on`() {
        var stage = self.stage([.halfOpen, .closed])
        _ = stage.pick()
        stage.chooser.endTrial(slot: 0)
        #expect(stage.load.trials(0) == 0 && stage.load.inFlight(0) == 1)
        stage.chooser.abandon(slot: 0)
        #expect(stage.load.trials(0) == 0 && stage.load.inFlight(0) == 0)
    }

    @Test func `without a limit and in a closed circuit nothing is counted`() {
        var stage = self.stage([.halfOpen], limit: 0)
        _ = stage.pick()
        #expect(stage.load.trials(0) == 0)
        #expect(stage.health.word(0).circuit == .halfOpen)
        var closed = self.stage([.closed])
        _ = closed.pick()
        #expect(closed.load.trials(0) == 0)
    }
}
