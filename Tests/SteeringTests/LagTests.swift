// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@Suite struct LagTests {
    /// A worker in virtual time.
    private struct Worker {
        var now = Instant(nanoseconds: 1_000_000_000)
        var machine = LagMachine(now: Instant(nanoseconds: 1_000_000_000))
        var limit = Interval.milliseconds(10)

        /// Turns of one length, with a wait between them, for so long.
        mutating func work(turn: Interval, wait: Interval, during: Interval) {
            let end = now + during
            while now < end {
                let waited = now + turn
                now = waited + wait
                machine.turn(waited: waited, now: now, limit: limit)
            }
        }
    }

    private let at = Interval.milliseconds

    @Test func `an idle worker refuses nobody`() {
        var worker = Worker()
        worker.work(turn: at(2), wait: at(20), during: .seconds(2))
        #expect(worker.machine.level == .none)
        #expect(worker.machine.lag < at(1))
        worker.work(turn: .zero, wait: .seconds(30), during: .seconds(60))
        #expect(worker.machine.lag == .zero)
    }

    @Test(arguments: [(5, LagMachine.Level.none), (12, .low), (39, .low), (45, .normal)])
    func `turn after turn without a pause is lag`(
        _ example: (milliseconds: Int, level: LagMachine.Level)
    ) {
        var worker = Worker()
        worker.work(turn: at(Int64(example.milliseconds)), wait: .zero, during: .seconds(1))
        #expect(worker.machine.level == example.level)
        let lag = worker.machine.lag.milliseconds
        #expect(abs(Int(lag) - example.milliseconds) <= 1)
    }

    @Test func `a stall refuses nobody, however long`() {
        for stall in [150, 900, 5_000] {
            var worker = Worker()
            worker.work(turn: at(1), wait: at(5), during: .seconds(1))
            worker.work(turn: at(Int64(stall)), wait: .zero, during: at(1))
            #expect(worker.machine.level == .none)
            worker.work(turn: at(1), wait: at(5), during: .seconds(1))
            #expect(worker.machine.level == .none)
        }
    }

    @Test func `three windows of it are a reason, and one good one is an end`() {
        var worker = Worker()
        worker.work(turn: at(20), wait: .zero, during: at(240))
        #expect(worker.machine.level == .none)
        worker.work(turn: at(20), wait: .zero, during: at(100))
        #expect(worker.machine.level == .low)
        // Half busy: an event meets a quarter of what it met before.
        worker.work(turn: at(5), wait: at(5), during: at(220))
        #expect(worker.machine.level == .none)
    }

    @Test func `it goes back only at half of the limit`() {
        var worker = Worker()
        worker.work(turn: at(20), wait: .zero, during: .seconds(1))
        worker.work(turn: at(6), wait: .zero, during: .seconds(1))
        #expect(worker.machine.level == .low)
        worker.work(turn: at(4), wait: .zero, during: at(220))
        #expect(worker.machine.level == .none)
        worker.work(turn: at(60), wait: .zero, during: .seconds(1))
        #expect(worker.machine.level == .normal)
        worker.work(turn: at(25), wait: .zero, during: .seconds(1))
        #expect(worker.machine.level == .normal)
        worker.work(turn: at(15), wait: .zero, during: .seconds(1))
        #expect(worker.machine.level == .low)
        worker.work(turn: at(1), wait: at(1), during: at(220))
        #expect(worker.machine.level == .none)
    }

    @Test func `without a limit the lag is only told`() {
        var worker = Worker()
        worker.limit = .zero
        worker.work(turn: at(80), wait: .zero, during: .seconds(2))
        #expect(worker.machine.level == .none)
        #expect(worker.machine.lag >= at(79))
    }

    @Test func `the lowest are refused first, and the highest never`() {
        var worker = Worker()
        func refused(_ machine: LagMachine) -> [Bool] { Priority.allCases.map(machine.refuses) }
        #expect(refused(worker.machine) == [false, false, false])
        worker.work(turn: at(20), wait: .zero, during: .seconds(1))
        #expect(refused(worker.machine) == [false, false, true])
        worker.work(turn: at(900), wait: .zero, during: .seconds(9))
        #expect(refused(worker.machine) == [false, true, true])
    }
}
