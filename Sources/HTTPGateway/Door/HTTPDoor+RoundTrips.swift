// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// What the kernel knows of the way to a client.
extension HTTPDoor {
    /// Between two measurements of a worker at least: at most a hundred in a second, however many
    /// connections end, so that their system calls cannot be measured themselves.
    static let measuringGap = Interval.milliseconds(10)

    /// Notes the round trip of a connection that is about to be closed, now and then.
    @inline(__always) mutating func measureRoundTrip(_ c: Int) {
        guard listenerRecords[Int(clients[c].listener)].measuresRTT, now >= measuresAgainAt else {
            return
        }
        measureRoundTripNow(c)
    }

    /// Copies of requests have no client, and the way to a proxy is not the way to its clients.
    @inline(never) private mutating func measureRoundTripNow(_ c: Int) {
        guard clients[c].kind != .mirror, clients[c].kind != .fetch, clients[c].kind != .stream,
            !clients[c].isCarried, !isTrusted(c), let time = Socket.roundTrip(clients[c].fd)
        else { return }
        measuresAgainAt = now + HTTPDoor.measuringGap
        roundTrips.write(clients[c].peer.ip, time, at: now)
    }
}
