// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPGateway
internal import Steering

/// The time that an endpoint has to finish what it has.
struct Drain: Sendable, Equatable {
    /// How long it may take, and over which last part of it tunnels are closed.
    struct Bounds: Sendable, Equatable {
        var longest: Interval
        var spread: Interval
    }

    /// What is left then is cut.
    let end: Instant
    /// From then on tunnels are closed one by one, and sessions move.
    let closesFrom: Instant
    /// True once that has begun.
    var isClosing = false

    init(of bounds: Bounds, at now: Instant) {
        end = now + bounds.longest
        // Half of a short drain is for those who leave by themselves.
        let half = Interval(nanoseconds: bounds.longest.nanoseconds / 2)
        let span = min(bounds.spread, half)
        closesFrom = now + Interval(nanoseconds: bounds.longest.nanoseconds - span.nanoseconds)
    }

    /// When it next has something to do.
    var deadline: Instant { isClosing ? end : closesFrom }
}

extension Plane {
    /// The operator has taken an endpoint out of service: its time begins.
    mutating func beginDrain(_ slot: Int, longest: Interval? = nil, _ now: Instant) {
        var bounds = assembly.drain(of: slot)
        if let longest { bounds.longest = longest }
        let drain = Drain(of: bounds, at: now)
        drains[slot] = drain
        // Never the instant that stands for none.
        health.setDrainEnd(slot, max(drain.closesFrom, Instant(nanoseconds: 1)))
        workers.post(.closeConnections(slot: slot, .kept))
    }

    /// The endpoint is in service again, or gone.
    mutating func endDrain(_ slot: Int) {
        drains[slot] = nil
        health.setDrainEnd(slot, .start)
    }

    /// Closes what is left at endpoints whose time is nearly over, and cuts what is left after it.
    mutating func followDrains(_ now: Instant) {
        for (slot, drain) in drains where drain.deadline <= now {
            let isOver = drain.end <= now
            let end = isOver ? now : drain.end
            workers.post(.closeConnections(slot: slot, .drained(by: end)))
            drains[slot]?.isClosing = true
            if isOver { drains[slot] = nil }
        }
    }
}
