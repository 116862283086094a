// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Steering

/// DNS over TLS (RFC 7858): the handshake before the first query, and the one switch between plain
/// sockets and sessions.
///
/// A session is read as the loop tells, level-triggered, while it may hold bytes that have left the
/// socket already. So a connection whose session does is looked at again in the next turn.
extension DNSDoor {
    /// How long a session that is away is waited for before it is looked at again.
    private static var lentGrace: Interval { .milliseconds(20) }

    func security(_ listener: Int) -> DNSListenerSecurity? {
        snapshot.security.indices.contains(listener) ? snapshot.security[listener] : nil
    }

    // MARK: Handshake

    /// A connection has come in at a listener with certificates.
    mutating func beginSession(_ place: Int, _ security: DNSListenerSecurity) {
        connections[place].isShaking = true
        guard let handle = tls.accept(connections[place].socket, security.context) else {
            return handshakeFailed(place, .outOfMemory)
        }
        connections[place].tls = handle
    }

    /// Carries the handshake on; its deadline is that of the first query.
    mutating func shakeHands(_ place: Int, _ loop: inout EventLoop) {
        // An event of before another thread had it.
        guard !tls.isAway(connections[place].tls) else { return }
        // By the certificates of now: a reload may have come since the connection.
        let context = security(connections[place].listener)?.context
        follow(tls.handshake(connections[place].tls, context), place, &loop)
    }

    private mutating func follow(
        _ progress: TLSProgress,
        _ place: Int,
        _ loop: inout EventLoop
    ) {
        switch progress {
        case .established: establish(place, &loop)
        case .wantsRead: expect(place, room: false, &loop)
        case .wantsWrite: expect(place, room: true, &loop)
        case .wantsSignature(let isSlow): sign(place, isSlow: isSlow, &loop)
        case .failed(let failure): handshakeFailed(place, failure)
        }
    }

    private mutating func establish(_ place: Int, _ loop: inout EventLoop) {
        count(.handshakes)
        if tls.facts(connections[place].tls).isResumed { count(.resumptions) }
        connections[place].isShaking = false
        // The first query often comes with the end of the handshake.
        serveInput(place, &loop)
    }

    /// Counts why there is no session, and closes.
    private mutating func handshakeFailed(_ place: Int, _ failure: TLSFailure) {
        words.addOwned(DNSShared.place(of: failure), 1)
        close(place)
    }

    // MARK: Signatures

    /// A full handshake: the client's network must have one left, and a slow signature is made by
    /// another thread.
    private mutating func sign(_ place: Int, isSlow: Bool, _ loop: inout EventLoop) {
        guard mayShakeHands(place) else { return handshakeFailed(place, .limited) }
        tls.allowSignature(connections[place].tls)
        guard isSlow, let signer = shared.signer else { return shakeHands(place, &loop) }
        if !hearsSigner {
            hearsSigner = true
            let token = EventToken(kind: DNSEventKind.signer, index: 0).raw
            loop.add(signer.descriptor(worker: worker), token: token, interest: .read)
        }
        let owner = connections.handle(at: place)
        guard tls.lend(connections[place].tls, to: signer, owner: owner, worker: worker) else {
            return handshakeFailed(place, .backlog)
        }
        count(.signaturesLent)
        // Nothing can be done about what comes meanwhile, and it would be told each turn.
        loop.remove(connections[place].socket)
    }

    private func mayShakeHands(_ place: Int) -> Bool {
        let number = connections[place].listener
        guard let budget = security(number)?.handshakes else { return true }
        let client = connections[place].peer
        return shared.handshakes.take(client, of: UInt64(number), budget, now: now).isAllowed
    }

    /// Goes on with the handshakes whose signatures have come.
    mutating func takeSignatures(_ loop: inout EventLoop) {
        guard let signer = shared.signer else { return }
        for lent in signer.takeReturns(worker: worker) {
            let progress = tls.takeBack(lent)
            // A connection is not closed while its session is lent.
            guard connections.contains(lent.owner) else { continue }
            let place = Int(lent.owner.index)
            watch(place, &loop)
            follow(progress, place, &loop)
        }
    }

    /// A connection has run out of time.
    mutating func expireConnection(_ place: Int) {
        let connection = connections[place]
        guard !tls.isAway(connection.tls) else {
            return timers.schedule(place, at: now + DNSDoor.lentGrace)
        }
        count(connection.isSecure ? .secureTimedOut : .connectionsTimedOut)
        connection.isShaking ? handshakeFailed(place, .timedOut) : close(place)
    }

    // MARK: Bytes

    /// Reads into what is free of a connection's block, and notes whether there is more.
    mutating func receive(_ place: Int) -> IOResult {
        let connection = connections[place]
        let (block, start) = (connection.input, connection.inputCount)
        guard connection.isSecure else {
            return buffers.receive(connection.socket, into: block, at: start)
        }
        let result = buffers.receive(tls, connection.tls, into: block, at: start)
        // A record of which the rest is still to come makes an event: only who read something may
        // have left something.
        var holdsMore = false
        if case .count = result { holdsMore = tls.mayHaveMore(connection.tls) }
        connections[place].holdsMore = holdsMore
        return result
    }

    /// Writes what the peer takes; a session may keep some of that back.
    func send(_ place: Int, _ bytes: Span<UInt8>) -> IOResult {
        connections[place].isSecure
            ? tls.send(connections[place].tls, bytes)
            : Socket.send(connections[place].socket, bytes)
    }

    /// True when answers wait for the peer: then nothing more is read from it.
    func isBlocked(_ place: Int) -> Bool {
        if connections[place].pendingEnd > 0 { return true }
        return connections[place].isSecure && tls.isBlocked(connections[place].tls)
    }

    /// Sends what a session kept back; false when the connection was closed.
    mutating func flushSession(_ place: Int) -> Bool {
        switch tls.flush(connections[place].tls) {
        case .count, .wouldBlock: return true
        case .endOfStream, .failed:
            close(place)
            return false
        }
    }

    // MARK: What sessions hold

    /// Has a connection looked at again although no event will come.
    mutating func queueReady(_ place: Int) {
        guard !connections[place].isReadyQueued else { return }
        connections[place].isReadyQueued = true
        ready.append(connections.handle(at: place))
    }

    /// Serves the connections that are queued now: those that queue themselves again wait a turn.
    mutating func serveReady(_ loop: inout EventLoop) {
        let count = ready.count
        guard count > 0 else { return }
        for index in 0..<count {
            let handle = ready[index]
            guard connections.contains(handle) else { continue }
            let place = Int(handle.index)
            connections[place].isReadyQueued = false
            guard !isBlocked(place) else { continue }
            guard connections[place].isTransferring else {
                serveInput(place, &loop)
                continue
            }
            if connections[place].holdsMore, !readOnce(place) { continue }
            if carryOn(place) { settle(place, &loop) }
        }
        ready.removeFirst(min(count, ready.count))
    }
}
