// SPDX-License-Identifier: Apache-2.0

/// What part an endpoint has among those of its pool, as its own answer to the probe says.
public enum EndpointRole: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// It has not said.
    case unknown
    /// It takes writes.
    case leader
    /// It follows the leader.
    case replica

    /// The word in the API, the log and explanations.
    public var word: String {
        switch self {
        case .unknown: "unknown"
        case .leader: "leader"
        case .replica: "replica"
        }
    }

    /// The role that a word names; nil for any other text.
    public init?(word: String) {
        guard let role = EndpointRole.allCases.first(where: { $0.word == word }) else { return nil }
        self = role
    }
}

/// The part that an endpoint must have to get a request.
public enum RoleWish: UInt8, Sendable, BitwiseCopyable {
    /// Any.
    case any
    /// It leads, and nobody else says so.
    case leader
    /// It does not lead; the leader only when nobody else can.
    case replica
}
