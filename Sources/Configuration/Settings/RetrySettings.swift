// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Sending a request again to another endpoint.
public struct RetrySettings: Sendable, Equatable {
    /// Attempts after the first.
    public var attempts: Int
    /// Retries at a time as a share of the active requests.
    public var budget: Percentage
    /// Retries at a time that are always allowed.
    public var minimum: Int
    /// What is a reason to try again.
    public var on: RetryReasons
    /// For the first byte of an attempt that is not the last; nil means the pool's deadline only.
    public var perTryTimeout: Interval?
    /// Pauses before retries.
    public var backoff: BackoffSettings
    /// When a request that is not idempotent may be sent twice.
    public var nonIdempotent: NonIdempotentRetry
}

/// Pauses before retries.
public struct BackoffSettings: Sendable, Equatable {
    /// Before the first, each further one being twice as long; zero means none.
    public var base: Interval
    /// The longest.
    public var cap: Interval
}

/// What is a reason to try a request again.
public struct RetryReasons: Sendable, Equatable {
    /// Failures of the connection and of the wait.
    public var conditions: [RetryConditionName]
    /// Statuses of the answer, 400 to 599.
    public var statuses: StatusRanges
}

/// The words of `retry.on` beside statuses.
public enum RetryConditionName: String, Sendable, Equatable, CaseIterable {
    /// No connection came about, so nothing was sent.
    case connect
    /// The connection broke before an answer, or what came is no answer.
    case reset
    /// The answer did not come in time.
    case timeout
    /// The call was cancelled, not by its client (gRPC status 1).
    case grpcCancelled = "grpc-cancelled"
    /// The call's time was over (gRPC status 4).
    case grpcDeadlineExceeded = "grpc-deadline-exceeded"
    /// The endpoint has no room for the call (gRPC status 8).
    case grpcResourceExhausted = "grpc-resource-exhausted"
    /// The call met another one (gRPC status 10).
    case grpcAborted = "grpc-aborted"
    /// The endpoint has met an error of its own (gRPC status 13).
    case grpcInternal = "grpc-internal"
    /// The endpoint cannot serve now (gRPC status 14).
    case grpcUnavailable = "grpc-unavailable"

    /// The number of a status of gRPC; nil for a failure of the connection.
    public var grpcCode: UInt8? {
        switch self {
        case .connect, .reset, .timeout: nil
        case .grpcCancelled: 1
        case .grpcDeadlineExceeded: 4
        case .grpcResourceExhausted: 8
        case .grpcAborted: 10
        case .grpcInternal: 13
        case .grpcUnavailable: 14
        }
    }
}

/// When a request whose method is not idempotent (RFC 9110 §9.2.2) may be sent twice.
public enum NonIdempotentRetry: String, Sendable, Equatable, CaseIterable {
    /// Never once it may have reached an endpoint.
    case never
    /// When it carries `Idempotency-Key`.
    case keyed
    /// Always.
    case always
}
