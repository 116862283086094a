// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What is done with which requests.
public struct RouteSettings: Sendable, Equatable {
    /// What it is called: its name, else host and path, with a number behind from the second on.
    public var name: String
    /// The hosts it is for.
    public var host: HostPattern
    /// The paths it is for.
    public var path: PathPattern
    /// What else must hold; nil for nothing.
    public var when: ConditionSettings?
    /// What is done with a request.
    public var action: RouteActionSettings
    /// Networks that are served; empty for all.
    public var allow: [Prefix]
    /// Networks that are not served.
    public var deny: [Prefix]
    /// What is answered while the route is being worked on; nil for nothing.
    public var maintenance: MaintenanceSettings?
    /// How many requests are served; nil for all.
    public var rateLimit: RateLimitSettings?
    /// Fields that tell browsers to be careful; nil for none.
    public var securityHeaders: SecurityHeaderSettings?
    /// Who may come in by name and password; nil for everybody.
    public var basicAuth: BasicAuthSettings?
    /// Who may come in by a signed token; nil for everybody.
    public var jwt: JWTSettings?
    /// Which answers are compressed; nil for none.
    public var compress: CompressSettings?
    /// What the endpoint is asked for instead.
    public var rewrite: RewriteSettings
    /// Changes to the request's fields.
    public var requestHeaders: HeaderEditSettings
    /// Changes to the response's fields.
    public var responseHeaders: HeaderEditSettings
    /// Where copies of requests go; nil for nowhere.
    public var mirror: MirrorSettings?
    /// The cache in front of its pools; nil for none.
    public var cache: String?
    /// Who goes first when there is not enough for all.
    public var priority: RoutePriority
    /// Attempts after the first; nil means the pool's.
    public var retry: Int?
    /// What is a reason to try again; nil means the pool's.
    public var retryOn: RetryReasons?
    /// For the first byte of an attempt that is not the last; nil means the pool's.
    public var retryPerTryTimeout: Interval?
    /// When a request that is not idempotent may be sent twice; nil means the pool's.
    public var retryNonIdempotent: NonIdempotentRetry?
    /// The whole exchange; nil means the listener's.
    public var timeout: Interval?
    /// The largest request body; nil means no bound.
    public var bodyLimit: ByteCount?
}

/// Who goes first when there is not enough for all.
public enum RoutePriority: String, Sendable, Equatable, CaseIterable {
    /// Served first, and refused last.
    case high
    /// What nobody has said anything about.
    case normal
    /// Served when nobody else waits, and refused first.
    case low
}

/// How many requests a route serves.
public struct RateLimitSettings: Sendable, Equatable {
    /// Requests in a time.
    public var rate: Rate
    /// Requests at once.
    public var burst: Int
    /// What tells requests apart; nil for nothing.
    public var key: HashKey?
    /// Leading bits of IPv4 addresses that count.
    public var ipv4Prefix: Int
    /// Leading bits of IPv6 addresses that count.
    public var ipv6Prefix: Int
    /// True when nothing is refused.
    public var dryRun: Bool
}

/// What an endpoint is asked for instead of what the client asked for; values have variables.
public struct RewriteSettings: Sendable, Equatable {
    /// The path, and the query if it names one; nil for the client's.
    public var path: String?
    /// `Host`; nil for the client's.
    public var host: String?
}

/// What a route does.
public enum RouteActionSettings: Sendable, Equatable {
    /// This pool serves.
    case pool(String)
    /// These pools serve, each its share.
    case split([PoolShareSettings], by: HashKey?)
    /// The client is sent elsewhere; the text has variables.
    case redirect(to: String, status: Int)
    /// This is the answer.
    case respond(status: Int, type: String, body: String)

    /// The zones answer (RFC 8484).
    case dns

    /// The names of the pools.
    public var pools: [String] {
        switch self {
        case .pool(let name): [name]
        case .split(let shares, _): shares.map(\.pool)
        case .redirect, .respond, .dns: []
        }
    }
}

/// One pool of a split.
public struct PoolShareSettings: Sendable, Equatable {
    /// The pool.
    public var pool: String
    /// Its share, beside those of the others.
    public var weight: Int
}

/// Changes to the fields of a message; values have variables.
public struct HeaderEditSettings: Sendable, Equatable {
    /// Fields that take the place of all of their name.
    public var set: [HeaderSettings] = []
    /// Fields that are added.
    public var add: [HeaderSettings] = []
    /// Names of fields that are taken out.
    public var remove: [String] = []
}

/// A condition on a request.
public indirect enum ConditionSettings: Sendable, Hashable {
    /// All hold.
    case all([ConditionSettings])
    /// One holds.
    case any([ConditionSettings])
    /// It does not hold.
    case not(ConditionSettings)
    /// The method.
    case method(String)
    /// A field.
    case header(ValueMatchSettings)
    /// A cookie.
    case cookie(ValueMatchSettings)
    /// A query parameter.
    case query(ValueMatchSettings)
    /// A member of a JSON body.
    case json(ValueMatchSettings)
    /// A field of a form.
    case form(ValueMatchSettings)
    /// A media type or `type/*`.
    case contentType(String)
    /// The client's network.
    case client(Prefix)
    /// By TLS, or in the clear.
    case tls(Bool)
}

/// A test of the value that stands under a name.
public struct ValueMatchSettings: Sendable, Hashable, CustomStringConvertible {
    /// How the value is tested; the raw value is how it is written.
    public enum Test: String, Sendable, CaseIterable {
        /// There is one.
        case present = ""
        /// It is the text.
        case equals = "="
        /// It begins with the text.
        case prefix = "^="
        /// It ends with the text.
        case suffix = "$="
        /// It holds the text.
        case contains = "*="
        /// The text as an expression matches somewhere in it.
        case expression = "~"
    }

    /// The name.
    public var name: String
    /// The test.
    public var test: Test
    /// What it tests for.
    public var text: String
    /// The match as it is written.
    public var description: String { name + test.rawValue + text }
}

/// The hosts of a route, without port and in lower case.
public enum HostPattern: Sendable, Hashable {
    /// Every host.
    case any
    /// This host.
    case exact(String)
    /// Every host that ends in `.` and this name, one or more labels before it.
    case wildcard(String)

    /// As it is written: `*`, `a.example.com` or `*.example.com`.
    public var pattern: String {
        switch self {
        case .any: "*"
        case .exact(let name): name
        case .wildcard(let name): "*.\(name)"
        }
    }
}

/// The paths of a route.
public enum PathPattern: Sendable, Hashable {
    /// This path.
    case exact(String)
    /// This path and everything that begins with it.
    case prefix(String)
    /// Every path in which the expression matches.
    case expression(String)
}
