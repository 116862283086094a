// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Connections by HTTP/2 to endpoints: which one a request takes, their beginning and their end.
///
/// A connection is an entry among the upstreams, and so is each of its streams, which stands in an
/// exchange where a connection by HTTP/1.1 would. Requests wait for a connection that opens as if
/// each opened its own. What streams have to say is gathered by the session and written once in a
/// batch of events, so that no exchange is carried on from within another.
extension HTTPDoor {
    // MARK: Choosing

    /// True when a request may go to the endpoint, by a connection that is there or a new one.
    func hasRoom(slot: Int, _ pool: Int, _ c: Int) -> Bool {
        let takesBoth = pools[pool].version == .auto
        if takesBoth, clients[c].exchange.head.wantsUpgrade || !speaksHTTP2(slot) { return true }
        let list = originList(slot)
        var (o, count) = (Int(list.first), 0)
        while o >= 0 {
            let isUsable = fits(o, pool)
            if isUsable, hasRoom(o) { return true }
            if isUsable { count += 1 }
            o = Int(origins[o].next)
        }
        return count < Int(pools[pool].http2Connections)
    }

    private func hasRoom(_ o: Int) -> Bool {
        let used = origins[o].active.count &+ origins[o].waiting.count
        return used < (origins[o].hasSettings ? origins[o].room : origins[o].streamLimit)
    }

    // Opened before a reload that changed how this pool is spoken with?
    private func fits(_ o: Int, _ pool: Int) -> Bool {
        let handle = origins[o].upstream
        guard upstreams.contains(handle) else { return false }
        return upstreams[Int(handle.index)].security == pools[pool].security
    }

    private func originList(_ slot: Int) -> OriginList {
        originLists.indices.contains(slot) ? originLists[slot] : OriginList()
    }

    private func speaksHTTP2(_ slot: Int) -> Bool {
        let list = originList(slot)
        return list.speaksHTTP2 || list.first >= 0
    }

    /// As ``reach(_:_:_:)`` where HTTP/2 is spoken; false where it is not, or not known to be.
    mutating func reachByStream(
        _ endpoint: EndpointRecord,
        _ c: Int,
        _ loop: inout EventLoop
    ) -> Bool {
        let pool = Int(clients[c].exchange.pool)
        if pools[pool].version == .auto {
            let wantsUpgrade = clients[c].exchange.head.wantsUpgrade
            guard !wantsUpgrade, speaksHTTP2(endpoint.slot) else { return false }
        }
        var o = Int(originList(endpoint.slot).first)
        while o >= 0 {
            let next = Int(origins[o].next)
            if !fits(o, pool) {
                leaveOrigin(o)
            } else if hasRoom(o) {
                count(.originReused)
                join(c, o, endpoint, &loop)
                return true
            }
            o = next
        }
        openOrigin(endpoint, c, &loop)
        return true
    }

    /// Gives the exchange a stream of the connection, at once or as soon as there is one.
    private mutating func join(
        _ c: Int,
        _ o: Int,
        _ endpoint: EndpointRecord,
        _ loop: inout EventLoop
    ) {
        var upstream = Upstream(
            fd: .none,
            to: endpoint,
            client: clients.handle(at: c),
            limits: limits.head
        )
        upstream.kind = .stream
        guard let handle = upstreams.insert(upstream) else {
            return attemptFailed(c, .outOfBuffers, &loop)
        }
        let u = Int(handle.index)
        let state = OriginStream(upstream: handle, session: Int32(o))
        guard let place = originStreams.insert(state) else {
            upstreams.remove(handle)
            return attemptFailed(c, .outOfBuffers, &loop)
        }
        upstreams[u].place = Int32(place.index)
        upstreams[u].wasReused = origins[o].hasServed
        clients[c].exchange.upstream = handle
        if canStart(o), origins[o].waiting.count == 0 { return start(u, o, &loop) }
        link(Int(place.index), o, isWaiting: true)
        arm(c, origins[o].timeouts.connect)
    }

    // Until the endpoint has said how many it takes, it gets one.
    private func canStart(_ o: Int) -> Bool {
        guard origins[o].step == .open, !origins[o].isLeaving else { return false }
        return origins[o].active.count < (origins[o].hasSettings ? origins[o].room : 1)
    }

    private mutating func start(_ u: Int, _ o: Int, _ loop: inout EventLoop) {
        link(Int(upstreams[u].place), o, isWaiting: false)
        upstreams[u].state = .active
        upstreamTimers.cancel(Int(origins[o].upstream.index))
        sendRequest(Int(upstreams[u].client.index), u, &loop)
    }

    /// Sends the requests that there is room for now; those that will find none choose again.
    mutating func startWaiting(_ o: Int, _ loop: inout EventLoop) {
        while canStart(o), origins[o].waiting.first >= 0 {
            let place = Int(origins[o].waiting.first)
            unlink(place, o)
            start(Int(originStreams[place].upstream.index), o, &loop)
        }
        guard origins[o].hasSettings || origins[o].isLeaving else { return }
        var surplus = origins[o].active.count &+ origins[o].waiting.count &- origins[o].room
        if origins[o].isLeaving { surplus = origins[o].waiting.count }
        while surplus > 0, origins[o].waiting.last >= 0 {
            surplus &-= 1
            let place = Int(origins[o].waiting.last)
            let u = Int(originStreams[place].upstream.index)
            chooseAgain(Int(upstreams[u].client.index), after: nil, &loop)
        }
    }

    /// Takes the request back, of which the endpoint has seen nothing, and chooses anew.
    ///
    /// With a fault, for something was sent, it counts as an attempt of its own.
    mutating func chooseAgain(_ c: Int, after fault: Fault?, _ loop: inout EventLoop) {
        endAttempt(c)
        if let fault { noteAttempt(c, fault) }
        clients[c].exchange.attemptSlot = -1
        detachUpstream(c, &loop, keep: false)
        clients[c].exchange.triedSet.removeLast(Int(clients[c].exchange.endpoint))
        if fault == nil, clients[c].exchange.tried > 0 { clients[c].exchange.tried &-= 1 }
        clients[c].exchange.requestSent = false
        clients[c].exchange.requestAborted = false
        clients[c].exchange.sent = .start
        startAttempt(c, &loop)
    }

    /// True when nothing of the request's body is lost to a further attempt.
    func isUnread(_ c: Int) -> Bool {
        let exchange = clients[c].exchange
        return exchange.isReplayable || exchange.bytesIn == UInt64(exchange.head.length)
    }

    // MARK: Opening

    private mutating func openOrigin(
        _ endpoint: EndpointRecord,
        _ c: Int,
        _ loop: inout EventLoop
    ) {
        count(.originConnections)
        let result = Socket.connect(to: endpoint.address)
        let fd: FileDescriptor
        switch result {
        case .connected(let opened), .inProgress(let opened): fd = opened
        case .failed(let error):
            return attemptFailed(c, HTTPDoor.connectFault(error), &loop)
        }
        let pool = Int(clients[c].exchange.pool)
        var upstream = Upstream(fd: fd, to: endpoint, client: .none, limits: limits.head)
        upstream.security = pools[pool].security
        guard let handle = upstreams.insert(upstream) else {
            fd.close()
            return attemptFailed(c, .outOfBuffers, &loop)
        }
        let u = Int(handle.index)
        guard let o = enlist(u, pool) else {
            closeUpstream(u)
            return attemptFailed(c, .outOfBuffers, &loop)
        }
        let token = EventToken(kind: EventKind.upstream, handle: handle).raw
        loop.add(fd, token: token, interest: [.read, .write, .edge])
        upstreamTimers.schedule(u, at: now + origins[o].timeouts.connect)
        join(c, o, endpoint, &loop)
        if case .connected = result { originConnected(u, &loop) }
    }

    /// Makes the entry a connection by HTTP/2 in its endpoint's list; nil when there is no place.
    private mutating func enlist(_ u: Int, _ pool: Int) -> Int? {
        let record = pools[pool]
        let state = OriginSession(
            upstream: upstreams.handle(at: u),
            slot: upstreams[u].slot,
            // A head above the limits fails its own request: all that fits the input is read.
            reader: HTTP2FrameReader(blockLimit: HTTPDoor.inputEnd),
            meter: HTTP2Meter(HTTP2Budgets(percent: HTTPDoor.originTolerance), now: now),
            streamLimit: Int32(record.http2Streams),
            timeouts: record.timeouts,
            keepIdle: record.keepaliveConnections > 0 ? record.keepaliveIdle : .zero,
            idleSince: now,
            heard: now
        )
        guard let place = origins.insert(state) else { return nil }
        let o = Int(place.index)
        let slot = Int(upstreams[u].slot)
        while originLists.count <= slot { originLists.append(OriginList()) }
        origins[o].next = originLists[slot].first
        originLists[slot].first = Int32(o)
        upstreams[u].kind = .session
        upstreams[u].state = .session
        upstreams[u].place = Int32(o)
        upstreams[u].client = .none
        return o
    }

    /// Percent of the budgets of a client that an endpoint has: it answers for many clients.
    static let originTolerance = 1_000

    /// Something has happened at the connection's socket.
    mutating func advanceOrigin(_ u: Int, _ event: Event, _ loop: inout EventLoop) {
        switch origins[Int(upstreams[u].place)].step {
        case .connecting:
            guard event.isWritable || event.isError || event.isHangUp else { return }
            if let error = Socket.error(upstreams[u].fd) {
                return dropOrigin(u, HTTPDoor.connectFault(error), &loop)
            }
            originConnected(u, &loop)
        case .securing: secureOrigin(u, &loop)
        case .open: runOrigin(u, &loop)
        }
    }

    private mutating func originConnected(_ u: Int, _ loop: inout EventLoop) {
        let o = Int(upstreams[u].place)
        guard upstreams[u].security != 0 else { return beginFrames(u, &loop) }
        // Once per connection, not per request: here references may be counted.
        let slot = Int(upstreams[u].slot)
        let pools = snapshot.plan.pools
        guard
            let pool = pools.firstIndex(where: { $0.endpoints.contains { $0.slot == slot } }),
            let security = snapshot.plan.poolPlans[pool].security,
            let place = pools[pool].endpoints.firstIndex(where: { $0.slot == slot }),
            security.names.indices.contains(place),
            let session = tls.connect(
                upstreams[u].fd,
                security.context,
                name: security.names[place]
            )
        else { return dropOrigin(u, .originSecurity, &loop) }
        upstreams[u].tls = session
        upstreams[u].security = security.number
        origins[o].step = .securing
        secureOrigin(u, &loop)
    }

    private mutating func secureOrigin(_ u: Int, _ loop: inout EventLoop) {
        switch tls.handshake(upstreams[u].tls, nil) {
        case .established:
            upstreams[u].canRead = tls.mayHaveMore(upstreams[u].tls)
            guard tls.facts(upstreams[u].tls).chosen == .http2 else {
                originLists[Int(upstreams[u].slot)].speaksHTTP2 = false
                return dropOrigin(u, .originVersion, &loop)
            }
            beginFrames(u, &loop)
        case .wantsRead, .wantsWrite, .wantsSignature: break
        case .failed: dropOrigin(u, .originSecurity, &loop)
        }
    }

    /// ALPN has chosen HTTP/2 for a connection that was opened for one exchange.
    mutating func becomeOrigin(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        let pool = Int(clients[c].exchange.pool)
        let index = Int(clients[c].exchange.endpoint)
        guard pool >= 0, index >= 0, enlist(u, pool) != nil else {
            return attemptFailed(c, .originVersion, &loop)
        }
        clients[c].exchange.upstream = .none
        originLists[Int(upstreams[u].slot)].speaksHTTP2 = true
        beginFrames(u, &loop)
        _ = reachByStream(chooser.endpoint(pool: pool, index: index), c, &loop)
    }

    private mutating func beginFrames(_ u: Int, _ loop: inout EventLoop) {
        let o = Int(upstreams[u].place)
        var settings = HTTP2SessionSettings()
        settings.fieldListBytes = limits.head.headBytes
        settings.streamWindow = Int32(BodyQueue.limit)
        // As much as all streams hold when nobody reads: one that is stalled never stalls another.
        settings.connectionWindow = Int32(BodyQueue.limit) &* max(origins[o].streamLimit, 2)
        let made = HTTP2Session(isServer: false, settings: settings, workspace: workspace)
        guard let made else { return dropOrigin(u, .outOfBuffers, &loop) }
        origins[o].session = made
        origins[o].step = .open
        origins[o].idleSince = now
        count(.originSessions)
        touchOrigin(o)
    }

    // MARK: Ending

    /// Takes the connection out of its endpoint's list: it gets no more requests.
    mutating func leaveOrigin(_ o: Int) {
        guard !origins[o].isLeaving else { return }
        origins[o].isLeaving = true
        let slot = Int(origins[o].slot)
        if Int(originLists[slot].first) == o {
            originLists[slot].first = origins[o].next
        } else {
            var place = Int(originLists[slot].first)
            while place >= 0 {
                guard Int(origins[place].next) == o else {
                    place = Int(origins[place].next)
                    continue
                }
                origins[place].next = origins[o].next
                break
            }
        }
        origins[o].next = -1
        touchOrigin(o)
    }

    /// The endpoint gets no more requests by the connections that there are.
    mutating func leaveOrigins(slot: Int) {
        while originLists.indices.contains(slot), originLists[slot].first >= 0 {
            leaveOrigin(Int(originLists[slot].first))
        }
    }

    /// The connection has failed: closes it, and tells those who used it or waited for it.
    mutating func dropOrigin(_ u: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let o = Int(upstreams[u].place)
        leaveOrigin(o)
        // On the loss of a connection, not per request: here memory may be asked for.
        var lost: [Handle] = []
        var isCounted = false
        for list in [origins[o].active, origins[o].waiting] {
            var place = Int(list.first)
            while place >= 0 {
                lost.append(originStreams[place].upstream)
                originStreams[place].session = -1
                if !originStreams[place].isOver {
                    originStreams[place].fault = fault
                    // One connection is one failure, however many requests were on it.
                    upstreams[Int(originStreams[place].upstream.index)].isLossCounted = isCounted
                    isCounted = true
                }
                place = Int(originStreams[place].next)
            }
        }
        origins[o].session?.destroy()
        origins.remove(origins.handle(at: o))
        upstreams[u].kind = .connection
        closeUpstream(u)
        for handle in lost where upstreams.contains(handle) {
            let stream = Int(handle.index)
            let c = Int(upstreams[stream].client.index)
            guard clients.contains(upstreams[stream].client) else { continue }
            if clients[c].phase == .connecting {
                originFailed(c, fault, &loop)
            } else {
                wakeStream(stream, &loop)
            }
        }
    }

    // Where ALPN did not choose HTTP/2 this time, the other version is asked for.
    private mutating func originFailed(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let pool = Int(clients[c].exchange.pool)
        let takesBoth = pool >= 0 && pools[pool].version == .auto
        guard fault == .originVersion, takesBoth, isUnread(c) else {
            return attemptFailed(c, fault, &loop)
        }
        chooseAgain(c, after: fault, &loop)
    }

    // MARK: Lists

    mutating func link(_ place: Int, _ o: Int, isWaiting: Bool) {
        var list = isWaiting ? origins[o].waiting : origins[o].active
        originStreams[place].isWaiting = isWaiting
        originStreams[place].previous = list.last
        originStreams[place].next = -1
        if list.last >= 0 {
            originStreams[Int(list.last)].next = Int32(place)
        } else {
            list.first = Int32(place)
        }
        list.last = Int32(place)
        list.count &+= 1
        if isWaiting { origins[o].waiting = list } else { origins[o].active = list }
    }

    mutating func unlink(_ place: Int, _ o: Int) {
        let state = originStreams[place]
        var list = state.isWaiting ? origins[o].waiting : origins[o].active
        if state.previous >= 0 {
            originStreams[Int(state.previous)].next = state.next
        } else {
            list.first = state.next
        }
        if state.next >= 0 {
            originStreams[Int(state.next)].previous = state.previous
        } else {
            list.last = state.previous
        }
        list.count &-= 1
        if state.isWaiting { origins[o].waiting = list } else { origins[o].active = list }
    }
}
