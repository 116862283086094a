// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How often a target is asked, and how long it may take to answer.
public struct ProbeRhythm: Sendable, BitwiseCopyable, Equatable {
    /// From the start of one probe to the start of the next.
    public var interval: Interval
    /// The interval while a change of state is under way; never longer than ``interval``.
    public var fastInterval: Interval
    /// The whole probe must be over by then.
    public var timeout: Interval
    /// Share of the interval, in percent, by which each probe is moved at random, either way.
    public var jitterPercent: UInt8

    /// A rhythm; the defaults are 5 s, 1 s while changing, 2 s for an answer and 10 % of jitter.
    public init(
        interval: Interval = .seconds(5),
        fastInterval: Interval = .seconds(1),
        timeout: Interval = .seconds(2),
        jitterPercent: UInt8 = 10
    ) {
        self.interval = Swift.max(interval, .milliseconds(1))
        self.fastInterval = Swift.min(Swift.max(fastInterval, .milliseconds(1)), self.interval)
        self.timeout = Swift.max(timeout, .milliseconds(1))
        self.jitterPercent = Swift.min(jitterPercent, 50)
    }
}

/// Decides when one target is probed.
///
/// The first probe comes at once, so that the doors can open within one timeout. After it each
/// target keeps to a grid of its own: the grids of all targets lie evenly over the interval,
/// whatever their number, because consecutive targets are a golden-ratio step apart. Jitter moves
/// a probe off its grid point but never moves the grid: delays do not add up, and targets that
/// were apart stay apart. While a state is changing the grid waits and the fast interval rules.
public struct ProbeSchedule: Sendable, BitwiseCopyable {
    /// Targets of the first round start at most this far apart.
    static let firstGap = Interval.microseconds(50)

    /// The rhythm that is kept.
    public private(set) var rhythm: ProbeRhythm
    /// When the next probe is to start.
    public private(set) var due: Instant
    /// The next grid point, free of jitter.
    private var grid: Instant
    /// True when ``due`` stands for ``grid``, so that the probe uses the grid point up.
    private var followsGrid = false
    private var isChanging = false
    private var started: Instant
    private let phase: UInt32

    /// The schedule of the target in `place` among `count` that begin together at `now`.
    public init(_ rhythm: ProbeRhythm, place: Int, of count: Int, now: Instant) {
        self.rhythm = rhythm
        // 2^32 divided by the golden ratio: the fractions of its multiples fill a circle evenly.
        phase = UInt32(truncatingIfNeeded: place &+ 1) &* 2_654_435_769
        let room = rhythm.timeout.nanoseconds / 4 / Int64(Swift.max(count, 1))
        let gap = Swift.min(ProbeSchedule.firstGap.nanoseconds, room)
        let offset = Int64(Swift.max(place, 0)).multipliedReportingOverflow(by: gap)
        due = now + Interval(nanoseconds: offset.overflow ? 0 : offset.partialValue)
        grid = .never
        started = now
        grid = now + share(of: rhythm.interval)
    }

    private func share(of interval: Interval) -> Interval {
        Interval(nanoseconds: Int64(Double(interval.nanoseconds) * Double(phase) / 4_294_967_296))
    }

    /// Notes that a probe starts; returns the instant by which it must be over.
    public mutating func begin(now: Instant) -> Instant {
        if followsGrid { grid = grid + rhythm.interval }
        followsGrid = false
        started = now
        return now + rhythm.timeout
    }

    /// Notes that the probe is over, or was given up, and sets ``due`` anew.
    public mutating func finish(now: Instant, random: inout SeededRandom) {
        if isChanging {
            let next = started + rhythm.fastInterval
            due = Swift.max(now, jittered(next, rhythm.fastInterval, &random))
        } else {
            aimAtGrid(now: now, random: &random)
        }
    }

    private mutating func aimAtGrid(now: Instant, random: inout SeededRandom) {
        if grid <= now {
            // Points missed by a long probe are left out, not made up for.
            let missed = (now - grid).nanoseconds / rhythm.interval.nanoseconds &+ 1
            let (skip, overflow) = missed.multipliedReportingOverflow(
                by: rhythm.interval.nanoseconds
            )
            grid = overflow ? now + rhythm.interval : grid + Interval(nanoseconds: skip)
        }
        due = Swift.max(now, jittered(grid, rhythm.interval, &random))
        followsGrid = true
    }

    private func jittered(
        _ time: Instant,
        _ interval: Interval,
        _ random: inout SeededRandom
    ) -> Instant {
        guard rhythm.jitterPercent > 0 else { return time }
        let steps = Double(random.next(below: 20_001)) / 10_000 - 1
        let share = Double(rhythm.jitterPercent) / 100 * steps
        return time + Interval(nanoseconds: Int64(Double(interval.nanoseconds) * share))
    }

    /// Follows the health machine: a state that is changing is asked at the fast interval.
    ///
    /// Between probes (`isIdle`) this moves ``due``; during one it counts when the probe ends.
    public mutating func setChanging(
        _ isChanging: Bool,
        isIdle: Bool,
        now: Instant,
        random: inout SeededRandom
    ) {
        guard isChanging != self.isChanging else { return }
        self.isChanging = isChanging
        guard isIdle else { return }
        if isChanging {
            let fast = Swift.max(now, started + rhythm.fastInterval)
            guard fast < due else { return }
            due = fast
            followsGrid = false
        } else {
            aimAtGrid(now: now, random: &random)
        }
    }

    /// Takes over another rhythm; a target that is still waiting never waits longer for it.
    public mutating func adopt(_ rhythm: ProbeRhythm, now: Instant) {
        guard rhythm != self.rhythm else { return }
        self.rhythm = rhythm
        grid = now + share(of: rhythm.interval)
        followsGrid = grid <= due
        if followsGrid { due = grid }
    }

    /// Asks out of turn, yet no sooner than the fast interval after the last probe.
    ///
    /// Whoever wishes it may do so a thousand times a second, as failing requests do.
    public mutating func bringForward(now: Instant) {
        let soonest = Swift.max(now, started + rhythm.fastInterval)
        guard soonest < due else { return }
        due = soonest
        followsGrid = false
    }

    /// Asks at once, because the question has changed.
    public mutating func askNow(now: Instant) {
        due = now
        followsGrid = false
    }
}
