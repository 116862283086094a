// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// The bytes and deadlines of connections by HTTP/2 to endpoints.
///
/// As with clients, every frame is counted before the library works on it: an endpoint that was
/// taken over must not take the door down.
extension HTTPDoor {
    /// Lets the connection write what its session has gathered, once in this batch.
    mutating func touchOrigin(_ o: Int) {
        guard !origins[o].isQueued else { return }
        origins[o].isQueued = true
        readyOrigins.append(origins[o].upstream)
    }

    /// Carries on those connections that were touched before now.
    mutating func runReadyOrigins(_ loop: inout EventLoop) {
        let count = readyOrigins.count
        for place in 0..<count {
            let handle = readyOrigins[place]
            guard upstreams.contains(handle), upstreams[Int(handle.index)].state == .session else {
                continue
            }
            origins[Int(upstreams[Int(handle.index)].place)].isQueued = false
            runOrigin(Int(handle.index), &loop)
        }
        readyOrigins.removeFirst(count)
    }

    /// Reads, sends the requests that there is room for, then writes what there is to say.
    mutating func runOrigin(_ u: Int, _ loop: inout EventLoop) {
        let o = Int(upstreams[u].place)
        if origins[o].step == .open {
            guard readOrigin(u, &loop) else { return }
        }
        startWaiting(o, &loop)
        if origins[o].step == .open {
            guard writeOrigin(u, &loop) else { return }
        }
        parkOrigin(u, &loop)
    }

    // MARK: Reading

    private mutating func readOrigin(_ u: Int, _ loop: inout EventLoop) -> Bool {
        for _ in 0..<16 {
            guard upstreams[u].canRead else { return true }
            if upstreams[u].input.block.isNone {
                upstreams[u].input = Pending(block: buffers.take())
                guard !upstreams[u].input.block.isNone else {
                    count(.buffersExhausted)
                    dropOrigin(u, .outOfBuffers, &loop)
                    return false
                }
            } else if upstreams[u].input.start > 0 {
                let pending = upstreams[u].input
                let from = Int(pending.start)
                buffers.copy(
                    from: pending.block,
                    at: from,
                    to: pending.block,
                    at: 0,
                    count: pending.count
                )
                upstreams[u].input = Pending(
                    block: pending.block,
                    start: 0,
                    end: Int32(pending.count)
                )
            }
            let end = Int(upstreams[u].input.end)
            switch receive(upstream: u, into: upstreams[u].input.block, at: end) {
            case .count(let count):
                upstreams[u].input.end &+= Int32(count)
                guard count > 0 else {
                    dropOrigin(u, .originMalformed, &loop)
                    return false
                }
                let o = Int(upstreams[u].place)
                origins[o].heard = now
                origins[o].asked = .never
            case .wouldBlock: upstreams[u].canRead = false
            case .endOfStream:
                dropOrigin(u, .originClosed, &loop)
                return false
            case .failed:
                dropOrigin(u, .originReset, &loop)
                return false
            }
            guard feedOrigin(u, &loop) else { return false }
        }
        touchOrigin(Int(upstreams[u].place))
        return true
    }

    /// Hands what has come to the session, piece by piece; false when the connection has ended.
    private mutating func feedOrigin(_ u: Int, _ loop: inout EventLoop) -> Bool {
        let o = Int(upstreams[u].place)
        guard let session = origins[o].session else { return true }
        while !upstreams[u].input.isEmpty {
            let pending = upstreams[u].input
            let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
            let size: Int
            var isSettings = false
            switch origins[o].reader.next(bytes) {
            case .needMore: return true
            case .refused(let abuse):
                cutOrigin(u, abuse, &loop)
                return false
            case .moreData(let count): size = count
            case .frame(let header, let count), .fieldBlock(let header, _, let count):
                size = count
                isSettings = header.type == HTTP2FrameType.settings && !header.isAcknowledgement
                // RFC 9113 §3.4: they come first, or this is no HTTP/2.
                guard isSettings || origins[o].hasSettings else {
                    dropOrigin(u, .originVersion, &loop)
                    return false
                }
                if let abuse = origins[o].meter.receive(header, now: now) {
                    cutOrigin(u, abuse, &loop)
                    return false
                }
            }
            let piece = bytes.extracting(first: size)
            guard session.receive(piece) else {
                cutOrigin(u, workspace.isBomb ? .fieldLists : .memory, &loop)
                return false
            }
            if isSettings { noteSettings(o, session) }
            handleOriginEvents(o, piece, &loop)
            guard judgeOrigin(u, &loop) else { return false }
            upstreams[u].input.consume(size)
        }
        buffers.give(upstreams[u].input.block)
        upstreams[u].input = Pending()
        return true
    }

    private mutating func noteSettings(_ o: Int, _ session: HTTP2Session) {
        origins[o].hasSettings = true
        origins[o].room = min(origins[o].streamLimit, Int32(clamping: session.peerStreams))
    }

    /// What the bytes meant, one event after the other.
    private mutating func handleOriginEvents(
        _ o: Int,
        _ bytes: Span<UInt8>,
        _ loop: inout EventLoop
    ) {
        let count = workspace.eventCount
        for index in 0..<count {
            switch workspace.event(index) {
            case .fields(_, let owner, let endsStream):
                takeResponse(owner, o, endsStream: endsStream, &loop)
            case .trailers(_, let owner): takeOriginTrailers(owner, &loop)
            case .data(_, let owner, let range):
                takeOriginContent(owner, bytes.slice(range), o, &loop)
            case .finished(_, let owner): finishOrigin(owner, &loop)
            case .closed(_, let owner, let code): loseOrigin(owner, o, code, &loop)
            case .goAway(let last, _): originLeaves(o, last, &loop)
            }
        }
    }

    /// Tells the meter what the session had to do; false when that was too much.
    private mutating func judgeOrigin(_ u: Int, _ loop: inout EventLoop) -> Bool {
        let o = Int(upstreams[u].place)
        guard let session = origins[o].session else { return true }
        let frames = session.dataFrames
        if frames != origins[o].framesSeen {
            origins[o].meter.sentData(frames: frames &- origins[o].framesSeen)
            origins[o].framesSeen = frames
        }
        let resets = session.provokedResets
        guard resets != origins[o].resetsSeen else { return true }
        let abuse = origins[o].meter.hadToReset(resets &- origins[o].resetsSeen, now: now)
        origins[o].resetsSeen = resets
        guard let abuse else { return true }
        cutOrigin(u, abuse, &loop)
        return false
    }

    /// Ends a connection that costs more than it is worth, with the reason of RFC 9113 §7.
    private mutating func cutOrigin(_ u: Int, _ abuse: HTTP2Abuse, _ loop: inout EventLoop) {
        count(.originCut)
        words.addOwned(GatewayMetrics.originAbuse(abuse), 1)
        sayFarewell(u, .enhanceYourCalm)
        dropOrigin(u, .originMalformed, &loop)
    }

    /// Says GOAWAY, if that can be said at once.
    private mutating func sayFarewell(_ u: Int, _ code: HTTP2ErrorCode) {
        let o = Int(upstreams[u].place)
        guard let session = origins[o].session, upstreams[u].output.isEmpty else { return }
        session.terminate(code)
        scratch.write { _ = session.produce(into: &$0) }
        _ = send(upstream: u, scratch.bytes)
    }

    // MARK: Writing

    private mutating func writeOrigin(_ u: Int, _ loop: inout EventLoop) -> Bool {
        let o = Int(upstreams[u].place)
        for _ in 0..<16 {
            guard flushOrigin(u, &loop) else { return false }
            guard origins[o].blockedSince == .never else { return true }
            guard produceOrigin(u, &loop) else { return false }
            if upstreams[u].output.isEmpty { break }
        }
        guard upstreams[u].output.isEmpty else {
            touchOrigin(o)
            return true
        }
        buffers.give(upstreams[u].output.block)
        upstreams[u].output = Pending()
        guard let session = origins[o].session, !session.wantsRead, !session.wantsWrite else {
            return true
        }
        dropOrigin(u, .originMalformed, &loop)
        return false
    }

    /// Sends what is in the output; false when the connection has ended.
    private mutating func flushOrigin(_ u: Int, _ loop: inout EventLoop) -> Bool {
        let o = Int(upstreams[u].place)
        if upstreams[u].isSecure, tls.hasBacklog(upstreams[u].tls) {
            switch tls.flush(upstreams[u].tls) {
            case .count: break
            case .wouldBlock:
                if origins[o].blockedSince == .never { origins[o].blockedSince = now }
                return true
            case .endOfStream, .failed:
                dropOrigin(u, .originReset, &loop)
                return false
            }
        }
        while !upstreams[u].output.isEmpty {
            let pending = upstreams[u].output
            let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
            switch send(upstream: u, bytes) {
            case .count(let count):
                upstreams[u].output.consume(count)
                origins[o].blockedSince = .never
            case .wouldBlock:
                if origins[o].blockedSince == .never { origins[o].blockedSince = now }
                return true
            case .endOfStream, .failed:
                dropOrigin(u, .originReset, &loop)
                return false
            }
        }
        origins[o].blockedSince = .never
        return true
    }

    /// Fills the empty output from the session; false when the connection has ended.
    private mutating func produceOrigin(_ u: Int, _ loop: inout EventLoop) -> Bool {
        let o = Int(upstreams[u].place)
        guard let session = origins[o].session else { return true }
        if upstreams[u].output.block.isNone {
            upstreams[u].output = Pending(block: buffers.take())
            guard !upstreams[u].output.block.isNone else {
                count(.buffersExhausted)
                dropOrigin(u, .outOfBuffers, &loop)
                return false
            }
        }
        var isWhole = true
        let size = buffers.write(upstreams[u].output.block, at: 0) {
            isWhole = session.produce(into: &$0)
        }
        upstreams[u].output.start = 0
        upstreams[u].output.end = Int32(size)
        guard isWhole else {
            dropOrigin(u, .originMalformed, &loop)
            return false
        }
        for index in 0..<workspace.takenCount {
            let taken = workspace.taken(index)
            requestTaken(taken.owner, taken.count)
        }
        for index in 0..<workspace.takenCount {
            carryRequestOn(workspace.taken(index).owner, &loop)
        }
        handleOriginEvents(o, Span<UInt8>(), &loop)
        return judgeOrigin(u, &loop)
    }

    // MARK: Deadlines

    /// Sets the deadline of whatever the connection waits for, or ends one that nobody needs.
    private mutating func parkOrigin(_ u: Int, _ loop: inout EventLoop) {
        let o = Int(upstreams[u].place)
        let streams = origins[o].active.count &+ origins[o].waiting.count
        if streams == 0 {
            let slot = Int(origins[o].slot)
            let isUnwanted = isShuttingDown || health.word(slot).closesConnections
            if isUnwanted { leaveOrigin(o) }
            let isSpent = origins[o].keepIdle == .zero && origins[o].hasServed
            if origins[o].isLeaving || isSpent { return endOrigin(u, &loop) }
        }
        guard origins[o].step == .open else { return }
        var deadline = Instant.never
        if streams == 0 { deadline = origins[o].idleSince + idleBound(o) }
        if origins[o].blockedSince < .never {
            deadline = min(deadline, origins[o].blockedSince + origins[o].timeouts.send)
        }
        if origins[o].asked < .never {
            deadline = min(deadline, origins[o].asked + origins[o].timeouts.connect)
        }
        guard deadline < .never else { return upstreamTimers.cancel(u) }
        upstreamTimers.schedule(u, at: deadline)
    }

    // Where none are kept, one that was opened for a request that went away waits a little.
    private func idleBound(_ o: Int) -> Interval {
        origins[o].keepIdle == .zero ? .seconds(1) : origins[o].keepIdle
    }

    /// Ends a connection that has no streams.
    private mutating func endOrigin(_ u: Int, _ loop: inout EventLoop) {
        sayFarewell(u, .noError)
        dropOrigin(u, .shutdown, &loop)
    }

    /// Asks for a sign of life where a request was given up in silence: one answer that is late
    /// says nothing of the others, but a peer that is gone answers nothing.
    mutating func suspectOrigin(_ o: Int) {
        guard origins[o].asked == .never, now - origins[o].heard >= .seconds(1),
            let session = origins[o].session
        else { return }
        session.ping()
        origins[o].asked = now
    }

    /// The time of a connection by HTTP/2 has come.
    mutating func originExpired(_ u: Int, _ loop: inout EventLoop) {
        let o = Int(upstreams[u].place)
        guard origins[o].step == .open else { return dropOrigin(u, .connectTimeout, &loop) }
        let timeouts = origins[o].timeouts
        if origins[o].blockedSince < .never, now >= origins[o].blockedSince + timeouts.send {
            return dropOrigin(u, .originSlow, &loop)
        }
        if origins[o].asked < .never, now >= origins[o].asked + timeouts.connect {
            return dropOrigin(u, .firstByteTimeout, &loop)
        }
        let streams = origins[o].active.count &+ origins[o].waiting.count
        if streams == 0, now >= origins[o].idleSince + idleBound(o) {
            return endOrigin(u, &loop)
        }
        parkOrigin(u, &loop)
    }
}
