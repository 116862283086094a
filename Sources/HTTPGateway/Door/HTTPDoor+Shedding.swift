// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Steering

/// Refusing the least urgent while this worker is behind with its events.
///
/// A refusal costs a fraction of a request that is passed on: it is decided before passwords are
/// compared and endpoints asked. What a route answers itself is served, such as a health check of
/// the service in front; the admin listener has a thread of its own.
extension HTTPDoor {
    /// Tells the door that it waited for events from one instant to the next.
    public mutating func noteTurn(waited: Instant, now: Instant) {
        lag.turn(waited: waited, now: now, limit: limits.shedLag)
    }

    /// How late this worker is, and whom it refuses.
    public var shedding: (lag: Interval, level: LagMachine.Level) { (lag.lag, lag.level) }

    /// True when the request is one that is refused now; it is counted then.
    @inline(__always)
    mutating func isShed(_ record: RouteRecord) -> Bool {
        guard lag.level != .none, lag.refuses(record.priority) else { return false }
        return sheds(record)
    }

    @inline(never)
    private mutating func sheds(_ record: RouteRecord) -> Bool {
        guard record.action == .pool || record.action == .split else { return false }
        words.addOwned(GatewayMetrics.shed(record.priority), 1)
        return true
    }
}
