// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What one choice asks, and what it met on the way.
struct Question {
    var key: UInt64
    var tried: Tried
    // Monotonic nanoseconds.
    var now: Int64
    // Slow-start window in nanoseconds; 0 for none.
    var slowStart: Int64
    var respectsWeights: Bool
    // A health word is admitted when its masked bits are the wanted ones.
    var mask: UInt64 = 0
    var want: UInt64 = 0
    var mode = ChoiceMode.healthy
    var sawLimit = false
    var sawTried = false
    // A half-open endpoint had all the requests that it gets at a time, and others there are none.
    var sawTrial = false
    var ignoresTrials = false
    // The endpoint that leads is passed over.
    var avoidsLeader = false

    mutating func consider(_ mode: ChoiceMode) {
        self.mode = mode
        (sawLimit, sawTried) = (false, false)
        switch mode {
        case .healthy, .fallback: (mask, want) = (0b1_1111, 0b0_0001)
        case .panic: (mask, want) = (0b100_1100, 0)
        case .allDown, .lastGood: (mask, want) = (0b1100, 0)
        }
    }
}

/// Where a choice reads; nothing here changes by choosing.
struct ChoiceSources: Sendable {
    let plan: SelectionPlan
    let health: HealthTable
    let load: LoadTable

    /// The endpoint's share of the work now, in 256ths of a unit of weight.
    ///
    /// 0 when it cannot be chosen; the question then notes whether only its limit or an earlier
    /// attempt stood against it.
    func share(_ candidate: Candidate, _ question: inout Question) -> UInt64 {
        let slot = Int(truncatingIfNeeded: candidate.slot)
        let word = health.word(slot)
        guard word.bits & question.mask == question.want else { return 0 }
        var weight = candidate.weight
        if word.hasWeightOverride { weight = overridden(slot, weight) }
        guard weight != 0 else { return 0 }
        if question.avoidsLeader, health.role(slot) == .leader { return 0 }
        if word.isHalfOpen, isOnFullTrial(candidate, question) {
            question.sawTrial = true
            return 0
        }
        if !question.tried.isEmpty, question.tried.contains(Int(candidate.index)) {
            question.sawTried = true
            return 0
        }
        if candidate.limit != 0, isFull(slot, candidate.limit) {
            question.sawLimit = true
            return 0
        }
        let full = question.respectsWeights ? UInt64(weight) &<< 8 : 256
        return question.slowStart == 0 ? full : ramped(full, slot, question)
    }

    @inline(never)
    func isOnFullTrial(_ candidate: Candidate, _ question: Question) -> Bool {
        guard candidate.trialLimit != 0, question.mode == .healthy, !question.ignoresTrials else {
            return false
        }
        return load.trials(Int(candidate.slot)) >= Int(candidate.trialLimit)
    }

    @inline(never)
    func overridden(_ slot: Int, _ weight: UInt32) -> UInt32 {
        min(health.weightOverride(slot) ?? weight, Candidate.greatestWeight)
    }

    // Both counts: after a reload that brings a limit, work begun before holds no reservation.
    @inline(never)
    func isFull(_ slot: Int, _ limit: UInt32) -> Bool {
        load.reserved(slot) >= Int(limit) || load.inFlight(slot) >= Int(limit)
    }

    @inline(never)
    func ramped(_ full: UInt64, _ slot: Int, _ question: Question) -> UInt64 {
        let factor = rampFactor(slot, window: question.slowStart, now: question.now)
        return factor >= 1 ? full : max(UInt64(Double(full) * factor), 1)
    }

    /// Grows with time from 0.1 to 1; time, not probes, so a slow probe cannot prolong it.
    func rampFactor(_ slot: Int, window: Int64, now: Int64) -> Double {
        let start = health.rampStart(slot).nanoseconds
        guard start != 0, window > 0 else { return 1 }
        let age = max(now &- start, 0)
        return age >= window ? 1 : max(Double(age) / Double(window), 0.1)
    }

    func inFlight(_ candidate: Candidate) -> UInt64 {
        UInt64(min(max(load.inFlight(Int(truncatingIfNeeded: candidate.slot)), 0), 0x7fff_ffff))
    }
}
