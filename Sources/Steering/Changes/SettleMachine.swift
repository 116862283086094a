// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Keeps the answers of a name from changing too often.
///
/// What goes down leaves the answers at once: nobody shall be sent there. What comes back waits
/// until the answers have been the same for a while, and for twice as long with each change that
/// follows too soon, so that an endpoint that flaps does not flap in every resolver's cache.
///
///     loss --- least ---> return --- long --> loss --- least ---> return
///                                \ soon -> loss --- 2 x least, 4 x, up to most ---> return
public struct SettleMachine: Sendable, Equatable {
    /// How long the answers rest after a change.
    public var least: Interval
    /// The longest rest that back-off leads to.
    public var most: Interval

    /// Members that answers are made of.
    public private(set) var answered: Set<Int> = []
    /// Members that have returned and wait.
    public private(set) var waiting: Set<Int> = []
    /// Since when returns are held back; nil when they are not.
    public private(set) var heldSince: Instant?
    /// Until when.
    public private(set) var heldUntil = Instant.start
    /// Changes of the answers so far.
    public private(set) var changes: UInt64 = 0
    /// Losses among them that followed soon after a return.
    public private(set) var flaps: UInt64 = 0
    // How often the rest was doubled.
    private var doublings = 0
    private var returnedAt: Instant?
    private var hasBegun = false
    private var rest: Interval

    /// A machine that has seen nobody yet.
    public init(least: Interval, most: Interval) {
        self.least = least
        self.most = max(least, most)
        rest = least
    }

    /// When ``observe(_:now:)`` is due without a change of health.
    public var deadline: Instant { heldSince == nil ? .never : heldUntil }

    /// Takes note of the members that are up; true when the answers are others now.
    ///
    /// `present` are those of them that have not returned from anywhere: who comes up in its first
    /// round of probes is not held back, and brings no rest. Nor does who is there at the first look,
    /// since nobody knows what was answered before.
    @discardableResult
    public mutating func observe(_ up: Set<Int>, present: Set<Int>, now: Instant) -> Bool {
        guard hasBegun else {
            (hasBegun, answered) = (true, up)
            return false
        }
        if heldSince != nil, now >= heldUntil { heldSince = nil }
        answered.formUnion(present)
        var next = answered.intersection(up)
        let isHeld = heldSince != nil
        // With nothing left, what has come back is better than nothing.
        if !isHeld || next.isEmpty { next.formUnion(up) }
        waiting = up.subtracting(next)
        guard next != answered else { return false }
        if !answered.isSubset(of: next) { loseSome(now) }
        let isLoss = next.isSubset(of: answered)
        if !isLoss { returnedAt = now }
        answered = next
        changes += 1
        rest = min(least * (Int64(1) << Int64(doublings)), most)
        // Who waits already goes on waiting when somebody else is lost.
        if !(isHeld && isLoss) { heldSince = now }
        heldUntil = now + rest
        return true
    }

    // Down and up again is an outage; down again soon after that is a flap.
    private mutating func loseSome(_ now: Instant) {
        guard let returnedAt, now - returnedAt <= rest + least else {
            doublings = 0
            return
        }
        flaps += 1
        doublings = min(doublings + 1, 30)
    }
}
