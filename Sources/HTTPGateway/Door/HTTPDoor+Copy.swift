// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// How the copy of a request ends.
enum CopyEnd {
    case answered
    case failed(MirrorFailure)
    case skipped(MirrorSkip)
}

/// The life of a copy: it is sent to an endpoint of its pool, once, and its answer is read and
/// thrown away.
///
/// It is an entry among the clients, so that connections to endpoints find it as they find any
/// other; it has neither a socket nor a retry nor a place in a queue.
///
/// What becomes of it says nothing about the endpoint: neither health nor ejection nor a limit that
/// follows the times of answers hears of it, since clients would bear the consequences.
extension HTTPDoor {
    /// Carries a copy on, from the ready queue or when its endpoint has moved.
    mutating func pumpCopy(_ m: Int, _ loop: inout EventLoop) {
        let handle = clients[m].exchange.upstream
        guard upstreams.contains(handle) else {
            // Only one that has not begun has none.
            return clients[m].exchange.slot < 0 ? startCopy(m, &loop) : ()
        }
        let u = Int(handle.index)
        pushCopy(m, u)
        if upstreams[u].canRead { readCopy(m, u, &loop) }
    }

    /// Chooses an endpoint that is up, and brings the copy on its way there.
    private mutating func startCopy(_ m: Int, _ loop: inout EventLoop) {
        let pool = Int(clients[m].exchange.pool)
        guard pool >= 0, pools[pool].version != .http2 else {
            return endCopy(m, .skipped(.noEndpoint), &loop)
        }
        guard !isTooBusyForCopies else { return endCopy(m, .skipped(.overloaded), &loop) }
        // Where requests wait for a place, a copy takes it from none of them.
        guard pending.count(Int(pools[pool].slot)) == 0, takePlace(m) else {
            return endCopy(m, .skipped(.atLimit), &loop)
        }
        // An endpoint may reach its limit between the choice and the claim: choose again.
        var tried = Tried()
        for _ in 0..<8 {
            let choice = chooser.choose(
                pool: pool,
                key: clients[m].exchange.key,
                role: pools[pool].wish(clients[m].exchange.head.method),
                tried: tried,
                now: now
            )
            switch choice {
            case .none(.atLimit): return endCopy(m, .skipped(.atLimit), &loop)
            case .none: return endCopy(m, .skipped(.noEndpoint), &loop)
            case .endpoint(let index):
                guard chooser.latestMode == .healthy else {
                    return endCopy(m, .skipped(.noEndpoint), &loop)
                }
                let endpoint = chooser.endpoint(pool: pool, index: index)
                // Its trial is for requests whose answers count.
                if health.word(endpoint.slot).isHalfOpen {
                    tried.insert(index)
                    continue
                }
                guard chooser.begin(slot: endpoint.slot) else { continue }
                return sendOff(m, endpoint, index, &loop)
            }
        }
        endCopy(m, .skipped(.atLimit), &loop)
    }

    private mutating func sendOff(
        _ m: Int,
        _ endpoint: EndpointRecord,
        _ index: Int,
        _ loop: inout EventLoop
    ) {
        let place = Int(clients[m].place)
        clients[m].exchange.endpoint = Int32(index)
        clients[m].exchange.slot = Int32(endpoint.slot)
        guard nameEndpoint(place, endpoint.address) else {
            return endCopy(m, .skipped(.headTooLarge), &loop)
        }
        mirrors[place].wasSent = true
        words.addOwned(GatewayMetrics.mirror(Int(mirrors[place].route)), 1)
        clients[m].exchange.attemptBegan = now
        clients[m].exchange.tried = 1
        reach(endpoint, m, &loop)
    }

    /// The connection is there.
    mutating func sendCopy(_ m: Int, _ loop: inout EventLoop) {
        clients[m].phase = .copying
        clients[m].exchange.connected = now
        timers.schedule(m, at: clients[m].exchange.deadline)
        pumpCopy(m, &loop)
    }

    /// Sends what the socket takes.
    private mutating func pushCopy(_ m: Int, _ u: Int) {
        let place = Int(clients[m].place)
        guard !clients[m].exchange.requestAborted else { return }
        while mirrors[place].unsent > 0 {
            let first = mirrors[place].piece(at: mirrors[place].sent)
            let next = mirrors[place].sent &+ Int32(truncatingIfNeeded: first.count)
            let second = mirrors[place].piece(at: next)
            let bytes = buffers.bytes(first.block, from: first.start, count: first.count)
            let more = buffers.bytes(second.block, from: second.start, count: second.count)
            let result =
                more.isEmpty ? send(upstream: u, bytes) : send(upstream: u, bytes, more)
            switch result {
            case .count(let count): mirrors[place].sent &+= Int32(truncatingIfNeeded: count)
            case .wouldBlock: return
            case .endOfStream, .failed:
                // It may have answered early and closed: its answer counts, and without one reading
                // tells how it ended.
                upstreams[u].canRead = true
                clients[m].exchange.requestAborted = true
                return
            }
        }
        if !clients[m].exchange.requestSent {
            clients[m].exchange.requestSent = true
            clients[m].exchange.sent = now
        }
    }

    // MARK: The answer

    /// Reads the answer and forgets it, some blocks at a time.
    private mutating func readCopy(_ m: Int, _ u: Int, _ loop: inout EventLoop) {
        if upstreams[u].input.block.isNone {
            upstreams[u].input = Pending(block: buffers.take())
        }
        let block = upstreams[u].input.block
        guard !block.isNone else { return endCopy(m, .failed(.cut), &loop) }
        for _ in 0..<16 {
            let hasHead = clients[m].exchange.responseStarted
            let start =
                hasHead
                ? clients[m].exchange.response.readingPlace(in: &buffers, block: block)
                : Int(upstreams[u].input.end)
            switch receive(upstream: u, into: block, at: start, upTo: HTTPDoor.inputEnd) {
            case .count(let count):
                guard count > 0 else { return copyFailed(m, .originMalformed, &loop) }
                if hasHead {
                    clients[m].exchange.response.rawEnd &+= Int32(count)
                } else {
                    upstreams[u].input.end &+= Int32(count)
                }
            case .wouldBlock: upstreams[u].canRead = false
            case .endOfStream:
                let isEnd =
                    hasHead
                    && clients[m].exchange.response.sourceClosed(in: &buffers, block: block)
                guard isEnd else { return copyFailed(m, .originClosed, &loop) }
                clients[m].exchange.originPersists = false
                return copyAnswered(m, u, &loop)
            case .failed: return copyFailed(m, .originReset, &loop)
            }
            guard takeAnswer(m, u, &loop) else { return }
            guard upstreams[u].canRead else { return releaseAnswer(m, u) }
        }
        queueReady(m)
    }

    /// Nothing of the answer is kept while more of it is waited for.
    private mutating func releaseAnswer(_ m: Int, _ u: Int) {
        let hasRest =
            clients[m].exchange.responseStarted
            ? clients[m].exchange.response.hasRaw : !upstreams[u].input.isEmpty
        guard !hasRest else { return }
        buffers.give(upstreams[u].input.block)
        upstreams[u].input = Pending()
    }

    /// Looks at what has come; false when the copy has ended.
    private mutating func takeAnswer(_ m: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        while !clients[m].exchange.responseStarted {
            switch parseCopyHead(m, u) {
            case .needMore: return true
            case .complete: continue
            case .broken:
                copyFailed(m, .originMalformed, &loop)
                return false
            }
        }
        return takeCopyContent(m, u, &loop)
    }

    private enum HeadStep { case needMore, complete, broken }

    private mutating func parseCopyHead(_ m: Int, _ u: Int) -> HeadStep {
        let pending = upstreams[u].input
        guard !pending.isEmpty else { return .needMore }
        let result = upstreams[u].parser.parse(
            buffers.bytes(pending.block, from: Int(pending.start), count: pending.count),
            requestMethod: clients[m].exchange.head.method,
            fields: &responseFields,
            head: &responseHead
        )
        switch result {
        case .needMore: return .needMore
        case .refused: return .broken
        case .complete: break
        }
        if responseHead.isInterim {
            clients[m].exchange.interims &+= 1
            upstreams[u].input.consume(responseHead.length)
            let isTooMany = clients[m].exchange.interims > HTTPDoor.interimLimit
            return isTooMany ? .broken : .complete
        }
        // A copy asks for no other protocol.
        if responseHead.isUpgrade { return .broken }
        clients[m].exchange.status = responseHead.status
        clients[m].exchange.firstByte = now
        clients[m].exchange.responseStarted = true
        clients[m].exchange.originPersists = responseHead.isPersistent
        clients[m].exchange.response = BodyTransfer(responseHead.framing, toChunks: false)
        clients[m].exchange.response.rawStart = pending.start &+ Int32(responseHead.length)
        clients[m].exchange.response.rawEnd = pending.end
        return .complete
    }

    /// Takes the framing of the content apart; false when the copy has ended.
    private mutating func takeCopyContent(_ m: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        let place = Int(clients[m].place)
        let isCompared = mirrors[place].rule.compare == .body
        let wanted = UInt64(isCompared ? BodyDigest.limit : HTTPDoor.copyAnswerLimit)
        while !clients[m].exchange.response.isSourceDone {
            let before = clients[m].exchange.response
            let refusal = clients[m].exchange.response.advance(
                in: &buffers,
                block: upstreams[u].input.block,
                fields: &responseFields,
                scratch: &tail
            )
            guard refusal == nil else {
                copyFailed(m, .originMalformed, &loop)
                return false
            }
            if isCompared {
                let range = clients[m].exchange.response.content(after: before.total)
                let bytes = buffers.bytes(
                    upstreams[u].input.block,
                    from: range.lowerBound,
                    count: range.count
                )
                mirrors[place].copy.content.add(bytes)
            }
            if clients[m].exchange.response.total > wanted {
                // Nobody wants more of it.
                clients[m].exchange.originPersists = false
                copyAnswered(m, u, &loop)
                return false
            }
            let hasMoved = clients[m].exchange.response.rawStart != before.rawStart
            guard hasMoved, clients[m].exchange.response.hasRaw else { break }
        }
        guard clients[m].exchange.response.isSourceDone else { return true }
        copyAnswered(m, u, &loop)
        return false
    }

    /// Octets of an answer that are read although nobody compares them: for the connection's sake,
    /// since one that is closed in the middle cannot be kept.
    private static let copyAnswerLimit = 65_536

    /// The answer is whole, or as much of it as anybody wants.
    private mutating func copyAnswered(_ m: Int, _ u: Int, _ loop: inout EventLoop) {
        let slot = Int(clients[m].exchange.slot)
        let isReusable =
            clients[m].exchange.originPersists && clients[m].exchange.requestSent
            && !clients[m].exchange.response.hasRaw && !upstreams[u].hangUp
            && !upstreams[u].canRead
        let family = Int(clients[m].exchange.status / 100)
        if slot >= 0, (1...5).contains(family) {
            words.addOwned(GatewayMetrics.endpoint(slot) + family - 1, 1)
        }
        detachUpstream(m, &loop, keep: isReusable)
        endCopy(m, .answered, &loop)
    }

    /// The copy gets no whole answer any more.
    ///
    /// The endpoint's numbers say so, for operators; whoever judges endpoints does not hear of it.
    mutating func copyFailed(_ m: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let slot = Int(clients[m].exchange.slot)
        if slot >= 0, fault.isOfEndpoint { words.addOwned(GatewayMetrics.endpoint(slot) + 5, 1) }
        endCopy(m, .failed(.init(fault)), &loop)
    }

    // MARK: The end

    /// Counts how the copy ended, and gives back everything it holds.
    mutating func endCopy(_ m: Int, _ end: CopyEnd, _ loop: inout EventLoop) {
        let place = Int(clients[m].place)
        let route = Int(mirrors[place].route)
        switch end {
        case .skipped(let reason): countSkip(reason, route)
        case .failed(let reason):
            // It may end before its turn has come.
            if !mirrors[place].wasSent {
                countSkip(reason == .cut ? .shutdown : .busy, route)
            } else {
                words.addOwned(GatewayMetrics.failed(reason, route: route), 1)
            }
        case .answered:
            mirrors[place].copy.status = clients[m].exchange.status
            let taken = (now - clients[m].exchange.attemptBegan).microseconds
            let start = GatewayMetrics.mirror(route)
            let bucket = GatewayMetrics.bucket(microseconds: taken)
            words.addOwned(start + GatewayMetrics.mirrorBuckets + bucket, 1)
            words.addOwned(start + GatewayMetrics.mirrorSum, UInt64(clamping: taken))
        }
        detachUpstream(m, &loop, keep: false)
        endExchange(m)
        timers.cancel(m)
        clients.remove(clients.handle(at: m))
        leaveCopy(place)
    }

    /// Ends all copies: nobody waits for them, so the process does not either.
    mutating func endCopies(_ loop: inout EventLoop) {
        for c in 0..<clients.highWater where !clients.handle(at: c).isNone {
            if clients[c].kind == .mirror { endCopy(c, .failed(.cut), &loop) }
        }
    }
}
