// SPDX-License-Identifier: Apache-2.0
public import Essentials

extension Chooser {
    /// Number of pools.
    public var poolCount: Int { sources.plan.poolRecords.count }

    /// The plan it chooses by.
    public var plan: SelectionPlan { sources.plan }

    /// The pool's stable number, for ``RetryBudget`` and ``WaitingBoard``; 0 out of range.
    public func poolSlot(_ pool: Int) -> Int {
        guard pool >= 0, pool < poolCount else { return 0 }
        return sources.plan.poolRecords[pool].slot
    }

    /// Number of endpoints in the pool; 0 out of range.
    public func endpointCount(pool: Int) -> Int {
        guard pool >= 0, pool < poolCount else { return 0 }
        return sources.plan.poolRecords[pool].candidateCount
    }

    /// What a door needs to know of a chosen endpoint.
    ///
    /// `index` comes from ``Choice/endpoint(_:)`` of the same plan; out of range, as after a reload
    /// in between, the record is ``EndpointRecord/nowhere``.
    public func endpoint(pool: Int, index: Int) -> EndpointRecord {
        guard index >= 0, index < endpointCount(pool: pool) else { return .nowhere }
        let record = sources.plan.poolRecords[pool]
        let place = Int(sources.plan.places[record.firstCandidate + index])
        let candidate = sources.plan.candidates[place]
        return EndpointRecord(
            slot: Int(candidate.slot),
            address: sources.plan.addresses[place],
            connectionLimit: candidate.limit,
            weight: candidate.weight,
            tier: tier(of: place, record)
        )
    }

    /// The endpoint's name, for logs; empty when out of range.
    public func endpointName(pool: Int, index: Int) -> String {
        guard index >= 0, index < endpointCount(pool: pool) else { return "" }
        return sources.plan.pools[pool].endpoints[index].name
    }

    func tier(of place: Int, _ pool: PoolRecord) -> UInt8 {
        for tier in pool.firstTier..<(pool.firstTier &+ pool.tierCount) {
            let record = sources.plan.tiers[tier]
            if place < record.first &+ record.count { return record.tier }
        }
        return 0
    }

    /// True when an endpoint that was not tried takes new work now; takes nobody's turn.
    ///
    /// For ``RoleWish/replica`` the leader is none: it serves reads when it must, not twice.
    public func hasOther(pool: Int, role: RoleWish = .any, tried: Tried, now: Instant) -> Bool {
        guard pool >= 0, pool < poolCount else { return false }
        let record = sources.plan.poolRecords[pool]
        var question = Question(
            key: 0,
            tried: tried,
            now: now.nanoseconds,
            slowStart: 0,
            respectsWeights: false
        )
        question.avoidsLeader = role != .any
        question.consider(.healthy)
        for place in record.firstCandidate..<(record.firstCandidate &+ record.candidateCount)
        where sources.share(sources.plan.candidates[place], &question) != 0 { return true }
        return false
    }

    /// Counts work begun on the endpoint.
    ///
    /// False when another worker took the last place under its connection limit since the choice:
    /// nothing was counted then, choose again.
    public mutating func begin(slot: Int) -> Bool {
        guard slot >= 0, slot < books.count else { return true }
        let limit = books[slot].limit
        if limit != 0 {
            guard sources.load.reserve(slot, limit: limit) else { return false }
            books[slot].reserved &+= 1
        }
        guard beginTrial(slot) else {
            cancelReservation(slot)
            return false
        }
        sources.load.begin(slot, worker: worker)
        return true
    }

    /// Counts work ended; `latency` is the time to the first byte of the answer.
    public mutating func end(slot: Int, latency: Interval, now: Instant) {
        guard slot >= 0, slot < books.count else { return }
        finish(slot)
        books[slot].observe(Double(latency.nanoseconds), now: now.nanoseconds)
    }

    /// Counts work ended by the client or by the door itself: says nothing about the endpoint.
    public mutating func abandon(slot: Int) {
        guard slot >= 0, slot < books.count else { return }
        finish(slot)
    }

    /// Counts work ended by the endpoint's fault, so that quick errors do not look like speed.
    public mutating func fail(slot: Int, now: Instant) {
        guard slot >= 0, slot < books.count else { return }
        finish(slot)
        let known = max(books[slot].responseTime, EndpointBook.assumedResponseTime)
        let penalty = min(known * 2, EndpointBook.greatestPenalty)
        books[slot].observe(max(penalty, known), now: now.nanoseconds)
    }

    /// The work goes on, but no longer as a trial: the endpoint has agreed to a tunnel.
    public mutating func endTrial(slot: Int) {
        guard slot >= 0, slot < books.count, books[slot].trials != 0 else { return }
        books[slot].trials &-= 1
        sources.load.endTrial(slot)
    }

    // Takes a place of the trial when the endpoint is half-open; false when none is left.
    private mutating func beginTrial(_ slot: Int) -> Bool {
        let limit = books[slot].trialLimit
        guard limit != 0, !latestIgnoresTrials, sources.health.word(slot).isHalfOpen else {
            return true
        }
        guard sources.load.beginTrial(slot, limit: limit) else { return false }
        books[slot].trials &+= 1
        return true
    }

    private mutating func cancelReservation(_ slot: Int) {
        guard books[slot].reserved != 0 else { return }
        books[slot].reserved &-= 1
        sources.load.cancelReservation(slot)
    }

    private mutating func finish(_ slot: Int) {
        // The oldest work may have begun before the limit existed; then the reservations run out
        // with work still in flight, which lets a few more in and is never a leak.
        cancelReservation(slot)
        endTrial(slot: slot)
        sources.load.end(slot, worker: worker)
    }

    // Limits of the plan enter the books; a slot that now is another endpoint starts afresh.
    mutating func openBooks() {
        for slot in books.indices { (books[slot].limit, books[slot].trialLimit) = (0, 0) }
        for candidate in sources.plan.candidates {
            let slot = Int(candidate.slot)
            if books[slot].stamp != candidate.seed {
                let (reserved, trials) = (books[slot].reserved, books[slot].trials)
                books[slot] = EndpointBook()
                books[slot].stamp = candidate.seed
                books[slot].reserved = reserved
                books[slot].trials = trials
            }
            books[slot].limit = candidate.limit
            books[slot].trialLimit = candidate.trialLimit
        }
    }

    mutating func spreadStart() {
        for (index, tier) in sources.plan.tiers.enumerated() {
            tierBooks[index].cursor = Int(random.next(below: UInt32(tier.count)))
            for place in tier.first..<(tier.first + tier.count) {
                let candidate = sources.plan.candidates[place]
                let owed = random.next(below: max(candidate.weight, 1) << 7)
                books[Int(candidate.slot)].current = Int64(owed)
            }
        }
    }

    mutating func keepCursors(of old: borrowing Chooser) {
        var known: [String: Int] = [:]
        for (index, pool) in old.sources.plan.pools.enumerated() { known[pool.name] = index }
        for (index, pool) in sources.plan.pools.enumerated() {
            guard let match = known[pool.name] else { continue }
            let before = old.sources.plan.poolRecords[match]
            let after = sources.plan.poolRecords[index]
            for tier in 0..<min(before.tierCount, after.tierCount) {
                let cursor = old.tierBooks[before.firstTier + tier].cursor
                tierBooks[after.firstTier + tier].cursor = cursor
            }
        }
    }
}
