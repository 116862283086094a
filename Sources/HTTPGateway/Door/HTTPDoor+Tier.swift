// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Caches that fetch through others: a pool of peers, each of which has a part of all keys.
///
/// A peer is chosen by the cache's key, so that all caches of a region ask the same one for the same
/// object. It is asked as clients ask: what the route changes for its own pool, the peer changes. Where
/// peers are of no help, the request goes to the route's pool as if there was no tier.
extension HTTPDoor {
    /// A pool of peers, and what a request is known by there.
    struct TierAim: BitwiseCopyable {
        var pool: Int
        var key: UInt64
    }

    // MARK: To a peer

    /// Where a request, whose head is in ``fields``, is fetched; nil when the route's own pool has it.
    mutating func tierAim(_ c: Int, _ cache: Int) -> TierAim? {
        guard caches.indices.contains(cache) else { return nil }
        let pool = Int(caches[cache].through)
        guard pools.indices.contains(pool), writeKey(c, cache) else { return nil }
        return TierAim(pool: pool, key: Hash.bytes(tail.bytes))
    }

    /// As ``apply(_:_:to:)`` for a peer: retries are as its own pool says, and it makes its own copies.
    mutating func take(_ aim: TierAim, _ c: Int, _ record: RouteRecord) {
        clients[c].exchange.cached.isThroughTier = true
        clients[c].exchange.pool = Int32(aim.pool)
        clients[c].exchange.poolSlot = pools[aim.pool].slot
        clients[c].exchange.key = aim.key
        clients[c].exchange.bodyLimit = record.bodyLimit
        clients[c].exchange.isReplayable = true
        boundRequest(c, record)
        noteRetries(c, RouteRecord(), pool: aim.pool)
        budget.begin(Int(pools[aim.pool].slot), worker: worker)
        clients[c].exchange.isActive = true
    }

    /// Sends a request that is no fetch to a peer, when the peer may have the answer.
    mutating func goThroughTier(_ c: Int, _ record: RouteRecord, _ loop: inout EventLoop) -> Bool {
        let note = clients[c].exchange.cached
        // What is not kept here is hardly kept there, and who has waited has waited for a peer.
        guard clients[c].exchange.cacheResult == .miss, note.forward != .bypass,
            note.detail != .waitedTooLong, requestHead.framing.isEmpty,
            let aim = tierAim(c, Int(clients[c].exchange.cache))
        else { return false }
        take(aim, c, record)
        startAttempt(c, &loop)
        return true
    }

    // MARK: Past the peers

    /// A peer has failed: the next one is asked, or the origin; false when it ends here.
    ///
    /// No budget of retries bounds that, nor a pause: where the next peer is not asked the origin is.
    mutating func passPeer(
        _ c: Int,
        _ fault: Fault,
        wasKept: Bool,
        _ loop: inout EventLoop
    ) -> Bool {
        guard mayRetry(c, fault, wasKept: wasKept), hasOther(c) else {
            return leaveTier(c, fault, &loop)
        }
        clients[c].exchange.requestSent = false
        clients[c].exchange.requestAborted = false
        clients[c].exchange.connected = .start
        clients[c].exchange.sent = .start
        startAttempt(c, &loop)
        return true
    }

    /// True for an answer by which a peer says that it cannot serve, after which the origin is asked.
    ///
    /// Where something stale may be used, that is better than asking an origin that is in trouble.
    mutating func declines(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        switch responseHead.status {
        case 502, 503, 504, 508: break
        default: return false
        }
        if clients[c].kind == .fetch {
            let state = fetches[Int(clients[c].place)]
            if let facts = stores[Int(state.store)]?.facts(state.base),
                caches.indices.contains(Int(state.cache)),
                caches[Int(state.cache)].rules.mayServeOnError(facts, now: wallTime)
            {
                return false
            }
        }
        guard mayLeaveTier(c, .originStatus) else { return false }
        let slot = Int(clients[c].exchange.slot)
        clients[c].exchange.status = responseHead.status
        judgeEndpoint(c, responseHead.status)
        if slot >= 0 {
            countSuccess(c, slot)
            chooser.end(slot: slot, latency: now - clients[c].exchange.connected, now: now)
            clients[c].exchange.slot = -1
        }
        noteAttempt(c, .originStatus, status: responseHead.status)
        giveBackPlace(c)
        detachUpstream(c, &loop, keep: isWhole(c, u))
        // A reload may have left the request without a pool to go to; the peer's answer is let go of already.
        if !leaveTier(c, .originStatus, &loop) { answer(c, .originStatus, &loop) }
        return true
    }

    private func mayLeaveTier(_ c: Int, _ fault: Fault) -> Bool {
        guard clients[c].exchange.cached.isThroughTier, !clients[c].exchange.responseStarted,
            !clients[c].exchange.hasLostRoute, now < clients[c].exchange.deadline
        else { return false }
        switch fault {
        case .clientGone, .clientSlow, .shutdown, .outOfBuffers, .internalError, .noRoute,
            .requestTimeout:
            return false
        default: return true
        }
    }

    /// Sends a request to the route's own pool that peers were of no help with; false when it ends here.
    @inline(never)
    mutating func leaveTier(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) -> Bool {
        guard mayLeaveTier(c, fault), recallHead(c) else { return false }
        let record = routeRecord(c)
        let pool = pool(of: record, c)
        guard pools.indices.contains(pool) else { return false }
        countOutcome(.failed, c)
        let first = clients[c].kind == .fetch ? leader(of: fetches[Int(clients[c].place)]) : c
        if let first { clients[first].exchange.cached.detail = .tierFailed }
        detachUpstream(c, &loop, keep: false)
        dropRival(c)
        if clients[c].phase == .queued { leaveQueue(c) }
        endAttempt(c)
        timers.cancel(c)
        let slot = Int(clients[c].exchange.poolSlot)
        budget.end(slot, worker: worker)
        if clients[c].exchange.holdsRetry { budget.endRetry(slot) }
        beginAnew(c)
        apply(record, pool, to: c)
        startAttempt(c, &loop)
        return true
    }

    /// The peers' attempts do not count among those at the origin.
    private mutating func beginAnew(_ c: Int) {
        clients[c].phase = .connecting
        clients[c].exchange.cached.isThroughTier = false
        clients[c].exchange.isActive = false
        clients[c].exchange.holdsRetry = false
        clients[c].exchange.awaitsBudget = false
        clients[c].exchange.isLastResort = false
        clients[c].exchange.isLastTry = false
        clients[c].exchange.status = 0
        clients[c].exchange.tried = 0
        clients[c].exchange.triedSet = Tried()
        clients[c].exchange.requestSent = false
        clients[c].exchange.requestAborted = false
        clients[c].exchange.connected = .start
        clients[c].exchange.sent = .start
        clients[c].exchange.hedgeAt = .never
    }

    // MARK: Loops

    /// Does with a request that has a `CDN-Loop` what that says; nil when it says nothing of this node.
    ///
    /// RFC 8586 leaves it to whoever meets itself. Once, the request goes to the route's own pool without
    /// a look into the cache, in which it might wait for itself; twice, nothing will ever come of it.
    mutating func meetLoop(_ c: Int, _ loop: inout EventLoop) -> Bool? {
        switch LoopReader.passes(of: loopName.span, fields, requestBytes(c)) {
        case nil: refuse(c, .fault(.loopMalformed), &loop)
        case 0: return nil
        case 1:
            clients[c].exchange.cached.detail = .loop
            return miss(c, .loop, .bypass, .bypass)
        default: refuse(c, .fault(.loopDetected), &loop)
        }
        return true
    }

    /// Adds a line of this node's own behind those that have come: what is wrong with one of them, such
    /// as a quote without an end, does not hide it.
    mutating func renderLoop(after rendered: RouteText) -> RouteText {
        var text = beginLines(after: rendered)
        guard text.isWhole else { return text }
        let name = loopName
        tail.append { output in
            text.isWhole =
                output.write("CDN-Loop: ") && output.write(name.span) && output.writeLineEnd()
            text.fields = ByteRange(from: Int(text.fields.start), to: output.count)
        }
        return text
    }

    // MARK: What is told

    /// Counts what came of a request that a cache sent on.
    func countOutcome(_ outcome: CacheOutcome, _ c: Int) {
        let isFetch = clients[c].kind == .fetch
        let cache =
            isFetch
            ? Int(fetches[Int(clients[c].place)].cache) : Int(clients[c].exchange.cache)
        guard cachePlaces.indices.contains(cache) else { return }
        let way: CacheWay = clients[c].exchange.cached.isThroughTier ? .tier : .origin
        let place = Int(cachePlaces[cache])
        words.addOwned(GatewayMetrics.cacheOutcome(outcome, from: way, cache: place), 1)
    }

    /// The same for a request that was no fetch, at its end.
    func countPassed(_ c: Int) {
        var isPassed = true
        if case .fault = clients[c].exchange.reason { isPassed = false }
        countOutcome(isPassed ? .passed : .failed, c)
    }

    /// Notes for the log who has answered the fetch of a request.
    mutating func noteFetched(_ c: Int, _ f: Int) {
        clients[c].exchange.fetchPool = Int16(truncatingIfNeeded: clients[f].exchange.pool)
        clients[c].exchange.endpoint = clients[f].exchange.endpoint
    }
}
