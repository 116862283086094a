// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Whoever orders a reload is answered once the configuration is in force.
extension Plane {
    /// After so long nobody is let wait for first verdicts any more: clients of the API have
    /// patience for 30 s, and a probe may take an hour.
    static let reloadPatience = Interval.seconds(20)

    /// How a reload ends that is in force, or waits for first verdicts.
    mutating func awaitAdoption(_ now: Instant) -> ControlOutcome {
        guard staged?.reload != nil else { return .done }
        let number = updater.nextNumber()
        staged?.order = (number, now + Plane.reloadPatience)
        return .awaited(number)
    }

    /// Tells those who have waited long enough what has become of their reload.
    mutating func followReload(_ now: Instant) {
        guard let waiting = staged, let order = waiting.order else { return }
        var isStopping = false
        if case .stopping = phase { isStopping = true }
        guard isStopping || now >= order.until else { return }
        staged?.order = nil
        let seconds = max((waiting.adoptsBy - now).milliseconds + 999, 0) / 1000
        let outcome = isStopping ? .stopping : ControlOutcome.reloadPending(seconds: seconds)
        updater.endedOrders.append((order.number, outcome))
    }
}
