// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Fetches that nobody waits for but an operator, who wants the answer stored before clients ask.
///
/// One is made as a request that comes by a route would make it, with the same choice, bounds and rules. Who
/// asks is this process itself: what routes ask of clients, and what clients are limited to, is not looked at.
extension HTTPDoor {
    /// Begins a fetch, or says why there is none.
    mutating func warm(_ request: WarmRequest, _ loop: inout EventLoop) {
        guard !isShuttingDown, let c = insertWarm(request) else {
            return tellWarm(request.ticket, .failed("shutdown"))
        }
        let end = fetchWarm(c, request, &loop)
        dropWarm(c)
        if let end { tellWarm(request.ticket, end) }
    }

    private func tellWarm(_ ticket: UInt64, _ end: WarmEnd) {
        shared.warmed.post(WarmResult(ticket: ticket, end: end))
    }

    /// Puts the request among the clients for as long as the fetch is being made.
    private mutating func insertWarm(_ request: WarmRequest) -> Int? {
        let place = listenerRecords.firstIndex { $0.isSecure == request.isSecure } ?? 0
        guard listenerRecords.indices.contains(place) else { return nil }
        var client = Client(
            fd: .none,
            peer: SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0),
            listener: UInt16(truncatingIfNeeded: place),
            limits: limits.head
        )
        client.kind = .fetch
        client.isRegistered = true
        // No proxy stands before it that could be believed: endpoints hear that this machine asks.
        client.isUnnamed = true
        client.cameSecurely = request.isSecure
        let block = buffers.take()
        guard !block.isNone else { return nil }
        var isWhole = false
        let size = buffers.write(block, at: 0) { isWhole = $0.write(request.head.span) }
        client.input = Pending(block: block, start: 0, end: Int32(truncatingIfNeeded: size))
        guard isWhole, let handle = clients.insert(client) else {
            buffers.give(block)
            return nil
        }
        return Int(handle.index)
    }

    private mutating func dropWarm(_ c: Int) {
        let handle = clients.handle(at: c)
        if fieldsOwner == handle { fieldsOwner = .none }
        buffers.give(clients[c].input.block)
        clients.remove(handle)
    }

    /// Finds the route and asks the store; nil when a fetch is under way, which tells how it ends.
    private mutating func fetchWarm(
        _ c: Int,
        _ request: WarmRequest,
        _ loop: inout EventLoop
    ) -> WarmEnd? {
        guard readWarm(c) else { return .failed("malformed") }
        let route = matchWarm(c, isSecure: request.isSecure)
        guard routeRecords.indices.contains(route) else { return .failed("no-route") }
        let record = routeRecords[route]
        let cache = Int(record.cache)
        guard caches.indices.contains(cache), caches[cache].identity == Hash.text(request.cache),
            stores[Int(cacheStores[cache])] != nil
        else { return .failed("other-cache") }
        clients[c].exchange.route = Int32(route)
        clients[c].exchange.cache = Int16(truncatingIfNeeded: cache)
        clients[c].exchange.changesRequest = record.changesRequest
        clients[c].exchange.priority = record.priority
        guard !isShed(record) else { return .failed("\(Fault.overloaded.word)") }
        guard unasked(c) == nil, writeKey(c, cache) else { return .notKept("bypass") }
        return follow(findWarm(c, cache), c, request.ticket, &loop)
    }

    private mutating func matchWarm(_ c: Int, isSecure: Bool) -> Int {
        let path = path(of: c)
        let view = RequestView(
            head: requestHead,
            fields: fields.entries,
            bytes: requestBytes(c),
            path: path,
            client: client(of: c),
            isTLS: isSecure
        )
        return routes.match(view)
    }

    /// Asks the store by the key in the tail.
    private mutating func findWarm(_ c: Int, _ cache: Int) -> CacheFound {
        guard let store = stores[Int(cacheStores[cache])] else { return .overloaded }
        return store.find(
            tail.bytes,
            CacheRequest(.get, fields, requestBytes(c)),
            fields,
            requestBytes(c),
            by: caches[cache].rules,
            now: wallTime,
            mayFetch: true,
            worker: worker
        )
    }

    private mutating func follow(
        _ found: CacheFound,
        _ c: Int,
        _ ticket: UInt64,
        _ loop: inout EventLoop
    ) -> WarmEnd? {
        let place = cacheStores[Int(clients[c].exchange.cache)]
        switch found {
        case .fresh(let ref), .stale(let ref):
            release(ref, place)
            return .stored
        case .wait(let fill, let base):
            release(fill, place)
            release(base, place)
            return .underWay
        case .load(let entry, _):
            // It is on the disk, and will be in memory in a moment.
            release(entry, place)
            return .stored
        case .fetch(let fill, let base, _), .refreshing(let base, let fill),
            .ahead(let base, let fill):
            beginFetch(
                of: c,
                fill,
                base: base,
                isAwaited: false,
                ticket: ticket,
                &loop
            )
            return nil
        case .passing: return .notKept("passing")
        case .overloaded: return .notKept("\(CacheRefusal.noRoom.word)")
        case .absent, .tooRare, .unavailable: return .notKept("bypass")
        }
    }

    private mutating func readWarm(_ c: Int) -> Bool {
        var parser = RequestParser(limits: limits.head)
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        fieldsOwner = .none
        guard case .complete = parser.parse(bytes, fields: &fields, head: &requestHead) else {
            return false
        }
        fieldsOwner = clients.handle(at: c)
        clients[c].exchange = Exchange()
        clients[c].exchange.head = requestHead
        clients[c].exchange.began = now
        clients[c].exchange.headDone = now
        clients[c].exchange.keepsClient = false
        let isPlain = !PathForm.hasDotSegment(requestBytes(c).slice(requestHead.path))
        let encoding = PathForm.encoding(requestBytes(c).slice(requestHead.path))
        clients[c].exchange.hasPlainPath = encoding == .disguised
        return encoding != .malformed && isPlain && requestHead.method == .get
            && requestHead.framing.isEmpty
    }

    /// A fetch that somebody wants to hear of is over.
    func tellWarm(_ f: Int, _ state: FetchState) {
        let end: WarmEnd =
            switch state.end {
            case .open: .failed("\(Fault.internalError.word)")
            case .kept: .kept
            case .notStored(let raw):
                .notKept(NotStored(rawValue: raw).map { "\($0.word)" } ?? "unknown")
            case .refused(let reason): .notKept("\(reason.word)")
            case .failed(let fault): .failed("\(fault.word)")
            }
        var result = WarmResult(ticket: state.ticket, end: end)
        result.status = clients[f].exchange.status
        result.octets = state.stored
        shared.warmed.post(result)
    }
}
