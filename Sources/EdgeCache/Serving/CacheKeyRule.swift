// SPDX-License-Identifier: Apache-2.0

/// What of a request tells stored responses apart, beside scheme and path.
public struct CacheKeyRule: Sendable, Equatable {
    /// Whether the host does.
    public var hasHost = true
    /// What of the query does.
    public enum Query: Sendable, Equatable {
        /// As it was sent.
        case all
        /// Nothing.
        case none
        /// All parameters, in whatever order.
        case sorted
        /// These parameters.
        case only([[UInt8]])
        /// All but these; `*` at the end stands for any rest of a name.
        case without([[UInt8]])
    }
    /// What of the query does.
    public var query = Query.all
    /// Fields whose values do, in lower case.
    public var fields: [[UInt8]] = []
    /// Cookies whose values do.
    public var cookies: [[UInt8]] = []

    /// Host and query as they were sent.
    public init() {}
}
