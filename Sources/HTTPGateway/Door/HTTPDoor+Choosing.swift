// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Choosing an endpoint, and choosing again after a failure.
extension HTTPDoor {
    /// What came of an attempt to begin one.
    enum Turn {
        /// It is under way, or the request has been answered.
        case begun
        /// Every endpoint is at its limit; nothing has changed.
        case full
        /// The endpoints that this one could have have no room for it; others may have better luck.
        case passed
    }

    /// Chooses an endpoint that was not tried yet and brings the request on its way there, or
    /// lets it wait.
    mutating func startAttempt(_ c: Int, _ loop: inout EventLoop) {
        guard !isBehindOthers(c) else { return wait(c, isOpen: !isChoosy(c), &loop) }
        switch beginAttempt(c, &loop) {
        case .begun: break
        case .full: wait(c, isOpen: !isChoosy(c), &loop)
        case .passed: wait(c, isOpen: false, &loop)
        }
    }

    /// Begins an attempt, when there is a place for it.
    mutating func beginAttempt(_ c: Int, _ loop: inout EventLoop) -> Turn {
        guard takePlace(c) else { return .full }
        let handle = clients.handle(at: c)
        let turn = beginChosen(c, &loop)
        // Nobody was chosen, or the attempt has failed already.
        if clients.contains(handle), clients[c].exchange.slot < 0 { giveBackPlace(c) }
        return turn
    }

    private mutating func beginChosen(_ c: Int, _ loop: inout EventLoop) -> Turn {
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0 else {
            answer(c, .poolEmpty, &loop)
            return .begun
        }
        // Those whose connections by HTTP/2 are full are passed over, and may be chosen later.
        let tried = clients[c].exchange.triedSet
        var hasPassed = false
        // An endpoint may reach its limit between the choice and the claim: choose again.
        for _ in 0..<8 {
            switch choose(c, pool: pool) {
            case .none(.atLimit):
                if hasPassed { clients[c].exchange.triedSet = tried }
                return hasPassed ? .passed : .full
            case .none where clients[c].exchange.rival >= 0:
                return .full
            case .none(let why):
                if hasPassed {
                    clients[c].exchange.triedSet = tried
                    return .passed
                }
                // Nobody is left to try: what the last attempt met says more.
                let isSpent = why == .exhausted && clients[c].exchange.tried > 0
                let last = clients[c].exchange.lastFault
                answer(c, isSpent ? last : HTTPDoor.fault(why), &loop)
                return .begun
            case .endpoint(let index):
                // All peers are down: the origin is a better last resort.
                if clients[c].exchange.cached.isThroughTier, clients[c].exchange.rival < 0,
                    chooser.latestMode != .healthy, chooser.latestMode != .panic,
                    leaveTier(c, .allDown, &loop)
                {
                    return .begun
                }
                let endpoint = chooser.endpoint(pool: pool, index: index)
                if pools[pool].version != .http1, clients[c].kind != .passage,
                    !hasRoom(slot: endpoint.slot, pool, c)
                {
                    count(.originFull)
                    hasPassed = true
                    clients[c].exchange.triedSet.insert(index)
                    continue
                }
                if hasPassed { clients[c].exchange.triedSet = tried }
                guard chooser.begin(slot: endpoint.slot) else { continue }
                if clients[c].phase == .queued { leaveQueue(c) }
                if clients[c].exchange.tried > 0, clients[c].exchange.rival < 0 { countRetry(c) }
                clients[c].exchange.isLastTry = false
                clients[c].exchange.isLastResort = chooser.latestMode == .allDown
                clients[c].exchange.endpoint = Int32(index)
                clients[c].exchange.slot = Int32(endpoint.slot)
                clients[c].exchange.attemptSlot = Int32(endpoint.slot)
                clients[c].exchange.attemptBegan = now
                clients[c].exchange.triedSet.insert(index)
                clients[c].exchange.tried &+= 1
                clients[c].exchange.attemptNumber = clients[c].exchange.tried
                clients[c].exchange.isAttemptHedge = clients[c].exchange.rival >= 0
                reach(endpoint, c, &loop)
                return .begun
            }
        }
        if hasPassed { clients[c].exchange.triedSet = tried }
        return .passed
    }

    private mutating func countRetry(_ c: Int) {
        count(.retries)
        words.addOwned(GatewayMetrics.retry(clients[c].exchange.lastFault.condition), 1)
    }

    static func fault(_ why: NoChoice) -> Fault {
        switch why {
        case .empty: .poolEmpty
        case .atLimit: .atLimit
        case .allDown, .exhausted: .allDown
        case .noLeader: .noLeader
        }
    }

    /// The attempt failed before the client was answered: reports it, and tries another endpoint
    /// when that is safe and the budget allows, else answers.
    mutating func attemptFailed(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) {
        if clients[c].kind == .mirror { return copyFailed(c, fault, &loop) }
        let slot = Int(clients[c].exchange.slot)
        if slot >= 0 {
            if fault.isOfEndpoint { words.addOwned(GatewayMetrics.endpoint(slot) + 5, 1) }
            if fault.isOfEndpoint, !isLossCounted(c) {
                chooser.fail(slot: slot, now: now)
                load.countFailure(slot, worker: worker)
                report(slot, fault)
                // A time that was not enough is a time, too: who hangs is slow.
                if fault.condition == .timeout, measuresLatency(c) { countLatency(c, slot) }
            } else {
                chooser.abandon(slot: slot)
            }
        }
        clients[c].exchange.slot = -1
        noteAttempt(c, fault)
        giveBackPlace(c)
        let wasKept = isOnKept(c)
        detachUpstream(c, &loop, keep: false)
        if clients[c].exchange.responseStarted { return abandon(c, fault, &loop) }
        if hedgeFailed(c, &loop) { return }
        clients[c].exchange.lastFault = fault
        if clients[c].exchange.cached.isThroughTier, passPeer(c, fault, wasKept: wasKept, &loop) {
            return
        }
        // All endpoints are down: one attempt, and the reason is the pool's.
        if clients[c].exchange.isLastResort { return answer(c, .allDown, &loop) }
        guard mayRetry(c, fault, wasKept: wasKept) else { return answer(c, fault, &loop) }
        tryAgain(c, &loop)
    }

    private func measuresLatency(_ c: Int) -> Bool {
        let pool = Int(clients[c].exchange.pool)
        return pool >= 0 && pools[pool].measuresLatency
    }

    /// True while the exchange is on a connection that has carried others.
    private func isOnKept(_ c: Int) -> Bool {
        let handle = clients[c].exchange.upstream
        return upstreams.contains(handle) && upstreams[Int(handle.index)].wasReused
    }

    /// True when the endpoint's failure has been counted already, with another of its streams.
    func isLossCounted(_ c: Int) -> Bool {
        let handle = clients[c].exchange.upstream
        return upstreams.contains(handle) && upstreams[Int(handle.index)].isLossCounted
    }

    func report(_ slot: Int, _ fault: Fault) {
        let failure: PassiveFailure
        switch fault {
        case .connectRefused, .connectFailed, .originSecurity, .originVersion:
            failure = .connectRefused
        case .connectTimeout: failure = .connectTimeout
        case .originMalformed: failure = .malformed
        case .firstByteTimeout, .tryTimeout, .betweenBytesTimeout, .originSlow: failure = .timeout
        case .originReset, .originClosed, .originTruncated: failure = .reset
        default: return
        }
        shared.reports.post(PassiveReport(slot: slot, failure: failure, at: now))
    }
}
