// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How a branch gets more and more of the traffic.
public struct RolloutPlan: Sendable, Equatable {
    /// The branch that is new, by its number.
    public var branch: Int
    /// Its shares in percent, one after the other.
    public var steps: [Int]
    /// How long each share holds.
    public var hold: Interval
    /// When it begins by itself; nil for when it is told to.
    public var startsAt: WallTime?
    /// By how much its share of failed requests may be above that of the others, in percent points.
    public var errors: Double
    /// By how much slower than the others it may be, in percent.
    public var latency: Double
    /// Requests of either side without which traffic says nothing.
    public var samples: Int
    /// True when a halt takes the share back to nothing; else it stays where it is.
    public var goesBack: Bool

    /// Joins the parts.
    public init(
        branch: Int,
        steps: [Int],
        hold: Interval,
        startsAt: WallTime? = nil,
        errors: Double = 1,
        latency: Double = 25,
        samples: Int = 50,
        goesBack: Bool = true
    ) {
        self.branch = branch
        self.steps = steps
        self.hold = hold
        self.startsAt = startsAt
        self.errors = errors
        self.latency = latency
        self.samples = samples
        self.goesBack = goesBack
    }
}

/// One side of a rollout, as probes and the HTTP door see it.
public struct SideSample: Sendable, Equatable {
    /// Endpoints that take new work.
    public var up: Int
    /// Endpoints in all.
    public var count: Int
    /// Requests since the start.
    public var requests: UInt64
    /// Those of them that failed.
    public var failures: UInt64
    /// The times of their answers since the start.
    public var latency: LatencySum

    /// Joins the parts.
    public init(
        up: Int,
        count: Int,
        requests: UInt64 = 0,
        failures: UInt64 = 0,
        latency: LatencySum = LatencySum(bits: 0)
    ) {
        self.up = up
        self.count = count
        self.requests = requests
        self.failures = failures
        self.latency = latency
    }
}

/// A canary: walks up its steps, and halts when the new side falls behind.
///
///     idle -> running(0) -> running(1) -> ... -> finished
///                  \ pause <-> resume      \ halted: back to 0, or stays
public struct RolloutMachine: Sendable, Equatable {
    /// Where it stands.
    public enum Phase: String, Sendable, CaseIterable {
        /// It has not begun: the weights of the file hold.
        case idle
        /// It goes up.
        case running
        /// Somebody holds it where it is.
        case paused
        /// The new side fell behind.
        case halted
        /// All steps are done: the last share holds.
        case finished
    }

    /// What somebody can tell it.
    public enum Order: String, Sendable, CaseIterable {
        /// Begins with the first step, also after a halt.
        case start
        /// Stays where it is.
        case pause
        /// Goes on after a pause.
        case resume
        /// Takes the share back to nothing and begins anew when told to.
        case back
        /// Goes to the last step at once.
        case finish
    }

    /// How long a window is that traffic is judged by.
    public static let window = Interval.seconds(10)
    /// After so long too few requests are forgotten.
    static let longestWindow = Interval.seconds(60)

    /// Where it stands.
    public private(set) var phase = Phase.idle
    /// The step that it is at, from 0; -1 when other steps have taken the place of those it took,
    /// and all of them lie ahead.
    public private(set) var step = 0
    /// The share that it has come to, in percent.
    public private(set) var reached = 0
    /// Since when.
    public private(set) var since = WallTime(nanoseconds: 0)
    /// Why it halted.
    public private(set) var reason = ""
    // True once somebody took it back: its own beginning is then past.
    private var wasTold = false
    /// True once it was told to leave the weights to the file.
    public private(set) var isReleased = false
    private var base: (new: SideSample, old: SideSample, at: WallTime)?

    /// One that has not begun.
    public init() {}

    /// One that a restart has interrupted.
    public init(
        phase: Phase,
        step: Int,
        reached: Int,
        since: WallTime,
        reason: String,
        wasTold: Bool,
        isReleased: Bool = false
    ) {
        self.phase = phase
        self.step = min(max(step, -1), 1_000)
        self.reached = min(max(reached, 0), 100)
        self.since = since
        self.reason = reason
        self.wasTold = wasTold
        self.isReleased = isReleased
    }

    /// Takes another plan; `sameSides` when both sides are made of the same endpoints as before.
    ///
    /// The share stays what it is, and the steps ahead are those of now.
    mutating func adopt(_ plan: RolloutPlan, sameSides: Bool) {
        // What other endpoints have counted cannot be compared with.
        if !sameSides { base = nil }
        guard phase != .idle else { return }
        step = plan.steps.lastIndex { $0 <= reached } ?? -1
        if phase == .finished, let last = plan.steps.last, reached < last {
            phase = .paused
            reason = "its steps go on to \(last) % now"
        }
    }

    /// Leaves the weights to the file, unless it is under way or still to begin.
    mutating func release() {
        guard phase == .halted || phase == .finished || phase == .idle && wasTold else { return }
        enter(.idle, step: 0, reached: 0, since)
        (wasTold, isReleased) = (true, true)
    }

    /// True once it was told to go back: then its time to begin no longer counts.
    public var isManual: Bool { wasTold }

    /// True while it steers the weights on its way up.
    public var isUnderWay: Bool { phase == .running || phase == .paused }

    /// The share of the new side in percent; nil for what the file says.
    public func share(_ plan: RolloutPlan) -> Int? {
        switch phase {
        case .idle: wasTold && !isReleased ? 0 : nil
        case .halted where plan.goesBack: 0
        case .running, .paused, .halted, .finished: reached
        }
    }

    /// When the next step is due; nil while none is.
    public func nextStep(_ plan: RolloutPlan) -> WallTime? {
        switch phase {
        case .idle: wasTold ? nil : plan.startsAt
        case .running: since + plan.hold
        case .paused, .halted, .finished: nil
        }
    }

    /// Does as told; nil when it can, else why not.
    public mutating func order(_ order: Order, _ plan: RolloutPlan, at now: WallTime) -> String? {
        switch (order, phase) {
        case (.start, .idle), (.start, .halted):
            enter(.running, step: 0, reached: plan.steps.first ?? 0, now)
        case (.pause, .running): phase = .paused
        case (.resume, .paused): enter(.running, step: step, reached: reached, now)
        case (.back, .running), (.back, .paused), (.back, .halted), (.back, .finished):
            enter(.idle, step: 0, reached: 0, now)
        case (.finish, .running), (.finish, .paused):
            let last = max(plan.steps.count - 1, 0)
            enter(.finished, step: last, reached: plan.steps.last ?? reached, now)
        default: return "the rollout is \(phase.rawValue)"
        }
        (wasTold, isReleased) = (true, false)
        return nil
    }

    private mutating func enter(_ phase: Phase, step: Int, reached: Int, _ now: WallTime) {
        self.phase = phase
        self.step = step
        self.reached = reached
        since = now
        reason = ""
        base = nil
    }

    /// Judges the new side, and takes the next step when it is due; true when something changed.
    ///
    /// It begins by itself only while it `mayBegin`.
    public mutating func observe(
        _ plan: RolloutPlan,
        new: SideSample,
        old: SideSample,
        mayBegin: Bool = true,
        at now: WallTime
    ) -> Bool {
        if mayBegin, phase == .idle, !wasTold, let starts = plan.startsAt, starts <= now {
            enter(.running, step: 0, reached: plan.steps.first ?? 0, now)
            return true
        }
        guard phase == .running || phase == .paused else { return false }
        if let reason = whyBehind(plan, new, old, now) {
            phase = .halted
            since = now
            self.reason = reason
            return true
        }
        guard phase == .running, now - since >= plan.hold else { return false }
        if step + 1 < plan.steps.count {
            enter(.running, step: step + 1, reached: plan.steps[step + 1], now)
        } else {
            enter(.finished, step: step, reached: reached, now)
        }
        return true
    }

    // MARK: Judging

    /// Judges by requests from here on alone.
    mutating func forgetTraffic() { base = nil }

    private mutating func whyBehind(
        _ plan: RolloutPlan,
        _ new: SideSample,
        _ old: SideSample,
        _ now: WallTime
    ) -> String? {
        // Nobody has a verdict yet on one of the sides: there is nothing to compare.
        guard new.count > 0, old.count > 0 else { return nil }
        // Compared by shares, so that sides may be of different sizes.
        if new.up * old.count < old.up * new.count {
            return "\(new.up) of \(new.count) endpoints up, of the others "
                + "\(old.up) of \(old.count)"
        }
        guard let base else {
            self.base = (new, old, now)
            return nil
        }
        let (fresh, known) = (new.since(base.new), old.since(base.old))
        let age = now - base.at
        guard fresh.requests >= UInt64(plan.samples), known.requests >= UInt64(plan.samples) else {
            if age >= RolloutMachine.longestWindow { self.base = (new, old, now) }
            return nil
        }
        if age >= RolloutMachine.window { self.base = (new, old, now) }
        let (newErrors, oldErrors) = (fresh.failurePercent, known.failurePercent)
        if newErrors > oldErrors + plan.errors {
            return "\(rounded(newErrors)) % of its requests failed, of the others' "
                + "\(rounded(oldErrors)) %"
        }
        let (newTime, oldTime) = (fresh.latency.mean, known.latency.mean)
        let allowed = oldTime.seconds * (1 + plan.latency / 100)
        guard fresh.latency.count > 0, known.latency.count > 0, newTime.seconds > allowed else {
            return nil
        }
        return "its answers take \(rounded(newTime.seconds * 1000)) ms, the others' "
            + "\(rounded(oldTime.seconds * 1000)) ms"
    }

    private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    /// The same but for what the windows hold.
    public static func == (a: RolloutMachine, b: RolloutMachine) -> Bool {
        a.phase == b.phase && a.step == b.step && a.since == b.since && a.reason == b.reason
            && a.wasTold == b.wasTold && a.reached == b.reached && a.isReleased == b.isReleased
    }
}

extension SideSample {
    func since(_ earlier: SideSample) -> SideSample {
        SideSample(
            up: up,
            count: count,
            requests: requests &- earlier.requests,
            failures: failures &- earlier.failures,
            latency: latency.since(earlier.latency)
        )
    }

    var failurePercent: Double {
        requests == 0 ? 0 : Double(failures) / Double(requests) * 100
    }
}
