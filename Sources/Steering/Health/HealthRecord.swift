// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// All that ``HealthKeeper`` knows of one endpoint.
struct HealthRecord {
    var registration: HealthRegistration
    // Nil when no probe is configured.
    var machine: HealthMachine?
    var passive = PassiveMachine()
    var administrative = AdministrativeState.ready
    var weight: UInt32?
    // Of the verdict; an ejection has its own below.
    var reason = HealthReason.pending
    var detail = ""
    var since: Instant
    var latest: ProbeOutcome?
    var isUnresolved = false
    var isConnectFailing = false
    var passiveReason = HealthReason.passiveFailures
    var passiveDetail = ""
    var passiveConnectFailing = false

    var health: Health { isUnresolved ? .down : machine?.health ?? .up }

    var word: HealthWord {
        var word = HealthWord(health: health, administrative: administrative, reason: reason)
        word.isUnchecked = machine == nil
        word.isConnectFailing = isConnectFailing || isUnresolved
        word.closesConnections = health == .down && registration.checks?.kind == .liveness
        word.hasWeightOverride = weight != nil
        if let machine, !isUnresolved { word.secondsToChange = machine.secondsToChange }
        if passive.isEjected {
            word.isEjected = true
            word.isConnectFailing = word.isConnectFailing || passiveConnectFailing
            // A verdict of down says more than the ejection that foresaw it.
            if health == .up { word.reason = passiveReason }
        }
        if passive.circuit == .halfOpen {
            word.isHalfOpen = true
            if health == .up { word.reason = passiveReason }
        }
        return word
    }

    var shownDetail: String { passive.circuit != .closed && health == .up ? passiveDetail : detail }

    mutating func turn(_ reason: HealthReason, _ detail: String, _ now: Instant) {
        self.reason = reason
        self.detail = detail
        since = now
    }
}
