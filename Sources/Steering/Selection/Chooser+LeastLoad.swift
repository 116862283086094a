// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Chooser {
    /// Fewest in flight per share (nginx): compared crosswise, ties by smooth weighted round robin.
    mutating func pickLeastLoaded(_ record: TierRecord, _ question: inout Question) -> Int {
        var best = -1
        var bestLoad: UInt64 = 0
        var bestShare: UInt64 = 1
        var hasTies = false
        for place in record.first..<(record.first &+ record.count) {
            let candidate = sources.plan.candidates[place]
            let share = sources.share(candidate, &question)
            guard share != 0 else { continue }
            let load = sources.inFlight(candidate)
            let (mine, theirs) = (load &* bestShare, bestLoad &* share)
            if best < 0 || mine < theirs {
                (best, bestLoad, bestShare, hasTies) = (place, load, share, false)
            } else if mine == theirs {
                hasTies = true
            }
        }
        guard hasTies else { return best }
        let tied = pickTied(record, load: bestLoad, share: bestShare, &question)
        // Other workers may have changed the loads between the passes.
        return tied >= 0 ? tied : best
    }

    private mutating func pickTied(
        _ record: TierRecord,
        load bestLoad: UInt64,
        share bestShare: UInt64,
        _ question: inout Question
    ) -> Int {
        var best = -1
        var most = Int64.min
        var total: Int64 = 0
        for place in record.first..<(record.first &+ record.count) {
            let candidate = sources.plan.candidates[place]
            let share = sources.share(candidate, &question)
            guard share != 0 else { continue }
            let load = sources.inFlight(candidate)
            guard load &* bestShare == bestLoad &* share else { continue }
            let slot = Int(truncatingIfNeeded: candidate.slot)
            let owed = books[slot].current &+ Int64(truncatingIfNeeded: share)
            books[slot].current = owed
            total &+= Int64(truncatingIfNeeded: share)
            if owed > most { (most, best) = (owed, place) }
        }
        guard best >= 0 else { return -1 }
        books[Int(truncatingIfNeeded: sources.plan.candidates[best].slot)].current = most &- total
        return best
    }

    /// Draws one other than `excluded` at random, as often as its share says.
    ///
    /// By rejection: a uniform draw is kept with the odds of its share against the greatest one,
    /// whose cost does not grow with the tier. Rarely, and where few take work, one pass over all
    /// (a reservoir) gives the same odds.
    mutating func draw(
        _ tier: Int,
        _ record: TierRecord,
        not excluded: Int,
        _ question: inout Question
    ) -> Int {
        for _ in 0..<16 {
            let place = record.first &+ Int(random.next(below: UInt32(record.count)))
            guard place != excluded else { continue }
            let share = sources.share(sources.plan.candidates[place], &question)
            guard share != 0 else { continue }
            if share > tierBooks[tier].greatestShare { tierBooks[tier].greatestShare = share }
            let greatest = tierBooks[tier].greatestShare
            if share == greatest || below(greatest) < share { return place }
        }
        var total: UInt64 = 0
        var found = -1
        for place in record.first..<(record.first &+ record.count) where place != excluded {
            let share = sources.share(sources.plan.candidates[place], &question)
            guard share != 0 else { continue }
            total &+= share
            if below(total) < share { found = place }
        }
        return found
    }

    // A number in 0..<bound; shares of a tier sum up to more than 32 bits.
    private mutating func below(_ bound: UInt64) -> UInt64 {
        random.next().multipliedFullWidth(by: bound).high
    }

    /// Power of two choices: of two draws the one with less in flight per share.
    mutating func pickLessLoaded(
        _ tier: Int,
        _ record: TierRecord,
        _ question: inout Question
    ) -> Int {
        let first = draw(tier, record, not: -1, &question)
        guard first >= 0, record.count > 1 else { return first }
        let second = drawRival(tier, record, of: first, &question)
        guard second >= 0 else { return first }
        let (a, b) = (sources.plan.candidates[first], sources.plan.candidates[second])
        let loadA = sources.inFlight(a) &* sources.share(b, &question)
        let loadB = sources.inFlight(b) &* sources.share(a, &question)
        return loadB < loadA ? second : first
    }

    // In a large tier a pass over all in search of a rival would cost more than it gains.
    mutating func drawRival(
        _ tier: Int,
        _ record: TierRecord,
        of first: Int,
        _ question: inout Question
    ) -> Int {
        if record.count <= 64 { return draw(tier, record, not: first, &question) }
        for _ in 0..<8 {
            let place = record.first &+ Int(random.next(below: UInt32(record.count)))
            guard place != first else { continue }
            let share = sources.share(sources.plan.candidates[place], &question)
            guard share != 0 else { continue }
            let greatest = tierBooks[tier].greatestShare
            if share >= greatest || below(greatest) < share { return place }
        }
        return -1
    }
}
