// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// An operator's word on the health of an endpoint, for a while.
public struct ForcedHealth: Sendable, Equatable {
    /// True when it counts as up, whatever probes, requests and other endpoints say.
    public var isUp: Bool
    /// When the word ends by itself.
    public var until: Instant
    /// True when nobody has said so, and somebody asks what would be if.
    var isSupposed = false

    /// Joins the parts.
    public init(isUp: Bool, until: Instant) {
        self.isUp = isUp
        self.until = until
    }

    /// The word for logs, metrics and the API.
    public var word: String { isUp ? "up" : "down" }
}

// What operators say of health, while it holds.
extension HealthKeeper {
    /// Two ends so close together are the same: one was read from the wall clock.
    static var forcedSlack: Interval { .seconds(1) }

    /// Forces the health of an endpoint, or lets it be judged again (nil).
    ///
    /// Probes and requests go on being counted below; a time that is over already ends it at once.
    public mutating func setForced(
        _ slot: Int,
        _ wish: ForcedHealth?,
        now: Instant
    ) -> [HealthEvent] {
        let forced = wish.flatMap { $0.until > now ? $0 : nil }
        guard let record = take(slot), !HealthKeeper.isSame(record.forced, forced) else {
            return []
        }
        return put(slot, record, forced: forced, now)
    }

    private static func isSame(_ a: ForcedHealth?, _ b: ForcedHealth?) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        let apart = (a.until - b.until).nanoseconds.magnitude
        return a.isUp == b.isUp && apart < forcedSlack.nanoseconds.magnitude
    }

    private mutating func put(
        _ slot: Int,
        _ old: HealthRecord,
        forced: ForcedHealth?,
        _ now: Instant
    ) -> [HealthEvent] {
        var record = old
        record.forced = forced
        if forced == nil { forcedSlots.remove(slot) } else { forcedSlots.insert(slot) }
        var changes: [HealthEvent.Change] = [.forced(from: old.forced, to: forced)]
        if record.health != old.health {
            record.since = now
            changes.append(.health(from: old.health, to: record.health))
        }
        return put(slot, record, changes, now)
    }

    /// Ends what has had its time.
    mutating func endForced(_ now: Instant) -> [HealthEvent] {
        var events: [HealthEvent] = []
        for slot in forcedSlots.sorted() {
            guard let record = take(slot), let forced = record.forced, forced.until <= now else {
                continue
            }
            events += put(slot, record, forced: nil, now)
        }
        return events
    }

    /// The endpoints whose health is forced, by slot.
    public var forced: [Int: ForcedHealth] {
        var all: [Int: ForcedHealth] = [:]
        for slot in forcedSlots { all[slot] = take(slot)?.forced }
        return all
    }
}
