// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import EdgeCache
internal import Essentials
internal import HTTPGateway
internal import Runtime

/// Handing over to another program, as the serving process sees it.
extension Plane {
    /// Asks the supervisor for an upgrade.
    mutating func askForUpgrade() -> ControlOutcome {
        if let refusal = link.upgrade() { return .upgradeRefused(refusal) }
        upgradeProblem = nil
        return .done
    }

    /// Another program is about to start: it begins from what is saved here, so nothing that it
    /// would not know may change until it serves, or has failed.
    mutating func prepareUpgrade(_ now: Instant) {
        adoptStaged(now)
        isUpgrading = true
        upgradeProblem = nil
        dropReload()
        settleUpdates(now)
        settleState(now, .upgrading)
        // A flight that is still being decided is refused: it would be answered here, and kept where
        // the other process has looked already.
        updater.store.close()
        note(.upgrade, .info, "an upgrade begins; changes wait until it is over")
        saveHealthNow(now)
        saveRoundTripsNow(now)
        link.tell(.prepared)
    }

    /// No other program has taken over: this one goes on.
    mutating func upgradeFailed() {
        let reason = link.upgradeProblem()
        isUpgrading = false
        updater.store.reopen()
        upgradeProblem = reason
        var event = LogEvent(
            .upgrade,
            .error,
            realtime: Clock.realtime(),
            "the upgrade failed: \(reason); this process serves on"
        )
        event.code = "M3113"
        log.record(event)
    }

    /// Another program serves: what is in hand here is finished.
    mutating func retire(_ now: Instant) {
        isUpgrading = false
        isRetired = true
        shared.http.shelf.closeDisks()
        roundTrips.savesAt = .never
        note(.upgrade, .info, "another process serves now; this one finishes what it has")
        adminChange = AdminChange(listen: settings.admin.listen, socket: nil)
        stop(now)
    }

    /// Answers for the service from now on: until here the process that serves did.
    mutating func openAdmin() {
        guard let admin = sockets.first(where: { $0.key.door == .admin }) else { return }
        adminChange = AdminChange(listen: settings.admin.listen, socket: admin.descriptor)
    }
}
