// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering

@testable import HTTPGateway

/// What a test asks at its end.
extension DoorHarness {
    /// What is still on some book although every client has left; empty when all is well.
    mutating func leftovers() -> [String] {
        for guest in guests.indices { leave(guest) }
        settle(patience: 5)
        advance(.seconds(4))
        settle(patience: 5)
        advance(.seconds(200))
        settle(patience: 5)
        var found: [String] = []
        func expect(_ what: String, _ count: Int) {
            if count != 0 { found.append("\(what): \(count)") }
        }
        expect("clients", door.openConnections)
        expect("connections of the process", shared.openConnections)
        expect("upstreams", door.upstreams.count)
        expect("sessions", door.sessions.count)
        expect("streams", door.streams.count)
        expect("sessions to endpoints", door.origins.count)
        expect("streams to endpoints", door.originStreams.count)
        expect("buffers", door.buffers.inUse)
        expect("pipes", door.pipes.count)
        expect("clients behind proxies", door.realClients.count)
        expect("traces", door.traces.count)
        expect("attempts put aside", door.rivals.count)
        expect("trails of attempts", door.trails.count)
        expect("mirrors", door.mirrors.count)
        expect("copies", Int(shared.copies.load(0)))
        expect("blocks of copies", Int(shared.copies.load(1)))
        expect("reads of stores", door.reads.count)
        expect("fetches", door.fetches.count)
        expect("answers in parts", door.parts.count)
        expect("unfinished", Int(shared.unfinished.count(DoorHarness.loopback)))
        expect("waiting", door.line.count)
        for pool in 0..<4 {
            expect("active requests of \(pool)", shared.budget.activeRequests(pool))
            expect("active retries of \(pool)", shared.budget.activeRetries(pool))
            expect("pending of \(pool)", shared.pending.count(pool))
            expect("places of \(pool)", shared.places.state(pool).taken)
            expect("any endpoint wanted of \(pool)", shared.pending.openCount(pool))
        }
        for slot in 0..<8 {
            expect("in flight at \(slot)", load.inFlight(slot))
            expect("reserved at \(slot)", load.reserved(slot))
        }
        return found
    }
}
