// SPDX-License-Identifier: Apache-2.0

/// What became of the session of one exchange.
public enum SessionTurn: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// The pool is not sticky.
    case none
    /// The client came without one and was given one.
    case begun
    /// It stayed with its endpoint.
    case kept
    /// It moved, as its identifier names no endpoint of the pool.
    case unknown
    /// It moved, as an attempt at its endpoint failed.
    case failed
    /// It moved, as its endpoint is in maintenance.
    case maintenance
    /// It moved, as its endpoint has drained long enough.
    case drained
    /// It moved, as its endpoint is down or ejected.
    case down

    /// Those in which the session moved.
    public static let moves: [SessionTurn] = [.unknown, .failed, .maintenance, .drained, .down]

    /// The word in the access log and in metrics.
    public var word: StaticString {
        switch self {
        case .none: "none"
        case .begun: "begun"
        case .kept: "kept"
        case .unknown: "unknown"
        case .failed: "failed"
        case .maintenance: "maintenance"
        case .drained: "drained"
        case .down: "down"
        }
    }
}
