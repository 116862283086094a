// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Buckets of rate limits, in memory that never grows.
///
/// Every worker uses the same words, so a rate holds for the process, whatever `workers` says.
///
/// The keys that owe most have a bucket each, in sets of four. When a set is full, the key that owes
/// least moves into a count-min sketch: four cells by four hashes, each the latest point that any of
/// its keys has reached, of which the earliest counts. So a bucket in the sketch owes at least what
/// its key owes: many keys at a time can make a limit stricter for those in the sketch, and never
/// looser for anybody.
///
/// No locks: a bucket is changed by one exchange of its word. A place that changes hands is marked
/// for the few instructions this takes. Only if the thread is stopped just there do others decide
/// by the sketch until it goes on: what they let through then is not booked on the key.
public struct RateTable: Sendable {
    static let ways = 4
    static let rows = 4
    /// The point that marks a place between two owners; no real one comes near.
    private static let moving = UInt64.max
    private static let patience = 256

    /// Two words a place: whose it is, and when the bucket is full again.
    private let places: SharedWords
    private let cells: SharedWords
    private let setMask: UInt64
    private let cellMask: UInt64
    /// Unknown to clients, so that nobody can aim at another's place.
    private let secret: UInt64

    /// Keys with a bucket of their own.
    public let capacity: Int

    /// A table of `sets` times four places and four rows of `cells`; both rounded to powers of two.
    public init(
        sets: Int = 16_384,
        cells: Int = 65_536,
        secret: UInt64 = .random(in: 0 ... .max)
    ) {
        let sets = RateTable.powerOfTwo(sets)
        let width = RateTable.powerOfTwo(cells)
        capacity = sets * RateTable.ways
        places = SharedWords(count: capacity * 2)
        self.cells = SharedWords(count: width * RateTable.rows)
        setMask = UInt64(sets - 1)
        cellMask = UInt64(width - 1)
        self.secret = secret
    }

    private static func powerOfTwo(_ count: Int) -> Int {
        let bounded = min(max(count, 1), 65_536)
        return 1 << (Int.bitWidth - (bounded - 1).leadingZeroBitCount)
    }

    /// Takes a token of the bucket of a key, if there is one.
    public func take(_ key: UInt64, _ machine: RateMachine, now: Instant) -> RateDecision {
        let key = Hash.mix(key ^ secret) | 1
        let now = UInt64(clamping: now.nanoseconds)
        let first = Int(key >> 1 & setMask) &* RateTable.ways
        for _ in 0..<RateTable.patience {
            let found = find(key, in: first)
            switch found.state {
            case .moving: continue
            case .own:
                let decision = machine.judge(found.full, now: now)
                guard decision.isAllowed else { return decision }
                if setFull(found.place, from: found.full, to: decision.full) { return decision }
            case .absent:
                if let decision = enter(key, machine, found, now: now) { return decision }
            }
        }
        return estimate(key, machine, now: now)
    }

    /// What ``take(_:_:now:)`` would say; nothing is taken.
    public func peek(_ key: UInt64, _ machine: RateMachine, now: Instant) -> RateDecision {
        let key = Hash.mix(key ^ secret) | 1
        let now = UInt64(clamping: now.nanoseconds)
        let found = find(key, in: Int(key >> 1 & setMask) &* RateTable.ways)
        if found.state == .own { return machine.judge(found.full, now: now) }
        return machine.judge(least(key).full, now: now)
    }

    /// Keys that have a bucket of their own and owe something.
    public func occupancy(now: Instant) -> Int {
        let now = UInt64(clamping: now.nanoseconds)
        var count = 0
        for place in 0..<capacity where places.load(place &* 2 &+ 1) > now { count &+= 1 }
        return count
    }

    // MARK: Own places

    private enum State { case own, absent, moving }

    private struct Found {
        var state: State
        /// The place of the key, or that of the key that owes least.
        var place: Int
        var full: UInt64
    }

    private func find(_ key: UInt64, in first: Int) -> Found {
        var found = Found(state: .absent, place: first, full: .max)
        var isMoving = false
        for place in first..<first &+ RateTable.ways {
            // In this order: if the place changes hands in between, the exchange fails later.
            let full = places.load(place &* 2 &+ 1)
            let owner = places.load(place &* 2)
            if full == RateTable.moving {
                isMoving = true
            } else if owner == key {
                return Found(state: .own, place: place, full: full)
            } else if full < found.full {
                found.place = place
                found.full = full
            }
        }
        // The key may be about to enter that place.
        if isMoving { found.state = .moving }
        return found
    }

    private func setFull(_ place: Int, from old: UInt64, to new: UInt64) -> Bool {
        places.exchange(place &* 2 &+ 1, from: old, to: new)
    }

    /// Decides for a key without a place, and gives it one when it owes more than `weakest`.
    private func enter(
        _ key: UInt64,
        _ machine: RateMachine,
        _ weakest: Found,
        now: UInt64
    ) -> RateDecision? {
        var decision = machine.judge(least(key).full, now: now)
        guard decision.isAllowed else {
            decision.isEstimated = true
            return decision
        }
        guard weakest.full < decision.full else { return estimate(key, machine, now: now) }
        guard setFull(weakest.place, from: weakest.full, to: RateTable.moving) else { return nil }
        if weakest.full > now {
            decision.hasDisplaced = true
            raise(places.load(weakest.place &* 2), to: weakest.full)
        }
        places.store(weakest.place &* 2, key)
        places.store(weakest.place &* 2 &+ 1, decision.full)
        return decision
    }

    // MARK: The sketch

    private func cell(_ row: Int, _ spread: UInt64) -> Int {
        row &* Int(cellMask &+ 1) &+ Int(spread >> UInt64(row &* 16) & cellMask)
    }

    /// The earliest point of a key's cells, and its row.
    private func least(_ key: UInt64) -> (full: UInt64, row: Int) {
        let spread = Hash.mix(key)
        var full = UInt64.max
        var earliest = 0
        for row in 0..<RateTable.rows {
            let value = cells.load(cell(row, spread))
            if value < full {
                full = value
                earliest = row
            }
        }
        return (full, earliest)
    }

    private func raise(_ key: UInt64, to full: UInt64, except row: Int = -1) {
        let spread = Hash.mix(key)
        for other in 0..<RateTable.rows where other != row {
            let place = cell(other, spread)
            while true {
                let value = cells.load(place)
                if value >= full || cells.exchange(place, from: value, to: full) { break }
            }
        }
    }

    /// Takes a token of the bucket that the sketch has for a key.
    private func estimate(_ key: UInt64, _ machine: RateMachine, now: UInt64) -> RateDecision {
        var decision = machine.judge(.max / 2, now: now)
        for _ in 0..<RateTable.patience {
            let (full, row) = least(key)
            decision = machine.judge(full, now: now)
            decision.isEstimated = true
            guard decision.isAllowed else { return decision }
            // The earliest cell is changed last: of two threads only one succeeds in that.
            raise(key, to: decision.full, except: row)
            let place = cell(row, Hash.mix(key))
            if cells.exchange(place, from: full, to: decision.full) { return decision }
        }
        decision.isAllowed = false
        decision.wait = Interval(nanoseconds: Int64(clamping: machine.interval))
        return decision
    }
}
