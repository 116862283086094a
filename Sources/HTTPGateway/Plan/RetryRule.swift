// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Statuses from 0 to 639, one bit each.
struct StatusSet: Sendable, BitwiseCopyable {
    private var words = InlineArray<10, UInt64>(repeating: 0)

    init(_ ranges: [ClosedRange<UInt16>]) {
        for range in ranges {
            for status in range where status < 640 {
                words[Int(status) / 64] |= 1 << UInt64(status % 64)
            }
        }
    }

    func contains(_ status: UInt16) -> Bool {
        guard status < 640 else { return false }
        return words[Int(status) / 64] >> UInt64(status % 64) & 1 == 1
    }
}

/// What the loops need to know of retries; one per pool, and one more per route that says its own.
struct RetryRule: Sendable, BitwiseCopyable {
    var conditions: RetryConditions
    var nonIdempotent: NonIdempotentPlan
    var statuses: StatusSet
    var grpcCodes: UInt32  // one bit each
    var tryTimeout: Interval  // zero: none

    init(_ plan: RetryPlan) {
        conditions = plan.conditions
        if !plan.statuses.isEmpty { conditions.insert(.status) }
        grpcCodes = plan.grpcCodes.reduce(0) { $0 | 1 << UInt32($1 & 31) }
        if grpcCodes != 0 { conditions.insert(.grpc) }
        nonIdempotent = plan.nonIdempotent
        statuses = StatusSet(plan.statuses)
        tryTimeout = plan.tryTimeout ?? .zero
    }
}

/// The rules of a snapshot: those of the pools by their numbers, then those of routes.
struct RetryTable: Sendable {
    private(set) var rules: [RetryRule]
    /// The pools of routes with rules of their own, each with the place of its rule.
    private(set) var places: [(pool: Int32, rule: Int32)] = []
    private let pools: [RetryPlan]
    private var known: [RetryPlan: Int32] = [:]

    init(pools: [RetryPlan]) {
        self.pools = pools
        rules = pools.map(RetryRule.init)
    }

    /// Where the rules of a route lie; empty when its pools' stand.
    mutating func add(_ change: RetryOverride, for numbers: [Int]) -> ByteRange {
        let start = places.count
        for number in numbers where !change.isEmpty && pools.indices.contains(number) {
            let plan = change.applied(to: pools[number])
            if known[plan] == nil {
                known[plan] = Int32(rules.count)
                rules.append(RetryRule(plan))
            }
            places.append((Int32(number), known[plan] ?? -1))
        }
        return ByteRange(from: start, to: places.count)
    }

    /// The place of the rule for a request of a route to a pool.
    func place(_ route: ByteRange, pool: Int32) -> Int32 {
        for index in Int(route.start)..<route.end where places[index].pool == pool {
            return places[index].rule
        }
        return pool
    }
}

extension Fault {
    /// Which reason for another attempt a failure is.
    var condition: RetryConditions {
        switch self {
        // A stream that was refused has not been looked at (RFC 9113 §8.7).
        case .connectRefused, .connectTimeout, .connectFailed, .originSecurity, .originVersion,
            .originRefused:
            .connect
        case .firstByteTimeout, .tryTimeout, .betweenBytesTimeout, .originSlow: .timeout
        case .originStatus: .status
        case .originGRPC: .grpc
        default: .reset
        }
    }
}
