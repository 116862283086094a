// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Failures after which a request is tried again.
public struct RetryConditions: OptionSet, Sendable, BitwiseCopyable, Hashable {
    /// One bit per failure.
    public let rawValue: UInt8

    /// Failures from their bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// No connection came about, so nothing was sent.
    public static let connect = RetryConditions(rawValue: 1)
    /// The connection broke before an answer, or what came is no answer.
    public static let reset = RetryConditions(rawValue: 2)
    /// The answer did not come in time.
    public static let timeout = RetryConditions(rawValue: 4)
    /// The answer has one of the statuses that are tried again.
    public static let status = RetryConditions(rawValue: 8)
    /// The answer is nothing but one of the statuses of gRPC that are tried again.
    public static let grpc = RetryConditions(rawValue: 16)

    /// Each with the word of configuration, log and metrics.
    public static let words: [(condition: RetryConditions, word: String)] = [
        (.connect, "connect"), (.reset, "reset"), (.timeout, "timeout"), (.status, "status"),
        (.grpc, "grpc-status"),
    ]

    /// Its place among ``words``, for one condition.
    var place: Int { rawValue.trailingZeroBitCount & 7 }
}

/// When a request whose method is not idempotent (RFC 9110 §9.2.2) may be sent twice.
public enum NonIdempotentPlan: String, Sendable, BitwiseCopyable {
    /// Never once it may have reached an endpoint.
    case never
    /// When it carries `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
    case keyed
    /// Always.
    case always
}

/// The pauses before retries: exponential with jitter.
public struct RetryBackoff: Sendable, BitwiseCopyable, Equatable {
    /// Before the first retry; zero for no pauses.
    public var base = Interval.zero
    /// The longest.
    public var cap = Interval.seconds(1)

    /// No pauses.
    public init() {}

    /// The pause before the n-th retry, from 1 on: half to the whole of the doubled base, by `draw`.
    ///
    /// The jitter keeps requests that failed together from coming back together; the half keeps
    /// every pause long enough to be of use.
    public func pause(retry: Int, draw: UInt64) -> Interval {
        guard base > .zero else { return .zero }
        let doubled = base.nanoseconds.multipliedReportingOverflow(
            by: 1 << Int64(min(max(retry - 1, 0), 16))
        )
        let whole = doubled.overflow ? cap.nanoseconds : min(doubled.partialValue, cap.nanoseconds)
        let half = UInt64(clamping: whole / 2)
        let extra = draw.multipliedFullWidth(by: half &+ 1).high
        return Interval(nanoseconds: Int64(clamping: half &+ extra))
    }
}

/// What is tried again, and how.
public struct RetryPlan: Sendable, Hashable {
    /// Failures that are a reason.
    public var conditions: RetryConditions = [.connect, .reset, .timeout]
    /// Statuses that are a reason.
    public var statuses: [ClosedRange<UInt16>] = []
    /// Statuses of gRPC that are a reason, where the answer has no messages before it.
    public var grpcCodes: [UInt8] = []
    /// For the first byte of an attempt that is not the last; nil for the pool's deadline only.
    public var tryTimeout: Interval?
    /// When a request that is not idempotent may be sent twice.
    public var nonIdempotent = NonIdempotentPlan.keyed

    /// The shipped rule.
    public init() {}

    /// The rule in words, for people.
    public var text: String {
        var reasons = RetryConditions.words.filter { conditions.contains($0.condition) }.map(\.word)
        reasons += statuses.map {
            $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        }
        reasons += grpcCodes.map { "gRPC status \($0)" }
        var text = reasons.isEmpty ? "nothing" : reasons.joined(separator: ", ")
        if let tryTimeout { text += "; \(tryTimeout) for each but the last" }
        switch nonIdempotent {
        case .never: text += "; methods that are not idempotent never"
        case .keyed: text += "; methods that are not idempotent with Idempotency-Key"
        case .always: text += "; whatever the method"
        }
        return text
    }
}

/// What a route says of retries in place of its pool; nil where the pool's rule stands.
public struct RetryOverride: Sendable, Equatable {
    /// Failures that are a reason, and the statuses.
    public var reasons: RetryReasonPlan?
    /// For the first byte of an attempt that is not the last.
    public var tryTimeout: Interval?
    /// When a request that is not idempotent may be sent twice.
    public var nonIdempotent: NonIdempotentPlan?

    /// Nothing said.
    public init() {}

    /// True when the pool's rule stands as it is.
    public var isEmpty: Bool { reasons == nil && tryTimeout == nil && nonIdempotent == nil }

    /// The pool's rule with what the route says.
    public func applied(to pool: RetryPlan) -> RetryPlan {
        var plan = pool
        if let reasons {
            plan.conditions = reasons.conditions
            plan.statuses = reasons.statuses
            plan.grpcCodes = reasons.grpcCodes
        }
        if let tryTimeout { plan.tryTimeout = tryTimeout }
        if let nonIdempotent { plan.nonIdempotent = nonIdempotent }
        return plan
    }

}

/// Reasons to try again.
public struct RetryReasonPlan: Sendable, Equatable {
    /// Failures.
    public var conditions: RetryConditions
    /// Statuses.
    public var statuses: [ClosedRange<UInt16>]
    /// Statuses of gRPC.
    public var grpcCodes: [UInt8]

    /// Joins the parts.
    public init(
        conditions: RetryConditions,
        statuses: [ClosedRange<UInt16>],
        grpcCodes: [UInt8] = []
    ) {
        self.conditions = conditions
        self.statuses = statuses
        self.grpcCodes = grpcCodes
    }
}
