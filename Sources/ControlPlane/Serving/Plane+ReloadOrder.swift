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
        staged?.orders.append(number)
        staged?.ordersUntil = now + Plane.reloadPatience
        return .awaited(number)
    }

    /// When those who have ordered a reload have waited long enough.
    var reloadDeadline: Instant {
        min(
            reloading.map { $0.orders.isEmpty ? .never : $0.until } ?? .never,
            staged.map { $0.orders.isEmpty ? .never : $0.ordersUntil } ?? .never
        )
    }

    /// Tells those who have waited long enough what has become of their reload.
    mutating func followReload(_ now: Instant) {
        var isStopping = false
        if case .stopping = phase { isStopping = true }
        if let waiting = reloading, !waiting.orders.isEmpty, isStopping || now >= waiting.until {
            reloading?.orders = []
            end(waiting.orders, isStopping ? .stopping : .reloadPending(seconds: nil))
        }
        guard let waiting = staged, !waiting.orders.isEmpty,
            isStopping || now >= waiting.ordersUntil
        else { return }
        staged?.orders = []
        let seconds = max((waiting.adoptsBy - now).milliseconds + 999, 0) / 1000
        end(waiting.orders, isStopping ? .stopping : .reloadPending(seconds: seconds))
    }

    /// Gives a reload up whose zones are still read: another process reads the file itself.
    mutating func dropReload() {
        guard let waiting = reloading else { return }
        reloading = nil
        end(waiting.orders, .upgrading)
    }

    mutating func end(_ orders: [UInt64], _ outcome: ControlOutcome) {
        for number in orders { updater.endedOrders.append((number, outcome)) }
    }
}
