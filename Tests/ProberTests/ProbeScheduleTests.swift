// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Prober

private let begin = Instant(nanoseconds: 1_000_000_000_000)

private func rhythm(
    interval: Int64 = 5_000,
    fast: Int64 = 1_000,
    timeout: Int64 = 2_000,
    jitter: UInt8 = 0
) -> ProbeRhythm {
    ProbeRhythm(
        interval: .milliseconds(interval),
        fastInterval: .milliseconds(fast),
        timeout: .milliseconds(timeout),
        jitterPercent: jitter
    )
}

/// Lets a schedule run for `rounds` probes that take `duration` each; returns their starts.
private func starts(
    _ schedule: inout ProbeSchedule,
    rounds: Int,
    duration: Interval = .milliseconds(3),
    seed: UInt64 = 1
) -> [Instant] {
    var random = SeededRandom(seed: seed)
    return (0..<rounds).map { _ in
        let start = schedule.due
        _ = schedule.begin(now: start)
        schedule.finish(now: start + duration, random: &random)
        return start
    }
}

@Suite struct ProbeScheduleTests {
    @Test(arguments: [1, 3, 500, 10_000])
    func `the first round of any number of targets begins within a quarter of the timeout`(
        count: Int
    ) {
        let last = ProbeSchedule(rhythm(), place: count - 1, of: count, now: begin)
        #expect(last.due >= begin)
        #expect(last.due <= begin + .milliseconds(500))
        let first = ProbeSchedule(rhythm(), place: 0, of: count, now: begin)
        #expect(first.due == begin)
    }

    @Test func `later rounds of many targets lie evenly over the interval`() {
        var slices = [Int](repeating: 0, count: 50)
        for place in 0..<10_000 {
            var schedule = ProbeSchedule(rhythm(), place: place, of: 10_000, now: begin)
            let third = starts(&schedule, rounds: 3)[2]
            let offset = (third - begin).milliseconds % 5_000
            slices[Int(offset) / 100] += 1
        }
        // 200 in each slice of 100 ms, when it is even.
        #expect(slices.allSatisfy { 190...210 ~= $0 }, "\(slices)")
    }

    @Test func `a target keeps its grid, whatever its probes take`() {
        var quick = ProbeSchedule(rhythm(), place: 4, of: 9, now: begin)
        var slow = quick
        let a = starts(&quick, rounds: 20, duration: .milliseconds(1))
        let b = starts(&slow, rounds: 20, duration: .milliseconds(1_990))
        #expect((a[19] - a[18]) == .seconds(5))
        #expect((b[19] - b[18]) == .seconds(5))
        #expect((b[19] - a[19]).nanoseconds % Interval.seconds(5).nanoseconds == 0)
    }

    @Test func `points missed by a probe longer than the interval are left out`() {
        var schedule = ProbeSchedule(
            rhythm(interval: 100, fast: 100, timeout: 1_000),
            place: 0,
            of: 1,
            now: begin
        )
        let times = starts(&schedule, rounds: 10, duration: .milliseconds(950))
        for (earlier, later) in zip(times.dropFirst(), times.dropFirst(2)) {
            #expect((later - earlier) == .seconds(1))
        }
    }

    @Test func `jitter moves probes within its share and lets no drift build up`() {
        var schedule = ProbeSchedule(rhythm(jitter: 20), place: 2, of: 5, now: begin)
        var still = ProbeSchedule(rhythm(), place: 2, of: 5, now: begin)
        let moved = starts(&schedule, rounds: 500)
        let grid = starts(&still, rounds: 500)
        let shifts = zip(moved, grid).dropFirst().map { ($0 - $1).milliseconds }
        #expect(shifts.allSatisfy { -1_000...1_000 ~= $0 }, "\(shifts)")
        #expect(shifts.contains { $0 < -700 } && shifts.contains { $0 > 700 })
        #expect(abs(shifts.reduce(0, +)) / 500 < 100, "the mean stays near the grid")
    }

    @Test func `a changing state is asked at the fast interval, then on the old grid again`() {
        var random = SeededRandom(seed: 3)
        var schedule = ProbeSchedule(rhythm(), place: 1, of: 2, now: begin)
        let regular = starts(&schedule, rounds: 3)
        let failed = regular[2] + .milliseconds(3)
        #expect(schedule.due == regular[2] + .seconds(5))
        schedule.setChanging(true, isIdle: true, now: failed, random: &random)
        #expect(schedule.due == regular[2] + .seconds(1))
        let fast = starts(&schedule, rounds: 2)
        #expect(schedule.due == fast[1] + .seconds(1))
        schedule.setChanging(false, isIdle: true, now: fast[1] + .milliseconds(5), random: &random)
        #expect(schedule.due == regular[2] + .seconds(5))
    }

    @Test func `a change told during a probe counts when it ends`() {
        var random = SeededRandom(seed: 3)
        var schedule = ProbeSchedule(rhythm(), place: 0, of: 1, now: begin)
        let deadline = schedule.begin(now: begin)
        #expect(deadline == begin + .seconds(2))
        schedule.setChanging(true, isIdle: false, now: begin, random: &random)
        schedule.finish(now: begin + .milliseconds(1_500), random: &random)
        #expect(schedule.due == begin + .milliseconds(1_500), "the fast time has passed: at once")
    }

    @Test func `a probe out of turn comes no sooner than the fast interval, and only once`() {
        var random = SeededRandom(seed: 3)
        var schedule = ProbeSchedule(rhythm(), place: 0, of: 1, now: begin)
        _ = starts(&schedule, rounds: 2)
        let last = schedule.due
        _ = schedule.begin(now: last)
        schedule.finish(now: last, random: &random)
        for step in 0..<10 { schedule.bringForward(now: last + .milliseconds(Int64(step))) }
        #expect(schedule.due == last + .seconds(1))
        _ = starts(&schedule, rounds: 1)
        #expect(schedule.due == last + .seconds(5), "then its grid again")
        schedule.bringForward(now: last + .seconds(3))
        #expect(schedule.due == last + .seconds(3), "long after the last probe: at once")
    }

    @Test func `another interval never makes a target wait longer for its next probe`() {
        var longer = ProbeSchedule(rhythm(interval: 1_000), place: 3, of: 5, now: begin)
        _ = starts(&longer, rounds: 1)
        let due = longer.due
        longer.adopt(rhythm(interval: 60_000), now: begin + .milliseconds(10))
        #expect(longer.due == due)
        var shorter = ProbeSchedule(rhythm(interval: 60_000), place: 3, of: 5, now: begin)
        _ = starts(&shorter, rounds: 2)
        shorter.adopt(rhythm(interval: 1_000), now: begin + .seconds(60))
        #expect(shorter.due <= begin + .seconds(61))
    }

    @Test func `absurd values from outside neither trap nor stop the clock`() {
        let wild = ProbeRhythm(
            interval: .max,
            fastInterval: Interval(nanoseconds: -5),
            timeout: .zero,
            jitterPercent: 255
        )
        var schedule = ProbeSchedule(wild, place: .max, of: -1, now: begin)
        let times = starts(&schedule, rounds: 5)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }
}
