// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Deadlines for the occupants of a slab, at most one each, in constant time.
///
/// A ring of slots, one tick apart; an entry hangs in the slot of its deadline, or in the last slot
/// of the turn when it lies further away. Moving a deadline *later* only writes a number: the entry
/// is found too early in its old slot and moved on then. A proxied request moves its deadline
/// several times, and nearly always later, so timers cost it nothing but stores.
public struct TimerWheel: ~Copyable {
    static let slotCount = 2048

    let tick: Int64
    // Parallel arrays indexed by id; -1 is "none".
    var next: [Int32] = []
    var previous: [Int32] = []
    var slot: [Int32] = []
    var deadline: [Int64] = []
    var heads = [Int32](repeating: -1, count: TimerWheel.slotCount)
    // One bit per slot that has entries, so that the next deadline is found without a walk.
    var occupied = [UInt64](repeating: 0, count: TimerWheel.slotCount / 64)
    var cursor: Int64
    var count = 0

    /// A wheel whose deadlines come due at most one `tick` late, never early.
    ///
    /// Address space for `reserving` ids is taken at once, as in ``Slab``.
    public init(tick: Interval = .milliseconds(8), now: Instant, reserving: Int = 0) {
        self.tick = max(tick.nanoseconds, 1)
        cursor = now.nanoseconds / self.tick
        guard reserving > 0 else { return }
        next.reserveCapacity(reserving)
        previous.reserveCapacity(reserving)
        slot.reserveCapacity(reserving)
        deadline.reserveCapacity(reserving)
    }

    /// Sets, or replaces, the deadline of `id`.
    public mutating func schedule(_ id: Int, at time: Instant) {
        guard id >= 0, id < 1 << 24 else { return }
        while slot.count <= id {
            next.append(-1)
            previous.append(-1)
            slot.append(-1)
            deadline.append(.max)
        }
        let earlier = time.nanoseconds < deadline[id]
        deadline[id] = time.nanoseconds
        if slot[id] >= 0 {
            guard earlier else { return }
            unlink(id)
        }
        link(id)
    }

    /// Forgets the deadline of `id`; nothing happens when it has none.
    public mutating func cancel(_ id: Int) {
        guard id >= 0, id < slot.count, slot[id] >= 0 else { return }
        unlink(id)
        deadline[id] = .max
    }

    /// An id whose deadline has passed, which is forgotten by this; nil when there is none (left).
    public mutating func popExpired(now: Instant) -> Int? {
        let target = now.nanoseconds / tick
        while count > 0 {
            let place = Int(cursor % Int64(TimerWheel.slotCount))
            while heads[place] >= 0 {
                let id = Int(heads[place])
                // Entries that are not due are moved on only when the cursor is about to leave.
                if deadline[id] <= now.nanoseconds {
                    unlink(id)
                    deadline[id] = .max
                    return id
                }
                guard cursor < target else { return dueInSlot(place, now: now) }
                unlink(id)
                link(id, after: cursor)
            }
            guard cursor < target else { return nil }
            cursor = max(cursor + 1, min(target, nextOccupiedTick() ?? target))
        }
        cursor = max(cursor, target)
        return nil
    }

    /// When to wake: the earliest slot that may hold a due entry; ``Instant/never`` without entries.
    public func nextDeadline() -> Instant {
        guard count > 0, let tickNumber = nextOccupiedTick() else { return .never }
        return Instant(nanoseconds: (tickNumber + 1) * tick)
    }

    /// The present slot mixes due entries with later ones of the same tick: look through it all.
    private mutating func dueInSlot(_ place: Int, now: Instant) -> Int? {
        var id = heads[place]
        while id >= 0 {
            if deadline[Int(id)] <= now.nanoseconds {
                unlink(Int(id))
                deadline[Int(id)] = .max
                return Int(id)
            }
            id = next[Int(id)]
        }
        return nil
    }

    private func nextOccupiedTick() -> Int64? {
        let start = Int(cursor % Int64(TimerWheel.slotCount))
        var word = start / 64
        var bits = occupied[word] & (~0 << UInt64(start % 64))
        for _ in 0...occupied.count {
            if bits != 0 {
                let place = word * 64 + bits.trailingZeroBitCount
                let ahead = (place - start + TimerWheel.slotCount) % TimerWheel.slotCount
                return cursor + Int64(ahead)
            }
            word = (word + 1) % occupied.count
            bits = occupied[word]
        }
        return nil
    }

    private mutating func link(_ id: Int, after floor: Int64? = nil) {
        let first = max(cursor, (floor ?? cursor - 1) + 1)
        let wanted = min(max(deadline[id] / tick, first), cursor + Int64(TimerWheel.slotCount) - 1)
        let place = Int(wanted % Int64(TimerWheel.slotCount))
        let head = heads[place]
        next[id] = head
        previous[id] = -1
        if head >= 0 { previous[Int(head)] = Int32(id) }
        heads[place] = Int32(id)
        slot[id] = Int32(place)
        occupied[place / 64] |= 1 << UInt64(place % 64)
        count += 1
    }

    private mutating func unlink(_ id: Int) {
        let place = Int(slot[id])
        let after = next[id]
        let before = previous[id]
        if before >= 0 { next[Int(before)] = after } else { heads[place] = after }
        if after >= 0 { previous[Int(after)] = before }
        if heads[place] < 0 { occupied[place / 64] &= ~(1 << UInt64(place % 64)) }
        slot[id] = -1
        count -= 1
    }
}
