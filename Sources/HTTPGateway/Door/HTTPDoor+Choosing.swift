// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Choosing an endpoint, waiting for one, and choosing again after a failure.
extension HTTPDoor {
    /// Chooses an endpoint that was not tried yet and brings the request on its way there, or
    /// lets it wait.
    mutating func startAttempt(_ c: Int, _ loop: inout EventLoop) {
        if !beginAttempt(c, &loop) { wait(c, &loop) }
    }

    /// False, with nothing changed, when every endpoint is at its limit.
    private mutating func beginAttempt(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0 else {
            answer(c, .poolEmpty, &loop)
            return true
        }
        // Those whose connections by HTTP/2 are full are passed over, and may be chosen later.
        let tried = clients[c].exchange.triedSet
        var hasPassed = false
        // An endpoint may reach its limit between the choice and the claim: choose again.
        for _ in 0..<8 {
            switch choose(c, pool: pool) {
            case .none(.atLimit):
                if hasPassed { clients[c].exchange.triedSet = tried }
                return false
            case .none(let why):
                if hasPassed {
                    clients[c].exchange.triedSet = tried
                    return false
                }
                // Nobody is left to try: what the last attempt met says more.
                let isSpent = why == .exhausted && clients[c].exchange.tried > 0
                let last = clients[c].exchange.lastFault
                answer(c, isSpent ? last : HTTPDoor.fault(why), &loop)
                return true
            case .endpoint(let index):
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
                if clients[c].exchange.tried > 0 { countRetry(c) }
                clients[c].exchange.isLastTry = false
                clients[c].exchange.isLastResort = chooser.latestMode == .allDown
                clients[c].exchange.endpoint = Int32(index)
                clients[c].exchange.slot = Int32(endpoint.slot)
                clients[c].exchange.attemptSlot = Int32(endpoint.slot)
                clients[c].exchange.attemptBegan = now
                clients[c].exchange.triedSet.insert(index)
                clients[c].exchange.tried &+= 1
                reach(endpoint, c, &loop)
                return true
            }
        }
        if hasPassed { clients[c].exchange.triedSet = tried }
        return false
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

    /// Puts the request into its pool's queue, or refuses it when the queue is full.
    mutating func wait(_ c: Int, _ loop: inout EventLoop) {
        let pool = Int(clients[c].exchange.pool)
        let limit = Int(pools[pool].queueLimit)
        guard self.pending.tryEnter(Int(pools[pool].slot), limit: limit) else {
            guard !clients[c].exchange.awaitsBudget else {
                count(.retriesRefused)
                return answer(c, clients[c].exchange.lastFault, &loop)
            }
            return answer(c, limit == 0 ? .atLimit : .queueFull, &loop)
        }
        count(.queued)
        clients[c].phase = .queued
        register(c, &loop)
        queues[pool].append(clients.handle(at: c))
        waitingCount += 1
        arm(c, pools[pool].queueTimeout)
    }

    /// Takes a request that leaves its queue for any reason off the books.
    mutating func leaveQueue(_ c: Int) {
        waitingCount -= 1
        self.pending.leave(Int(clients[c].exchange.poolSlot))
    }

    /// Gives those who wait the places that have become free, first come first served.
    mutating func serveQueues(_ loop: inout EventLoop) {
        for pool in queues.indices where !queues[pool].isEmpty {
            // Those behind may join while their predecessors are served.
            let count = queues[pool].count
            var (place, kept) = (0, 0)
            while place < count {
                let handle = queues[pool][place]
                let c = Int(handle.index)
                // Others are gone meanwhile: off the books already.
                if clients.contains(handle), clients[c].phase == .queued {
                    if clients[c].exchange.awaitsBudget, !takeRetry(c) { break }
                    if !beginAttempt(c, &loop) {
                        // Bound to one endpoint: those behind may find room at another.
                        guard isBound(c) else { break }
                        queues[pool][kept] = handle
                        kept += 1
                    }
                }
                place += 1
            }
            queues[pool].removeSubrange(kept..<place)
        }
    }

    /// The attempt failed before the client was answered: reports it, and tries another endpoint
    /// when that is safe and the budget allows, else answers.
    mutating func attemptFailed(_ c: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let slot = Int(clients[c].exchange.slot)
        if slot >= 0 {
            if fault.isOfEndpoint {
                chooser.fail(slot: slot, now: now)
                load.countFailure(slot, worker: worker)
                report(slot, fault)
                // A time that was not enough is a time, too: who hangs is slow.
                if fault.condition == .timeout, measuresLatency(c) { countLatency(c, slot) }
                words.addOwned(GatewayMetrics.endpoint(slot) + 5, 1)
            } else {
                chooser.abandon(slot: slot)
            }
        }
        clients[c].exchange.slot = -1
        noteAttempt(c, fault)
        let wasKept = isOnKept(c)
        detachUpstream(c, &loop, keep: false)
        if clients[c].exchange.responseStarted { return abandon(c, fault, &loop) }
        clients[c].exchange.lastFault = fault
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
