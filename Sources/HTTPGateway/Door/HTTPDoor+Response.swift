// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Reading the endpoint's response and passing it on.
extension HTTPDoor {
    /// Reads until the response's head is there.
    mutating func readResponse(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        while true {
            if !upstreams[u].input.isEmpty {
                switch parseResponse(c, u, &loop) {
                case .needMore: break
                case .interim: continue
                case .ended: return
                }
            }
            guard upstreams[u].canRead else { return releaseIfEmpty(u) }
            if upstreams[u].input.block.isNone {
                upstreams[u].input = Pending(block: buffers.take())
                if upstreams[u].input.block.isNone {
                    count(.buffersExhausted)
                    return attemptFailed(c, .outOfBuffers, &loop)
                }
            }
            let end = Int(upstreams[u].input.end)
            let block = upstreams[u].input.block
            // A hundred streams with closed windows would hold a hundred blocks: only a part of
            // each is touched until the client has taken something. Nor is much of a response
            // copied the rest of which will not be.
            let isFirst = (clients[c].isStream || upstreams[u].wasLarge) && end == 0
            let limit = isFirst ? firstRead(c) : HTTPDoor.inputEnd
            switch receive(upstream: u, into: block, at: end, upTo: limit) {
            case .count(let count):
                if count == 0 { return attemptFailed(c, .originMalformed, &loop) }
                upstreams[u].input.end &+= Int32(count)
            case .wouldBlock: upstreams[u].canRead = false
            case .endOfStream:
                let isGarbage = !upstreams[u].input.isEmpty
                return attemptFailed(c, isGarbage ? .originTruncated : .originClosed, &loop)
            case .failed: return attemptFailed(c, .originReset, &loop)
            }
        }
    }

    private mutating func releaseIfEmpty(_ u: Int) {
        guard upstreams[u].input.isEmpty else { return }
        buffers.give(upstreams[u].input.block)
        upstreams[u].input = Pending()
    }

    /// Interim responses per request; an origin that never comes to the point is broken.
    static let interimLimit: UInt8 = 16

    private enum HeadStep { case needMore, interim, ended }

    private mutating func parseResponse(
        _ c: Int,
        _ u: Int,
        _ loop: inout EventLoop
    ) -> HeadStep {
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let result = upstreams[u].parser.parse(
            bytes,
            requestMethod: clients[c].exchange.head.method,
            fields: &responseFields,
            head: &responseHead
        )
        switch result {
        case .needMore: return .needMore
        case .refused:
            attemptFailed(c, .originMalformed, &loop)
            return .ended
        case .complete: responseHead.isHTTP2 = upstreams[u].isStream
        }
        if responseHead.isInterim {
            clients[c].exchange.interims &+= 1
            guard clients[c].exchange.interims <= HTTPDoor.interimLimit else {
                attemptFailed(c, .originMalformed, &loop)
                return .ended
            }
            guard passInterim(c, u, &loop) else { return .ended }
            upstreams[u].input.consume(responseHead.length)
            return .interim
        }
        if responseHead.isUpgrade {
            beginTunnel(c, u, &loop)
        } else {
            beginResponse(c, u, &loop)
        }
        return .ended
    }

    /// Passes a 1xx on (RFC 9110 §15.2); HTTP/1.0 does not know them.
    private mutating func passInterim(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        guard clients[c].exchange.head.minorVersion > 0, clients[c].kind != .fetch else {
            return true
        }
        if clients[c].isStream { return passInterimOnStream(c, u) }
        let pending = upstreams[u].input
        ResponseHeadWriter.writeInterim(
            into: &scratch,
            head: responseHead,
            fields: responseFields,
            bytes: buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        )
        guard !scratch.bytes.isEmpty else { return true }
        return sendHead(c, &loop)
    }

    /// Sends what is in the scratch to the client and keeps what the socket does not take.
    private mutating func sendHead(_ c: Int, _ loop: inout EventLoop) -> Bool {
        var sent = 0
        if clients[c].output.isEmpty {
            switch send(c, scratch.bytes) {
            case .count(let count): sent = count
            case .wouldBlock: break
            case .endOfStream, .failed:
                abandon(c, .clientGone, &loop)
                return false
            }
        }
        count(.bytesOut, UInt64(scratch.count))
        clients[c].exchange.bytesOut &+= UInt64(scratch.count)
        return keepOutput(c, from: sent, &loop)
    }

    /// Sends what is left of an interim response while the final one is awaited; false when the
    /// client has gone.
    mutating func flushInterim(_ c: Int, _ loop: inout EventLoop) -> Bool {
        while !clients[c].output.isEmpty {
            let pending = clients[c].output
            let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
            switch send(c, bytes) {
            case .count(let count): clients[c].output.consume(count)
            case .wouldBlock: return true
            case .endOfStream, .failed:
                abandon(c, .clientGone, &loop)
                return false
            }
        }
        buffers.give(clients[c].output.block)
        clients[c].output = Pending()
        return true
    }

    /// Appends the scratch from an offset on to the client's output.
    mutating func keepOutput(_ c: Int, from sent: Int, _ loop: inout EventLoop) -> Bool {
        guard sent < scratch.count else { return true }
        if clients[c].output.block.isNone {
            clients[c].output = Pending(block: buffers.take())
        }
        let rest = scratch.bytes.extracting(sent..<scratch.count)
        let end = Int(clients[c].output.end)
        let kept = buffers.write(clients[c].output.block, at: end) { $0.write(rest) }
        guard kept == rest.count else {
            abandon(c, .outOfBuffers, &loop)
            return false
        }
        clients[c].output.end &+= Int32(kept)
        register(c, &loop)
        return true
    }

    /// A final response has begun: writes its head anew and sends it with what there is of the
    /// body, in one call.
    mutating func beginResponse(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        let isSuspect = responseHead.status >= 400 || clients[c].exchange.isGRPC
        if isSuspect, discardsAnswer(c, u, &loop) { return }
        if isSuspect, clients[c].exchange.cached.isThroughTier, declines(c, u, &loop) { return }
        settleHedge(c)
        if clients[c].kind == .fetch { return takeFetched(c, u, &loop) }
        passResponse(c, u, &loop)
    }

    /// As ``beginResponse(_:_:_:)`` for an answer that nothing else is to become of.
    mutating func passResponse(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        if clients[c].exchange.cache >= 0 { noteAnswer(c, u) }
        if clients[c].isStream {
            return isNoTunnel(c)
                ? answerNoTunnel(c, &loop) : beginStreamResponse(c, u, &loop)
        }
        let status = responseHead.status
        clients[c].exchange.status = status
        clients[c].exchange.firstByte = now
        let isOld = !clients[c].exchange.clientTakesChunks
        let framing = responseHead.framing
        let changes = renderAnswer(c, u)
        var toChunks = responseHead.framing == .chunked
        if case .untilClose = responseHead.framing { toChunks = true }
        if isOld, toChunks { clients[c].exchange.keepsClient = false }
        if !clients[c].exchange.requestSent || isShuttingDown {
            clients[c].exchange.keepsClient = false
        }
        toChunks = toChunks && !isOld
        let pending = upstreams[u].input
        let isWhole = ResponseHeadWriter.write(
            into: &scratch,
            head: responseHead,
            fields: responseFields,
            bytes: buffers.bytes(pending.block, from: Int(pending.start), count: pending.count),
            style: ResponseStyle(
                toChunks: toChunks,
                isPersistent: clients[c].exchange.keepsClient,
                clientMinorVersion: clients[c].exchange.head.minorVersion,
                answersHead: clients[c].exchange.head.method == .head,
                date: dates
            ),
            changes: RouteChanges(changes, tail.bytes)
        )
        guard isWhole, changes.isWhole else { return attemptFailed(c, .originMalformed, &loop) }
        let isCoded = clients[c].exchange.coding >= 0
        clients[c].exchange.response = BodyTransfer(framing, toChunks: toChunks && !isCoded)
        if upstreams[u].isStream { followStream(c, u, framing) }
        clients[c].exchange.response.rawStart = pending.start &+ Int32(responseHead.length)
        clients[c].exchange.response.rawEnd = pending.end
        clients[c].exchange.originPersists = responseHead.isPersistent
        // Framing that breaks within the bytes at hand: the client has seen nothing of it yet.
        if isCoded {
            insertCoder(c)
        } else if advanceResponse(c, u) != nil {
            return attemptFailed(c, .originMalformed, &loop)
        }
        judgeEndpoint(c, status)
        clients[c].exchange.responseStarted = true
        clients[c].phase = .relaying
        sendFirst(c, u, &loop)
    }

    /// Tells the health owner of a bad status, or counts the time of a good one.
    ///
    /// That the answer is good is counted at its end: it may still break.
    func judgeEndpoint(_ c: Int, _ status: UInt16) {
        let slot = Int(clients[c].exchange.slot)
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0 else { return }
        guard pools[pool].isFailure(status) else {
            if pools[pool].measuresLatency { countLatency(c, slot) }
            return
        }
        load.countFailure(slot, worker: worker)
        shared.reports.post(PassiveReport(slot: slot, failure: .status(status), at: now))
    }

    /// Counts how long the endpoint has taken for its first byte, or has not come up with it.
    func countLatency(_ c: Int, _ slot: Int) {
        // While the request is still on its way the time is the client's as well.
        guard clients[c].exchange.requestSent else { return }
        load.countLatency(slot, now - clients[c].exchange.sent, worker: worker)
    }

    /// The endpoint has done its part, unless its status says otherwise.
    func countSuccess(_ c: Int, _ slot: Int) {
        let pool = Int(clients[c].exchange.pool)
        guard slot >= 0, pool < 0 || !pools[pool].isFailure(clients[c].exchange.status) else {
            return
        }
        load.countSuccess(slot, worker: worker)
    }

    private mutating func sendFirst(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        let headCount = scratch.count
        guard clients[c].output.isEmpty else {
            // The rest of an interim response comes first.
            count(.bytesOut, UInt64(headCount))
            clients[c].exchange.bytesOut &+= UInt64(headCount)
            guard keepOutput(c, from: 0, &loop) else { return }
            return pumpResponse(c, &loop)
        }
        if isDirect(c, u) { return sendFirstStored(c, u, &loop) }
        let transfer = clients[c].exchange.response
        let body = buffers.bytes(
            responseBlock(c, u),
            from: Int(transfer.start),
            count: Int(transfer.end &- transfer.start)
        )
        let isHeld = endsConnection(c) || fillsPipe(c, u)
        // A copy of a small body costs less than a system call with two pieces.
        let isJoined = body.count <= HTTPDoor.joinedBody
        if isJoined { scratch.append { $0.write(body) } }
        let result =
            isJoined
            ? send(c, scratch.bytes, held: isHeld)
            : send(c, scratch.bytes, body, held: isHeld)
        var sent = 0
        switch result {
        case .count(let count): sent = count
        case .wouldBlock: break
        case .endOfStream, .failed: return abandon(c, .clientGone, &loop)
        }
        count(.bytesOut, UInt64(max(sent, headCount)))
        clients[c].exchange.bytesOut &+= UInt64(max(sent, headCount))
        if sent >= headCount {
            clients[c].exchange.response.sent(sent - headCount)
        } else {
            scratch.shorten(to: headCount)
            guard keepOutput(c, from: sent, &loop) else { return }
        }
        pumpResponse(c, &loop)
    }

    /// Content octets up to which a first piece is copied behind the head.
    private static let joinedBody = 4_096

    /// True when the whole response is at hand and the connection closes behind it.
    private func endsConnection(_ c: Int) -> Bool {
        !clients[c].exchange.keepsClient && clients[c].exchange.response.isSourceDone
            && clients[c].output.isEmpty && !clients[c].isSecure
    }

    /// True when content that will be sent next lies in a pipe: the head can wait for it.
    private mutating func fillsPipe(_ c: Int, _ u: Int) -> Bool {
        beginSplice(c, u)
        guard upstreams[u].canRead, clients[c].output.isEmpty, splices(c) else { return false }
        if case .count = fillPipe(c, u) { return true }
        return false
    }

    mutating func advanceResponse(_ c: Int, _ u: Int) -> Refusal? {
        let before = clients[c].exchange.response.total
        let refusal = clients[c].exchange.response.advance(
            in: &buffers,
            block: upstreams[u].input.block,
            fields: &responseFields,
            scratch: &tail
        )
        if clients[c].exchange.mirror >= 0 {
            noteContent(c, clients[c].exchange.response, after: before, upstreams[u].input.block)
        }
        if clients[c].isStream, clients[c].exchange.response.trailersAt >= 0 { keepTrailers(c, u) }
        return refusal
    }

    /// Moves response bytes until one side has to be waited for, or the response is complete.
    mutating func pumpResponse(_ c: Int, _ loop: inout EventLoop) {
        let handle = clients[c].exchange.upstream
        guard upstreams.contains(handle) else { return }
        let u = Int(handle.index)
        for _ in 0..<16 {
            guard flushOutput(c, &loop), flushResponse(c, u, &loop) else { return }
            if clients[c].exchange.response.isSourceDone { return completeResponse(c, u, &loop) }
            if upstreams[u].kind == .stored, isOverrun(c) { return takeOver(c, u, &loop) }
            if clients[c].exchange.coding >= 0 {
                guard !putsOff(c, .coding) else { return arm(c, betweenBytes(c)) }
                guard stepCoding(c, u, &loop) else { return }
                continue
            }
            if clients[c].exchange.response.hasRaw, !clients[c].exchange.response.isTrailing {
                guard advanceResponse(c, u) == nil else {
                    return originBroke(c, .originMalformed, &loop)
                }
                continue
            }
            guard upstreams[u].canRead else { return awaitOrigin(c, u) }
            if isDirect(c, u) {
                guard sendStored(c, u, &loop) else { return }
                continue
            }
            let isMoved =
                splices(c) ? spliceResponse(c, u, &loop) : receiveResponse(c, u, &loop)
            guard isMoved else { return }
        }
        // Bytes have moved: the deadline of the phase before must not strike in the middle of it.
        arm(c, betweenBytes(c))
        queueReady(c)
    }

    private mutating func awaitOrigin(_ c: Int, _ u: Int) {
        if !clients[c].exchange.response.hasRaw {
            buffers.give(upstreams[u].input.block)
            upstreams[u].input = Pending()
        }
        arm(c, betweenBytes(c))
    }

    func betweenBytes(_ c: Int) -> Interval {
        let pool = Int(clients[c].exchange.pool)
        // Who reads what is fetched hears of its end: the fetch has the bound.
        if pool < 0, clients[c].exchange.read >= 0 { return .max }
        return pool >= 0 ? pools[pool].timeouts.betweenBytes : .seconds(30)
    }

    /// Moves body bytes into the pipe; false when the exchange has ended or must wait.
    private mutating func spliceResponse(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        switch fillPipe(c, u) {
        case .count: return true
        case .wouldBlock: awaitOrigin(c, u)
        case .endOfStream: originBroke(c, .originTruncated, &loop)
        case .failed: originBroke(c, .originReset, &loop)
        }
        return false
    }

    /// Reads body bytes and frames them; false when the exchange has ended or must wait.
    private mutating func receiveResponse(
        _ c: Int,
        _ u: Int,
        _ loop: inout EventLoop
    ) -> Bool {
        if upstreams[u].input.block.isNone {
            upstreams[u].input = Pending(block: buffers.take())
            if upstreams[u].input.block.isNone {
                count(.buffersExhausted)
                abandon(c, .outOfBuffers, &loop)
                return false
            }
        }
        let block = upstreams[u].input.block
        let place = clients[c].exchange.response.readingPlace(in: &buffers, block: block)
        // As with the head: little for a stream whose client has not taken anything yet.
        let isFirst = clients[c].isStream && clients[c].exchange.bytesOut == 0
        let end = isFirst ? place + firstRead(c) : HTTPDoor.inputEnd + BodyTransfer.room
        switch receive(upstream: u, into: block, at: place, upTo: end) {
        case .count(let count):
            clients[c].exchange.response.rawEnd &+= Int32(count)
            guard count > 0, advanceResponse(c, u) == nil else {
                originBroke(c, .originMalformed, &loop)
                return false
            }
            return true
        case .wouldBlock:
            upstreams[u].canRead = false
            awaitOrigin(c, u)
            return false
        case .endOfStream:
            if upstreams[u].isStream { return finishResponse(c, u, &loop) }
            if clients[c].exchange.response.sourceClosed(in: &buffers, block: block) { return true }
            originBroke(c, .originTruncated, &loop)
            return false
        case .failed:
            originBroke(c, .originReset, &loop)
            return false
        }
    }

    /// The origin failed in mid-answer: the client must see that the answer is not whole.
    mutating func originBroke(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let slot = Int(clients[c].exchange.slot)
        if slot >= 0 {
            if !isLossCounted(c) {
                report(slot, fault)
                load.countFailure(slot, worker: worker)
            }
            words.addOwned(GatewayMetrics.endpoint(slot) + 5, 1)
        }
        abandon(c, fault, &loop)
    }

    /// Sends what is left of heads; false when the client has to be waited for.
    mutating func flushOutput(_ c: Int, _ loop: inout EventLoop) -> Bool {
        if clients[c].isSecure {
            // What a stream has to say goes by its connection, which looks after the rest.
            if clients[c].isStream { return true }
            guard flushSession(c, &loop) else { return false }
        }
        while !clients[c].output.isEmpty {
            let pending = clients[c].output
            let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
            switch send(c, bytes) {
            case .count(let count): clients[c].output.consume(count)
            case .wouldBlock:
                register(c, &loop)
                arm(c, listenerRecords[Int(clients[c].listener)].timeouts.send)
                return false
            case .endOfStream, .failed:
                abandon(c, .clientGone, &loop)
                return false
            }
        }
        if !clients[c].output.block.isNone {
            buffers.give(clients[c].output.block)
            clients[c].output = Pending()
        }
        return true
    }

    private mutating func flushResponse(
        _ c: Int,
        _ u: Int,
        _ loop: inout EventLoop
    ) -> Bool {
        if clients[c].isStream { return offerContent(c, u) }
        if clients[c].kind == .fetch { return storeContent(c, u, &loop) }
        while clients[c].exchange.response.hasFramed {
            let transfer = clients[c].exchange.response
            let bytes = buffers.bytes(
                responseBlock(c, u),
                from: Int(transfer.start),
                count: Int(transfer.end &- transfer.start)
            )
            switch send(c, bytes) {
            case .count(let sent):
                clients[c].exchange.response.sent(sent)
                clients[c].exchange.bytesOut &+= UInt64(sent)
                count(.bytesOut, UInt64(sent))
            case .wouldBlock:
                register(c, &loop)
                arm(c, listenerRecords[Int(clients[c].listener)].timeouts.send)
                return false
            case .endOfStream, .failed:
                abandon(c, .clientGone, &loop)
                return false
            }
        }
        return clients[c].exchange.pipe < 0 || flushPipe(c, &loop)
    }
}
