// SPDX-License-Identifier: Apache-2.0

/// How the answer to a probe says whether the endpoint leads.
public enum RoleSettings: Sendable, Equatable {
    /// By one of these statuses.
    case status(StatusRanges)
    /// By the value of a member of its JSON body: the names on the way to it, and the values.
    case field([String], leader: [String])
}

/// Who gets requests that may change something.
public enum WritePolicy: String, Sendable, Equatable, CaseIterable {
    /// Every endpoint.
    case any
    /// The one that leads.
    case leader
}

/// Who gets requests that change nothing.
public enum ReadPolicy: String, Sendable, Equatable, CaseIterable {
    /// Every endpoint.
    case all
    /// Those that do not lead.
    case replicas
}
