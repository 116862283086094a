// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Decides from real requests when an endpoint is ejected, and when it returns.
///
/// Two triggers: failures in a row within the window, or too large a share of failures in a window
/// with enough requests. The n-th ejection in short order lasts n times the first, up to a limit.
/// Successes cost no message: the machine compares the endpoint's success counter with what it was
/// at the last failure.
public struct PassiveMachine: Sendable, Equatable {
    /// What a failure calls for.
    public enum Verdict: Sendable, Equatable {
        /// Nothing yet.
        case keep
        /// Take it out; the text is for people.
        case eject(HealthReason, detail: String)
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

    /// A machine without a past.
    public init() {}

    /// True while the endpoint is out.
    public var isEjected: Bool { ejectedUntil != nil }

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

    /// Begins an ejection; returns its end.
    public mutating func eject(now: Instant, _ settings: PassiveSettings) -> Instant {
        // A good while in service wipes the slate.
        if let end = lastEnd, now - end > settings.ejectionLimit { times = 0 }
        times += 1
        let grown = settings.ejection * Int64(times)
        let until = now + min(grown, max(settings.ejectionLimit, settings.ejection))
        ejectedUntil = until
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
    public mutating func expire(now: Instant) -> Bool {
        guard let until = ejectedUntil, until <= now else { return false }
        finish(now)
        return true
    }

    /// An active probe passed: ends the ejection, true when it did.
    ///
    /// A probe that lies is believed once: when the endpoint failed real requests again soon after
    /// a probe had ended its ejection, the next ejection runs its time. Connection failures are
    /// different, since a probe sees exactly what real requests see.
    public mutating func probePassed(now: Instant, _ settings: PassiveSettings) -> Bool {
        guard isEjected else { return false }
        if !isConnectionLevel, let pardon = pardonedAt, now - pardon <= settings.ejectionLimit {
            return false
        }
        pardonedAt = now
        finish(now)
        return true
    }

    /// Ends the ejection whatever its time.
    public mutating func cancel(now: Instant) {
        if isEjected { finish(now) }
    }

    private mutating func finish(_ now: Instant) {
        ejectedUntil = nil
        lastEnd = now
    }
}
