// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Where an endpoint stands between real requests and their failures: the circuit breaker.
public enum Circuit: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// Requests flow.
    case closed
    /// Ejected: none do.
    case open
    /// After an ejection: a few at a time, until they have shown that it works.
    case halfOpen

    /// The word used in logs, metrics and the API.
    public var word: String {
        switch self {
        case .closed: "closed"
        case .open: "open"
        case .halfOpen: "half-open"
        }
    }
}

/// Decides from real requests when an endpoint is ejected, and when it returns.
///
///               failures, error rate, latency
///     closed ------------------------------------> open
///       ^                                          |  ^
///       | enough successes           time, a probe |  | one failure: a longer ejection
///       +-------------- half-open <----------------+  |
///                           +-------------------------+
///
/// The n-th ejection in short order lasts n times the first, up to a limit. Successes cost no
/// message: the machine compares the endpoint's success counter with what it was before.
public struct PassiveMachine: Sendable, Equatable {
    /// What a failure calls for.
    public enum Verdict: Sendable, Equatable {
        /// Nothing yet.
        case keep
        /// Take it out; the text is for people.
        case eject(HealthReason, detail: String)
    }

    /// What has become of a trial.
    public enum TrialVerdict: Sendable, Equatable {
        /// It goes on.
        case keep
        /// The endpoint works: all requests may go there again.
        case close
        /// It is still too slow.
        case eject(detail: String)
    }

    /// What is known of the requests that an endpoint on trial has got.
    public struct TrialFacts: Sendable {
        /// The endpoint's success counter.
        public var successes: UInt64
        /// Its answers.
        public var latency: LatencySum
        /// Above this it is too slow; nil when that is not judged.
        public var limit: Interval?
        /// True when as many requests are under way as may be.
        public var isFull: Bool

        /// Joins the parts.
        public init(
            successes: UInt64,
            latency: LatencySum = LatencySum(bits: 0),
            limit: Interval? = nil,
            isFull: Bool = false
        ) {
            self.successes = successes
            self.latency = latency
            self.limit = limit
            self.isFull = isFull
        }
    }

    private struct Trial: Sendable, Equatable {
        var since: Instant
        var successes: UInt64
        var latency: LatencySum
    }

    /// End of the ejection under way; nil when there is none.
    public private(set) var ejectedUntil: Instant?
    /// Ejections in short order.
    public private(set) var times = 0

    // Failures in a row, newest last, none older than the window.
    private var streak: [Instant] = []
    private var successesSeen: UInt64 = 0
    private var windowStart: Instant?
    private var windowSuccesses: UInt64 = 0
    private var windowFailures = 0
    private var lastEnd: Instant?
    private var pardonedAt: Instant?
    private var isConnectionLevel = false
    private var isSlow = false
    private var trial: Trial?

    /// A machine without a past.
    public init() {}

    /// True while the endpoint is out.
    public var isEjected: Bool { ejectedUntil != nil }
    /// Where the endpoint stands.
    public var circuit: Circuit { isEjected ? .open : trial == nil ? .closed : .halfOpen }

    /// Takes a failure; `successes` is the endpoint's success counter now.
    ///
    /// While the endpoint is ejected, the last failures of work begun before are no news.
    public mutating func record(
        _ failure: PassiveFailure,
        successes: UInt64,
        now: Instant,
        _ settings: PassiveSettings
    ) -> Verdict {
        guard !isEjected else { return .keep }
        isConnectionLevel = failure.isConnectFailure || failure == .reset
        if trial != nil {
            return .eject(.passiveFailures, detail: "the trial failed: \(failure.word)")
        }
        if successes != successesSeen { streak.removeAll(keepingCapacity: true) }
        successesSeen = successes
        streak.removeAll { now - $0 > settings.window }
        streak.append(now)
        let share = countWindow(successes: successes, now: now, settings)
        if settings.failures > 0, streak.count >= settings.failures {
            return .eject(
                .passiveFailures,
                detail: "\(streak.count) in a row, the last \(failure.word)"
            )
        }
        // Only the newest can matter from here on.
        if streak.count > max(settings.failures, 1) { streak.removeFirst() }
        return share
    }

    private mutating func countWindow(
        successes: UInt64,
        now: Instant,
        _ settings: PassiveSettings
    ) -> Verdict {
        if let start = windowStart, now - start <= settings.window {
            windowFailures += 1
        } else {
            windowStart = now
            windowSuccesses = successes
            windowFailures = 1
        }
        guard settings.errorPercent > 0 else { return .keep }
        let good = Double(successes &- windowSuccesses)
        let total = good + Double(windowFailures)
        guard total >= Double(settings.minimumVolume),
            Double(windowFailures) * 100 >= total * Double(settings.errorPercent)
        else { return .keep }
        return .eject(
            .passiveErrorRate,
            detail: "\(windowFailures) of \(UInt64(total)) requests failed"
        )
    }

    /// Begins an ejection, for failures or for being slow; returns its end.
    public mutating func eject(
        forLatency isSlow: Bool = false,
        now: Instant,
        _ settings: PassiveSettings
    ) -> Instant {
        // A good while in service wipes the slate.
        if let end = lastEnd, now - end > settings.ejectionLimit { times = 0 }
        times += 1
        let grown = settings.ejection * Int64(times)
        let until = now + min(grown, max(settings.ejectionLimit, settings.ejection))
        ejectedUntil = until
        self.isSlow = isSlow
        trial = nil
        streak.removeAll(keepingCapacity: true)
        windowStart = nil
        return until
    }

    /// Goes on with an ejection that a former process began.
    public mutating func resume(until: Instant) {
        ejectedUntil = until
        times = max(times, 1)
    }

    /// Ends the ejection if its time is over; true when it did.
    public mutating func expire(
        _ facts: TrialFacts,
        now: Instant,
        _ settings: PassiveSettings
    ) -> Bool {
        guard let until = ejectedUntil, until <= now else { return false }
        finish(facts, now, settings)
        return true
    }

    /// An active probe passed: ends the ejection, true when it did.
    ///
    /// A probe that lies is believed once: when the endpoint failed real requests again soon after
    /// a probe had ended its ejection, the next ejection runs its time. Connection failures are
    /// different, since a probe sees exactly what real requests see. What takes long under load a
    /// probe does not see at all.
    public mutating func probePassed(
        _ facts: TrialFacts,
        now: Instant,
        _ settings: PassiveSettings
    ) -> Bool {
        guard isEjected, !isSlow else { return false }
        if !isConnectionLevel, let pardon = pardonedAt, now - pardon <= settings.ejectionLimit {
            return false
        }
        pardonedAt = now
        finish(facts, now, settings)
        return true
    }

    /// Ends ejection and trial whatever their time.
    public mutating func cancel(now: Instant) {
        if circuit != .closed { lastEnd = now }
        ejectedUntil = nil
        trial = nil
    }

    private mutating func finish(_ facts: TrialFacts, _ now: Instant, _ settings: PassiveSettings) {
        ejectedUntil = nil
        lastEnd = now
        guard settings.trialLimit > 0 else { return }
        trial = Trial(since: now, successes: facts.successes, latency: facts.latency)
    }

    // MARK: Half-open

    /// Looks at a trial; on ``TrialVerdict/close`` it is over.
    public mutating func judgeTrial(
        _ facts: TrialFacts,
        now: Instant,
        _ settings: PassiveSettings
    ) -> TrialVerdict {
        guard let trial else { return .keep }
        let successes = facts.successes &- trial.successes
        let age = now - trial.since
        let isProven = successes >= UInt64(clamping: settings.trialSuccesses)
        // Streams may go on for hours without being a success yet; that they do is one.
        let isLong = facts.isFull && age > settings.window * 2
        guard isProven || isLong || settings.trialLimit == 0 else { return .keep }
        let answers = facts.latency.since(trial.latency)
        if let limit = facts.limit, answers.count > 0, answers.mean > limit {
            return .eject(
                detail: "the trial took \(answers.mean.rounded), above \(limit.rounded)"
            )
        }
        self.trial = nil
        lastEnd = now
        return .close
    }

    /// When a trial is looked at next: soon at first, then at most every second.
    public func nextLook(now: Instant) -> Instant {
        guard let trial else { return .never }
        let pause = Interval(nanoseconds: (now - trial.since).nanoseconds / 8)
        return now + min(max(pause, .milliseconds(50)), .seconds(1))
    }
}

extension Interval {
    /// A time for people: whole milliseconds, or microseconds when it is short.
    var rounded: Interval {
        let unit: Int64 = nanoseconds >= 10_000_000 ? 1_000_000 : 1_000
        return Interval(nanoseconds: nanoseconds / unit * unit)
    }
}
