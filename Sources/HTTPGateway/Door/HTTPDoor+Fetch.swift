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
        isAhead: Bool = false,
        ticket: UInt64 = FetchState.nobody,
        _ loop: inout EventLoop
    ) {
        let cache = Int(clients[c].exchange.cache)
        var state = FetchState(
            fill: fill,
            base: base,
            store: cacheStores[cache],
            cache: Int32(cache),
            leader: isAwaited ? clients.handle(at: c) : .none
        )
        state.isAhead = isAhead
        state.ticket = ticket
        // The endpoint hears the name that the log and the client do.
        nameRequest(c)
        let aim = tierAim(c, cache)
        guard let f = insertFetch(of: c, state) else {
            stores[Int(state.store)]?.refuse(fill, until: nil)
            tellReaders(of: fill, state.store)
            release(fill, state.store)
            if ticket != FetchState.nobody {
                let end = WarmEnd.failed("\(Fault.outOfBuffers.word)")
                shared.warmed.post(WarmResult(ticket: ticket, end: end))
            }
            return release(base, state.store)
        }
        let read = Int(clients[c].exchange.read)
        if isAwaited, read >= 0 { reads[read].fetch = clients.handle(at: f) }
        // Its octets are those of the request, so that what was read of one holds for both.
        fieldsOwner = clients.handle(at: f)
        requestHead.framing = clients[f].exchange.head.framing
        let record = routeRecord(f)
        if let aim {
            take(aim, f, record)
        } else {
            let pool = pool(of: record, f)
            guard pools.indices.contains(pool) else { return fetchBroke(f, .poolEmpty, &loop) }
            apply(record, pool, to: f)
        }
        writeValidators(f)
        countFetch(fetches[Int(clients[f].place)], isAwaited: isAwaited)
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
        client.cameSecurely = cameSecurely(c)
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
        guard asker.head.method != .query || copyQuery(of: c, to: &client) else {
            buffers.give(block)
            return nil
        }
        client.exchange.route = asker.route
        client.exchange.changesRequest = asker.changesRequest
        client.exchange.hasPlainPath = asker.hasPlainPath
        client.exchange.priority = asker.priority
        client.exchange.hasLostRoute = asker.hasLostRoute
        client.exchange.requestID = asker.requestID
        client.exchange.began = now
        client.exchange.headDone = now
        client.exchange.keepsClient = false
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
        let f = Int(handle.index)
        if asker.clientPlace >= 0 {
            let behind = realClients.insert(realClients[Int(asker.clientPlace)])
            clients[f].exchange.clientPlace = behind.map { Int32($0.index) } ?? -1
        }
        return f
    }

    private func countFetch(_ state: FetchState, isAwaited: Bool) {
        guard cachePlaces.indices.contains(Int(state.cache)) else { return }
        let kind: CacheFetch =
            state.ticket != FetchState.nobody
            ? .warm
            : state.isAhead
                ? .ahead : !isAwaited ? .background : state.validators > 0 ? .revalidate : .fetch
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

    // MARK: Handing over

    /// The answer is not kept: whoever began the fetch gets it as it comes, others go themselves.
    mutating func handOver(
        _ f: Int,
        _ u: Int,
        _ store: CacheStore,
        until end: WallTime?,
        _ loop: inout EventLoop
    ) {
        let state = fetches[Int(clients[f].place)]
        let leader = leader(of: state)
        if let c = leader { leaveRead(c) }
        store.refuse(state.fill, until: end)
        tellReaders(f)
        guard let c = leader, !wantsPart(c) else {
            judgeEndpoint(f, clients[f].exchange.status)
            countOutcome(.passed, f)
            detachUpstream(f, &loop, keep: false)
            recordFetch(f, slot: Int(clients[f].exchange.slot))
            dropFetch(f)
            return leader.map { goOn($0, &loop) } ?? ()
        }
        giveExchange(of: f, to: c, u)
        dropFetch(f)
        passResponse(c, u, &loop)
    }

    /// True for a request that would get all of what it wants a part of: it asks for that itself.
    private mutating func wantsPart(_ c: Int) -> Bool {
        guard responseHead.status == 200 else { return false }
        return recallHead(c) && fields.first(.range) != nil
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
        clients[c].exchange.serving = fetch.serving
        clients[c].exchange.session = fetch.session
        clients[c].exchange.turn = fetch.turn
        clients[c].exchange.hasCookie = fetch.hasCookie
        clients[c].exchange.requestSent = fetch.requestSent
        giveContent(of: f, to: c)
        clients[c].exchange.cached.isThroughTier = fetch.cached.isThroughTier
        clients[c].phase = .waiting
        upstreams[u].client = clients.handle(at: c)
    }

    // MARK: The end

    /// No answer came, or none of use: its readers are told.
    mutating func fetchBroke(_ f: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let state = fetches[Int(clients[f].place)]
        countOutcome(.failed, f)
        detachUpstream(f, &loop, keep: false)
        recordFetch(f, slot: Int(clients[f].exchange.slot))
        fetches[Int(clients[f].place)].end = .failed(fault)
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
        guard let c = leader(of: state) else { return }
        switch fault {
        case .outOfBuffers, .internalError, .noRoute: goOn(c, &loop)
        default: fetchFailed(c, store, fault, &loop)
        }
    }

    /// True when others would have met the same.
    private func isOfOrigin(_ fault: Fault) -> Bool {
        switch fault {
        case .outOfBuffers, .internalError, .shutdown, .clientGone, .noRoute, .requestTimeout,
            .queueFull, .queueDisplaced, .queueTimeout, .atLimit, .poolEmpty, .clientSlow:
            false
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
        if state.ticket != FetchState.nobody { tellWarm(f, state) }
        endExchange(f)
        timers.cancel(f)
        buffers.give(clients[f].input.block)
        buffers.give(clients[f].output.block)
        buffers.give(clients[f].exchange.requestBlock)
        let handle = clients.handle(at: f)
        if fieldsOwner == handle { fieldsOwner = .none }
        clients.remove(handle)
        fetches.remove(fetches.handle(at: place))
        // Nobody waited for it: the next request would begin another one at once.
        if state.leader.isNone, !state.isDone {
            stores[Int(state.store)]?.pauseRefresh(of: state.base, now: wallTime)
        }
        release(state.fill, state.store)
        release(state.base, state.store)
    }

    /// Tells the readers of what is fetched that there is news, on all workers.
    mutating func tellReaders(_ f: Int) {
        let state = fetches[Int(clients[f].place)]
        tellReaders(of: state.fill, state.store)
    }

    /// Tells the readers of an entry that there is news, on all workers.
    mutating func tellReaders(of fill: StoredRef, _ place: Int32) {
        guard let store = stores[Int(place)] else { return }
        var waiting = store.takeWatchers(fill)
        while waiting != 0 {
            // A bit stands for each worker of the same number but for multiples of 64.
            var number = waiting.trailingZeroBitCount
            waiting &= waiting &- 1
            while number < shared.news.count {
                if number == worker {
                    wakeReaders(fill.number, place)
                } else {
                    let news = ObjectIdentifier(store)
                    shared.news[number].post(.object(store: news, number: fill.number))
                }
                number &+= 64
            }
        }
    }

    /// Who began a fetch and waits for its head still; nil when it is gone, or does something else.
    func leader(of state: FetchState) -> Int? {
        let c = Int(state.leader.index)
        guard clients.contains(state.leader), clients[c].phase == .fetching,
            clients[c].exchange.read >= 0,
            reads[Int(clients[c].exchange.read)].ref == state.fill
        else { return nil }
        return c
    }
}
