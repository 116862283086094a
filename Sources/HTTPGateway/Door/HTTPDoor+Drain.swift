// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Runtime
internal import Steering

/// Which connections to an endpoint are closed.
public enum ConnectionClosing: Sendable, Equatable {
    /// Those that wait for a request; exchanges end as they would have.
    case kept
    /// Those in use as well, at once: there is nobody at the other end.
    case all
    /// Those in use as well, because the endpoint's time is over at this instant: tunnels one by
    /// one until then, so that not all clients come back together, and exchanges at the end.
    case drained(by: Instant)
}

/// How connections of clients end when the process goes.
public struct Farewell: Sendable, BitwiseCopyable, Equatable {
    /// An idle connection closes after so much silence.
    public var quiet: Interval
    /// When the first tunnels are closed.
    public var tunnelsFrom: Instant
    /// When the last are.
    public var tunnelsUntil: Instant

    /// Idle connections close after `quiet`; tunnels end between two instants, or live on.
    public init(
        quiet: Interval = .seconds(1),
        tunnelsFrom: Instant = .never,
        tunnelsUntil: Instant = .never
    ) {
        self.quiet = quiet
        self.tunnelsFrom = tunnelsFrom
        self.tunnelsUntil = tunnelsUntil
    }
}

/// What a WebSocket has beyond its exchange: where its frames begin.
struct WebSocketState: BitwiseCopyable {
    var up = WebSocketFrames()
    var down = WebSocketFrames()
}

/// Ending what goes on without harm: endpoints that drain, and a process that goes.
extension HTTPDoor {
    // MARK: Endpoints

    /// Closes connections to an endpoint.
    public mutating func closeConnections(
        toSlot slot: Int,
        _ closing: ConnectionClosing,
        loop: inout EventLoop,
        now: Instant
    ) {
        self.now = now
        while let u = takeIdle(slot: slot) { closeUpstream(u) }
        leaveOrigins(slot: slot)
        guard closing != .kept else { return }
        for u in 0..<upstreams.highWater {
            let handle = upstreams.handle(at: u)
            guard !handle.isNone, upstreams[u].slot == Int32(slot) else { continue }
            guard clients.contains(upstreams[u].client) else { continue }
            if case .drained(let end) = closing {
                upstreams[u].isDrained = true
                let isTunnel = clients[Int(upstreams[u].client.index)].phase == .tunnel
                upstreamTimers.schedule(u, at: isTunnel ? sometime(from: now, until: end) : end)
            } else {
                endUse(u, .endpointDown, &loop)
            }
        }
    }

    /// The time of an endpoint that has drained is over.
    mutating func endDrained(_ u: Int, _ loop: inout EventLoop) {
        let slot = Int(upstreams[u].slot)
        if isShuttingDown, now >= farewell.tunnelsFrom { return endUse(u, .shutdown, &loop) }
        let isCurrent = slot < addresses.count && addresses[slot] == upstreams[u].address
        if isCurrent, health.word(slot).isReady {
            // Taken back into service meanwhile.
            upstreams[u].isDrained = false
            return
        }
        words.addOwned(GatewayMetrics.endpoint(slot) + GatewayMetrics.drainCuts, 1)
        endUse(u, .endpointDrained, &loop)
    }

    /// Ends what a connection to an endpoint is used for; a request is sent elsewhere if it may be.
    private mutating func endUse(_ u: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let client = upstreams[u].client
        guard clients.contains(client) else { return }
        let c = Int(client.index)
        if isRival(c, u) { return dropRival(c, fault) }
        if clients[c].phase == .tunnel {
            fault == .endpointDown ? abandon(c, fault, &loop) : endTunnel(c, fault, &loop)
        } else if clients[c].exchange.responseStarted {
            abandon(c, fault, &loop)
        } else {
            attemptFailed(c, fault, &loop)
        }
    }

    private mutating func sometime(from: Instant, until: Instant) -> Instant {
        let span = (until - from).nanoseconds
        guard span > 0 else { return until }
        return from + Interval(nanoseconds: Int64(random.next() % UInt64(span)))
    }

    // MARK: Tunnels

    /// Takes a tunnel that has just opened into the books.
    mutating func enterTunnel(_ c: Int, _ u: Int) {
        if clients[c].kind != .passage { count(.tunnels) }
        giveBackPlace(c)  // a tunnel is no request any more
        let slot = Int(clients[c].exchange.slot)
        if slot >= 0 {
            words.addOwned(GatewayMetrics.endpoint(slot) + GatewayMetrics.openTunnels, 1)
        }
        if isShuttingDown { scheduleTunnelEnd(c) }
        guard clients[c].kind != .passage, isWebSocket(u) else { return }
        setSocket(c, sockets.insert(WebSocketState()).map { Int32($0.index) } ?? -1)
    }

    /// Takes a tunnel that ends out of the books.
    mutating func leaveTunnel(_ c: Int, slot: Int) {
        words.addOwned(GatewayMetrics.endpoint(slot) + GatewayMetrics.openTunnels, .max)
        let place = socketPlace(c)
        guard place >= 0 else { return }
        sockets.remove(sockets.handle(at: place))
        setSocket(c, -1)
    }

    /// Where among the WebSockets a client is; negative for other tunnels.
    @inline(__always)
    private func socketPlace(_ c: Int) -> Int {
        switch clients[c].kind {
        case .connection: Int(clients[c].place)
        case .stream: Int(streams[Int(clients[c].place)].socket)
        case .session, .passage, .mirror, .fetch: -1
        }
    }

    private mutating func setSocket(_ c: Int, _ place: Int32) {
        if clients[c].isStream {
            streams[Int(clients[c].place)].socket = place
        } else {
            clients[c].place = place
        }
    }

    private func isWebSocket(_ u: Int) -> Bool {
        let head = upstreams[u].input
        let bytes = buffers.bytes(head.block, from: Int(head.start), count: head.count)
        guard let index = responseFields.first(.upgrade) else { return false }
        let name: [9 of UInt8] = [0x77, 0x65, 0x62, 0x73, 0x6f, 0x63, 0x6b, 0x65, 0x74]
        return FieldSyntax.equalsIgnoringCase(bytes.slice(responseFields[index].value), name.span)
    }

    /// Takes note of bytes that have gone through a tunnel.
    @inline(__always)
    mutating func follow(_ c: Int, _ bytes: Span<UInt8>, isUp: Bool) {
        let place = socketPlace(c)
        guard place >= 0 else { return }
        if isUp { sockets[place].up.pass(bytes) } else { sockets[place].down.pass(bytes) }
    }

    /// Ends a tunnel from here: a WebSocket is told that its server goes away (RFC 6455 §7.4.1),
    /// and the bytes under way have time to arrive.
    private mutating func endTunnel(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) {
        guard clients[c].kind != .passage else { return abandon(c, fault, &loop) }
        sayGoingAway(c)
        clients[c].exchange.reason = .fault(fault)
        let slot = Int(clients[c].exchange.slot)
        detachUpstream(c, &loop, keep: false)
        endAttempt(c)
        record(c, slot: slot)
        endExchange(c)
        releaseInput(c)
        // What the client still sends is read and forgotten: a reset would overtake the last words.
        clients[c].canRead = true
        closeGracefully(c, &loop)
    }

    private mutating func sayGoingAway(_ c: Int) {
        let place = socketPlace(c)
        let upstream = clients[c].exchange.upstream
        guard place >= 0, upstreams.contains(upstream) else { return }
        let u = Int(upstream.index)
        if clients[c].output.isEmpty, sockets[place].down.isBetweenFrames {
            if clients[c].isStream {
                offerLast(c, WebSocketFrames.goingAway.span)
            } else {
                _ = send(c, WebSocketFrames.goingAway.span)
            }
        }
        if upstreams[u].output.isEmpty, sockets[place].up.isBetweenFrames {
            _ = send(upstream: u, WebSocketFrames.maskedGoingAway.span)
        }
        finishSending(upstream: u)
    }

    // MARK: The process

    /// Has a tunnel end before the process does.
    mutating func scheduleTunnelEnd(_ c: Int) {
        let upstream = clients[c].exchange.upstream
        guard upstreams.contains(upstream), farewell.tunnelsFrom < .never else { return }
        let u = Int(upstream.index)
        upstreams[u].isDrained = true
        let from = max(farewell.tunnelsFrom, now)
        upstreamTimers.schedule(u, at: sometime(from: from, until: farewell.tunnelsUntil))
    }

    /// Lets an idle connection live until it has been quiet for a while.
    mutating func awaitQuiet(_ c: Int, _ loop: inout EventLoop) {
        guard farewell.quiet > .zero else { return closeQuiet(c, &loop) }
        // Half as much again at most, so that not all clients connect anew at one moment.
        let longest = now + farewell.quiet + Interval(nanoseconds: farewell.quiet.nanoseconds / 2)
        timers.schedule(c, at: sometime(from: now + farewell.quiet, until: longest))
    }

    /// Closes an idle connection, unless a request has just come.
    mutating func closeQuiet(_ c: Int, _ loop: inout EventLoop) {
        if !clients[c].canRead, Socket.isFinished(clients[c].fd) {
            clients[c].canRead = true
            return readRequest(c, &loop)
        }
        // The end of the last response may still wait in the session.
        let hasRest = clients[c].isSecure && tls.hasBacklog(clients[c].tls)
        if hasRest { closeGracefully(c, &loop) } else { close(c, &loop) }
    }
}
