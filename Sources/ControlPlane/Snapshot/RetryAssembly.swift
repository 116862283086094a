// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import HTTPGateway

extension GatewayAssembly {
    static func retry(_ settings: RetrySettings) -> RetryPlan {
        var plan = RetryPlan()
        let reasons = settings.on.plan
        plan.conditions = reasons.conditions
        plan.statuses = reasons.statuses
        plan.grpcCodes = reasons.grpcCodes
        plan.tryTimeout = settings.perTryTimeout
        plan.nonIdempotent = settings.nonIdempotent.plan
        return plan
    }
}

extension RouteSettings {
    /// What the route says of retries in place of its pools.
    var retryOverride: RetryOverride {
        var plan = RetryOverride()
        plan.reasons = retryOn?.plan
        plan.tryTimeout = retryPerTryTimeout
        plan.nonIdempotent = retryNonIdempotent?.plan
        return plan
    }
}

extension RetryReasons {
    fileprivate var plan: RetryReasonPlan {
        var plan: RetryConditions = []
        for condition in conditions {
            switch condition {
            case .connect: plan.insert(.connect)
            case .reset: plan.insert(.reset)
            case .timeout: plan.insert(.timeout)
            case .grpcCancelled, .grpcDeadlineExceeded, .grpcResourceExhausted, .grpcAborted,
                .grpcInternal, .grpcUnavailable:
                break  // by their numbers
            }
        }
        return RetryReasonPlan(
            conditions: plan,
            statuses: statuses.ranges,
            grpcCodes: conditions.compactMap(\.grpcCode)
        )
    }
}

extension NonIdempotentRetry {
    fileprivate var plan: NonIdempotentPlan {
        switch self {
        case .never: .never
        case .keyed: .keyed
        case .always: .always
        }
    }
}
