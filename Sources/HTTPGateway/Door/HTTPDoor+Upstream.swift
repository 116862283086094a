// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// The idle connections to one endpoint, newest first.
struct IdleStack: BitwiseCopyable {
    var newest: Int32 = -1
    var count: Int32 = 0
}

/// Connections to endpoints: opening, reusing, keeping and closing them.
extension HTTPDoor {
    /// Gets a connection to the endpoint, a kept one if there is one.
    mutating func reach(_ endpoint: EndpointRecord, _ c: Int, _ loop: inout EventLoop) {
        clients[c].phase = .connecting
        // A kept connection has been spoken on already.
        guard clients[c].kind != .passage else { return connect(to: endpoint, c, &loop) }
        let version = pools[Int(clients[c].exchange.pool)].version
        if version != .http1, reachByStream(endpoint, c, &loop) { return }
        let isRepeatable = clients[c].exchange.isRepeatable
        let pool = Int(clients[c].exchange.pool)
        guard pools[pool].proxyHeader == nil else { return connect(to: endpoint, c, &loop) }
        let security = pools[pool].security
        while let u = takeIdle(slot: endpoint.slot) {
            // Opened before a reload that changed how this pool is spoken with.
            guard upstreams[u].security == security else {
                closeUpstream(u)
                continue
            }
            // The origin may be closing it at this moment. A request that must not be sent twice
            // is worth a look first; others are simply tried again elsewhere.
            if !isRepeatable, Socket.isFinished(upstreams[u].fd) {
                closeUpstream(u)
                continue
            }
            upstreams[u].state = .active
            upstreams[u].client = clients.handle(at: c)
            upstreams[u].wasReused = true
            clients[c].exchange.upstream = upstreams.handle(at: u)
            count(.originReused)
            return sendRequest(c, u, &loop)
        }
        connect(to: endpoint, c, &loop)
    }

    private mutating func connect(
        to endpoint: EndpointRecord,
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
        var upstream = Upstream(
            fd: fd,
            to: endpoint,
            client: clients.handle(at: c),
            limits: limits.head
        )
        upstream.isBound = pools[Int(clients[c].exchange.pool)].proxyHeader != nil
        guard let handle = upstreams.insert(upstream) else {
            fd.close()
            return attemptFailed(c, .outOfBuffers, &loop)
        }
        clients[c].exchange.upstream = handle
        let token = EventToken(kind: EventKind.upstream, handle: handle).raw
        loop.add(fd, token: token, interest: [.read, .write, .edge])
        if case .connected = result { return connected(c, Int(handle.index), &loop) }
        arm(c, pools[Int(clients[c].exchange.pool)].timeouts.connect)
    }

    static func connectFault(_ error: SystemError) -> Fault {
        switch error {
        case .connectionRefused, .connectionReset: .connectRefused
        case .timedOut: .connectTimeout
        default: error.isShortage ? .outOfBuffers : .connectFailed
        }
    }

    mutating func advanceUpstream(_ u: Int, _ event: Event, _ loop: inout EventLoop) {
        switch upstreams[u].state {
        case .idle:
            // Room to send is no news; anything to read is the end, or belongs to no request.
            guard upstreams[u].canRead else { return }
            dropIdle(u)
            closeUpstream(u)
        case .connecting:
            guard event.isWritable || event.isError || event.isHangUp else { return }
            let c = Int(upstreams[u].client.index)
            if let error = Socket.error(upstreams[u].fd) {
                return attemptFailed(c, HTTPDoor.connectFault(error), &loop)
            }
            upstreams[u].canRead = event.isReadable || event.isHangUp
            connected(c, u, &loop)
        case .securing: secure(Int(upstreams[u].client.index), u, &loop)
        case .session: advanceOrigin(u, event, &loop)
        case .active:
            let c = Int(upstreams[u].client.index)
            let handle = clients.handle(at: c)
            if isRival(c, u) { return rivalSpeaks(c, u, &loop) }
            switch clients[c].phase {
            case .tunnel: return pumpTunnel(c, &loop)
            case .copying: return pumpCopy(c, &loop)
            default: break
            }
            if !clients[c].exchange.requestSent, event.isWritable { pumpRequest(c, &loop) }
            guard clients.contains(handle), upstreams[u].canRead || !upstreams[u].input.isEmpty,
                Int(clients[c].exchange.upstream.index) == u
            else { return }
            if clients[c].phase == .waiting {
                readResponse(c, u, &loop)
            } else if clients[c].phase == .relaying {
                pumpResponse(c, &loop)
            }
        }
    }

    // MARK: Keeping

    /// Takes the newest idle connection to an endpoint: the least likely to be closed already.
    mutating func takeIdle(slot: Int) -> Int? {
        guard slot < idle.count, idle[slot].newest >= 0 else { return nil }
        let u = Int(idle[slot].newest)
        dropIdle(u)
        return u
    }

    /// Takes a connection out of its endpoint's stack.
    mutating func dropIdle(_ u: Int) {
        let slot = Int(upstreams[u].slot)
        let newer = upstreams[u].newer
        let older = upstreams[u].older
        if newer >= 0 { upstreams[Int(newer)].older = older } else { idle[slot].newest = older }
        if older >= 0 { upstreams[Int(older)].newer = newer }
        upstreams[u].newer = -1
        upstreams[u].older = -1
        idle[slot].count &-= 1
    }

    /// Keeps a connection whose exchange is over, or closes it when there are enough.
    mutating func keepUpstream(_ u: Int, pool: Int) {
        let slot = Int(upstreams[u].slot)
        while idle.count <= slot { idle.append(IdleStack()) }
        let most = pool >= 0 ? pools[pool].keepaliveConnections : 0
        // After a reload the slot may be another endpoint's, or nobody's.
        let isCurrent = slot < addresses.count && addresses[slot] == upstreams[u].address
        let word = health.word(slot)
        // At a draining endpoint only sessions go on: others need no connection there any more.
        let isUseful = word.isReady || pool >= 0 && pools[pool].sticky.isOn
        let isWanted =
            isCurrent && isUseful && !word.closesConnections && !isShuttingDown
            && !upstreams[u].isDrained && !upstreams[u].isBound
        guard idle[slot].count < most, isWanted else { return closeUpstream(u) }
        buffers.give(upstreams[u].input.block)
        buffers.give(upstreams[u].output.block)
        upstreams[u].input = Pending()
        upstreams[u].output = Pending()
        upstreams[u].state = .idle
        upstreams[u].client = .none
        upstreams[u].exchanges &+= 1
        let before = idle[slot].newest
        upstreams[u].older = before
        if before >= 0 { upstreams[Int(before)].newer = Int32(u) }
        idle[slot].newest = Int32(u)
        idle[slot].count &+= 1
        upstreamTimers.schedule(u, at: now + pools[pool].keepaliveIdle)
    }

    /// Closes a connection that is in no stack.
    mutating func closeUpstream(_ u: Int) {
        if upstreams[u].isStream { return freeOriginStream(u) }
        if upstreams[u].kind == .stored { return freeStored(u) }
        if upstreams[u].isSecure { tls.close(upstreams[u].tls, saying: true) }
        buffers.give(upstreams[u].input.block)
        buffers.give(upstreams[u].output.block)
        upstreamTimers.cancel(u)
        upstreams[u].fd.close()
        upstreams.remove(upstreams.handle(at: u))
    }

    /// Takes the connection away from a client's exchange.
    mutating func detachUpstream(_ c: Int, _ loop: inout EventLoop, keep: Bool) {
        endCoding(c)
        let handle = clients[c].exchange.upstream
        clients[c].exchange.upstream = .none
        guard upstreams.contains(handle) else { return }
        let u = Int(handle.index)
        if keep, upstreams[u].kind == .connection {
            keepUpstream(u, pool: Int(clients[c].exchange.pool))
        } else {
            closeUpstream(u)
        }
    }
}
