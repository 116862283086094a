// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Hop 2: requests on routes with a cache.
///
/// An object of the store stands where else a connection to an endpoint does, see HTTPDoor+Stored: so
/// ranges, compression, HTTP/2 and the route's fields are the same for both. What is not there is fetched
/// by a client of its own without a socket, see HTTPDoor+Fetch, and whoever wants it reads along.
extension HTTPDoor {
    /// How often a request looks for an object before it goes to an endpoint in the plain way: what it
    /// waited for may turn out to be for others.
    private static let lookLimit: UInt8 = 4

    /// Looks whether the store has the answer; false when the request goes on in the plain way.
    @inline(never)
    mutating func consult(_ c: Int, _ record: RouteRecord, _ loop: inout EventLoop) -> Bool {
        let cache = Int(record.cache)
        guard caches.indices.contains(cache), lentStores[Int(cacheStores[cache])] != nil else {
            return false
        }
        clients[c].exchange.cache = Int16(truncatingIfNeeded: cache)
        if !hearsNews {
            hearsNews = true
            let token = EventToken(kind: EventKind.news, index: 0).raw
            loop.add(shared.news[worker].descriptor, token: token, interest: .read)
        }
        if isPurge(c) {
            if let store = stores[Int(cacheStores[cache])] { purge(c, cache, store, &loop) }
            return true
        }
        if let reason = unasked(c) {
            return miss(c, reason == .method ? .method : .bypass, reason, .bypass)
        }
        return look(c, cache, turn: 0, &loop)
    }

    /// Why a request is nothing for a store; nil when it may be.
    private func unasked(_ c: Int) -> CacheStatus.Forward? {
        switch requestHead.method {
        case .get, .head: break
        default: return .method
        }
        // Content of GET has no meaning, and an origin that gives it one gives it another answer.
        let isPlain =
            requestHead.framing.isEmpty && !requestHead.wantsUpgrade
            && !clients[c].exchange.isGRPC && !isShuttingDown
        // What endpoints are told of who asks, others must not get the answer to.
        let listener = Int(clients[c].listener)
        let isPersonal =
            tellsIdentity(c) || clients[c].isSecure && listenerRecords[listener].asksIdentity
        let isConditional =
            fields.first(.ifMatch) != nil || fields.first(.ifUnmodifiedSince) != nil
        return isPlain && !isConditional && !isPersonal ? nil : .bypass
    }

    /// Asks the store once, and does what it says; false when the request goes on in the plain way.
    private mutating func look(
        _ c: Int,
        _ cache: Int,
        turn: UInt8,
        _ loop: inout EventLoop
    ) -> Bool {
        guard turn < HTTPDoor.lookLimit, let store = lentStores[Int(cacheStores[cache])],
            writeKey(c, cache)
        else {
            return miss(c, .bypass, .bypass, .bypass)
        }
        let isGet = requestHead.method == .get
        let request = CacheRequest(requestHead.method, fields, requestBytes(c))
        let rule = caches[cache].rules
        let leastUses = Int(caches[cache].minUses)
        let found = store.use { store in
            store.find(
                tail.bytes,
                request,
                fields,
                requestBytes(c),
                by: rule,
                now: wallTime,
                mayFetch: isGet,
                leastUses: leastUses,
                worker: worker
            )
        }
        return follow(found, c, cache, turn, &loop)
    }

    private mutating func follow(
        _ found: CacheFound,
        _ c: Int,
        _ cache: Int,
        _ turn: UInt8,
        _ loop: inout EventLoop
    ) -> Bool {
        switch found {
        case .fresh(let ref): serve(c, ref, .hit, &loop)
        case .stale(let ref): serve(c, ref, .stale, &loop)
        case .refreshing(let ref, let fill):
            beginFetch(of: c, fill, base: retained(ref, cache), isAwaited: false, &loop)
            serve(c, ref, .stale, &loop)
        case .fetch(let fill, let base, let reason):
            countMiss(c, CacheMiss(reason))
            clients[c].exchange.cached.forward = CacheStatus.Forward(reason)
            clients[c].exchange.cacheResult = base.isNone ? .miss : .revalidated
            // The one who waits holds them, too, and first: the fetch may end at once.
            let read = retained(fill, cache)
            let rest = retained(base, cache)
            guard awaitHead(c, read, base: rest, isLeader: true, turn: turn, &loop) else {
                stop(fill, base, cache)
                return false
            }
            beginFetch(of: c, fill, base: base, isAwaited: true, &loop)
        case .wait(let fill, let base):
            clients[c].exchange.cached.forward = base.isNone ? .uriMiss : .stale
            clients[c].exchange.cached.isCollapsed = true
            clients[c].exchange.cacheResult = .wait
            return awaitHead(c, fill, base: base, isLeader: false, turn: turn, &loop)
        case .absent(let reason): return miss(c, CacheMiss(reason), .init(reason), .miss)
        case .tooRare:
            let word = GatewayMetrics.cacheRefused(CacheRefusal.tooRare, cache: 0)
            countRefused(Int32(cache), word)
            clients[c].exchange.cached.detail = .tooRare
            return miss(c, .uriMiss, .uriMiss, .miss)
        case .passing:
            clients[c].exchange.cached.detail = .passing
            return miss(c, .passing, .uriMiss, .pass)
        case .overloaded: return miss(c, .bypass, .bypass, .bypass)
        case .unavailable:
            clients[c].exchange.cacheResult = .unavailable
            refuse(c, .fault(.notStored), &loop)
        }
        return true
    }

    /// Notes why a request goes on in the plain way; false, which says just that.
    private mutating func miss(
        _ c: Int,
        _ reason: CacheMiss,
        _ forward: CacheStatus.Forward,
        _ result: CacheResult
    ) -> Bool {
        countMiss(c, reason)
        clients[c].exchange.cached.forward = forward
        clients[c].exchange.cacheResult = result
        return false
    }

    /// Writes what names the request's object into the tail.
    mutating func writeKey(_ c: Int, _ cache: Int) -> Bool {
        let path = path(of: c)
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let head = clients[c].exchange.head
        let isSecure = clients[c].isSecure
        let target = bytes.slice(head.target)
        // An empty query is another one than none.
        let hasQuery =
            !head.query.isEmpty || !target.isEmpty && target[target.count - 1] == UInt8(ascii: "?")
        let query = hasQuery ? bytes.slice(head.query) : nil
        var isWhole = false
        tail.write { output in
            guard !caches[cache].hasPlainKey else {
                isWhole = CacheKeyRule.writePlain(
                    isSecure: isSecure,
                    host: bytes.slice(head.authority),
                    path: path,
                    query: query,
                    into: &output
                )
                return
            }
            isWhole = caches[cache].key.write(
                isSecure: isSecure,
                host: bytes.slice(head.authority),
                path: path,
                query: query,
                fields,
                bytes,
                into: &output
            )
        }
        return isWhole
    }

    // MARK: Waiting for a head

    /// Lets a request wait for the head of what is fetched; false when there is no place for it.
    private mutating func awaitHead(
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
            // It was just found to hold: whether it is fresh is not asked again (RFC 9111 §4.3.3).
            useBase(read)
            serveHeld(c, &loop)
        case .renewed: turnAgain(c, &loop)
        case .refused where leadsOverfull(held): serveHeld(c, &loop)
        case .refused: goOn(c, &loop)
        case .failed: fetchFailed(c, store, .fetchFailed, &loop)
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
        timers.cancel(c)
        sendOn(c, routeRecord(c), &loop)
    }

    // MARK: What is held

    /// Holds an object once more.
    private func retained(_ ref: StoredRef, _ cache: Int) -> StoredRef {
        if !ref.isNone { stores[Int(cacheStores[cache])]?.retain(ref) }
        return ref
    }

    /// Gives an object back.
    func release(_ ref: StoredRef, _ store: Int32) {
        if !ref.isNone { lentStores[Int(store)]?.use { $0.release(ref) } }
    }

    /// Ends a fill that nobody will fetch.
    private func stop(_ fill: StoredRef, _ base: StoredRef, _ cache: Int) {
        let place = cacheStores[cache]
        stores[Int(place)]?.refuse(fill, until: nil)
        release(fill, place)
        release(base, place)
    }

    /// Goes on with what there was besides.
    mutating func useBase(_ read: Int) {
        // The list that it may be in goes by the number of what it waited for.
        if reads[read].isWaiting { unlinkReader(read) }
        release(reads[read].ref, reads[read].store)
        reads[read].ref = reads[read].base
        reads[read].base = .none
    }

    /// True when what there is besides may be used although it is stale, since the origin does not help.
    func mayUseBase(_ c: Int, _ store: CacheStore) -> Bool {
        let cache = Int(clients[c].exchange.cache)
        let base = reads[Int(clients[c].exchange.read)].base
        guard caches.indices.contains(cache), let facts = store.facts(base) else { return false }
        return caches[cache].rules.mayServeOnError(facts, now: wallTime)
    }

    private mutating func dropBase(_ read: Int) {
        release(reads[read].base, reads[read].store)
        reads[read].base = .none
    }

    /// Gives back what the exchange holds of a store; harmless when called twice.
    @inline(__always) mutating func leaveRead(_ c: Int) {
        guard clients[c].exchange.read >= 0 else { return }
        giveReadBack(c)
    }

    @inline(never) private mutating func giveReadBack(_ c: Int) {
        let place = Int(clients[c].exchange.read)
        clients[c].exchange.read = -1
        if reads[place].isWaiting { unlinkReader(place) }
        let read = reads[place]
        release(read.ref, read.store)
        release(read.base, read.store)
        // A fetch that waits for it alone ends in its turn.
        if leadsOverfull(read) { queueReady(Int(read.fetch.index)) }
        if read.parts >= 0 { parts.remove(parts.handle(at: Int(read.parts))) }
        reads.remove(reads.handle(at: place))
    }
}
