// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@Suite struct TimerWheelTests {
    /// Drives the wheel and a plain dictionary with the same seeded moves.
    @Test(arguments: [1, 2, 3, 4, 5])
    func `random moves expire as a plain table says`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var now = Instant(nanoseconds: 123_456_789)
        var wheel = TimerWheel(tick: .milliseconds(8), now: now)
        var table: [Int: Instant] = [:]
        for _ in 0..<20_000 {
            let id = Int(random.next(below: 300))
            switch random.next(below: 10) {
            case 0..<5:
                let far = random.next(below: 4) == 0
                let span = Int64(random.next(below: far ? 60_000 : 900))
                table[id] = now + .milliseconds(span)
                wheel.schedule(id, at: now + .milliseconds(span))
            case 5:
                table[id] = nil
                wheel.cancel(id)
            default:
                now = now + .milliseconds(Int64(random.next(below: 40)))
                var expired: Set<Int> = []
                while let id = wheel.popExpired(now: now) { expired.insert(id) }
                let due = Set(table.filter { $0.value <= now }.keys)
                #expect(expired == due)
                for id in due { table[id] = nil }
                let wake = wheel.nextDeadline()
                if let earliest = table.values.min() {
                    #expect(wake <= earliest + .milliseconds(8))
                    #expect(wake > now)
                } else {
                    #expect(wake == .never)
                }
            }
        }
    }

    @Test func `a deadline moved later does not fire early`() {
        var wheel = TimerWheel(now: .start)
        wheel.schedule(0, at: .start + .seconds(1))
        wheel.schedule(0, at: .start + .seconds(3))
        let early = wheel.popExpired(now: .start + .seconds(2))
        let late = wheel.popExpired(now: .start + .seconds(4))
        #expect(early == nil)
        #expect(late == 0)
    }

    @Test func `a deadline moved earlier fires at its new time`() {
        var wheel = TimerWheel(now: .start)
        wheel.schedule(0, at: .start + .seconds(60))
        wheel.schedule(0, at: .start + .seconds(1))
        let fired = wheel.popExpired(now: .start + .milliseconds(1_010))
        #expect(fired == 0)
    }
}
