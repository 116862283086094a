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
    static let lookLimit: UInt8 = 4

    /// Looks whether the store has the answer; false when the request goes on in the plain way.
    @inline(never)
    mutating func consult(_ c: Int, _ record: RouteRecord, _ loop: inout EventLoop) -> Bool {
        let cache = Int(record.cache)
        guard caches.indices.contains(cache), lentStores[Int(cacheStores[cache])] != nil else {
            return false
        }
        clients[c].exchange.cache = Int16(truncatingIfNeeded: cache)
        if isPurge(c) {
            if let store = stores[Int(cacheStores[cache])] { purge(c, cache, store, &loop) }
            return true
        }
        if fields.first(.cdnLoop) != nil, let isEnd = meetLoop(c, &loop) { return isEnd }
        if let reason = unasked(c) {
            return miss(c, reason == .method ? .method : .bypass, reason, .bypass)
        }
        if requestHead.method == .query, !requestHead.framing.isEmpty {
            return awaitQuery(c, cache, &loop)
        }
        return look(c, cache, turn: 0, &loop)
    }

    /// Why a request is nothing for a store; nil when it may be.
    func unasked(_ c: Int) -> CacheStatus.Forward? {
        switch requestHead.method {
        case .get, .head, .query: break
        default: return .method
        }
        // Content of GET has no meaning, and an origin that gives it one gives it another answer.
        let isPlain =
            (requestHead.framing.isEmpty || requestHead.method == .query)
            && !requestHead.wantsUpgrade
            && !clients[c].exchange.isGRPC && !isShuttingDown
        // What endpoints are told of who asks, others must not get the answer to.
        let listener = Int(clients[c].listener)
        let isPersonal =
            tellsIdentity(c) || clients[c].isSecure && listenerRecords[listener].asksIdentity
        let isConditional =
            fields.first(.ifMatch) != nil || fields.first(.ifUnmodifiedSince) != nil
        // An endpoint that believes it makes another answer of it.
        let isElsewhere = fields.first(.xForwardedHost) != nil && isTrusted(c)
        return isPlain && !isConditional && !isPersonal && !isElsewhere ? nil : .bypass
    }

    /// Asks the store once, and does what it says; false when the request goes on in the plain way.
    mutating func look(
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
        // RFC 8470 §5.1: an endpoint has to hear that it is early, and what it makes of that is for nobody else.
        let mayFetch = requestHead.method != .head && !clients[c].exchange.isEarly
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
                mayFetch: mayFetch,
                mayLoad: turn == 0,
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
        case .ahead(let ref, let fill):
            let base = retained(ref, cache)
            beginFetch(of: c, fill, base: base, isAwaited: false, isAhead: true, &loop)
            serve(c, ref, .hit, &loop)
        case .refreshing(let ref, let fill):
            beginFetch(of: c, fill, base: retained(ref, cache), isAwaited: false, &loop)
            serve(c, ref, .stale, &loop)
        case .fetch(let fill, let base, let reason):
            clients[c].exchange.cached.detail = .none
            countMiss(c, CacheMiss(reason))
            clients[c].exchange.cached.forward = CacheStatus.Forward(reason)
            clients[c].exchange.cacheResult = .miss
            // The one who waits holds them, too, and first: the fetch may end at once.
            let read = retained(fill, cache)
            let rest = retained(base, cache)
            guard awaitHead(c, read, base: rest, isLeader: true, turn: turn, &loop) else {
                stop(fill, base, cache)
                return false
            }
            beginFetch(of: c, fill, base: base, isAwaited: true, &loop)
        case .wait(let fill, let base):
            clients[c].exchange.cached.detail = .none
            clients[c].exchange.cached.forward = base.isNone ? .uriMiss : .stale
            clients[c].exchange.cached.isCollapsed = true
            clients[c].exchange.cacheResult = .wait
            return awaitHead(c, fill, base: base, isLeader: false, turn: turn, &loop)
        case .load(let entry, _):
            clients[c].exchange.cached.detail = .disk
            return awaitHead(c, entry, base: .none, isLeader: false, turn: turn, &loop)
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
    mutating func miss(
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

    /// True for a request by https, as a proxy that is believed says, else as it came: endpoints hear the same.
    func isAskedSecurely(_ c: Int) -> Bool {
        guard let place = fields.first(.xForwardedProto), isTrusted(c) else {
            return cameSecurely(c)
        }
        let https: InlineArray<5, UInt8> = [0x68, 0x74, 0x74, 0x70, 0x73]
        return FieldSyntax.equalsIgnoringCase(
            requestBytes(c).slice(fields[place].value),
            https.span
        )
    }

    /// Writes what names the request's object into the tail.
    mutating func writeKey(_ c: Int, _ cache: Int) -> Bool {
        var digest: Digest128?
        if clients[c].exchange.head.method == .query {
            digest = contentDigest(c, cache)
            guard digest != nil else { return false }
        }
        guard writeURLKey(c, cache) else { return false }
        guard let digest else { return true }
        var isWhole = false
        tail.append { isWhole = QueryKey.append(digest, into: &$0) }
        return isWhole
    }

    /// The same of its URL alone.
    private mutating func writeURLKey(_ c: Int, _ cache: Int) -> Bool {
        let path = path(of: c)
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let head = clients[c].exchange.head
        let isSecure = isAskedSecurely(c)
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

    mutating func dropBase(_ read: Int) {
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
