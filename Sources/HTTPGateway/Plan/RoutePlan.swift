// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import Steering

/// One route.
public struct RoutePlan: Sendable, Equatable {
    /// What names it in logs and metrics.
    public var name: String
    /// Hosts it is for.
    public var host: HostMatch
    /// Paths it is for.
    public var path: PathMatch
    /// What else must hold of a request; nil for nothing.
    public var condition: RouteCondition?
    /// What is done with a request.
    public var action: RouteAction
    /// Networks whose clients are served; empty for all.
    public var allowed: [Prefix] = []
    /// Networks whose clients are not served.
    public var denied: [Prefix] = []
    /// What it answers while it is being worked on; nil when it is not.
    public var maintenance: MaintenancePlan?
    /// How many requests it takes; nil for all.
    public var limit: RateLimitPlan?
    /// What it wants to know of who asks; nil for nothing.
    public var access: AccessPlan?
    /// Path and query that go to the endpoint instead of the client's; nil for the client's.
    public var rewrittenTarget: TextTemplate?
    /// `Host` that goes to the endpoint instead of the client's; nil for the client's.
    public var rewrittenHost: TextTemplate?
    /// Changes to the fields that go to the endpoint.
    public var requestFields: [FieldEdit] = []
    /// Changes to the fields that go to the client.
    public var responseFields: [FieldEdit] = []
    /// Which answers are compressed; nil for none.
    public var compress: CompressPlan?
    /// Where copies of its requests go; nil for nowhere.
    public var mirror: MirrorPlan?
    /// The number of the cache in front of its pools; nil for none.
    public var cache: Int?
    /// Who goes first when there is not enough for all.
    public var priority = Priority.normal
    /// Attempts after the first; nil means the pool's.
    public var retries: Int?
    /// What the route says of retries in place of its pools.
    public var retry = RetryOverride()
    /// Deadline of the whole exchange; nil means the listener's.
    public var requestTimeout: Interval?
    /// Largest request body; nil means no bound.
    public var bodyLimit: UInt64?

    /// A route with the pool's and listener's settings.
    public init(name: String, host: HostMatch, path: PathMatch, action: RouteAction) {
        self.name = name
        self.host = host
        self.path = path
        self.action = action
    }

    /// A route to one pool.
    public init(name: String, host: HostMatch, path: PathMatch, pool: Int) {
        self.init(name: name, host: host, path: path, action: .pool(pool))
    }
}

/// What a route does with a request.
public enum RouteAction: Sendable, Equatable {
    /// An endpoint of the pool with this number answers.
    case pool(Int)
    /// An endpoint of one of the pools answers, each taking its share.
    case split([PoolShare], by: SplitKey)
    /// The door answers with `Location` (RFC 9110 §10.2.2).
    case redirect(status: UInt16, location: TextTemplate)
    /// The door answers with a text.
    case respond(status: UInt16, contentType: String, body: [UInt8])

    /// The door answers a question of DNS (RFC 8484).
    case dns

    /// The pools that may get a request.
    public var pools: [Int] {
        switch self {
        case .pool(let pool): [pool]
        case .split(let shares, _): shares.map(\.pool)
        case .redirect, .respond, .dns: []
        }
    }
}

/// A pool's part of a route's requests.
public struct PoolShare: Sendable, Equatable {
    /// The pool's number.
    public var pool: Int
    /// Its part, beside those of the others.
    public var part: UInt32

    /// A part for a pool.
    public init(pool: Int, part: UInt32) {
        self.pool = pool
        self.part = part
    }
}

/// What tells which share of a split a request belongs to.
public enum SplitKey: Sendable, Equatable {
    /// Nothing: each request is drawn anew.
    case random
    /// This part of the request: equal parts always get the same pool while the shares stay.
    case part(HashKeyPlan)
}

/// One change to the fields of a message.
public struct FieldEdit: Sendable, Equatable {
    /// What is done.
    public enum Kind: Sendable, Equatable, BitwiseCopyable {
        /// All fields of the name give way to this one.
        case set
        /// The field is added behind those of the name.
        case add
        /// The field is added when an endpoint has sent none of the name.
        case supply
        /// All fields of the name are taken out.
        case remove
    }

    /// What is done.
    public var kind: Kind
    /// The field's name.
    public var name: String
    /// Its value; without meaning for ``Kind/remove``.
    public var value: TextTemplate
    /// Whether it is done only when the client came by TLS.
    public var isSecureOnly = false

    /// A change to the fields with a name.
    public init(_ kind: Kind, _ name: String, _ value: TextTemplate = TextTemplate(parts: [])) {
        self.kind = kind
        self.name = name
        self.value = value
    }
}

/// Hosts of a route, in lower case and without a port.
public enum HostMatch: Sendable, Hashable {
    /// Every host, and requests without one.
    case any
    /// This host.
    case exact(String)
    /// Every host with one or more labels before `.` and this name.
    case wildcard(String)
}

/// Paths of a route; `{name}` as a whole segment of an exact path or a prefix stands for any one
/// segment.
public enum PathMatch: Sendable, Hashable {
    /// Exactly this path.
    case exact(String)
    /// This path and everything below it, whole segments at a time: `/api` holds `/api` and
    /// `/api/x` but not `/apix`.
    case prefix(String)
    /// Paths in which a regular expression of RE2 matches somewhere.
    case expression(String)
}
