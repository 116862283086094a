// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// The ways an exchange ends.
extension HTTPDoor {
    /// The response has gone to the client whole.
    mutating func completeResponse(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        if clients[c].kind == .fetch { return completeFetch(c, u, &loop) }
        lookBehindPiped(c, u)
        let hasExcess = hasExcess(c)
        let isReusable =
            clients[c].exchange.originPersists && clients[c].exchange.requestSent
            && !hasExcess && !upstreams[u].hangUp && !upstreams[u].canRead
        let slot = Int(clients[c].exchange.slot)
        if slot >= 0 {
            let latency = clients[c].exchange.firstByte - clients[c].exchange.connected
            countSuccess(c, slot)
            chooser.end(slot: slot, latency: latency, now: now)
            clients[c].exchange.slot = -1
        }
        giveBackPlace(c)
        record(c, slot: slot)
        detachUpstream(c, &loop, keep: isReusable)
        endExchange(c)
        guard clients[c].exchange.keepsClient else { return closeGracefully(c, &loop) }
        nextRequest(c, &loop)
    }

    /// Gets ready for the client's next request, which may be in the buffer already.
    private mutating func nextRequest(_ c: Int, _ loop: inout EventLoop) {
        consumeRequest(c)
        clients[c].phase = .idle
        clients[c].exchange.began = now
        if !clients[c].input.isEmpty {
            // Pipelined: its turn comes after the others of this batch, and before any deadline of
            // the request that is over.
            timers.cancel(c)
            clients[c].phase = .header
            return queueReady(c)
        }
        if clients[c].canRead {
            timers.cancel(c)
            return queueReady(c)
        }
        park(c, &loop)
    }

    /// Forgets the bytes of the request that is over and keeps those of the next one.
    mutating func consumeRequest(_ c: Int) {
        let transfer = clients[c].exchange.request
        let block = clients[c].exchange.requestBlock
        if !block.isNone, transfer.hasRaw {
            // The body was read beyond its end.
            let count = Int(transfer.rawEnd &- transfer.rawStart)
            buffers.copy(
                from: block,
                at: Int(transfer.rawStart),
                to: clients[c].input.block,
                at: 0,
                count: count
            )
            clients[c].input.start = 0
            clients[c].input.end = Int32(count)
        } else {
            let used = clients[c].exchange.head.length + Int(clients[c].exchange.bodyTaken)
            clients[c].input.consume(min(used, clients[c].input.count))
        }
        buffers.give(block)
        clients[c].exchange.requestBlock = .none
        fieldsOwner = .none
    }

    /// The body is with the origin: only bytes of a next request keep its block.
    mutating func settleRequestBlock(_ c: Int) {
        guard !clients[c].exchange.request.hasRaw else { return }
        // A retry needs the block again; it is filled from the input once more.
        buffers.give(clients[c].exchange.requestBlock)
        clients[c].exchange.requestBlock = .none
    }

    /// Leaves the pool's books; harmless when called twice.
    mutating func endExchange(_ c: Int) {
        dropRival(c)
        if clients[c].exchange.mirror >= 0 { leaveMirror(c) }
        leaveRead(c)
        endAttempt(c)
        releasePipe(c)
        forgetClient(c)
        forgetTrace(c)
        forgetTrail(c)
        if clients[c].phase == .queued {
            leaveQueue(c)
            clients[c].phase = .closing
        }
        guard clients[c].exchange.isActive else { return }
        clients[c].exchange.isActive = false
        let pool = Int(clients[c].exchange.poolSlot)
        budget.end(pool, worker: worker)
        if clients[c].exchange.holdsRetry { budget.endRetry(pool) }
        clients[c].exchange.holdsRetry = false
    }

    /// Leaves the endpoint's books without judging it.
    mutating func endAttempt(_ c: Int) {
        giveBackPlace(c)
        let slot = Int(clients[c].exchange.slot)
        guard slot >= 0 else { return }
        if clients[c].phase == .tunnel { leaveTunnel(c, slot: slot) }
        clients[c].exchange.slot = -1
        chooser.abandon(slot: slot)
    }

    // MARK: Answers of ours

    /// Refuses a request before any of it went to an origin.
    mutating func refuse(_ c: Int, _ reason: Reason, _ loop: inout EventLoop) {
        let isParsed: Bool
        if case .refused = reason { isParsed = false } else { isParsed = true }
        if !isParsed {
            let began = clients[c].exchange.began
            forgetClient(c)
            forgetTrace(c)
            clients[c].exchange = Exchange()
            clients[c].exchange.began = began
            clients[c].exchange.headDone = now
            clients[c].exchange.keepsClient = false
        }
        // Only a request without a body leaves the connection at a known place.
        if isParsed, !clients[c].exchange.head.framing.isEmpty {
            clients[c].exchange.keepsClient = false
        }
        // Whoever sent CONNECT may take the bytes behind it for those of a tunnel.
        if case .fault(.connectMethod) = reason { clients[c].exchange.keepsClient = false }
        respond(c, reason, &loop)
    }

    /// Answers instead of the origin; what is left of the request body is not read.
    mutating func answer(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) {
        if clients[c].exchange.cached.isThroughTier, leaveTier(c, fault, &loop) { return }
        guard clients[c].kind != .mirror else { return endCopy(c, .failed(.init(fault)), &loop) }
        guard clients[c].kind != .fetch else { return fetchBroke(c, fault, &loop) }
        detachUpstream(c, &loop, keep: false)
        // Who speaks TLS with somebody else cannot be told anything.
        let isPassage = clients[c].kind == .passage
        guard !clients[c].exchange.responseStarted, !isPassage else {
            return abandon(c, fault, &loop)
        }
        let isWhole = clients[c].exchange.head.framing.isEmpty || clients[c].exchange.requestSent
        if !isWhole { clients[c].exchange.keepsClient = false }
        respond(c, .fault(fault), &loop)
    }

    /// Refuses a request some of which went to an origin already.
    mutating func refuseStarted(_ c: Int, _ reason: Reason, _ loop: inout EventLoop) {
        // A fetch has nobody on a socket who could be answered.
        guard clients[c].kind != .fetch else { return fetchBroke(c, .internalError, &loop) }
        clients[c].exchange.keepsClient = false
        guard !clients[c].exchange.responseStarted else {
            clients[c].exchange.reason = reason
            return cut(c, &loop)
        }
        respond(c, reason, &loop)
    }

    private mutating func respond(_ c: Int, _ reason: Reason, _ loop: inout EventLoop) {
        beginOwn(c, reason.status, reason)
        writeFault(c, reason)
        sendOwn(c, &loop)
    }

    /// Puts the answer that names a reason into the scratch.
    mutating func writeFault(_ c: Int, _ reason: Reason) {
        clients[c].exchange.reason = reason
        clients[c].exchange.status = reason.status
        nameRequest(c)
        var text = renderRefusal(c, reason)
        text.target = .empty
        if !text.isWhole { text.fields = .empty }
        ResponseHeadWriter.writeOwn(
            into: &scratch,
            status: reason.status,
            word: reason.word,
            changes: RouteChanges(text, tail.bytes),
            style: ownStyle(c)
        )
    }

    /// From here on the door answers itself.
    mutating func beginOwn(_ c: Int, _ status: UInt16, _ reason: Reason) {
        if clients[c].phase == .queued { leaveQueue(c) }
        clients[c].phase = .relaying
        clients[c].exchange.reason = reason
        clients[c].exchange.status = status
        clients[c].exchange.responseStarted = true
        clients[c].exchange.deadline = .never  // from here on only the client's pace counts
        if isShuttingDown { clients[c].exchange.keepsClient = false }
    }

    /// Sends the whole answer that is in the scratch, and ends the exchange.
    mutating func sendOwn(_ c: Int, _ loop: inout EventLoop) {
        if clients[c].isStream { return sendOwnOnStream(c) }
        var sent = 0
        switch clients[c].output.isEmpty ? send(c, scratch.bytes) : .wouldBlock {
        case .count(let count): sent = count
        case .wouldBlock: break
        case .endOfStream, .failed:
            record(c, slot: -1)
            endExchange(c)
            return close(c, &loop)
        }
        count(.bytesOut, UInt64(scratch.count))
        clients[c].exchange.bytesOut &+= UInt64(scratch.count)
        guard keepOutput(c, from: sent, &loop) else { return }
        record(c, slot: -1)
        endExchange(c)
        guard clients[c].output.isEmpty, clients[c].exchange.keepsClient else {
            clients[c].exchange.keepsClient = false
            return closeGracefully(c, &loop)
        }
        nextRequest(c, &loop)
    }

    // MARK: Closing

    /// Closes after the last byte has been sent, without harming it: a close while unread bytes of
    /// the client wait would send RST, and RST may overtake the answer (RFC 9112 §9.6).
    mutating func closeGracefully(_ c: Int, _ loop: inout EventLoop) {
        if clients[c].isStream { return finishStream(c) }
        clients[c].phase = .closing
        finishClosing(c, &loop)
    }

    mutating func finishClosing(_ c: Int, _ loop: inout EventLoop) {
        guard flushOutput(c, &loop) else { return }
        let isClean = clients[c].exchange.requestSent && !clients[c].canRead
        guard !isClean, !clients[c].hangUp else { return close(c, &loop) }
        if !clients[c].exchange.isLingering {
            clients[c].exchange.isLingering = true
            finishSending(c)
            timers.schedule(c, at: now + .seconds(2))
            clients[c].canRead = true
        }
        discardInput(c, &loop)
    }

    /// Reads and forgets what the client still sends, within the time and bytes of the linger.
    private mutating func discardInput(_ c: Int, _ loop: inout EventLoop) {
        if clients[c].input.block.isNone {
            clients[c].input = Pending(block: buffers.take())
            guard !clients[c].input.block.isNone else { return close(c, &loop) }
        }
        for _ in 0..<16 {
            guard clients[c].canRead else { break }
            switch buffers.receive(clients[c].fd, into: clients[c].input.block, at: 0) {
            case .count: continue
            case .wouldBlock: clients[c].canRead = false
            case .endOfStream, .failed: return close(c, &loop)
            }
        }
        buffers.give(clients[c].input.block)
        clients[c].input = Pending()
        register(c, &loop)
        if clients[c].canRead { queueReady(c) }
    }

    /// Ends an exchange that cannot be completed.
    ///
    /// When the client has part of a response, the connection is reset, so that it cannot look whole.
    mutating func abandon(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) {
        guard clients[c].kind != .mirror else { return endCopy(c, .failed(.init(fault)), &loop) }
        guard clients[c].kind != .fetch else { return fetchBroke(c, fault, &loop) }
        clients[c].exchange.reason = .fault(fault)
        // Whoever goes away in mid-answer leaves an endpoint that has done well so far.
        if clients[c].exchange.responseStarted, clients[c].phase == .relaying,
            fault == .clientGone || fault == .clientSlow
        {
            countSuccess(c, Int(clients[c].exchange.slot))
        }
        let isRequest = clients[c].kind != .passage
        if isRequest, clients[c].exchange.status == 0 { clients[c].exchange.status = 499 }
        cut(c, &loop)
    }

    private mutating func cut(_ c: Int, _ loop: inout EventLoop) {
        let isTunnel = clients[c].phase == .tunnel
        let slot = Int(clients[c].exchange.slot)
        detachUpstream(c, &loop, keep: false)
        if isTunnel { endAttempt(c) }
        record(c, slot: slot)
        endExchange(c)
        if clients[c].isStream {
            // What the endpoint of a tunnel has said to its end is whole.
            if isTunnel, clients[c].exchange.downClosed { return finishStream(c) }
            resetStream(c)
            return freeStream(c)
        }
        if clients[c].exchange.responseStarted, !isTunnel {
            Socket.resetOnClose(clients[c].fd)
            // Nor may close_notify say that nothing is missing.
            if clients[c].isSecure { endSession(c, saying: false) }
        }
        close(c, &loop)
    }

    /// Gives back everything a client connection holds.
    mutating func close(_ c: Int, _ loop: inout EventLoop) {
        if clients[c].isStream { return abandon(c, .internalError, &loop) }
        endStreams(c, &loop)
        if clients[c].phase != .idle, clients[c].phase != .header {
            detachUpstream(c, &loop, keep: false)
            endExchange(c)
        }
        timers.cancel(c)
        measureRoundTrip(c)
        finishUnfinished(c)
        buffers.give(clients[c].input.block)
        buffers.give(clients[c].output.block)
        buffers.give(clients[c].exchange.requestBlock)
        if clients[c].isSecure { endSession(c, saying: true) }
        if clients[c].kind == .passage { endPassage(c) }
        clients[c].fd.close()
        let handle = clients.handle(at: c)
        if fieldsOwner == handle { fieldsOwner = .none }
        clients.remove(handle)
        connections.add(0, .max)
        count(.connectionsClosed)
    }
}
