// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Runtime
internal import Steering

/// Deadlines: one per client at a time, the nearest of its phase's and the whole exchange's.
extension HTTPDoor {
    /// Sets the deadline of a client's present phase.
    mutating func arm(_ c: Int, _ time: Interval) {
        timers.schedule(c, at: min(now + time, clients[c].exchange.deadline))
    }

    /// Ends whatever has run out of time.
    public mutating func expire(now: Instant, loop: inout EventLoop) {
        self.now = now
        if acceptsAgainAt <= now { resumeAccepting(&loop) }
        while let c = timers.popExpired(now: now) { clientExpired(c, &loop) }
        while let u = upstreamTimers.popExpired(now: now) {
            guard upstreams[u].state == .idle else {
                if upstreams[u].state == .session {
                    originExpired(u, &loop)
                } else if upstreams[u].isDrained {
                    endDrained(u, &loop)
                }
                continue
            }
            dropIdle(u)
            closeUpstream(u)
        }
    }

    /// When ``expire(now:loop:)`` has something to do.
    public func nextDeadline() -> Instant {
        var next = min(timers.nextDeadline(), upstreamTimers.nextDeadline())
        next = min(next, acceptsAgainAt)
        // Places at other workers' hands come free without a word: look every few milliseconds.
        if line.count > 0 { next = min(next, now + .milliseconds(2)) }
        return next
    }

    private mutating func clientExpired(_ c: Int, _ loop: inout EventLoop) {
        guard !clients.handle(at: c).isNone else { return }
        let isLate = clients[c].exchange.deadline <= now
        let pending = clients[c].exchange.responseStarted
        switch clients[c].phase {
        case .proxied: proxyHeaderExpired(c, &loop)
        case .handshake where tls.isAway(clients[c].tls): timers.schedule(c, at: now + lentGrace)
        case .handshake: handshakeFailed(c, .timedOut, &loop)
        case .idle: isShuttingDown ? closeQuiet(c, &loop) : close(c, &loop)
        case .header: headExpired(c, &loop)
        case .prefix: refuse(c, .fault(.bodyTimeout), &loop)
        case .authenticating: refuse(c, .fault(.authTimeout), &loop)
        case .asking: break
        case .fetching: isLate ? answer(c, .requestTimeout, &loop) : waitedEnough(c, &loop)
        case .queued: queueExpired(c, isLate: isLate, &loop)
        case .connecting:
            if isLate { return finishLate(c, &loop) }
            attemptFailed(c, .connectTimeout, &loop)
        case .pausing: isLate ? finishLate(c, &loop) : startAttempt(c, &loop)
        case .waiting: isLate ? finishLate(c, &loop) : waitingExpired(c, &loop)
        case .relaying:
            guard !isLate || !pending else { return abandon(c, .requestTimeout, &loop) }
            let isClientSlow =
                !clients[c].output.isEmpty || clients[c].exchange.response.hasFramed
                || tls.hasBacklog(clients[c].tls) || hasPiped(c) || hasStored(c)
            if isClientSlow, takesBytes(c) {
                return arm(c, listenerRecords[Int(clients[c].listener)].timeouts.send)
            }
            if isClientSlow { return abandon(c, .clientSlow, &loop) }
            originBroke(c, .betweenBytesTimeout, &loop)
        case .tunnel: abandon(c, isLate ? .requestTimeout : .tunnelIdle, &loop)
        case .copying: endCopy(c, .failed(.timeout), &loop)
        case .session: sessionExpired(c, &loop)
        case .closing: close(c, &loop)
        }
    }

    /// A session that another thread works on is not closed before it comes back.
    private var lentGrace: Interval { .milliseconds(20) }

    /// True when the client has taken bytes since it was last asked.
    ///
    /// Writability is told only when much room is free, so a slow reader may look like a dead one.
    mutating func takesBytes(_ c: Int) -> Bool {
        if clients[c].isStream { return streamTakesBytes(c) }
        guard let count = Socket.unacknowledged(clients[c].fd) else { return false }
        let before = clients[c].exchange.unacknowledged
        let sent = clients[c].exchange.bytesOut
        clients[c].exchange.unacknowledged = Int32(clamping: count)
        let hasMoved = before < 0 || count < before || sent != clients[c].exchange.bodyCheckedBytes
        clients[c].exchange.bodyCheckedBytes = sent
        return hasMoved
    }

    /// RFC 9110 §15.5.9: 408 when part of a head has come; silence gets no answer.
    private mutating func headExpired(_ c: Int, _ loop: inout EventLoop) {
        guard !clients[c].input.isEmpty else { return close(c, &loop) }
        clients[c].requestCount &+= 1
        let began = clients[c].exchange.began
        clients[c].exchange = Exchange()
        clients[c].exchange.began = began
        clients[c].exchange.headDone = now
        clients[c].exchange.keepsClient = false
        refuse(c, .fault(.headerTimeout), &loop)
    }

    private mutating func waitingExpired(_ c: Int, _ loop: inout EventLoop) {
        if clients[c].exchange.requestSent {
            if clients[c].exchange.hedgeAt <= now, beginHedge(c, &loop) { return }
            guard now < firstByteDeadline(c) else {
                let isOwn = tryDeadline(c) < wholeFirstByteDeadline(c)
                return isOwn ? tryExpired(c, &loop) : attemptFailed(c, .firstByteTimeout, &loop)
            }
            // The origin takes its time: from now on a client that goes away is worth noticing.
            register(c, &loop)
            return timers.schedule(c, at: waitingDeadline(c))
        }
        let u = clients[c].exchange.upstream
        let isOriginSlow =
            clients[c].exchange.request.hasFramed
            || (upstreams.contains(u) && !upstreams[Int(u.index)].output.isEmpty)
        if isOriginSlow { return attemptFailed(c, .originSlow, &loop) }
        // The client's turn: its body must keep the least rate.
        let rate = listenerRecords[Int(clients[c].listener)].timeouts.bodyRate
        let total = clients[c].exchange.request.total
        let seconds = max((now - clients[c].exchange.bodyChecked).nanoseconds / 1_000_000_000, 1)
        let come = total &- clients[c].exchange.bodyCheckedBytes
        // A call of gRPC may well be silent for a while: it has a deadline of its own.
        let isJudged = rate > 0 && !clients[c].exchange.isGRPC
        if isJudged, come < UInt64(clamping: rate.multipliedReportingOverflow(by: seconds).0) {
            detachUpstream(c, &loop, keep: false)
            endAttempt(c)
            return refuseStarted(c, .fault(.bodyTimeout), &loop)
        }
        clients[c].exchange.bodyChecked = now
        clients[c].exchange.bodyCheckedBytes = total
        arm(c, HTTPDoor.bodyRatePeriod)
    }

    /// How often the rate of a request body is judged; a body gets this much grace at first.
    static let bodyRatePeriod = Interval.seconds(5)
    /// A quick answer spares the client's connection its place in the loop.
    static let quickAnswer = Interval.milliseconds(250)

    func firstByteDeadline(_ c: Int) -> Instant {
        min(wholeFirstByteDeadline(c), tryDeadline(c))
    }

    private func wholeFirstByteDeadline(_ c: Int) -> Instant {
        let pool = Int(clients[c].exchange.pool)
        let bound = pool >= 0 ? pools[pool].timeouts.firstByte : .seconds(30)
        return clients[c].exchange.sent + bound
    }

    private mutating func queueExpired(_ c: Int, isLate: Bool, _ loop: inout EventLoop) {
        guard clients[c].exchange.awaitsBudget else {
            return answer(c, isLate ? .requestTimeout : .queueTimeout, &loop)
        }
        count(.retriesRefused)
        answer(c, clients[c].exchange.lastFault, &loop)
    }

    /// The whole exchange has run out of time.
    private mutating func finishLate(_ c: Int, _ loop: inout EventLoop) {
        endAttempt(c)
        answer(c, .requestTimeout, &loop)
    }
}
