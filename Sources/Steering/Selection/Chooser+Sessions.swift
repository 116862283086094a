// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Why a client's session could not stay with its endpoint.
public enum SessionLoss: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// No endpoint of the pool has this identifier.
    case unknown
    /// An attempt at the endpoint failed.
    case failed
    /// The operator has taken the endpoint out.
    case maintenance
    /// The endpoint has been draining for longer than the pool allows.
    case drained
    /// The endpoint is not up, or ejected.
    case down

    /// The word used in logs, metrics and explanations.
    public var word: String {
        switch self {
        case .unknown: "unknown"
        case .failed: "failed"
        case .maintenance: "maintenance"
        case .drained: "drained"
        case .down: "down"
        }
    }
}

/// The answer for a client that came with a session.
public struct SessionChoice: Sendable, BitwiseCopyable, Equatable {
    /// Who serves.
    public let choice: Choice
    /// Why it is not the session's endpoint; nil when it is, or will be once it has room.
    public let loss: SessionLoss?
}

/// One endpoint by its identifier.
struct SessionPlace: BitwiseCopyable {
    var session: UInt64
    // Place among the candidates.
    var place: UInt32
}

// A session goes to its endpoint whatever balance and weights say. `draining` and weight 0 keep
// sessions, since both are for new work; the first only for as long as the pool drains.
extension Chooser {
    /// Chooses for a client whose session names an endpoint; 0 names none.
    ///
    /// At its connection limit the endpoint is worth waiting for: ``NoChoice/atLimit``.
    public mutating func choose(
        pool: Int,
        key: UInt64,
        session: UInt64,
        tried: Tried,
        now: Instant
    ) -> SessionChoice {
        let place = place(of: session, pool: pool)
        guard place >= 0 else {
            let choice = choose(pool: pool, key: key, tried: tried, now: now)
            return SessionChoice(choice: choice, loss: .unknown)
        }
        let candidate = sources.plan.candidates[place]
        let loss = loss(of: candidate, pool: pool, tried: tried, now: now)
        if loss == nil { return keep(candidate, .healthy) }
        let choice = choose(pool: pool, key: key, tried: tried, now: now)
        // Nobody is well: then whoever knows the session is as good as another, and the session
        // does not wander from one to the next as long as that lasts.
        if case .endpoint = choice, loss == .down,
            latestMode == .allDown || latestMode == .panic
        {
            var question = Question(
                key: 0,
                tried: tried,
                now: now.nanoseconds,
                slowStart: 0,
                respectsWeights: false
            )
            question.consider(latestMode)
            let bits = sources.health.word(Int(candidate.slot)).bits
            if bits & question.mask == question.want { return keep(candidate, latestMode) }
        }
        return SessionChoice(choice: choice, loss: loss)
    }

    /// True when a client with this session would stay with its endpoint, or wait for it.
    public func keeps(_ session: UInt64, pool: Int, tried: Tried, now: Instant) -> Bool {
        let place = place(of: session, pool: pool)
        guard place >= 0 else { return false }
        return loss(of: sources.plan.candidates[place], pool: pool, tried: tried, now: now) == nil
    }

    /// What names the endpoint in sessions; 0 when nothing does.
    public func session(pool: Int, index: Int) -> UInt64 {
        guard pool >= 0, pool < poolCount, index >= 0, index < endpointCount(pool: pool) else {
            return 0
        }
        let record = sources.plan.poolRecords[pool]
        let place = sources.plan.places[record.firstCandidate &+ index]
        return sources.plan.candidates[Int(place)].session
    }

    private mutating func keep(_ candidate: Candidate, _ mode: ChoiceMode) -> SessionChoice {
        latestMode = mode
        latestIgnoresTrials = mode != .healthy
        if candidate.limit != 0, sources.isFull(Int(candidate.slot), candidate.limit) {
            return SessionChoice(choice: .none(.atLimit), loss: nil)
        }
        return SessionChoice(choice: .endpoint(Int(candidate.index)), loss: nil)
    }

    private func loss(
        of candidate: Candidate,
        pool: Int,
        tried: Tried,
        now: Instant
    ) -> SessionLoss? {
        if !tried.isEmpty, tried.contains(Int(candidate.index)) { return .failed }
        let slot = Int(candidate.slot)
        let word = sources.health.word(slot)
        switch word.administrative {
        case .ready: break
        case .maintenance: return .maintenance
        case .draining:
            let end = sources.health.drainEnd(slot)
            if end != .start, now >= end { return .drained }
            if end != .start { break }
            let drain = sources.plan.poolRecords[pool].drain
            let since = sources.health.changed(slot).nanoseconds
            if since != 0, now.nanoseconds &- since >= drain { return .drained }
        }
        guard word.health == .up, !word.isEjected else { return .down }
        // On trial it keeps as many as it may have, and the others move as they did before.
        let isFull =
            word.isHalfOpen && candidate.trialLimit != 0
            && sources.load.trials(slot) >= Int(candidate.trialLimit)
        return isFull ? .down : nil
    }

    // Among the candidates, or -1.
    private func place(of session: UInt64, pool: Int) -> Int {
        guard session != 0, pool >= 0, pool < poolCount else { return -1 }
        let record = sources.plan.poolRecords[pool]
        var low = record.firstSession
        let end = record.firstSession &+ record.sessionCount
        var high = end
        while low < high {
            let middle = (low &+ high) / 2
            if sources.plan.sessions[middle].session < session {
                low = middle &+ 1
            } else {
                high = middle
            }
        }
        guard low < end, sources.plan.sessions[low].session == session else { return -1 }
        return Int(sources.plan.sessions[low].place)
    }
}
