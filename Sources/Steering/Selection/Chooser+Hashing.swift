// SPDX-License-Identifier: Apache-2.0
internal import Essentials

// The same key goes to the same endpoint as long as that endpoint takes work. When it does not,
// only its keys go elsewhere, each to a next choice of its own, and they come back with it.
extension Chooser {
    /// Highest random weight: every endpoint bids for the key, the best bid wins.
    ///
    /// Needs no table and moves exactly the keys that have to move, whatever changes: endpoints,
    /// weights, overrides or slow start. With u uniform in 0...1, -ln(u)/share is an exponential
    /// draw whose minimum falls to each endpoint as often as its share says.
    ///
    /// All bids of a large tier take too long; its plan has a ring instead.
    mutating func pickByRendezvous(_ record: TierRecord, _ question: inout Question) -> Int {
        var best = -1
        var bestBid: UInt64 = 0
        var bestShare: UInt64 = 0
        var bestCost = Double.infinity
        for place in record.first..<(record.first &+ record.count) {
            let candidate = sources.plan.candidates[place]
            let share = sources.share(candidate, &question)
            guard share != 0 else { continue }
            let bid = Hash.mix(question.key ^ candidate.seed)
            if best < 0 || share == bestShare {
                if best < 0 || bid > bestBid {
                    (best, bestBid, bestShare, bestCost) = (place, bid, share, .nan)
                }
                continue
            }
            if bestCost.isNaN { bestCost = Chooser.negativeLog(bestBid) / Double(bestShare) }
            // -ln u is never below 1 - u, which nearly always settles it without a logarithm.
            let ceiling = bestCost * Double(share)
            guard Double(~bid) * 0x1p-64 <= ceiling else { continue }
            let loss = Chooser.negativeLog(bid)
            guard loss < ceiling else { continue }
            (best, bestBid, bestShare) = (place, bid, share)
            bestCost = loss / Double(share)
        }
        return best
    }

    /// -ln(bid / 2^64), to about nine digits, from shifts and one division.
    ///
    /// With m in [√½, √2): ln m = 2 artanh t, t = (m - 1) / (m + 1), by its series. The same on
    /// every machine, which a mathematics library does not promise.
    static func negativeLog(_ bid: UInt64) -> Double {
        let value = bid | 1
        var exponent = Double(63 - value.leadingZeroBitCount)
        var mantissa = Double(value << UInt64(value.leadingZeroBitCount)) / 0x1p63
        if mantissa > 1.414_213_562_373_095 {
            mantissa /= 2
            exponent += 1
        }
        let t = (mantissa - 1) / (mantissa + 1)
        let square = t * t
        let series = 1 + square * (1 / 3.0 + square * (1 / 5.0 + square * (1 / 7.0 + square / 9)))
        return (64 - exponent) * 0.693_147_180_559_945_3 - 2 * t * series
    }

    mutating func pickOnRing(_ record: TierRecord, _ question: inout Question) -> Int {
        guard record.tableCount > 0 else { return pickByRendezvous(record, &question) }
        var step = firstPoint(record, question.key)
        // A live owner is met within a few steps unless most are down; then a walk could be as
        // long as the ring, and bids of all are cheaper.
        for _ in 0..<min(record.tableCount, 64) {
            let place = record.first &+ Int(sources.plan.ring[step] & 0xff_ffff)
            let candidate = sources.plan.candidates[place]
            let share = sources.share(candidate, &question)
            if share != 0, admits(candidate, share, question.key) { return place }
            step = next(step, record)
        }
        return pickByRendezvous(record, &question)
    }

    mutating func pickInLookup(_ record: TierRecord, _ question: inout Question) -> Int {
        guard record.tableCount > 0 else { return pickByRendezvous(record, &question) }
        var key = question.key
        for _ in 0..<16 {
            let place = Int(key % UInt64(record.tableCount))
            let member = record.first &+ Int(sources.plan.lookup[record.tableFirst &+ place])
            let candidate = sources.plan.candidates[member]
            let share = sources.share(candidate, &question)
            if share != 0, admits(candidate, share, question.key) { return member }
            key = Hash.mix(key &+ 0x9e37_79b9_7f4a_7c15)
        }
        return pickByRendezvous(record, &question)
    }

    /// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2016).
    ///
    /// Nobody takes more than `percent` of its part of the average; the key walks on along the
    /// ring to the first with room. Where the pool says so, a few requests are no load at all.
    mutating func pickBounded(
        _ tier: Int,
        _ record: TierRecord,
        percent: Int,
        _ question: inout Question
    ) -> Int {
        guard record.tableCount > 0 else { return pickLeastLoaded(record, &question) }
        sumLoad(tier, record, &question)
        var step = firstPoint(record, question.key)
        for _ in 0..<min(record.tableCount, 256) {
            let place = record.first &+ Int(sources.plan.ring[step] & 0xff_ffff)
            let candidate = sources.plan.candidates[place]
            let share = sources.share(candidate, &question)
            if share != 0, admits(candidate, share, question.key),
                sources.inFlight(candidate) < UInt64(record.leastLoad)
                    || hasRoom(candidate, share, tier, percent: percent)
            {
                tierBooks[tier].totalLoad &+= 1
                return place
            }
            step = next(step, record)
        }
        return pickLeastLoaded(record, &question)
    }

    private func hasRoom(
        _ candidate: Candidate,
        _ share: UInt64,
        _ tier: Int,
        percent: Int
    ) -> Bool {
        let part = Double(share) / Double(max(tierBooks[tier].totalShare, 1))
        let total = Double(tierBooks[tier].totalLoad &+ 1)
        let bound = (Double(percent) / 100 * total * part).rounded(.up)
        return Double(sources.inFlight(candidate)) < bound
    }

    // A large tier is summed at most once per millisecond and thousand endpoints, so that the sum
    // costs a few per cent of a core at worst; the bound is a target, not a safety limit.
    private mutating func sumLoad(_ tier: Int, _ record: TierRecord, _ question: inout Question) {
        let age = question.now &- tierBooks[tier].summed
        if record.count > 64, tierBooks[tier].summed != .min, age >= 0,
            age < Int64(record.count) &* 1_000
        {
            return
        }
        let (sawLimit, sawTried) = (question.sawLimit, question.sawTried)
        var load: UInt64 = 0
        var share: UInt64 = 0
        for place in record.first..<(record.first &+ record.count) {
            let candidate = sources.plan.candidates[place]
            let part = sources.share(candidate, &question)
            guard part != 0 else { continue }
            share &+= part
            load &+= sources.inFlight(candidate)
        }
        (question.sawLimit, question.sawTried) = (sawLimit, sawTried)
        tierBooks[tier].totalLoad = load
        tierBooks[tier].totalShare = share
        tierBooks[tier].summed = question.now
    }

    // The tables hold the weights of the plan. An endpoint that now has a smaller share (slow
    // start, override) keeps that part of its keys, always the same ones: as its share grows
    // back it only gains keys.
    private func admits(_ candidate: Candidate, _ share: UInt64, _ key: UInt64) -> Bool {
        let full = UInt64(candidate.tableWeight) &<< 8
        if share >= full { return true }
        let part = Hash.mix(key &+ candidate.seed) >> 32
        return part &* full < share &<< 32
    }

    // Least point at or after the key, in the plan's ring; past the last it is the first.
    private func firstPoint(_ record: TierRecord, _ key: UInt64) -> Int {
        let target = key & ~0xff_ffff
        var low = record.tableFirst
        var high = record.tableFirst &+ record.tableCount
        while low < high {
            let middle = (low &+ high) >> 1
            if sources.plan.ring[middle] < target { low = middle &+ 1 } else { high = middle }
        }
        return low == record.tableFirst &+ record.tableCount ? record.tableFirst : low
    }

    private func next(_ step: Int, _ record: TierRecord) -> Int {
        step &+ 1 == record.tableFirst &+ record.tableCount ? record.tableFirst : step &+ 1
    }
}
