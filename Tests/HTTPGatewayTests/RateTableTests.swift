// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import HTTPGateway
@testable import Steering

/// A bucket with its tokens counted one by one, in parts of a token.
private struct PlainBucket {
    var level: UInt64
    var last: UInt64 = 0

    init(_ machine: RateMachine) { level = machine.interval * machine.burst }

    mutating func take(_ machine: RateMachine, now: UInt64) -> Bool {
        level = min(level + (now - last), machine.interval * machine.burst)
        last = now
        guard level >= machine.interval else { return false }
        level -= machine.interval
        return true
    }
}

@Suite struct RateTableTests {
    static let machines = [
        RateMachine(count: 100, per: .seconds(1), burst: 200),
        RateMachine(count: 3, per: .seconds(1), burst: 1),
        RateMachine(count: 7, per: .seconds(60), burst: 20),
        RateMachine(count: 1_000_000, per: .seconds(1), burst: 10),
        RateMachine(count: 1, per: .seconds(3600), burst: 3),
    ]

    @Test(arguments: machines, [UInt64(1), 2, 3])
    func `a key passes exactly what a plain bucket passes`(_ machine: RateMachine, seed: UInt64) {
        let table = RateTable(sets: 16, cells: 64, secret: seed)
        var plain = PlainBucket(machine)
        var random = SeededRandom(seed: seed)
        var now: UInt64 = 0
        var passes: [UInt64] = []
        for step in 0..<5_000 {
            let pause = random.next(below: 8) == 0 ? machine.interval * 5 : machine.interval / 2
            now += random.next() % (pause + 1)
            let decision = table.take(9, machine, now: Instant(nanoseconds: Int64(now)))
            #expect(decision.isAllowed == plain.take(machine, now: now), "step \(step)")
            #expect(!decision.isAllowed || decision.remaining == plain.level / machine.interval)
            let isWaitRight =
                decision.isAllowed
                || UInt64(decision.wait.nanoseconds) == machine.interval - plain.level
            #expect(isWaitRight)
            if decision.isAllowed { passes.append(now) }
        }
        #expect(passes.count > 100 && passes.count < 5_000)
        // Never more than burst and rate times time, whatever stretch is looked at.
        for first in stride(from: 0, to: passes.count, by: 37) {
            for last in first..<passes.count {
                let span = passes[last] - passes[first]
                let most = machine.burst + span / machine.interval
                #expect(UInt64(last - first + 1) <= most)
            }
        }
    }

    @Test(arguments: [(3, 1), (7, 60), (999_999, 3600), (1_000_000, 1)])
    func `rounding adds no request`(count: Int, seconds: Int64) {
        let machine = RateMachine(count: count, per: .seconds(seconds), burst: 1)
        let period = UInt64(seconds) * 1_000_000_000
        #expect(machine.interval * UInt64(count) >= period)
        #expect((machine.interval - 1) * UInt64(count) < period)
    }

    @Test func `with more keys than memory no key passes more than its own bucket would`() {
        let machine = RateMachine(count: 1, per: .seconds(10), burst: 5)
        let table = RateTable(sets: 16, cells: 256, secret: 4)
        var buckets: [UInt64: PlainBucket] = [:]
        var random = SeededRandom(seed: 8)
        var tally = (looser: 0, stricter: 0, displaced: 0, estimated: 0)
        for step in 0..<60_000 {
            let now = UInt64(step) * 1_000_000
            let key = UInt64(random.next(below: 900))
            let decision = table.take(key, machine, now: Instant(nanoseconds: Int64(now)))
            // The plain bucket gives only what the table gave: it stays a bound from above.
            var bucket = buckets[key] ?? PlainBucket(machine)
            var trial = bucket
            let wouldPass = trial.take(machine, now: now)
            if decision.isAllowed {
                if !wouldPass { tally.looser += 1 }
                bucket = trial
            } else {
                if wouldPass { tally.stricter += 1 }
                bucket.level = min(
                    bucket.level + (now - bucket.last),
                    machine.interval * machine.burst
                )
                bucket.last = now
            }
            buckets[key] = bucket
            if decision.hasDisplaced { tally.displaced += 1 }
            if decision.isEstimated { tally.estimated += 1 }
        }
        #expect(tally.looser == 0)
        #expect(tally.stricter > 0 && tally.displaced > 0 && tally.estimated > 0, "\(tally)")
        #expect(table.occupancy(now: Instant(nanoseconds: 60_000_000_000)) <= table.capacity)
    }

    @Test func `the busiest key stays exact under a flood of keys that come once`() {
        let machine = RateMachine(count: 1, per: .seconds(1), burst: 50)
        let table = RateTable(sets: 16, cells: 4_096, secret: 11)
        var plain = PlainBucket(machine)
        var random = SeededRandom(seed: 2)
        var passed = (table: 0, plain: 0)
        for step in 0..<20_000 {
            let now = UInt64(step) * 10_000_000
            let at = Instant(nanoseconds: Int64(now))
            if step % 4 == 0 {
                passed.table += table.take(1, machine, now: at).isAllowed ? 1 : 0
                passed.plain += plain.take(machine, now: now) ? 1 : 0
            } else {
                _ = table.take(random.next(), machine, now: at)
            }
        }
        #expect(passed.plain > 200)
        #expect(passed.table == passed.plain)
    }

    @Test func `many keys of a limit by the hour do nothing to one by the second`() {
        let tables = RateTables()
        let slow = RateMachine(count: 10, per: .seconds(3600), burst: 1)
        let quick = RateMachine(count: 100, per: .seconds(1), burst: 200)
        for key in 0..<UInt64(300_000) { _ = tables.take(Hash.mix(key), slow, now: .start) }
        // Few enough that five of them share a set of four once in 300,000 runs: the secret is drawn.
        for key in 0..<UInt64(500) {
            let decision = tables.take(Hash.mix(~key), quick, now: .start)
            #expect(decision.isAllowed && !decision.isEstimated && !decision.hasDisplaced)
        }
        let attempts = RateMachine(count: 10, per: .seconds(60), burst: 10)
        #expect(tables.attempts.peek(9, attempts, now: .start).isAllowed)
    }

    @Test func `keys find places of their own while there are some, and leave nothing behind`() {
        let machine = RateMachine(count: 1, per: .seconds(1), burst: 2)
        let table = RateTable(secret: 3)
        var others = 0
        for key in 0..<UInt64(16_384) {
            let decision = table.take(key, machine, now: .start)
            #expect(decision.isAllowed)
            if decision.isEstimated || decision.hasDisplaced { others += 1 }
        }
        #expect(table.capacity == 65_536)
        // Four places for one key on average each: sets with five keys or more are few.
        #expect(others < 160, "\(others)")
        #expect(table.occupancy(now: .start) == 16_384 - others)
        #expect(table.occupancy(now: .start + .seconds(1)) == 0)
    }

    @Test(arguments: [false, true])
    func `threads share one bucket, in a place of its own or in the sketch`(
        isSketched: Bool
    ) async {
        let machine = RateMachine(count: 1, per: .seconds(3600), burst: 20_000)
        let heavy = RateMachine(count: 1, per: .seconds(3600), burst: 900_000)
        let table = RateTable(sets: 1, cells: 4_096, secret: 5)
        if isSketched {
            // Four keys that owe more than the one looked at ever can.
            for key in 100..<UInt64(104) {
                for _ in 0..<30_000 { _ = table.take(key, heavy, now: .start) }
            }
        } else {
            _ = table.take(7, machine, now: .start)
        }
        let passed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<10_000).count { _ in table.take(7, machine, now: .start).isAllowed }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(passed == (isSketched ? 20_000 : 19_999))
        #expect(table.take(7, machine, now: .start).isEstimated == isSketched)
    }

    @Test func `numbers of limits keep their places, and the last place is for the rest`() {
        let table = RateTables()
        let places = (1...300).map { table.counter(of: UInt64($0) << 8) }
        #expect(Set(places.prefix(255)).count == 255)
        #expect(places.suffix(45).allSatisfy { $0 == GatewayMetrics.rateLimit - 1 })
        #expect((1...300).map { table.counter(of: UInt64($0) << 8) } == places)
    }
}
