// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Requests to endpoints whose answers go into a store.
///
/// A fetch is an entry among the clients, without a socket: it is tried again, queued and bounded like any
/// request, and goes on when whoever began it goes away. It asks for all of the object, whatever part its
/// first reader wants.
extension HTTPDoor {
    /// Fetches what a request wants; the head of that request is in ``fields``.
    ///
    /// The holds on `fill` and `base` go over to the fetch.
    mutating func beginFetch(
        of c: Int,
        _ fill: StoredRef,
        base: StoredRef,
        isAwaited: Bool,
        _ loop: inout EventLoop
    ) {
        let cache = Int(clients[c].exchange.cache)
        let state = FetchState(
            fill: fill,
            base: base,
            store: cacheStores[cache],
            cache: Int32(cache),
            leader: isAwaited ? clients.handle(at: c) : .none
        )
        guard let f = insertFetch(of: c, state) else {
            stores[Int(state.store)]?.refuse(fill, until: nil)
            release(fill, state.store)
            release(base, state.store)
            return wakeReaders(fill.number, state.store)
        }
        let read = Int(clients[c].exchange.read)
        if isAwaited, read >= 0 { reads[read].fetch = clients.handle(at: f) }
        // Its octets are those of the request, so that what was read of one holds for both.
        fieldsOwner = clients.handle(at: f)
        countFetch(state, isAwaited: isAwaited)
        let record = routeRecord(f)
        let pool = pool(of: record, f)
        guard pools.indices.contains(pool) else { return fetchBroke(f, .poolEmpty, &loop) }
        apply(record, pool, to: f)
        writeValidators(f)
        startAttempt(f, &loop)
    }

    private mutating func insertFetch(of c: Int, _ state: FetchState) -> Int? {
        var client = Client(
            fd: .none,
            peer: clients[c].peer,
            listener: clients[c].listener,
            limits: clients[c].parser.limits
        )
        client.kind = .fetch
        client.phase = .connecting
        client.isRegistered = true  // there is no socket to wait for
        client.isUnnamed = clients[c].isUnnamed
        client.cameSecurely = clients[c].isSecure
        let length = clients[c].exchange.head.length
        let block = buffers.take()
        guard !block.isNone else { return nil }
        buffers.copy(
            from: clients[c].input.block,
            at: Int(clients[c].input.start),
            to: block,
            at: 0,
            count: length
        )
        client.input = Pending(block: block, start: 0, end: Int32(length))
        let asker = clients[c].exchange
        client.exchange.head = asker.head
        client.exchange.head.isHTTP2 = asker.head.isHTTP2
        client.exchange.route = asker.route
        client.exchange.changesRequest = asker.changesRequest
        client.exchange.hasPlainPath = asker.hasPlainPath
        client.exchange.priority = asker.priority
        client.exchange.requestID = asker.requestID
        client.exchange.began = now
        client.exchange.headDone = now
        client.exchange.keepsClient = false
        if asker.clientPlace >= 0 {
            let behind = realClients.insert(realClients[Int(asker.clientPlace)])
            client.exchange.clientPlace = behind.map { Int32($0.index) } ?? -1
        }
        guard let place = fetches.insert(state) else {
            buffers.give(block)
            return nil
        }
        client.place = Int32(place.index)
        guard let handle = clients.insert(client) else {
            buffers.give(block)
            fetches.remove(place)
            return nil
        }
        return Int(handle.index)
    }

    private func countFetch(_ state: FetchState, isAwaited: Bool) {
        guard cachePlaces.indices.contains(Int(state.cache)) else { return }
        let kind: CacheFetch =
            !isAwaited ? .background : state.base.isNone ? .fetch : .revalidate
        let place = Int(cachePlaces[Int(state.cache)])
        words.addOwned(GatewayMetrics.cacheFetch(kind, cache: place), 1)
    }

    // MARK: The request

    /// Writes what asks whether the stored object still holds behind the fetch's head (RFC 9111 §4.3.1).
    private mutating func writeValidators(_ f: Int) {
        let state = fetches[Int(clients[f].place)]
        guard !state.base.isNone, let store = stores[Int(state.store)] else { return }
        scratch.write { _ = store.writeHead(state.base, into: &$0) }
        guard parseHeld(scratch.bytes) else { return }
        let held = scratch.bytes
        let start = Int(clients[f].input.end)
        let tag = storedFields.first(.etag)
        let date = storedFields.first(.lastModified)
        var isWhole = true
        let size = buffers.write(clients[f].input.block, at: start) { output in
            if let tag {
                isWhole = output.writeField(
                    "If-None-Match",
                    held.slice(storedFields[tag].value)
                )
            }
            if let date {
                isWhole =
                    isWhole
                    && output.writeField(
                        "If-Modified-Since",
                        held.slice(storedFields[date].value)
                    )
            }
        }
        fetches[Int(clients[f].place)].validators = isWhole ? Int32(size) : 0
    }

    /// Reads a stored head into ``storedFields``.
    mutating func parseHeld(_ bytes: Span<UInt8>) -> Bool {
        var parser = ResponseParser(limits: HTTPDoor.storedLimits)
        let result = parser.parse(
            bytes,
            requestMethod: .get,
            fields: &storedFields,
            head: &storedHead
        )
        guard case .complete = result else { return false }
        return true
    }

    /// Adds to what a fetch asks that nobody else does.
    mutating func renderFetch(_ f: Int, after rendered: RouteText) -> RouteText {
        fetches[Int(clients[f].place)].sent = wallTime
        let count = Int(fetches[Int(clients[f].place)].validators)
        guard count > 0 else { return rendered }
        let text = buffers.bytes(
            clients[f].input.block,
            from: Int(clients[f].input.end),
            count: count
        )
        return append(text, to: rendered)
    }

    /// Fields of the first reader's request that say what it has, or which part it wants.
    static var ownConditions: FieldSet {
        var set = FieldSet()
        set.insert(.ifNoneMatch)
        set.insert(.ifModifiedSince)
        set.insert(.ifRange)
        set.insert(.range)
        return set
    }

    // MARK: The answer

    /// The head of the answer is there: decides what becomes of it.
    mutating func takeFetched(_ f: Int, _ u: Int, _ loop: inout EventLoop) {
        let status = responseHead.status
        clients[f].exchange.status = status
        clients[f].exchange.firstByte = now
        clients[f].exchange.originPersists = responseHead.isPersistent
        let state = fetches[Int(clients[f].place)]
        guard recallHead(f), let store = stores[Int(state.store)] else {
            return fetchBroke(f, .internalError, &loop)
        }
        judgeEndpoint(f, status)
        // A reload took the cache away.
        guard caches.indices.contains(Int(state.cache)) else {
            return handOver(f, u, store, until: nil, &loop)
        }
        let present = wallTime
        if status == 304, !state.base.isNone { return renew(f, u, store, present, &loop) }
        if isFailure(status), let facts = store.facts(state.base),
            caches[Int(state.cache)].rules.mayServeOnError(facts, now: present)
        {
            // RFC 5861 §4: what is stale is better than that.
            return fetchBroke(f, .originStatus, &loop)
        }
        let pending = upstreams[u].input
        let verdict = caches[Int(state.cache)].storage.judge(
            CacheRequest(.get, fields, requestBytes(f)),
            status: status,
            responseFields,
            buffers.bytes(pending.block, from: Int(pending.start), count: pending.count),
            sent: state.sent,
            now: present
        )
        switch verdict {
        case .store(let facts): keep(f, u, store, facts, present, &loop)
        case .refuse(let reason):
            countRefused(state.cache, GatewayMetrics.cacheRefused(reason, cache: 0))
            // What went wrong once need not do so again, and what is one client's says nothing of others.
            let isOwn = reason == .requestNoStore || reason == .authorization
            let isLasting = status < 500 && reason != .useless && !isOwn
            let span = caches[Int(state.cache)].passLifetime
            handOver(f, u, store, until: isLasting ? present + span : nil, &loop)
        }
    }

    /// The answer is larger than what is kept: nobody waits for it again for a while.
    mutating func refuseLarge(_ f: Int) {
        let state = fetches[Int(clients[f].place)]
        countRefused(state.cache, GatewayMetrics.cacheRefused(CacheRefusal.tooLarge, cache: 0))
        let span =
            caches.indices.contains(Int(state.cache))
            ? caches[Int(state.cache)].passLifetime : .zero
        stores[Int(state.store)]?.refuse(state.fill, until: wallTime + span)
        tellReaders(f)
    }

    private func isFailure(_ status: UInt16) -> Bool {
        status == 500 || status == 502 || status == 503 || status == 504
    }

    func countRefused(_ cache: Int32, _ word: Int) {
        guard cachePlaces.indices.contains(Int(cache)) else { return }
        let offset = word &- GatewayMetrics.cache(0)
        words.addOwned(GatewayMetrics.cache(Int(cachePlaces[Int(cache)])) &+ offset, 1)
    }

    /// The answer may be kept: opens it for its readers.
    private mutating func keep(
        _ f: Int,
        _ u: Int,
        _ store: CacheStore,
        _ facts: StoredFacts,
        _ present: WallTime,
        _ loop: inout EventLoop
    ) {
        let state = fetches[Int(clients[f].place)]
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        var isWhole = false
        scratch.write { output in
            isWhole = StoredHeadWriter.write(
                responseHead,
                responseFields,
                bytes,
                keepsCookies: caches[Int(state.cache)].keepsCookies,
                now: present,
                into: &output
            )
        }
        let framing = responseHead.framing
        var length: UInt64?
        switch framing {
        case .none: length = 0
        case .length(let count): length = count
        case .chunked, .untilClose: length = nil
        }
        let answer =
            isWhole
            ? store.open(
                state.fill,
                facts: facts,
                head: scratch.bytes,
                varyOf: responseFields,
                bytes,
                for: fields,
                requestBytes(f),
                length: length
            ) : OpenAnswer.tooLarge
        switch answer {
        case .kept: break
        case .tooLarge, .noRoom, .overtaken:
            let reason: CacheRefusal = answer == .tooLarge ? .tooLarge : .noRoom
            countRefused(state.cache, GatewayMetrics.cacheRefused(reason, cache: 0))
            let span = caches[Int(state.cache)].passLifetime
            let isLasting = answer == .tooLarge
            return handOver(f, u, store, until: isLasting ? present + span : nil, &loop)
        }
        fetches[Int(clients[f].place)].isKept = true
        clients[f].exchange.response = BodyTransfer(framing, toChunks: false)
        if upstreams[u].isStream { followStream(f, u, framing) }
        clients[f].exchange.response.rawStart = pending.start &+ Int32(responseHead.length)
        clients[f].exchange.response.rawEnd = pending.end
        clients[f].exchange.responseStarted = true
        clients[f].phase = .relaying
        tellReaders(f)
        guard advanceResponse(f, u) == nil else { return fetchBroke(f, .originMalformed, &loop) }
        pumpResponse(f, &loop)
    }

    /// Puts content into the store; false when it can take no more.
    mutating func storeContent(_ f: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        let transfer = clients[f].exchange.response
        guard transfer.hasFramed else { return true }
        let place = Int(clients[f].place)
        let state = fetches[place]
        let bytes = buffers.bytes(
            upstreams[u].input.block,
            from: Int(transfer.start),
            count: Int(transfer.end &- transfer.start)
        )
        guard !state.isOverfull,
            stores[Int(state.store)]?.append(state.fill, bytes) == true
        else {
            overrun(f, &loop)
            return false
        }
        fetches[place].stored &+= UInt64(bytes.count)
        clients[f].exchange.response.sent(bytes.count)
        tellReaders(f)
        return true
    }

    /// The answer is in the store whole.
    mutating func completeFetch(_ f: Int, _ u: Int, _ loop: inout EventLoop) {
        let state = fetches[Int(clients[f].place)]
        stores[Int(state.store)]?.close(state.fill)
        tellReaders(f)
        fetches[Int(clients[f].place)].isKept = false
        finishFetch(f, u, isWhole: true, &loop)
    }

    // MARK: Handing over

    /// The answer is not kept: whoever began the fetch gets it as it comes, others go themselves.
    private mutating func handOver(
        _ f: Int,
        _ u: Int,
        _ store: CacheStore,
        until end: WallTime?,
        _ loop: inout EventLoop
    ) {
        let state = fetches[Int(clients[f].place)]
        let leader = state.leader
        let c = Int(leader.index)
        let isThere =
            clients.contains(leader) && clients[c].phase == .fetching
            && clients[c].exchange.read >= 0
            && reads[Int(clients[c].exchange.read)].ref == state.fill
        if isThere { leaveRead(c) }
        store.refuse(state.fill, until: end)
        tellReaders(f)
        guard isThere else {
            detachUpstream(f, &loop, keep: false)
            return dropFetch(f)
        }
        giveExchange(of: f, to: c, u)
        dropFetch(f)
        beginResponse(c, u, &loop)
    }

    /// Makes the attempt that the fetch has under way the client's own.
    mutating func giveExchange(of f: Int, to c: Int, _ u: Int) {
        let fetch = clients[f].exchange
        clients[f].exchange.upstream = .none
        clients[f].exchange.slot = -1
        clients[f].exchange.isActive = false
        clients[f].exchange.holdsPlace = false
        clients[f].exchange.holdsRetry = false
        clients[f].exchange.mirror = -1
        clients[f].exchange.trailPlace = -1
        clients[c].exchange.upstream = upstreams.handle(at: u)
        clients[c].exchange.slot = fetch.slot
        clients[c].exchange.attemptSlot = fetch.attemptSlot
        clients[c].exchange.attemptNumber = fetch.attemptNumber
        clients[c].exchange.attemptBegan = fetch.attemptBegan
        clients[c].exchange.trailPlace = fetch.trailPlace
        clients[c].exchange.pool = fetch.pool
        clients[c].exchange.poolSlot = fetch.poolSlot
        clients[c].exchange.endpoint = fetch.endpoint
        clients[c].exchange.tried = fetch.tried
        clients[c].exchange.triedSet = fetch.triedSet
        clients[c].exchange.isActive = fetch.isActive
        clients[c].exchange.holdsPlace = fetch.holdsPlace
        clients[c].exchange.holdsRetry = fetch.holdsRetry
        clients[c].exchange.mirror = fetch.mirror
        clients[c].exchange.connected = fetch.connected
        clients[c].exchange.sent = fetch.sent
        clients[c].exchange.isLastResort = fetch.isLastResort
        clients[c].exchange.requestSent = true
        clients[c].phase = .waiting
        upstreams[u].client = clients.handle(at: c)
    }

    // MARK: The end

    /// No answer came, or none of use: its readers are told.
    mutating func fetchBroke(_ f: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let state = fetches[Int(clients[f].place)]
        detachUpstream(f, &loop, keep: false)
        recordFetch(f, slot: Int(clients[f].exchange.slot))
        guard let store = stores[Int(state.store)] else { return dropFetch(f) }
        if !state.isKept, !isOfOrigin(fault) {
            // It is nothing that others would meet as well.
            store.refuse(state.fill, until: nil)
        } else {
            store.fail(state.fill)
        }
        tellReaders(f)
        fetches[Int(clients[f].place)].isKept = false
        dropFetch(f)
        let c = Int(state.leader.index)
        guard clients.contains(state.leader), clients[c].phase == .fetching,
            clients[c].exchange.read >= 0,
            reads[Int(clients[c].exchange.read)].ref == state.fill
        else { return }
        guard isOfOrigin(fault) else { return goOn(c, &loop) }
        fetchFailed(c, store, fault, &loop)
    }

    private func isOfOrigin(_ fault: Fault) -> Bool {
        switch fault {
        case .outOfBuffers, .internalError, .shutdown, .clientGone, .noRoute: false
        default: true
        }
    }

    mutating func finishFetch(_ f: Int, _ u: Int, isWhole: Bool, _ loop: inout EventLoop) {
        settleFetch(f, u, isWhole: isWhole, &loop)
        dropFetch(f)
    }

    /// Ends the attempt that the fetch has under way, whose answer has come.
    mutating func settleFetch(_ f: Int, _ u: Int, isWhole: Bool, _ loop: inout EventLoop) {
        lookBehindPiped(f, u)
        let isReusable =
            isWhole && clients[f].exchange.originPersists && clients[f].exchange.requestSent
            && !clients[f].exchange.response.hasRaw && !upstreams[u].hangUp
            && !upstreams[u].canRead
        let slot = Int(clients[f].exchange.slot)
        if slot >= 0 {
            let latency = clients[f].exchange.firstByte - clients[f].exchange.connected
            countSuccess(f, slot)
            chooser.end(slot: slot, latency: latency, now: now)
            clients[f].exchange.slot = -1
        }
        giveBackPlace(f)
        recordFetch(f, slot: slot)
        detachUpstream(f, &loop, keep: isReusable)
    }

    /// Counts what the endpoint has done.
    private mutating func recordFetch(_ f: Int, slot: Int) {
        guard slot >= 0, !clients[f].exchange.isRecorded else { return }
        clients[f].exchange.isRecorded = true
        let place = GatewayMetrics.endpoint(slot)
        let family = Int(clients[f].exchange.status / 100)
        if (1...5).contains(family) { words.addOwned(place + family - 1, 1) }
        words.addOwned(place + 6, UInt64(clients[f].exchange.head.length))
        words.addOwned(place + 7, clients[f].exchange.response.total)
    }

    /// Gives back all that a fetch holds.
    mutating func dropFetch(_ f: Int) {
        let place = Int(clients[f].place)
        let state = fetches[place]
        endExchange(f)
        timers.cancel(f)
        buffers.give(clients[f].input.block)
        buffers.give(clients[f].output.block)
        buffers.give(clients[f].exchange.requestBlock)
        let handle = clients.handle(at: f)
        if fieldsOwner == handle { fieldsOwner = .none }
        clients.remove(handle)
        fetches.remove(fetches.handle(at: place))
        release(state.fill, state.store)
        release(state.base, state.store)
    }

    /// Tells the readers of what is fetched that there is news, on all workers.
    mutating func tellReaders(_ f: Int) {
        let state = fetches[Int(clients[f].place)]
        guard let store = stores[Int(state.store)] else { return }
        var waiting = store.takeWatchers(state.fill)
        while waiting != 0 {
            let number = waiting.trailingZeroBitCount
            waiting &= waiting &- 1
            if number == worker {
                wakeReaders(state.fill.number, state.store)
            } else if number < shared.news.count {
                let news = CacheNews(
                    store: ObjectIdentifier(store),
                    number: state.fill.number
                )
                shared.news[number].post(news)
            }
        }
    }
}
