// SPDX-License-Identifier: Apache-2.0

/// The answer to "who should serve this, now?".
public enum Choice: Sendable, BitwiseCopyable, Equatable {
    /// Index of the endpoint in the pool's definition.
    case endpoint(Int)
    /// Nobody can be chosen.
    case none(NoChoice)
}

/// Why nobody can be chosen.
public enum NoChoice: UInt8, Sendable, BitwiseCopyable {
    /// The pool does not exist, has no endpoints, or only such of weight 0.
    case empty
    /// No endpoint takes new work and the all-down policy names none.
    case allDown
    /// Endpoints take new work but all are at their connection limit: queue, then try again.
    case atLimit
    /// Every endpoint that takes new work has been tried already.
    case exhausted
    /// The work is for the leader alone, and there is none, or more than one.
    case noLeader

    /// The word used in logs and in explanations.
    public var word: String {
        switch self {
        case .empty: "pool-empty"
        case .allDown: "all-down"
        case .atLimit: "at-limit"
        case .exhausted: "all-tried"
        case .noLeader: "no-leader"
        }
    }
}

/// Which endpoints were used although ordinary rules found none.
public enum ChoiceMode: UInt8, Sendable, BitwiseCopyable {
    /// Endpoints that take new work.
    case healthy
    /// Panic threshold: `ready` ones whose connects do not fail.
    case panic
    /// All-down policy `all`: every `ready` one.
    case allDown
    /// All-down policy `last-good`: the one that was last to go down.
    case lastGood
    /// All-down policy `fallback`: another policy's, by their own health.
    case fallback

    /// The word used in logs and in explanations.
    public var word: String {
        switch self {
        case .healthy: "healthy"
        case .panic: "panic"
        case .allDown: "all-down"
        case .lastGood: "last-good"
        case .fallback: "fallback"
        }
    }
}

/// The endpoints one request has already been tried on, as indices in the pool.
///
/// Holds up to 8; one more replaces none and is forgotten, so a pool is never declared exhausted
/// by mistake.
public struct Tried: Sendable, BitwiseCopyable, Equatable {
    // Eight lanes of 16 bits, each an index plus one; 0 is an empty lane.
    @usableFromInline var lanes: UInt128 = 0
    /// Number of endpoints noted.
    public private(set) var count: UInt8 = 0

    /// Nothing tried yet.
    @inlinable public init() {}

    /// True when nothing has been tried.
    @inlinable public var isEmpty: Bool { lanes == 0 }

    /// Notes an attempt.
    public mutating func insert(_ index: Int) {
        guard count < 8, index >= 0, index < 0xffff, !contains(index) else { return }
        lanes |= UInt128(index + 1) << UInt128(16 * Int(count))
        count += 1
    }

    /// Forgets the latest attempt, if it was at this endpoint.
    public mutating func removeLast(_ index: Int) {
        guard count > 0, index >= 0, index < 0xffff else { return }
        let shift = UInt128(16 * (Int(count) - 1))
        guard Int(truncatingIfNeeded: lanes >> shift & 0xffff) == index + 1 else { return }
        lanes &= ~(0xffff << shift)
        count -= 1
    }

    /// True when the endpoint has been tried.
    @inlinable public func contains(_ index: Int) -> Bool {
        var rest = lanes
        while rest != 0 {
            if Int(truncatingIfNeeded: rest & 0xffff) == index &+ 1 { return true }
            rest >>= 16
        }
        return false
    }
}
