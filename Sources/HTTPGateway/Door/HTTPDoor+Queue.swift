// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Waiting for an endpoint below its limit.
///
/// A place that comes free is for the highest priority that waits in the process, and within it
/// for whoever came first at the worker that sees it. Priorities hold among workers by
/// ``WaitingBoard``: somebody lower lets the place lie until the worker of the higher one looks,
/// which it does every few milliseconds.
extension HTTPDoor {
    /// Takes a place under the limit of the pool; true where there is none.
    mutating func takePlace(_ c: Int) -> Bool {
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0, pools[pool].isAdaptive, !clients[c].exchange.holdsPlace else {
            return true
        }
        guard places.take(Int(pools[pool].slot)) else { return false }
        clients[c].exchange.holdsPlace = true
        return true
    }

    /// Gives the place back; harmless when called twice.
    mutating func giveBackPlace(_ c: Int) {
        guard clients[c].exchange.holdsPlace else { return }
        clients[c].exchange.holdsPlace = false
        places.giveBack(Int(clients[c].exchange.poolSlot))
    }

    /// True when somebody waits already who is to be served before this request.
    func isBehindOthers(_ c: Int) -> Bool {
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0 else { return false }
        // Whoever has a session wants one endpoint, which may have room. What only looks like a
        // session is no way past the others.
        let session = clients[c].exchange.session
        let tried = clients[c].exchange.triedSet
        guard session == 0 || !chooser.keeps(session, pool: pool, tried: tried, now: now) else {
            return false
        }
        let priority = clients[c].exchange.priority
        return line.isAhead(pool: pool, of: priority)
            || pending.isPreceded(Int(pools[pool].slot), priority)
    }

    /// True when not every endpoint would do for the request: those behind it may find room.
    func isChoosy(_ c: Int) -> Bool {
        isParticular(c) || clients[c].exchange.awaitsBudget
            || !clients[c].exchange.triedSet.isEmpty
    }

    /// True when the request waits for the endpoint of its session, or for those of a role.
    private func isParticular(_ c: Int) -> Bool {
        let pool = Int(clients[c].exchange.pool)
        return isBound(c) || pool >= 0 && pools[pool].wish(clients[c].exchange.head.method) != .any
    }

    /// Puts the request into its pool's queue, or refuses it when the queue is full.
    mutating func wait(_ c: Int, isOpen: Bool, _ loop: inout EventLoop) {
        let pool = Int(clients[c].exchange.pool)
        let priority = clients[c].exchange.priority
        let limit = Int(pools[pool].queueLimit)
        let slot = Int(pools[pool].slot)
        guard pending.tryEnter(slot, priority, limit: limit) else {
            countRefused(c)
            guard !clients[c].exchange.awaitsBudget else {
                count(.retriesRefused)
                return answer(c, clients[c].exchange.lastFault, &loop)
            }
            return answer(c, limit == 0 ? .atLimit : .queueFull, &loop)
        }
        count(.queued)
        clients[c].phase = .queued
        register(c, &loop)
        let item = HTTPDoor.item(clients.handle(at: c))
        clients[c].exchange.place = line.enter(item, pool: pool, priority, isOpen: isOpen)
        clients[c].exchange.waitsOpen = isOpen
        if isOpen { pending.enterOpen(slot, priority) }
        arm(c, pools[pool].queueTimeout)
        turnAwayExcess(pool, &loop)
    }

    /// Takes a request that leaves its queue for any reason off the books.
    mutating func leaveQueue(_ c: Int) {
        leaveLine(c)
        pending.leave(Int(clients[c].exchange.poolSlot), clients[c].exchange.priority)
    }

    private mutating func leaveLine(_ c: Int) {
        let place = clients[c].exchange.place
        if line[place]?.item == HTTPDoor.item(clients.handle(at: c)) { line.leave(place) }
        clients[c].exchange.place = -1
        guard clients[c].exchange.waitsOpen else { return }
        clients[c].exchange.waitsOpen = false
        pending.leaveOpen(Int(clients[c].exchange.poolSlot), clients[c].exchange.priority)
    }

    /// Gives those who wait the places that have become free.
    mutating func serveQueues(_ loop: inout EventLoop) {
        for pool in 0..<line.poolCount where line.count(pool: pool) > 0 {
            turnAwayExcess(pool, &loop)
            serveQueue(pool, &loop)
        }
    }

    private mutating func serveQueue(_ pool: Int, _ loop: inout EventLoop) {
        // Those who join while others are served wait for the next batch.
        let end = line.nextNumber
        let slot = Int(pools[pool].slot)
        for priority in Priority.allCases {
            guard !pending.isPreceded(slot, priority) else { return }
            var place = line.first(pool: pool, priority)
            while let entry = line[place], entry.number < end {
                guard serve(entry, &loop) else { return }
                place = next(behind: entry, at: place)
            }
        }
    }

    /// False when nobody behind this one can be served either.
    private mutating func serve(_ entry: WaitingLine.Entry, _ loop: inout EventLoop) -> Bool {
        let c = HTTPDoor.client(entry.item)
        // One that waits for the budget does not keep those from a place who need none.
        if clients[c].exchange.awaitsBudget, !takeRetry(c) { return true }
        switch beginAttempt(c, &loop) {
        case .begun: return true
        case .full: return isChoosy(c)
        case .passed: return isParticular(c)
        }
    }

    /// Who stands behind one that was just looked at, wherever that one is now.
    private func next(behind entry: WaitingLine.Entry, at place: Int32) -> Int32 {
        if line[place]?.number == entry.number { return line.next(place) }
        // It has left; whoever stood behind it may have left with it.
        if let next = line[entry.next], next.number > entry.number, next.pool == entry.pool,
            next.priority == entry.priority
        {
            return entry.next
        }
        var other = line.first(pool: Int(entry.pool), entry.priority)
        while let candidate = line[other], candidate.number < entry.number {
            other = candidate.next
        }
        return other
    }

    /// Refuses those of the lowest priority, the last that came first, while more wait than may:
    /// somebody of a higher one has come instead, or a reload has lowered the bound.
    private mutating func turnAwayExcess(_ pool: Int, _ loop: inout EventLoop) {
        let slot = Int(pools[pool].slot)
        let limit = Int(pools[pool].queueLimit)
        for priority in Priority.allCases.reversed() {
            while let entry = line[line.last(pool: pool, priority)],
                pending.tryTurnAway(slot, priority, limit: limit)
            {
                let c = HTTPDoor.client(entry.item)
                leaveLine(c)
                clients[c].phase = .pausing
                countRefused(c)
                let isRetry = clients[c].exchange.awaitsBudget
                answer(c, isRetry ? clients[c].exchange.lastFault : .queueDisplaced, &loop)
            }
        }
    }

    /// Counts a request that found no place in the queue, or lost it.
    private mutating func countRefused(_ c: Int) {
        let pool = Int(clients[c].exchange.poolSlot)
        guard pool >= 0, pool < GatewayMetrics.poolLimit else { return }
        words.addOwned(GatewayMetrics.turnedAway(clients[c].exchange.priority, pool: pool), 1)
    }

    private static func item(_ handle: Handle) -> UInt64 {
        UInt64(handle.generation) << 32 | UInt64(handle.index)
    }
    private static func client(_ item: UInt64) -> Int { Int(item & 0xffff_ffff) }
}
