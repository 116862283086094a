// SPDX-License-Identifier: Apache-2.0
public import Essentials

// Who leads is what an endpoint says of itself, so it may be wrong for a moment: while a leader that
// was cut off comes back, two say so. A write that goes to the wrong one is lost; one that is
// refused is sent again. So nobody gets writes unless exactly one endpoint that is up claims to lead.
extension Chooser {
    /// Chooses by role: for ``RoleWish/leader`` the one endpoint that leads, whatever balance and
    /// weights say.
    public mutating func choose(
        pool: Int,
        key: UInt64,
        role: RoleWish,
        tried: Tried,
        now: Instant
    ) -> Choice {
        guard role == .leader else {
            return choose(pool: pool, key: key, tried: tried, now: now, avoidsLeader: role != .any)
        }
        latestMode = .healthy
        latestIgnoresTrials = true
        let found = leader(pool: pool)
        guard found.count == 1 else { return .none(.noLeader) }
        let candidate = sources.plan.candidates[found.place]
        let slot = Int(candidate.slot)
        // Ejection would leave nobody, and weight 0 keeps reads away: neither is about writes.
        guard sources.health.word(slot).isReady else { return .none(.noLeader) }
        if tried.contains(Int(candidate.index)) { return .none(.exhausted) }
        if candidate.limit != 0, sources.isFull(slot, candidate.limit) { return .none(.atLimit) }
        return .endpoint(Int(candidate.index))
    }

    /// True when the one endpoint that leads is among those that were tried.
    public func hasTriedLeader(pool: Int, _ tried: Tried) -> Bool {
        let found = leader(pool: pool)
        guard found.count == 1 else { return false }
        return tried.contains(Int(sources.plan.candidates[found.place].index))
    }

    /// How many endpoints that are up claim to lead, and the place of the last of them.
    func leader(pool: Int) -> (count: Int, place: Int) {
        guard pool >= 0, pool < poolCount else { return (0, -1) }
        let record = sources.plan.poolRecords[pool]
        var (count, found) = (0, -1)
        for place in record.firstCandidate..<(record.firstCandidate &+ record.candidateCount) {
            let slot = Int(sources.plan.candidates[place].slot)
            guard sources.health.role(slot) == .leader, sources.health.word(slot).health == .up
            else { continue }
            count &+= 1
            found = place
        }
        return (count, found)
    }
}
