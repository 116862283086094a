// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Chooses endpoints: one per worker and door, no heap and no reference counting per choice.
///
/// Health words and in-flight counts are read at each choice, so a change is seen by the very next
/// one and nothing is rebuilt when health changes. A choice goes
///
///     panic? -> tier 0, 1, 2... -> at a limit: queue -> nobody takes work: all-down policy
///
/// and within a tier by the pool's algorithm. A higher tier serves when nobody in the lower ones
/// takes new work or is left untried; a lower tier that is merely at its limits keeps its work
/// waiting, since backups are for failures and not for load.
public struct Chooser: ~Copyable {
    let anchor = Anchor()
    let sources: ChoiceSources
    let worker: Int
    var random: SeededRandom
    // By slot: books survive a reload with the slot.
    var books: [EndpointBook]
    var tierBooks: [TierBook]
    var poolBooks: [PoolBook]
    /// How the latest choice was made: with healthy endpoints, in panic, or with all of them.
    public internal(set) var latestMode = ChoiceMode.healthy
    // The latest choice is no trial, though the endpoint may be half-open.
    var latestIgnoresTrials = false

    /// A chooser over `pools`; `seed` makes its random draws repeatable.
    public init(
        pools: [PoolDefinition],
        health: HealthTable,
        load: LoadTable,
        worker: Int,
        seed: UInt64
    ) {
        let plan = SelectionPlan(pools: pools, health: health)
        self.init(plan: plan, health: health, load: load, worker: worker, seed: seed)
    }

    /// A chooser over a plan that other workers share.
    public init(
        plan: SelectionPlan,
        health: HealthTable,
        load: LoadTable,
        worker: Int,
        seed: UInt64
    ) {
        sources = ChoiceSources(plan: plan, health: health, load: load)
        self.worker = worker
        random = SeededRandom(seed: seed)
        books = Array(repeating: EndpointBook(), count: plan.slotBound)
        tierBooks = plan.tiers.map { TierBook(greatestShare: $0.greatestShare) }
        poolBooks = Array(repeating: PoolBook(), count: plan.poolRecords.count)
        openBooks()
        // Workers that all began with the first endpoint would send it bursts.
        if worker > 0 { spreadStart() }
    }

    /// The chooser of the next snapshot: endpoints whose slot survives keep books and averages.
    public init(plan: SelectionPlan, adopting old: borrowing Chooser) {
        sources = ChoiceSources(
            plan: plan,
            health: old.sources.health,
            load: old.sources.load
        )
        worker = old.worker
        random = old.random
        // Slots that the new plan lacks stay: their work in flight still ends here.
        books = old.books
        let missing = plan.slotBound - books.count
        if missing > 0 { books += Array(repeating: EndpointBook(), count: missing) }
        tierBooks = plan.tiers.map { TierBook(greatestShare: $0.greatestShare) }
        poolBooks = Array(repeating: PoolBook(), count: plan.poolRecords.count)
        openBooks()
        keepCursors(of: old)
    }

    init(copying other: borrowing Chooser) {
        sources = other.sources
        worker = other.worker
        random = other.random
        books = other.books
        tierBooks = other.tierBooks
        poolBooks = other.poolBooks
    }

    /// Chooses an endpoint of the pool.
    ///
    /// `key` is a hash of what the pool hashes on (source address, URI, header...), ignored by
    /// the other algorithms. On ``NoChoice/atLimit`` the caller queues and asks again.
    public mutating func choose(pool: Int, key: UInt64, tried: Tried, now: Instant) -> Choice {
        choose(pool: pool, key: key, tried: tried, now: now, avoidsLeader: false)
    }

    mutating func choose(
        pool: Int,
        key: UInt64,
        tried: Tried,
        now: Instant,
        avoidsLeader: Bool
    ) -> Choice {
        guard pool >= 0, pool < sources.plan.poolRecords.count else { return .none(.empty) }
        let record = sources.plan.poolRecords[pool]
        var question = Question(
            key: Hash.mix(key),
            tried: tried,
            now: now.nanoseconds,
            slowStart: record.slowStart,
            respectsWeights: record.respectsWeights
        )
        question.avoidsLeader = avoidsLeader
        let isPanicking = record.panicPercent != 0 && self.isPanicking(pool, record)
        question.consider(isPanicking ? .panic : .healthy)
        var found = pick(record, &question)
        if found < 0, question.avoidsLeader, !question.sawLimit {
            // Nobody else takes the work: the leader does.
            question.avoidsLeader = false
            question.consider(question.mode)
            found = pick(record, &question)
        }
        if found < 0, question.sawTrial, !question.sawLimit {
            // A half-open endpoint that nobody stands beside serves as if it were well.
            question.ignoresTrials = true
            question.consider(question.mode)
            found = pick(record, &question)
        }
        latestMode = question.mode
        latestIgnoresTrials = question.ignoresTrials || question.mode != .healthy
        if found >= 0 { return .endpoint(found) }
        if question.sawLimit { return .none(.atLimit) }
        if question.sawTried { return .none(.exhausted) }
        latestIgnoresTrials = true
        return chooseAllDown(record, &question)
    }
}

/// What a chooser remembers of one endpoint.
struct EndpointBook: BitwiseCopyable {
    // Identity of the endpoint that the book is about; another one starts afresh.
    var stamp: UInt64 = 0
    // Smooth weighted round robin: what it is owed.
    var current: Int64 = 0
    // Peak EWMA of response time in nanoseconds, 0 before the first; and when it was measured.
    var responseTime = 0.0
    var measured: Int64 = 0
    var limit: UInt32 = 0
    // Places under the limit that this worker holds.
    var reserved: UInt32 = 0
    // The same for requests to it while it is half-open.
    var trialLimit: UInt32 = 0
    var trials: UInt32 = 0
}

/// What a chooser remembers of one tier.
struct TierBook: BitwiseCopyable {
    // Round robin: whose turn is next.
    var cursor = 0
    // Generation plus one at which nobody in the tier took new work; 0 for none.
    var emptyGeneration: UInt64 = 0
    // The greatest share ever met: the ceiling of weighted draws.
    var greatestShare: UInt64
    // Bounded load: work in flight and shares of the whole tier, and when they were summed.
    var totalLoad: UInt64 = 0
    var totalShare: UInt64 = 0
    var summed: Int64 = .min

    init(greatestShare: UInt64) { self.greatestShare = greatestShare }
}

/// What a chooser remembers of one pool.
struct PoolBook: BitwiseCopyable {
    // Generation plus one for which `isPanicking` holds; 0 for none.
    var panicGeneration: UInt64 = 0
    var isPanicking = false
}

extension Chooser {
    // Index of the endpoint in the pool, or -1.
    private mutating func pick(_ pool: PoolRecord, _ question: inout Question) -> Int {
        var triedSome = false
        for tier in pool.firstTier..<(pool.firstTier &+ pool.tierCount) {
            let generation = sources.health.generation &+ 1
            let isHealthy = question.mode == .healthy
            if isHealthy, tierBooks[tier].emptyGeneration == generation { continue }
            let place = pick(pool.balance, tier, &question)
            if place >= 0 { return Int(sources.plan.candidates[place].index) }
            if question.sawLimit { return -1 }
            triedSome = triedSome || question.sawTried
            // So that traffic on a backup tier does not search a large dead one each time; any
            // change of any word brings a new generation and with it a new search.
            if isHealthy, !question.sawTried, !question.sawTrial, !question.avoidsLeader {
                tierBooks[tier].emptyGeneration = generation
            }
        }
        question.sawTried = triedSome
        return -1
    }

    private mutating func pick(
        _ balance: Balance,
        _ tier: Int,
        _ question: inout Question
    ) -> Int {
        let record = sources.plan.tiers[tier]
        switch balance {
        case .roundRobin: return pickInTurn(tier, record, &question)
        case .weightedRoundRobin: return pickByBooks(record, &question)
        case .leastConnections, .weightedLeastConnections: return pickLeastLoaded(record, &question)
        case .random: return draw(tier, record, not: -1, &question)
        case .powerOfTwoChoices: return pickLessLoaded(tier, record, &question)
        case .leastResponseTime: return pickFaster(tier, record, &question)
        case .sourceIPHash, .ringHash: return pickOnRing(record, &question)
        case .maglev: return pickInLookup(record, &question)
        case .boundedLoad(let percent):
            return pickBounded(tier, record, percent: percent, &question)
        case .firstAvailable: return pickFirst(record, &question)
        }
    }

    @inline(never)
    private mutating func chooseAllDown(
        _ pool: PoolRecord,
        _ question: inout Question
    ) -> Choice {
        switch pool.allDown {
        case .none, .servfail: return .none(hasWeight(pool) ? .allDown : .empty)
        case .lastGood: return chooseLastGood(pool, &question)
        case .all: break
        }
        latestMode = .allDown
        // First those that at least accept connections.
        question.consider(.panic)
        let reachable = pick(pool, &question)
        if reachable >= 0 { return .endpoint(reachable) }
        if question.sawLimit { return .none(.atLimit) }
        let triedSome = question.sawTried
        question.consider(.allDown)
        let found = pick(pool, &question)
        if found >= 0 { return .endpoint(found) }
        if question.sawLimit { return .none(.atLimit) }
        if triedSome || question.sawTried { return .none(.exhausted) }
        return .none(hasWeight(pool) ? .allDown : .empty)
    }

    private mutating func chooseLastGood(
        _ pool: PoolRecord,
        _ question: inout Question
    ) -> Choice {
        question.consider(.lastGood)
        latestMode = .lastGood
        var latest = Int64.min
        var found = -1
        for place in pool.firstCandidate..<(pool.firstCandidate &+ pool.candidateCount) {
            let candidate = sources.plan.candidates[place]
            guard sources.share(candidate, &question) != 0 else { continue }
            let changed = sources.health.changed(Int(candidate.slot)).nanoseconds
            if changed > latest { (latest, found) = (changed, Int(candidate.index)) }
        }
        if found >= 0 { return .endpoint(found) }
        if question.sawLimit { return .none(.atLimit) }
        if question.sawTried { return .none(.exhausted) }
        return .none(hasWeight(pool) ? .allDown : .empty)
    }

    private func hasWeight(_ pool: PoolRecord) -> Bool {
        for place in pool.firstCandidate..<(pool.firstCandidate &+ pool.candidateCount) {
            let candidate = sources.plan.candidates[place]
            let slot = Int(candidate.slot)
            if (sources.health.weightOverride(slot) ?? candidate.weight) != 0 { return true }
        }
        return false
    }

    // Counts only `ready` endpoints with weight: a drained one is no sign of trouble.
    private mutating func isPanicking(_ pool: Int, _ record: PoolRecord) -> Bool {
        let generation = sources.health.generation &+ 1
        if poolBooks[pool].panicGeneration == generation { return poolBooks[pool].isPanicking }
        var ready = 0
        var healthy = 0
        for place in record.firstCandidate..<(record.firstCandidate &+ record.candidateCount) {
            let candidate = sources.plan.candidates[place]
            let word = sources.health.word(Int(candidate.slot))
            let weight =
                word.hasWeightOverride
                ? sources.overridden(Int(candidate.slot), candidate.weight) : candidate.weight
            guard word.isReady, weight != 0 else { continue }
            ready += 1
            if word.takesNewWork { healthy += 1 }
        }
        let isPanicking = healthy * 100 < ready * Int(record.panicPercent)
        poolBooks[pool] = PoolBook(panicGeneration: generation, isPanicking: isPanicking)
        return isPanicking
    }
}
