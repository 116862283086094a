// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// From the failure of a target until nobody is sent there any more by DNS.
///
///     failover = detection + propagation + what resolvers still hold then
///
/// The parts add up in each column.
public struct FailoverTime: Sendable, Equatable {
    /// The parts of a failover, in their order.
    public enum Part: String, Sendable, CaseIterable {
        /// From the failure to the verdict of the probe.
        case detection
        /// From the verdict to the next answer of every door.
        case propagation
        /// From then on, until the last answer given before is too old.
        case ttl
        /// Resolvers that count in whole seconds may keep an answer so much longer; on average,
        /// those that are asked all the time do.
        case rounding
    }

    /// From the failure to the verdict of the probe.
    public let detection: FailoverSpan
    /// What resolvers still hold, for as long as they hold it.
    public let ttl: FailoverSpan
    /// What a resolver's whole seconds add.
    public let rounding: FailoverSpan
    /// The longest TTL that an answer carried when nothing had failed yet, in seconds.
    public let steadyTTL: UInt32
    /// The TTL that the last answers before the verdict carried, in seconds.
    public let lastTTL: UInt32

    /// From the verdict to the next answer of every door: the bound that the doors keep, which
    /// also holds the few milliseconds by which timers are late.
    public static let propagation = FailoverSpan(
        best: .zero,
        typical: .milliseconds(10),
        worst: .milliseconds(100)
    )

    /// The whole.
    public var total: FailoverSpan { detection + FailoverTime.propagation + ttl + rounding }

    /// The time for a target that is probed like this and fails like this, seen by resolvers that
    /// keep every answer for `floor` seconds at least.
    public init(_ terms: FailoverTerms, _ fault: TargetFault, floor: UInt32 = 0) {
        let detection = DetectionTime(terms, fault)
        let lives = (0..<detection.failures.count).map { count in
            max(terms.answerTTL(afterFailures: count), floor)
        }
        self.detection = detection.verdict
        steadyTTL = terms.answerTTL(afterFailures: 0)
        lastTTL = terms.answerTTL(afterFailures: terms.fall - 1)
        let ends = detection.failures.map(\.typical)
        let exact = lives.map(Double.init)
        let mean = FailoverTime.meanWait(ends, exact)
        ttl = FailoverSpan(
            best: .zero,
            typical: mean,
            worst: FailoverTime.longestWait(detection.failures.map(\.worst), lives)
        )
        // Such a resolver cuts the time at which it got an answer, and lets it go when the last
        // second is over. Asked all the time it asks anew right then, at the beginning of a second,
        // and keeps every answer a whole second longer (measured with Unbound 1.17).
        let longer = FailoverTime.meanWait(ends, exact.map { $0 > 0 ? $0 + 1 : 0 })
        let most = lives.contains { $0 > 0 } ? Interval.seconds(1) : .zero
        let more = Interval(nanoseconds: longer.nanoseconds - mean.nanoseconds)
        rounding = FailoverSpan(best: .zero, typical: min(max(more, .zero), most), worst: most)
    }

    /// What all clients see together, of whom some are behind resolvers that keep every answer for
    /// a floor of seconds at least.
    ///
    /// The shares, from 0 to 1, add up to 1 at most; the rest has resolvers that obey the TTL.
    public static func together(
        _ terms: FailoverTerms,
        _ fault: TargetFault,
        _ floors: [(seconds: UInt32, share: Double)]
    ) -> FailoverSpan {
        var whole = FailoverTime(terms, fault).total
        let obedient = max(1 - floors.reduce(0) { $0 + $1.share }, 0)
        var mean = Double(whole.typical.nanoseconds) * obedient
        if obedient == 0 { whole.worst = .zero }
        for (seconds, share) in floors where share > 0 {
            let total = FailoverTime(terms, fault, floor: seconds).total
            mean += Double(total.typical.nanoseconds) * share
            whole.worst = max(whole.worst, total.worst)
        }
        whole.typical = Interval(rounding: mean)
        return whole
    }

    // The last answer of each TTL is given when the next failed probe is over: whichever of them
    // is kept longest ends the failover.
    private static func longestWait(_ ends: [Interval], _ lives: [UInt32]) -> Interval {
        guard let verdict = ends.last else { return .zero }
        return zip(ends, lives).reduce(.zero) { longest, stage in
            let kept = Interval.seconds(Int64(stage.1))
            let rest = stage.0.nanoseconds - verdict.nanoseconds
            return max(longest, kept + Interval(nanoseconds: rest))
        }
    }

    // A resolver that is asked all the time asks anew whenever an answer is too old. When the
    // first probe fails, its answer is anywhere in its life.
    private static func meanWait(_ ends: [Interval], _ lives: [Double]) -> Interval {
        guard let first = ends.first, let last = ends.last else { return .zero }
        if Set(lives).count == 1 { return Interval(rounding: lives[0] * 1e9 / 2) }
        let life = lives.map { $0 * 1e9 }
        let times = ends.map { Double(($0.nanoseconds - first.nanoseconds)) }
        let verdict = Double(last.nanoseconds - first.nanoseconds)
        let phases = 200
        let sum = (0..<phases).reduce(0.0) { sum, phase in
            var time = life[0] * (Double(phase) + 0.5) / Double(phases)
            for stage in 1..<max(life.count, 1) where time < times[stage] {
                // As many answers as fit before the next failed probe.
                guard life[stage] > 0 else {
                    time = times[stage]
                    continue
                }
                let count = ((times[stage] - time) / life[stage]).rounded(.up)
                time += max(count, 1) * life[stage]
            }
            return sum + max(time - verdict, 0)
        }
        return Interval(rounding: sum / Double(phases))
    }
}
