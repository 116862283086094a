// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import Steering

/// What one probe of one endpoint came to.
public struct ProbeResult: Sendable, Equatable {
    /// The endpoint's slot.
    public var slot: Int
    /// What the health machine is told.
    public var outcome: ProbeOutcome
    /// What a passing answer still had to say, such as `db=fail`; mostly empty.
    public var note: String
    /// The status of the answer; 0 without one.
    public var status: UInt16
    /// What the answer says of the endpoint's part in its pool; nil without an answer.
    public var role: EndpointRole?
    /// When the certificate ends that was shown, in seconds since 1970; 0 without one.
    public var certificateEnds: Int64
    /// From the beginning of the connection to the last byte read, or to the failure.
    public var latency: Interval
    /// When the event that decided it was handled.
    public var at: Instant
    /// What the command of a passing probe has written: its first line; empty for other probes.
    public var said = ""

    /// A result from its parts.
    public init(
        slot: Int,
        outcome: ProbeOutcome,
        note: String = "",
        status: UInt16 = 0,
        role: EndpointRole? = nil,
        certificateEnds: Int64 = 0,
        latency: Interval = .zero,
        at: Instant
    ) {
        self.slot = slot
        self.outcome = outcome
        self.note = note
        self.status = status
        self.role = role
        self.certificateEnds = certificateEnds
        self.latency = latency
        self.at = at
    }
}

/// Counts of a prober since it began.
public struct ProbeStatistics: Sendable, BitwiseCopyable, Equatable {
    /// Probes begun.
    public var started: UInt64 = 0
    /// Probes that passed.
    public var passed: UInt64 = 0
    /// Probes that failed by the endpoint's doing.
    public var failed: UInt64 = 0
    /// Probes put off because the limit of concurrent probes was reached.
    public var delayed: UInt64 = 0
    /// Probes put off because this machine had no descriptor, port or memory to spare.
    public var starved: UInt64 = 0
    /// Commands put off because the limit of concurrent commands was reached.
    public var commandsDelayed: UInt64 = 0
    /// Starts of the process that runs commands.
    public var commandStarts: UInt64 = 0

    /// Nothing yet.
    public init() {}
}
