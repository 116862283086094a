// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Sending the request to the endpoint.
extension HTTPDoor {
    /// The connection is there: writes the head anew and sends it with what there is of the body.
    mutating func sendRequest(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        if clients[c].kind == .mirror { return sendCopy(c, &loop) }
        clients[c].phase = .waiting
        clients[c].exchange.connected = now
        guard recallHead(c) else { return answer(c, .internalError, &loop) }
        guard !clients[c].exchange.hasLostRoute else { return answer(c, .noRoute, &loop) }
        guard prepareBody(c, u) else { return answer(c, .outOfBuffers, &loop) }
        // A body that breaks its framing or its limit at once must not begin to reach the origin.
        if clients[c].exchange.bodyTaken > 0 {
            guard stepRequestBody(c, &loop) else { return }
        }
        nameRequest(c)
        if clients[c].exchange.isEarly { hideEarlyField(c) }
        var changes = renderRequest(c)
        if clients[c].kind == .fetch { changes = renderFetch(c, after: changes) }
        if clients[c].kind == .fetch || clients[c].exchange.cache >= 0 {
            changes = renderLoop(after: changes)
        }
        let pending = clients[c].input
        let isWhole = RequestHeadWriter.write(
            into: &scratch,
            head: requestHead,
            fields: fields,
            bytes: buffers.bytes(pending.block, from: Int(pending.start), count: pending.count),
            policy: forwardPolicy(c, u),
            changes: RouteChanges(changes, tail.bytes)
        )
        guard isWhole, changes.isWhole else { return answer(c, .internalError, &loop) }
        if upstreams[u].isStream { return requestOnStream(c, u, &loop) }
        let transfer = clients[c].exchange.request
        let body = buffers.bytes(
            clients[c].exchange.requestBlock,
            from: Int(transfer.start),
            count: Int(transfer.end &- transfer.start)
        )
        let result =
            body.isEmpty
            ? send(upstream: u, scratch.bytes)
            : send(upstream: u, scratch.bytes, body)
        let isKept: Bool
        switch result {
        case .count(let count): isKept = took(count, of: scratch.count, c, u)
        case .wouldBlock: isKept = took(0, of: scratch.count, c, u)
        case .endOfStream, .failed: return attemptFailed(c, .originReset, &loop)
        }
        guard isKept else { return attemptFailed(c, .outOfBuffers, &loop) }
        pumpRequest(c, &loop)
    }

    func forwardPolicy(_ c: Int, _ u: Int) -> ForwardPolicy {
        let listener = Int(clients[c].listener)
        let isTrusted = isTrusted(c)
        var dropped =
            isTrusted
            ? listenerRecords[listener].droppedOfTrusted : listenerRecords[listener].droppedOfOthers
        if stripsSession(c) { dropped.insert(.cookie) }
        if clients[c].kind == .fetch { dropped.formUnion(HTTPDoor.ownConditions) }
        let trace = attemptTrace(of: c)
        if let trace {
            dropped.insert(.traceparent)
            // §3.3: it means nothing without the trace that it belongs to.
            if !trace.isContinued { dropped.insert(.tracestate) }
        }
        return ForwardPolicy(
            forwarding: Forwarding(
                client: clients[c].peer.ip,
                isTrusted: isTrusted,
                isSecure: cameSecurely(c),
                style: listenerRecords[listener].forwarded
            ),
            dropped: dropped,
            requestID: clients[c].exchange.requestID,
            writesRequestID: listenerRecords[listener].requestID,
            trace: trace,
            isEarly: clients[c].exchange.isEarly,
            endpoint: upstreams[u].address
        )
    }

    /// True when the request came by TLS, itself or that of which it is the fetch.
    func cameSecurely(_ c: Int) -> Bool { clients[c].isSecure || clients[c].cameSecurely }

    /// Keeps what the socket did not take of the head; the rest of the count was body.
    ///
    /// False when there is no block for it: a head with a hole must never go on.
    private mutating func took(_ count: Int, of headCount: Int, _ c: Int, _ u: Int) -> Bool {
        if count >= headCount {
            clients[c].exchange.request.sent(count - headCount)
            return true
        }
        let block = buffers.take()
        let rest = scratch.bytes.extracting(count..<headCount)
        let kept = buffers.write(block, at: 0) { $0.write(rest) }
        upstreams[u].output = Pending(block: block, start: 0, end: Int32(kept))
        return kept == rest.count
    }

    /// Sets the body transfer up from the bytes that came with the head; false without a block.
    private mutating func prepareBody(_ c: Int, _ u: Int) -> Bool {
        let framing = requestHead.framing
        clients[c].exchange.bodyTaken = 0
        if clients[c].exchange.mirror >= 0 { forgetTapped(c) }
        // What came on a stream has no chunks yet: the stream's end is its own. From stream to
        // stream trailers may follow whatever length was declared, which the library counts.
        let endsByStream = framing == .chunked || upstreams[u].isStream && !framing.isEmpty
        clients[c].exchange.request = BodyTransfer(
            clients[c].isStream && endsByStream ? .untilClose : framing,
            toChunks: framing == .chunked && !upstreams[u].isStream
        )
        guard !framing.isEmpty else { return true }
        clients[c].exchange.request.dropsTrailers = tellsIdentity(c)
        if clients[c].exchange.requestBlock.isNone {
            clients[c].exchange.requestBlock = buffers.take()
        }
        let block = clients[c].exchange.requestBlock
        guard !block.isNone else {
            count(.buffersExhausted)
            return false
        }
        let room = BufferPool.blockSize - BodyTransfer.room - BodyTransfer.reserve
        var available = min(pending(afterHeadOf: c), room)
        if case .length(let length) = framing { available = Int(min(UInt64(available), length)) }
        buffers.copy(
            from: clients[c].input.block,
            at: Int(clients[c].input.start) + requestHead.length,
            to: block,
            at: BodyTransfer.room,
            count: available
        )
        clients[c].exchange.request.rawStart = Int32(BodyTransfer.room)
        clients[c].exchange.request.rawEnd = Int32(BodyTransfer.room + available)
        clients[c].exchange.bodyTaken = Int32(available)
        clients[c].exchange.bodyChecked = now
        clients[c].exchange.bodyCheckedBytes = 0
        return true
    }

    private mutating func advanceRequestBody(_ c: Int) -> Refusal? {
        clients[c].exchange.request.advance(
            in: &buffers,
            block: clients[c].exchange.requestBlock,
            fields: &responseFields,
            scratch: &tail
        )
    }

    /// Moves body bytes from client to endpoint until one side has to be waited for.
    mutating func pumpRequest(_ c: Int, _ loop: inout EventLoop) {
        let handle = clients[c].exchange.upstream
        guard upstreams.contains(handle), upstreams[Int(handle.index)].state == .active else {
            return
        }
        let u = Int(handle.index)
        for _ in 0..<16 {
            guard flushRequestHead(c, u, &loop), flushRequestBody(c, u, &loop) else { return }
            if clients[c].exchange.request.isSourceDone { return requestIsSent(c, u, &loop) }
            if clients[c].exchange.request.hasRaw, !clients[c].exchange.request.isTrailing {
                guard stepRequestBody(c, &loop) else { return }
                continue
            }
            guard clients[c].canRead else { return awaitBody(c, &loop) }
            guard receiveBody(c, &loop), stepRequestBody(c, &loop) else { return }
        }
        // Bytes have moved: the deadline of the phase before must not strike in the middle of it.
        if clients[c].phase == .waiting { arm(c, sendTimeout(c)) }
        queueReady(c)
    }

    /// Sends what is left of the head; false when there is nothing more to do now.
    private mutating func flushRequestHead(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        while !upstreams[u].output.isEmpty {
            let pending = upstreams[u].output
            let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
            switch send(upstream: u, bytes) {
            case .count(let count): upstreams[u].output.consume(count)
            case .wouldBlock:
                arm(c, sendTimeout(c))
                return false
            case .endOfStream, .failed:
                attemptFailed(c, .originReset, &loop)
                return false
            }
        }
        buffers.give(upstreams[u].output.block)
        upstreams[u].output = Pending()
        return true
    }

    private mutating func flushRequestBody(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        if upstreams[u].isStream { return offerRequest(c, u) }
        while clients[c].exchange.request.hasFramed {
            let transfer = clients[c].exchange.request
            let bytes = buffers.bytes(
                clients[c].exchange.requestBlock,
                from: Int(transfer.start),
                count: Int(transfer.end &- transfer.start)
            )
            switch send(upstream: u, bytes) {
            case .count(let count): clients[c].exchange.request.sent(count)
            case .wouldBlock:
                // While the origin is slow the client cannot be blamed for a low rate.
                clients[c].exchange.bodyChecked = .never
                arm(c, sendTimeout(c))
                return false
            case .endOfStream, .failed:
                // The origin may have answered early and closed: its answer counts.
                upstreams[u].canRead = true
                clients[c].exchange.requestAborted = true
                if clients[c].phase == .waiting { readResponse(c, u, &loop) }
                return false
            }
        }
        return true
    }

    private mutating func stepRequestBody(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let before = clients[c].exchange.request.total
        if let refusal = advanceRequestBody(c) {
            detachUpstream(c, &loop, keep: false)
            endAttempt(c)
            refuseStarted(c, .refused(refusal), &loop)
            return false
        }
        if clients[c].exchange.request.trailersAt >= 0 { keepRequestTrailers(c) }
        if clients[c].exchange.request.total > clients[c].exchange.bodyLimit {
            detachUpstream(c, &loop, keep: false)
            endAttempt(c)
            refuseStarted(c, .fault(.bodyTooLarge), &loop)
            return false
        }
        if clients[c].exchange.mirror >= 0 { tapRequest(c, after: before) }
        return true
    }

    /// Reads body bytes; false when the exchange has ended or must wait.
    private mutating func receiveBody(_ c: Int, _ loop: inout EventLoop) -> Bool {
        if clients[c].isStream { return receiveContent(c, &loop) }
        let block = clients[c].exchange.requestBlock
        let place = clients[c].exchange.request.readingPlace(in: &buffers, block: block)
        let end = BufferPool.blockSize - BodyTransfer.reserve
        switch receive(c, into: block, at: place, upTo: end) {
        case .count(let received):
            clients[c].exchange.request.rawEnd &+= Int32(received)
            clients[c].exchange.bytesIn &+= UInt64(received)
            clients[c].exchange.isReplayable = false
            count(.bytesIn, UInt64(received))
            if received > 0 { return true }
            // No room left although nothing could be sent: no framing that is accepted does this.
            detachUpstream(c, &loop, keep: false)
            endAttempt(c)
            refuseStarted(c, .fault(.internalError), &loop)
        case .wouldBlock:
            clients[c].canRead = false
            awaitBody(c, &loop)
        case .endOfStream, .failed: abandon(c, .clientGone, &loop)
        }
        return false
    }

    mutating func awaitBody(_ c: Int, _ loop: inout EventLoop) {
        register(c, &loop)
        guard clients[c].phase == .waiting else {
            // The endpoint has taken all: what counts again is how long its answer pauses.
            if clients[c].phase == .relaying { arm(c, betweenBytes(c)) }
            return
        }
        if clients[c].exchange.bodyChecked == .never {
            clients[c].exchange.bodyChecked = now
            clients[c].exchange.bodyCheckedBytes = clients[c].exchange.request.total
        }
        // From the last judgement, not from now: a body that drips must not put it off.
        let judged = clients[c].exchange.bodyChecked + HTTPDoor.bodyRatePeriod
        timers.schedule(c, at: min(judged, clients[c].exchange.deadline))
    }

    private func sendTimeout(_ c: Int) -> Interval {
        let pool = Int(clients[c].exchange.pool)
        return pool >= 0 ? pools[pool].timeouts.send : .seconds(10)
    }

    /// Head and body are with the origin: from now on its answer is awaited.
    private mutating func requestIsSent(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        guard !clients[c].exchange.requestSent else { return }
        clients[c].exchange.requestSent = true
        clients[c].exchange.sent = now
        if !clients[c].exchange.requestBlock.isNone { settleRequestBlock(c) }
        if clients[c].exchange.mirror >= 0 { copyRequest(c, u) }
        guard clients[c].phase == .waiting else {
            if clients[c].phase == .relaying { arm(c, betweenBytes(c)) }
            return
        }
        let soon = clients[c].isRegistered ? Interval.max : HTTPDoor.quickAnswer
        noteHedge(c)
        timers.schedule(c, at: min(waitingDeadline(c), now + soon))
    }

    /// True when the endpoint is told who asks: no trailer may say something else.
    func tellsIdentity(_ c: Int) -> Bool {
        let access = routeRecord(c).access
        guard access >= 0 else { return false }
        let rule = actions.access[Int(access)]
        return !rule.userField.isEmpty || !rule.claims.isEmpty
    }

    func isTrusted(_ c: Int) -> Bool {
        let listener = Int(clients[c].listener)
        guard !listenerRecords[listener].trusted.isEmpty, !clients[c].isUnnamed else {
            return false
        }
        return listenerRecords[listener].trusts(clients[c].peer.ip)
    }
}
