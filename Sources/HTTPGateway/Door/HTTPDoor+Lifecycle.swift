// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Runtime
internal import Steering

/// Taking over a new snapshot, and ending.
extension HTTPDoor {
    /// Puts a new snapshot in force: connections, exchanges and kept upstream connections live on.
    ///
    /// Call between batches. Exchanges under way are carried over by the registry slots of their
    /// pools; one whose pool is gone finishes with the endpoint it has.
    public mutating func adopt(
        _ new: GatewaySnapshot,
        loop: inout EventLoop,
        now: Instant
    ) {
        self.now = now
        let newPools = new.pools
        for c in 0..<clients.highWater where !clients.handle(at: c).isNone {
            let isRouted =
                clients[c].phase == .authenticating || clients[c].phase == .fetching
                || clients[c].exchange.isQuestion || clients[c].exchange.isQuery
                || clients[c].exchange.read >= 0
            if clients[c].exchange.cache >= 0 || clients[c].kind == .fetch {
                carryCache(c, to: new)
            }
            if isRouted, clients[c].exchange.pool < 0 { carryRoute(c, to: new) }
            guard clients[c].exchange.pool >= 0 else { continue }
            let slot = clients[c].exchange.poolSlot
            let moved = newPools.firstIndex { $0.slot == slot }
            clients[c].exchange.pool = Int32(moved ?? -1)
            carryRoute(c, to: new)
            clients[c].exchange.endpoint = -1
            let rival = Int(clients[c].exchange.rival)
            if rival >= 0 { rivals[rival].endpoint = -1 }
            clients[c].exchange.triedSet = Tried()
            // Nothing tells any more who has the request already.
            clients[c].exchange.hedgeAt = .never
        }
        requeue(newPools)
        renumberMirrors(newPools)
        hedges = HTTPDoor.hedges(newPools, of: pools, hedges)
        snapshot = new
        routes = new.table
        routeRecords = new.routes
        actions = new.actions
        routePlaces = shared.routePlaces(new)
        rateCounters = HTTPDoor.rateCounters(new.actions, rates)
        pools = newPools
        retries = new.retries
        retryRules = new.retries.rules
        // Connections remember the number of their listener; one that the new plan has no
        // listener for keeps the policy it was opened under.
        listenerRecords = new.listeners + listenerRecords.dropFirst(new.listeners.count)
        addresses = new.addresses
        limits = new.plan.limits
        logFormat = new.plan.accessLog
        keptShare = UInt64(max(new.plan.keptShare, 0))
        traceShare = new.plan.traceShare ?? -1
        labels = new.labels
        shelve()
        chooser = Chooser(plan: new.selection, adopting: chooser)
        fieldsOwner = .none
        // Never smaller: heads accepted under the old limits may have to be read again.
        fields = FieldTable(limit: max(fields.limit, Int(limits.head.fields)))
        responseFields = FieldTable(limit: max(responseFields.limit, Int(limits.head.fields) + 4))
        dropStrangers()
        failOrphans(&loop)
    }

    /// What its route still has to do for an exchange, the route of the same host, path and
    /// condition does; a request that nobody knows any more how to rewrite is not sent.
    private mutating func carryRoute(_ c: Int, to new: GatewaySnapshot) {
        let old = routeRecord(c)
        let number = clients[c].exchange.route < 0 ? nil : new.routeNumbers[old.identity]
        clients[c].exchange.route = number ?? -1
        let record = number.map { new.routes[Int($0)] } ?? RouteRecord()
        clients[c].exchange.changesRequest = record.changesRequest
        clients[c].exchange.changesResponse = record.changesResponse
        let pool = clients[c].exchange.pool
        clients[c].exchange.retryRule = new.retries.place(record.retryRules, pool: pool)
        // Nobody was asked who asks: a change that begins to ask lets nobody in, and tells no
        // endpoint what was not verified.
        let isAsked = clients[c].phase == .authenticating
        let asksAnew = !isAsked && beginsToAsk(record, new.actions, after: old)
        if asksAnew || number == nil && old.changesRequest {
            clients[c].exchange.hasLostRoute = true
        }
    }

    private func beginsToAsk(
        _ record: RouteRecord,
        _ new: ActionTable,
        after old: RouteRecord
    ) -> Bool {
        guard record.access >= 0 else { return false }
        guard old.access >= 0 else { return true }
        return new.access[Int(record.access)].kind != actions.access[Int(old.access)].kind
    }

    /// Requests waiting in a queue move to the queue of the same pool in the new order.
    private mutating func requeue(_ newPools: [PoolRecord]) {
        let numbers = pools.map { old in newPools.firstIndex { $0.slot == old.slot } }
        _ = line.renumber(numbers, pools: newPools.count)
    }

    /// Closes kept connections to endpoints that are gone, or whose slot is another's now.
    private mutating func dropStrangers() {
        for u in 0..<upstreams.highWater where !upstreams.handle(at: u).isNone {
            let slot = Int(upstreams[u].slot)
            guard upstreams[u].kind != .stored else { continue }
            if slot < addresses.count, addresses[slot] == upstreams[u].address { continue }
            if upstreams[u].state == .session { leaveOrigin(Int(upstreams[u].place)) }
            guard upstreams[u].state == .idle else { continue }
            dropIdle(u)
            closeUpstream(u)
        }
    }

    /// A request that waits for a pool which no longer exists is told so.
    private mutating func failOrphans(_ loop: inout EventLoop) {
        for c in 0..<clients.highWater where !clients.handle(at: c).isNone {
            guard clients[c].phase == .queued, clients[c].exchange.pool < 0 else { continue }
            answer(c, .poolEmpty, &loop)
        }
    }

    /// Stops accepting and lets every exchange finish.
    ///
    /// An idle connection closes once it has been quiet for a while: until then a request that is
    /// on its way already is answered, with `Connection: close`.
    public mutating func beginShutdown(
        _ farewell: Farewell,
        loop: inout EventLoop,
        now: Instant
    ) {
        self.now = now
        self.farewell = farewell
        isShuttingDown = true
        endCopies(&loop)
        for place in listeners.indices where listeners[place].number >= 0 {
            acceptWaiting(place, &loop)
            loop.remove(listeners[place].fd)
            listeners[place].fd.close()
            listeners[place].number = -1
        }
        for c in 0..<clients.highWater where !clients.handle(at: c).isNone {
            clients[c].exchange.keepsClient = false
            if clients[c].kind == .session { announceEnd(c) }
            guard clients[c].phase == .idle else { continue }
            // A request may lie in the kernel already: it is under way, and is answered.
            let handle = clients.handle(at: c)
            clients[c].canRead = true
            readRequest(c, &loop)
            guard clients.contains(handle), clients[c].phase == .idle else { continue }
            awaitQuiet(c, &loop)
        }
        for c in 0..<clients.highWater where !clients.handle(at: c).isNone {
            if clients[c].phase == .tunnel { scheduleTunnelEnd(c) }
        }
        for u in 0..<upstreams.highWater where !upstreams.handle(at: u).isNone {
            if upstreams[u].state == .session { touchOrigin(Int(upstreams[u].place)) }
            guard upstreams[u].state == .idle else { continue }
            dropIdle(u)
            closeUpstream(u)
        }
    }

    /// Client connections still open on this worker.
    public var openConnections: Int { clients.count }
    /// True when no client connection is open.
    public var isIdle: Bool { clients.count == 0 }

    /// Once a second: refreshes the date and gives idle memory back.
    public mutating func tick(now: Instant, realtime: Int64) {
        self.now = now
        if realtime / 1_000_000_000 != dates.second { dates = DateText(realtime: realtime) }
        wallOffset = Interval(nanoseconds: realtime) + (.start - now)
        buffers.trim()
        pipePool.trim()
    }
}
