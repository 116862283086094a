// SPDX-License-Identifier: Apache-2.0

/// All that a door needs to know about one endpoint, in one atomic 64-bit word.
///
///     63            32 31         18 17 16 15     8 7 6 5 4 3 2 1 0
///     +---------------+-------------+--+--+--------+-+-+-+-+---+---+
///     | generation    | seconds     | H|W | reason |L|C|U|E|adm|hlt|
///     +---------------+-------------+--+--+--------+-+-+-+-+---+---+
///
/// H half-open, W weight override present, L connections are to be closed (liveness), C connects fail,
/// U unchecked, E ejected. Written by the one owner thread, read at every choice.
public struct HealthWord: Sendable, BitwiseCopyable, Equatable {
    /// The packed form.
    public var bits: UInt64

    /// A word from its packed form.
    @inlinable public init(bits: UInt64) { self.bits = bits }

    /// A word from its main parts; flags are off.
    public init(
        health: Health,
        administrative: AdministrativeState = .ready,
        reason: HealthReason = .pending,
        secondsToChange: UInt16 = HealthWord.noChangeInSight
    ) {
        bits = 0
        self.health = health
        self.administrative = administrative
        self.reason = reason
        self.secondsToChange = secondsToChange
    }

    /// The largest ``secondsToChange``: nothing is under way that could change the state.
    @inlinable public static var noChangeInSight: UInt16 { 0x3fff }

    /// The verdict of the active probe, or `up` when there is none.
    @inlinable public var health: Health {
        get { Health(rawValue: UInt8(truncatingIfNeeded: bits & 3)) ?? .unknown }
        set { bits = bits & ~3 | UInt64(newValue.rawValue) }
    }
    /// What the operator asked for.
    @inlinable public var administrative: AdministrativeState {
        get {
            AdministrativeState(rawValue: UInt8(truncatingIfNeeded: bits >> 2 & 3)) ?? .maintenance
        }
        set { bits = bits & ~(3 << 2) | UInt64(newValue.rawValue) << 2 }
    }
    /// Taken out for a while because real requests failed.
    @inlinable public var isEjected: Bool {
        get { flag(4) }
        set { setFlag(4, newValue) }
    }
    /// No probe is configured, so `up` is an assumption.
    @inlinable public var isUnchecked: Bool {
        get { flag(5) }
        set { setFlag(5, newValue) }
    }
    /// The latest attempt could not even connect: panic never picks such an endpoint.
    @inlinable public var isConnectFailing: Bool {
        get { flag(6) }
        set { setFlag(6, newValue) }
    }
    /// A liveness probe found it down: open connections are to be closed.
    @inlinable public var closesConnections: Bool {
        get { flag(7) }
        set { setFlag(7, newValue) }
    }
    /// ``HealthTable/weightOverride(_:)`` replaces the configured weight.
    @inlinable public var hasWeightOverride: Bool {
        get { flag(16) }
        set { setFlag(16, newValue) }
    }
    /// Why the health is what it is.
    @inlinable public var reason: HealthReason {
        get { HealthReason(rawValue: UInt8(truncatingIfNeeded: bits >> 8)) ?? .pending }
        set { bits = bits & ~(0xff << 8) | UInt64(newValue.rawValue) << 8 }
    }
    /// After an ejection: takes a few requests at a time.
    @inlinable public var isHalfOpen: Bool {
        get { flag(17) }
        set { setFlag(17, newValue) }
    }
    /// Where the endpoint stands with real requests.
    @inlinable public var circuit: Circuit { isEjected ? .open : isHalfOpen ? .halfOpen : .closed }
    /// The earliest time in which the state can change: interval x checks still needed.
    @inlinable public var secondsToChange: UInt16 {
        get { UInt16(truncatingIfNeeded: bits >> 18 & 0x3fff) }
        set { bits = bits & ~(0x3fff << 18) | UInt64(min(newValue, 0x3fff)) << 18 }
    }
    /// The table's generation when this state was published.
    @inlinable public var generation: UInt32 {
        get { UInt32(truncatingIfNeeded: bits >> 32) }
        set { bits = bits & 0xffff_ffff | UInt64(newValue) << 32 }
    }

    /// True when new work may be given to the endpoint: up, ready and not ejected.
    ///
    /// `unknown` does not take work: a door never guesses.
    @inlinable public var takesNewWork: Bool { bits & 0b1_1111 == 0b0_0001 }
    /// True when the operator has not taken the endpoint out.
    @inlinable public var isReady: Bool { bits & 0b1100 == 0 }

    @inlinable func flag(_ bit: UInt64) -> Bool { bits >> bit & 1 == 1 }
    @inlinable mutating func setFlag(_ bit: UInt64, _ value: Bool) {
        bits = bits & ~(1 << bit) | (value ? 1 << bit : 0)
    }
    /// Everything but the generation and the time to change: equal states need no new generation.
    @inlinable var state: UInt64 { bits & 0x3_ffff }
}
