// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A change that ``HealthKeeper`` has published: for the log, the API and open connections.
public struct HealthEvent: Sendable, Equatable {
    /// What changed.
    public enum Change: Sendable, Equatable {
        /// The probe's verdict.
        case health(from: Health, to: Health)
        /// The operator's wish.
        case administrative(from: AdministrativeState, to: AdministrativeState)
        /// The weight override; nil is the configured weight.
        case weight(from: UInt32?, to: UInt32?)
        /// What an operator says of the health, for a while; nil for nothing.
        case forced(from: ForcedHealth?, to: ForcedHealth?)
        /// What the endpoint says of its part in the pool.
        case role(from: EndpointRole, to: EndpointRole)
        /// Taken out because real requests failed.
        case ejected(until: Instant, times: Int)
        /// An ejection is over: a few requests at a time show whether the endpoint works.
        case halfOpen(RestoreCause)
        /// Back from an ejection.
        case restored(RestoreCause)
        /// The reason for being down is another one now.
        case reason(from: HealthReason, to: HealthReason)
    }

    /// What ended an ejection.
    public enum RestoreCause: String, Sendable {
        /// Its time is over.
        case expired
        /// The active probe passed.
        case probePassed = "probe-passed"
        /// Requests of the trial succeeded.
        case proven
        /// Passive checking was switched off.
        case disabled
    }

    /// Place in the health table.
    public var slot: Int
    /// Who changed.
    public var identity: EndpointIdentity
    /// Name in the pool.
    public var name: String
    /// What changed.
    public var change: Change
    /// Why.
    public var reason: HealthReason
    /// More for people, for example `db=fail`.
    public var detail: String
    /// The generation that carries the change.
    public var generation: UInt32
    /// When.
    public var at: Instant
    /// Open connections to the endpoint are to be closed now.
    public var closesConnections: Bool
}

/// What is known of an endpoint beyond its health word: for the API and for people.
public struct EndpointStatus: Sendable, Equatable {
    /// The registration.
    public var registration: HealthRegistration
    /// The published word.
    public var word: HealthWord
    /// More for people, for example `db=fail`.
    public var detail: String
    /// Since when the health is what it is.
    public var since: Instant
    /// Weight set through the API, if any.
    public var weightOverride: UInt32?
    /// End of the ejection; nil when not ejected.
    public var ejectedUntil: Instant?
    /// Probe results still needed to change the health; 0 when none are under way.
    public var checksNeeded: Int
    /// The latest probe outcome, which may not have changed the health yet.
    public var latest: ProbeOutcome?
    /// What an operator says of the health; nil for nothing.
    public var forced: ForcedHealth?
}

/// One endpoint's state for the state file: plain, free of process-local numbers.
public struct SavedEndpoint: Sendable, Equatable {
    /// Who.
    public var identity: EndpointIdentity
    /// Its health.
    public var health: Health
    /// Why.
    public var reason: HealthReason
    /// More for people.
    public var detail: String
    /// Since when, in nanoseconds since 1970.
    public var sinceRealtime: Int64
    /// The operator's wish.
    public var administrative: AdministrativeState
    /// Weight set through the API, if any.
    public var weightOverride: UInt32?
    /// End of an ejection in nanoseconds since 1970; nil when not ejected.
    public var ejectedUntilRealtime: Int64?
    /// When it returned last, in nanoseconds since 1970; nil when it has never been away.
    public var returnedRealtime: Int64?
    /// What it has said of its part in the pool.
    public var role = EndpointRole.unknown

    /// Joins the parts.
    public init(identity: EndpointIdentity, health: Health, reason: HealthReason) {
        self.identity = identity
        self.health = health
        self.reason = reason
        detail = ""
        sinceRealtime = 0
        administrative = .ready
        weightOverride = nil
        ejectedUntilRealtime = nil
    }
}
