// SPDX-License-Identifier: Apache-2.0
public import Essentials

extension Chooser {
    /// Says what would be chosen now and why, by the code of ``choose(pool:key:tried:now:)``.
    ///
    /// Works on a copy of the books: explaining takes nobody's turn.
    /// A session is that of the client's cookie; nil when it has none.
    public func explain(
        pool: Int,
        key: UInt64,
        session: UInt64? = nil,
        role: RoleWish = .any,
        now: Instant
    ) -> PoolExplanation {
        guard pool >= 0, pool < poolCount else {
            return PoolExplanation(why: "there is no such pool")
        }
        var copy = Chooser(copying: self)
        let answer =
            role == .any
            ? copy.choose(
                pool: pool,
                key: key,
                session: session ?? 0,
                tried: Tried(),
                now: now
            )
            : SessionChoice(
                choice: copy.choose(pool: pool, key: key, role: role, tried: Tried(), now: now),
                loss: .unknown
            )
        let choice = answer.choice
        let definition = sources.plan.pools[pool]
        let mode = copy.latestMode
        var chosen = -1
        if case .endpoint(let index) = choice { chosen = index }
        let candidates = definition.endpoints.indices.map { index in
            candidate(pool, index, mode: mode, isChosen: index == chosen, now: now)
        }
        let isChosen = candidates.indices.contains(chosen)
        var explanation = PoolExplanation(why: "")
        explanation.pool = definition.name
        explanation.balance = definition.balance.word
        explanation.choice = choice
        explanation.mode = mode
        explanation.tier = isChosen ? candidates[chosen].tier : nil
        explanation.candidates = markTiers(candidates, serving: explanation.tier)
        explanation.candidates = explanation.candidates.map { rule(role, choice, $0) }
        explanation.why = why(definition, explanation)
        tell(role, leaders: leader(pool: pool).count, &explanation)
        if session != nil, role == .any { tell(answer, &explanation) }
        return explanation
    }

    /// Takes those out that have not the part which is wished for.
    private func rule(
        _ role: RoleWish,
        _ choice: Choice,
        _ candidate: CandidateExplanation
    ) -> CandidateExplanation {
        var ruled = candidate
        guard ruled.isEligible, !ruled.isChosen else { return ruled }
        switch role {
        case .any: return ruled
        case .leader where candidate.role != .leader: ruled.whyNot = "it does not lead"
        case .leader where choice == .none(.noLeader): ruled.whyNot = "another one leads as well"
        case .replica where candidate.role == .leader: ruled.whyNot = "it leads: replicas take it"
        default: return ruled
        }
        ruled.isEligible = false
        return ruled
    }

    /// Says what the wish for a role has made of the choice.
    private func tell(_ role: RoleWish, leaders: Int, _ explanation: inout PoolExplanation) {
        switch (role, explanation.choice) {
        case (.any, _): break
        case (.leader, .endpoint):
            explanation.why = "it leads, and the request may change something"
        case (.leader, .none(.noLeader)):
            explanation.why =
                leaders > 1
                ? "\(leaders) endpoints claim to lead, so none gets what may change something"
                : "no endpoint that is up and ready says that it leads"
        case (.leader, .none): break
        case (.replica, .endpoint(let index)):
            let isLeader = explanation.candidates[index].role == .leader
            explanation.why +=
                isLeader ? "; no replica takes it, so the leader does" : ", replicas alone"
        case (.replica, .none): break
        }
    }

    private func tell(_ answer: SessionChoice, _ explanation: inout PoolExplanation) {
        switch answer.loss {
        case nil where answer.choice == .none(.atLimit):
            explanation.why = "the endpoint that the client's cookie names is at its limit"
        case nil: explanation.why = "the client's cookie names it"
        case .unknown?: explanation.why += "; the client's cookie names no endpoint of the pool"
        case let loss?:
            explanation.why += "; the endpoint that the client's cookie names is \(loss.word)"
        }
    }

    private func candidate(
        _ pool: Int,
        _ index: Int,
        mode: ChoiceMode,
        isChosen: Bool,
        now: Instant
    ) -> CandidateExplanation {
        let record = sources.plan.poolRecords[pool]
        let definition = sources.plan.pools[pool].endpoints[index]
        let candidate = sources.plan.candidates[
            Int(sources.plan.places[record.firstCandidate + index])
        ]
        let slot = Int(candidate.slot)
        var question = Question(
            key: 0,
            tried: Tried(),
            now: now.nanoseconds,
            slowStart: record.slowStart,
            respectsWeights: true
        )
        question.consider(mode)
        let share = sources.share(candidate, &question)
        let word = sources.health.word(slot)
        let override = word.hasWeightOverride ? sources.health.weightOverride(slot) : nil
        let factor = sources.rampFactor(slot, window: record.slowStart, now: now.nanoseconds)
        let changed = sources.health.changed(slot)
        let measured = books[slot].responseTime
        return CandidateExplanation(
            name: definition.name.isEmpty ? "\(definition.address)" : definition.name,
            slot: slot,
            address: definition.address,
            tier: definition.tier,
            configuredWeight: definition.weight,
            weightOverride: override,
            slowStartFactor: factor,
            effectiveWeight: Double(override ?? definition.weight) * factor,
            word: word,
            age: changed == .start ? nil : now - changed,
            inFlight: sources.load.inFlight(slot),
            connectionLimit: candidate.limit,
            role: sources.health.role(slot),
            responseTime: measured == 0 ? nil : Interval(nanoseconds: Int64(measured)),
            isEligible: share != 0,
            whyNot: share != 0
                ? "" : Chooser.obstacle(word, mode, (override ?? definition.weight) == 0, question),
            isChosen: isChosen
        )
    }

    private static func obstacle(
        _ word: HealthWord,
        _ mode: ChoiceMode,
        _ isWeightless: Bool,
        _ question: Question
    ) -> String {
        if question.sawLimit { return "at its connection limit" }
        if question.sawTrial { return "half-open: its trial requests are under way" }
        if !word.isReady { return word.administrative.word }
        if mode == .healthy, !word.takesNewWork {
            if word.health != .up { return "\(word.health.word): \(word.reason.word)" }
            return "ejected: \(word.reason.word)"
        }
        if isWeightless { return "weight 0" }
        return "connects fail: \(word.reason.word)"
    }

    private func markTiers(
        _ candidates: [CandidateExplanation],
        serving: UInt8?
    ) -> [CandidateExplanation] {
        guard let serving else { return candidates }
        return candidates.map { candidate in
            guard candidate.isEligible, candidate.tier != serving else { return candidate }
            var waiting = candidate
            waiting.isEligible = false
            waiting.whyNot = "backup: tier \(serving) serves"
            return waiting
        }
    }

    private func why(_ pool: PoolDefinition, _ explanation: PoolExplanation) -> String {
        let eligible = explanation.candidates.count { $0.isEligible }
        let among: String
        switch explanation.mode {
        case .healthy, .fallback: among = "among \(eligible) that take new work"
        case .panic:
            among = "among \(eligible) of any health, as fewer than \(pool.panicPercent) % are up"
        case .allDown: among = "among all \(eligible) that are ready, as none takes new work"
        case .lastGood: return "the last one to go down, as none takes new work"
        }
        switch explanation.choice {
        case .endpoint: return "\(Chooser.rule(pool.balance)) \(among)"
        case .none(.empty): return "the pool has no endpoint with a weight above 0"
        case .none(.allDown):
            return "no endpoint takes new work and all-down is \(pool.allDown.word)"
        case .none(.atLimit): return "every endpoint that takes new work is at its limit"
        case .none(.exhausted): return "every endpoint that takes new work has been tried"
        case .none(.noLeader): return "nobody leads"
        }
    }

    private static func rule(_ balance: Balance) -> String {
        switch balance {
        case .roundRobin: "next in turn"
        case .weightedRoundRobin: "owed the most by weight"
        case .leastConnections: "fewest in flight"
        case .weightedLeastConnections: "fewest in flight per weight"
        case .random: "drawn at random by weight"
        case .powerOfTwoChoices: "the less loaded of two drawn by weight"
        case .leastResponseTime: "the faster of two drawn by weight"
        case .sourceIPHash: "highest bid for the client's address"
        case .ringHash: "owner of the key's arc on the ring"
        case .maglev: "owner of the key's place in the table"
        case .boundedLoad(let percent):
            "first on the ring after the key below \(percent) % of the average load"
        case .firstAvailable: "first in order with room"
        }
    }
}
