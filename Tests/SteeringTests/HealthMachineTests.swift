// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@Suite struct HealthMachineTests {
    /// `+` a pass, `-` a failure; the health after each as `u`nknown, `U`p, `D`own.
    @Test(
        arguments: [
            (2, 3, "+", "U"), (2, 3, "-", "D"), (2, 3, "+--+--+---", "UUUUUUUUUD"),
            (2, 3, "-+-++", "DDDDU"), (1, 1, "+-+-", "UDUD"), (3, 2, "-+++--", "DDDUUD"),
            (0, 0, "+-+", "UDU"),
        ] as [(Int, Int, String, String)]
    )
    func `rise and fall`(_ rise: Int, _ fall: Int, _ results: String, _ expected: String) {
        var machine = HealthMachine(CheckSettings(rise: rise, fall: fall))
        #expect(machine.health == .unknown)
        var seen = ""
        for result in results {
            let before = machine.health
            let action = machine.record(success: result == "+")
            #expect((action == .keep) == (machine.health == before))
            seen += machine.health == .up ? "U" : "D"
        }
        #expect(seen == expected)
    }

    @Test func `every contrary result brings the change nearer`() {
        var machine = HealthMachine(
            CheckSettings(rise: 2, fall: 3, interval: .seconds(10), fastInterval: .seconds(2))
        )
        #expect(machine.secondsToChange == 2)
        var seen: [UInt16] = []
        for success in [true, false, false, true, false, false, false, true, true] {
            _ = machine.record(success: success)
            seen.append(machine.secondsToChange)
        }
        // Steady: one interval, then fast ones. Under way: fast ones.
        #expect(seen == [14, 4, 2, 14, 4, 2, 12, 2, 14])
        #expect(machine.checksNeeded == 3)
    }

    @Test func `seconds to change are rounded up and bounded`() {
        var machine = HealthMachine(CheckSettings(rise: 1, fall: 1, interval: .milliseconds(300)))
        _ = machine.record(success: true)
        #expect(machine.secondsToChange == 1)
        machine.settings = CheckSettings(rise: 9, fall: 9, interval: .max)
        #expect(machine.secondsToChange == HealthWord.noChangeInSight)
    }

    @Test func `a machine goes on with what is known`() {
        var machine = HealthMachine(CheckSettings(), health: .down)
        let actions = [machine.record(success: true), machine.record(success: true)]
        #expect(actions == [.keep, .markUp])
    }
}

@Suite struct PassiveMachineTests {
    private let settings = PassiveSettings()

    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    private func facts(
        _ successes: UInt64 = 0,
        _ latency: [Int64] = [],
        limit: Interval? = nil,
        isFull: Bool = false
    ) -> PassiveMachine.TrialFacts {
        let words = latency.map { LatencySum.word(of: .milliseconds($0)) }
        return PassiveMachine.TrialFacts(
            successes: successes,
            latency: LatencySum(bits: words.reduce(0, &+)),
            limit: limit,
            isFull: isFull
        )
    }

    /// Times of failures, and which of them ejects.
    @Test(
        arguments: [
            ([0, 1, 2], 2), ([0, 1, 29, 30], 2), ([0, 1, 31], nil), ([0, 20, 40, 45], 3),
            ([0, 31, 62, 93], nil),
        ] as [([Int64], Int?)]
    )
    func `three failures in a row within the window eject`(_ times: [Int64], _ ejects: Int?) {
        var machine = PassiveMachine()
        var found: Int?
        for (index, time) in times.enumerated() where found == nil {
            let verdict = machine.record(.reset, successes: 7, now: at(time), settings)
            if case .eject(.passiveFailures, _) = verdict { found = index }
        }
        #expect(found == ejects)
    }

    @Test func `a success in between breaks the row`() {
        var machine = PassiveMachine()
        for round in 0..<10 as Range<UInt64> {
            let verdict = machine.record(
                .status(500),
                successes: round / 2,
                now: at(Int64(round)),
                settings
            )
            #expect(verdict == .keep)
        }
    }

    @Test func `an error rate ejects only with enough requests`() {
        var machine = PassiveMachine()
        var settings = PassiveSettings()
        settings.failures = 0
        settings.errorPercent = 40
        settings.minimumVolume = 50
        var requests: UInt64 = 0
        var ejectedAt: UInt64?
        // Every other request fails.
        while ejectedAt == nil, requests < 500 {
            requests += 2
            let verdict = machine.record(
                .status(503),
                successes: requests / 2,
                now: at(Int64(requests) / 10),
                settings
            )
            if case .eject(.passiveErrorRate, _) = verdict { ejectedAt = requests }
        }
        #expect(ejectedAt == 50 || ejectedAt == 52)
    }

    @Test func `a low error rate never ejects`() {
        var machine = PassiveMachine()
        for round in 1...2_000 as ClosedRange<UInt64> {
            let verdict = machine.record(
                .timeout,
                successes: round * 9,
                now: at(Int64(round) / 10),
                settings
            )
            #expect(verdict == .keep)
        }
    }

    @Test func `ejections grow with repeats up to a limit and are forgotten`() {
        var machine = PassiveMachine()
        var now = at(0)
        var lengths: [Int64] = []
        for _ in 0..<12 {
            let until = machine.eject(now: now, settings)
            lengths.append((until - now).nanoseconds / 1_000_000_000)
            let early = machine.expire(
                facts(),
                now: Instant(nanoseconds: until.nanoseconds - 1),
                settings
            )
            let ended = machine.expire(facts(), now: until, settings)
            #expect([early, ended] == [false, true])
            now = until + .seconds(1)
        }
        #expect(lengths == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
        now = now + .seconds(301)
        let until = machine.eject(now: now, settings)
        #expect(until == now + .seconds(30))
    }

    @Test func `failures during an ejection are no news`() {
        var machine = PassiveMachine()
        let until = machine.eject(now: at(0), settings)
        for second in 1...9 as ClosedRange<Int64> {
            let verdict = machine.record(.reset, successes: 0, now: at(second), settings)
            #expect(verdict == .keep)
        }
        #expect(machine.ejectedUntil == until)
    }

    @Test func `a probe that lies is believed once`() {
        var machine = PassiveMachine()
        for second in 0..<3 as Range<Int64> {
            _ = machine.record(.status(500), successes: 0, now: at(second), settings)
        }
        _ = machine.eject(now: at(3), settings)
        let first = machine.probePassed(facts(), now: at(4), settings)
        _ = machine.record(.status(500), successes: 0, now: at(5), settings)
        _ = machine.eject(now: at(8), settings)
        let second = machine.probePassed(facts(), now: at(9), settings)
        #expect([first, second] == [true, false])
        #expect(machine.isEjected)
    }

    @Test func `a probe always ends an ejection for failed connections`() {
        var machine = PassiveMachine()
        for round in 0..<3 as Range<Int64> {
            _ = machine.record(.connectRefused, successes: 0, now: at(round * 10), settings)
            _ = machine.eject(now: at(round * 10 + 1), settings)
            let ended = machine.probePassed(facts(), now: at(round * 10 + 2), settings)
            #expect(ended)
        }
    }

    @Test func `after an ejection enough successes close the circuit`() {
        var machine = PassiveMachine()
        #expect(machine.circuit == .closed)
        let until = machine.eject(now: at(0), settings)
        #expect(machine.circuit == .open)
        let ended = machine.expire(facts(100), now: until, settings)
        #expect(ended && machine.circuit == .halfOpen && !machine.isEjected)
        for successes in 100...104 as ClosedRange<UInt64> {
            let verdict = machine.judgeTrial(facts(successes), now: at(31), settings)
            #expect(verdict == .keep && machine.circuit == .halfOpen)
        }
        let verdict = machine.judgeTrial(facts(105), now: at(31), settings)
        #expect(verdict == .close && machine.circuit == .closed)
        #expect(machine.nextLook(now: at(31)) == .never)
    }

    @Test func `one failure opens it again, for longer`() {
        var machine = PassiveMachine()
        var until = machine.eject(now: at(0), settings)
        _ = machine.expire(facts(), now: until, settings)
        let verdict = machine.record(.timeout, successes: 3, now: at(31), settings)
        #expect(verdict == .eject(.passiveFailures, detail: "the trial failed: timeout"))
        until = machine.eject(now: at(31), settings)
        #expect(until == at(91) && machine.circuit == .open)
    }

    @Test func `a trial that is still too slow opens it again`() {
        let limit = Interval.milliseconds(80)
        for (time, expected) in [(60, true), (200, false)] as [(Int64, Bool)] {
            var machine = PassiveMachine()
            let until = machine.eject(forLatency: true, now: at(0), settings)
            // What a probe sees is not what was wrong.
            let isBelieved = machine.probePassed(facts(), now: at(1), settings)
            #expect(!isBelieved)
            _ = machine.expire(facts(0, [900, 900]), now: until, settings)
            let after = facts(5, [900, 900] + Array(repeating: time, count: 5), limit: limit)
            let verdict = machine.judgeTrial(after, now: at(31), settings)
            #expect((verdict == .close) == expected, "\(verdict)")
        }
    }

    @Test func `streams that go on for long are proof enough`() {
        var machine = PassiveMachine()
        let until = machine.eject(now: at(0), settings)
        _ = machine.expire(facts(), now: until, settings)
        let early = machine.judgeTrial(facts(isFull: true), now: until + .seconds(60), settings)
        let late = machine.judgeTrial(facts(isFull: true), now: until + .seconds(61), settings)
        #expect(early == .keep && late == .close)
    }

    @Test func `without a limit for trials all requests come back at once`() {
        var machine = PassiveMachine()
        var settings = PassiveSettings()
        settings.trialLimit = 0
        let until = machine.eject(now: at(0), settings)
        _ = machine.expire(facts(), now: until, settings)
        #expect(machine.circuit == .closed)
    }
}
