// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// The one switch between plain sockets and TLS, and the handshake before the first request.
extension HTTPDoor {
    // MARK: Handshake

    /// A connection has come in at an HTTPS listener.
    mutating func beginHandshake(_ c: Int, _ loop: inout EventLoop) {
        clients[c].phase = .handshake
        if listenerRecords[Int(clients[c].listener)].isPassing { return readHello(c, &loop) }
        openSession(c, &loop)
    }

    /// The connection is ours to answer: begins TLS with the client hello.
    mutating func openSession(_ c: Int, _ loop: inout EventLoop) {
        guard let context = listenerRecords[Int(clients[c].listener)].tls,
            let handle = tls.accept(clients[c].fd, context)
        else { return handshakeFailed(c, .outOfMemory, &loop) }
        clients[c].tls = handle
        shakeHands(c, &loop)
    }

    /// Carries the handshake on; it has one deadline from the connection to its end.
    mutating func shakeHands(_ c: Int, _ loop: inout EventLoop) {
        // While another thread signs, events are only remembered.
        guard !tls.isAway(clients[c].tls) else { return }
        // Once its signature is paid for, what is left is cheap: to let it wait behind others who
        // only begin would lose it when its time is over.
        guard tls.isSignatureAllowed(clients[c].tls) || !putsOff(c, .handshake) else {
            return awaitHandshake(c, &loop)
        }
        stepHandshake(c, &loop)
    }

    private mutating func stepHandshake(_ c: Int, _ loop: inout EventLoop) {
        // By the certificates of now: a reload may have come since the connection.
        let number = Int(clients[c].listener)
        follow(tls.handshake(clients[c].tls, listenerRecords[number].tls), c, &loop)
    }

    private mutating func follow(_ progress: TLSProgress, _ c: Int, _ loop: inout EventLoop) {
        switch progress {
        case .established: establish(c, &loop)
        case .wantsRead, .wantsWrite: awaitHandshake(c, &loop)
        case .wantsSignature(let isSlow): sign(c, isSlow: isSlow, &loop)
        case .failed(let failure): handshakeFailed(c, failure, &loop)
        }
    }

    private mutating func awaitHandshake(_ c: Int, _ loop: inout EventLoop) {
        guard staysUnfinished(c, &loop) else { return }
        register(c, &loop)
        let deadline = listenerRecords[Int(clients[c].listener)].timeouts.handshake
        timers.schedule(c, at: clients[c].exchange.began + deadline)
    }

    // MARK: Signatures

    /// A full handshake: the client's network must have one left, and a slow signature is made
    /// by another thread.
    private mutating func sign(_ c: Int, isSlow: Bool, _ loop: inout EventLoop) {
        guard mayShakeHands(c) else { return handshakeFailed(c, .limited, &loop) }
        tls.allowSignature(clients[c].tls)
        guard isSlow else {
            spend(HTTPDoor.signatureEffort)
            return stepHandshake(c, &loop)
        }
        if !hearsSigner {
            hearsSigner = true
            let token = EventToken(kind: EventKind.signer, index: 0).raw
            loop.add(signer.descriptor(worker: worker), token: token, interest: .read)
        }
        // Before it is lent, for a lent session cannot be closed.
        guard staysUnfinished(c, &loop) else { return }
        let owner = clients.handle(at: c)
        guard tls.lend(clients[c].tls, to: signer, owner: owner, worker: worker) else {
            return handshakeFailed(c, .backlog, &loop)
        }
        count(.signaturesLent)
        awaitHandshake(c, &loop)
    }

    private mutating func mayShakeHands(_ c: Int) -> Bool {
        guard let budget = listenerRecords[Int(clients[c].listener)].handshakes else { return true }
        let listener = UInt64(clients[c].listener)
        let client = clients[c].peer.ip
        return shared.handshakes.take(client, of: listener, budget, now: now).isAllowed
    }

    /// Goes on with the handshakes whose signatures have come.
    mutating func takeSignatures(_ loop: inout EventLoop) {
        for lent in signer.takeReturns(worker: worker) {
            let progress = tls.takeBack(lent)
            // A client is not closed while its session is lent.
            guard clients.contains(lent.owner) else { continue }
            let c = Int(lent.owner.index)
            // What came meanwhile made its event already.
            if progress == .wantsRead { shakeHands(c, &loop) } else { follow(progress, c, &loop) }
        }
    }

    private mutating func establish(_ c: Int, _ loop: inout EventLoop) {
        let handle = clients.handle(at: c)
        count(.handshakes)
        spend(HTTPDoor.handshakeEffort)
        if tls.facts(clients[c].tls).isResumed { count(.resumptions) }
        clients[c].phase = .idle
        clients[c].exchange.began = now
        // The first request often comes with the end of the handshake.
        clients[c].canRead = true
        if tls.facts(clients[c].tls).chosen == .http2 {
            guard !beginSession(c, &loop) else { return }
            return close(c, &loop)
        }
        readRequest(c, &loop)
        guard isShuttingDown, clients.contains(handle), clients[c].phase == .idle else { return }
        awaitQuiet(c, &loop)
    }

    /// Counts and logs why there is no session, and closes.
    mutating func handshakeFailed(_ c: Int, _ failure: TLSFailure, _ loop: inout EventLoop) {
        words.addOwned(GatewayMetrics.handshake(failure), 1)
        clients[c].exchange.reason = .handshake(failure)
        // Whoever connects and leaves asked for nothing: not worth a line, as with plain HTTP.
        if failure != .peerClosed { record(c, slot: -1) }
        close(c, &loop)
    }

    /// True when a client came for one name and asks for another that has its own certificate.
    ///
    /// It has taken two connections for one (RFC 9110 §7.4). A host that no certificate is for may
    /// come by any name: a gateway in front of this one asks like that.
    func isMisdirected(_ c: Int, _ host: Span<UInt8>) -> Bool {
        guard !tls.covers(clients[c].tls, host: host) else { return false }
        return listenerRecords[Int(clients[c].listener)].tls?.knows(host) == true
    }

    // MARK: Bytes

    /// Reads from the client, and notes when its socket is empty.
    @inline(__always)
    mutating func receive(
        _ c: Int,
        into block: Block,
        at start: Int,
        upTo end: Int = BufferPool.blockSize
    ) -> IOResult {
        if clients[c].isSecure { return receiveSecurely(c, into: block, at: start, upTo: end) }
        let result = buffers.receive(clients[c].fd, into: block, at: start, upTo: end)
        // A short read means the socket is empty, unless its end waits behind.
        if case .count(let count) = result, count < end &- start {
            clients[c].canRead = clients[c].hangUp
        }
        return result
    }

    @inline(never)
    private mutating func receiveSecurely(
        _ c: Int,
        into block: Block,
        at start: Int,
        upTo end: Int
    ) -> IOResult {
        let session = clients[c].tls
        let result = buffers.receive(tls, session, into: block, at: start, upTo: end)
        // Here it is the session that knows: a record may be there that was not read yet.
        if case .count = result {
            clients[c].canRead = clients[c].hangUp || tls.mayHaveMore(session)
        }
        return result
    }

    /// Writes to the client what its socket takes.
    @inline(__always)
    func send(_ c: Int, _ bytes: Span<UInt8>, held: Bool = false) -> IOResult {
        clients[c].isSecure
            ? tls.send(clients[c].tls, bytes)
            : Socket.send(clients[c].fd, bytes, held: held)
    }

    /// Writes two pieces to the client in one call.
    @inline(__always)
    func send(
        _ c: Int,
        _ first: Span<UInt8>,
        _ second: Span<UInt8>,
        held: Bool = false
    ) -> IOResult {
        clients[c].isSecure
            ? tls.send(clients[c].tls, first, second)
            : Socket.send(clients[c].fd, first, second, held: held)
    }

    /// Sends what a session kept back; false when the client has to be waited for.
    mutating func flushSession(_ c: Int, _ loop: inout EventLoop) -> Bool {
        guard tls.hasBacklog(clients[c].tls) else { return true }
        switch tls.flush(clients[c].tls) {
        case .count: return true
        case .wouldBlock:
            register(c, &loop)
            arm(c, listenerRecords[Int(clients[c].listener)].timeouts.send)
        case .endOfStream, .failed: abandon(c, .clientGone, &loop)
        }
        return false
    }

    /// Says that nothing more will be sent.
    mutating func finishSending(_ c: Int) {
        if clients[c].isSecure {
            tls.finishWriting(clients[c].tls)
            // The word itself may wait behind other bytes, and must not be cut off with them.
            if tls.hasBacklog(clients[c].tls) { return }
        }
        Socket.shutdownWrite(clients[c].fd)
    }

    /// Ends the session before its socket; without `saying` it looks cut to the client.
    mutating func endSession(_ c: Int, saying: Bool) {
        tls.close(clients[c].tls, saying: saying)
        clients[c].tls = .none
    }
}
