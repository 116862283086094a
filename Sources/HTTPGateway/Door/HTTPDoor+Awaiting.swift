// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Requests that wait for what is fetched, by themselves or by others.
extension HTTPDoor {
    /// Lets a request wait for the head of what is fetched; false when there is no place for it.
    mutating func awaitHead(
        _ c: Int,
        _ fill: StoredRef,
        base: StoredRef,
        isLeader: Bool,
        turn: UInt8,
        _ loop: inout EventLoop
    ) -> Bool {
        let cache = Int(clients[c].exchange.cache)
        var read = StoredRead(
            ref: fill,
            base: base,
            store: cacheStores[cache],
            client: clients.handle(at: c)
        )
        read.isLeader = isLeader
        read.turns = turn
        guard let handle = reads.insert(read) else {
            release(fill, read.store)
            release(base, read.store)
            return false
        }
        clients[c].exchange.read = Int32(handle.index)
        clients[c].phase = .fetching
        boundRequest(c, routeRecord(c))
        register(c, &loop)
        timers.schedule(c, at: awaitDeadline(c))
        // Who asks for its state is told of the next one.
        let state = stores[Int(read.store)]?.state(fill, watcher: worker)
        state == .awaited ? hearNews(Int(handle.index)) : queueReady(c)
        return true
    }

    /// Who fetches waits as long as the attempts may take; others only for a while.
    private func awaitDeadline(_ c: Int) -> Instant {
        let read = Int(clients[c].exchange.read)
        let bound = clients[c].exchange.deadline
        guard read >= 0, !reads[read].isLeader else { return bound }
        return min(now + caches[Int(clients[c].exchange.cache)].waitLimit, bound)
    }

    /// There is news of what the request waits for.
    mutating func lookAgain(_ c: Int, _ loop: inout EventLoop) {
        let read = Int(clients[c].exchange.read)
        guard read >= 0, let store = stores[Int(reads[read].store)] else {
            return goOn(c, &loop)
        }
        guard recallHead(c) else { return answer(c, .internalError, &loop) }
        let held = reads[read]
        switch store.state(held.ref, watcher: worker) {
        case .awaited: hearNews(read)
        case .growing, .complete:
            guard mayShare(c, held, held.ref, store) else { return goOn(c, &loop) }
            guard held.isLeader || store.fits(held.ref, fields, requestBytes(c)) else {
                return turnAgain(c, &loop)
            }
            // What has no length may turn out to be more than is kept: then each goes itself.
            guard held.isLeader || store.length(held.ref) != nil else {
                return awaitEnd(c, store, &loop)
            }
            dropBase(read)
            serveHeld(c, &loop)
        case .renewed where !held.base.isNone:
            // It was just found to hold: for who asked, whether it is fresh is not asked again (§4.3.3).
            guard mayShare(c, held, held.base, store) else { return goOn(c, &loop) }
            useBase(read)
            serveHeld(c, &loop)
        case .renewed: turnAgain(c, &loop)
        case .refused where leadsOverfull(held): serveHeld(c, &loop)
        case .refused: goOn(c, &loop)
        case .failed where !held.isLeader && held.turns &+ 1 < HTTPDoor.lookLimit:
            // What one request has met another need not: the next of them asks.
            mayUseBase(c, store) ? fetchFailed(c, store, .fetchFailed, &loop) : turnAgain(c, &loop)
        case .failed: fetchFailed(c, store, .fetchFailed, &loop)
        }
    }

    /// True when what another request has fetched may answer this one, too (RFC 9111 §4): what has to be asked
    /// for is for who has asked.
    private func mayShare(
        _ c: Int,
        _ held: StoredRead,
        _ ref: StoredRef,
        _ store: CacheStore
    ) -> Bool {
        guard !held.isLeader else { return true }
        let cache = Int(clients[c].exchange.cache)
        guard caches.indices.contains(cache), let facts = store.facts(ref) else { return false }
        let request = CacheRequest(requestHead.method, fields, requestBytes(c))
        switch caches[cache].rules.judge(request, facts, now: wallTime) {
        case .fresh, .stale, .staleWhileAsking: return true
        case .ask, .unavailable: return false
        }
    }

    /// Waits for the rest of what is fetched.
    private mutating func awaitEnd(_ c: Int, _ store: CacheStore, _ loop: inout EventLoop) {
        let read = Int(clients[c].exchange.read)
        // Behind all that there is nothing yet, and who asks for it is told of the next news.
        let piece = store.piece(reads[read].ref, at: .max, watcher: worker)
        guard piece.state == .wait else { return queueReady(c) }
        hearNews(read)
    }

    /// What came is for others: looks once more.
    private mutating func turnAgain(_ c: Int, _ loop: inout EventLoop) {
        let turn = reads[Int(clients[c].exchange.read)].turns &+ 1
        leaveRead(c)
        let cache = Int(clients[c].exchange.cache)
        guard caches.indices.contains(cache), look(c, cache, turn: turn, &loop) else {
            return goOn(c, &loop)
        }
    }

    /// Nothing came of the fetch: what is stale answers where it may, else the failure does.
    mutating func fetchFailed(
        _ c: Int,
        _ store: CacheStore,
        _ fault: Fault,
        _ loop: inout EventLoop
    ) {
        let read = Int(clients[c].exchange.read)
        guard mayUseBase(c, store) else {
            leaveRead(c)
            return answer(c, fault, &loop)
        }
        useBase(read)
        clients[c].exchange.cacheResult = .errorStale
        clients[c].exchange.cached.detail = .originFailed
        serveHeld(c, &loop)
    }

    /// The request goes to an endpoint in the plain way, as if there was no cache.
    mutating func goOn(_ c: Int, _ loop: inout EventLoop) {
        leaveRead(c)
        guard recallHead(c) else { return answer(c, .internalError, &loop) }
        if clients[c].exchange.cached.detail == .disk { clients[c].exchange.cached.detail = .none }
        if clients[c].exchange.cached.forward == nil {
            clients[c].exchange.cached.forward = .uriMiss
        }
        if clients[c].exchange.cacheResult ?? .wait == .wait {
            clients[c].exchange.cacheResult = .miss
            clients[c].exchange.cached.isCollapsed = false
        }
        timers.cancel(c)
        sendOn(c, routeRecord(c), &loop)
    }
}
