// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Where copies of a route's requests go, and which.
public struct MirrorSettings: Sendable, Equatable {
    /// The pool that gets them.
    public var pool: String
    /// Share of the requests that are copied.
    public var share: Percentage
    /// Which methods are.
    public var methods: MirrorMethods
    /// The most content of a request that is copied.
    public var body: ByteCount
    /// Time for the copy and its answer.
    public var timeout: Interval
    /// What of the answers is compared.
    public var compare: MirrorCompare
}

/// Which requests are copied.
public enum MirrorMethods: String, Sendable, Equatable, CaseIterable {
    /// Those of every method.
    case all
    /// Those that change nothing.
    case safe
}

/// What of the two answers is compared.
public enum MirrorCompare: String, Sendable, Equatable, CaseIterable {
    /// Nothing.
    case off
    /// The status.
    case status
    /// Status and content.
    case body
}
