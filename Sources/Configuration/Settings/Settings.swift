// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A whole validated configuration: every reference resolves and every value is in range.
///
/// Values come only from ``ConfigurationReader``; defaults live in the schema table, nowhere else.
/// Things the file keeps in a mapping (`pools`, `probes`, ...) are arrays here, in file order.
public struct Settings: Sendable, Equatable {
    /// Number of worker threads; nil means one per usable core.
    public var workers: Int?
    /// The account the serving process runs as when started by root.
    public var user: String
    /// The account that is meant when none is named, and need not be there.
    public static let defaultUser = "martlet"
    /// The folder for health table, overlay and last good configuration; nil means chosen at start.
    public var state: String?
    /// How long in-flight requests may take after TERM.
    public var shutdownGrace: Interval
    /// The last part of it, over which tunnels are closed one by one.
    public var shutdownSpread: Interval
    /// How long the new program of an upgrade may take to be ready.
    public var upgradeTimeout: Interval
    /// What it calls itself in `CDN-Loop`; nil for a name that is drawn.
    public var cdnID: String?
    /// Bounds that hold for the whole process.
    public var limits: LimitSettings
    /// The admin listener.
    public var admin: AdminSettings
    /// The event log and the access log.
    public var log: LogSettings
    /// What becomes of traces.
    public var tracing = TracingSettings()
    /// Where networks are.
    public var geo = GeoSettings()
    /// How long round trips take.
    public var latency = RoundTripSettings()
    /// How names outside that aliases lead to are resolved.
    public var alias = AliasSettings()
    /// The DNS door as a whole.
    public var dns = DNSSettings()
    /// The API for zones.
    public var zoneAPI = ZoneAPISettings()
    /// The keys by which messages of DNS are signed, by name.
    public var tsigKeys: [TSIGKeySettings] = []
    /// Where the doors listen.
    public var listeners: [ListenerSettings]
    /// Active checks by name.
    public var probes: [ProbeSettings]
    /// Sets of endpoints by name.
    public var pools: [PoolSettings]
    /// What routes may have in front of their pools, by name.
    public var caches: [CacheSettings] = []
    /// Which request goes to which pool.
    public var routes: [RouteSettings]
    /// Zones that the DNS door answers for.
    public var zones: [ZoneSettings]
    /// Policies that choose DNS answers, by name.
    public var steer: [SteerSettings]
    /// Names that move from one branch to another.
    public var migrations: [MigrationSettings] = []
}

/// Bounds that hold for the whole process.
public struct LimitSettings: Sendable, Equatable {
    /// Client connections of all doors together.
    public var connections: Int
    /// Connections of one client network without a request so far; nil means any number.
    public var unfinishedPerClient: Int?
    /// Bytes of one request or response head.
    public var headerBytes: ByteCount
    /// Fields in one request or response head.
    public var headerCount: Int
    /// Bytes of the request line.
    public var requestLine: ByteCount
    /// Body bytes kept so that an idempotent request with a body can be sent again.
    public var bufferedBody: ByteCount
    /// Beginning of a request body that conditions look at.
    public var bodyPrefix: ByteCount
    /// What becomes of a longer one.
    public var bodyPrefixExcess: BodyPrefixExcess
    /// Sessions of applications that are remembered.
    public var learnedSessions: Int
    /// Probes that run at a time.
    public var concurrentProbes: Int
    /// Commands of probes at a time.
    public var concurrentCommands: Int
    /// Copies of requests at a time.
    public var mirroredRequests: Int
    /// Memory for them.
    public var mirrorMemory: ByteCount
    /// How late a worker may be before it refuses requests; nil for any time.
    public var shedLag: Interval?
}

/// What becomes of a body that is longer than what conditions look at.
public enum BodyPrefixExcess: String, Sendable, Equatable, CaseIterable {
    /// What lies behind is not seen.
    case noMatch = "no-match"
    /// The request is refused.
    case refuse
}

/// The admin listener: metrics, API, status page, health of Martlet itself.
public struct AdminSettings: Sendable, Equatable {
    /// Where it listens; nil means no admin listener.
    public var listen: ListenAddress?
}

/// The event log and the access log.
public struct LogSettings: Sendable, Equatable {
    /// The least severe event that is written.
    public var level: LogLevel
    /// Where events go; never ``LogOutput/off``.
    public var output: LogOutput
    /// The access log of the HTTP door.
    public var access: AccessLogSettings
    /// What is kept of the latest requests.
    public var requests: RequestLogSettings
    /// The log of the DNS door.
    public var queries: QueryLogSettings
}

/// The log of DNS queries.
public struct QueryLogSettings: Sendable, Equatable {
    /// Where lines go.
    public var output: LogOutput
    /// One query in so many gets a line.
    public var sample: Int
}

/// What is kept of the latest requests, for `martlet why`.
public struct RequestLogSettings: Sendable, Equatable {
    /// Requests of each worker.
    public var kept: Int
    /// Share of those with 2xx that are kept.
    public var share: Percentage
}

/// The access log of the HTTP door.
public struct AccessLogSettings: Sendable, Equatable {
    /// Where lines go.
    public var output: LogOutput
    /// The form of one line.
    public var format: AccessLogFormat
}

/// How severe an event is.
public enum LogLevel: String, Sendable, Equatable, CaseIterable {
    /// Something failed and needs a person.
    case error
    /// Something is wrong, service goes on.
    case warning
    /// Changes of state.
    case info
    /// Details for finding faults.
    case debug
}

/// Where a log goes.
public enum LogOutput: Sendable, Equatable {
    /// Nowhere.
    case off
    /// Standard error.
    case stderr
    /// Standard output.
    case stdout
    /// Appended to the file of this path, opened again at USR1.
    case file(String)
}

/// The form of an access log line.
public enum AccessLogFormat: String, Sendable, Equatable, CaseIterable {
    /// NCSA combined, followed by Martlet's own fields.
    case combined
    /// One JSON object per line.
    case json
}
