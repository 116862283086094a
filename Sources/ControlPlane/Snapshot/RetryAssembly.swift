// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import HTTPGateway

extension GatewayAssembly {
    static func retry(_ settings: RetrySettings) -> RetryPlan {
        var plan = RetryPlan()
        plan.conditions = settings.on.plan
        plan.statuses = settings.on.statuses.ranges
        plan.tryTimeout = settings.perTryTimeout
        plan.nonIdempotent = settings.nonIdempotent.plan
        return plan
    }
}

extension RouteSettings {
    /// What the route says of retries in place of its pools.
    var retryOverride: RetryOverride {
        var plan = RetryOverride()
        plan.reasons = retryOn.map { ($0.plan, $0.statuses.ranges) }
        plan.tryTimeout = retryPerTryTimeout
        plan.nonIdempotent = retryNonIdempotent?.plan
        return plan
    }
}

extension RetryReasons {
    fileprivate var plan: RetryConditions {
        var plan: RetryConditions = []
        for condition in conditions {
            switch condition {
            case .connect: plan.insert(.connect)
            case .reset: plan.insert(.reset)
            case .timeout: plan.insert(.timeout)
            }
        }
        return plan
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
