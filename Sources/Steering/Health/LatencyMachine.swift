// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// When an endpoint that answers more slowly than its pool is taken out.
public struct LatencySettings: Sendable, Equatable {
    /// How many times the pool's median is too slow.
    public var factor: Int
    /// How much above the median it must be as well, so that quick pools do not eject for trifles.
    public var difference: Interval
    /// Answers that an endpoint is judged by at least.
    public var samples: Int
    /// Endpoints with so many answers that a median needs.
    public var endpoints: Int

    /// Joins the parts.
    public init(factor: Int, difference: Interval, samples: Int = 20, endpoints: Int = 3) {
        self.factor = factor
        self.difference = difference
        self.samples = samples
        self.endpoints = endpoints
    }

    func limit(above typical: Interval) -> Interval {
        let scaled = typical.nanoseconds.multipliedReportingOverflow(by: Int64(factor))
        let product = scaled.overflow ? Interval.max : Interval(nanoseconds: scaled.partialValue)
        return max(product, typical + difference)
    }
}

/// The times to the first byte of some answers, summed up in one word.
///
///     63                        24 23        0
///     +---------------------------+-----------+
///     | sum of log2(ns) in 256ths | answers   |
///     +---------------------------+-----------+
///
/// Adding a time is adding ``word(of:)``; the difference of two words is what came in between, as
/// long as that is less than 16 million answers. Logarithms make the mean a geometric one: it is
/// hardly moved by the single answer that took half a minute.
public struct LatencySum: Sendable, BitwiseCopyable, Equatable {
    /// The packed form.
    public let bits: UInt64

    /// A sum from its packed form.
    public init(bits: UInt64) { self.bits = bits }

    /// What adds one time to a sum.
    @inlinable public static func word(of time: Interval) -> UInt64 {
        let nanoseconds = UInt64(clamping: max(time.nanoseconds, 1))
        let zeros = UInt64(nanoseconds.leadingZeroBitCount)
        // log2 as the exponent and, for the fraction, the bits behind the first: 0.09 off at most.
        let fraction = zeros >= 63 ? 0 : (nanoseconds << (zeros &+ 1)) >> 56
        return ((63 &- zeros) << 8 | fraction) << 24 | 1
    }

    /// Number of answers.
    public var count: Int { Int(bits & 0xff_ffff) }

    /// The geometric mean; zero without answers.
    public var mean: Interval {
        guard count > 0 else { return .zero }
        let log = (bits >> 24) / UInt64(count)
        let (exponent, fraction) = (min(log >> 8, 62), log & 0xff)
        let part = exponent >= 8 ? fraction << (exponent - 8) : fraction >> (8 - exponent)
        return Interval(nanoseconds: Int64(clamping: (1 << exponent) + part))
    }

    /// What was added since `earlier`.
    public func since(_ earlier: LatencySum) -> LatencySum {
        LatencySum(bits: bits &- earlier.bits)
    }
}

/// Compares how long the endpoints of one pool take, and names those that are far above the others.
///
/// Looked at once a second. Each endpoint is judged as soon as it has enough answers since it was
/// judged last, against the median of all that take work.
public struct LatencyMachine: Sendable {
    /// An endpoint and all its answers so far.
    public struct Member: Sendable {
        /// Place in the tables.
        public var slot: Int
        /// Its answers since the start.
        public var sum: LatencySum
        /// False while it is out, or on trial: it is neither judged nor a measure for others.
        public var isServing: Bool
    }

    /// An endpoint that is too slow.
    public struct Verdict: Sendable, Equatable {
        /// Place in the tables.
        public var slot: Int
        /// What it takes.
        public var mean: Interval
        /// What the pool takes.
        public var typical: Interval
    }

    private struct Window {
        var base: LatencySum
        var since: Instant
        var latest: Interval?
        var measured: Instant
    }

    private var windows: [Int: Window] = [:]
    // The latest median, and when it was taken.
    private var typical: (time: Interval, at: Instant)?

    /// A machine that has seen nothing.
    public init() {}

    /// Takes a look; `memory` is how long a measure counts.
    public mutating func judge(
        _ members: [Member],
        now: Instant,
        memory: Interval,
        _ settings: LatencySettings
    ) -> [Verdict] {
        var judged: [(slot: Int, mean: Interval)] = []
        var seen: [Int: Window] = [:]
        for member in members where member.isServing {
            var window =
                windows[member.slot]
                ?? Window(base: member.sum, since: now, latest: nil, measured: now)
            let sample = member.sum.since(window.base)
            if sample.count >= settings.samples {
                window = Window(base: member.sum, since: now, latest: sample.mean, measured: now)
                judged.append((member.slot, sample.mean))
            } else if now - window.since > memory {
                // Too few for too long: what is old says nothing about now.
                (window.base, window.since) = (member.sum, now)
            }
            if now - window.measured > memory { window.latest = nil }
            seen[member.slot] = window
        }
        windows = seen
        let means = seen.values.compactMap(\.latest).sorted()
        guard means.count >= max(settings.endpoints, 2) else { return [] }
        // The lower one of an even number: half of a pool being slow is no measure.
        let median = means[(means.count - 1) / 2]
        typical = (median, now)
        let limit = settings.limit(above: median)
        return judged.filter { $0.mean > limit }
            .sorted { $0.mean > $1.mean }
            .map { Verdict(slot: $0.slot, mean: $0.mean, typical: median) }
    }

    /// The time above which an endpoint on trial is still too slow; nil when the pool is unknown.
    public func limit(now: Instant, memory: Interval, _ settings: LatencySettings) -> Interval? {
        guard let typical, now - typical.at <= memory else { return nil }
        return settings.limit(above: typical.time)
    }
}
