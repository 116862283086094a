// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How long one part of a failover takes: at best, on average, and at worst.
public struct FailoverSpan: Sendable, Equatable {
    /// At the luckiest moment.
    public var best: Interval
    /// The mean over all moments.
    public var typical: Interval
    /// At the unluckiest moment.
    public var worst: Interval

    /// Joins the parts.
    public init(best: Interval, typical: Interval, worst: Interval) {
        self.best = best
        self.typical = typical
        self.worst = worst
    }

    /// No time at all.
    public static var zero: FailoverSpan {
        FailoverSpan(best: .zero, typical: .zero, worst: .zero)
    }

    /// One after the other.
    public static func + (a: FailoverSpan, b: FailoverSpan) -> FailoverSpan {
        FailoverSpan(
            best: a.best + b.best,
            typical: a.typical + b.typical,
            worst: a.worst + b.worst
        )
    }
}

/// What becomes of a target that fails.
public enum TargetFault: String, Sendable, CaseIterable {
    /// It says so at once: a refused connection, a reset, a wrong status.
    case refuses
    /// It says nothing, so that each probe takes its whole timeout.
    case hangs
}

/// All that the time of a failover depends on.
public struct FailoverTerms: Sendable, Hashable {
    /// From the start of one probe to the start of the next.
    public var interval: Interval
    /// The same while a change is under way.
    public var fastInterval: Interval
    /// The whole probe must be over by then.
    public var timeout: Interval
    /// Share of the interval, in percent, by which each probe is moved at random, either way.
    public var jitterPercent: Int
    /// Failures in a row that bring the target down.
    public var fall: Int
    /// The record's TTL in seconds, the most that an answer carries.
    public var ttl: UInt32
    /// The TTL in seconds below which health never brings an answer; nil for half of ``ttl``.
    public var leastTTL: UInt32?

    /// Joins the parts; what the configuration would refuse is brought into its range.
    public init(
        interval: Interval,
        fastInterval: Interval,
        timeout: Interval,
        jitterPercent: Int,
        fall: Int,
        ttl: UInt32,
        leastTTL: UInt32? = nil
    ) {
        self.interval = max(interval, .milliseconds(1))
        self.fastInterval = min(max(fastInterval, .milliseconds(1)), self.interval)
        self.timeout = max(timeout, .milliseconds(1))
        self.jitterPercent = min(max(jitterPercent, 0), 50)
        self.fall = min(max(fall, 1), 100)
        self.ttl = ttl
        self.leastTTL = leastTTL
    }

    /// The TTL of an answer given after so many failed probes, by the code that answers.
    ///
    /// As far as this target goes: others behind the name can only make it shorter.
    public func answerTTL(afterFailures count: Int) -> UInt32 {
        let settings = CheckSettings(fall: fall, interval: interval, fastInterval: fastInterval)
        var machine = HealthMachine(settings, health: .up)
        for _ in 0..<min(max(count, 0), fall - 1) { _ = machine.record(success: false) }
        var set = AnswerSet()
        set.secondsToChange = machine.secondsToChange
        if let leastTTL { set.leastTTL = leastTTL }
        return set.ttl(atMost: ttl)
    }
}
