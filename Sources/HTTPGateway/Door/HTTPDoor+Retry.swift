// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Trying a request again: whether it may be, when, and what becomes of the answer before.
extension HTTPDoor {
    /// Notes what the route and the pool say of retries for this request.
    ///
    /// Its fields must be in the table.
    mutating func noteRetries(_ c: Int, _ record: RouteRecord, pool: Int) {
        clients[c].exchange.retries = record.retries >= 0 ? record.retries : pools[pool].retries
        var rule = Int32(pool)
        if !record.retryRules.isEmpty { rule = retries.place(record.retryRules, pool: rule) }
        clients[c].exchange.retryRule = rule
        clients[c].exchange.isRepeatable = requestHead.method.isIdempotent || isKeyed(rule)
    }

    /// RFC 9110 §9.2.2: not idempotent by its method, but known to be by other means.
    private func isKeyed(_ rule: Int32) -> Bool {
        switch retryRules[Int(rule)].nonIdempotent {
        case .never: return false
        case .always: return true
        case .keyed:
            guard let index = fields.first(.idempotencyKey) else { return false }
            return !fields[index].value.isEmpty
        }
    }

    /// Whether one more attempt is allowed after a failure, budget aside.
    ///
    /// `wasKept` says that the connection was one kept open, which the endpoint may have been
    /// closing while the request was on its way: as good as no connection.
    func mayRetry(_ c: Int, _ fault: Fault, wasKept: Bool = false) -> Bool {
        let isOpen = now < clients[c].exchange.deadline && !clients[c].hangUp
        // Short of blocks or descriptors, another endpoint would fare no better.
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0, isOpen, fault != .outOfBuffers, hasAttemptLeft(c) else { return false }
        // The leader has failed, and nobody else may have the request: no use in a place of the
        // budget, nor in waiting for one.
        guard
            pools[pool].wish(clients[c].exchange.head.method) != .leader
                || !chooser.hasTriedLeader(pool: pool, clients[c].exchange.triedSet)
        else { return false }
        // A budget of nothing never comes free: no use in waiting for it.
        guard pools[pool].retryPercent > 0 || pools[pool].retryMinimum > 0 else { return false }
        let rule = Int(clients[c].exchange.retryRule)
        guard rule >= 0 else { return false }
        let conditions = retryRules[rule].conditions
        let isReason =
            conditions.contains(fault.condition)
            || wasKept && fault.condition == .reset && conditions.contains(.connect)
        guard isReason else { return false }
        // RFC 9110 §9.2.2: once bytes may have reached an origin, only an idempotent request
        // may be sent again; a connection that never opened has carried nothing.
        let untouched = clients[c].exchange.sent == .start && clients[c].phase == .connecting
        let refused = fault == .originRefused && isUnread(c)
        // Whoever lists a status of gRPC says that calls which end with it have done nothing.
        let isCall = fault == .originGRPC && retryRules[rule].nonIdempotent != .never
        return untouched || refused || isRepeatable(c)
            || isCall && clients[c].exchange.isReplayable
    }

    private func hasAttemptLeft(_ c: Int) -> Bool {
        // The other of two attempts is under way already.
        clients[c].exchange.rival >= 0
            || Int(clients[c].exchange.tried) <= Int(clients[c].exchange.retries)
    }

    /// True when sending the request once more does no harm, and all of it is at hand.
    private func isRepeatable(_ c: Int) -> Bool {
        clients[c].exchange.isRepeatable && clients[c].exchange.isReplayable
    }

    /// Tries again after ``Exchange/lastFault``, as soon as budget and back-off allow.
    mutating func tryAgain(_ c: Int, _ loop: inout EventLoop) {
        clients[c].exchange.requestSent = false
        clients[c].exchange.requestAborted = false
        // Of the attempt that is over; the next one may never get so far.
        clients[c].exchange.connected = .start
        clients[c].exchange.sent = .start
        guard takeRetry(c) else {
            // When an endpoint dies, all it had in hand fails at once. The budget spreads these
            // retries over time instead of refusing them: they wait as others do.
            count(.retriesDelayed)
            clients[c].exchange.awaitsBudget = true
            return wait(c, isOpen: false, &loop)
        }
        let pause = pause(c)
        guard pause > .zero else { return startAttempt(c, &loop) }
        clients[c].phase = .pausing
        register(c, &loop)
        arm(c, pause)
    }

    /// None where nothing reached an endpoint: another one knows nothing of it.
    private mutating func pause(_ c: Int) -> Interval {
        let backoff = pools[Int(clients[c].exchange.pool)].backoff
        guard backoff.base > .zero, clients[c].exchange.lastFault.condition != .connect else {
            return .zero
        }
        return backoff.pause(retry: Int(clients[c].exchange.tried), draw: random.next())
    }

    /// Claims a place in the pool's retry budget, once per exchange.
    mutating func takeRetry(_ c: Int) -> Bool {
        guard !clients[c].exchange.holdsRetry else { return true }
        let pool = Int(clients[c].exchange.pool)
        let isAllowed = budget.tryRetry(
            Int(clients[c].exchange.poolSlot),
            percent: Int(pools[pool].retryPercent),
            minimum: Int(pools[pool].retryMinimum)
        )
        guard isAllowed else { return false }
        clients[c].exchange.holdsRetry = true
        clients[c].exchange.awaitsBudget = false
        return true
    }

    // MARK: Statuses

    /// Discards an answer whose status is a reason to try again; false when it is to be passed on.
    ///
    /// The last attempt's answer is passed on whatever its status, and so is one that no other
    /// endpoint or no budget is left for: it says more than an answer of ours.
    mutating func discardsAnswer(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        guard let fault = unwanted(c, u), !clients[c].exchange.isLastResort,
            !clients[c].exchange.responseStarted, mayRetry(c, fault),
            clients[c].exchange.rival >= 0 || hasOther(c)
        else { return false }
        guard clients[c].exchange.rival >= 0 || takeRetry(c) else {
            count(.retriesRefused)
            return false
        }
        let slot = Int(clients[c].exchange.slot)
        clients[c].exchange.status = responseHead.status
        judgeEndpoint(c, responseHead.status)
        countSuccess(c, slot)
        clients[c].exchange.status = 0
        countDiscarded(slot, responseHead.status)
        let latency = now - clients[c].exchange.connected
        chooser.end(slot: slot, latency: latency, now: now)
        clients[c].exchange.slot = -1
        noteAttempt(c, .originStatus, status: responseHead.status)
        giveBackPlace(c)
        let isReusable = isWhole(c, u)
        clients[c].exchange.lastFault = fault
        detachUpstream(c, &loop, keep: isReusable)
        if hedgeFailed(c, &loop) { return true }
        tryAgain(c, &loop)
        return true
    }

    /// What about the answer is a reason to try again; nil for nothing.
    private func unwanted(_ c: Int, _ u: Int) -> Fault? {
        let rule = Int(clients[c].exchange.retryRule)
        guard rule >= 0 else { return nil }
        if retryRules[rule].statuses.contains(responseHead.status) { return .originStatus }
        guard retryRules[rule].grpcCodes != 0, let code = grpcCode(ofAnswerTo: c, u) else {
            return nil
        }
        return retryRules[rule].grpcCodes >> UInt32(code) & 1 == 1 ? .originGRPC : nil
    }

    func hasOther(_ c: Int) -> Bool {
        // Nobody stands beside the one that leads.
        let method = clients[c].exchange.head.method
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0, pools[pool].wish(method) != .leader else { return false }
        return chooser.hasOther(
            pool: pool,
            role: pools[pool].wish(method),
            tried: clients[c].exchange.triedSet,
            now: now
        )
    }

    private func countDiscarded(_ slot: Int, _ status: UInt16) {
        words.addOwned(GatewayMetrics.endpoint(slot) + Int(status / 100) - 1, 1)
    }

    /// True when all of an answer that is not wanted is at hand, so that its connection can go on.
    mutating func isWhole(_ c: Int, _ u: Int) -> Bool {
        // A stream by HTTP/2 is not kept: its connection goes on without it.
        guard clients[c].exchange.requestSent, responseHead.isPersistent, !upstreams[u].hangUp,
            !upstreams[u].canRead, !upstreams[u].isStream
        else { return false }
        let pending = upstreams[u].input
        var transfer = BodyTransfer(responseHead.framing, toChunks: false)
        transfer.rawStart = pending.start &+ Int32(responseHead.length)
        transfer.rawEnd = pending.end
        let refusal = transfer.advance(
            in: &buffers,
            block: pending.block,
            fields: &responseFields,
            scratch: &tail
        )
        return refusal == nil && transfer.isSourceDone && !transfer.hasRaw
    }

    // MARK: The time of one attempt

    /// By when the attempt's first byte must be there, unless it is the last.
    func tryDeadline(_ c: Int) -> Instant {
        let rule = Int(clients[c].exchange.retryRule)
        guard rule >= 0, retryRules[rule].tryTimeout > .zero, !clients[c].exchange.isLastTry,
            hasAttemptLeft(c), isRepeatable(c)
        else { return .never }
        return clients[c].exchange.sent + retryRules[rule].tryTimeout
    }

    /// The attempt's own time is over: tries elsewhere, or lets it go on as the last one.
    mutating func tryExpired(_ c: Int, _ loop: inout EventLoop) {
        let hasRival = clients[c].exchange.rival >= 0
        if mayRetry(c, .tryTimeout), hasRival || hasOther(c) && takeRetry(c) {
            return attemptFailed(c, .tryTimeout, &loop)
        }
        clients[c].exchange.isLastTry = true
        register(c, &loop)
        timers.schedule(c, at: waitingDeadline(c))
    }
}
