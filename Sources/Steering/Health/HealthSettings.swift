// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What a failed probe means for work already on the endpoint.
public enum CheckKind: UInt8, Sendable, BitwiseCopyable {
    /// Down takes no new work; nothing is cut.
    case readiness
    /// Down closes open connections as well.
    case liveness
}

/// How active probe results become health.
public struct CheckSettings: Sendable, Equatable {
    /// Passes in a row that bring an endpoint up.
    public var rise: Int
    /// Failures in a row that bring an endpoint down.
    public var fall: Int
    /// Time between probes.
    public var interval: Interval
    /// Time between probes while a change is under way.
    public var fastInterval: Interval
    /// What down means for open connections.
    public var kind: CheckKind

    /// The defaults: interval 5 s, fall 3, rise 2, readiness.
    public init(
        rise: Int = 2,
        fall: Int = 3,
        interval: Interval = .seconds(5),
        fastInterval: Interval? = nil,
        kind: CheckKind = .readiness
    ) {
        self.rise = rise
        self.fall = fall
        self.interval = interval
        self.fastInterval = fastInterval ?? interval
        self.kind = kind
    }
}

/// How failures of real requests take an endpoint out for a while.
public struct PassiveSettings: Sendable, Equatable {
    /// Failures in a row, none older than ``window``, that eject; 0 for never.
    public var failures: Int
    /// How long failures count.
    public var window: Interval
    /// Length of the first ejection; the n-th lasts n times as long.
    public var ejection: Interval
    /// The longest ejection.
    public var ejectionLimit: Interval
    /// Most endpoints of a pool ejected at once, in percent; one is always allowed.
    public var maximumPercent: Int
    /// Share of failed requests in a window that ejects, in percent; 0 for never.
    public var errorPercent: Int
    /// Requests a window needs before ``errorPercent`` counts.
    public var minimumVolume: Int
    /// Requests at a time that an endpoint gets after an ejection; 0 for all at once.
    public var trialLimit: Int
    /// Successes that end the trial.
    public var trialSuccesses: Int
    /// When being slow ejects; nil for never.
    public var latency: LatencySettings?

    /// The defaults: 3 failures in 30 s, ejection 30 s growing to 300 s, at most half the pool,
    /// back by 5 successes, 3 requests at a time.
    public init() {
        failures = 3
        window = .seconds(30)
        ejection = .seconds(30)
        ejectionLimit = .seconds(300)
        maximumPercent = 50
        errorPercent = 50
        minimumVolume = 100
        trialLimit = 3
        trialSuccesses = 5
        latency = nil
    }
}

/// An endpoint as ``HealthKeeper`` knows it.
public struct HealthRegistration: Sendable, Equatable {
    /// Place in the health table.
    public var slot: Int
    /// Who it is across reloads and restarts; endpoints of one pool share ejection limits.
    public var identity: EndpointIdentity
    /// Name for events and the API.
    public var name: String
    /// Active probing; nil counts as up, marked unchecked.
    public var checks: CheckSettings?
    /// Passive ejection; nil for none.
    @Rare public var passive: PassiveSettings?
    /// The calculated check that must be up as well; nil for none.
    public var condition: String?
    /// True when it joins a pool that already serves, so slow start applies to its first `up`.
    public var joinsRunningPool: Bool
    /// The slot of the same endpoint under a former name, whose state it takes over; -1 for none.
    public var former: Int32 = -1

    /// An endpoint with passive ejection at its defaults.
    public init(
        slot: Int,
        identity: EndpointIdentity,
        name: String,
        checks: CheckSettings?,
        passive: PassiveSettings? = PassiveSettings(),
        joinsRunningPool: Bool = false
    ) {
        self.slot = slot
        self.identity = identity
        self.name = name
        self.checks = checks
        self.passive = passive
        self.joinsRunningPool = joinsRunningPool
    }
}

/// What one probe found.
public enum ProbeOutcome: Sendable, Equatable {
    /// All expectations were met.
    case success
    /// One was not; the detail is for people, for example `db=fail`.
    case failure(HealthReason, detail: String)
}

/// What went wrong with a real request, by the endpoint's fault.
public enum PassiveFailure: Sendable, BitwiseCopyable, Equatable {
    /// The connection was refused or had no route.
    case connectRefused
    /// No connection within the connect timeout.
    case connectTimeout
    /// The connection was reset or closed before a whole answer.
    case reset
    /// No answer within the first-byte or gap timeout.
    case timeout
    /// The answer is not valid HTTP.
    case malformed
    /// A status that the pool counts as failure.
    case status(UInt16)

    /// True when not even a connection could be made.
    @inlinable public var isConnectFailure: Bool {
        self == .connectRefused || self == .connectTimeout
    }
    /// The word for logs and details.
    public var word: String {
        switch self {
        case .connectRefused: "connect-refused"
        case .connectTimeout: "connect-timeout"
        case .reset: "connection-reset"
        case .timeout: "timeout"
        case .malformed: "malformed-response"
        case .status(let code): "status-\(code)"
        }
    }
}
