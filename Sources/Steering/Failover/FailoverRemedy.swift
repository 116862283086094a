// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The one change that brings the worst case within a bound.
public enum FailoverRemedy: Sendable, Equatable {
    /// Answers that live this long, in seconds.
    case ttl(UInt32)
    /// Probes that follow each other like this.
    case interval(Interval)
    /// No single change does.
    case none
}

extension FailoverTime {
    /// The part that takes longest at worst.
    public var largest: Part {
        var found = Part.detection
        for part in Part.allCases where span(part).worst > span(found).worst { found = part }
        return found
    }

    /// One of the parts.
    public func span(_ part: Part) -> FailoverSpan {
        switch part {
        case .detection: detection
        case .propagation: FailoverTime.propagation
        case .ttl: ttl
        case .rounding: rounding
        }
    }
}

extension FailoverTerms {
    /// The worst case, which is that of a target that hangs.
    public var worst: FailoverTime { FailoverTime(self, .hangs) }

    /// What brings the worst case within `bound`: the larger of the two parts that can be chosen
    /// is tried first, and changed as little as possible.
    public func remedy(within bound: Interval) -> FailoverRemedy {
        if worst.largest == .ttl {
            return shorterTTL(bound).map(FailoverRemedy.ttl)
                ?? shorterInterval(bound).map(FailoverRemedy.interval) ?? .none
        }
        return shorterInterval(bound).map(FailoverRemedy.interval)
            ?? shorterTTL(bound).map(FailoverRemedy.ttl) ?? .none
    }

    private func shorterTTL(_ bound: Interval) -> UInt32? {
        let found = FailoverTerms.greatest(Int64(ttl)) { seconds in
            var terms = self
            terms.ttl = UInt32(clamping: seconds)
            terms.leastTTL = leastTTL.map { min($0, terms.ttl) }
            return terms.worst.total.worst <= bound
        }
        return found.map { UInt32(clamping: $0) }
    }

    private func shorterInterval(_ bound: Interval) -> Interval? {
        let step = Interval.milliseconds(interval >= .seconds(2) ? 500 : 10)
        let found = FailoverTerms.greatest(interval.nanoseconds / step.nanoseconds) { count in
            var terms = self
            terms.interval = step * count
            terms.fastInterval = min(fastInterval, terms.interval)
            terms.timeout = min(timeout, terms.interval)
            return terms.worst.total.worst <= bound
        }
        return found.map { step * $0 }
    }

    // The greatest number from 1 to `limit` that passes; what passes once passes for all below.
    private static func greatest(_ limit: Int64, _ passes: (Int64) -> Bool) -> Int64? {
        guard limit >= 1, passes(1) else { return nil }
        var (low, high) = (Int64(1), limit)
        while low < high {
            let middle = low + (high - low + 1) / 2
            if passes(middle) { low = middle } else { high = middle - 1 }
        }
        return low
    }
}
