// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// From the moment at which a target fails to the verdict of its probe.
///
///     failure        1st failed probe        2nd              fall-th
///     |--- wait ---->|----- first gap ------>|----- gap ----->|-- timeout, if it hangs -->| down
///
/// The wait is up to one interval, the first gap the fast interval or what is left to the next
/// point of the grid, every further gap the fast interval with its jitter; a probe that hangs
/// is not followed by another before its timeout. An answer of a healthy target counts as given
/// at once.
public struct DetectionTime: Sendable, Equatable {
    /// When each of the failed probes is over, counted from the failure; the last is the verdict.
    public let failures: [FailoverSpan]

    /// From the failure to the verdict.
    public var verdict: FailoverSpan { failures.last ?? .zero }

    /// The time for a target that is probed like this and fails like this.
    public init(_ terms: FailoverTerms, _ fault: TargetFault) {
        let duration = fault == .hangs ? terms.timeout : .zero
        let rhythm = Rhythm(terms, duration: Double(duration.nanoseconds))
        var probe = rhythm.wait
        var ends = [DetectionTime.span(probe, rhythm.duration)]
        for number in 1..<max(terms.fall, 1) {
            let gap = number == 1 ? rhythm.firstGap : rhythm.gap
            probe = (probe.0 + gap.0, probe.1 + gap.1, probe.2 + gap.2)
            ends.append(DetectionTime.span(probe, rhythm.duration))
        }
        failures = ends
    }

    private static func span(_ start: Rhythm.Range, _ duration: Double) -> FailoverSpan {
        FailoverSpan(
            best: Interval(rounding: start.0 + duration),
            typical: Interval(rounding: start.1 + duration),
            worst: Interval(rounding: start.2 + duration)
        )
    }
}

/// The probe schedule in numbers, all in nanoseconds.
private struct Rhythm {
    /// Least, mean and greatest.
    typealias Range = (Double, Double, Double)

    let interval: Double
    let fast: Double
    let jitter: Double
    /// How long a failed probe takes.
    let duration: Double

    init(_ terms: FailoverTerms, duration: Double) {
        interval = Double(terms.interval.nanoseconds)
        fast = Double(terms.fastInterval.nanoseconds)
        jitter = Double(terms.jitterPercent) / 100
        self.duration = duration
    }

    /// From the failure to the start of the first probe that sees it.
    ///
    /// Long gaps between probes are hit more often than short ones, so the mean is E[g²] / 2E[g],
    /// and a gap is an interval plus the difference of two jitters.
    var wait: Range {
        let mean = interval / 2 * (1 + 2 * jitter * jitter / 3)
        return (0, mean, interval * (1 + 2 * jitter))
    }

    /// From the first failed probe to the second: the fast interval without jitter, unless the
    /// next point of the grid comes sooner.
    var firstGap: Range {
        let least = max(duration, min(fast, interval * (1 - 2 * jitter)))
        let most = max(duration, fast)
        guard jitter > 0, least < most else { return (least, most, most) }
        // The mean over both jitters. The earlier probe is more often a late one, because the
        // failure falls more often into a long gap before it.
        let steps = 40
        var (sum, weights) = (0.0, 0.0)
        for first in 0..<steps {
            let early = Rhythm.step(first, of: steps) * jitter * interval
            let weight = 1 + early / interval
            weights += weight
            guard interval - early > duration else {
                // That point has passed when the probe is over.
                sum += weight * most
                continue
            }
            var mean = 0.0
            for second in 0..<steps {
                let late = Rhythm.step(second, of: steps) * jitter * interval
                mean += min(most, max(duration, interval + late - early))
            }
            sum += weight * mean / Double(steps)
        }
        return (least, sum / weights, most)
    }

    /// From one failed probe to the next, from the second on.
    var gap: Range {
        let (least, most) = (fast * (1 - jitter), fast * (1 + jitter))
        if duration >= most { return (duration, duration, duration) }
        guard duration > least else { return (least, fast, most) }
        let over = most - duration
        return (duration, duration + over * over / (2 * (most - least)), most)
    }

    /// The middle of one of the steps between -1 and 1.
    private static func step(_ number: Int, of count: Int) -> Double {
        (Double(number) + 0.5) / Double(count) * 2 - 1
    }
}

extension Interval {
    /// The nearest whole nanosecond; no time at all for what is no number.
    init(rounding nanoseconds: Double) {
        let bounded = Swift.min(Swift.max(nanoseconds.rounded(), 0), 9.2e18)
        self.init(nanoseconds: bounded.isNaN ? 0 : Int64(bounded))
    }
}
