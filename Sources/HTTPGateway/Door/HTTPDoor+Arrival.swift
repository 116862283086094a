// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Who a new connection is for, before TLS and the first request.
extension HTTPDoor {
    /// The client is known: TLS or its first request comes next.
    mutating func welcome(_ c: Int, _ loop: inout EventLoop) {
        if listenerRecords[Int(clients[c].listener)].isSecure { return beginHandshake(c, &loop) }
        clients[c].phase = .idle
        readRequest(c, &loop)
    }

    // MARK: PROXY header

    /// A connection has come in where proxies tell whom they carry.
    mutating func awaitProxyHeader(_ c: Int, _ loop: inout EventLoop) {
        let listener = Int(clients[c].listener)
        guard listenerRecords[listener].trusts(clients[c].peer.ip) else {
            // What it says of itself would be worth nothing.
            let isOptional = listenerRecords[listener].proxyHeader == .optional
            return isOptional ? welcome(c, &loop) : turnAway(c, .proxyUntrusted, &loop)
        }
        clients[c].phase = .proxied
        readProxyHeader(c, &loop)
    }

    /// Looks at what has come, and takes exactly the header from the socket: what is behind it may
    /// be TLS, which reads the socket itself.
    mutating func readProxyHeader(_ c: Int, _ loop: inout EventLoop) {
        let fd = clients[c].fd
        var result = IOResult.wouldBlock
        scratch.write { output in
            result = Socket.peek(fd, into: &output, limit: ProxyHeader.limit)
        }
        switch result {
        case .count: break
        case .wouldBlock: return parkProxied(c, hasBytes: false, &loop)
        // Whoever connects and leaves asked for nothing: health checks of proxies do so.
        case .endOfStream, .failed: return close(c, &loop)
        }
        let listener = Int(clients[c].listener)
        switch ProxyHeader.read(scratch.bytes) {
        case .needMore:
            guard !clients[c].hangUp else { return turnAway(c, .proxyMalformed, &loop) }
            parkProxied(c, hasBytes: true, &loop)
        case .absent:
            guard listenerRecords[listener].proxyHeader == .optional else {
                return turnAway(c, .proxyMissing, &loop)
            }
            arrive(c, &loop)
        case .malformed: turnAway(c, .proxyMalformed, &loop)
        case .complete(let header):
            guard Socket.skip(fd, header.length) else { return close(c, &loop) }
            count(.proxyHeaders)
            clients[c].isCarried = true
            if let source = header.source {
                clients[c].peer = source
            } else if !header.isLocal {
                // Somebody's, whom the proxy does not name: what they say is not the proxy's word.
                clients[c].isUnnamed = true
            }
            arrive(c, &loop)
        }
    }

    /// The deadlines of what follows run from now on.
    private mutating func arrive(_ c: Int, _ loop: inout EventLoop) {
        let handle = clients.handle(at: c)
        timers.cancel(c)
        clients[c].exchange.began = now
        clients[c].canRead = true
        welcome(c, &loop)
        guard isShuttingDown, clients.contains(handle), clients[c].phase == .idle else { return }
        awaitQuiet(c, &loop)
    }

    private mutating func parkProxied(_ c: Int, hasBytes: Bool, _ loop: inout EventLoop) {
        register(c, &loop)
        let record = listenerRecords[Int(clients[c].listener)]
        // Where a header may be missing, silence may be a client that has not asked yet.
        let mayBeClient = record.proxyHeader == .optional && !hasBytes
        let time = mayBeClient ? record.timeouts.header : record.timeouts.proxyHeader
        timers.schedule(c, at: clients[c].exchange.began + time)
    }

    mutating func proxyHeaderExpired(_ c: Int, _ loop: inout EventLoop) {
        turnAway(c, .proxyTimeout, &loop)
    }

    /// Counts and logs why a connection is not served, and closes it without a word.
    mutating func turnAway(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) {
        clients[c].exchange.reason = .fault(fault)
        record(c, slot: -1)
        close(c, &loop)
    }

    // MARK: Unfinished connections

    /// Counts a connection that has to be waited for before its first request; false when its
    /// client has too many of them, and this one is gone.
    ///
    /// Those whose request came with the connection are never counted, and cost nothing here.
    mutating func staysUnfinished(_ c: Int, _ loop: inout EventLoop) -> Bool {
        guard !clients[c].isUnfinished, clients[c].kind == .connection, limits.unfinished > 0
        else { return true }
        // Proxies open connections for many clients, some of them in advance.
        guard !isTrusted(c) else { return true }
        guard unfinished.enter(clients[c].peer.ip, limit: limits.unfinished) else {
            turnAway(c, .tooManyUnfinished, &loop)
            return false
        }
        clients[c].isUnfinished = true
        return true
    }

    /// The first request is there, or the connection is over.
    @inline(__always) mutating func finishUnfinished(_ c: Int) {
        guard clients[c].isUnfinished else { return }
        clients[c].isUnfinished = false
        unfinished.leave(clients[c].peer.ip)
    }

    // MARK: The client behind proxies

    /// Whom a request is from: what conditions, limits, hashes and logs go by.
    func client(of c: Int) -> IPAddress {
        let place = clients[c].exchange.clientPlace
        return place < 0 ? clients[c].peer.ip : realClients[Int(place)]
    }

    /// Finds out whom a trusted proxy asks for; false when that cannot be told.
    ///
    /// The head is in ``fields``.
    mutating func findClient(_ c: Int) -> Bool {
        let listener = Int(clients[c].listener)
        guard let field = listenerRecords[listener].clientAddress, isTrusted(c) else { return true }
        let known: KnownField = field == .forwarded ? .forwarded : .xForwardedFor
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        var found = ForwardedClient()
        var place = fields.first(known)
        while let index = place {
            let value = bytes.slice(fields[index].value)
            var reader = ForwardedReader(field)
            while let element = reader.next(value) {
                let isTrusted = element.map { listenerRecords[listener].trusts($0) } ?? false
                found.add(element, isTrusted: isTrusted)
            }
            if reader.isBroken { return false }
            place = fields.next(known, from: index &+ 1)
        }
        guard let address = found.address, address != clients[c].peer.ip,
            let handle = realClients.insert(address)
        else { return true }
        clients[c].exchange.clientPlace = Int32(truncatingIfNeeded: handle.index)
        return true
    }

    /// Forgets whom the exchange was for; harmless when called twice.
    @inline(__always) mutating func forgetClient(_ c: Int) {
        let place = Int(clients[c].exchange.clientPlace)
        guard place >= 0 else { return }
        clients[c].exchange.clientPlace = -1
        realClients.remove(realClients.handle(at: place))
    }
}
