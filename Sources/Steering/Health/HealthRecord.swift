// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// All that ``HealthKeeper`` knows of one endpoint.
struct HealthRecord {
    var registration: HealthRegistration
    // Nil when no probe is configured.
    var machine: HealthMachine?
    @Rare private var ejection: PassiveMachine?
    // What an operator says, while it holds.
    @Rare var forced: ForcedHealth?
    // Of the calculated check; nil without one.
    @Rare var condition: CheckVerdict?
    var administrative = AdministrativeState.ready
    var weight: UInt32?
    // Of the verdict; an ejection has its own below.
    var reason = HealthReason.pending
    var detail = ""
    var since: Instant
    var latest: ProbeOutcome?
    var isUnresolved = false
    var isConnectFailing = false
    @Rare private var noted: EjectionCause?

    /// Why requests speak against it, once they do.
    var cause: EjectionCause {
        get { noted ?? EjectionCause() }
        set { noted = newValue }
    }

    /// What failures of requests have led to; nothing is kept where they lead to nothing.
    var passive: PassiveMachine {
        get { ejection ?? PassiveMachine() }
        set {
            let isIdle = registration.passive == nil && newValue.circuit == .closed
            ejection = isIdle ? nil : newValue
        }
    }

    init(registration: HealthRegistration, machine: HealthMachine?, since: Instant) {
        self.registration = registration
        self.machine = machine
        self.since = since
    }

    /// As far as the endpoint's own answers go.
    var ownHealth: Health { isUnresolved ? .down : machine?.health ?? .up }

    var health: Health {
        if let forced { return forced.isUp ? .up : .down }
        return judgedHealth
    }

    /// Without what an operator says.
    private var judgedHealth: Health {
        guard let condition, ownHealth != .down else { return ownHealth }
        if condition.health == .down { return .down }
        return condition.health == .unknown ? .unknown : ownHealth
    }

    /// True when only the calculated check stands in the way.
    var isHeldDown: Bool {
        forced == nil && ownHealth != .down && condition?.health == .down
    }

    var shownReason: HealthReason {
        if let forced {
            if forced.isSupposed { return .supposed }
            return forced.isUp ? .forcedUp : .forcedDown
        }
        if isHeldDown { return .calculated }
        guard condition != nil, machine == nil, reason == .noProbe else { return reason }
        return condition?.health == .up ? .probePassed : .pending
    }

    /// What is published of it at a time.
    func word(at now: Instant) -> HealthWord {
        var word = HealthWord(health: health, administrative: administrative, reason: shownReason)
        word.isUnchecked = machine == nil && condition == nil
        word.isConnectFailing = isConnectFailing || isUnresolved
        word.closesConnections = ownHealth == .down && registration.checks?.kind == .liveness
        word.hasWeightOverride = weight != nil
        if let machine, !isUnresolved { word.secondsToChange = machine.secondsToChange }
        if let condition {
            word.secondsToChange = min(word.secondsToChange, condition.secondsToChange)
        }
        if let end {
            let left = HealthRecord.secondsLeft(until: end, now)
            word.secondsToChange = min(word.secondsToChange, left)
        }
        if let forced {
            word.closesConnections = false
            if forced.isUp { word.isConnectFailing = false }
            return word
        }
        if passive.isEjected {
            word.isEjected = true
            word.isConnectFailing = word.isConnectFailing || cause.isConnectFailing
            // A verdict of down says more than the ejection that foresaw it.
            if health == .up { word.reason = cause.reason }
        }
        if passive.circuit == .halfOpen {
            word.isHalfOpen = true
            if health == .up { word.reason = cause.reason }
        }
        return word
    }

    var shownDetail: String {
        if forced != nil { return "" }
        if isHeldDown { return condition?.detail ?? "" }
        return ownDetail
    }

    private var ownDetail: String {
        passive.circuit != .closed && health == .up ? cause.detail : detail
    }

    /// The change of what is published, when it is one.
    func change(from before: Health) -> [HealthEvent.Change] {
        health == before ? [] : [.health(from: before, to: health)]
    }

    mutating func turn(_ reason: HealthReason, _ detail: String, _ now: Instant) {
        self.reason = reason
        self.detail = detail
        since = now
    }
}

/// Why an endpoint is ejected, or on trial after it.
struct EjectionCause {
    var reason = HealthReason.passiveFailures
    var detail = ""
    /// The connections to it failed, not what came over them.
    var isConnectFailing = false
}
