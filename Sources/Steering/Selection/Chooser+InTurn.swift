// SPDX-License-Identifier: Apache-2.0
internal import Essentials

// All picks return a place in the plan's candidates, or -1.
extension Chooser {
    mutating func pickInTurn(_ tier: Int, _ record: TierRecord, _ question: inout Question) -> Int {
        var step = tierBooks[tier].cursor
        if step >= record.count { step = 0 }
        var postponed = -1
        for _ in 0..<record.count {
            let place = record.first &+ step
            step &+= 1
            if step == record.count { step = 0 }
            let share = sources.share(sources.plan.candidates[place], &question)
            guard share != 0 else { continue }
            // In slow start only some of its turns are taken.
            if share < 256, random.next() & 0xff >= share {
                if postponed < 0 { postponed = place }
                continue
            }
            tierBooks[tier].cursor = step
            return place
        }
        return postponed
    }

    /// Smooth weighted round robin (nginx): everybody is owed its share of each pick, the one that
    /// is owed most pays for all.
    mutating func pickByBooks(_ record: TierRecord, _ question: inout Question) -> Int {
        var best = -1
        var most = Int64.min
        var total: Int64 = 0
        for place in record.first..<(record.first &+ record.count) {
            let candidate = sources.plan.candidates[place]
            let share = Int64(truncatingIfNeeded: sources.share(candidate, &question))
            guard share != 0 else { continue }
            let slot = Int(truncatingIfNeeded: candidate.slot)
            let owed = books[slot].current &+ share
            books[slot].current = owed
            total &+= share
            if owed > most { (most, best) = (owed, place) }
        }
        guard best >= 0 else { return -1 }
        books[Int(truncatingIfNeeded: sources.plan.candidates[best].slot)].current = most &- total
        return best
    }

    mutating func pickFirst(_ record: TierRecord, _ question: inout Question) -> Int {
        var postponed = -1
        for place in record.first..<(record.first &+ record.count) {
            let share = sources.share(sources.plan.candidates[place], &question)
            guard share != 0 else { continue }
            if share < 256, random.next() & 0xff >= share {
                if postponed < 0 { postponed = place }
                continue
            }
            return place
        }
        return postponed
    }
}
