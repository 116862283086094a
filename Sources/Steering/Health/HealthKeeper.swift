// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Owns the health machines of all endpoints and publishes their words: one, on the owner thread.
///
/// Every method takes `now` and returns the events that it caused; the words are already
/// published when it returns.
public struct HealthKeeper: ~Copyable {
    private let table: HealthTable
    private let load: LoadTable

    /// A keeper without endpoints.
    public init(table: HealthTable, load: LoadTable) {
        self.table = table
        self.load = load
    }

    /// Takes what a former process knew; used as endpoints with these identities are registered.
    ///
    /// `realtime` is nanoseconds since 1970 at `now`.
    public mutating func restore(_ saved: [SavedEndpoint], now: Instant, realtime: Int64) {}

    /// The state of all endpoints for the state file.
    public func export(now: Instant, realtime: Int64) -> [SavedEndpoint] { [] }

    /// Takes an endpoint in, or changes the settings of one that is known; its state stays.
    public mutating func register(_ registration: HealthRegistration, now: Instant) -> [HealthEvent]
    {
        table.publish(
            registration.slot,
            HealthWord(health: registration.checks == nil ? .up : .unknown)
        )
        return []
    }

    /// Forgets an endpoint and clears its slot.
    public mutating func unregister(_ slot: Int) {}

    /// Takes a probe's outcome.
    public mutating func record(
        _ slot: Int,
        _ outcome: ProbeOutcome,
        now: Instant
    ) -> [HealthEvent] { [] }

    /// Takes a failure of a real request.
    public mutating func recordPassive(
        _ slot: Int,
        _ failure: PassiveFailure,
        now: Instant
    ) -> [HealthEvent] { [] }

    /// Marks an endpoint whose name does not resolve as down, or takes the mark off.
    public mutating func setUnresolved(
        _ slot: Int,
        _ isUnresolved: Bool,
        detail: String,
        now: Instant
    ) -> [HealthEvent] { [] }

    /// Sets what the operator wants.
    public mutating func setAdministrative(
        _ slot: Int,
        _ state: AdministrativeState,
        now: Instant
    ) -> [HealthEvent] { [] }

    /// Overrides the configured weight; nil takes the override off.
    public mutating func setWeight(_ slot: Int, _ weight: UInt32?, now: Instant) -> [HealthEvent] {
        []
    }

    /// Ends ejections whose time is over.
    public mutating func tick(now: Instant) -> [HealthEvent] { [] }

    /// When ``tick(now:)`` next has something to do.
    public var nextDeadline: Instant { .never }

    /// True while a change is under way, so that the prober uses the fast interval.
    public func isChanging(_ slot: Int) -> Bool { false }

    /// True when no endpoint with a probe is without a verdict: the first round is over.
    public var hasVerdictForAll: Bool { true }

    /// Everything known of an endpoint; nil when it is not registered.
    public func status(_ slot: Int) -> EndpointStatus? { nil }
}
