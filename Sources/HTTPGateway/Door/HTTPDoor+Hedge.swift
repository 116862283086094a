// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Of two attempts of one request the one that is put aside.
struct Rival: BitwiseCopyable {
    let upstream: Handle
    let slot: Int32
    /// Its place in the pool; -1 after a reload.
    var endpoint: Int32
    let serving: UInt64
    let turn: SessionTurn
    let connected: Instant
    let sent: Instant
    let holdsPlace: Bool
    let number: UInt16
    let began: Instant
    /// It is the second one.
    let isHedge: Bool
    let phase: Phase
    let requestSent: Bool
}

/// How a second attempt ended.
public enum HedgeOutcome: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// Its answer was passed on.
    case won
    /// The first attempt's answer came first.
    case lost
    /// It failed, and the first attempt went on.
    case failed
    /// There was none, as the budget is spent.
    case refused

    /// The word in metrics and log.
    public var word: StaticString {
        switch self {
        case .won: "won"
        case .lost: "lost"
        case .failed: "failed"
        case .refused: "refused"
        }
    }
}

/// Asking another endpoint as well when one takes long; the first answer wins.
///
/// The first attempt is put aside as the rival, with its connection and its place at the endpoint,
/// and the second goes the way of any attempt. When the rival speaks the two change places while it
/// is heard. The first final answer that is wanted cuts the other attempt; one that fails, or whose
/// status is a reason to try again, leaves the field to the other.
extension HTTPDoor {
    /// Notes when a second attempt is due, for a request that has just been sent.
    mutating func noteHedge(_ c: Int) {
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0, pools[pool].hedgePercentile > 0, clients[c].exchange.tried == 1,
            isHedged(c, pool)
        else { return }
        hedges[pool].begin(percent: UInt32(pools[pool].hedgePercent))
        guard let time = hedges[pool].time(percentile: UInt32(pools[pool].hedgePercentile)) else {
            return
        }
        clients[c].exchange.hedgeAt = now + max(time, pools[pool].hedgeLeast)
    }

    /// True for what does no harm twice, and is whole at hand (RFC 9110 §9.2.1).
    private func isHedged(_ c: Int, _ pool: Int) -> Bool {
        let head = clients[c].exchange.head
        return head.method.isSafe && head.framing.isEmpty && !head.wantsUpgrade
            && clients[c].kind != .passage && !isBound(c) && !clients[c].exchange.isLastResort
            && pools[pool].version == .http1 && pools[pool].proxyHeader == nil
    }

    /// The machines of all pools, none where no pool asks twice; those that stay go on.
    static func hedges(
        _ new: [PoolRecord],
        of old: [PoolRecord] = [],
        _ machines: [HedgeMachine] = []
    ) -> [HedgeMachine] {
        guard new.contains(where: { $0.hedgePercentile > 0 }) else { return [] }
        return new.map { pool in
            let before = old.firstIndex { $0.slot == pool.slot }
            return before.flatMap { machines.indices.contains($0) ? machines[$0] : nil }
                ?? HedgeMachine()
        }
    }

    /// By when the answer, or a second attempt, is due.
    func waitingDeadline(_ c: Int) -> Instant {
        let due = min(firstByteDeadline(c), clients[c].exchange.hedgeAt)
        return min(due, clients[c].exchange.deadline)
    }

    /// Begins a second attempt; false, with nothing changed, when there is nobody or no budget.
    mutating func beginHedge(_ c: Int, _ loop: inout EventLoop) -> Bool {
        clients[c].exchange.hedgeAt = .never
        let pool = Int(clients[c].exchange.pool)
        let upstream = clients[c].exchange.upstream
        // Where others wait for a place a second request would take it from them.
        guard pool >= 0, pools[pool].hedgePercentile > 0, upstreams.contains(upstream),
            !upstreams[Int(upstream.index)].canRead,
            upstreams[Int(upstream.index)].input.isEmpty, clients[c].exchange.rival < 0,
            pending.count(Int(pools[pool].slot)) == 0, hasOther(c)
        else { return false }
        guard hedges[pool].tryTake() else {
            countHedge(c, .refused)
            return false
        }
        guard putAside(c) else {
            hedges[pool].putBack()
            return false
        }
        if case .begun = beginAttempt(c, &loop) { return true }
        _ = takeBack(c, &loop)
        hedges[pool].putBack()
        return false
    }

    private mutating func putAside(_ c: Int) -> Bool {
        guard let place = rivals.insert(present(c)) else { return false }
        clients[c].exchange.rival = Int32(place.index)
        clients[c].exchange.upstream = .none
        clients[c].exchange.slot = -1
        clients[c].exchange.holdsPlace = false
        clients[c].exchange.requestSent = false
        clients[c].exchange.isHedge = true
        return true
    }

    /// The attempt under way, as it is put aside.
    private func present(_ c: Int) -> Rival {
        let exchange = clients[c].exchange
        return Rival(
            upstream: exchange.upstream,
            slot: exchange.slot,
            endpoint: exchange.endpoint,
            serving: exchange.serving,
            turn: exchange.turn,
            connected: exchange.connected,
            sent: exchange.sent,
            holdsPlace: exchange.holdsPlace,
            number: exchange.attemptNumber,
            began: exchange.attemptBegan,
            isHedge: exchange.isAttemptHedge,
            phase: clients[c].phase,
            requestSent: exchange.requestSent
        )
    }

    private mutating func resume(_ c: Int, _ rival: Rival) {
        clients[c].exchange.attemptSlot = rival.slot
        clients[c].exchange.attemptNumber = rival.number
        clients[c].exchange.attemptBegan = rival.began
        clients[c].exchange.isAttemptHedge = rival.isHedge
        clients[c].exchange.upstream = rival.upstream
        clients[c].exchange.slot = rival.slot
        clients[c].exchange.endpoint = rival.endpoint
        clients[c].exchange.serving = rival.serving
        clients[c].exchange.turn = rival.turn
        clients[c].exchange.connected = rival.connected
        clients[c].exchange.sent = rival.sent
        clients[c].exchange.holdsPlace = rival.holdsPlace
        clients[c].exchange.requestSent = rival.requestSent
        clients[c].phase = rival.phase
    }

    /// Makes the rival the exchange's attempt again; false when there is none.
    private mutating func takeBack(_ c: Int, _ loop: inout EventLoop) -> Bool {
        guard let rival = removeRival(c) else { return false }
        resume(c, rival)
        // What is left to be told of two attempts is how the second ends.
        clients[c].exchange.isHedge = rival.isHedge
        register(c, &loop)
        if rival.phase == .waiting {
            timers.schedule(c, at: waitingDeadline(c))
        } else {
            let pool = Int(clients[c].exchange.pool)
            if pool >= 0 { arm(c, pools[pool].timeouts.connect) }
        }
        return true
    }

    private mutating func removeRival(_ c: Int) -> Rival? {
        let place = Int(clients[c].exchange.rival)
        guard place >= 0 else { return nil }
        let rival = rivals[place]
        rivals.remove(rivals.handle(at: place))
        clients[c].exchange.rival = -1
        return rival
    }

    /// Lets the other of two attempts go on when one has failed; false when there is none.
    mutating func hedgeFailed(_ c: Int, _ loop: inout EventLoop) -> Bool {
        guard clients[c].exchange.isHedge else { return false }
        clients[c].exchange.isHedge = false
        if clients[c].exchange.isAttemptHedge { countHedge(c, .failed) }
        return takeBack(c, &loop)
    }

    /// True when the connection is that of the attempt that was put aside.
    @inline(__always)
    func isRival(_ c: Int, _ u: Int) -> Bool {
        clients[c].exchange.rival >= 0 && Int(clients[c].exchange.upstream.index) != u
    }

    /// The attempt that was put aside has something to say: hears it in the place of the other.
    mutating func rivalSpeaks(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        guard upstreams[u].canRead || !upstreams[u].input.isEmpty else { return }
        let client = clients.handle(at: c)
        let upstream = upstreams.handle(at: u)
        changePlaces(c)
        readResponse(c, u, &loop)
        // It has not come to the point yet: both go on.
        guard clients.contains(client), clients[c].exchange.rival >= 0,
            clients[c].exchange.upstream == upstream
        else { return }
        changePlaces(c)
    }

    private mutating func changePlaces(_ c: Int) {
        let place = Int(clients[c].exchange.rival)
        guard place >= 0 else { return }
        let other = rivals[place]
        rivals[place] = present(c)
        resume(c, other)
    }

    /// The exchange has its answer, or is over: the other attempt is cut, unless it has broken.
    mutating func dropRival(_ c: Int, _ fault: Fault? = nil) {
        guard let rival = removeRival(c) else { return }
        noteRival(c, rival, fault)
        chooser.abandon(slot: Int(rival.slot))
        if rival.holdsPlace { places.giveBack(Int(clients[c].exchange.poolSlot)) }
        guard upstreams.contains(rival.upstream) else { return }
        closeUpstream(Int(rival.upstream.index))
    }

    /// A final answer has begun: counts its time, and cuts the other attempt.
    @inline(__always)
    mutating func settleHedge(_ c: Int) {
        let pool = Int(clients[c].exchange.pool)
        guard pool >= 0, pools[pool].hedgePercentile > 0 else { return }
        settle(c, pool)
    }

    @inline(never)
    private mutating func settle(_ c: Int, _ pool: Int) {
        let place = Int(clients[c].exchange.rival)
        let isSecond = clients[c].exchange.isAttemptHedge
        let began = isSecond && place >= 0 ? rivals[place].sent : clients[c].exchange.sent
        // From the first attempt on, or else those that were slow would never count.
        if began != .start, isHedged(c, pool) { hedges[pool].record(now - began) }
        guard clients[c].exchange.isHedge else { return }
        clients[c].exchange.isHedge = false
        countHedge(c, isSecond ? .won : .lost)
        dropRival(c)
    }

    private mutating func countHedge(_ c: Int, _ outcome: HedgeOutcome) {
        if outcome != .refused { clients[c].exchange.hedge = outcome }
        let pool = Int(clients[c].exchange.poolSlot)
        guard pool >= 0, pool < GatewayMetrics.poolLimit else { return }
        words.addOwned(GatewayMetrics.hedge(outcome, pool: pool), 1)
    }
}
