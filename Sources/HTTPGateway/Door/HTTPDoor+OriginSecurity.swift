// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// The one switch between plain sockets and TLS on the side of the endpoints.
extension HTTPDoor {
    /// The TCP connection stands: TLS comes next where the pool speaks it.
    mutating func connected(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0 || clients[c].kind == .passage && !upstreams[u].isBound else {
            // A reload took the pool away, and with it what says how the endpoint is spoken with:
            // what should go by TLS must not go in the clear, nor what should name its client
            // without. The endpoint is not to blame.
            endAttempt(c)
            return attemptFailed(c, .connectFailed, &loop)
        }
        if pool >= 0, let version = pools[pool].proxyHeader, !introduce(c, u, version) {
            return attemptFailed(c, .connectFailed, &loop)
        }
        // Whatever is spoken with the endpoints otherwise: client and endpoint have TLS themselves.
        if clients[c].kind == .passage { return openPassage(c, u, &loop) }
        guard pools[pool].security != 0 else {
            upstreams[u].state = .active
            return sendRequest(c, u, &loop)
        }
        // Once per connection, not per request: here references may be counted.
        let slot = Int(upstreams[u].slot)
        let endpoint = snapshot.plan.pools[pool].endpoints.firstIndex { $0.slot == slot }
        guard let security = snapshot.plan.poolPlans[pool].security, let endpoint,
            security.names.indices.contains(endpoint)
        else { return attemptFailed(c, .originSecurity, &loop) }
        let name = security.names[endpoint]
        // RFC 9113 §8.6: a change of protocol is for HTTP/1.1 alone.
        let wantsUpgrade = clients[c].exchange.head.wantsUpgrade
        let context = wantsUpgrade ? security.plainContext : security.context
        // The others would drive each other's sessions out.
        let isUsual = context == security.context
        let resumption =
            isUsual ? resumptions.resumption(of: slot, context, name: name, now: now) : nil
        let fd = upstreams[u].fd
        guard let session = tls.connect(fd, context, name: name, resuming: resumption)
        else { return attemptFailed(c, .originSecurity, &loop) }
        upstreams[u].tls = session
        upstreams[u].security = security.number
        upstreams[u].state = .securing
        arm(c, pools[pool].timeouts.connect)
        secure(c, u, &loop)
    }

    /// Says in front of everything else whom the connection is for.
    ///
    /// False when the socket did not take it whole, which a new one does.
    private mutating func introduce(_ c: Int, _ u: Int, _ version: ProxyVersion) -> Bool {
        upstreams[u].isBound = true
        let ip = client(of: c)
        // Behind a proxy the port is not told; zero says so.
        let port = ip == clients[c].peer.ip ? clients[c].peer.port : 0
        let destination = Socket.localAddress(socket(of: c)) ?? upstreams[u].address
        tail.write { output in
            output.writeProxyHeader(
                version,
                source: SocketAddress(ip, port: port),
                destination: destination
            )
        }
        let count = tail.count
        return count > 0 && Socket.send(upstreams[u].fd, tail.bytes) == .count(count)
    }

    /// The socket that a client came by; a stream's is its connection's.
    private func socket(of c: Int) -> FileDescriptor {
        guard clients[c].isStream else { return clients[c].fd }
        let session = Int(streams[Int(clients[c].place)].session)
        return clients[Int(sessions[session].client.index)].fd
    }

    /// Carries the handshake on; the time to connect holds for it as well.
    mutating func secure(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        switch tls.handshake(upstreams[u].tls, nil) {
        case .established:
            count(.originHandshakes)
            if tls.facts(upstreams[u].tls).isResumed { count(.originResumptions) }
            upstreams[u].canRead = tls.mayHaveMore(upstreams[u].tls)
            if tls.facts(upstreams[u].tls).chosen == .http2 { return becomeOrigin(c, u, &loop) }
            upstreams[u].state = .active
            sendRequest(c, u, &loop)
        case .wantsRead, .wantsWrite, .wantsSignature: break
        case .failed: attemptFailed(c, .originSecurity, &loop)
        }
    }

    /// Reads from an endpoint, and notes when its socket is empty.
    @inline(__always)
    mutating func receive(
        upstream u: Int,
        into block: Block,
        at start: Int,
        upTo end: Int = BufferPool.blockSize
    ) -> IOResult {
        if upstreams[u].isSecure {
            return receiveSecurely(upstream: u, into: block, at: start, upTo: end)
        }
        if upstreams[u].isStream {
            return receiveFromStream(u, into: block, at: start, upTo: end)
        }
        if upstreams[u].kind == .stored {
            return readStored(u, into: block, at: start, upTo: end)
        }
        let result = buffers.receive(upstreams[u].fd, into: block, at: start, upTo: end)
        if case .count(let count) = result, count < end &- start {
            upstreams[u].canRead = upstreams[u].hangUp
        }
        return result
    }

    @inline(never)
    private mutating func receiveSecurely(
        upstream u: Int,
        into block: Block,
        at start: Int,
        upTo end: Int
    ) -> IOResult {
        let session = upstreams[u].tls
        let result = buffers.receive(tls, session, into: block, at: start, upTo: end)
        if case .count = result {
            upstreams[u].canRead = upstreams[u].hangUp || tls.mayHaveMore(session)
        }
        return result
    }

    /// Writes to an endpoint what its socket takes.
    @inline(__always)
    func send(upstream u: Int, _ bytes: Span<UInt8>) -> IOResult {
        upstreams[u].isSecure
            ? tls.send(upstreams[u].tls, bytes) : Socket.send(upstreams[u].fd, bytes)
    }

    /// Writes two pieces to an endpoint in one call.
    @inline(__always)
    func send(upstream u: Int, _ first: Span<UInt8>, _ second: Span<UInt8>) -> IOResult {
        upstreams[u].isSecure
            ? tls.send(upstreams[u].tls, first, second)
            : Socket.send(upstreams[u].fd, first, second)
    }

    /// Says to an endpoint that nothing more will be sent.
    mutating func finishSending(upstream u: Int) {
        if upstreams[u].isSecure {
            tls.finishWriting(upstreams[u].tls)
            if tls.hasBacklog(upstreams[u].tls) { return }
        }
        Socket.shutdownWrite(upstreams[u].fd)
    }
}
