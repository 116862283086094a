// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Which requests go to which pool.
public struct RouteSettings: Sendable, Equatable {
    /// The hosts it is for.
    public var host: HostPattern
    /// The paths it is for.
    public var path: PathPattern
    /// The pool that serves.
    public var pool: String
    /// Attempts after the first; nil means the pool's.
    public var retry: Int?
    /// The whole exchange; nil means the listener's.
    public var timeout: Interval?
    /// The largest request body; nil means no bound.
    public var bodyLimit: ByteCount?
}

/// The hosts of a route, without port and in lower case.
public enum HostPattern: Sendable, Hashable {
    /// Every host.
    case any
    /// This host.
    case exact(String)
    /// Every host that ends in `.` and this name, one or more labels before it.
    case wildcard(String)
}

/// The paths of a route.
public enum PathPattern: Sendable, Hashable {
    /// This path.
    case exact(String)
    /// This path and everything that begins with it.
    case prefix(String)
}
