// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How the limit of requests at a time may move.
public struct ConcurrencySettings: Sendable, Equatable {
    /// The least limit.
    public var minimum: Int
    /// The greatest.
    public var maximum: Int
    /// How slow answers may be, as percent of their time at rest, before the limit falls.
    public var tolerance: Int

    /// Joins the parts.
    public init(minimum: Int, maximum: Int, tolerance: Int) {
        self.minimum = max(minimum, 1)
        self.maximum = max(maximum, self.minimum)
        self.tolerance = tolerance
    }
}

/// Finds how many requests at a time a pool serves well, from how long its answers take.
///
/// Endpoints that have more requests than they can work on let them wait, and their answers take
/// longer than at rest. So the limit goes down by as much as answers are slower than is tolerated,
/// and up by a few (its root) when they are not and it is used up, a window at a time:
///
///     limit = limit * max(1/2, min(1, tolerance * rest / now)) + sqrt(limit)
///
/// This is the gradient of Netflix's concurrency-limits and of Envoy's adaptive concurrency filter.
/// The time at rest is the least that was seen. It is measured anew every half minute, at a quarter
/// of the limit for a moment, or else an endpoint that has become slower for good would be starved.
/// All times grow with what an answer takes: a limit shows its effect one answer later.
public struct ConcurrencyMachine: Sendable {
    /// Requests at a time.
    public private(set) var limit: Int
    /// What an answer takes at rest; zero before the first window.
    public private(set) var rest = Interval.zero
    /// What it took in the latest window.
    public private(set) var latest = Interval.zero

    private enum Phase: Equatable {
        case following
        /// A quarter of the limit holds: requests from before are waited for until the instant.
        case easing(full: Int, until: Instant)
        /// A quarter of the limit holds, and answers are measured until the instant.
        case measuring(full: Int, until: Instant)
    }
    private var phase = Phase.following
    private var settings: ConcurrencySettings
    private var sum = LatencySum(bits: 0)
    private var windowBegan: Instant
    private var measuresAt: Instant
    private var wasUsed = false

    private static let window = Interval.milliseconds(100)
    private static let patience = Interval.seconds(1)
    /// What is slower than this is no longer waited for: a poll that is held open, not work.
    private static let longest = Interval.seconds(30)
    private static let samples = 10
    private static let period = Interval.seconds(30)
    /// Sooner at first: what is seen at the first limit may be a queue already.
    private static let firstPeriod = Interval.seconds(5)
    private static let first = 20

    /// A machine that has seen nothing.
    public init(_ settings: ConcurrencySettings, now: Instant) {
        self.settings = settings
        limit = min(max(ConcurrencyMachine.first, settings.minimum), settings.maximum)
        windowBegan = now
        measuresAt = now + ConcurrencyMachine.firstPeriod
    }

    /// Goes on under other settings, as after a reload.
    public mutating func adopt(_ new: ConcurrencySettings) {
        settings = new
        limit = clamped(limit)
    }

    /// Takes the answers that have come since the last look.
    ///
    /// `isUsed` says that half of the limit or more was taken. Answers are looked at ten at a
    /// time, and once a second however few, but no sooner than those begun at the present limit
    /// have come.
    public mutating func judge(_ answers: LatencySum, isUsed: Bool, now: Instant) {
        sum = LatencySum(bits: sum.bits &+ answers.bits)
        wasUsed = wasUsed || isUsed
        let age = now - windowBegan
        let answer = min(latest, ConcurrencyMachine.longest)
        let isFull = age >= ConcurrencyMachine.window && sum.count >= ConcurrencyMachine.samples
        guard age >= answer, isFull || age >= ConcurrencyMachine.patience else { return }
        if sum.count > 0 { latest = sum.mean }
        step(now)
        sum = LatencySum(bits: 0)
        windowBegan = now
        wasUsed = false
    }

    private mutating func step(_ now: Instant) {
        switch phase {
        case .following: follow(now)
        case .easing(let full, let until):
            guard now >= until else { return }
            let enough = max(ConcurrencyMachine.patience, min(latest, ConcurrencyMachine.longest))
            phase = .measuring(full: full, until: now + enough)
        case .measuring(let full, let until):
            // Without answers there is nothing to be had: what was known stands.
            guard sum.count > 0 || now >= until else { return }
            if sum.count > 0 { rest = latest }
            limit = clamped(full)
            // A measurement takes about four answers at rest: a tenth of the time at most.
            let quiet = Interval(
                nanoseconds: min(rest, ConcurrencyMachine.longest).nanoseconds * 40
            )
            measuresAt = now + max(ConcurrencyMachine.period, quiet)
            phase = .following
        }
    }

    private mutating func follow(_ now: Instant) {
        guard sum.count > 0 else { return }
        if rest == .zero { rest = latest }
        guard now < measuresAt else { return ease(now) }
        guard wasUsed else { return approach() }
        rest = min(rest, latest)
        let tolerated = Double(rest.nanoseconds) * Double(settings.tolerance) / 100
        let gradient = min(max(tolerated / Double(max(latest.nanoseconds, 1)), 0.5), 1)
        let next = Double(limit) * gradient + Double(limit).squareRoot()
        limit = clamped(Int(min(next, Double(settings.maximum))))
    }

    /// Lowers the time at rest towards the latest, slowly, so that one window is no measure.
    ///
    /// Never up: with less than the limit under way there may be a queue at the endpoints already,
    /// and with its time in the measure the limit would grow, and with the limit the queue.
    private mutating func approach() {
        guard latest < rest else { return }
        let eighth = (rest.nanoseconds - latest.nanoseconds) / 8
        rest = Interval(nanoseconds: rest.nanoseconds - eighth)
    }

    /// A quarter of the limit, and time for what is under way to end.
    ///
    /// At half of it the queue that the tolerance allows would be measured as rest, again and
    /// again, and the limit would creep up.
    private mutating func ease(_ now: Instant) {
        let ends = now + min(latest, ConcurrencyMachine.longest) * 2
        phase = .easing(full: limit, until: ends)
        limit = clamped(limit / 4)
    }

    private func clamped(_ value: Int) -> Int {
        min(max(value, settings.minimum), settings.maximum)
    }
}
